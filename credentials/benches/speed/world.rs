//! What a verifier and an issuer hold, and what they are shown: made before anything is measured.

use super::rows::{document, organisation_number};
use super::{DISTINCT, INCOME, PERSON, random};
use credentials::proof::{self, Purpose, Suite};
use credentials::query::Query;
use credentials::schema::{Claims, CredentialType, Path, Types};
use credentials::sd_jwt::{self, Bind, Issue, SdJwt, StatusRef};
use credentials::service::Registration;
use credentials::status::{Head, ListVersion, Mirror, Signing, State, States, list_hash};
use credentials::trust::{Ceremony, Draft, NodeEntry, Organisation, OrganisationKey, Trust};
use credentials::verify::{self, Context, Expected, Verdict, VpToken};
use credentials::{Did, SigningKey, Timestamp, json};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::hint::black_box;
use std::sync::Arc;

/// Organisations of the trust document (design §4).
const ORGANISATIONS: usize = 150;

const URI: &str = "https://issuer.example/status/1";

/// What a verifier holds, and an issuer's key.
pub(super) struct World {
    now: Timestamp,
    types: Types,
    trust: Arc<Trust>,
    mirror: Mirror,
    issuer: Did,
    kid: String,
    key: SigningKey,
}

/// One presentation and what the session expects of it.
pub(super) struct Answer {
    token: VpToken,
    nonce: String,
    request_hash: [u8; 32],
    query: Arc<Query>,
    subject: String,
}

pub(super) struct Documents {
    pub(super) listed: Vec<String>,
    pub(super) named: Vec<String>,
}

/// What stands under one signature of a presentation.
pub(super) struct Signed {
    text: String,
    key: ed25519_dalek::VerifyingKey,
    signature: ed25519_dalek::Signature,
}

impl Signed {
    pub(super) fn of(jwt: &str, key: credentials::VerifyingKey) -> Signed {
        let (text, signature) = jwt.rsplit_once('.').unwrap();
        let signature = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, signature).unwrap();
        Signed {
            text: text.to_owned(),
            key: ed25519_dalek::VerifyingKey::from_bytes(&key.to_bytes()).unwrap(),
            signature: ed25519_dalek::Signature::from_slice(&signature).unwrap(),
        }
    }

    pub(super) fn verify(&self) {
        self.key
            .verify_strict(black_box(self.text.as_bytes()), &self.signature)
            .unwrap();
    }
}

impl World {
    /// The least that checking an answer comes to: its two signatures, over texts of 2 KB and 0.5 KB.
    pub(super) fn signed(&self, answer: &Answer) -> [Signed; 2] {
        let text = &answer.token["credential"][0];
        let holder = SdJwt::parse(text).map_err(|p| p.code).unwrap().holder_key().unwrap();
        let issued = text.split('~').next().unwrap();
        let binding = text.rsplit('~').next().unwrap();
        [Signed::of(issued, self.issuer_key()), Signed::of(binding, holder)]
    }

    pub(super) fn new() -> World {
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
        let mut anchors = Ceremony::of_three(&mut random(), draft.issued).unwrap();
        let trust = anchors.trust(&draft, now).unwrap();

        let mut states = States::new();
        // Entries of those that are presented are below `DISTINCT`, and valid; a hundredth of the others is revoked.
        for index in (DISTINCT as u32..1 << 20).step_by(100) {
            assert!(states.set(index, State::Revoked));
        }
        let text = states
            .sign(
                URI,
                &Signing {
                    issuer: &issuer,
                    kid: &kid,
                    signer: &key,
                    now,
                    lifetime: 3_600,
                },
            )
            .unwrap();
        let head = Head {
            issuer: issuer.clone(),
            issued: now,
            expires: now.plus(3_600),
            lists: vec![ListVersion {
                uri: URI.to_owned(),
                version: 1,
                hash: list_hash(&text),
                size: text.len() as u32,
                states: states.hash(),
            }],
        };
        let mut mirror = Mirror::default();
        let heard = mirror.head(&head.sign(&kid, &key).unwrap(), &trust, now).unwrap();
        assert_eq!(heard.wanted.len(), 1);
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

    pub(super) fn issuer_key(&self) -> credentials::VerifyingKey {
        let issuer = self.trust.organisation(&self.issuer).unwrap();
        *issuer.key_at(&self.kid, self.now).unwrap()
    }

    /// Everything that a service may ask of a type, of which `income` and `persons` have their part.
    pub(super) fn registered(&self, service: &str, vct: &str) -> Vec<Path> {
        let services = Registration::builtin();
        let service = services.iter().find(|known| known.id == service).unwrap();
        let asked = service.may_ask.iter().find(|asked| asked.vct == vct).unwrap();
        let claims = asked.claims.iter();
        let optional = |path: &&Path| !["skjermet", "derived"].contains(&path.0[0].as_deref().unwrap());
        let without = |path: &&Path| !path.to_string().ends_with("virksomhetId");
        claims.filter(optional).filter(without).cloned().collect()
    }

    pub(super) fn issue(&self, copy: &Issue<'_>) -> String {
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

    pub(super) fn copy<'a>(
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
    pub(super) fn answers(
        &self,
        vct: &str,
        row: fn(usize) -> Value,
        paths: &[Path],
        disclosures: usize,
    ) -> Vec<Answer> {
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
    pub(super) fn check(&self, answer: &Answer) {
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
    pub(super) fn documents(&self) -> Documents {
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

    pub(super) fn prove(&self, text: &str, resolve: &dyn Fn(&str) -> Option<credentials::VerifyingKey>) {
        let document = json::parse(black_box(text).as_bytes(), 64 * 1024).unwrap();
        assert_eq!(proof::verify(&document, Purpose::Assertion, resolve).unwrap().len(), 1);
    }
}

/// Rows that are ready to be signed, each for a holder of its own.
pub(super) struct Copies {
    credential_type: Arc<CredentialType>,
    ready: Vec<(Claims, credentials::VerifyingKey)>,
}

impl Copies {
    pub(super) fn new(world: &World, vct: &str, row: fn(usize) -> Value) -> Copies {
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

    pub(super) fn issue(&self, world: &World, at: usize) {
        let (claims, holder) = &self.ready[at];
        let text = world.issue(&world.copy(&self.credential_type, claims, holder, at as u32));
        assert_eq!(text.matches('~').count() - 1, 12);
        black_box(text);
    }
}

pub(super) fn organisation(number: usize, now: Timestamp, issuer: &Did, key: &SigningKey) -> Organisation {
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
            0 => Registration::builtin().into_iter().map(Arc::new).collect(),
            _ => Vec::new(),
        },
        did,
    }
}

pub(super) fn bytes_text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
