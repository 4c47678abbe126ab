//! Two agencies, banks and holders as machines in one process, with every byte that an agency receives written down.
//!
//! A holder's randomness is seeded anew before each contact with an agency, so that two histories with the same seed can
//! differ there only by what the holder knows, not by how many random bytes were drawn in between.

pub(super) mod granting;

use credentials::decision::{self, Receipt};
use credentials::jwe::DecryptionKey;
use credentials::link::Link;
use credentials::protocol::{self, issuance, presentation, status as wire};
use credentials::query::{ClaimQuery, CredentialQuery, Query};
use credentials::request::{self, Request};
use credentials::schema::{HolderKind, Path, Types};
use credentials::service::Registration;
use credentials::status::Mirror;
use credentials::trust::{Ceremony, Draft, NodeEntry, Organisation, OrganisationKey, Trust};
use credentials::verify::{Verdict, VpToken};
use credentials::{Did, Random, SigningKey, Timestamp};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path as FilePath;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::{Params, Passphrase, Store};
use wallet::{Incoming, Outcome, Outgoing, Step, Thread, Wallet};

pub(super) const PID: &str = "urn:eudi:pid:1";
pub(super) const INCOME: &str = "urn:bevis:MonthlyIncome:1";
const LOAN: &str = "urn:bevis:StudentLoanBalance:1";

/// The day on which everybody collects.
pub(super) fn morning() -> Timestamp {
    Timestamp::parse("2026-07-14T06:00:00Z").expect("a time")
}

/// Randomness that can be seeded anew from outside.
#[derive(Clone)]
pub(super) struct Seeded(Arc<Mutex<ChaCha20Rng>>);

impl Seeded {
    pub(super) fn new(label: &str) -> Seeded {
        Seeded(Arc::new(Mutex::new(ChaCha20Rng::from_seed(
            Sha256::digest(label).into(),
        ))))
    }
    fn rng(&self) -> MutexGuard<'_, ChaCha20Rng> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn again(&self, label: &str) {
        *self.rng() = ChaCha20Rng::from_seed(Sha256::digest(label).into());
    }
    fn boxed(&self) -> Box<dyn Random> {
        let seeded = self.clone();
        Box::new(move |bytes: &mut [u8]| seeded.rng().fill_bytes(bytes))
    }
}

impl Random for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.rng().fill_bytes(bytes);
    }
}

fn store(folder: &FilePath, label: &str) -> Store {
    let mut seeded = Seeded::new(label);
    let entropy: store::Entropy = Box::new(move |bytes| seeded.fill(bytes));
    Store::create(folder, &Passphrase::new("synthetic"), Params::quick(), entropy).expect("a store")
}

fn base64(bytes: impl AsRef<[u8]>) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

fn organisation(domain: &str, number: &str, issues: &[&str], services: &[&str], key: &SigningKey) -> Organisation {
    let did = Did::parse(&format!("did:web:{domain}")).expect("a DID");
    Organisation {
        keys: vec![OrganisationKey {
            id: format!("{did}#key-1"),
            key: key.verifying_key(),
            valid_from: morning().plus(-86_400 * 30),
            valid_until: morning().plus(86_400 * 300),
            compromised: None,
        }],
        did,
        number: number.to_owned(),
        name: format!("Organisation {number}"),
        nodes: vec![NodeEntry {
            peer: peer_of(domain),
            addresses: vec!["/ip4/127.0.0.1/udp/4001/quic-v1".to_owned()],
        }],
        issues: issues.iter().map(|vct| (*vct).to_owned()).collect(),
        services: Registration::builtin()
            .into_iter()
            .filter(|service| services.contains(&service.id.as_str()))
            .map(Arc::new)
            .collect(),
    }
}

fn peer_of(domain: &str) -> String {
    sender(&credentials::random::bytes(&mut Seeded::new(domain)))
}

/// An agency and all that it ever received.
pub(super) struct Agency {
    pub(super) did: Did,
    peer: String,
    issuer: issuer::Issuer,
    /// Protocol and body of every message, and who sent it.
    pub(super) received: Vec<(&'static str, String, Vec<u8>)>,
}

impl Agency {
    fn new(home: &FilePath, domain: &str, issues: &[&str], key: SigningKey) -> Agency {
        let did = Did::parse(&format!("did:web:{domain}")).expect("a DID");
        let settings = issuer::Settings {
            kid: format!("{did}#key-1"),
            did: did.clone(),
            issues: issues.iter().map(|vct| (*vct).to_owned()).collect(),
            status_base: format!("https://{domain}/status/"),
            peers: vec![peer_of(domain)],
        };
        let random = Seeded::new(&format!("agency {domain}"));
        let issuer = issuer::Issuer::open(
            store(&home.join(domain), domain),
            Types::builtin(),
            settings,
            Arc::new(key),
            random.boxed(),
        );
        Agency {
            did,
            peer: peer_of(domain),
            issuer: issuer.expect("opens"),
            received: Vec::new(),
        }
    }

