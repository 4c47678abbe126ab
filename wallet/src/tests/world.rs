//! Organisations with keys, the list that names them, and the other ends of the two protocols.

use crate::*;
use credentials::jwe::DecryptionKey;
use credentials::key::Signer;
use credentials::protocol::issuance::{Identification, KEY_PROOF_TYP, Terms};
use credentials::query::{ClaimQuery, CredentialQuery, Query};
use credentials::request::{self, IssuePurpose, Request};
use credentials::schema::{CredentialType, HolderProof, Path};
use credentials::sd_jwt::{self, Covers, Issue, StatusRef};
use credentials::service::Registration;
use credentials::status::{Source, State};
use credentials::time::DAY;
use credentials::trust::{Ceremony, Draft, NodeEntry, OrganisationKey};
use credentials::verify::{self, Context, Expected, Report, VerifiedPresentation, VpToken};
use credentials::{SigningKey, VerifyingKey, jws};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use store::{Params, Passphrase};

pub(super) const PID: &str = "urn:eudi:pid:1";
pub(super) const INCOME: &str = "urn:bevis:MonthlyIncome:1";
pub(super) const TAX: &str = "urn:bevis:TaxAssessmentSummary:1";
pub(super) const LOAN: &str = "urn:bevis:StudentLoanBalance:1";
pub(super) const ALLOWANCE: &str = "urn:bevis:AapDecision:1";
pub(super) const COMPANY: &str = "urn:bevis:CompanyRegistration:1";
pub(super) const GUARANTEE: &str = "urn:bevis:TransportLicenceGuarantee:1";

pub(super) const ROLIG: &str = "14858834016";
pub(super) const DRIFTIG: &str = "19908240378";
pub(super) const TREG: &str = "219840365";

/// 10 July 2026, 12:00 UTC.
pub(super) fn now() -> Timestamp {
    Timestamp::parse("2026-07-10T12:00:00Z").unwrap()
}

pub(super) fn system_random() -> impl FnMut(&mut [u8]) + Send + 'static {
    |bytes: &mut [u8]| getrandom::fill(bytes).unwrap()
}

/// An organisation of the list, with what the list does not say: its private key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Org {
    Identity = 1,
    Tax = 2,
    LoanFund = 3,
    Register = 4,
    Guarantor = 5,
    Bank = 6,
    Roads = 7,
    /// In no list.
    Stranger = 8,
}

impl Org {
    const LISTED: [Org; 7] = [
        Org::Identity,
        Org::Tax,
        Org::LoanFund,
        Org::Register,
        Org::Guarantor,
        Org::Bank,
        Org::Roads,
    ];

