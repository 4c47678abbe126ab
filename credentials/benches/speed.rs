//! What the formats cost beside the bare signatures in them: `cargo bench -p credentials --bench speed`. Asserts no figure.
//!
//! Every figure is the CPU time of this one thread, and its ratio is to `ed25519-dalek` (`verify_strict`, `sign`) in the same
//! round: rounds of all figures alternate in short turns, and the median of the rounds is printed, so that what else the machine
//! does falls on both sides. 0.36 means: as many per second as 0.36 of the bare signatures.
//!
//! Nothing is memoised: each of the presentations has its own holder, key, salts, number, amounts, status entry, request, nonce and
//! binding, and each is checked once per round by the call that the verifier makes. What a node holds as state is held here too:
//! the trust document (150 organisations, keys read when it was loaded), the compiled types, a mirrored status list of 2^20 entries.
//!
//! Output, one figure a line, separated by tabs: name, microseconds, ratio to raw, samples.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    missing_docs
)]

use credentials::key::Signer as _;
use credentials::proof::{self, Purpose, Suite};
use credentials::query::Query;
use credentials::schema::{Claims, CredentialType, Path, Types};
use credentials::sd_jwt::{self, Bind, Issue, SdJwt, StatusRef};
use credentials::service::Registration;
use credentials::status::{Head, ListVersion, Mirror, State, States, list_hash};
use credentials::trust::{Draft, NodeEntry, Organisation, OrganisationKey, Trust};
use credentials::verify::{self, Context, Expected, Verdict, VpToken};
use credentials::{Did, SigningKey, Timestamp, json};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::hint::black_box;
use std::sync::Arc;

/// Distinct presentations, credentials and documents of each kind.
const DISTINCT: usize = 1_024;
/// One turn of a figure before the next has its turn.
const TURN: usize = 64;
/// How often each is gone through.
const ROUNDS: usize = 5;
/// Organisations of the trust document (design §4).
const ORGANISATIONS: usize = 150;

const INCOME: &str = "urn:bevis:MonthlyIncome:1";
const PERSON: &str = "urn:eudi:pid:1";
const URI: &str = "https://issuer.example/status/1";

fn main() {
    let world = World::new();
    let raw = Raw::new();
    let presented = [
        world.answers(INCOME, incomes, &world.registered("S01", INCOME), 12),
        world.answers(PERSON, persons, &all_of_person(), 12),
    ];
    let texts: Vec<[Signed; 2]> = presented[0].iter().map(|answer| world.signed(answer)).collect();
    let documents = world.documents();
    let copies = [
        Copies::new(&world, INCOME, one_payment),
        Copies::new(&world, PERSON, persons),
    ];

    let mut figures = [
        Figure::new("raw verify_strict", None),
        Figure::new("raw sign", None),
        Figure::new("present: income under S01, 12 of 25 disclosures", Some(0)),
        Figure::new("present: person, 12 of 12 disclosures", Some(0)),
        Figure::new("eddsa-jcs-2022 from bytes, listed key", Some(0)),
        Figure::new("eddsa-jcs-2022 from bytes, did:key", Some(0)),
        Figure::new("issue: income, 12 disclosures", Some(1)),
        Figure::new("issue: person, 12 disclosures", Some(1)),
        Figure::new("sign in the key module", Some(1)),
        Figure::new("raw verify_strict over an income presentation's texts", Some(0)),
    ];
    for _ in 0..ROUNDS {
        let mut spent = [0_u64; 10];
        for turn in 0..DISTINCT / TURN {
            let range = turn * TURN..(turn + 1) * TURN;
            let mut time = |figure: usize, work: &mut dyn FnMut(usize)| {
                let begun = cpu();
                range.clone().for_each(work);
                spent[figure] += cpu() - begun;
            };
            time(0, &mut |at| raw.verify(at));
            time(2, &mut |at| world.check(&presented[0][at]));
            time(3, &mut |at| world.check(&presented[1][at]));
            time(0, &mut |at| raw.verify(at));
            time(4, &mut |at| {
                world.prove(&documents.listed[at], &|_| Some(world.issuer_key()))
            });
            time(5, &mut |at| world.prove(&documents.named[at], &Did::key_of_method));
            time(1, &mut |at| raw.sign(at));
            time(6, &mut |at| copies[0].issue(&world, at));
            time(7, &mut |at| copies[1].issue(&world, at));
            time(1, &mut |at| raw.sign(at));
            time(8, &mut |at| raw.sign_here(at));
            time(9, &mut |at| texts[at].iter().for_each(Signed::verify));
        }
        // The raw ones had two turns each, and a presentation has two texts.
        for twice in [0, 1, 9] {
            spent[twice] /= 2;
        }
        for (figure, spent) in figures.iter_mut().zip(spent) {
            figure.rounds.push(spent as f64 / DISTINCT as f64 / 1_000.0);
        }
    }
    for figure in &figures {
        let ratios = match figure.raw {
            None => vec![1.0; ROUNDS],
            Some(raw) => {
                let pairs = figures[raw].rounds.iter().zip(&figure.rounds);
                pairs.map(|(raw, own)| raw / own).collect()
            }
        };
        println!(
            "{}\t{:.1}\t{:.3}\t{DISTINCT}",
            figure.name,
            median(&figure.rounds),
            median(&ratios)
        );
    }
}