    fn import(&mut self, vct: &str, rows: &[Value]) {
        let lines: Vec<(u64, String)> = (1..).zip(rows.iter().map(Value::to_string)).collect();
        let now = morning();
        let file = Sha256::digest(format!("{vct} {}", rows.len())).into();
        let start = self.issuer.import_start(now, vct, file, None, false).expect("begins");
        for part in lines.chunks(500) {
            self.issuer.import_lines(now, &start.job, part).expect("takes");
        }
        let report = self.issuer.import_finish(now, &start.job).expect("ends");
        assert_eq!(report.new, rows.len() as u64);
    }
}

/// A bank that keeps everything it sees.
pub(super) struct Bank {
    did: Did,
    domain: &'static str,
    key: SigningKey,
    random: Seeded,
    /// What came, in the order of its coming: sender and presentation.
    pub(super) seen: Vec<(String, String)>,
}

/// A holder with the wallet and its home.
pub(super) struct Holder {
    pub(super) name: String,
    pub(super) wallet: Wallet,
    random: Seeded,
}

/// All of them.
pub(super) struct World {
    folder: tempfile::TempDir,
    anchors: Ceremony,
    draft: Draft,
    trust: Arc<Trust>,
    pub(super) identity: Agency,
    pub(super) tax: Agency,
    pub(super) banks: [Bank; 2],
    mirror: Mirror,
}

pub(super) fn person(number: &str) -> Value {
    json!({
        "family_name": "Fiskebåt", "given_name": "Rolig", "birth_date": "1988-05-14", "birth_place": "NO",
        "nationality": ["NO"], "personal_administrative_number": number,
        "issuing_authority": "Digitaliseringsdirektoratet (syntetisk)", "issuing_country": "NO",
        "expiry_date": "2031-08-31"
    })
}

pub(super) fn income(number: &str) -> Value {
    json!({
        "personidentifikator": number, "fraOgMed": "2026-05", "tilOgMed": "2026-06",
        "ajourholdstidspunkt": "2026-07-10T04:00:00Z",
        "oppgaveInntektsmottaker": [{
            "opplysningspliktigId": "312045877", "virksomhetId": "312045877", "kalendermaaned": "2026-05",
            "inntektsmottaker": { "personidentifikator": number },
            "inntekt": [{
                "fordel": "kontantytelse", "utloeserArbeidsgiveravgift": true, "inngaarIGrunnlagForTrekk": true,
                "beloep": "48500.00", "loennsinntekt": { "beskrivelse": "fastloenn" }
            }]
        }],
        "derived": { "monthsWithStatement": 1, "sumKontantytelse": "48500.00" }
    })
}

/// Whether income is at least so much.
fn rung() -> Query {
    let claim = |names: &[&str], values: Vec<Value>| ClaimQuery {
        path: Path::of(names),
        values,
    };
    Query {
        credentials: vec![CredentialQuery {
            id: "inntekt".to_owned(),
            vct: INCOME.to_owned(),
            claims: vec![
                claim(&["personidentifikator"], Vec::new()),
                claim(&["inntektPerMaanedMinst", "kr40000"], vec![Value::Bool(true)]),
            ],
        }],
    }
}

fn asked() -> Query {
    let path = |segments: &[&str]| {
        let segments = segments.iter().map(|s| (*s != "*").then(|| (*s).to_owned()));
        Path(segments.collect())
    };
    let claims = [
        path(&["personidentifikator"]),
        path(&["fraOgMed"]),
        path(&["oppgaveInntektsmottaker", "*", "kalendermaaned"]),
        path(&["oppgaveInntektsmottaker", "*", "inntekt", "*", "beloep"]),
        path(&["derived", "sumKontantytelse"]),
    ];
    Query {
        credentials: vec![CredentialQuery {
            id: "inntekt".to_owned(),
            vct: INCOME.to_owned(),
            claims: claims
                .into_iter()
                .map(|path| ClaimQuery {
                    path,
                    values: Vec::new(),
                })
                .collect(),
        }],
    }
}

impl World {
    /// With the registers of these people imported. The same label gives the same world.
    pub(super) fn new(label: &str, numbers: &[String]) -> World {
        let folder = crate::process::folder();
        let key = |who: &str| SigningKey::generate(&mut Seeded::new(&format!("{label} {who}")));
        let keys = ["identity", "tax", "bank-a", "bank-b"].map(key);
        let [identity_key, tax_key, a, b] = keys;
        let draft = Draft {
            sequence: 1,
            operator: "Synthetic anchor".to_owned(),
            issued: morning().plus(-3_600),
            next_update: morning().plus(86_400 * 200),
            organisations: vec![
                organisation("identity.example", "991825827", &[PID], &[], &identity_key),
                organisation("tax.example", "974761076", &[INCOME, LOAN], &["K02"], &tax_key),
                organisation("a.example", "213579045", &[], &["S01", "S15"], &a),
                organisation("b.example", "310682950", &[], &["S01", "S15"], &b),
            ],
        };
        let mut random = Seeded::new(&format!("{label} anchors"));
        let mut anchors = Ceremony::of_three(&mut random, draft.issued).expect("founds");
        let trust = anchors.trust(&draft, morning()).expect("publishes");
        let bank = |domain: &'static str, key: SigningKey| Bank {
            did: Did::parse(&format!("did:web:{domain}")).expect("a DID"),
            domain,
            key,
            random: Seeded::new(&format!("{label} {domain}")),
            seen: Vec::new(),
        };
        let mut world = World {
            identity: Agency::new(folder.path(), "identity.example", &[PID], identity_key),
            tax: Agency::new(folder.path(), "tax.example", &[INCOME, LOAN], tax_key),
            banks: [bank("a.example", a), bank("b.example", b)],
            mirror: Mirror::default(),
            anchors,
            draft,
            trust,
            folder,
        };
        for agency in [&mut world.identity, &mut world.tax] {
            agency.issuer.set_trust(world.trust.clone());
        }
        let rows = |row: fn(&str) -> Value| numbers.iter().map(|number| row(number)).collect::<Vec<_>>();
        world.identity.import(PID, &rows(person));
        world.tax.import(INCOME, &rows(income));
        world.pull(morning());
        world
    }

