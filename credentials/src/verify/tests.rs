//! An answer that is right in every respect, and what can be bent in it.

mod answers;
mod bent;
mod credentials;

use super::*;
use crate::jws::{self, Jws};
use crate::schema::{CredentialType, Path};
use crate::sd_jwt::{self, Bind, SdJwt, StatusRef, keys_hash};
use crate::status::State;
use crate::time::DAY;
use crate::trust::cast::{BANK, GUARANTOR, IDENTITY, TAX, did, kid, now, seeded};
use crate::trust::{Draft, cast};
use serde_json::{Map, json};
use std::sync::Arc;

const INCOME: &str = "urn:bevis:MonthlyIncome:1";
const PERSON: &str = "urn:eudi:pid:1";
const HOLDER_NUMBER: &str = "14858834016";
const URI: &str = "https://status.example/1";

/// One credential and what its holder shows of it.
struct Copy {
    vct: &'static str,
    row: Value,
    issuer: &'static str,
    kid: String,
    signed_by: u8,
    issued: Timestamp,
    expires: Timestamp,
    /// Changes the payload before it is signed.
    bend: fn(&mut Map<String, Value>),
    shown: Vec<Path>,
    bound_by: Option<u8>,
    bound_at: Timestamp,
    bound_over: Option<Vec<Path>>,
    audience: String,
    nonce: String,
    request_hash: [u8; 32],
    covers: Option<Covers>,
    /// Changes the text that is sent.
    tamper: fn(String) -> String,
}

impl Copy {
    fn income() -> Copy {
        Copy {
            vct: INCOME,
            row: serde_json::from_str(include_str!("../schema/examples/MonthlyIncome.json")).expect("JSON"),
            issuer: TAX,
            kid: kid(TAX),
            signed_by: 1,
            issued: now().day(),
            expires: now().day().plus(31 * DAY),
            bend: |_| {},
            shown: vec![Path::of(&["personidentifikator"]), amounts()],
            bound_by: Some(77),
            bound_at: now(),
            bound_over: None,
            audience: format!("decentralized_identifier:did:web:{BANK}"),
            nonce: "this-sessions-nonce".to_owned(),
            request_hash: [5; 32],
            covers: Some(covers()),
            tamper: |text| text,
        }
    }

    fn person() -> Copy {
        Copy {
            vct: PERSON,
            row: serde_json::from_str(include_str!("../schema/examples/PersonIdentification.json")).expect("JSON"),
            issuer: IDENTITY,
            kid: kid(IDENTITY),
            signed_by: 2,
            shown: vec![Path::of(&["personal_administrative_number"])],
            ..Copy::income()
        }
    }

    fn text(&self) -> String {
        let credential_type: Arc<CredentialType> = Types::builtin().get(self.vct).expect("a type").clone();
        let row = credential_type.row(self.row.clone()).expect("a valid row");
        let issued = sd_jwt::issue(
            &sd_jwt::Issue {
                credential_type: &credential_type,
                claims: &credential_type.claims(&row),
                issuer: &did(self.issuer),
                kid: &format!("did:web:{}#any", self.issuer),
                holder: &cast::key(77).verifying_key(),
                status: StatusRef {
                    uri: URI.to_owned(),
                    index: 9,
                },
                issued: self.issued,
                expires: self.expires,
            },
            &mut seeded(self.vct),
            &cast::key(self.signed_by),
        )
        .expect("issues");
        let (jwt, disclosures) = issued.split_once('~').expect("disclosures");
        let mut payload = Jws::parse(jwt, sd_jwt::TYP, sd_jwt::SD_JWT_MAX)
            .expect("parses")
            .payload;
        (self.bend)(&mut payload);
        let jwt = jws::sign(
            sd_jwt::TYP,
            Some(&self.kid),
            Map::new(),
            &Value::Object(payload),
            &cast::key(self.signed_by),
        )
        .expect("signs");
        let whole = SdJwt::parse(&format!("{jwt}~{disclosures}"))
            .map_err(|p| p.code)
            .expect("parses");
        let selected = whole.select(&self.shown).expect("selects");
        let Some(holder) = self.bound_by else {
            return (self.tamper)(selected);
        };
        let over = match &self.bound_over {
            Some(paths) => whole.select(paths).expect("selects"),
            None => selected.clone(),
        };
        let bind = Bind {
            audience: &self.audience,
            nonce: &self.nonce,
            issued: self.bound_at,
            request_hash: self.request_hash,
            covers: self.covers.as_ref(),
        };
        let bound = sd_jwt::bind(&over, &bind, &cast::key(holder)).expect("binds");
        let (_, binding) = bound.rsplit_once('~').expect("a binding");
        (self.tamper)(format!("{selected}{binding}"))
    }
}

