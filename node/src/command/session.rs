//! One run of the command line: its flags, its home, and the way to the node.

use crate::args::{AsPerson, Global};
use crate::clock;
use crate::config::{self, Loaded};
use crate::control::Client;
use crate::error::Failure;
use crate::home::{self, Home};
use crate::output::{Output, person_present};
use crate::service::{Command, Confided, Service};
use crate::telemetry;
use crate::text::Catalogue;
use credentials::{Code, Problem};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::Passphrase;
use zeroize::Zeroizing;

/// Longest passphrase or other secret read from a file, in bytes.
const SECRET_MAX: u64 = 4096;
/// Longest value read from a line of standard input, in bytes: the longest link as it may be wrapped, and the end of its line.
const LINE_MAX: u64 = 2 * credentials::link::LINK_MAX as u64 + 2;
/// Longest answer to a question, in bytes.
const ANSWER_MAX: u64 = 4096;

/// One run of the command line.
pub(super) struct Session {
    /// Flags of every command.
    pub(super) global: Global,
    /// How it speaks.
    pub(super) output: Output,
    reached: Option<Reached>,
    /// The passphrase of the person as whom this run does everything, once it was asked for.
    known_person: Option<Confided>,
}

/// How commands reach the home's machines.
enum Reached {
    /// By the socket of the node that runs.
    Running(Client),
    /// In this process: no node runs.
    Here(Arc<Service>),
}

impl Session {
    /// A run with these flags.
    pub(super) fn new(global: Global, output: Output) -> Session {
        Session {
            global,
            output,
            reached: None,
            known_person: None,
        }
    }

    /// The home that was named, or the user's own.
    pub(super) fn home(&self) -> Result<Home, Failure> {
        if let Some(path) = &self.global.home {
            return Home::at(path);
        }
        let data = clock::environment("XDG_DATA_HOME")
            .map(PathBuf::from)
            .or_else(|| clock::environment("HOME").map(|home| Path::new(&home).join(".local/share")));
        let data = data.ok_or_else(|| Problem::new(Code::Usage, "--home"))?;
        Home::at(&data.join("bevis"))
    }

    /// The home's configuration; its language is used from here on unless a flag names one.
    pub(super) fn load(&mut self, flags: &[(&str, String)]) -> Result<Loaded, Failure> {
        let home = self.home()?;
        home.require()?;
        let mut flags = flags.to_vec();
        if let Some(language) = &self.global.lang {
            flags.push(("node.language", language.clone()));
        }
        if let Some(level) = &self.global.log {
            flags.push(("log.level", level.clone()));
        }
        let loaded = config::load(&home, &flags)?;
        if loaded.config.node.language != self.output.catalogue.language() {
            self.output.catalogue = Catalogue::new(&loaded.config.node.language);
        }
        Ok(loaded)
    }

    /// The passphrase: by file, by the service manager, or asked for.
    pub(super) fn passphrase(&self, confirm: bool) -> Result<Passphrase, Failure> {
        let file = self.global.passphrase_file.clone().or_else(|| {
            let folder = PathBuf::from(clock::environment("CREDENTIALS_DIRECTORY")?);
            Some(folder.join("passphrase")).filter(|path| path.exists())
        });
        if let Some(file) = file {
            return Ok(Passphrase::new(read_secret(&file)?.as_str()));
        }
        if self.global.no_input || !person_present() {
            return Err(Code::PassphraseMissing.into());
        }
        let ask = |key| {
            let prompt = format!("{}: ", self.output.catalogue.text(key, &[]));
            rpassword::prompt_password(prompt).map_err(|e| Failure::because(Code::PassphraseMissing, e))
        };
        let first = Zeroizing::new(ask("ask-passphrase")?);
        if first.is_empty() {
            return Err(Code::PassphraseMissing.into());
        }
        if confirm && *first != *Zeroizing::new(ask("ask-passphrase-again")?) {
            return Err(Problem::new(Code::WrongPassphrase, "twice").into());
        }
        Ok(Passphrase::new(first.as_str()))
    }

    /// Runs a command: in the running node when there is one, else in this process.
    pub(super) async fn execute(&mut self, command: Command) -> Result<Value, Failure> {
        if self.reached.is_none() {
            self.reached = Some(self.reach().await?);
        }
        match &mut self.reached {
            Some(Reached::Running(client)) => client.execute(&command).await,
            Some(Reached::Here(service)) => {
                // No node mirrors by the clock here. Looking at what one holds asks for its status; showing it to somebody
                // does not: an issuer must not learn when that is.
                if matches!(command, Command::WalletList | Command::WalletShow { .. }) {
                    service.refresh_mirror().await;
                }
                service.clone().execute(command).await
            }
            None => Err(Code::Internal.into()),
        }
    }

