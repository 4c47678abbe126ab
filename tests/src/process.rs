//! The real binary in real homes on loopback. It is built here when it is not yet, waited for until it says that it is
//! ready, and ended by its own id. Nothing sleeps to wait.

use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// The path of `bevis`.
pub(crate) fn bevis() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| built("bevis"))
}

/// The path of the wallet that is written from `docs/protocol.md` alone.
pub(crate) fn foreign() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| built("foreign"))
}

/// A binary, built with the profile and the packages of the README's commands, so that nothing compiles twice.
fn built(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace is above");
    let mut cargo = Command::new(env!("CARGO"));
    // What cargo tells a test of its own package would reach build scripts that watch it (ring's), and everything
    // above them would be compiled anew, here and again by whoever builds next.
    for (variable, _) in std::env::vars_os() {
        let variable = variable.to_string_lossy().into_owned();
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"]
            .iter()
            .any(|start| variable.starts_with(start))
        {
            cargo.env_remove(variable);
        }
    }
    let built = cargo
        .args([
            "build",
            "--release",
            "--workspace",
            "--bin",
            name,
            "--message-format=json",
        ])
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(built.status.success(), "the binary builds");
    let stdout = String::from_utf8(built.stdout).expect("cargo writes UTF-8");
    let path = stdout.lines().rev().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        (message["target"]["name"] == name).then(|| message["executable"].as_str().map(PathBuf::from))?
    });
    path.expect("cargo names the executable")
}

/// Copies a folder with everything in it, as `cp -a` does, to one that does not exist.
pub(crate) fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status().expect("cp runs");
    assert!(copied.success(), "the folder is copied");
}

/// A folder for the homes of a test, gone when the test ends: in memory where the system offers that, because the disk's
/// speed is nothing that these tests are about.
pub(crate) fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let builder = || {
        let mut builder = tempfile::Builder::new();
        builder.prefix("bevis-test-");
        builder
    };
    builder()
        .tempdir_in(memory)
        .or_else(|_| builder().tempdir())
        .expect("a folder")
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
    /// Exit code; -1 for a signal.
    pub(crate) exit: i32,
}

impl Said {
    /// The last JSON object on standard output, or on standard error where there is none.
    pub(crate) fn json(&self) -> Value {
        let last = |text: &str| text.lines().rev().find_map(|line| serde_json::from_str(line).ok());
        last(&self.stdout).or_else(|| last(&self.stderr)).unwrap_or(Value::Null)
    }