    /// A head of this day, for agencies and wallet.
    fn renew(&mut self, now: Timestamp, holder: &mut Holder) {
        if self.trust.current(now).is_err() {
            self.trust = self.anchors.trust(&self.draft, now).expect("publishes");
            for agency in [&mut self.identity, &mut self.tax] {
                agency.issuer.set_trust(self.trust.clone());
            }
        }
        holder.wallet.set_trust(self.trust.clone());
    }

    /// A wallet that holds nothing yet.
    pub(super) fn holder(&self, name: &str) -> Holder {
        let random = Seeded::new(name);
        let settings = wallet::Settings {
            kind: HolderKind::Person,
            organisation: None,
        };
        let store = store(&self.folder.path().join(name), name);
        let mut wallet = Wallet::open(store, Types::builtin(), settings, random.boxed()).expect("opens");
        wallet.set_trust(self.trust.clone());
        Holder {
            name: name.to_owned(),
            wallet,
            random,
        }
    }

    /// The agencies' own mirrors of each other, as every organisation has them.
    pub(super) fn pull(&mut self, now: Timestamp) {
        for agency in [&mut self.identity, &mut self.tax] {
            let head = match agency.issuer.receive_status(now, wire::Ask::Head) {
                wire::Reply::Head { head } => head,
                other => panic!("{other:?}"),
            };
            let heard = self.mirror.head(&head, &self.trust, now).expect("newer");
            for list in heard.wanted.into_iter().map(|wanted| wanted.list) {
                let mut text = Vec::new();
                while text.len() < list.size as usize {
                    let ask = wire::Ask::Chunk {
                        hash: list.hash.clone(),
                        offset: text.len() as u32,
                    };
                    match agency.issuer.receive_status(now, ask) {
                        wire::Reply::Chunk { bytes, .. } => text.extend(bytes),
                        other => panic!("{other:?}"),
                    }
                }
                let text = String::from_utf8(text).expect("a token");
                self.mirror.list(&text, &self.trust, now).expect("a list");
            }
        }
    }

    fn agency(&mut self, did: &Did) -> &mut Agency {
        [&mut self.identity, &mut self.tax]
            .into_iter()
            .find(|agency| agency.did == *did)
            .expect("an agency")
    }

