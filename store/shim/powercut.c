// A machine whose power can be cut: preloaded into a process (LD_PRELOAD), it keeps beside a folder what would be left
// of it if the power went this moment.
//
// The folder is POWERCUT_LIVE, and what a process sees there is what it always sees: the cache of the system. Beside it
// lies POWERCUT_SHADOW, on the same file system, with what is on the platter:
//
//   data/INODE   bytes of a file, as they were when it was last synced
//   dirs/INODE   names in a folder, as they were when the folder was last synced: "f INODE NAME" or "d INODE NAME"
//   pins/INODE   another name of each file, so that its number is not given to a new one
//   gone/INODE   each folder that was removed, for the same reason
//
// The rules are those of POSIX and no kinder: the bytes and the length of a file are durable after fsync or fdatasync of
// the file; a name that was made, renamed or removed is durable after fsync of its folder. (ext4 is kinder: an fsync of a
// new file brings its name along, and a rename over an old file waits for the bytes of the new one.) sync_file_range,
// msync, sync, close and the passing of time make nothing durable here.
//
// Whoever cuts the power kills the process and makes the folder anew from the shadow: store/src/tests/power/machine.rs.
// There too some of what was not synced may survive, sector by sector: a cache is written back in any order.
//
//   POWERCUT_DELAY_US  each sync takes up to so many microseconds more, half of them before anything is durable and
//                      half after: a slow disk, so that a kill often comes within a sync
//   POWERCUT_SEED      which of these times are long and which are short
//   POWERCUT_LIE       when it is set, a sync of a file reports success and does nothing
//
// What is not modelled ends the process with a message rather than passing for something that it is not: files opened
// with O_SYNC, O_DSYNC or O_DIRECT, and links. Files that are written through a mapping are not noticed; nothing here
// maps a file for writing.

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define BUCKETS 1024
#define RANGES 32
#define BLOCK (256 * 1024)

// What the cache holds of a file and the platter does not.
struct file {
    struct file *next;
    ino_t inode;
    pthread_mutex_t one_sync;
    // Not known which bytes differ: a file that another process wrote, or one written other than by pwrite.
    bool whole;
    // Shortest that the file has been since the last sync: what lay behind was cut off, whatever lies there now.
    off_t shortest;
    int count;
    struct { off_t from, to; } range[RANGES];
};

static struct file *files[BUCKETS];
static pthread_mutex_t table = PTHREAD_MUTEX_INITIALIZER;
static const char *live, *shadow;
static size_t live_length;
static bool lie;
static long delay_us;
static atomic_ulong dice;

static void stop(const char *why, const char *what) {
    char text[PATH_MAX + 200];
    int length = snprintf(text, sizeof text, "powercut: %s: %s: %s\n", why, what, strerror(errno));
    syscall(SYS_write, 2, text, length);
    _exit(86);
}

