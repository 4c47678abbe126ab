//! A bank with pages, an issuer whose word it has, and customers with real copies: all signed, sealed and stored as ever, without a
//! network between them.

use crate::config::{self, Http};
use crate::http::door::Face;
use crate::http::tests::world::{Browser, World, text};
use crate::network::Protocol;
use crate::output::At;
use crate::service::{Card, Command};
use axum::http::StatusCode;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use credentials::decision::{self, Decision};
use credentials::grant::{Deposit, Grant, OpenedGrant, Subject, Withdrawal, hash_of, hash_text};
use credentials::protocol::{self, consent, presentation};
use credentials::schema::Types;
use credentials::sd_jwt::{self, Bind, Issue, SdJwt, StatusRef};
use credentials::service::Registration;
use credentials::status::{Head, ListVersion, State, States};
use credentials::time::DAY;
use credentials::trust::{Ceremony, Draft, Organisation, OrganisationKey, Trust};
use credentials::{Did, SigningKey, Timestamp, jwe, request};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Rolig Fiskebåt.
pub(super) const CUSTOMER: &str = "14858834016";
/// Somebody else.
pub(super) const OTHER: &str = "03919043163";
/// A company.
pub(super) const COMPANY: &str = "219840365";
pub(super) const INCOME: &str = "urn:bevis:MonthlyIncome:1";
pub(super) const LOAN: &str = "urn:bevis:StudentLoanBalance:1";
const LIST: &str = "https://etat.example/status/1";
const KID: &str = "did:web:etat.example#key-1";
const WALLET: &str = "12D3KooWHoLderHoLderHoLderHoLderHoLderHoLderHoLderHo";

pub(super) struct Bank {
    pub(super) world: World,
    trust: Arc<Trust>,
    types: Types,
    issuer: SigningKey,
    peer: String,
    states: States,
    /// The status of the next copy.
    next: u32,
    version: u64,
}

/// A copy in a customer's wallet.
pub(super) struct Copy {
    text: String,
    key: SigningKey,
    pub(super) index: u32,
}

/// A grant as its holder has it.
pub(super) struct Given {
    pub(super) name: String,
    text: String,
    key: SigningKey,
}

fn etat() -> Did {
    Did::parse("did:web:etat.example").expect("a DID")
}

fn now() -> Timestamp {
    crate::clock::now()
}

impl Bank {
    /// With the issuer's word on its copies here.
    pub(super) async fn new() -> Bank {
        let mut bank = Bank::without_status().await;
        bank.tell();
        bank
    }

    pub(super) async fn without_status() -> Bank {
        let mut config = config::defaults();
        config.organisation = Some(config::Organisation {
            did: Did::parse("did:web:sparebank.example").expect("a DID"),
            number: "213579045".to_owned(),
            name: "SYNTETISK SPAREBANK".to_owned(),
        });
        config.verifier = Some(config::Section::default());
        config.http = Some(Http {
            wallet: Some("http://127.0.0.1:8472".to_owned()),
            ..Http::at("127.0.0.1:0")
        });
        let mut world = World::of(config, vec![Face::Desk]);
        world.employ("kari").await;
        let whoami = world.service.execute(Command::Whoami).await.expect("known");
        let card: Card = serde_json::from_value(whoami.at("card").clone()).expect("a card");
        let peer = card.peer.clone();
        let mut own = card.entry().expect("an entry");
        own.services = Registration::builtin().into_iter().map(Arc::new).collect();
        own.services
            .retain(|service| ["S01", "S09", "S15", "K01"].contains(&service.id.as_str()));
        let issuer = SigningKey::generate(&mut crate::clock::System);
        let listed = Organisation {
            did: etat(),
            number: "974760673".to_owned(),
            name: "ETATEN".to_owned(),
            keys: vec![OrganisationKey {
                id: KID.to_owned(),
                key: issuer.verifying_key(),
                valid_from: now().plus(-DAY),
                valid_until: now().plus(400 * DAY),
                compromised: None,
            }],
            nodes: Vec::new(),
            issues: vec![INCOME.to_owned(), LOAN.to_owned()],
            services: Vec::new(),
        };
        let draft = Draft {
            sequence: 1,
            operator: "Testnett".to_owned(),
            issued: now(),
            next_update: now().plus(300 * DAY),
            organisations: vec![own, listed],
        };
        let mut anchors = Ceremony::of_three(&mut crate::clock::System, now()).expect("founded");
        let bundle = anchors.publish(&draft, now()).expect("signed");
        let trust = anchors.client(&bundle, now()).expect("taken").trust().expect("current");
        let import = Command::TrustImport {
            text: bundle.to_text().expect("JSON"),
            root: Some(anchors.fingerprint().expect("founded")),
        };
        world.service.execute(import).await.expect("taken");
        Bank {
            world,
            trust,
            types: Types::builtin(),
            issuer,
            peer,
            states: States::new(),
            next: 1,
            version: 0,
        }
    }

