//! The processes of the story: homes, children, and the public commands by which everything is asked and done.

use super::cast::{Part, Role};
use crate::clock;
use crate::error::Failure;
use crate::home;
use crate::output::At;
use credentials::{Code, Problem, random};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

/// How long a node may take to be ready: on a loaded machine nine passphrases are stretched at once.
const READY: Duration = Duration::from_secs(60);
/// The passphrase of every home of a demo whose pages people try: short enough to be typed at each decision.
pub(super) const TYPED: &str = "bevis-demonett";
/// How long a node may take to stop when told.
const STOP: Duration = Duration::from_secs(10);

/// Where everything lies, and what runs.
pub(super) struct Nodes {
    exe: PathBuf,
    root: PathBuf,
    kept: bool,
    isolate: bool,
    language: &'static str,
    running: Mutex<Vec<(String, Child)>>,
}

/// What a command said.
pub(super) struct Said {
    /// Its JSON object on stdout (the last one).
    pub(super) value: Value,
    /// What it told a person, on stderr.
    pub(super) talk: String,
    /// Its exit code.
    pub(super) exit: i32,
}

impl Said {
    /// What a command that did not succeed ended with.
    pub(super) fn failure(&self, node: &str, words: &str) -> Failure {
        let code = self
            .value
            .at("code")
            .as_str()
            .and_then(Code::parse)
            .unwrap_or(Code::Internal);
        let detail = self.value.at("detail").as_str().unwrap_or_default();
        let cause = self.value.at("cause").as_str().unwrap_or_default();
        let cause = format!("{node}: `bevis {words}` ended with {} {detail} {cause}", self.exit);
        Failure {
            problem: Problem::new(code, node),
            cause: Some(cause.trim_end().to_owned()),
        }
    }

    /// The text at a key.
    pub(super) fn text(&self, key: &str) -> String {
        self.value.at(key).as_str().unwrap_or_default().to_owned()
    }
}