    /// Carries messages between a wallet and an agency, as bytes, until the wallet says what came of it.
    fn drive(&mut self, now: Timestamp, holder: &mut Holder, (thread, steps): (Thread, Vec<Step>)) -> Outcome {
        let mut steps = steps;
        loop {
            let [step] = steps.try_into().expect("one step");
            let (to, relation, ask) = match step {
                Step::Done { thread: done, result } => {
                    assert_eq!(done, thread);
                    return result.expect("it is done");
                }
                Step::Send {
                    to,
                    relation,
                    message: Outgoing::Issue(ask),
                    ..
                } => (to, relation, ask),
                other => panic!("{other:?}"),
            };
            let body = protocol::encode(&ask).expect("encodes");
            let sender = sender(&relation);
            let mirror = std::mem::take(&mut self.mirror);
            let agency = self.agency(&to);
            agency.received.push(("issue", sender.clone(), body.clone()));
            let ask = protocol::decode(&body, issuance::LIMIT).expect("decodes");
            let reply = agency.issuer.receive_issue(now, &mirror, &sender, ask);
            let peer = agency.peer.clone();
            self.mirror = mirror;
            steps = holder.wallet.receive(now, thread, &peer, Incoming::Issue(reply));
        }
    }

    /// Collects the person's identification, by activation code.
    pub(super) fn identify(&mut self, now: Timestamp, holder: &mut Holder, number: &str) {
        self.renew(now, holder);
        let offer = self.identity.issuer.offer(now, PID, Some(number)).expect("an offer");
        holder.random.again(&format!("{} identification", holder.name));
        let begun = holder.wallet.receive_link(now, &offer.link, offer.code.as_deref());
        let collected = self.drive(now, holder, begun);
        assert!(matches!(collected, Outcome::Collected { .. }));
    }

    /// Collects income: an open invitation, the request for an identification, a yes.
    pub(super) fn collect(&mut self, now: Timestamp, holder: &mut Holder, label: &str) {
        self.renew(now, holder);
        let link = Link::Offer {
            issuer: self.tax.did.clone(),
            vct: INCOME.to_owned(),
            offer: None,
            expires: None,
        };
        holder.random.again(&format!("{} collects {label}", holder.name));
        let begun = holder.wallet.receive_link(now, &link, None);
        let Outcome::Waiting { id } = self.drive(now, holder, begun) else {
            panic!("nothing waits")
        };
        holder.wallet.text(now, &id, "nb").expect("a text");
        holder.random.again(&format!("{} says yes {label}", holder.name));
        let yes = holder.wallet.present(now, &id, "nb");
        assert!(matches!(self.drive(now, holder, yes), Outcome::Collected { .. }));
    }

    /// Shows income to a bank.
    pub(super) fn show(&mut self, now: Timestamp, holder: &mut Holder, bank: usize) {
        self.show_what(now, holder, bank, asked(), false);
    }

    /// Shows a bank that income is at least so much.
    pub(super) fn show_rung(&mut self, now: Timestamp, holder: &mut Holder, bank: usize) {
        self.show_what(now, holder, bank, rung(), false);
    }