struct Figure {
    name: &'static str,
    /// Which figure is its bare signature.
    raw: Option<usize>,
    /// Microseconds per operation.
    rounds: Vec<f64>,
}

impl Figure {
    fn new(name: &'static str, raw: Option<usize>) -> Figure {
        Figure {
            name,
            raw,
            rounds: Vec::new(),
        }
    }
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// CPU time of this thread in nanoseconds.
fn cpu() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

fn random() -> impl FnMut(&mut [u8]) + Send {
    |bytes: &mut [u8]| getrandom::fill(bytes).unwrap()
}

/// Bare signatures over 64 bytes, the shortest message that anything here signs; distinct keys, read beforehand.
struct Raw {
    keys: Vec<ed25519_dalek::SigningKey>,
    own: Vec<SigningKey>,
    signed: Vec<([u8; 64], ed25519_dalek::VerifyingKey, ed25519_dalek::Signature)>,
}

impl Raw {
    fn new() -> Raw {
        let mut raw = Raw {
            keys: Vec::new(),
            own: Vec::new(),
            signed: Vec::new(),
        };
        for _ in 0..DISTINCT {
            let mut secret = [0; 32];
            let mut message = [0; 64];
            getrandom::fill(&mut secret).unwrap();
            getrandom::fill(&mut message).unwrap();
            let key = ed25519_dalek::SigningKey::from_bytes(&secret);
            let signature = ed25519_dalek::Signer::sign(&key, &message);
            raw.signed.push((message, key.verifying_key(), signature));
            raw.keys.push(key);
            raw.own.push(SigningKey::from_bytes(&secret));
        }
        raw
    }

    fn verify(&self, at: usize) {
        let (message, key, signature) = &self.signed[at];
        key.verify_strict(black_box(message), signature).unwrap();
    }

    fn sign(&self, at: usize) {
        black_box(ed25519_dalek::Signer::sign(
            &self.keys[at],
            black_box(&self.signed[at].0),
        ));
    }

    fn sign_here(&self, at: usize) {
        black_box(self.own[at].sign(black_box(&self.signed[at].0)).unwrap());
    }
}

/// What a verifier holds, and an issuer's key.
struct World {
    now: Timestamp,
    types: Types,
    trust: Trust,
    mirror: Mirror,
    issuer: Did,
    kid: String,
    key: SigningKey,
}

/// One presentation and what the session expects of it.
struct Answer {
    token: VpToken,
    nonce: String,
    request_hash: [u8; 32],
    query: Arc<Query>,
    subject: String,
}

struct Documents {
    listed: Vec<String>,
    named: Vec<String>,
}

/// What stands under one signature of a presentation.
struct Signed {
    text: String,
    key: ed25519_dalek::VerifyingKey,
    signature: ed25519_dalek::Signature,
}

impl Signed {
    fn of(jwt: &str, key: credentials::VerifyingKey) -> Signed {
        let (text, signature) = jwt.rsplit_once('.').unwrap();
        let signature = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, signature).unwrap();
        Signed {
            text: text.to_owned(),
            key: ed25519_dalek::VerifyingKey::from_bytes(&key.to_bytes()).unwrap(),
            signature: ed25519_dalek::Signature::from_slice(&signature).unwrap(),
        }
    }