    /// Runs a command as the person whose account is named; without one, as whoever has the command line.
    pub(super) async fn execute_as(&mut self, command: Command, person: &AsPerson) -> Result<Value, Failure> {
        let Some(handle) = &person.handle else {
            return self.execute(command).await;
        };
        // Asked for before anything is reached: a question in the middle would hold the home meanwhile.
        let passphrase = match self.known_person.take() {
            Some(known) => known,
            None => self.person_passphrase(person.person_passphrase_file.as_deref(), false)?,
        };
        self.known_person = Some(passphrase.clone());
        let command = Command::As {
            handle: handle.clone(),
            passphrase,
            what: Box::new(command),
        };
        self.execute(command).await
    }

    /// The passphrase of an account: by a file of its own, or asked for.
    pub(super) fn person_passphrase(&self, file: Option<&Path>, confirm: bool) -> Result<Confided, Failure> {
        if let Some(file) = file {
            return Ok(Confided::new(read_secret(file)?.as_str()));
        }
        if self.global.no_input || !person_present() {
            return Err(Problem::new(Code::PassphraseMissing, "--person-passphrase-file").into());
        }
        let ask = |key| {
            let prompt = format!("{}: ", self.output.catalogue.text(key, &[]));
            rpassword::prompt_password(prompt).map_err(|e| Failure::because(Code::PassphraseMissing, e))
        };
        let first = Zeroizing::new(ask("ask-person-passphrase")?);
        if confirm && *first != *Zeroizing::new(ask("ask-person-passphrase-again")?) {
            return Err(Problem::new(Code::WrongPassphrase, "twice").into());
        }
        Ok(Confided::new(first.as_str()))
    }

    /// Whether a running node or the home itself was reached by a command before.
    pub(super) fn is_reached(&self) -> bool {
        self.reached.is_some()
    }

    async fn reach(&mut self) -> Result<Reached, Failure> {
        let loaded = self.load(&[])?;
        let home = self.home()?;
        if let Some(client) = Client::connect(&home).await? {
            return Ok(Reached::Running(client));
        }
        telemetry::start(&loaded.config.log)?;
        let is_wallet = loaded.config.wallet.is_some();
        let passphrase = self.passphrase(false)?;
        let service = Service::open(&home, loaded, &passphrase)?;
        if service.is_copied() {
            self.output.show(&self.output.catalogue.text("home-copied", &[]));
        }
        if is_wallet {
            service.join(false).await?;
        }
        Ok(Reached::Here(service))
    }

    /// Hangs up where this process was on the network itself. A peer that is not told keeps the connection for a while, and
    /// counts it: the next few commands would be turned away.
    pub(super) async fn leave(&mut self) {
        if let Some(Reached::Here(service)) = self.reached.take() {
            service.stop().await;
        }
    }

    /// Asks yes or no. Without a person at the terminal only `--yes` is a yes.
    pub(super) fn confirm(&self, key: &str) -> Result<(), Failure> {
        if self.global.yes {
            return Ok(());
        }
        if self.global.no_input || !person_present() {
            return Err(Code::NotConfirmed.into());
        }
        self.output.say(key, &[]);
        let answer = read_line(ANSWER_MAX)?;
        let yes = self.output.catalogue.text("yes", &[]);
        if answer.trim().eq_ignore_ascii_case(&yes) {
            Ok(())
        } else {
            Err(Code::NotConfirmed.into())
        }
    }

    /// How the demo speaks: the same texts and flags.
    pub(super) fn demo_output(&self) -> &Output {
        &self.output
    }

    /// A value that may be `-` for the first line of standard input, so that it stands in no process list.
    pub(super) fn or_stdin(&self, value: String) -> Result<String, Failure> {
        if value != "-" {
            return Ok(value);
        }
        Ok(read_line(LINE_MAX)?.trim().to_owned())
    }
}

/// A line of standard input of at most `limit` bytes; a longer one is `too_large`, and not read on.
fn read_line(limit: u64) -> Result<String, Failure> {
    use std::io::{BufRead, Read};
    let mut line = String::new();
    let mut input = std::io::stdin().lock().take(limit.saturating_add(1));
    input
        .read_line(&mut line)
        .map_err(|e| Failure::file(Path::new("-"), &e))?;
    if line.len() as u64 > limit {
        return Err(Problem::new(Code::TooLarge, "-").into());
    }
    Ok(line)
}

/// The first line of a file that holds a secret.
pub(super) fn read_secret(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let bytes = Zeroizing::new(home::read(path, SECRET_MAX)?);
    let text = std::str::from_utf8(&bytes).map_err(|e| Failure::because(Code::PassphraseMissing, e))?;
    let line = text.lines().next().unwrap_or("");
    if line.is_empty() {
        return Err(Code::PassphraseMissing.into());
    }
    Ok(Zeroizing::new(line.to_owned()))
}

/// A file, or standard input for `-`.
pub(super) fn read_input(path: &Path, limit: u64) -> Result<Vec<u8>, Failure> {
    use std::io::Read;
    if path != Path::new("-") {
        return home::read(path, limit);
    }
    let mut bytes = Vec::new();
    let input = std::io::stdin().lock();
    input
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|e| Failure::file(path, &e))?;
    if bytes.len() as u64 > limit {
        return Err(Problem::new(Code::TooLarge, "-").into());
    }
    Ok(bytes)
}