    /// Shows it; who the bank saw, and all that came in the answer.
    fn show_what(
        &mut self,
        now: Timestamp,
        holder: &mut Holder,
        bank: usize,
        query: Query,
        reach: bool,
    ) -> (String, Value) {
        self.renew(now, holder);
        let bank = self.banks.get_mut(bank).expect("a bank");
        let key = DecryptionKey::generate(&mut bank.random);
        let mut name = || base64(credentials::random::bytes::<16>(&mut bank.random));
        let request = Request {
            asker: bank.did.clone(),
            nonce: name(),
            session: name(),
            issued: now,
            expires: now.plus(120),
            query,
            encryption: key.public_jwk(),
            origins: vec![peer_of(bank.domain)],
            service: "S01".to_owned(),
            stated: Registration::known("S01").expect("built in").statement(),
            case: "LAN-1".to_owned(),
            issue: None,
            grant: None,
            reach,
        };
        let kid = format!("{}#key-1", bank.did);
        let signed = request.sign(&kid, &bank.key).expect("signs");
        let hash = request::hash(&signed);
        let link = Link::Request {
            asker: bank.did.clone(),
            session: request.session.clone(),
            hash: hash.to_vec(),
            expires: request.expires,
        };
        let peer = peer_of(bank.domain);
        let (thread, _) = holder.wallet.receive_link(now, &link, None);
        let fetched = Incoming::Present(presentation::Reply::Request { request: signed });
        let steps = holder.wallet.receive(now, thread, &peer, fetched);
        let [
            Step::Done {
                result: Ok(Outcome::Waiting { id }),
                ..
            },
        ] = steps.as_slice()
        else {
            panic!("{steps:?}")
        };
        holder.wallet.text(now, id, "nb").expect("a text");
        let (thread, steps) = holder.wallet.present(now, id, "nb");
        let [
            Step::Send {
                relation,
                message: Outgoing::Present(presentation::Ask::Answer { answer, .. }),
                ..
            },
        ] = steps.as_slice()
        else {
            panic!("{steps:?}")
        };
        let opened = key.open(answer, &hash, presentation::LIMIT).expect("opens");
        let opened: Value = serde_json::from_slice(&opened).expect("JSON");
        let token: VpToken = serde_json::from_value(opened["vp_token"].clone()).expect("a token");
        let token = serde_json::to_value(&token).expect("JSON");
        let shown = token["inntekt"][0].as_str().expect("a presentation").to_owned();
        let seen_as = sender(relation);
        bank.seen.push((seen_as.clone(), shown));
        let receipt = Receipt {
            request: base64(hash),
            answer: base64(Sha256::digest(answer)),
            decision: opened["decision"].as_str().map(decision::hash),
            asker: bank.did.clone(),
            verdict: Verdict::Valid,
            code: None,
            kept: BTreeMap::new(),
            until: None,
            ground: "consent".to_owned(),
            at: now,
        };
        let receipt = receipt.sign(&kid, &bank.key).expect("signs");
        let reply = Incoming::Present(presentation::Reply::Receipt { receipt });
        let steps = holder.wallet.receive(now, thread, &peer, reply);
        assert!(
            matches!(
                steps.as_slice(),
                [Step::Done {
                    result: Ok(Outcome::Shared { .. }),
                    ..
                }]
            ),
            "{steps:?}"
        );
        (seen_as, opened)
    }

    /// What a wallet has to do by now, without looking at any status: that costs the most and is the same for all.
    pub(super) fn resume(&mut self, now: Timestamp, holder: &mut Holder) {
        self.renew(now, holder);
        holder.random.again(&format!("{} resumes at {now}", holder.name));
        for begun in holder.wallet.resume(now) {
            self.drive(now, holder, begun);
        }
    }

    /// A day ends: what is due at the agencies is done, and everybody mirrors it.
    pub(super) fn end_day(&mut self, now: Timestamp) {
        if self.trust.current(now).is_err() {
            self.trust = self.anchors.trust(&self.draft, now).expect("publishes");
            for agency in [&mut self.identity, &mut self.tax] {
                agency.issuer.set_trust(self.trust.clone());
            }
        }
        for agency in [&mut self.identity, &mut self.tax] {
            agency.issuer.tick(now).expect("ticks");
            agency.issuer.publish_endings(now).expect("publishes");
        }
        self.pull(now);
    }

    /// What everybody knows of the state of a copy that was shown.
    pub(super) fn state(&self, presentation: &str) -> Option<credentials::status::State> {
        use credentials::status::Source;
        let copy = credentials::sd_jwt::SdJwt::parse(presentation).expect("a copy");
        let status = copy.status().expect("an entry");
        Some(self.mirror.state(copy.issuer(), &status.uri, status.index)?.0)
    }

    /// What a node does by the clock: the wallet goes on with what it has to, and asks every issuer of what it holds for its head.
    pub(super) fn by_the_clock(&mut self, now: Timestamp, holder: &mut Holder) {
        self.renew(now, holder);
        holder.random.again(&format!("{} at {now}", holder.name));
        for begun in holder.wallet.resume(now) {
            self.drive(now, holder, begun);
        }
        let held = holder.wallet.credentials(now, &self.mirror).expect("reads");
        let issuers: std::collections::BTreeSet<Did> = held.into_iter().map(|held| held.issuer).collect();
        for did in issuers {
            let relation = holder.wallet.relation(&did).expect("a relation");
            let body = protocol::encode(&wire::Ask::Head).expect("encodes");
            let agency = self.agency(&did);
            agency.received.push(("status", sender(&relation), body));
            let reply = agency.issuer.receive_status(now, wire::Ask::Head);
            assert!(matches!(reply, wire::Reply::Head { .. }));
        }
        self.pull(now);
        holder.wallet.note_status(now, &self.mirror).expect("noted");
    }
}

/// The name under which a counterpart sees a wallet.
fn sender(relation: &[u8; 32]) -> String {
    let secret = node::network::Secret32::new(*relation);
    node::network::peer_name(&secret).as_str().to_owned()
}