    fn verify(&self) {
        self.key
            .verify_strict(black_box(self.text.as_bytes()), &self.signature)
            .unwrap();
    }
}

impl World {
    /// The least that checking an answer comes to: its two signatures, over texts of 2 KB and 0.5 KB.
    fn signed(&self, answer: &Answer) -> [Signed; 2] {
        let text = &answer.token["credential"][0];
        let holder = SdJwt::parse(text).map_err(|p| p.code).unwrap().holder_key().unwrap();
        let issued = text.split('~').next().unwrap();
        let binding = text.rsplit('~').next().unwrap();
        [Signed::of(issued, self.issuer_key()), Signed::of(binding, holder)]
    }

    fn new() -> World {
        let now = Timestamp::parse("2026-07-14T12:00:00Z").unwrap();
        let key = SigningKey::generate(&mut random());
        let issuer = Did::parse("did:web:issuer.example").unwrap();
        let kid = format!("{issuer}#key-1");
        let organisations = (0..ORGANISATIONS).map(|number| organisation(number, now, &issuer, &key));
        let draft = Draft {
            sequence: 1,
            operator: "Figures".to_owned(),
            issued: now.plus(-600),
            next_update: now.plus(86_400),
            organisations: organisations.collect(),
        };
        let anchor = SigningKey::generate(&mut random());
        let trust = Trust::verify(&draft.sign(now, &anchor).unwrap(), &[anchor.verifying_key()]).unwrap();

        let mut states = States::new();
        // Entries of those that are presented are below `DISTINCT`, and valid; a hundredth of the others is revoked.
        for index in (DISTINCT as u32..1 << 20).step_by(100) {
            assert!(states.set(index, State::Revoked));
        }
        let text = states.sign(URI, &issuer, &kid, now, 3_600, &key).unwrap();
        let head = Head {
            issuer: issuer.clone(),
            issued: now,
            expires: now.plus(3_600),
            lists: vec![ListVersion {
                uri: URI.to_owned(),
                version: 1,
                hash: list_hash(&text),
                size: text.len() as u32,
            }],
        };
        let mut mirror = Mirror::default();
        let head = Head::open(&head.sign(&kid, &key).unwrap(), &trust, now).unwrap();
        assert_eq!(mirror.head(head).unwrap().len(), 1);
        mirror.list(&text, &trust, now).unwrap();
        World {
            now,
            types: Types::builtin(),
            trust,
            mirror,
            issuer,
            kid,
            key,
        }
    }

    fn issuer_key(&self) -> credentials::VerifyingKey {
        let issuer = self.trust.organisation(&self.issuer).unwrap();
        *issuer.key_at(&self.kid, self.now).unwrap()
    }

    /// Everything that a service may ask of a type, of which `income` and `persons` have their part.
    fn registered(&self, service: &str, vct: &str) -> Vec<Path> {
        let services = Registration::builtin();
        let service = services.iter().find(|known| known.id == service).unwrap();
        let asked = service.may_ask.iter().find(|asked| asked.vct == vct).unwrap();
        let claims = asked.claims.iter();
        let optional = |path: &&Path| !["skjermet", "derived"].contains(&path.0[0].as_deref().unwrap());
        let without = |path: &&Path| !path.to_string().ends_with("virksomhetId");
        claims.filter(optional).filter(without).cloned().collect()
    }

