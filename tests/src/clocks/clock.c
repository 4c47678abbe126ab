// Sets the clocks that a process sees apart from the machine's.
//
// CLOCK_APART seconds: its clock is wrong. The clocks that count time spent are left alone, as setting a machine's clock leaves
// them alone. CLOCK_PASSED names a file that begins with a long: so many seconds more have passed than the machine knows, and
// every clock says so, from the moment when the file does.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile const long *file_passed;

static long passed(void) {
    return file_passed ? *file_passed : 0;
}

static long apart(void) {
    const char *text = getenv("CLOCK_APART");
    return text ? atol(text) : 0;
}

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("CLOCK_PASSED");
    if (!path) return;
    int file = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    void *page = file < 0 ? MAP_FAILED : mmap(NULL, sizeof(long), PROT_READ, MAP_SHARED, file, 0);
    // A clock that stands still would pass for one that works.
    if (page == MAP_FAILED) abort();
    close(file);
    file_passed = page;
}

int clock_gettime(clockid_t id, struct timespec *now) {
    int result = (int)syscall(SYS_clock_gettime, id, now);
    if (result != 0) return result;
    switch (id) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
        now->tv_sec += apart() + passed();
        break;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_BOOTTIME:
        now->tv_sec += passed();
        break;
    default:
        break;
    }
    return 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec exact;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &exact) != 0) return -1;
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *into) {
    struct timespec exact;
    if (clock_gettime(CLOCK_REALTIME, &exact) != 0) return -1;
    if (into) *into = exact.tv_sec;
    return exact.tv_sec;
}

// The time since the machine was started, as a file.
static int uptime(void) {
    struct timespec since;
    if (clock_gettime(CLOCK_BOOTTIME, &since) != 0) return -1;
    int file = memfd_create("uptime", MFD_CLOEXEC);
    if (file < 0) return -1;
    dprintf(file, "%ld.%02ld 0.00\n", (long)since.tv_sec, since.tv_nsec / 10000000);
    lseek(file, 0, SEEK_SET);
    return file;
}

int open64(const char *path, int flags, ...) {
    mode_t mode = 0;
    if (flags & (O_CREAT | O_TMPFILE)) {
        va_list more;
        va_start(more, flags);
        mode = va_arg(more, mode_t);
        va_end(more);
    }
    if (file_passed && strcmp(path, "/proc/uptime") == 0) return uptime();
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}