    /// The issuer says how its copies stand, and the bank hears it.
    fn tell(&mut self) {
        self.version += 1;
        let list = ListVersion {
            uri: LIST.to_owned(),
            version: self.version,
            hash: self.states.hash(),
            size: 1_000,
            states: self.states.hash(),
        };
        let head = Head {
            issuer: etat(),
            issued: now(),
            expires: now().plus(DAY),
            lists: vec![list],
        };
        let head = head.sign(KID, &self.issuer).expect("signed");
        let packed = self.states.pack().expect("packed");
        self.world
            .service
            .take_status(&etat(), &head, LIST, &packed)
            .expect("taken");
    }

    pub(super) fn set(&mut self, copy: &Copy, state: State) {
        assert!(self.states.set(copy.index, state));
        self.tell();
    }

    pub(super) fn copy(&mut self, vct: &str, row: Value) -> Copy {
        let known = Arc::clone(self.types.get(vct).expect("known"));
        let row = known.row(row).expect("a row");
        let key = SigningKey::generate(&mut crate::clock::System);
        let index = self.next;
        self.next += 1;
        let issue = Issue {
            credential_type: &known,
            claims: &known.claims(&row),
            issuer: &etat(),
            kid: KID,
            holder: &key.verifying_key(),
            status: StatusRef {
                uri: LIST.to_owned(),
                index,
            },
            issued: now().day(),
            expires: known.valid_until(now().day(), &row),
        };
        let text = sd_jwt::issue(&issue, &mut crate::clock::System, &self.issuer).expect("issued");
        Copy { text, key, index }
    }

    pub(super) fn income(&mut self, number: &str) -> Copy {
        self.copy(INCOME, income(number))
    }

    pub(super) fn loan(&mut self, number: &str) -> Copy {
        self.copy(LOAN, loan(number))
    }

    fn say(&self, ask: &presentation::Ask) -> presentation::Reply {
        let body = protocol::encode(ask).expect("encoded");
        let reply = self.world.service.answer(WALLET, Protocol::Present, &body);
        protocol::decode(&reply, presentation::LIMIT).expect("decoded")
    }

    /// The wallet opens a request.
    pub(super) fn open(&self, session: &str) -> request::OpenedRequest {
        let session = session.to_owned();
        match self.say(&presentation::Ask::Fetch { session }) {
            presentation::Reply::Request { request } => {
                request::open(&request, &self.trust, Some(&self.peer), now()).expect("opens")
            }
            other => panic!("no request: {other:?}"),
        }
    }

    pub(super) fn decline(&self, session: &str) {
        let session = session.to_owned();
        let reply = self.say(&presentation::Ask::Decline { session });
        assert_eq!(reply, presentation::Reply::Closed);
    }