    fn facts(
        self,
    ) -> (
        &'static str,
        &'static str,
        &'static str,
        &'static [&'static str],
        &'static [&'static str],
    ) {
        match self {
            Org::Identity => (
                "digdir.example",
                "991825827",
                "DIGITALISERINGSDIREKTORATET",
                &[PID],
                &[],
            ),
            Org::Tax => (
                "skatteetaten.example",
                "974761076",
                "SKATTEETATEN",
                &[INCOME, TAX],
                &["K02"],
            ),
            Org::LoanFund => (
                "lanekassen.example",
                "960885406",
                "LÅNEKASSEN",
                &[LOAN, ALLOWANCE],
                &["K02"],
            ),
            Org::Register => (
                "brreg.example",
                "974760673",
                "BRØNNØYSUNDREGISTRENE",
                &[COMPANY],
                &["K02"],
            ),
            Org::Guarantor => (
                "garanti.example",
                "315902738",
                "SOLID GARANTI ASA",
                &[GUARANTEE],
                &["K02"],
            ),
            Org::Bank => (
                "bank.example",
                "213579045",
                "SYNTETISK SPAREBANK",
                &[],
                &["S01", "S10", "S15", "K01"],
            ),
            Org::Roads => ("vegvesen.example", "971032081", "STATENS VEGVESEN", &[], &["S09"]),
            Org::Stranger => ("stranger.example", "310682950", "TOMT SKALL AS", &[], &["S01"]),
        }
    }

    pub(super) fn did(self) -> Did {
        Did::parse(&format!("did:web:{}", self.facts().0)).unwrap()
    }
    pub(super) fn name(self) -> &'static str {
        self.facts().2
    }
    pub(super) fn kid(self) -> String {
        format!("{}#key-1", self.did())
    }
    pub(super) fn key(self) -> SigningKey {
        SigningKey::from_bytes(&[self as u8; 32])
    }
    pub(super) fn peer(self) -> String {
        let letter = char::from(b'A' + self as u8);
        format!("12D3KooW{}", letter.to_string().repeat(44))
    }
    fn listed(self) -> Organisation {
        let (_, number, name, issues, services) = self.facts();
        Organisation {
            did: self.did(),
            number: number.to_owned(),
            name: name.to_owned(),
            keys: vec![OrganisationKey {
                id: self.kid(),
                key: self.key().verifying_key(),
                valid_from: Timestamp::parse("2026-01-01T00:00:00Z").unwrap(),
                valid_until: Timestamp::parse("2027-01-01T00:00:00Z").unwrap(),
                compromised: None,
            }],
            nodes: vec![NodeEntry {
                peer: self.peer(),
                addresses: vec!["/ip4/127.0.0.1/udp/4001/quic-v1".to_owned()],
            }],
            issues: issues.iter().map(|vct| (*vct).to_owned()).collect(),
            services: Registration::builtin()
                .into_iter()
                .filter(|service| services.contains(&service.id.as_str()))
                .map(std::sync::Arc::new)
                .collect(),
        }
    }
}

/// The list that counts until then, with a head of now or of the last moment.
pub(super) fn trust_until(next_update: &str) -> Arc<Trust> {
    let next_update = Timestamp::parse(next_update).unwrap();
    trust_at(next_update.plus(-1).min(now()), next_update)
}

/// The list with a head of that time.
pub(super) fn trust_at(at: Timestamp, next_update: Timestamp) -> Arc<Trust> {
    let issued = Timestamp::parse("2026-07-01T00:00:00Z").unwrap();
    let draft = Draft {
        sequence: 7,
        operator: "Syntetisk tillitsanker".to_owned(),
        issued,
        next_update,
        organisations: Org::LISTED.into_iter().map(Org::listed).collect(),
    };
    let mut anchors = Ceremony::of_three(&mut system_random(), issued).unwrap();
    anchors.trust(&draft, at).unwrap()
}

pub(super) fn trust() -> Arc<Trust> {
    trust_until("2027-01-01T00:00:00Z")
}

/// Every copy has the same state, said now.
pub(super) struct Says(pub(super) State);
impl Source for Says {
    fn state(&self, _: &Did, _: &str, _: u32) -> Option<(State, Timestamp)> {
        Some((self.0, now()))
    }
}
/// No list is at hand.
pub(super) struct Silent;
impl Source for Silent {
    fn state(&self, _: &Did, _: &str, _: u32) -> Option<(State, Timestamp)> {
        None
    }
}

/// A wallet with its home, so that it can be closed and opened again.
pub(super) struct Home {
    dir: tempfile::TempDir,
    settings: Settings,
    wallet: Option<Wallet>,
}

