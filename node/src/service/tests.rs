//! What is done in an agency's home, by whom: accounts, the log, bulk changes, imports from the store. With a real store and no network.

mod bulk;
mod importing;
mod people;
mod record;

use super::{Actor, Command, Confided, Face, Service, create_keys, entropy};
use crate::config;
use crate::error::Failure;
use crate::home::Home;
use crate::output::At;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use credentials::link::Link;
use credentials::protocol::issuance::{Ask, Identification, KEY_PROOF_TYP, Reply, Request};
use credentials::{Code, SigningKey, jws};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use store::{Params, Passphrase, Store};

pub(super) const PID: &str = "urn:eudi:pid:1";
pub(super) const PEOPLE: [&str; 4] = ["14858834016", "03919043163", "19908240378", "22824141278"];
pub(super) const PASSPHRASE: &str = "a synthetic passphrase";

/// An agency's home that can be closed and opened again.
pub(super) struct Agency {
    pub(super) service: Arc<Service>,
    folder: tempfile::TempDir,
}

pub(super) fn passphrase() -> Passphrase {
    Passphrase::new(PASSPHRASE)
}

impl Agency {
    pub(super) fn new() -> Agency {
        Agency::with(|_| ())
    }

    pub(super) fn with(change: impl FnOnce(&mut config::Config)) -> Agency {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Home::at(&folder.path().join("home")).expect("a path");
        home.create().expect("made");
        let mut config = config::defaults();
        config.organisation = Some(config::Organisation {
            did: credentials::Did::parse("did:web:identity.example").expect("a DID"),
            number: "991825827".to_owned(),
            name: "Identitet".to_owned(),
        });
        config.issuer = Some(config::Issuer {
            issues: vec!["C01".to_owned()],
            ..config::Issuer::default()
        });
        change(&mut config);
        let store = Store::create(&home.store(), &passphrase(), Params::quick(), entropy()).expect("made");
        create_keys(&store, &config, None).expect("keys");
        drop(store);
        crate::home::write(&home.config(), config::text(&config).expect("text").as_bytes()).expect("writes");
        let service = open(&home);
        Agency { service, folder }
    }

    /// Closes the home and opens it again, as after a kill.
    pub(super) fn reopened(self) -> Agency {
        let Agency { service, folder } = self;
        drop(service);
        let home = Home::at(&folder.path().join("home")).expect("a path");
        let service = open(&home);
        Agency { service, folder }
    }

    pub(super) fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    pub(super) async fn done(&self, command: Command) -> Value {
        self.service.execute(command).await.expect("done")
    }

    pub(super) async fn done_as(&self, handle: &str, command: Command) -> Result<Value, Failure> {
        let actor = Actor::Person(handle.to_owned());
        self.service.execute_as(command, actor).await
    }

    pub(super) async fn person(&self, handle: &str, faces: &[Face]) {
        let command = Command::PersonAdd {
            handle: handle.to_owned(),
            name: format!("{handle} Test"),
            faces: faces.iter().copied().collect(),
            passphrase: said(handle),
        };
        self.done(command).await;
    }

    /// Kari and Ola at the console, and Per at the desk.
    pub(super) async fn staffed(self) -> Agency {
        self.person("kari", &[Face::Console]).await;
        self.person("ola", &[Face::Console, Face::Desk]).await;
        self.person("per", &[Face::Desk]).await;
        self
    }

    /// With four persons in the register, each of whom has collected.
    pub(super) async fn issued(self) -> Agency {
        let lines: Vec<(u64, String)> = (1..).zip(PEOPLE.map(|number| person(number).to_string())).collect();
        let start = Command::ImportStart {
            credential_type: PID.to_owned(),
            file: [7; 32],
            header: None,
            dry_run: false,
        };
        let start = self.done(start).await;
        let job = start.at("job").as_str().expect("a job").to_owned();
        self.done(Command::ImportLines {
            job: job.clone(),
            lines,
        })
        .await;
        self.done(Command::ImportFinish { job }).await;
        PEOPLE.iter().for_each(|number| self.collect(number));
        self
    }

    /// Somebody collects by activation code.
    pub(super) fn collect(&self, number: &str) {
        collect(&self.service, "did:web:identity.example", number);
    }

