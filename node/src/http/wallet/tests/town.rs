//! Two issuers, a register and a bank at work in this process, over real connections on loopback, and wallets with pages.

use crate::config::{self, Config};
use crate::home::Home;
use crate::http::tests::world::{Browser, PASSPHRASE, World, text};
use crate::output::At;
use crate::population;
use crate::service::{Card, Command, Consent, Service, create_keys, entropy};
use credentials::Did;
use credentials::service::Registration;
use credentials::time::DAY;
use credentials::trust::{Ceremony, Draft};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use store::{Params, Passphrase, Store};

/// Where the bank tells how it treats what it is shown.
pub(super) const PRIVACY: &str = "https://fjordbank.example/personvern";
/// The bank's registered name.
pub(super) const BANK: &str = "FJORDBANK";
/// Persons in the registers: some four in ten have a loan, and each test takes another of these.
const PERSONS: u32 = 160;

/// Organisations at work. Tests that run at the same time share them.
pub(super) struct Town {
    pub(super) identity: Arc<Service>,
    pub(super) tax: Arc<Service>,
    pub(super) loans: Arc<Service>,
    pub(super) register: Arc<Service>,
    pub(super) bank: Arc<Service>,
    bundle: String,
    /// The list after it, from which the bank is gone.
    without_bank: String,
    root: credentials::trust::Fingerprint,
    numbers: Vec<String>,
    next: AtomicUsize,
    runtime: Option<tokio::runtime::Runtime>,
    _folder: tempfile::TempDir,
}

static TOWN: Mutex<Weak<Town>> = Mutex::new(Weak::new());