impl Home {
    fn new(settings: Settings) -> Home {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(
            &dir.path().join("store"),
            &Passphrase::new("hemmelig"),
            Params::quick(),
            Box::new(system_random()),
        )
        .unwrap();
        let mut home = Home {
            dir,
            settings,
            wallet: None,
        };
        home.wallet = Some(home.start(store));
        home
    }
    pub(super) fn person() -> Home {
        Home::new(Settings {
            kind: HolderKind::Person,
            organisation: None,
        })
    }
    pub(super) fn company() -> Home {
        Home::new(Settings {
            kind: HolderKind::Company,
            organisation: Some(TREG.to_owned()),
        })
    }
    fn start(&self, store: Store) -> Wallet {
        let settings = self.settings.clone();
        let random = Box::new(system_random());
        let mut wallet = Wallet::open(store, Types::builtin(), settings, random).unwrap();
        wallet.set_trust(trust());
        wallet
    }
    pub(super) fn store(&mut self) -> Store {
        self.wallet = None;
        let dir = self.dir.path().join("store");
        Store::open(&dir, &Passphrase::new("hemmelig"), Box::new(system_random())).unwrap()
    }
    /// Ends the process and starts it anew.
    pub(super) fn restart(&mut self) -> &mut Wallet {
        let store = self.store();
        self.wallet = Some(self.start(store));
        self.wallet()
    }
    pub(super) fn wallet(&mut self) -> &mut Wallet {
        self.wallet.as_mut().unwrap()
    }
}

/// The one message of a command, with its thread.
pub(super) fn sent(steps: &[Step]) -> (Thread, Outgoing) {
    match steps {
        [Step::Send { thread, message, .. }] => (*thread, message.clone()),
        other => panic!("expected one message, got {other:?}"),
    }
}
pub(super) fn asked(steps: &[Step]) -> (Thread, issue::Ask) {
    match sent(steps) {
        (thread, Outgoing::Issue(ask)) => (thread, ask),
        (_, other) => panic!("expected issuing, got {other:?}"),
    }
}
pub(super) fn told(steps: &[Step]) -> (Thread, present::Ask) {
    match sent(steps) {
        (thread, Outgoing::Present(ask)) => (thread, ask),
        (_, other) => panic!("expected presenting, got {other:?}"),
    }
}
pub(super) fn outcome(steps: &[Step]) -> Result<Outcome, Problem> {
    match steps {
        [Step::Done { result, .. }] => result.clone(),
        other => panic!("expected an end, got {other:?}"),
    }
}
pub(super) fn code(steps: &[Step]) -> Code {
    outcome(steps).expect_err("a refusal").code
}
pub(super) fn waiting(steps: &[Step]) -> String {
    match outcome(steps) {
        Ok(Outcome::Waiting { id }) => id,
        other => panic!("expected a waiting request, got {other:?}"),
    }
}
pub(super) fn collected(steps: &[Step]) -> Vec<String> {
    match outcome(steps) {
        Ok(Outcome::Collected { credentials }) => credentials,
        other => panic!("expected credentials, got {other:?}"),
    }
}

pub(super) fn path(text: &str) -> Path {
    let mut segments = Vec::new();
    for part in text.split('.') {
        let name = part.trim_end_matches("[]");
        segments.push(Some(name.to_owned()));
        segments.extend(part[name.len()..].matches("[]").map(|_| None));
    }
    Path(segments)
}

fn random_name() -> String {
    tables::text(&random::bytes::<16>(&mut system_random()))
}

pub(super) fn query(asked: &[(&str, &str, &[&str])]) -> Query {
    Query {
        credentials: asked
            .iter()
            .map(|(id, vct, claims)| CredentialQuery {
                id: (*id).to_owned(),
                vct: (*vct).to_owned(),
                claims: claims
                    .iter()
                    .map(|claim| ClaimQuery {
                        path: path(claim),
                        values: Vec::new(),
                    })
                    .collect(),
            })
            .collect(),
    }
}

/// A signed request with its one-time key: what an asker keeps.
pub(super) struct Session {
    pub(super) request: Request,
    pub(super) jws: String,
    key: DecryptionKey,
    asker: Org,
}