    /// Names of everything that was issued.
    pub(super) async fn ids(&self) -> Vec<String> {
        let issued = Command::Issued {
            credential_type: None,
            target: None,
        };
        let issued = self.done(issued).await;
        let issued = issued.at("issued").as_array().expect("a list");
        issued
            .iter()
            .map(|one| one.at("id").as_str().expect("a name").to_owned())
            .collect()
    }

    /// What the log has, the oldest first: who, what, about.
    pub(super) async fn log(&self) -> Vec<(String, String, Value)> {
        let record = Command::Record {
            from: None,
            limit: super::RECORD_PAGE_MAX,
            forward: true,
        };
        let record = self.done(record).await;
        let text = |entry: &Value, name: &str| entry.at(name).as_str().expect("text").to_owned();
        let entries = record.at("entries").as_array().expect("a list");
        entries
            .iter()
            .map(|entry| (text(entry, "who"), text(entry, "what"), entry.at("about").clone()))
            .collect()
    }
}

/// Somebody collects their person credential from an issuer, by activation code.
pub(crate) fn collect(service: &Service, did: &str, number: &str) {
    let now = crate::clock::now();
    let mut issuer = service.issuer.as_ref().expect("an issuer").lock().expect("free");
    let mirror = credentials::status::Mirror::default();
    let offer = issuer.offer(now, PID, Some(number)).expect("offered");
    let Link::Offer { offer: Some(id), .. } = &offer.link else {
        panic!("not personal")
    };
    let begin = Ask::Begin {
        vct: PID.to_owned(),
        offer: Some(id.clone()),
        organisation: None,
    };
    let Reply::Terms(terms) = issuer.receive_issue(now, &mirror, "peer", begin) else {
        panic!("no terms")
    };
    let transaction: [u8; 16] = credentials::random::bytes(&mut crate::clock::System);
    let keys: Vec<SigningKey> = (0..terms.copies)
        .map(|_| SigningKey::generate(&mut crate::clock::System))
        .collect();
    let proof = |key: &SigningKey| {
        let header = Map::from_iter([("jwk".to_owned(), key.verifying_key().to_jwk())]);
        let payload = json!({
            "aud": did, "nonce": terms.nonce,
            "transaction": BASE64_URL_SAFE_NO_PAD.encode(transaction),
        });
        jws::sign(KEY_PROOF_TYP, None, header, &payload, key).expect("signed")
    };
    let request = Request {
        transaction: transaction.to_vec(),
        vct: PID.to_owned(),
        nonce: terms.nonce.clone(),
        proofs: keys.iter().map(proof).collect(),
        identification: Identification::Code {
            offer: id.clone(),
            code: offer.code.clone().expect("a code"),
        },
    };
    match issuer.receive_issue(now, &mirror, "peer", Ask::Request(Box::new(request))) {
        Reply::Delivery { .. } => {}
        other => panic!("{other:?}"),
    }
    let acknowledge = Ask::Acknowledge {
        transaction: transaction.to_vec(),
    };
    issuer.receive_issue(now, &mirror, "peer", acknowledge);
}

fn open(home: &Home) -> Arc<Service> {
    let loaded = config::load(home, &[]).expect("loads");
    Service::open(home, loaded, &passphrase()).expect("opens")
}

/// The passphrase of an account.
pub(super) fn said(handle: &str) -> Confided {
    Confided::new(format!("passphrase of {handle}"))
}

pub(super) fn code<T>(result: Result<T, impl Into<Failure>>) -> (Code, Option<String>) {
    match result {
        Ok(_) => panic!("not refused"),
        Err(failure) => {
            let problem = failure.into().problem;
            (problem.code, problem.detail)
        }
    }
}

pub(super) fn refused(code: Code, detail: &str) -> (Code, Option<String>) {
    (code, Some(detail.to_owned()))
}

pub(super) fn person(number: &str) -> Value {
    json!({
        "family_name": "Fiskebåt", "given_name": "Rolig", "birth_date": "1988-05-14", "birth_place": "NO",
        "nationality": ["NO"], "personal_administrative_number": number,
        "issuing_authority": "Digitaliseringsdirektoratet (syntetisk)", "issuing_country": "NO",
        "expiry_date": "2031-08-31",
    })
}