    fn issue(&self, copy: &Issue<'_>) -> String {
        // As an issuer draws salts: from the row's seed, with a counter.
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).unwrap();
        let mut counter = 0_u64;
        let mut salts = |bytes: &mut [u8]| {
            counter += 1;
            let block = Sha256::new()
                .chain_update(b"bevis-salts/1")
                .chain_update(seed)
                .chain_update(counter.to_be_bytes());
            bytes.copy_from_slice(&block.finalize()[..bytes.len()]);
        };
        sd_jwt::issue(copy, &mut salts, &self.key).unwrap()
    }

    fn copy<'a>(
        &'a self,
        credential_type: &'a CredentialType,
        claims: &'a Claims,
        holder: &'a credentials::VerifyingKey,
        index: u32,
    ) -> Issue<'a> {
        Issue {
            credential_type,
            claims,
            issuer: &self.issuer,
            kid: &self.kid,
            holder,
            status: StatusRef {
                uri: URI.to_owned(),
                index,
            },
            issued: self.now.day(),
            expires: self.now.day().plus(30 * 86_400),
        }
    }

    /// Answers of as many holders, each to a request of its own.
    fn answers(&self, vct: &str, row: fn(usize) -> Value, paths: &[Path], disclosures: usize) -> Vec<Answer> {
        let credential_type = self.types.get(vct).unwrap();
        let claims: Vec<Value> = paths.iter().map(|path| json!({ "path": path })).collect();
        let query = json!({ "credentials": [
            { "id": "credential", "format": "dc+sd-jwt", "meta": { "vct_values": [vct] }, "claims": claims },
        ] });
        (0..DISTINCT)
            .map(|at| {
                let row = credential_type.row(row(at)).unwrap();
                let subject = credential_type.holder_number(&row).unwrap();
                let holder = SigningKey::generate(&mut random());
                let claims = credential_type.claims(&row);
                let text = self.issue(&self.copy(credential_type, &claims, &holder.verifying_key(), at as u32));
                let mut secrets = [[0; 32]; 2];
                secrets.iter_mut().for_each(|secret| getrandom::fill(secret).unwrap());
                let answer = Answer {
                    token: VpToken::new(),
                    nonce: bytes_text(&secrets[0]),
                    request_hash: secrets[1],
                    query: Arc::new(Query::parse(&query).unwrap()),
                    subject,
                };
                let selected = SdJwt::parse(&text).map_err(|p| p.code).unwrap().select(paths).unwrap();
                assert_eq!(selected.matches('~').count() - 1, disclosures, "disclosures of {vct}");
                let bind = Bind {
                    audience: "decentralized_identifier:did:web:bank.example",
                    nonce: &answer.nonce,
                    issued: self.now,
                    request_hash: answer.request_hash,
                    covers: None,
                };
                let bound = sd_jwt::bind(&selected, &bind, &holder).unwrap();
                let token = VpToken::from([("credential".to_owned(), vec![bound])]);
                Answer { token, ..answer }
            })
            .collect()
    }

    /// The call that the verifier makes.
    fn check(&self, answer: &Answer) {
        let expected = Expected {
            audience: "decentralized_identifier:did:web:bank.example",
            nonce: &answer.nonce,
            request_hash: answer.request_hash,
            query: &answer.query,
            issued: self.now.plus(-60),
            subject: Some(&answer.subject),
            covers: None,
        };
        let context = Context {
            now: self.now,
            trust: Some(&self.trust),
            status: &self.mirror,
            types: &self.types,
            status_age_max: 3_600,
        };
        let (report, verified) = verify::presentation(black_box(&answer.token), &expected, &context);
        assert_eq!(report.verdict(), Verdict::Valid, "{:?}", report.problem());
        black_box(verified.unwrap());
    }

    /// Registrations as W3C credentials of about 1.2 KB: by the listed issuer, and by as many `did:key` as documents.
    fn documents(&self) -> Documents {
        let sign = |at: usize, did: &Did, method: &str, key: &SigningKey| {
            let signed = proof::sign(
                Suite::Jcs,
                &document(at, did),
                method,
                Purpose::Assertion,
                self.now,
                None,
                key,
            );
            signed.unwrap().to_string()
        };
        Documents {
            listed: (0..DISTINCT)
                .map(|at| sign(at, &self.issuer, &self.kid, &self.key))
                .collect(),
            named: (0..DISTINCT)
                .map(|at| {
                    let key = SigningKey::generate(&mut random());
                    let did = Did::Key(key.verifying_key());
                    sign(at, &did, &did.verification_method().unwrap(), &key)
                })
                .collect(),
        }
    }

    fn prove(&self, text: &str, resolve: &dyn Fn(&str) -> Option<credentials::VerifyingKey>) {
        let document = json::parse(black_box(text).as_bytes(), 64 * 1024).unwrap();
        assert_eq!(proof::verify(&document, Purpose::Assertion, resolve).unwrap().len(), 1);
    }
}

