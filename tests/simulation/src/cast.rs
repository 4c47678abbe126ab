//! Who takes part: two issuers, two banks, three persons, and the document that names the organisations.

use crate::dice::Dice;
use credentials::schema::{Path, Types};
use credentials::service::Registration;
use credentials::trust::{Bundle, Ceremony, Draft, NodeEntry, Organisation, OrganisationKey, Trust};
use credentials::{Did, Problem, SigningKey, Timestamp};
use serde_json::{Value, json};
use std::sync::{Arc, OnceLock};

pub(crate) const PID: &str = "urn:eudi:pid:1";
pub(crate) const INCOME: &str = "urn:bevis:MonthlyIncome:1";
/// What standing grants are of.
pub(crate) const LOAN: &str = "urn:bevis:StudentLoanBalance:1";
/// The service under which the banks ask.
pub(crate) const SERVICE: &str = "S01";
/// The service under which they ask for standing grants.
pub(crate) const GRANT_SERVICE: &str = "S15";
/// Copies of one credential: few, so that a seed uses them up. Each grant takes one of an identification.
const COPIES: u16 = 3;
const PID_COPIES: u16 = 10;

/// Noon of the day on which every seed begins.
const BEGIN: &str = "2026-07-14T12:00:00Z";

/// A machine: what it is and who runs it.
pub(crate) type Who = usize;
pub(crate) const IDENTITY: Who = 0;
pub(crate) const TAX: Who = 1;
pub(crate) const BANKS: [Who; 2] = [2, 3];
pub(crate) const WALLETS: [Who; 3] = [4, 5, 6];
/// This person does everything twice.
pub(crate) const REPEATER: Who = 6;
pub(crate) const MACHINES: [Who; 7] = [0, 1, 2, 3, 4, 5, 6];

const NAMES: [&str; 7] = ["identity", "tax", "bank-a", "bank-b", "rolig", "munter", "driftig"];
/// Synthetic: 80 is added to the month.
const NUMBERS: [&str; 3] = ["14858834016", "03919043163", "19908240378"];

pub(crate) fn name(who: Who) -> &'static str {
    NAMES.get(who).copied().unwrap_or("nobody")
}

/// The person's number of a wallet's holder.
pub(crate) fn number(wallet: Who) -> &'static str {
    let place = wallet.saturating_sub(WALLETS[0]);
    NUMBERS.get(place).copied().unwrap_or_default()
}

pub(crate) fn is_wallet(who: Who) -> bool {
    WALLETS.contains(&who)
}

pub(crate) fn is_issuer(who: Who) -> bool {
    who == IDENTITY || who == TAX
}

pub(crate) fn begin() -> Timestamp {
    Timestamp::parse(BEGIN).unwrap_or(Timestamp::from_unix(0))
}

/// PeerId of an organisation's node.
pub(crate) fn peer(who: Who) -> String {
    let letter = ["A", "B", "C", "D"].get(who).copied().unwrap_or("W");
    format!("12D3KooW{}", letter.repeat(44))
}

/// What does not change between seeds: keys, types, documents.
pub(crate) struct Cast {
    pub(crate) types: Types,
    /// The trust list as its first version says, for whoever only looks on.
    pub(crate) trust: Arc<Trust>,
    /// The anchors, once for each version of the list, as they were when it was the newest.
    versions: Vec<Ceremony>,
    dids: Vec<Did>,
}

impl Cast {
    /// The one cast of this process.
    pub(crate) fn shared() -> Result<Arc<Cast>, Problem> {
        static CAST: OnceLock<Arc<Cast>> = OnceLock::new();
        match CAST.get() {
            Some(cast) => Ok(cast.clone()),
            None => {
                let made = Arc::new(Cast::new()?);
                Ok(CAST.get_or_init(|| made).clone())
            }
        }
    }

    fn new() -> Result<Cast, Problem> {
        let mut dids = Vec::new();
        for who in [IDENTITY, TAX, BANKS[0], BANKS[1]] {
            let text = format!("did:web:{}.example", name(who));
            dids.push(Did::parse(&text).ok_or(credentials::Code::Malformed)?);
        }
        let mut draft = Draft {
            sequence: 1,
            operator: "Syntetisk anker".to_owned(),
            issued: begin().plus(-3_600),
            next_update: begin().plus(300 * 86_400),
            organisations: [
                organisation(&dids, IDENTITY, "991825827", &[PID], &["K02"]),
                organisation(&dids, TAX, "974761076", &[INCOME, LOAN], &["K02"]),
                organisation(&dids, BANKS[0], "213579045", &[], &[SERVICE, GRANT_SERVICE]),
                organisation(&dids, BANKS[1], "310682950", &[], &[SERVICE, GRANT_SERVICE]),
            ]
            .into_iter()
            .flatten()
            .collect(),
        };
        let mut dice = Dice::new(0, "anchors");
        let mut random = move |bytes: &mut [u8]| dice.fill(bytes);
        let mut anchors = Ceremony::of_three(&mut random, draft.issued)?;
        let trust = anchors.trust(&draft, begin())?;
        let mut versions = Vec::new();
        for sequence in 1..=4 {
            draft.sequence = sequence;
            anchors.publish(&draft, begin())?;
            versions.push(anchors.clone());
        }
        Ok(Cast {
            types: types()?,
            trust,
            versions,
            dids,
        })
    }

    /// What the first client of the network begins with.
    pub(crate) fn anchors(&self) -> Option<&Ceremony> {
        self.versions.first()
    }