impl Session {
    pub(super) fn new(asker: Org, service: &str, query: Query, issue: Option<IssuePurpose>) -> Session {
        Session::bent(asker, service, query, issue, |_| {})
    }
    pub(super) fn bent(
        asker: Org,
        service: &str,
        query: Query,
        issue: Option<IssuePurpose>,
        bend: impl Fn(&mut Request),
    ) -> Session {
        let key = DecryptionKey::generate(&mut system_random());
        let mut request = Request {
            asker: asker.did(),
            nonce: random_name(),
            session: random_name(),
            issued: now(),
            expires: now().plus(120),
            query,
            encryption: key.public_jwk(),
            origins: vec![asker.peer()],
            service: service.to_owned(),
            stated: Registration::known(service).expect("built in").statement(),
            case: "Sak 2026/17".to_owned(),
            issue,
            grant: None,
            reach: false,
        };
        bend(&mut request);
        let jws = request.sign(&asker.kid(), &asker.key()).unwrap();
        Session {
            request,
            jws,
            key,
            asker,
        }
    }
    pub(super) fn hash(&self) -> [u8; 32] {
        request::hash(&self.jws)
    }
    pub(super) fn link(&self) -> Link {
        Link::Request {
            asker: self.asker.did(),
            session: self.request.session.clone(),
            hash: self.hash().to_vec(),
            expires: self.request.expires,
        }
    }
    pub(super) fn reply(&self) -> Incoming {
        Incoming::Present(present::Reply::Request {
            request: self.jws.clone(),
        })
    }
    pub(super) fn open_json(&self, answer: &str) -> Value {
        let bytes = self.key.open(answer, &self.hash(), 1 << 20).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }
    pub(super) fn open(&self, answer: &str) -> VpToken {
        let value = self.open_json(answer);
        serde_json::from_value(value["vp_token"].clone()).unwrap()
    }
    /// The holder's decision that came with an answer.
    pub(super) fn decision(&self, answer: &str) -> Option<String> {
        let bytes = self.key.open(answer, &self.hash(), 1 << 20).ok()?;
        let value: Value = serde_json::from_slice(&bytes).unwrap();
        let signed = value["decision"].as_str().or(value["grant"].as_str());
        signed.map(str::to_owned)
    }
    /// The asker's gate.
    pub(super) fn check(
        &self,
        answer: &str,
        subject: Option<&str>,
        covers: Option<&Covers>,
    ) -> (Report, Option<VerifiedPresentation>) {
        let trust = trust();
        let types = Types::builtin();
        let context = Context {
            now: now(),
            trust: Some(&trust),
            status: &Says(State::Valid),
            types: &types,
            status_age_max: DAY,
        };
        let client_id = self.request.client_id();
        let expected = Expected {
            audience: &client_id,
            nonce: &self.request.nonce,
            request_hash: self.hash(),
            query: &self.request.query,
            issued: self.request.issued,
            subject,
            covers,
        };
        verify::presentation(&self.open(answer), &expected, &context)
    }
    pub(super) fn receipt(&self, answer: &str) -> Receipt {
        Receipt {
            request: tables::text(&self.hash()),
            answer: tables::text(&Sha256::digest(answer)),
            decision: self.decision(answer).map(|text| credentials::decision::hash(&text)),
            asker: self.asker.did(),
            verdict: verify::Verdict::Valid,
            code: None,
            kept: BTreeMap::new(),
            until: None,
            ground: "consent".to_owned(),
            at: now(),
        }
    }
    pub(super) fn receipt_reply(&self, answer: &str) -> Incoming {
        let receipt = self.receipt(answer);
        let receipt = receipt.sign(&self.asker.kid(), &self.asker.key()).unwrap();
        Incoming::Present(present::Reply::Receipt { receipt })
    }
}

/// What an issuer does, step by step.
pub(super) struct Issuer {
    pub(super) org: Org,
    pub(super) vct: &'static str,
    pub(super) organisation: Option<String>,
    pub(super) session: Option<Session>,
    next_index: u32,
}