impl Drop for Town {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Town {
    /// The town, made where it is not there yet.
    pub(super) fn visit() -> Arc<Town> {
        let mut known = TOWN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(town) = known.upgrade() {
            return town;
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let mut town = runtime.block_on(Town::found());
        town.runtime = Some(runtime);
        let town = Arc::new(town);
        *known = Arc::downgrade(&town);
        town
    }

    /// Runs a test in it.
    pub(super) fn run<T>(&self, test: impl Future<Output = T>) -> T {
        self.runtime.as_ref().unwrap().block_on(test)
    }

    async fn found() -> Town {
        let folder = tempfile::tempdir().unwrap();
        let open = |name: &str, number: &str, listed: &str, issues: &[&str]| {
            let mut config = config::defaults();
            config.organisation = Some(config::Organisation {
                did: Did::parse(&format!("did:web:{name}.example")).unwrap(),
                number: number.to_owned(),
                name: listed.to_owned(),
            });
            match issues.is_empty() {
                true => config.verifier = Some(config::Section::default()),
                false => {
                    config.issuer = Some(config::Issuer {
                        issues: issues.iter().map(|name| (*name).to_owned()).collect(),
                        ..config::Issuer::default()
                    });
                }
            }
            home(folder.path(), name, &config)
        };
        let identity = open("digdir", "991825827", "DIGITALISERINGSDIREKTORATET", &["C01"]);
        let tax = open("skatteetaten", "974761076", "SKATTEETATEN", &["C02", "C03"]);
        let loans = open("lanekassen", "960885406", "LÅNEKASSEN", &["C04"]);
        let register = open("brreg", "974760673", "BRØNNØYSUNDREGISTRENE", &["C06"]);
        let bank = open("fjordbank", "213579045", BANK, &[]);
        let mut organisations = Vec::new();
        for (service, issues, services) in [
            (&identity, &["urn:eudi:pid:1"][..], &[][..]),
            (
                &tax,
                &["urn:bevis:MonthlyIncome:1", "urn:bevis:TaxAssessmentSummary:1"],
                &["K02"],
            ),
            (&loans, &["urn:bevis:StudentLoanBalance:1"], &["K02"]),
            (&register, &["urn:bevis:CompanyRegistration:1"], &["K02"]),
            (&bank, &[], &["S01", "S15", "K01"]),
        ] {
            service.join(true).await.unwrap();
            service.work();
            let who = service.execute(Command::Whoami).await.unwrap();
            let card: Card = serde_json::from_value(who.at("card").clone()).unwrap();
            let mut entry = card.entry().unwrap();
            entry.issues = issues.iter().map(|vct| (*vct).to_owned()).collect();
            for id in services {
                let mut registration = Registration::known(id).unwrap().clone();
                if *id == "S01" {
                    registration.privacy = Some(PRIVACY.to_owned());
                }
                entry.services.push(Arc::new(registration));
            }
            organisations.push(entry);
        }
        let now = crate::clock::now();
        let draft = Draft {
            sequence: 1,
            operator: "Testnett".to_owned(),
            issued: now,
            next_update: now.plus(300 * DAY),
            organisations,
        };
        let mut anchors = Ceremony::of_three(&mut crate::clock::System, now).unwrap();
        let bundle = anchors.publish(&draft, now).unwrap().to_text().unwrap();
        let root = anchors.fingerprint().unwrap();
        let mut rest = draft.clone();
        rest.sequence = 2;
        rest.organisations.retain(|listed| listed.name != BANK);
        let without_bank = anchors.publish(&rest, now).unwrap().to_text().unwrap();
        for service in [&identity, &tax, &loans, &register, &bank] {
            import_trust(service, &bundle, root).await;
            service.execute(Command::Certificate { renew: true }).await.unwrap();
        }
        let registers = folder.path().join("registers");
        population::write(&registers, PERSONS, 12, 1, now).unwrap();
        for (service, name, file) in [
            (&identity, "C01", "pid.jsonl"),
            (&tax, "C02", "income.jsonl"),
            (&tax, "C03", "tax.jsonl"),
            (&loans, "C04", "loan.jsonl"),
            (&register, "C06", "company.jsonl"),
        ] {
            import(service, name, &registers.join(file)).await;
        }
        let borrowers = std::fs::read_to_string(registers.join("loan.jsonl")).unwrap();
        let numbers = borrowers.lines().map(|line| {
            let row: Value = serde_json::from_str(line).unwrap();
            row["personidentifikator"].as_str().unwrap().to_owned()
        });
        Town {
            numbers: numbers.filter(|number| number != population::CITIZEN).collect(),
            identity,
            tax,
            loans,
            register,
            bank,
            bundle,
            without_bank,
            root,
            next: AtomicUsize::new(0),
            runtime: None,
            _folder: folder,
        }
    }

    /// A person's wallet that knows this network, with pages. Each has another person.
    pub(super) async fn person(&self) -> Person {
        let number = self.next.fetch_add(1, Ordering::Relaxed) % self.numbers.len();
        let world = World::wallet();
        import_trust(&world.service, &self.bundle, self.root).await;
        world.service.join(false).await.unwrap();
        Person {
            world,
            number: self.numbers[number].clone(),
        }
    }

    /// A company's wallet that knows this network, and that of the person who manages the company.
    pub(super) async fn company(&self) -> (Person, Person) {
        let world = World::company(population::CARRIER);
        import_trust(&world.service, &self.bundle, self.root).await;
        world.service.join(false).await.unwrap();
        let number = population::CARRIER.to_owned();
        let mut manager = self.person().await;
        manager.number = population::CITIZEN.to_owned();
        (Person { world, number }, manager)
    }

    /// Takes the list from which the bank is gone into a wallet.
    pub(super) async fn teach_without_bank(&self, service: &Arc<Service>) {
        import_trust(service, &self.without_bank, self.root).await;
    }

    /// An invitation to collect, with a code where the type has one.
    pub(super) async fn invitation(&self, name: &str, person: &Person) -> (String, Option<String>) {
        let (issuer, subject) = match name {
            "C01" => (&self.identity, Some(person.number.clone())),
            "C04" => (&self.loans, None),
            "C06" => (&self.register, None),
            _ => (&self.tax, None),
        };
        let offer = Command::Offer {
            credential_type: name.to_owned(),
            subject,
        };
        let offer = issuer.execute(offer).await.unwrap();
        let code = offer.at("code").as_str().map(ToOwned::to_owned);
        (offer["link"].as_str().unwrap().to_owned(), code)
    }

    /// A link by which the bank asks a customer.
    pub(super) async fn ask(&self, person: &Person, service: &str, case: &str) -> Asked {
        self.ask_for(person, service, case, &[], &[]).await
    }

    /// The same, for some types and some of their claims.
    pub(super) async fn ask_for(
        &self,
        person: &Person,
        service: &str,
        case: &str,
        types: &[&str],
        claims: &[&[&str]],
    ) -> Asked {
        let asked = Command::VerifierRequest {
            service: service.to_owned(),
            case: case.to_owned(),
            subject: person.number.clone(),
            types: types.iter().map(|name| (*name).to_owned()).collect(),
            claims: claims
                .iter()
                .map(|names| credentials::schema::Path::of(names))
                .collect(),
            valid_seconds: None,
            pair: false,
            by_mailbox: false,
        };
        let asked = self.bank.execute(asked).await.unwrap();
        Asked {
            link: asked["link"].as_str().unwrap().to_owned(),
            session: asked["session"].as_str().unwrap().to_owned(),
        }
    }

    /// A link by which the bank asks for a standing grant.
    pub(super) async fn ask_grant(&self, person: &Person, case: &str) -> String {
        let what = Consent::Request {
            service: "S15".to_owned(),
            case: case.to_owned(),
            subject: person.number.clone(),
            types: Vec::new(),
            claims: Vec::new(),
            valid_seconds: None,
            issuer: None,
            seconds: None,
            uses_per_day: None,
        };
        let asked = self.bank.execute(Command::Consent { what }).await.unwrap();
        asked["link"].as_str().unwrap().to_owned()
    }

    /// The bank's session.
    pub(super) async fn session(&self, id: &str) -> Value {
        let id = id.to_owned();
        let session = self.bank.execute(Command::VerifierSession { id }).await.unwrap();
        session.at("session").clone()
    }
}

/// A request of the bank's.
pub(super) struct Asked {
    pub(super) link: String,
    pub(super) session: String,
}

/// Somebody with a wallet and a browser.
pub(super) struct Person {
    pub(super) world: World,
    pub(super) number: String,
}

impl Person {
    pub(super) fn service(&self) -> &Arc<Service> {
        &self.world.service
    }

