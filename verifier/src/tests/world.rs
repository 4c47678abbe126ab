//! A small world with real keys: anchors, an issuer of every type, a bank, holders with copies, and a status that can be told.

use crate::{NewRequest, SessionDetail, Settings, State, Verifier};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use credentials::decision::Receipt;
use credentials::protocol::presentation::{Ask, Reply};
use credentials::query::CredentialQuery;
use credentials::request::{self, OpenedRequest};
use credentials::schema::{Path, Types, values_at};
use credentials::sd_jwt::{self, Bind, Issue, SdJwt, StatusRef};
use credentials::service::Registration;
use credentials::trust::{Ceremony, Draft, NodeEntry, Organisation, OrganisationKey, Trust};
use credentials::verify::{Verdict, VpToken};
use credentials::{Code, Did, Problem, Random, SigningKey, Timestamp, jwe, status};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use store::disk::Disk;
use store::{Params, Passphrase, Store};
use tempfile::TempDir;

pub(super) const PEER: &str = "12D3KooWBankBankBankBankBankBankBankBankBankBankBank";
pub(super) const WALLET: &str = "12D3KooWHoLderHoLderHoLderHoLderHoLderHoLderHoLderHo";
/// Rolig Fiskebåt, the customer.
pub(super) const CUSTOMER: &str = "14858834016";
/// Somebody else.
pub(super) const OTHER: &str = "52849448080";
pub(super) const COMPANY: &str = "219840365";
pub(super) const INCOME: &str = "urn:bevis:MonthlyIncome:1";
pub(super) const TAX: &str = "urn:bevis:TaxAssessmentSummary:1";
pub(super) const LOAN: &str = "urn:bevis:StudentLoanBalance:1";
pub(super) const GUARANTEE: &str = "urn:bevis:TransportLicenceGuarantee:1";
pub(super) const REGISTRATION: &str = "urn:bevis:CompanyRegistration:1";
const STATUS_URI: &str = "https://etat.example/status/1";