impl Issuer {
    pub(super) fn new(org: Org, vct: &'static str) -> Issuer {
        Issuer {
            org,
            vct,
            organisation: None,
            session: None,
            next_index: 0,
        }
    }
    pub(super) fn for_company(org: Org, vct: &'static str) -> Issuer {
        Issuer {
            organisation: Some(TREG.to_owned()),
            ..Issuer::new(org, vct)
        }
    }
    pub(super) fn credential_type(&self) -> Arc<CredentialType> {
        Arc::clone(Types::builtin().get(self.vct).unwrap())
    }
    pub(super) fn link(&self) -> Link {
        Link::Offer {
            issuer: self.org.did(),
            vct: self.vct.to_owned(),
            offer: (self.vct == PID).then(|| vec![7; 16]),
            expires: None,
        }
    }
    pub(super) fn terms(&mut self) -> Terms {
        let types = self.credential_type();
        let session = match &types.holder.proof {
            HolderProof::ActivationCode => None,
            HolderProof::Credential { vct, path } | HolderProof::Role { vct, path, .. } => {
                let asked = Query {
                    credentials: vec![CredentialQuery {
                        id: "who".to_owned(),
                        vct: vct.clone(),
                        claims: vec![ClaimQuery {
                            path: path.clone(),
                            values: Vec::new(),
                        }],
                    }],
                };
                let issue = IssuePurpose {
                    vct: self.vct.to_owned(),
                    organisation: self.organisation.clone(),
                    standing: None,
                };
                Some(Session::new(self.org, "K02", asked, Some(issue)))
            }
        };
        let nonce = session
            .as_ref()
            .map_or_else(random_name, |session| session.request.nonce.clone());
        let request = session.as_ref().map(|session| session.jws.clone());
        self.session = session;
        Terms {
            nonce,
            copies: types.copies,
            rows: types.rows,
            request,
        }
    }
    pub(super) fn terms_reply(&mut self) -> Incoming {
        Incoming::Issue(issue::Reply::Terms(self.terms()))
    }
    /// Checks the key proofs, and returns the keys they prove.
    pub(super) fn keys(&self, request: &issue::Request) -> Vec<VerifyingKey> {
        request
            .proofs
            .iter()
            .map(|proof| {
                let proof = jws::Jws::parse(proof, KEY_PROOF_TYP, 4096).unwrap();
                let key = VerifyingKey::from_jwk(&proof.header["jwk"]).unwrap();
                assert!(proof.verify(&key), "possession");
                assert_eq!(proof.payload["aud"], json!(self.org.did()));
                assert_eq!(proof.payload["nonce"], json!(request.nonce));
                assert_eq!(proof.payload["transaction"], json!(tables::text(&request.transaction)));
                key
            })
            .collect()
    }
    /// Checks the identification with the asker's gate, what it covers included.
    pub(super) fn identify(&self, request: &issue::Request, subject: &str) {
        let Identification::Presentation { answer } = &request.identification else {
            panic!("a presentation was expected");
        };
        let covers = Covers {
            transaction: request.transaction.as_slice().try_into().unwrap(),
            keys_hash: sd_jwt::keys_hash(&self.keys(request)),
            organisation: self.organisation.clone(),
            grant: None,
        };
        let session = self.session.as_ref().unwrap();
        let (report, verified) = session.check(answer, Some(subject), Some(&covers));
        assert!(verified.is_some(), "{:?}", report.problem());
    }
    pub(super) fn sign(&mut self, row: &Value, key: &VerifyingKey) -> String {
        let types = self.credential_type();
        let row = types.row(row.clone()).unwrap();
        self.next_index += 1;
        let index = self.next_index;
        let issued = now().day();
        sd_jwt::issue(
            &Issue {
                credential_type: &types,
                claims: &types.claims(&row),
                issuer: &self.org.did(),
                kid: &self.org.kid(),
                holder: key,
                status: StatusRef {
                    uri: "https://lists.example/status/1".to_owned(),
                    index,
                },
                issued,
                expires: types.valid_until(issued, &row),
            },
            &mut system_random(),
            &self.org.key() as &dyn Signer,
        )
        .unwrap()
    }
    pub(super) fn deliver(&mut self, request: &issue::Request, rows: &[Value]) -> Vec<Vec<String>> {
        let keys = self.keys(request);
        self.deliver_to(&keys, rows)
    }
    pub(super) fn deliver_to(&mut self, keys: &[VerifyingKey], rows: &[Value]) -> Vec<Vec<String>> {
        let copies = usize::from(self.credential_type().copies);
        rows.iter()
            .zip(keys.chunks(copies))
            .map(|(row, keys)| keys.iter().map(|key| self.sign(row, key)).collect())
            .collect()
    }
    pub(super) fn delivery(&self, request: &issue::Request, credentials: Vec<Vec<String>>) -> Incoming {
        Incoming::Issue(issue::Reply::Delivery {
            transaction: request.transaction.clone(),
            credentials,
        })
    }
    /// Takes `row` into the wallet through the whole protocol, saying yes where a person must, and returns the credential's name.
    pub(super) fn collect(&mut self, wallet: &mut Wallet, row: &Value) -> String {
        let (_, steps) = wallet.receive_link(now(), &self.link(), Some("ABCD-EFGH-JKMN-PQRS"));
        let (thread, _) = asked(&steps);
        let terms = self.terms_reply();
        let mut steps = wallet.receive(now(), thread, &self.org.peer(), terms);
        if self.session.is_some() {
            let id = waiting(&steps);
            steps = wallet.present(now(), &id, "nb").1;
        }
        let (thread, ask) = asked(&steps);
        let issue::Ask::Request(request) = ask else {
            panic!("a request")
        };
        let credentials = self.deliver(&request, std::slice::from_ref(row));
        let reply = self.delivery(&request, credentials);
        let steps = wallet.receive(now(), thread, &self.org.peer(), reply);
        let (thread, ask) = asked(&steps);
        assert!(matches!(ask, issue::Ask::Acknowledge { transaction } if transaction == request.transaction));
        let reply = Incoming::Issue(issue::Reply::Acknowledged);
        let names = collected(&wallet.receive(now(), thread, &self.org.peer(), reply));
        names[0].clone()
    }
}