    /// The wallet answers with one copy, and its holder's decision.
    pub(super) fn answer(&self, session: &str, copy: &Copy) -> presentation::Reply {
        let opened = self.open(session);
        let query = &opened.request.query;
        let keep = opened.request.stated.keep_seconds;
        let at = now();
        let paths: BTreeMap<_, _> = query
            .credentials
            .iter()
            .map(|asked| (asked.id.clone(), query.paths(&asked.id)))
            .collect();
        let decided = Decision {
            request: BASE64_URL_SAFE_NO_PAD.encode(opened.hash),
            recipient: opened.request.asker.clone(),
            service: opened.request.service.clone(),
            purpose: opened.registration.purpose.code.clone(),
            text: BASE64_URL_SAFE_NO_PAD.encode([9; 32]),
            language: "nb".to_owned(),
            claims: paths.clone(),
            outcome: "shared".to_owned(),
            ground: opened.registration.ground.code.clone(),
            until: (keep > 0).then(|| at.plus(keep)),
            at,
        };
        let decided = decided
            .sign(&SigningKey::generate(&mut crate::clock::System))
            .expect("signed");
        let hash = hash_of(&decision::hash(&decided)).expect("a hash");
        let mut token = BTreeMap::new();
        for (id, paths) in &paths {
            let selected = SdJwt::parse(&copy.text)
                .expect("parses")
                .select(paths)
                .expect("selects");
            let audience = opened.request.client_id();
            let bind = Bind {
                audience: &audience,
                nonce: &opened.request.nonce,
                issued: at,
                request_hash: opened.hash,
                covers: None,
            };
            let bound = sd_jwt::bind_decided(&selected, &bind, &hash, &copy.key).expect("bound");
            token.insert(id.clone(), vec![bound]);
        }
        let plain = json!({ "vp_token": token, "decision": decided }).to_string();
        let encryption = &opened.request.encryption;
        let sealed = jwe::seal(
            encryption,
            b"",
            &opened.hash,
            plain.as_bytes(),
            &mut crate::clock::System,
        );
        self.say(&presentation::Ask::Answer {
            session: session.to_owned(),
            answer: sealed.expect("sealed"),
        })
    }

    /// The wallet answers a request for a grant.
    pub(super) fn grant(&self, session: &str) -> Given {
        let opened = self.open(session);
        let asked = opened.request.grant.clone().expect("a grant was asked for");
        let [query] = opened.request.query.credentials.as_slice() else {
            panic!("one type")
        };
        let at = now();
        let grant = Grant {
            id: "AAAAAAAAAAAAAAAAAAAAAA".to_owned(),
            issuer: asked.issuer.clone(),
            asker: opened.request.asker.clone(),
            service: opened.request.service.clone(),
            purpose: opened.registration.purpose.code.clone(),
            kind: opened.registration.grant.as_ref().expect("it knows grants").kind,
            vct: query.vct.clone(),
            claims: query.claims.iter().map(|claim| claim.path.clone()).collect(),
            nbf: at,
            exp: asked.until,
            uses_per_day: asked.uses_per_day,
            request: hash_text(&opened.hash),
            text: hash_text(&[2; 32]),
            language: "nb".to_owned(),
        };
        let key = SigningKey::generate(&mut crate::clock::System);
        let signed = OpenedGrant::open(&grant.sign(&key).expect("signed")).expect("opens");
        let deposit = Deposit {
            grant: signed.name(),
            issuer: etat(),
            asker: opened.request.asker.clone(),
            subject: Subject::of(CUSTOMER, [7; 16]),
            at,
        };
        let deposit = deposit.sign(KID, &self.issuer).expect("signed");
        let plain = json!({ "grant": signed.text(), "deposit": deposit }).to_string();
        let encryption = &opened.request.encryption;
        let sealed = jwe::seal(
            encryption,
            b"",
            &opened.hash,
            plain.as_bytes(),
            &mut crate::clock::System,
        );
        let reply = self.say(&presentation::Ask::Answer {
            session: session.to_owned(),
            answer: sealed.expect("sealed"),
        });
        assert!(matches!(reply, presentation::Reply::Receipt { .. }), "{reply:?}");
        Given {
            name: signed.name(),
            text: signed.text().to_owned(),
            key,
        }
    }