/// Different bytes at every call, in this process.
pub(super) fn random() -> Box<dyn Random> {
    static DRAWN: AtomicU64 = AtomicU64::new(1);
    Box::new(|bytes: &mut [u8]| {
        for chunk in bytes.chunks_mut(32) {
            use sha2::Digest;
            let drawn = DRAWN.fetch_add(1, Ordering::Relaxed);
            let digest = sha2::Sha256::digest(drawn.to_be_bytes());
            chunk.copy_from_slice(&digest[..chunk.len()]);
        }
    })
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

pub(super) fn etat() -> Did {
    Did::parse("did:web:etat.example").unwrap()
}

pub(super) fn bank() -> Did {
    Did::parse("did:web:bank.example").unwrap()
}

pub(super) fn etat_key() -> SigningKey {
    key(1)
}

pub(super) fn now() -> Timestamp {
    Timestamp::parse("2026-08-05T10:00:00Z").unwrap()
}

/// A path as people write it: `oppgaveInntektsmottaker[].kalendermaaned`.
pub(super) fn path(text: &str) -> Path {
    let mut segments = Vec::new();
    for part in text.split('.') {
        let name = part.trim_end_matches("[]");
        segments.push(Some(name.to_owned()));
        segments.extend((0..(part.len() - name.len()) / 2).map(|_| None));
    }
    Path(segments)
}

pub(super) fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// What the issuer last said of its copies, as a mirror has it.
#[derive(Clone, Default)]
pub(super) struct Told {
    pub(super) at: Option<Timestamp>,
    pub(super) states: BTreeMap<u32, status::State>,
}

impl status::Source for Told {
    fn state(&self, issuer: &Did, uri: &str, index: u32) -> Option<(status::State, Timestamp)> {
        let state = self.states.get(&index).copied();
        (*issuer == etat() && uri == STATUS_URI).then_some((state.unwrap_or(status::State::Valid), self.at?))
    }
}

/// A copy in a wallet.
pub(super) struct Copy {
    pub(super) vct: String,
    pub(super) text: String,
    pub(super) key: SigningKey,
    pub(super) index: u32,
}

/// What an answer is made of; a test bends it.
pub(super) struct Answer {
    pub(super) audience: String,
    pub(super) nonce: String,
    pub(super) issued: Timestamp,
    pub(super) request_hash: [u8; 32],
    pub(super) encryption: Value,
    pub(super) apv: Vec<u8>,
    pub(super) paths: BTreeMap<String, Vec<Path>>,
}

impl Answer {
    pub(super) fn to(opened: &OpenedRequest, at: Timestamp) -> Answer {
        let paths = |query: &CredentialQuery| query.claims.iter().map(|c| c.path.clone()).collect();
        Answer {
            audience: opened.request.client_id(),
            nonce: opened.request.nonce.clone(),
            issued: at,
            request_hash: opened.hash,
            encryption: opened.request.encryption.clone(),
            apv: opened.hash.to_vec(),
            paths: opened
                .request
                .query
                .credentials
                .iter()
                .map(|query| (query.id.clone(), paths(query)))
                .collect(),
        }
    }

    /// One presentation of `copy`, bound by `holder`.
    pub(super) fn present(&self, id: &str, copy: &Copy, holder: &SigningKey) -> String {
        let held = SdJwt::parse(&copy.text).unwrap();
        let selected = held.select(&self.paths[id]).unwrap();
        let bind = Bind {
            audience: &self.audience,
            nonce: &self.nonce,
            issued: self.issued,
            request_hash: self.request_hash,
            covers: None,
        };
        sd_jwt::bind(&selected, &bind, holder).unwrap()
    }

    pub(super) fn seal(&self, token: &VpToken) -> String {
        self.seal_json(&json!({ "vp_token": token }))
    }

    pub(super) fn seal_json(&self, plain: &Value) -> String {
        self.seal_bytes(plain.to_string().as_bytes())
    }

    pub(super) fn seal_bytes(&self, plain: &[u8]) -> String {
        jwe::seal(&self.encryption, b"", &self.apv, plain, random().as_mut()).unwrap()
    }
}

pub(super) struct World {
    pub(super) dir: TempDir,
    pub(super) types: Types,
    pub(super) trust: Arc<Trust>,
    pub(super) status: Told,
    pub(super) now: Timestamp,
    pub(super) verifier: Verifier,
    issued: u32,
    /// Another disk than the machine's own.
    disk: Option<Arc<dyn Disk>>,
}

impl World {
    pub(super) fn new() -> World {
        World::made_in(TempDir::new().unwrap())
    }

    pub(super) fn made_in(dir: TempDir) -> World {
        let made = Store::create(&dir.path().join("store"), &passphrase(), Params::quick(), entropy()).unwrap();
        World::with(dir, made, None)
    }

    /// On another disk.
    pub(super) fn made_on(dir: TempDir, disk: Arc<dyn Disk>) -> World {
        let home = dir.path().join("store");
        let made = Store::create_on(Arc::clone(&disk), &home, &passphrase(), Params::quick(), entropy()).unwrap();
        World::with(dir, made, Some(disk))
    }

    fn with(dir: TempDir, made: Store, disk: Option<Arc<dyn Disk>>) -> World {
        let types = Types::builtin();
        let trust = trust(now(), |_| {});
        let status = Told {
            at: Some(now().plus(-60)),
            states: BTreeMap::new(),
        };
        let verifier = open(made, &types, &trust);
        World {
            dir,
            types,
            trust,
            status,
            now: now(),
            verifier,
            issued: 0,
            disk,
        }
    }

    /// Ends the process and starts the next one on the same home.
    pub(super) fn reopen(self) -> World {
        self.reopen_after(|_| {})
    }

    /// The same, with something done to the store in between.
    pub(super) fn reopen_after(self, between: impl FnOnce(&Store)) -> World {
        let World {
            dir,
            types,
            trust,
            status,
            now,
            verifier,
            issued,
            disk,
        } = self;
        drop(verifier);
        let home = dir.path().join("store");
        let opened = match &disk {
            None => Store::open(&home, &passphrase(), entropy()).unwrap(),
            Some(disk) => Store::open_on(Arc::clone(disk), &home, &passphrase(), entropy()).unwrap(),
        };
        between(&opened);
        let verifier = open(opened, &types, &trust);
        World {
            dir,
            types,
            trust,
            status,
            now,
            verifier,
            issued,
            disk,
        }
    }

    pub(super) fn set_trust(&mut self, trust: Arc<Trust>) {
        self.trust = Arc::clone(&trust);
        self.verifier.set_trust(trust);
    }

    /// Lets time pass; the mirror keeps up.
    pub(super) fn pass(&mut self, seconds: i64) {
        self.now = self.now.plus(seconds);
        self.status.at = Some(self.now.plus(-60));
    }

    // --- the issuer ---

    pub(super) fn issue(&mut self, vct: &str, row: Value) -> Copy {
        self.issued += 1;
        let credential_type = Arc::clone(self.types.get(vct).unwrap());
        let row = credential_type.row(row).unwrap();
        let holder = SigningKey::generate(random().as_mut());
        let text = sd_jwt::issue(
            &Issue {
                credential_type: &credential_type,
                claims: &credential_type.claims(&row),
                issuer: &etat(),
                kid: "did:web:etat.example#key-1",
                holder: &holder.verifying_key(),
                status: StatusRef {
                    uri: STATUS_URI.to_owned(),
                    index: self.issued,
                },
                issued: now().day(),
                expires: credential_type.valid_until(now().day(), &row),
            },
            random().as_mut(),
            &etat_key(),
        )
        .unwrap();
        Copy {
            vct: vct.to_owned(),
            text,
            key: holder,
            index: self.issued,
        }
    }

    pub(super) fn income(&mut self, number: &str) -> Copy {
        self.issue(INCOME, income_row(number, "48500.00"))
    }

    pub(super) fn tax(&mut self, number: &str) -> Copy {
        self.issue(TAX, tax_row(number))
    }

    pub(super) fn loan(&mut self, number: &str) -> Copy {
        self.issue(LOAN, loan_row(number))
    }

    pub(super) fn company(&mut self) -> Copy {
        self.issue(REGISTRATION, company_row())
    }

    // --- the bank's desk ---

    pub(super) fn ask(&mut self, service: &str, subject: &str) -> String {
        self.try_ask(service, subject, &[], &[], Some(600)).unwrap()
    }

    pub(super) fn try_ask(
        &mut self,
        service: &str,
        subject: &str,
        types: &[&str],
        claims: &[&str],
        valid_seconds: Option<i64>,
    ) -> Result<String, Problem> {
        let types = strings(types);
        let claims: Vec<Path> = claims.iter().map(|text| path(text)).collect();
        let new = NewRequest {
            service,
            case: "L-2026-17",
            subject,
            types: &types,
            claims: &claims,
            valid_seconds,
            pair: false,
        };
        self.verifier.request(self.now, &new).map(|asked| asked.session)
    }

    pub(super) fn detail(&self, session: &str) -> SessionDetail {
        self.verifier.session(self.now, session).unwrap().unwrap()
    }

    pub(super) fn state(&self, session: &str) -> State {
        self.detail(session).view.state
    }

    /// State, verdict and code, as the desk shows them.
    pub(super) fn outcome(&self, session: &str) -> (State, Option<Verdict>, Option<Code>) {
        let view = self.detail(session).view;
        (view.state, view.verdict, view.code)
    }

    // --- the holder ---

    pub(super) fn send(&mut self, ask: Ask) -> Reply {
        self.verifier.receive(self.now, &self.status, WALLET, ask)
    }

    pub(super) fn fetch(&mut self, session: &str) -> OpenedRequest {
        let ask = Ask::Fetch {
            session: session.to_owned(),
        };
        match self.send(ask) {
            Reply::Request { request } => request::open(&request, &self.trust, Some(PEER), self.now).unwrap(),
            other => panic!("no request: {other:?}"),
        }
    }

    /// An honest answer to the session's request, with a copy for each credential asked.
    pub(super) fn answer(&mut self, session: &str, copies: &[&Copy]) -> String {
        self.bent_answer(session, copies, |_| {})
    }

    pub(super) fn bent_answer(&mut self, session: &str, copies: &[&Copy], bend: impl FnOnce(&mut Answer)) -> String {
        let opened = self.fetch(session);
        let mut answer = Answer::to(&opened, self.now);
        bend(&mut answer);
        let token = token(&opened, &answer, copies);
        answer.seal(&token)
    }

    pub(super) fn send_answer(&mut self, session: &str, answer: &str) -> Reply {
        self.send(Ask::Answer {
            session: session.to_owned(),
            answer: answer.to_owned(),
        })
    }

    /// Sends an answer that is expected to end in a receipt, which is checked and names this very answer.
    pub(super) fn receipt(&mut self, session: &str, answer: &str) -> Receipt {
        match self.send_answer(session, answer) {
            Reply::Receipt { receipt } => {
                use sha2::Digest;
                assert_eq!(self.detail(session).receipt.as_deref(), Some(&*receipt));
                let receipt = Receipt::open(&receipt, &self.trust).unwrap();
                let hash = sha2::Sha256::digest(answer.as_bytes());
                assert_eq!(receipt.answer, BASE64_URL_SAFE_NO_PAD.encode(hash));
                assert_eq!(receipt.asker, bank());
                assert_eq!(receipt.at, self.now);
                receipt
            }
            other => panic!("no receipt: {other:?}"),
        }
    }

    /// Sends an answer that is expected to be refused without a verdict.
    pub(super) fn refusal(&mut self, session: &str, answer: &str) -> Code {
        match self.send_answer(session, answer) {
            Reply::Problem(problem) => problem.code,
            other => panic!("not refused: {other:?}"),
        }
    }
}

/// `vp_token` with, for each credential asked, the first of `copies` of its type.
pub(super) fn token(opened: &OpenedRequest, answer: &Answer, copies: &[&Copy]) -> VpToken {
    let asked = &opened.request.query.credentials;
    asked
        .iter()
        .map(|query| {
            let copy = copies.iter().find(|copy| copy.vct == query.vct).unwrap();
            let text = answer.present(&query.id, copy, &copy.key);
            (query.id.clone(), vec![text])
        })
        .collect()
}

pub(super) fn open(store: Store, types: &Types, trust: &Arc<Trust>) -> Verifier {
    let mut verifier = Verifier::open(store, types.clone(), settings(), Arc::new(key(2)), random()).unwrap();
    verifier.set_trust(Arc::clone(trust));
    verifier
}

pub(super) fn settings() -> Settings {
    Settings {
        did: bank(),
        kid: "did:web:bank.example#key-1".to_owned(),
        peers: vec![PEER.to_owned()],
    }
}

pub(super) fn passphrase() -> Passphrase {
    Passphrase::new("a passphrase of the tests")
}

pub(super) fn entropy() -> store::Entropy {
    let mut random = random();
    Box::new(move |bytes: &mut [u8]| random.fill(bytes))
}

/// A trust document issued at `at` and current for a day, after `bend` had its way with it.
pub(super) fn trust(at: Timestamp, bend: impl FnOnce(&mut Draft)) -> Arc<Trust> {
    let organisation = |did: Did, number: &str, name: &str, seed: u8| Organisation {
        keys: vec![OrganisationKey {
            id: format!("{did}#key-1"),
            key: key(seed).verifying_key(),
            valid_from: now().plus(-86_400),
            valid_until: now().plus(86_400 * 4_000),
            compromised: None,
        }],
        did,
        number: number.to_owned(),
        name: name.to_owned(),
        nodes: Vec::new(),
        issues: Vec::new(),
        services: Vec::new(),
    };
    let mut issuer = organisation(etat(), "974760673", "ETATEN", 1);
    issuer.issues = strings(&[INCOME, TAX, LOAN, GUARANTEE, REGISTRATION]);
    let mut asker = organisation(bank(), "213579045", "SYNTETISK SPAREBANK", 2);
    asker.nodes.push(NodeEntry {
        peer: PEER.to_owned(),
        addresses: strings(&["/ip4/127.0.0.1/udp/4001/quic-v1"]),
    });
    asker.services = Registration::builtin().into_iter().map(std::sync::Arc::new).collect();
    asker.services.retain(|service| service.id != "K02");
    let mut draft = Draft {
        sequence: 1,
        operator: "Anker".to_owned(),
        issued: at,
        next_update: at.plus(86_400),
        organisations: vec![issuer, asker],
    };
    bend(&mut draft);
    let mut anchors = Ceremony::of_three(random().as_mut(), at).unwrap();
    anchors.trust(&draft, at).unwrap()
}

/// The values at a path of what the desk got.
pub(super) fn shown(detail: &SessionDetail, id: &str, at: &str) -> Vec<Value> {
    let values = values_at(&detail.claims[id], &path(at));
    values.into_iter().cloned().collect()
}

// --- registers ---

pub(super) fn income_row(number: &str, amount: &str) -> Value {
    json!({
        "personidentifikator": number,
        "fraOgMed": "2026-07", "tilOgMed": "2026-07", "ajourholdstidspunkt": "2026-08-04T05:00:00Z",
        "skjermet": false,
        "oppgaveInntektsmottaker": [{
            "opplysningspliktigId": "312045877", "virksomhetId": "312045877", "kalendermaaned": "2026-07",
            "inntektsmottaker": {"personidentifikator": number},
            "inntekt": [{"fordel": "kontantytelse", "beloep": amount,
                "utloeserArbeidsgiveravgift": true, "inngaarIGrunnlagForTrekk": true,
                "loennsinntekt": {"beskrivelse": "fastloenn"}}],
        }],
        "derived": {"monthsWithStatement": 1, "sumKontantytelse": amount},
    })
}

pub(super) fn tax_row(number: &str) -> Value {
    json!({
        "personidentifikator": number, "inntektsaar": "2025", "stadie": "oppgjoer",
        "skatteoppgjoersdato": "2026-05-27", "ajourholdstidspunkt": "2026-05-27T06:12:30Z", "skjermet": false,
        "grunnlag": [
            {"tekniskNavn": "samletLoennsinntektMedTrygdeavgiftspliktOgMedTrekkplikt", "beloep": "621400", "kategori": "inntekt",
             "spesifisering": [{"type": "LoennOgTilsvarendeYtelser", "arbeidsgiversNavn": "FORNUFTIG FISKEBÅT AS",
                                "organisasjonsnummer": "312045877", "beloep": "621400"}]},
            {"tekniskNavn": "minstefradragIInntekt", "beloep": "92000", "kategori": "inntektsfradrag"},
        ],
    })
}

pub(super) fn loan_row(number: &str) -> Value {
    json!({
        "personidentifikator": number,
        "Accounts": [{"Name": "Lån", "Balances": [{"BalanceType": "closingBooked",
            "BalanceAmount": {"currency": "NOK", "amount": "312450.00"}, "LastChangeDateTime": "2026-08-01T00:00:00Z"}]}],
        "TotalAmount": {"currency": "NOK", "amount": "313654.00"},
        "formaal": "visning-i-nettbank", "ikkeTilKredittvurdering": true, "slettVedUtlogging": true,
    })
}

pub(super) fn company_row() -> Value {
    json!({
        "organisasjonsnummer": COMPANY, "navn": "TREG LASTEBIL AS",
        "organisasjonsform": {"kode": "AS", "beskrivelse": "Aksjeselskap"},
        "stiftelsesdato": "2024-02-01", "konkurs": false,
    })
}

pub(super) fn guarantee_row() -> Value {
    json!({
        "loeyvehaver": {"organisasjonsnummer": COMPANY, "navn": "TREG LASTEBIL AS"},
        "garantist": {"organisasjonsnummer": "315902738", "navn": "SOLID GARANTI ASA", "konsesjon": "finansforetaksloven § 2-7"},
        "loeyvemyndighet": {"organisasjonsnummer": "971032081", "navn": "Statens vegvesen"},
        "garantireferanse": "SG-2022-004711", "loeyvetype": "godstransport", "antallLoeyver": 3, "satsaar": 2022,
        "garantisum": {"valuta": "NOK", "beloep": "190000.00"}, "gyldigFra": "2022-04-01", "garantistatus": "oppsagt",
        "oppsigelse": {"oppsagtAv": "garantist", "varselDato": "2026-07-01", "opphoersdato": "2026-09-01"},
    })
}