/// Rows that are ready to be signed, each for a holder of its own.
struct Copies {
    credential_type: Arc<CredentialType>,
    ready: Vec<(Claims, credentials::VerifyingKey)>,
}

impl Copies {
    fn new(world: &World, vct: &str, row: fn(usize) -> Value) -> Copies {
        let credential_type = Arc::clone(world.types.get(vct).unwrap());
        let ready = (0..DISTINCT).map(|at| {
            let row = credential_type.row(row(at)).unwrap();
            let holder = SigningKey::generate(&mut random());
            (credential_type.claims(&row), holder.verifying_key())
        });
        Copies {
            ready: ready.collect(),
            credential_type,
        }
    }

    fn issue(&self, world: &World, at: usize) {
        let (claims, holder) = &self.ready[at];
        let text = world.issue(&world.copy(&self.credential_type, claims, holder, at as u32));
        assert_eq!(text.matches('~').count() - 1, 12);
        black_box(text);
    }
}

fn organisation(number: usize, now: Timestamp, issuer: &Did, key: &SigningKey) -> Organisation {
    let is_issuer = number == ORGANISATIONS / 2;
    let did = match is_issuer {
        true => issuer.clone(),
        false => Did::parse(&format!("did:web:organisation-{number}.example")).unwrap(),
    };
    let verifying = match is_issuer {
        true => key.verifying_key(),
        false => SigningKey::generate(&mut random()).verifying_key(),
    };
    let mut peer = [0; 32];
    getrandom::fill(&mut peer).unwrap();
    let peer = bs58::encode([[0, 36, 8, 1, 18, 32].as_slice(), &peer].concat()).into_string();
    Organisation {
        number: organisation_number(number),
        name: format!("Organisation {number}"),
        keys: vec![OrganisationKey {
            id: format!("{did}#key-1"),
            key: verifying,
            valid_from: now.plus(-30 * 86_400),
            valid_until: now.plus(300 * 86_400),
            compromised: None,
        }],
        nodes: vec![NodeEntry {
            peer,
            addresses: vec![format!("/ip4/127.0.0.1/udp/{}/quic-v1", 4_000 + number)],
        }],
        issues: match is_issuer {
            true => vec![INCOME.to_owned(), PERSON.to_owned()],
            false => Vec::new(),
        },
        services: match number {
            0 => Registration::builtin(),
            _ => Vec::new(),
        },
        did,
    }
}

fn bytes_text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Numbers with right check digits: weights 3 2 7 6 5 4 3 2, modulo 11.
fn organisation_number(number: usize) -> String {
    let mut valid = (0_usize..).filter_map(|at| {
        let digits = format!("{:08}", 20_000_000 + at);
        let check = check_digit(&digits, &[3, 2, 7, 6, 5, 4, 3, 2])?;
        Some(format!("{digits}{check}"))
    });
    valid.nth(number).unwrap()
}

/// Synthetic person numbers (month + 80).
fn person_number(at: usize) -> String {
    let mut valid = (0_usize..).filter_map(|next| {
        let nine = format!("{:02}8575{:03}", 1 + next % 28, (at * 2 + next / 28) % 1_000);
        let ten = format!("{nine}{}", check_digit(&nine, &[3, 7, 6, 1, 8, 9, 4, 5, 2])?);
        let last = check_digit(&ten, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2])?;
        Some(format!("{ten}{last}"))
    });
    valid.nth(at % 20).unwrap()
}