    /// Who the person is, collected with an activation code.
    pub(super) async fn identify(&self, town: &Town) {
        let (link, code) = town.invitation("C01", self).await;
        let taken = self
            .service()
            .execute(Command::WalletReceive { link, code })
            .await
            .unwrap();
        assert_eq!(taken["outcome"], "collected", "{taken}");
    }

    /// A credential, collected by showing who the person is.
    pub(super) async fn collect(&self, town: &Town, name: &str) -> String {
        let (link, code) = town.invitation(name, self).await;
        let waiting = self
            .service()
            .execute(Command::WalletReceive { link, code })
            .await
            .unwrap();
        let yes = Command::WalletPresent {
            id: waiting["id"].as_str().unwrap().to_owned(),
            language: "nb".to_owned(),
            shown: None,
        };
        let collected = self.service().execute(yes).await.unwrap();
        assert_eq!(collected["outcome"], "collected", "{collected}");
        collected["credentials"][0].as_str().unwrap().to_owned()
    }

    /// Takes a link by the machine and gives the name of the request that waits.
    pub(super) async fn take(&self, link: &str) -> String {
        let link = link.to_owned();
        let taken = self
            .service()
            .execute(Command::WalletReceive { link, code: None })
            .await
            .unwrap();
        taken["id"]
            .as_str()
            .unwrap_or_else(|| panic!("nothing waits: {taken}"))
            .to_owned()
    }

    /// Opens a page that must be there.
    pub(super) async fn page(&self, browser: &Browser<'_>, path: &str) -> String {
        let answer = browser.get(path).await;
        let status = answer.status();
        let page = text(answer).await;
        assert!(status.is_success(), "{path}: {status}: {page}");
        crate::http::tests::world::require_well_made(&page);
        page
    }