#define REAL(name)                                                            \
    static __typeof__(&name) real;                                            \
    if (!real) {                                                              \
        real = (__typeof__(&name))dlsym(RTLD_NEXT, #name);                    \
        if (!real) stop("not in the C library", #name);                       \
    }

__attribute__((constructor)) static void begin(void) {
    live = getenv("POWERCUT_LIVE");
    shadow = getenv("POWERCUT_SHADOW");
    if (!live || !shadow || live[0] != '/') {
        live = NULL;
        return;
    }
    live_length = strlen(live);
    lie = getenv("POWERCUT_LIE") != NULL;
    const char *delay = getenv("POWERCUT_DELAY_US");
    delay_us = delay ? atol(delay) : 0;
    const char *seed = getenv("POWERCUT_SEED");
    atomic_store(&dice, seed ? strtoul(seed, NULL, 10) : 0);
}

// Whether a handle is of something in the folder, and what it is.
static bool ours(int fd, struct stat *what) {
    if (!live || fd < 0) return false;
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < (ssize_t)live_length || memcmp(path, live, live_length) != 0) return false;
    if (length > (ssize_t)live_length && path[live_length] != '/') return false;
    int before = errno;
    if (fstat(fd, what) != 0) stop("fstat", path);
    errno = before;
    return true;
}

static bool our_file(int fd, struct stat *what) {
    return ours(fd, what) && S_ISREG(what->st_mode);
}

static void name(char *path, const char *kind, ino_t inode) {
    snprintf(path, PATH_MAX, "%s/%s/%lu", shadow, kind, (unsigned long)inode);
}

// The file of a handle; it is pinned when it is first met. Called with the table locked.
static struct file *find(int fd, ino_t inode) {
    struct file **bucket = &files[inode % BUCKETS];
    for (struct file *file = *bucket; file; file = file->next)
        if (file->inode == inode) return file;
    struct file *file = calloc(1, sizeof *file);
    if (!file) stop("no memory", "");
    file->inode = inode;
    file->whole = true;
    pthread_mutex_init(&file->one_sync, NULL);
    file->next = *bucket;
    *bucket = file;
    char link[64], pin[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    name(pin, "pins", inode);
    int before = errno;
    // One that was removed already cannot be pinned and cannot be found after a cut either.
    if (syscall(SYS_linkat, AT_FDCWD, link, AT_FDCWD, pin, AT_SYMLINK_FOLLOW) != 0 && errno != EEXIST && errno != ENOENT)
        stop("cannot pin", pin);
    errno = before;
    return file;
}

// Notes after a write what it changed: noted before, a sync by another thread could take the note and miss the bytes.
static void wrote(int fd, off_t from, off_t to) {
    struct stat what;
    if (!our_file(fd, &what)) return;
    pthread_mutex_lock(&table);
    struct file *file = find(fd, what.st_ino);
    if (to < 0) {
        file->whole = true;
    } else if (!file->whole) {
        int at = 0;
        while (at < file->count && (from > file->range[at].to || to < file->range[at].from)) at++;
        if (at == file->count && at < RANGES) {
            file->range[at].from = from;
            file->range[at].to = to;
            file->count++;
        } else {
            // More bytes than were written do no harm: those in between are on the platter as they are.
            if (at == file->count) at = RANGES - 1;
            if (from < file->range[at].from) file->range[at].from = from;
            if (to > file->range[at].to) file->range[at].to = to;
        }
    }
    pthread_mutex_unlock(&table);
}

static void shortened(int fd, off_t length) {
    struct stat what;
    if (!our_file(fd, &what)) return;
    pthread_mutex_lock(&table);
    struct file *file = find(fd, what.st_ino);
    if (length < file->shortest) file->shortest = length;
    pthread_mutex_unlock(&table);
}

static void copy(int from, int to, off_t at, off_t end, const char *path) {
    static __thread char block[BLOCK];
    while (at < end) {
        size_t want = end - at < BLOCK ? (size_t)(end - at) : BLOCK;
        ssize_t got = syscall(SYS_pread64, from, block, want, at);
        if (got < 0) stop("read", path);
        if (got == 0) return;
        if (syscall(SYS_pwrite64, to, block, (size_t)got, at) != got) stop("write", path);
        at += got;
    }
}

static void sync_file(int fd, const struct stat *what) {
    pthread_mutex_lock(&table);
    struct file *file = find(fd, what->st_ino);
    pthread_mutex_unlock(&table);
    // Of two syncs of one file the second may not report before the first has copied what it took.
    pthread_mutex_lock(&file->one_sync);
    pthread_mutex_lock(&table);
    struct file taken = *file;
    file->whole = false;
    file->count = 0;
    file->shortest = LONG_MAX;
    pthread_mutex_unlock(&table);
    char path[PATH_MAX], open_path[64];
    name(path, "data", what->st_ino);
    int to = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (to < 0) stop("open", path);
    // The handle may be one for writing only.
    snprintf(open_path, sizeof open_path, "/proc/self/fd/%d", fd);
    int from = (int)syscall(SYS_openat, AT_FDCWD, open_path, O_RDONLY | O_CLOEXEC, 0);
    struct stat now;
    if (from < 0 || fstat(from, &now) != 0) stop("open", open_path);
    if (taken.whole) {
        copy(from, to, 0, now.st_size, path);
    } else {
        if (taken.shortest < now.st_size && syscall(SYS_ftruncate, to, taken.shortest) != 0) stop("truncate", path);
        for (int at = 0; at < taken.count; at++) copy(from, to, taken.range[at].from, taken.range[at].to, path);
    }
    if (syscall(SYS_ftruncate, to, now.st_size) != 0) stop("truncate", path);
    syscall(SYS_close, from);
    syscall(SYS_close, to);
    pthread_mutex_unlock(&file->one_sync);
}

static void sync_folder(int fd, const struct stat *what) {
    static atomic_ulong part;
    char path[PATH_MAX], new_path[PATH_MAX + 32], open_path[64];
    name(path, "dirs", what->st_ino);
    snprintf(new_path, sizeof new_path, "%s.%d.%lu", path, (int)getpid(), atomic_fetch_add(&part, 1));
    snprintf(open_path, sizeof open_path, "/proc/self/fd/%d", fd);
    DIR *folder = opendir(open_path);
    FILE *list = fopen(new_path, "w");
    if (!folder || !list) stop("open", path);
    struct dirent *entry;
    while ((entry = readdir(folder))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        if (entry->d_type != DT_DIR && entry->d_type != DT_REG) continue;
        char kind = entry->d_type == DT_DIR ? 'd' : 'f';
        if (fprintf(list, "%c %lu %s\n", kind, (unsigned long)entry->d_ino, entry->d_name) < 0) stop("write", path);
    }
    closedir(folder);
    if (fclose(list) != 0 || rename(new_path, path) != 0) stop("write", path);
}

static void take_time(void) {
    if (delay_us <= 0) return;
    unsigned long x = atomic_fetch_add(&dice, 0x9E3779B97F4A7C15ul);
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ul;
    long us = (long)((x >> 33) % (unsigned long)delay_us) / 2;
    struct timespec time = { us / 1000000, us % 1000000 * 1000 };
    nanosleep(&time, NULL);
}

// The real sync is left out: nobody cuts the real power, and it would only take time.
static bool synced(int fd) {
    struct stat what;
    if (!ours(fd, &what)) return false;
    bool folder = S_ISDIR(what.st_mode);
    take_time();
    if (folder) sync_folder(fd, &what);
    else if (!lie) sync_file(fd, &what);
    take_time();
    return true;
}

int fsync(int fd) {
    REAL(fsync);
    return synced(fd) ? 0 : real(fd);
}

int fdatasync(int fd) {
    REAL(fdatasync);
    return synced(fd) ? 0 : real(fd);
}

// --- Opening ---

static int opened(int fd, int flags) {
    struct stat what;
    if (fd < 0 || (flags & O_ACCMODE) == O_RDONLY || !our_file(fd, &what)) return fd;
    if (flags & (O_DSYNC | O_DIRECT)) stop("not modelled", "O_SYNC, O_DSYNC and O_DIRECT");
    pthread_mutex_lock(&table);
    find(fd, what.st_ino);
    pthread_mutex_unlock(&table);
    if (flags & O_TRUNC) shortened(fd, 0);
    return fd;
}

#define MODE                                       \
    mode_t mode = 0;                               \
    if (flags & (O_CREAT | __O_TMPFILE)) {         \
        va_list more;                              \
        va_start(more, flags);                     \
        mode = va_arg(more, mode_t);               \
        va_end(more);                              \
    }

int open(const char *path, int flags, ...) {
    MODE REAL(open);
    return opened(real(path, flags, mode), flags);
}

int open64(const char *path, int flags, ...) {
    MODE REAL(open64);
    return opened(real(path, flags, mode), flags);
}

int openat(int folder, const char *path, int flags, ...) {
    MODE REAL(openat);
    return opened(real(folder, path, flags, mode), flags);
}

int openat64(int folder, const char *path, int flags, ...) {
    MODE REAL(openat64);
    return opened(real(folder, path, flags, mode), flags);
}

int creat(const char *path, mode_t mode) {
    REAL(creat);
    return opened(real(path, mode), O_WRONLY | O_CREAT | O_TRUNC);
}

int creat64(const char *path, mode_t mode) {
    REAL(creat64);
    return opened(real(path, mode), O_WRONLY | O_CREAT | O_TRUNC);
}

// --- Writing ---

#define WROTE(from, to)                                       \
    if (done > 0) {                                           \
        int before = errno;                                   \
        wrote(fd, from, to);                                  \
        errno = before;                                       \
    }                                                         \
    return done;

ssize_t write(int fd, const void *bytes, size_t count) {
    REAL(write);
    ssize_t done = real(fd, bytes, count);
    WROTE(0, -1)
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(writev);
    ssize_t done = real(fd, parts, count);
    WROTE(0, -1)
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
    REAL(pwrite);
    ssize_t done = real(fd, bytes, count, at);
    WROTE(at, at + done)
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
    REAL(pwrite64);
    ssize_t done = real(fd, bytes, count, at);
    WROTE(at, at + done)
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) {
    REAL(pwritev);
    ssize_t done = real(fd, parts, count, at);
    WROTE(at, at + done)
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) {
    REAL(pwritev64);
    ssize_t done = real(fd, parts, count, at);
    WROTE(at, at + done)
}

ssize_t copy_file_range(int from, off64_t *from_at, int fd, off64_t *at, size_t count, unsigned flags) {
    REAL(copy_file_range);
    ssize_t done = real(from, from_at, fd, at, count, flags);
    WROTE(0, -1)
}

ssize_t sendfile(int fd, int from, off_t *at, size_t count) {
    REAL(sendfile);
    ssize_t done = real(fd, from, at, count);
    WROTE(0, -1)
}

ssize_t sendfile64(int fd, int from, off64_t *at, size_t count) {
    REAL(sendfile64);
    ssize_t done = real(fd, from, at, count);
    WROTE(0, -1)
}

// --- Lengths ---

int ftruncate(int fd, off_t length) {
    REAL(ftruncate);
    int failed = real(fd, length);
    if (!failed) shortened(fd, length);
    return failed;
}

int ftruncate64(int fd, off64_t length) {
    REAL(ftruncate64);
    int failed = real(fd, length);
    if (!failed) shortened(fd, length);
    return failed;
}

int fallocate(int fd, int mode, off_t at, off_t length) {
    REAL(fallocate);
    int failed = real(fd, mode, at, length);
    if (!failed) wrote(fd, 0, -1);
    return failed;
}

int fallocate64(int fd, int mode, off64_t at, off64_t length) {
    REAL(fallocate64);
    int failed = real(fd, mode, at, length);
    if (!failed) wrote(fd, 0, -1);
    return failed;
}

int posix_fallocate64(int fd, off64_t at, off64_t length) {
    REAL(posix_fallocate64);
    int failed = real(fd, at, length);
    if (!failed) wrote(fd, 0, -1);
    return failed;
}

// --- Names: only a removed folder needs keeping, files are pinned ---

static int remove_folder(int at, const char *path) {
    int fd = (int)syscall(SYS_openat, at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    struct stat what;
    bool is_ours = fd >= 0 && ours(fd, &what);
    bool empty = true;
    if (is_ours) {
        DIR *folder = fdopendir(fd);
        struct dirent *entry;
        if (!folder) stop("open", path);
        while ((entry = readdir(folder)))
            empty &= strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
        closedir(folder);
    } else if (fd >= 0) {
        syscall(SYS_close, fd);
    }
    if (!is_ours || !empty) return (int)syscall(SYS_unlinkat, at, path, AT_REMOVEDIR);
    char gone[PATH_MAX];
    name(gone, "gone", what.st_ino);
    return (int)syscall(SYS_renameat2, at, path, AT_FDCWD, gone, 0);
}

int rmdir(const char *path) {
    return remove_folder(AT_FDCWD, path);
}

int unlinkat(int at, const char *path, int flags) {
    if (live && flags & AT_REMOVEDIR) return remove_folder(at, path);
    return (int)syscall(SYS_unlinkat, at, path, flags);
}

int link(const char *from, const char *to) {
    REAL(link);
    if (live && (strncmp(to, live, live_length) == 0 || strncmp(from, live, live_length) == 0)) stop("not modelled", "link");
    return real(from, to);
}