fn check_digit(digits: &str, weights: &[u32]) -> Option<u32> {
    let pairs = digits.bytes().zip(weights);
    let sum: u32 = pairs.map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    match (11 - sum % 11) % 11 {
        10 => None,
        digit => Some(digit),
    }
}

fn payment(amount: usize, what: &str) -> Value {
    json!({
        "fordel": "kontantytelse", "utloeserArbeidsgiveravgift": true, "inngaarIGrunnlagForTrekk": true,
        "beloep": format!("{amount}.00"), "loennsinntekt": { "beskrivelse": what },
    })
}

fn income(at: usize, statements: Value) -> Value {
    json!({
        "personidentifikator": person_number(at), "fraOgMed": "2026-05", "tilOgMed": "2026-06",
        "ajourholdstidspunkt": "2026-07-10T04:00:00Z", "oppgaveInntektsmottaker": statements,
    })
}

/// Two months with three payments.
fn incomes(at: usize) -> Value {
    let statement = |month: &str, payments: Value| json!({ "opplysningspliktigId": "312045877", "kalendermaaned": month, "inntekt": payments });
    let may = json!([
        payment(40_000 + at, "fastloenn"),
        payment(3_120, "overtidsgodtgjoerelse")
    ]);
    let june = json!([payment(61_200 + at, "feriepenger")]);
    income(at, json!([statement("2026-05", may), statement("2026-06", june)]))
}

/// One month with one payment: 12 disclosures in all.
fn one_payment(at: usize) -> Value {
    let mut paid = payment(40_000 + at, "overtidsgodtgjoerelse");
    paid["loennsinntekt"]["antall"] = json!("8");
    income(
        at,
        json!([{
            "opplysningspliktigId": "312045877", "virksomhetId": "312045877", "kalendermaaned": "2026-05", "inntekt": [paid],
        }]),
    )
}

fn persons(at: usize) -> Value {
    json!({
        "family_name": format!("Fiskebåt {at}"), "given_name": "Rolig", "family_name_birth": "Bølge", "birth_date": "1975-05-14",
        "birth_place": "NO", "nationality": ["NO"], "personal_administrative_number": person_number(at), "age_over_18": true,
        "resident_street": "Kaiveien", "resident_house_number": format!("{}", at % 90), "resident_postal_code": "0150",
        "resident_city": "Oslo", "issuing_authority": "Digitaliseringsdirektoratet (syntetisk)", "issuing_country": "NO",
        "expiry_date": "2031-08-31",
    })
}

fn all_of_person() -> Vec<Path> {
    let row = persons(0);
    row.as_object().unwrap().keys().map(|name| Path::of(&[name])).collect()
}

/// About 870 bytes before it is signed.
fn document(at: usize, issuer: &Did) -> Value {
    json!({
        "@context": ["https://www.w3.org/ns/credentials/v2", "https://www.w3.org/ns/credentials/examples/v2"],
        "id": format!("urn:uuid:00000000-0000-4000-8000-{at:012}"),
        "type": ["VerifiableCredential", "CompanyRegistration"],
        "issuer": issuer,
        "validFrom": "2026-07-14T00:00:00Z",
        "validUntil": "2027-07-14T00:00:00Z",
        "credentialSubject": {
            "organisasjonsnummer": organisation_number(at % 50), "navn": format!("FORNUFTIG FISKEBÅT {at} AS"),
            "organisasjonsform": { "kode": "AS", "beskrivelse": "Aksjeselskap" },
            "registreringsdato": "1997-03-12", "stiftelsesdato": "1997-01-20", "konkurs": false, "underAvvikling": false,
            "forretningsadresse": {
                "adresse": ["Kaiveien 1"], "postnummer": "0150", "poststed": "OSLO", "kommune": "OSLO", "kommunenummer": "0301",
                "land": "Norge", "landkode": "NO",
            },
            "naeringskode": { "kode": "03.111", "beskrivelse": "Hav- og kystfiske" },
            "antallAnsatte": 12 + at % 40, "kapital": { "beloep": "1000000.00", "valuta": "NOK" },
        },
    })
}