pub(super) fn pid_row(number: &str) -> Value {
    json!({
        "family_name": "Fiskebåt", "given_name": "Rolig", "birth_date": "1988-05-14", "birth_place": "NO", "nationality": ["NO"],
        "personal_administrative_number": number, "age_over_18": true,
        "issuing_authority": "Digitaliseringsdirektoratet (syntetisk)", "issuing_country": "NO", "expiry_date": "2031-08-31"
    })
}
pub(super) fn income_row(number: &str) -> Value {
    let line = |month: &str, amount: &str| {
        json!({
            "opplysningspliktigId": "312045877", "virksomhetId": "312045877", "kalendermaaned": month,
            "inntektsmottaker": { "personidentifikator": number },
            "inntekt": [{ "fordel": "kontantytelse", "utloeserArbeidsgiveravgift": true, "inngaarIGrunnlagForTrekk": true,
                          "beloep": amount, "loennsinntekt": { "beskrivelse": "fastloenn" } }]
        })
    };
    json!({
        "personidentifikator": number, "fraOgMed": "2026-05", "tilOgMed": "2026-06",
        "ajourholdstidspunkt": "2026-07-10T04:00:00Z",
        "oppgaveInntektsmottaker": [line("2026-05", "48517.25"), line("2026-06", "61293.75")],
        "derived": { "monthsWithStatement": 2, "sumKontantytelse": "109811.00" }
    })
}
pub(super) fn tax_row(number: &str) -> Value {
    json!({
        "personidentifikator": number, "inntektsaar": "2025", "stadie": "fastsatt", "skatteoppgjoersdato": "2026-05-27",
        "ajourholdstidspunkt": "2026-05-27T06:12:30Z", "skjermet": false,
        "grunnlag": [
            { "tekniskNavn": "samletGjeld", "beloep": "1840337", "kategori": "formuesfradrag" },
            { "tekniskNavn": "samletUfoeretrygdFraFolketrygdenEksklusiveEktefelletillegg", "beloep": "97531", "kategori": "formue",
              "spesifisering": [{ "type": "LoennOgTilsvarendeYtelser", "arbeidsgiversNavn": "HEMMELIG ARBEIDSGIVER AS", "organisasjonsnummer": "312045877", "beloep": "97531" }] }
        ]
    })
}
pub(super) fn company_row(number: &str) -> Value {
    json!({
        "organisasjonsnummer": number, "navn": "TREG LASTEBIL AS", "organisasjonsform": { "kode": "AS", "beskrivelse": "Aksjeselskap" },
        "rollegrupper": [{ "type": { "kode": "DAGL", "beskrivelse": "Daglig leder" }, "roller": [
            { "type": { "kode": "DAGL", "beskrivelse": "Daglig leder" },
              "person": { "fodselsdato": "1982-10-19", "fodselsnummer": DRIFTIG, "navn": { "fornavn": "Driftig", "etternavn": "Elvebredd" }, "erDoed": false },
              "avregistrert": false, "rekkefolge": 0 }] }]
    })
}

