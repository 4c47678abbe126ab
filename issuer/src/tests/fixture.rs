//! Two agencies, a small holder, and synthetic people.

use std::collections::BTreeMap;
use std::path::Path as FilePath;
use std::sync::Arc;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use credentials::link::Link;
use credentials::protocol::issuance::{Ask, Identification, KEY_PROOF_TYP, Reply, Request, Terms};
use credentials::protocol::status as wire;
use credentials::schema::{Path, Types};
use credentials::sd_jwt::{Bind, Covers, SdJwt, bind, keys_hash};
use credentials::service::Registration;
use credentials::status::{Head, Mirror, Source, State};
use credentials::trust::{Ceremony, Draft, NodeEntry, Organisation, OrganisationKey, Trust};
use credentials::{Code, Did, Random, SigningKey, Timestamp, VerifyingKey, jwe, jws, request};
use serde_json::{Map, Value, json};
use store::{Params, Passphrase, Store};

use crate::{Issuer, NewOffer, Settings};

pub(crate) const PID: &str = "urn:eudi:pid:1";
pub(crate) const INCOME: &str = "urn:bevis:MonthlyIncome:1";
pub(crate) const COMPANY: &str = "urn:bevis:CompanyRegistration:1";
pub(crate) const AAP: &str = "urn:bevis:AapDecision:1";
pub(crate) const DISABILITY: &str = "urn:bevis:DisabilityBenefitDecision:1";
pub(crate) const CLAIMS: &str = "urn:bevis:TaxClaimsAndPayments:1";
pub(crate) const LOAN: &str = "urn:bevis:StudentLoanBalance:1";
pub(crate) const GUARANTEE: &str = "urn:bevis:TransportLicenceGuarantee:1";

pub(crate) const ROLIG: &str = "14858834016";
pub(crate) const MUNTER: &str = "03919043163";
pub(crate) const DRIFTIG: &str = "19908240378";
pub(crate) const TREG: &str = "219840365";
pub(crate) const FISKEBAAT: &str = "312045877";

const PEER: &str = "12D3KooWSyntheticPeerOfAWallet";

/// The day everything begins, at noon.
pub(crate) fn noon() -> Timestamp {
    Timestamp::parse("2026-07-14T12:00:00Z").unwrap()
}

pub(crate) fn random() -> Box<dyn Random> {
    Box::new(|bytes: &mut [u8]| getrandom::fill(bytes).unwrap())
}

fn passphrase() -> Passphrase {
    Passphrase::new("synthetic")
}

fn entropy() -> store::Entropy {
    Box::new(|bytes| getrandom::fill(bytes).unwrap())
}

pub(crate) fn open_store(dir: &FilePath) -> Store {
    if Store::exists(dir) {
        Store::open(dir, &passphrase(), entropy()).unwrap()
    } else {
        Store::create(dir, &passphrase(), Params::quick(), entropy()).unwrap()
    }
}

/// An issuer with its home, which can be closed and opened again.
pub(crate) struct Agency {
    home: tempfile::TempDir,
    pub(crate) key: Arc<SigningKey>,
    pub(crate) settings: Settings,
    trust: Option<Arc<Trust>>,
    issuer: Option<Issuer>,
}

impl Agency {
    pub(crate) fn new(domain: &str, issues: &[&str]) -> Agency {
        let did = Did::parse(&format!("did:web:{domain}")).unwrap();
        let settings = Settings {
            kid: format!("{did}#key-1"),
            did,
            issues: issues.iter().map(|vct| (*vct).to_owned()).collect(),
            status_base: format!("https://{domain}/status/"),
            peers: vec![peer_of(domain)],
        };
        let mut agency = Agency {
            home: tempfile::tempdir().unwrap(),
            key: Arc::new(SigningKey::generate(random().as_mut())),
            settings,
            trust: None,
            issuer: None,
        };
        agency.reopen();
        agency
    }

