//! From what was typed to what is done: one match, then one file for each group of commands.

mod api;
mod bulk;
mod card;
mod grants;
mod home;
mod init;
mod issuer;
mod keys;
mod node;
mod notice;
mod person;
mod record;
mod reference;
pub(crate) mod said;
mod serve;
mod session;
mod trust;
mod upkeep;
mod verifier;
mod wallet;

use crate::args::{Action, Bevis, DemoPart, Node};
use crate::clock;
use crate::error::Failure;
use crate::output::Output;
use crate::text::Catalogue;
use clap::Parser;
use clap::error::ErrorKind;
use credentials::{Code, Problem};
use session::Session;
use std::process::ExitCode;
pub(crate) use verifier::path as claims_path;

/// Runs the program.
pub fn main() -> ExitCode {
    let arguments = match Bevis::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let code = match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => 0,
                _ => 2,
            };
            if code == 2 && std::env::args_os().any(|argument| argument == "--json") {
                let output = Output {
                    json: true,
                    quiet: false,
                    catalogue: Catalogue::new("nb"),
                };
                let text = error.render().to_string();
                let line = text.split("\n\n").next().unwrap_or_default();
                let line = line
                    .trim_start_matches("error: ")
                    .split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" ");
                output.failure(&Problem::new(Code::Usage, line).into());
                return ExitCode::from(2);
            }
            // A reader that goes away while help is printed is no failure.
            return if error.print().is_ok() {
                ExitCode::from(code)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    let language = arguments
        .global
        .lang
        .clone()
        .or_else(|| clock::environment("BEVIS_LANG"));
    let output = Output {
        json: arguments.global.json,
        quiet: arguments.global.quiet,
        catalogue: Catalogue::new(language.as_deref().unwrap_or("nb")),
    };
    // TLS libraries write session secrets to the file that this names.
    if clock::environment("SSLKEYLOGFILE").is_some() {
        output.failure(&Problem::new(Code::ConfigInvalid, "SSLKEYLOGFILE").into());
        return ExitCode::from(9);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            output.failure(&Failure::because(Code::Internal, error));
            return ExitCode::FAILURE;
        }
    };
    let mut session = Session::new(arguments.global, output);
    let result = runtime.block_on(async {
        let result = run(&mut session, arguments.action).await;
        session.leave().await;
        result
    });
    // Tasks that still wait for peers end with the process.
    runtime.shutdown_background();
    match result {
        // An answer that could not be written was not given.
        Ok(0) if crate::output::lost() => ExitCode::FAILURE,
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            session.output.failure(&failure);
            ExitCode::from(failure.exit())
        }
    }
}

/// Runs a command; the exit code when it ends as it should (0, or what the answer itself says).
async fn run(session: &mut Session, action: Action) -> Result<u8, Failure> {
    match action {
        Action::Demo(demo) => match demo.part {
            Some(DemoPart::Population(population)) => crate::population::command(&session.output, &population),
            Some(DemoPart::Liars(liars)) => crate::demo::liars(&liars).await,
            Some(DemoPart::Consent(consent)) => crate::demo::consent(session.demo_output(), &consent).await,
            Some(DemoPart::Trust(trust)) => crate::demo::trust(session.demo_output(), &trust).await,
            Some(DemoPart::Sandbox(sandbox)) => crate::demo::sandbox(session.demo_output(), &sandbox).await,
            Some(DemoPart::Hostile(hostile)) => crate::demo::hostile(&hostile).await,
            None => crate::demo::story(session.demo_output(), &demo).await,
        },
        Action::Init(init) => init::init(session, &init),
        Action::Serve(serve) | Action::Node(Node::Run(serve)) => serve::serve(session, &serve).await,
        Action::Api(api) => api::run(session, api),
        Action::Openapi => {
            api::openapi(session);
            Ok(0)
        }
        Action::Login { person } => serve::login(session, person).await,
        Action::Whoami => node::whoami(session).await,
        Action::Doctor(doctor) => node::doctor(session, &doctor).await,
        Action::Keys(keys) => keys::run(session, keys).await,
        Action::Node(Node::Certificate { renew }) => keys::certificate(session, renew).await,
        Action::Node(node) => node::run(session, node).await,
        Action::Trust(trust) => trust::run(session, trust).await,
        Action::Issuer(issuer) => issuer::run(session, issuer).await,
        Action::Wallet(wallet) => wallet::run(session, wallet).await,
        Action::Verifier(verifier) => verifier::run(session, verifier).await,
        Action::Person(person) => person::run(session, person).await,
        Action::Record(record) => record::run(session, record).await,
        Action::Backup(backup) => home::backup(session, backup).await,
        Action::Config(config) => home::config(session, config),
        Action::Migrate(migrate) => upkeep::migrate(session, &migrate).await,
        Action::Bugreport { file } => upkeep::bugreport(session, &file).await,
        Action::Completion { shell } => reference::completion(session, shell),
        Action::Man { folder } => reference::man(session, folder.as_deref()),
    }
}