    /// Every JSON object on standard output.
    pub(crate) fn objects(&self) -> Vec<Value> {
        self.stdout
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// Asserts the exit code, with everything that was said in the message.
    #[track_caller]
    pub(crate) fn expect(self, exit: i32) -> Said {
        assert_eq!(self.exit, exit, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    /// Asserts exit code and problem code.
    #[track_caller]
    pub(crate) fn expect_problem(self, exit: i32, code: &str) -> Said {
        let said = self.expect(exit);
        assert_eq!(said.json()["code"], code, "{said:?}");
        said
    }
}

/// A home with its passphrase, and the node that runs in it when one does.
pub(crate) struct Home {
    path: PathBuf,
    passphrase: PathBuf,
    environment: Vec<(&'static str, String)>,
    /// The process in whose network namespace the node is to run.
    plot: Option<u32>,
    running: Option<Child>,
}

impl Home {
    /// A home that does not exist yet, in a folder of the test.
    pub(crate) fn new(folder: &Path, name: &str) -> Home {
        let passphrase = folder.join("passphrase");
        if !passphrase.exists() {
            std::fs::write(&passphrase, "korrekt hest batteri\n").expect("writes");
        }
        Home {
            path: folder.join(name),
            passphrase,
            environment: Vec::new(),
            plot: None,
            running: None,
        }
    }

    /// Sets what its commands and its node find in their environment from now on.
    pub(crate) fn set_environment(&mut self, environment: Vec<(&'static str, String)>) {
        self.environment = environment;
    }

    /// Has the node run in the network namespace of this process from now on. Its commands need not: the local socket is a file.
    pub(crate) fn set_plot(&mut self, holder: u32) {
        self.plot = Some(holder);
    }

    /// Its folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What its node logs while it runs.
    pub(crate) fn log(&self) -> PathBuf {
        self.path.with_extension("log")
    }

    /// The command, with home, passphrase and JSON.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.bare();
        command.args(["--json", "--no-input"]);
        command.arg("--passphrase-file").arg(&self.passphrase).args(arguments);
        command
    }

    /// The command as a person types it: text for people, and questions where there is a terminal.
    pub(crate) fn typed(&self, arguments: &[&str]) -> Command {
        let mut command = self.bare();
        command.arg("--passphrase-file").arg(&self.passphrase).args(arguments);
        command
    }

    /// The command with its home and nothing else, not even a passphrase.
    pub(crate) fn bare(&self) -> Command {
        let mut command = Command::new(bevis());
        command.arg("--home").arg(&self.path);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        // A setting of whoever runs the tests must not reach into them.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("BEVIS_") || ["SSLKEYLOGFILE", "CREDENTIALS_DIRECTORY"].contains(&name.as_ref()) {
                command.env_remove(name.as_ref());
            }
        }
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        self.run_with(arguments, "")
    }

    /// Runs a command with text on its standard input.
    pub(crate) fn run_with(&self, arguments: &[&str], input: &str) -> Said {
        finish(self.command(arguments), input)
    }

    /// Runs a command that must succeed, and gives its JSON.
    #[track_caller]
    pub(crate) fn ok(&self, arguments: &[&str]) -> Value {
        self.run(arguments).expect(0).json()
    }

    /// Starts the node and waits until it is ready; gives what it said then.
    #[track_caller]
    pub(crate) fn serve(&mut self, arguments: &[&str]) -> Value {
        let mut command = self.command(&["serve", "--with-parent"]);
        if let Some(holder) = self.plot {
            command = inside(holder, &command);
        }
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.log())
            .expect("opens");
        command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log);
        let mut child = command.spawn().expect("starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped"))
            .read_line(&mut line)
            .expect("reads");
        self.running = Some(child);
        let log = || std::fs::read_to_string(self.log()).unwrap_or_default();
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("the node is not ready: {}", log()));
        assert_eq!(ready["schema"], "ready/v1");
        ready
    }

    /// Process id of the running node.
    pub(crate) fn pid(&self) -> u32 {
        self.running.as_ref().expect("runs").id()
    }

    /// Stops the node by SIGTERM, as a service manager does, and gives its exit code.
    #[track_caller]
    pub(crate) fn terminate(&mut self) -> i32 {
        let told = Command::new("kill")
            .args(["-TERM", &self.pid().to_string()])
            .status()
            .expect("kill runs");
        assert!(told.success(), "the node can be told");
        let mut child = self.running.take().expect("runs");
        child.wait().expect("ends").code().unwrap_or(-1)
    }

    /// Stops the node as the end of the process that started it does, and gives its exit code.
    #[track_caller]
    pub(crate) fn stop(&mut self) -> i32 {
        let mut child = self.running.take().expect("runs");
        // Closing its standard input ends it, as `--with-parent` says.
        drop(child.stdin.take());
        child.wait().expect("ends").code().unwrap_or(-1)
    }

    /// Kills the node without warning.
    pub(crate) fn kill(&mut self) {
        let mut child = self.running.take().expect("runs");
        child.kill().expect("is ours");
        child.wait().expect("ends");
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Some(mut child) = self.running.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// The same command in the network namespace of a process.
pub(crate) fn inside(holder: u32, command: &Command) -> Command {
    let mut entering = Command::new("nsenter");
    entering.args(["-n", "-t", &holder.to_string(), "--"]);
    entering.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => entering.env(name, value),
            None => entering.env_remove(name),
        };
    }
    entering
}

/// Runs a command to its end with text on standard input.
pub(crate) fn finish(mut command: Command, input: &str) -> Said {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("starts");
    // A command that wants no input may have closed its end already.
    drop(child.stdin.take().expect("piped").write_all(input.as_bytes()));
    let output = child.wait_with_output().expect("ends");
    Said {
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        exit: output.status.code().unwrap_or(-1),
    }
}