    /// Closes the store and opens everything again, as after a kill.
    pub(crate) fn reopen(&mut self) {
        self.issuer = None;
        let store = open_store(&self.home.path().join("store"));
        let mut issuer = Issuer::open(
            store,
            Types::builtin(),
            self.settings.clone(),
            self.key.clone(),
            random(),
        )
        .unwrap();
        if let Some(trust) = &self.trust {
            issuer.set_trust(trust.clone());
        }
        self.issuer = Some(issuer);
    }

    /// Does something to the closed store.
    pub(crate) fn with_store(&mut self, act: impl FnOnce(&Store)) {
        self.issuer = None;
        act(&open_store(&self.home.path().join("store")));
        self.reopen();
    }

    /// Takes a sealed copy of the home as it is now.
    pub(crate) fn backup(&mut self, file: &FilePath) {
        self.with_store(|store| {
            store.backup(file, None).unwrap();
        });
    }

    /// Loses the home and restores it from a sealed copy.
    pub(crate) fn restore(&mut self, file: &FilePath) {
        self.issuer = None;
        self.home = tempfile::tempdir().unwrap();
        let dir = self.home.path().join("store");
        drop(Store::restore(file, &dir, &passphrase(), entropy()).unwrap());
        self.reopen();
    }

    pub(crate) fn issuer(&mut self) -> &mut Issuer {
        self.issuer.as_mut().unwrap()
    }

    pub(crate) fn import(&mut self, now: Timestamp, vct: &str, rows: &[Value]) -> crate::ImportReport {
        let lines = numbered(rows);
        let file = digest(&lines);
        let start = self.issuer().import_start(now, vct, file, None, false).unwrap();
        self.issuer().import_lines(now, &start.job, &lines).unwrap();
        self.issuer().import_finish(now, &start.job).unwrap()
    }

    /// The signed head that is published now, checked as everybody checks it.
    pub(crate) fn head(&mut self, now: Timestamp) -> Head {
        let trust = self.trust.clone().unwrap();
        Head::open(&self.head_text(now), &trust, now).unwrap()
    }