    /// Sends yes or no from the page of a request as it stands.
    pub(super) async fn decide(&self, browser: &Browser<'_>, id: &str, decision: &str) -> axum::response::Response {
        let page = self.page(browser, &format!("/wallet/requests/{id}")).await;
        let path = format!("/wallet/requests/{id}");
        let (language, shown) = (hidden(&page, "language"), hidden(&page, "shown"));
        let values = [
            ("language", language.as_str()),
            ("shown", &shown),
            ("passphrase", PASSPHRASE),
            ("decision", decision),
        ];
        browser.submit(&browser.form(&path, &values)).await
    }
}

/// The value of a hidden field on a page.
pub(super) fn hidden(page: &str, name: &str) -> String {
    let field = page.split(&format!("name=\"{name}\" value=\"")).nth(1);
    let value = field.and_then(|rest| rest.split('"').next());
    value.unwrap_or_else(|| panic!("no {name} on {page}")).to_owned()
}

/// Where an answer leads.
pub(super) fn leads_to(answer: &axum::response::Response) -> String {
    let status = answer.status();
    assert_eq!(status, axum::http::StatusCode::SEE_OTHER, "leads nowhere");
    answer.headers()["location"].to_str().unwrap().to_owned()
}

/// The characters of a part of a page, as a browser's `textContent` has them.
pub(super) fn characters(markup: &str) -> String {
    let mut out = String::new();
    for part in markup.split('<') {
        out.push_str(part.split_once('>').map_or("", |(_, text)| text));
    }
    // What stood before the first tag is text too.
    let before = markup.split('<').next().unwrap_or_default();
    let whole = format!("{before}{out}");
    let signs = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&amp;", "&")];
    signs
        .iter()
        .fold(whole, |text, (sign, character)| text.replace(sign, character))
}

/// What stands in the element of this id, up to its own end.
pub(super) fn element<'a>(page: &'a str, id: &str) -> &'a str {
    let at = page
        .find(&format!(" id=\"{id}\""))
        .unwrap_or_else(|| panic!("no {id} on {page}"));
    let from = at + page[at..].find('>').unwrap() + 1;
    let name: String = page[..at]
        .rsplit('<')
        .next()
        .unwrap()
        .chars()
        .take_while(|c| c.is_alphanumeric())
        .collect();
    let (open, close) = (format!("<{name}"), format!("</{name}>"));
    let mut depth = 1;
    let mut at = from;
    while depth > 0 {
        let next_close = page[at..].find(&close).unwrap();
        match page[at..].find(&open) {
            Some(next_open) if next_open < next_close => {
                depth += 1;
                at += next_open + open.len();
            }
            _ => {
                depth -= 1;
                at += next_close + close.len();
            }
        }
    }
    &page[from..at - close.len()]
}

fn home(folder: &Path, name: &str, config: &Config) -> Arc<Service> {
    let home = Home::at(&folder.join(name)).unwrap();
    home.create().unwrap();
    let passphrase = Passphrase::new(PASSPHRASE);
    let store = Store::create(&home.store(), &passphrase, Params::quick(), entropy()).unwrap();
    create_keys(&store, config, None).unwrap();
    drop(store);
    crate::home::write(&home.config(), config::text(config).unwrap().as_bytes()).unwrap();
    Service::open(&home, config::load(&home, &[]).unwrap(), &passphrase).unwrap()
}

async fn import_trust(service: &Arc<Service>, bundle: &str, root: credentials::trust::Fingerprint) {
    let take = Command::TrustImport {
        text: bundle.to_owned(),
        root: Some(root),
    };
    service.execute(take).await.unwrap();
}

async fn import(service: &Arc<Service>, name: &str, file: &Path) {
    let rows = std::fs::read_to_string(file).unwrap();
    let start = Command::ImportStart {
        credential_type: name.to_owned(),
        file: crate::output::sha256(rows.as_bytes()),
        header: None,
        dry_run: false,
    };
    let job = service.execute(start).await.unwrap()["job"]
        .as_str()
        .unwrap()
        .to_owned();
    let lines = rows
        .lines()
        .enumerate()
        .map(|(number, line)| (number as u64 + 1, line.to_owned()));
    let lines = Command::ImportLines {
        job: job.clone(),
        lines: lines.collect(),
    };
    service.execute(lines).await.unwrap();
    let report = service.execute(Command::ImportFinish { job }).await.unwrap();
    assert_eq!(report["report"]["rejected"], json!(0), "{report}");
}