    /// A version of the list, with a head of that time.
    pub(crate) fn bundle(&self, version: usize, now: Timestamp) -> Option<Bundle> {
        self.versions.get(version)?.clone().renew(now).ok()
    }

    /// An organisation's DID; the first one's for whoever has none.
    pub(crate) fn did(&self, who: Who) -> &Did {
        static NOBODY: Did = Did::Web(String::new());
        self.dids.get(who).unwrap_or(&NOBODY)
    }

    pub(crate) fn kid(&self, who: Who) -> String {
        format!("{}#key-1", self.did(who))
    }

    /// The machine of an organisation.
    pub(crate) fn who(&self, did: &Did) -> Option<Who> {
        self.dids.iter().position(|known| known == did)
    }

    /// Oldest status that the banks' registration takes, in seconds.
    pub(crate) fn status_age_max(&self) -> i64 {
        let service = Registration::builtin()
            .into_iter()
            .find(|service| service.id == SERVICE);
        service.map_or(0, |service| service.status_age_max)
    }
}

fn organisation(dids: &[Did], who: Who, number: &str, issues: &[&str], services: &[&str]) -> Option<Organisation> {
    let did = dids.get(who)?.clone();
    Some(Organisation {
        number: number.to_owned(),
        name: name(who).to_uppercase(),
        keys: vec![OrganisationKey {
            id: format!("{did}#key-1"),
            key: key(who).verifying_key(),
            valid_from: begin().plus(-86_400),
            valid_until: begin().plus(400 * 86_400),
            compromised: None,
        }],
        nodes: vec![NodeEntry {
            peer: peer(who),
            addresses: vec!["/ip4/127.0.0.1/udp/4001/quic-v1".to_owned()],
        }],
        issues: issues.iter().map(|vct| (*vct).to_owned()).collect(),
        services: Registration::builtin()
            .into_iter()
            .filter(|service| services.contains(&service.id.as_str()))
            .map(std::sync::Arc::new)
            .collect(),
        did,
    })
}

/// An organisation's signing key.
pub(crate) fn key(who: Who) -> SigningKey {
    SigningKey::from_bytes(&[who as u8 + 1; 32])
}

/// C01, C02 and C04 as they are declared, with fewer copies.
fn types() -> Result<Types, Problem> {
    let mut types = Types::default();
    for text in [
        include_str!("../../../credentials/types/PersonIdentification.json"),
        include_str!("../../../credentials/types/MonthlyIncome.json"),
        include_str!("../../../credentials/types/StudentLoanBalance.json"),
    ] {
        let declared: Value = serde_json::from_str(text).map_err(|_| credentials::Code::Malformed)?;
        let Value::Object(mut declared) = declared else {
            return Err(credentials::Code::Malformed.into());
        };
        let is_pid = declared.get("vct").and_then(Value::as_str) == Some(PID);
        let copies = if is_pid { PID_COPIES } else { COPIES };
        declared.insert("copies".to_owned(), copies.into());
        types.add(Value::Object(declared).to_string().as_bytes())?;
    }
    Ok(types)
}

/// What the banks may ask of an income, and always can be answered.
pub(crate) fn claims() -> Vec<Path> {
    vec![
        Path::of(&["derived", "sumKontantytelse"]),
        Path::of(&["fraOgMed"]),
        Path::of(&["ajourholdstidspunkt"]),
    ]
}

/// What a bank has granted of a student loan.
pub(crate) fn granted_claims() -> Vec<Path> {
    vec![
        Path::of(&["personidentifikator"]),
        Path::of(&["TotalAmount"]),
        Path::of(&["ajourholdstidspunkt"]),
    ]
}

/// A row of the student loans' register.
pub(crate) fn loan(number: &str) -> Value {
    let amount = json!({ "currency": "NOK", "amount": "313654.00" });
    json!({
        "personidentifikator": number,
        "Accounts": [{
            "Name": "Lån", "Bban": number,
            "Balances": [{ "BalanceType": "closingBooked", "BalanceAmount": amount }]
        }],
        "TotalAmount": amount,
        "ajourholdstidspunkt": "2026-07-14T04:00:00Z",
        "formaal": "visning-i-nettbank",
        "ikkeTilKredittvurdering": true,
        "slettVedUtlogging": true
    })
}

pub(crate) fn person(number: &str) -> Value {
    json!({
        "family_name": "Fiskebåt", "given_name": "Rolig", "birth_date": "1988-05-14", "birth_place": "NO", "nationality": ["NO"],
        "personal_administrative_number": number,
        "issuing_authority": "Digitaliseringsdirektoratet (syntetisk)", "issuing_country": "NO", "expiry_date": "2031-08-31"
    })
}

/// A row of the income register; `version` makes another content of the same row.
pub(crate) fn income(number: &str, version: u64) -> Value {
    let amount = format!("{}.00", version.saturating_add(48_500));
    json!({
        "personidentifikator": number, "fraOgMed": "2026-05", "tilOgMed": "2026-06", "ajourholdstidspunkt": "2026-07-10T04:00:00Z",
        "oppgaveInntektsmottaker": [{
            "opplysningspliktigId": "312045877", "virksomhetId": "312045877", "kalendermaaned": "2026-05",
            "inntektsmottaker": { "personidentifikator": number },
            "inntekt": [{ "fordel": "kontantytelse", "utloeserArbeidsgiveravgift": true, "inngaarIGrunnlagForTrekk": true,
                          "beloep": amount, "loennsinntekt": { "beskrivelse": "fastloenn" } }]
        }],
        "derived": { "monthsWithStatement": 1, "sumKontantytelse": amount }
    })
}