    /// The wallet takes a grant back.
    pub(super) fn withdraw(&self, given: &Given) {
        let withdrawal = Withdrawal {
            grant: given.name.clone(),
            issuer: etat(),
            at: now(),
        };
        let ask = consent::Ask::Withdraw {
            grant: given.text.clone(),
            withdrawal: withdrawal.sign(&given.key).expect("signed"),
        };
        let body = protocol::encode(&ask).expect("encoded");
        let reply = self.world.service.answer(WALLET, Protocol::Consent, &body);
        let reply: consent::Reply = protocol::decode(&reply, consent::LIMIT).expect("decoded");
        assert!(matches!(reply, consent::Reply::Erased { .. }), "{reply:?}");
    }

    // --- at the desk ---

    pub(super) fn worker(&self) -> Browser<'_> {
        self.world.visitor()
    }

    /// Asks for a customer's income by the form, and gives the session.
    pub(super) async fn ask(&self, worker: &Browser<'_>, case: &str, service: &str, number: &str) -> String {
        let values = match service {
            // Of this service the income alone: the customers here have no more.
            "S01" => vec![
                ("case", case),
                ("subject", number),
                ("kind", "once"),
                ("claim", "0:1"),
                ("claim", "0:11"),
            ],
            _ => vec![("case", case), ("subject", number), ("kind", "once")],
        };
        let form = worker.form(&format!("/desk/new/{service}"), &values);
        let answer = worker.submit(&form).await;
        let status = answer.status();
        let to = answer
            .headers()
            .get("location")
            .map(|to| to.to_str().expect("text").to_owned());
        let Some(to) = to else {
            panic!("{status}: {}", text(answer).await)
        };
        assert_eq!(status, StatusCode::SEE_OTHER);
        let id = to.strip_prefix("/desk/sessions/").expect("a session");
        id.split('?').next().expect("a name").to_owned()
    }

    pub(super) async fn sessions(&self) -> usize {
        let found = self
            .world
            .service
            .execute(Command::VerifierSessions)
            .await
            .expect("listed");
        found.at("sessions").as_array().map_or(0, Vec::len)
    }
}

fn income(number: &str) -> Value {
    json!({
        "personidentifikator": number,
        "fraOgMed": "2026-07", "tilOgMed": "2026-07", "ajourholdstidspunkt": "2026-08-04T05:00:00Z",
        "skjermet": false,
        "oppgaveInntektsmottaker": [{
            "opplysningspliktigId": "312045877", "virksomhetId": "312045877", "kalendermaaned": "2026-07",
            "inntektsmottaker": {"personidentifikator": number},
            "inntekt": [{"fordel": "kontantytelse", "beloep": "48500.00",
                "utloeserArbeidsgiveravgift": true, "inngaarIGrunnlagForTrekk": true,
                "loennsinntekt": {"beskrivelse": "fastloenn"}}],
        }],
        "derived": {"monthsWithStatement": 1, "sumKontantytelse": "48500.00"},
    })
}

fn loan(number: &str) -> Value {
    json!({
        "personidentifikator": number,
        "Accounts": [{"Name": "Lån", "Balances": [{"BalanceType": "closingBooked",
            "BalanceAmount": {"currency": "NOK", "amount": "312450.00"}, "LastChangeDateTime": "2026-08-01T00:00:00Z"}]}],
        "TotalAmount": {"currency": "NOK", "amount": "313654.00"},
        "formaal": "visning-i-nettbank", "ikkeTilKredittvurdering": true, "slettVedUtlogging": true,
    })
}
