//! Runs the commands of a guide as a person's shell does, in a folder of their own, with nodes in the background.

use super::Step;
use super::matching::{Names, difference};
use crate::process::{bevis, folder};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use tempfile::TempDir;

/// Times that a command is tried when what it shows happens by itself: each is a process of its own.
const TRIES: usize = 3_000;
/// Where the guides say that the homes are.
const SHOWN: &str = "/srv/bevis";

/// A shell with its folder, nodes and names.
pub(super) struct Shell {
    folder: TempDir,
    nodes: Vec<(Child, BufReader<ChildStdout>)>,
    names: Names,
}

impl Shell {
    pub(super) fn new() -> Shell {
        let folder = folder();
        fs::write(folder.path().join("passphrase"), "korrekt hest batteri\n").expect("writes");
        let program = folder.path().join("bin");
        fs::create_dir(&program).expect("a folder");
        // A new home's passphrase is made cheap to check: what that costs is nothing that a guide is about.
        let script = format!(
            "#!/bin/sh\ncase \" $* \" in *\" init \"*) exec '{0}' \"$@\" --profile test ;; esac\nexec '{0}' \"$@\"\n",
            bevis().display()
        );
        fs::write(program.join("bevis"), script).expect("writes");
        fs::set_permissions(program.join("bevis"), fs::Permissions::from_mode(0o700)).expect("sets");
        Shell {
            folder,
            nodes: Vec::new(),
            names: Names::default(),
        }
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let folder = self.folder.path();
        let mut command = Command::new(program);
        command.args(arguments).current_dir(folder).env_clear();
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", folder.join("bin").display());
        command.env("PATH", path).env("HOME", folder).env("LC_ALL", "C.UTF-8");
        command.env("BEVIS_PASSPHRASE_FILE", folder.join("passphrase"));
        command
    }

    /// Runs a step; the error shows what it should have said and what it said.
    pub(super) fn run(&mut self, step: &Step) -> Result<(), String> {
        let command = self.names.put_in(&step.command);
        let tries = if step.is_tried_again { TRIES } else { 1 };
        let mut said = Vec::new();
        for _ in 0..tries {
            let text = match command.strip_suffix(" &") {
                Some(command) => self.serve(command, step.expected.len()),
                None if step.typed.is_empty() => self.finish(&["sh", "-c", &command], ""),
                None => {
                    // A terminal of its own, in which nothing is echoed: what is typed is not what is said.
                    let typed = step.typed.join("\n") + "\n";
                    self.finish(
                        &[
                            "script",
                            "--quiet",
                            "--echo",
                            "never",
                            "--command",
                            &command,
                            "/dev/null",
                        ],
                        &typed,
                    )
                }
            };
            said = self.lines(&text);
            if self.names.take(&step.expected, &said) {
                self.mirror_fast();
                return Ok(());
            }
        }
        self.names.guess(&step.expected, &said);
        self.mirror_fast();
        Err(difference(&step.expected, &said))
    }

    /// What was printed, with the folder as the guides call it.
    fn lines(&self, text: &str) -> Vec<String> {
        let folder = self.folder.path().display().to_string();
        let text = text.replace(&folder, SHOWN).replace('\r', "");
        let mut lines: Vec<String> = text.lines().map(|line| line.trim_end().to_owned()).collect();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines
    }

    /// Runs a command to its end: what it said on both outputs, in the order in which it did.
    fn finish(&self, arguments: &[&str], input: &str) -> String {
        let (program, arguments) = arguments.split_first().expect("a program");
        let (mut reader, writer) = std::io::pipe().expect("a pipe");
        let mut command = self.command(program, arguments);
        command
            .stdin(Stdio::piped())
            .stdout(writer.try_clone().expect("a pipe"))
            .stderr(writer);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{program}: {error}"));
        // The command holds the ends of the pipe that are written to; ours must go, or reading never ends.
        drop(command);
        drop(child.stdin.take().expect("piped").write_all(input.as_bytes()));
        let mut text = Vec::new();
        std::io::Read::read_to_end(&mut reader, &mut text).expect("reads");
        child.wait().expect("ends");
        String::from_utf8(text).expect("UTF-8")
    }

    /// Starts a node and reads as many lines as are shown, at least the one that says that it is ready.
    fn serve(&mut self, command: &str, shown: usize) -> String {
        let mut words = command.split_whitespace();
        let program = words.next().expect("a program");
        let mut arguments: Vec<&str> = words.collect();
        arguments.push("--with-parent");
        let log = fs::File::create(self.folder.path().join(format!("log-{}", self.nodes.len()))).expect("opens");
        let mut command = self.command(program, &arguments);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("starts");
        let mut said = BufReader::new(child.stdout.take().expect("piped"));
        let mut text = String::new();
        for _ in 0..shown.max(1) {
            said.read_line(&mut text).expect("reads");
        }
        assert!(!text.is_empty(), "the node did not start: {}", self.log());
        self.nodes.push((child, said));
        // What is not shown is not compared.
        if shown == 0 { String::new() } else { text }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join(format!("log-{}", self.nodes.len()))).unwrap_or_default()
    }

    /// New homes ask for status every second: who waits for a revocation need not wait five.
    fn mirror_fast(&self) {
        let homes = fs::read_dir(self.folder.path()).expect("reads");
        for home in homes {
            let config = home.expect("reads").path().join("bevis.toml");
            quicken(&config);
        }
    }
}

fn quicken(config: &Path) {
    let Ok(before) = fs::read_to_string(config) else {
        return;
    };
    let after = before.replace("every_seconds = 300", "every_seconds = 1");
    if before != after {
        fs::write(config, after).expect("writes");
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        for (child, _) in &mut self.nodes {
            drop(child.stdin.take());
        }
        for (mut child, _) in self.nodes.drain(..) {
            drop(child.wait());
        }
    }
}