impl Nodes {
    /// Folders for the homes of these names; a temporary place unless one is named.
    pub(super) fn new<'a>(
        keep: Option<&Path>,
        isolate: bool,
        language: &'static str,
        names: impl Iterator<Item = &'a str>,
    ) -> Result<Nodes, Failure> {
        let exe = std::env::current_exe().map_err(|e| Failure::because(Code::Internal, e))?;
        let root = match keep {
            Some(path) => {
                let path = std::path::absolute(path).map_err(|e| Failure::file(path, &e))?;
                let empty = std::fs::read_dir(&path).map_or(true, |mut entries| entries.next().is_none());
                if !empty {
                    return Err(Problem::new(Code::HomeExists, path.display().to_string()).into());
                }
                path
            }
            None => {
                let folder = tempfile::Builder::new().prefix("bevis-demo-").tempdir();
                folder.map_err(|e| Failure::because(Code::FileFailed, e))?.keep()
            }
        };
        let nodes = Nodes {
            exe,
            root,
            kept: keep.is_some(),
            isolate,
            language,
            running: Mutex::default(),
        };
        for folder in ["homes", "own", "secrets"] {
            home::Home::at(&nodes.root.join(folder))?.create()?;
        }
        // One passphrase for every home of the demo, so that a person who keeps them can open them.
        let secret = crate::output::hex(&random::bytes::<16>(&mut clock::System));
        home::write(&nodes.root.join("secrets/passphrase"), secret.as_bytes())?;
        for name in names {
            home::Home::at(&nodes.root.join("own").join(name))?.create()?;
        }
        Ok(nodes)
    }

    pub(super) fn home(&self, node: &str) -> PathBuf {
        self.root.join("homes").join(node)
    }

    /// Where register files and codes lie while the story needs them; never within a home.
    pub(super) fn secrets(&self) -> PathBuf {
        self.root.join("secrets")
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn exe(&self) -> &Path {
        &self.exe
    }

    fn base(&self, home: &Path) -> Command {
        let mut command = Command::new(&self.exe);
        command
            .arg("--home")
            .arg(home)
            .args(["--json", "--no-input", "--lang", self.language]);
        command.arg("--passphrase-file").arg(self.secrets().join("passphrase"));
        // A setting of whoever runs the demo must not reach into its nodes.
        for name in [
            "BEVIS_HOME",
            "BEVIS_PASSPHRASE_FILE",
            "BEVIS_NODE_LISTEN",
            "BEVIS_NODE_TRANSPORT",
            "BEVIS_LANG",
            "BEVIS_ROOT",
        ] {
            command.env_remove(name);
        }
        command.kill_on_drop(true);
        command
    }

    /// Runs a public command in a node's home and gives what it said, whatever its exit code.
    pub(super) async fn try_run(&self, node: &str, arguments: &[&str], input: Option<&str>) -> Result<Said, Failure> {
        self.all_alive()?;
        let mut command = self.base(&self.home(node));
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
        let mut child = command.spawn().map_err(|e| Failure::file(&self.exe, &e))?;
        if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
            stdin
                .write_all(input.as_bytes())
                .await
                .map_err(|e| Failure::file(Path::new("stdin"), &e))?;
        }
        let done = child
            .wait_with_output()
            .await
            .map_err(|e| Failure::file(&self.exe, &e))?;
        let stdout = String::from_utf8_lossy(&done.stdout);
        let stderr = String::from_utf8_lossy(&done.stderr).into_owned();
        let last = |text: &str| {
            text.lines()
                .rev()
                .find_map(|line| serde_json::from_str::<Value>(line).ok())
        };
        let value = last(&stdout).or_else(|| last(&stderr)).unwrap_or(Value::Null);
        Ok(Said {
            value,
            talk: stderr,
            exit: done.status.code().unwrap_or(-1),
        })
    }

    /// Runs a public command that has to succeed.
    pub(super) async fn run(&self, node: &str, arguments: &[&str]) -> Result<Said, Failure> {
        self.run_with(node, arguments, None).await
    }

    /// Runs a public command that has to succeed, with a line on its standard input.
    pub(super) async fn run_with(&self, node: &str, arguments: &[&str], input: Option<&str>) -> Result<Said, Failure> {
        let said = self.try_run(node, arguments, input).await?;
        if said.exit == 0 {
            return Ok(said);
        }
        let words = arguments.iter().take(2).copied().collect::<Vec<_>>().join(" ");
        Err(said.failure(node, &words))
    }

    /// The same, with its progress shown to whoever watches.
    pub(super) async fn run_watched(&self, node: &str, arguments: &[&str], show: bool) -> Result<Said, Failure> {
        use std::io::IsTerminal;
        if !show || !std::io::stderr().is_terminal() {
            return self.run(node, arguments).await;
        }
        // The bar is drawn by the command itself; what it did is asked for afterwards, in the same words as without a bar.
        let mut command = Command::new(&self.exe);
        command
            .arg("--home")
            .arg(self.home(node))
            .args(["--no-input", "--lang", self.language]);
        command
            .arg("--passphrase-file")
            .arg(self.secrets().join("passphrase"))
            .args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
        let status = command.status().await.map_err(|e| Failure::file(&self.exe, &e))?;
        if !status.success() {
            return Err(Failure::because(
                Problem::new(Code::Internal, node),
                format!("import ended with {status}"),
            ));
        }
        let jobs = self.run(node, &["issuer", "jobs"]).await?;
        let last = jobs
            .value
            .at("jobs")
            .as_array()
            .and_then(|jobs| jobs.last())
            .cloned()
            .unwrap_or(Value::Null);
        Ok(Said {
            value: serde_json::json!({ "report": last.at("report") }),
            talk: String::new(),
            exit: 0,
        })
    }

    /// Another passphrase for every home that is made from here on.
    pub(super) fn set_passphrase(&self, passphrase: &str) -> Result<(), Failure> {
        let path = self.secrets().join("passphrase");
        std::fs::remove_file(&path).map_err(|e| Failure::file(&path, &e))?;
        home::write(&path, passphrase.as_bytes())
    }

    /// Makes a home by `bevis init`, with the network's first root, and with pages of this name and colour where they are given.
    pub(super) async fn init(
        &self,
        role: &Role,
        root: &str,
        transport: Option<&str>,
        pages: Option<(&str, &str)>,
    ) -> Result<(), Failure> {
        let mut arguments = vec!["init", "--root", root];
        if let Some((name, colour)) = pages {
            arguments.extend(["--pages", "127.0.0.1:0", "--pages-name", name, "--pages-colour", colour]);
        }
        match &role.part {
            Part::Wallet { organisation } => {
                arguments.extend(["--role", "wallet"]);
                if let Some(number) = organisation {
                    arguments.extend(["--organisation", number]);
                }
            }
            Part::Organisation {
                number,
                name,
                did,
                issues,
                services,
            } => {
                arguments.extend(["--number", number, "--name", name, "--did", did]);
                if !issues.is_empty() {
                    arguments.extend(["--role", "issuer"]);
                }
                for name in *issues {
                    arguments.extend(["--issues", name]);
                }
                if services.contains(&credentials::service::MAILBOX) {
                    arguments.extend(["--role", "mailbox"]);
                } else if issues.is_empty() && !services.is_empty() {
                    arguments.extend(["--role", "verifier"]);
                }
            }
        }
        if let Some(transport) = transport {
            arguments.extend(["--transport", transport]);
        }
        self.run(role.name, &arguments).await.map(drop)
    }

    /// Starts `bevis serve` for a home and waits until it says that it is ready.
    pub(super) async fn serve(&self, name: &str) -> Result<Value, Failure> {
        self.serve_in(name, &[], &[]).await
    }

    /// The same, with more flags, and with settings in its environment.
    pub(super) async fn serve_in(
        &self,
        name: &str,
        flags: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<Value, Failure> {
        let log = std::fs::File::create(self.root.join(format!("{name}.log")));
        let log = log.map_err(|e| Failure::file(&self.root, &e))?;
        let mut command = if self.isolate {
            self.isolated(name)
        } else {
            self.base(&self.home(name))
        };
        command.args(["serve", "--with-parent"]).args(flags);
        command.envs(environment.iter().copied());
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::from(log));
        let mut child = command.spawn().map_err(|e| Failure::file(&self.exe, &e))?;
        let gone = || Failure::from(Problem::new(Code::Unreachable, name));
        let stdout = child.stdout.take().ok_or_else(gone)?;
        let mut lines = BufReader::new(stdout).lines();
        let ready = tokio::time::timeout(READY, lines.next_line())
            .await
            .map_err(|_| gone())?;
        let ready = ready.map_err(|e| Failure::because(Problem::new(Code::Unreachable, name), e))?;
        let ready = ready
            .and_then(|line| serde_json::from_str(&line).ok())
            .ok_or_else(gone)?;
        self.running().push((name.to_owned(), child));
        Ok(ready)
    }

    /// The same in a user and mount namespace in which the other homes are not there: its own home is bound elsewhere,
    /// then an empty file system covers all of them.
    fn isolated(&self, node: &str) -> Command {
        let own = self.root.join("own").join(node);
        let script =
            "mount --bind \"$1\" \"$2\" && mount -t tmpfs none \"$3\" && mkdir -m 700 \"$4\" && shift 4 && exec \"$@\"";
        let base = self.base(&own);
        let mut command = Command::new("unshare");
        command.args(["-Urm", "sh", "-c", script, "sh"]);
        command
            .arg(self.home(node))
            .arg(&own)
            .arg(self.root.join("homes"))
            .arg(self.root.join("homes/hidden"));
        command.arg(base.as_std().get_program()).args(base.as_std().get_args());
        command.kill_on_drop(true);
        command
    }

    fn running(&self) -> MutexGuard<'_, Vec<(String, Child)>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// PIDs by node, for whoever wants to look.
    pub(super) fn pids(&self) -> Vec<(String, Option<u32>)> {
        self.running()
            .iter()
            .map(|(name, child)| (name.clone(), child.id()))
            .collect()
    }

    /// Fails when a node has ended by itself.
    pub(super) fn all_alive(&self) -> Result<(), Failure> {
        for (name, child) in self.running().iter_mut() {
            if let Ok(Some(status)) = child.try_wait() {
                let cause = format!("the process ended with {status}");
                return Err(Failure {
                    problem: Problem::new(Code::Unreachable, name.clone()),
                    cause: Some(cause),
                });
            }
        }
        Ok(())
    }

    /// Stops one node.
    pub(super) async fn end(&self, name: &str) -> Result<(), Failure> {
        let child = {
            let mut running = self.running();
            let place = running.iter().position(|(known, _)| known == name);
            place.map(|place| running.remove(place).1)
        };
        let mut child = child.ok_or_else(|| Failure::from(Problem::new(Code::NotFound, name)))?;
        drop(child.stdin.take());
        match tokio::time::timeout(STOP, child.wait()).await {
            Ok(_) => Ok(()),
            Err(_) => Err(Problem::new(Code::Internal, name).into()),
        }
    }

    /// Stops every node and, unless the homes are kept, leaves nothing behind.
    pub(super) async fn stop(&mut self) {
        // A node ends when its parent's end of the pipe closes.
        let mut running = std::mem::take(&mut *self.running());
        for (_, child) in &mut running {
            drop(child.stdin.take());
        }
        for (name, child) in &mut running {
            if tokio::time::timeout(STOP, child.wait()).await.is_err() {
                tracing::warn!(name, "did not stop in time");
                if let Err(error) = child.kill().await {
                    tracing::warn!(name, %error, "cannot be stopped");
                }
            }
        }
        let gone = if self.kept {
            // What is personal and not sealed goes in any case.
            super::story::REGISTERS_AND_CODES.iter().try_for_each(|name| {
                let path = self.secrets().join(name);
                if path.is_dir() {
                    std::fs::remove_dir_all(path)
                } else {
                    Ok(())
                }
            })
        } else {
            std::fs::remove_dir_all(&self.root)
        };
        if let Err(error) = gone {
            tracing::warn!(%error, "the demo's folder is not all gone");
        }
    }
}