/// An answer with two credentials of one person to a request that asks for both, which is right in every respect.
struct Case {
    draft: Draft,
    has_trust: bool,
    types: Types,
    /// Of the income credential; the other is always valid.
    status: Option<(State, Timestamp)>,
    income: Copy,
    person: Copy,
    query: Value,
    subject: Option<&'static str>,
    covers: Option<Covers>,
    /// Changes the answer that is sent.
    token: fn(&mut VpToken),
}

struct Fixed(Option<(State, Timestamp)>);

impl status::Source for Fixed {
    fn state(&self, issuer: &Did, uri: &str, index: u32) -> Option<(State, Timestamp)> {
        assert_eq!((uri, index), (URI, 9));
        if *issuer == did(TAX) || *issuer == did(GUARANTOR) {
            self.0
        } else {
            Some((State::Valid, now()))
        }
    }
}

fn amounts() -> Path {
    Path(vec![
        Some("oppgaveInntektsmottaker".to_owned()),
        None,
        Some("inntekt".to_owned()),
        None,
        Some("beloep".to_owned()),
    ])
}

fn covers() -> Covers {
    Covers {
        transaction: [1; 16],
        keys_hash: keys_hash(&[cast::key(5).verifying_key()]),
        organisation: None,
        grant: None,
    }
}

impl Case {
    fn new() -> Case {
        Case {
            draft: cast::draft(),
            has_trust: true,
            types: Types::builtin(),
            status: Some((State::Valid, now().plus(-60))),
            income: Copy::income(),
            person: Copy::person(),
            query: json!({ "credentials": [
                {
                    "id": "income", "format": "dc+sd-jwt", "meta": { "vct_values": [INCOME] },
                    "claims": [{ "path": ["personidentifikator"] }, { "path": amounts() }],
                },
                {
                    "id": "person", "format": "dc+sd-jwt", "meta": { "vct_values": [PERSON] },
                    "claims": [{ "path": ["personal_administrative_number"] }],
                },
            ] }),
            subject: Some(HOLDER_NUMBER),
            covers: Some(covers()),
            token: |_| {},
        }
    }

    fn with<T>(&self, check: impl FnOnce(&Context<'_>) -> T) -> T {
        let trust = cast::listed(&self.draft);
        check(&Context {
            now: now(),
            trust: self.has_trust.then_some(&trust),
            status: &Fixed(self.status),
            types: &self.types,
            status_age_max: 3_600,
        })
    }

    fn verify(&self) -> (Report, Option<VerifiedPresentation>) {
        let mut token = VpToken::from([
            ("income".to_owned(), vec![self.income.text()]),
            ("person".to_owned(), vec![self.person.text()]),
        ]);
        (self.token)(&mut token);
        let expected = Expected {
            audience: &format!("decentralized_identifier:did:web:{BANK}"),
            nonce: "this-sessions-nonce",
            request_hash: [5; 32],
            query: &Query::parse(&self.query).expect("a query"),
            issued: now().plus(-60),
            subject: self.subject,
            covers: self.covers.as_ref(),
        };
        self.with(|context| presentation(&token, &expected, context))
    }
}