/// What the bank asks under S01.
pub(super) fn loan_query() -> Query {
    query(&[
        (
            "inntekt",
            INCOME,
            &[
                "personidentifikator",
                "oppgaveInntektsmottaker[].kalendermaaned",
                "oppgaveInntektsmottaker[].inntekt[].beloep",
                "derived.sumKontantytelse",
            ],
        ),
        (
            "skatt",
            TAX,
            &[
                "personidentifikator",
                "inntektsaar",
                "grunnlag[].tekniskNavn",
                "grunnlag[].beloep",
            ],
        ),
    ])
}

/// A person's wallet with identification, income and tax assessment.
pub(super) fn citizen() -> Home {
    let mut home = Home::person();
    Issuer::new(Org::Identity, PID).collect(home.wallet(), &pid_row(ROLIG));
    Issuer::new(Org::Tax, INCOME).collect(home.wallet(), &income_row(ROLIG));
    Issuer::new(Org::Tax, TAX).collect(home.wallet(), &tax_row(ROLIG));
    home
}

/// Brings a request before the person and returns its name.
pub(super) fn bring(wallet: &mut Wallet, session: &Session) -> String {
    waiting(&fetch(wallet, session, &session.asker.peer(), session.reply()))
}

/// Takes the link, and hands in `reply` as coming from `peer`.
pub(super) fn fetch(wallet: &mut Wallet, session: &Session, peer: &str, reply: Incoming) -> Vec<Step> {
    let (_, steps) = wallet.receive_link(now(), &session.link(), None);
    let (thread, ask) = told(&steps);
    assert_eq!(
        ask,
        present::Ask::Fetch {
            session: session.request.session.clone()
        }
    );
    wallet.receive(now(), thread, peer, reply)
}

/// Says yes and returns the answer's bytes.
pub(super) fn answer(wallet: &mut Wallet, id: &str, language: &str) -> (Thread, String) {
    let (_, steps) = wallet.present(now(), id, language);
    match told(&steps) {
        (thread, present::Ask::Answer { answer, .. }) => (thread, answer),
        (_, other) => panic!("expected an answer, got {other:?}"),
    }
}

/// Every text in a JSON value that is long enough to be told from chance.
pub(super) fn values(value: &Value) -> Vec<String> {
    match value {
        Value::Object(members) => members.values().flat_map(values).collect(),
        Value::Array(items) => items.iter().flat_map(values).collect(),
        Value::String(text) if text.len() > 4 => vec![text.clone()],
        _ => Vec::new(),
    }
}