    pub(crate) fn head_text(&mut self, now: Timestamp) -> String {
        match self.issuer().receive_status(now, wire::Ask::Head) {
            wire::Reply::Head { head } => head,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn fetch(&mut self, now: Timestamp, hash: &str) -> String {
        let mut text = Vec::new();
        loop {
            let ask = wire::Ask::Chunk {
                hash: hash.to_owned(),
                offset: text.len() as u32,
            };
            match self.issuer().receive_status(now, ask) {
                wire::Reply::Chunk { total, bytes } => {
                    text.extend_from_slice(&bytes);
                    if text.len() == total as usize {
                        return String::from_utf8(text).unwrap();
                    }
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

pub(crate) fn numbered(rows: &[Value]) -> Vec<(u64, String)> {
    (1..).zip(rows.iter().map(Value::to_string)).collect()
}

pub(crate) fn digest(lines: &[(u64, String)]) -> [u8; 32] {
    use sha2::{Digest, Sha256};
    let mut hasher = Sha256::new();
    for (_, line) in lines {
        hasher.update(line.as_bytes());
        hasher.update(b"\n");
    }
    hasher.finalize().into()
}

fn peer_of(domain: &str) -> String {
    format!("12D3KooW{}", "x".repeat(30 + domain.len()))
}

/// An identity issuer and an agency that issues everything else, in one trust list, with a mirror of their status.
pub(crate) struct World {
    pub(crate) identity: Agency,
    pub(crate) agency: Agency,
    /// Asks under every registration, and issues nothing.
    pub(crate) bank: Agency,
    pub(crate) mirror: Mirror,
    pub(crate) trust: Arc<Trust>,
    pub(crate) now: Timestamp,
    /// Where wallets say that they are reached.
    pub(crate) reach: Option<credentials::letter::Reach>,
    anchors: Ceremony,
    draft: Draft,
}

impl World {
    /// With the registers' cast imported.
    pub(crate) fn new() -> World {
        Self::after(|_| ())
    }

    /// As [`Self::new`], with something done to the identity's home before anything else is.
    pub(crate) fn after(act: impl FnOnce(&mut Agency)) -> World {
        let mut identity = Agency::new("identity.example", &[PID]);
        act(&mut identity);
        let mut agency = Agency::new("agency.example", &[INCOME, COMPANY, GUARANTEE, LOAN, CLAIMS, AAP]);
        let bank = Agency::new("bank.example", &[]);
        let now = noon();
        let organisation = |agency: &Agency, number: &str| Organisation {
            did: agency.settings.did.clone(),
            number: number.to_owned(),
            name: format!("Agency {number}"),
            keys: vec![OrganisationKey {
                id: agency.settings.kid.clone(),
                key: agency.key.verifying_key(),
                valid_from: now.plus(-86_400),
                valid_until: now.plus(400 * 86_400),
                compromised: None,
            }],
            nodes: vec![NodeEntry {
                peer: agency.settings.peers[0].clone(),
                addresses: vec!["/ip4/127.0.0.1/udp/4001/quic-v1".to_owned()],
            }],
            issues: agency.settings.issues.clone(),
            services: Registration::builtin()
                .into_iter()
                .filter(|service| service.id == "K02")
                .map(Arc::new)
                .collect(),
        };
        let draft = Draft {
            sequence: 1,
            operator: "Synthetic anchor".to_owned(),
            issued: now.plus(-3_600),
            next_update: now.plus(300 * 86_400),
            organisations: vec![
                organisation(&identity, "991825827"),
                organisation(&agency, "974761076"),
                Organisation {
                    services: Registration::builtin().into_iter().map(Arc::new).collect(),
                    ..organisation(&bank, "213579045")
                },
            ],
        };
        let mut anchors = Ceremony::of_three(random().as_mut(), draft.issued).unwrap();
        let trust = anchors.trust(&draft, now).unwrap();
        for agency in [&mut identity, &mut agency] {
            agency.trust = Some(trust.clone());
            agency.issuer().set_trust(trust.clone());
        }
        identity.import(now, PID, &[person(ROLIG), person(MUNTER), person(DRIFTIG)]);
        agency.import(now, INCOME, &[income(ROLIG, "48500.00"), income(MUNTER, "51000.00")]);
        agency.import(now, COMPANY, &[company(TREG, ROLIG), company(FISKEBAAT, DRIFTIG)]);
        agency.import(now, GUARANTEE, &[guarantee("SG-1", "aktiv", None)]);
        let mut world = World {
            identity,
            agency,
            bank,
            mirror: Mirror::default(),
            trust,
            now,
            reach: None,
            anchors,
            draft,
        };
        world.pull();
        world
    }

    /// Mirrors heads and lists of both, as every node does every few seconds.
    pub(crate) fn pull(&mut self) {
        for agency in [&mut self.identity, &mut self.agency] {
            let head = agency.head_text(self.now);
            let heard = self.mirror.head(&head, &self.trust, self.now).unwrap();
            for wanted in heard.wanted {
                let text = agency.fetch(self.now, &wanted.list.hash);
                self.mirror.list(&text, &self.trust, self.now).unwrap();
            }
        }
    }

    pub(crate) fn pass(&mut self, seconds: i64) {
        self.reach(self.now.plus(seconds));
    }

    pub(crate) fn reach(&mut self, then: Timestamp) {
        self.now = then;
        if self.trust.current(self.now).is_err() {
            // A node takes a newer head long before a day is over.
            self.trust = self.anchors.trust(&self.draft, self.now).unwrap();
            for agency in [&mut self.identity, &mut self.agency] {
                agency.trust = Some(self.trust.clone());
                agency.issuer().set_trust(self.trust.clone());
            }
        }
    }

    pub(crate) fn tick(&mut self) {
        let now = self.now;
        self.identity.issuer().tick(now).unwrap();
        self.agency.issuer().tick(now).unwrap();
        self.pull();
    }

    /// Publishes the endings of the day at both, and mirrors them.
    pub(crate) fn end_day(&mut self) {
        let now = self.now;
        self.identity.issuer().publish_endings(now).unwrap();
        self.agency.issuer().publish_endings(now).unwrap();
        self.pull();
    }

    /// State of a copy as the mirror knows it.
    pub(crate) fn mirrored(&self, text: &str) -> Option<State> {
        let copy = SdJwt::parse(text).unwrap();
        let status = copy.status().unwrap();
        let (state, _) = self.mirror.state(copy.issuer(), &status.uri, status.index)?;
        Some(state)
    }

    /// A PID for somebody, by activation code.
    pub(crate) fn pid(&mut self, number: &str) -> Held {
        let now = self.now;
        let offer = self.identity.issuer().offer(now, PID, Some(number)).unwrap();
        let held = Collecting::begin_offer(self, &offer).with_code(self, &code(&offer));
        self.pull();
        held.unwrap()
    }

    pub(crate) fn collect(&mut self, vct: &str, organisation: Option<&str>, proof: &Held) -> Result<Held, Code> {
        let collecting = Collecting::begin(self, vct, None, organisation)?;
        let answer = collecting.answer(self, proof);
        let held = collecting.send(self, Identification::Presentation { answer });
        self.pull();
        held
    }
}

/// What a wallet got: `texts[row][copy]` and the keys in order.
pub(crate) struct Held {
    pub(crate) keys: Vec<SigningKey>,
    pub(crate) texts: Vec<Vec<String>>,
}

impl Held {
    pub(crate) fn claims(&self) -> Value {
        SdJwt::parse(&self.texts[0][0]).unwrap().claims().clone()
    }
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Held({} rows)", self.texts.len())
    }
}

/// A wallet in the middle of collecting.
pub(crate) struct Collecting {
    pub(crate) vct: String,
    pub(crate) offer: Option<Vec<u8>>,
    pub(crate) terms: Terms,
    pub(crate) keys: Vec<SigningKey>,
    pub(crate) transaction: [u8; 16],
}

pub(crate) fn keys(count: usize) -> Vec<SigningKey> {
    (0..count).map(|_| SigningKey::generate(random().as_mut())).collect()
}

pub(crate) fn refusal(reply: Reply) -> Code {
    match reply {
        Reply::Problem(problem) => problem.code,
        other => panic!("not refused: {other:?}"),
    }
}

pub(crate) fn offer_id(offer: &NewOffer) -> Vec<u8> {
    match &offer.link {
        Link::Offer { offer: Some(id), .. } => id.clone(),
        other => panic!("not personal: {other:?}"),
    }
}

pub(crate) fn code(offer: &NewOffer) -> String {
    offer.code.clone().unwrap()
}

impl World {
    fn agency_of(&mut self, vct: &str) -> &mut Agency {
        if vct == PID {
            &mut self.identity
        } else {
            &mut self.agency
        }
    }

    pub(crate) fn ask(&mut self, vct: &str, ask: Ask) -> Reply {
        let now = self.now;
        let agency = if vct == PID {
            &mut self.identity
        } else {
            &mut self.agency
        };
        agency
            .issuer
            .as_mut()
            .unwrap()
            .receive_issue(now, &self.mirror, PEER, ask)
    }
}

impl Collecting {
    pub(crate) fn begin(
        world: &mut World,
        vct: &str,
        offer: Option<Vec<u8>>,
        organisation: Option<&str>,
    ) -> Result<Collecting, Code> {
        let ask = Ask::Begin {
            vct: vct.to_owned(),
            offer: offer.clone(),
            organisation: organisation.map(str::to_owned),
        };
        match world.ask(vct, ask) {
            Reply::Terms(terms) => Ok(Collecting {
                vct: vct.to_owned(),
                offer,
                keys: keys(usize::from(terms.copies) * usize::from(terms.rows)),
                terms,
                transaction: credentials::random::bytes(random().as_mut()),
            }),
            other => Err(refusal(other)),
        }
    }

    pub(crate) fn begin_offer(world: &mut World, offer: &NewOffer) -> Collecting {
        Collecting::begin(world, PID, Some(offer_id(offer)), None).unwrap()
    }

    pub(crate) fn public(&self) -> Vec<VerifyingKey> {
        self.keys.iter().map(SigningKey::verifying_key).collect()
    }

    /// The proof that this wallet has a key.
    pub(crate) fn proof(&self, world: &mut World, key: &SigningKey) -> String {
        let issuer = world.agency_of(&self.vct).settings.did.to_string();
        proof(key, &issuer, &self.terms.nonce, &self.transaction)
    }

    pub(crate) fn request(&self, world: &mut World, identification: Identification) -> Request {
        Request {
            transaction: self.transaction.to_vec(),
            vct: self.vct.clone(),
            nonce: self.terms.nonce.clone(),
            proofs: self.keys.iter().map(|key| self.proof(world, key)).collect(),
            identification,
        }
    }

    pub(crate) fn by_code(&self, code: &str) -> Identification {
        Identification::Code {
            offer: self.offer.clone().unwrap(),
            code: code.to_owned(),
        }
    }

    /// The identification that the terms ask for, by the first copy of `proof`, covering this wallet's keys.
    pub(crate) fn answer(&self, world: &mut World, proof: &Held) -> String {
        self.answer_covering(world, proof, self.covers(world))
    }

    pub(crate) fn covers(&self, world: &World) -> Covers {
        let request = self.terms.request.as_ref().unwrap();
        let opened = request::open(request, &world.trust, None, world.now).unwrap();
        Covers {
            transaction: self.transaction,
            keys_hash: keys_hash(&self.public()),
            organisation: opened.request.issue.unwrap().organisation,
            grant: None,
        }
    }

    pub(crate) fn answer_covering(&self, world: &World, proof: &Held, covers: Covers) -> String {
        world.answer(self.terms.request.as_ref().unwrap(), proof, &covers)
    }

    pub(crate) fn send(self, world: &mut World, identification: Identification) -> Result<Held, Code> {
        let request = self.request(world, identification);
        match world.ask(&self.vct, Ask::Request(Box::new(request))) {
            Reply::Delivery {
                transaction,
                credentials,
            } => {
                assert_eq!(transaction, self.transaction);
                let acknowledge = Ask::Acknowledge { transaction };
                assert_eq!(world.ask(&self.vct, acknowledge), Reply::Acknowledged);
                Ok(Held {
                    keys: self.keys,
                    texts: credentials,
                })
            }
            other => Err(refusal(other)),
        }
    }

    pub(crate) fn with_code(self, world: &mut World, code: &str) -> Result<Held, Code> {
        let identification = self.by_code(code);
        self.send(world, identification)
    }
}

impl World {
    /// The encrypted answer to a request for an identification, by the first copy of `proof`.
    pub(crate) fn answer(&self, request: &str, proof: &Held, covers: &Covers) -> String {
        let opened = request::open(request, &self.trust, None, self.now).unwrap();
        let query = &opened.request.query.credentials[0];
        let paths: Vec<Path> = query.claims.iter().map(|claim| claim.path.clone()).collect();
        let selected = SdJwt::parse(&proof.texts[0][0]).unwrap().select(&paths).unwrap();
        let binding = Bind {
            audience: &opened.request.client_id(),
            nonce: &opened.request.nonce,
            issued: self.now,
            request_hash: opened.hash,
            covers: Some(covers),
        };
        let shown = bind(&selected, &binding, &proof.keys[0]).unwrap();
        let token = BTreeMap::from([(query.id.clone(), vec![shown])]);
        let mut answer = json!({ "vp_token": token });
        if let Some(reach) = &self.reach {
            answer["reach"] = json!(reach);
        }
        let answer = answer.to_string();
        jwe::seal(
            &opened.request.encryption,
            b"wallet",
            &opened.hash,
            answer.as_bytes(),
            random().as_mut(),
        )
        .unwrap()
    }
}

/// A key proof.
pub(crate) fn proof(key: &SigningKey, issuer: &str, nonce: &str, transaction: &[u8]) -> String {
    let header = Map::from_iter([("jwk".to_owned(), key.verifying_key().to_jwk())]);
    let payload = json!({
        "aud": issuer,
        "nonce": nonce,
        "transaction": BASE64_URL_SAFE_NO_PAD.encode(transaction),
    });
    jws::sign(KEY_PROOF_TYP, None, header, &payload, key).unwrap()
}

pub(crate) fn person(number: &str) -> Value {
    json!({
        "family_name": "Fiskebåt",
        "given_name": "Rolig",
        "birth_date": "1988-05-14",
        "birth_place": "NO",
        "nationality": ["NO"],
        "personal_administrative_number": number,
        "issuing_authority": "Digitaliseringsdirektoratet (syntetisk)",
        "issuing_country": "NO",
        "expiry_date": "2031-08-31"
    })
}

pub(crate) fn income(number: &str, amount: &str) -> Value {
    json!({
        "personidentifikator": number,
        "fraOgMed": "2026-05",
        "tilOgMed": "2026-06",
        "ajourholdstidspunkt": "2026-07-10T04:00:00Z",
        "oppgaveInntektsmottaker": [{
            "opplysningspliktigId": FISKEBAAT,
            "virksomhetId": FISKEBAAT,
            "kalendermaaned": "2026-05",
            "inntektsmottaker": { "personidentifikator": number },
            "inntekt": [{
                "fordel": "kontantytelse",
                "utloeserArbeidsgiveravgift": true,
                "inngaarIGrunnlagForTrekk": true,
                "beloep": amount,
                "loennsinntekt": { "beskrivelse": "fastloenn" }
            }]
        }]
    })
}

pub(crate) fn company(number: &str, manager: &str) -> Value {
    json!({
        "organisasjonsnummer": number,
        "navn": "TREG LASTEBIL AS",
        "organisasjonsform": { "kode": "AS", "beskrivelse": "Aksjeselskap" },
        "rollegrupper": [{
            "type": { "kode": "DAGL", "beskrivelse": "Daglig leder" },
            "roller": [{
                "type": { "kode": "DAGL", "beskrivelse": "Daglig leder" },
                "person": {
                    "fodselsnummer": manager,
                    "fodselsdato": "1988-05-14",
                    "navn": { "fornavn": "Rolig", "etternavn": "Fiskebåt" },
                    "erDoed": false
                },
                "avregistrert": false
            }]
        }]
    })
}

pub(crate) fn guarantee(reference: &str, status: &str, ended: Option<Value>) -> Value {
    let mut row = json!({
        "loeyvehaver": { "organisasjonsnummer": TREG, "navn": "TREG LASTEBIL AS" },
        "garantist": { "organisasjonsnummer": "315902738", "navn": "SOLID GARANTI ASA" },
        "loeyvemyndighet": { "organisasjonsnummer": "971032081", "navn": "Statens vegvesen" },
        "garantireferanse": reference,
        "loeyvetype": "godstransport",
        "antallLoeyver": 3,
        "satsaar": 2022,
        "garantisum": { "valuta": "NOK", "beloep": "190000.00" },
        "gyldigFra": "2022-04-01",
        "status": status
    });
    if let Some(ended) = ended {
        row["oppsigelse"] = ended;
    }
    row
}

/// Where a wallet is reached.
pub(crate) fn reach(seed: u8) -> credentials::letter::Reach {
    let writer = SigningKey::from_bytes(&[seed; 32]).verifying_key();
    credentials::letter::Reach {
        key: BASE64_URL_SAFE_NO_PAD.encode(
            credentials::envelope::RecipientKey::from_bytes(&[seed; 32])
                .recipient()
                .as_bytes(),
        ),
        writer: Some(BASE64_URL_SAFE_NO_PAD.encode(writer.to_bytes())),
        places: vec![credentials::letter::Place {
            operator: Did::parse("did:web:post.example").unwrap(),
            queue: BASE64_URL_SAFE_NO_PAD.encode([seed; 16]),
            token: BASE64_URL_SAFE_NO_PAD.encode([seed; 32]),
        }],
    }
}
