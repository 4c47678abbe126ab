//! Of each check, cases in which it alone does not hold.

use super::*;

/// A case in which one check does not hold, and no other.
pub(super) struct Bent {
    pub(super) check: Check,
    pub(super) what: &'static str,
    pub(super) code: Code,
    /// Checks that cannot be tried then.
    pub(super) not_reached: &'static [Check],
    pub(super) bend: fn(&mut Case),
}

const AFTER_FORM: &[Check] = &[
    Check::Issuer,
    Check::Type,
    Check::Key,
    Check::Signature,
    Check::Validity,
    Check::Schema,
    Check::Status,
    Check::HolderBinding,
    Check::Audience,
    Check::Nonce,
    Check::Freshness,
    Check::SdHash,
    Check::Request,
    Check::Query,
    Check::SamePerson,
    Check::Subject,
];
const WITHOUT_TRUST: &[Check] = &[Check::Issuer, Check::Type, Check::Key, Check::Signature];
const WITHOUT_ISSUER: &[Check] = &[Check::Type, Check::Key, Check::Signature];
const WITHOUT_BINDING: &[Check] = &[
    Check::Audience,
    Check::Nonce,
    Check::Freshness,
    Check::SdHash,
    Check::Request,
];
const WITHOUT_TYPE: &[Check] = &[Check::Schema, Check::SamePerson, Check::Subject];
const WITHOUT_CREDENTIAL: &[Check] = &[
    Check::Trust,
    Check::Form,
    Check::Issuer,
    Check::Type,
    Check::Key,
    Check::Signature,
    Check::Validity,
    Check::Schema,
    Check::Status,
    Check::HolderBinding,
    Check::Audience,
    Check::Nonce,
    Check::Freshness,
    Check::SdHash,
    Check::Request,
    Check::SamePerson,
    Check::Subject,
];

#[rustfmt::skip]
pub(super) const BENT: &[Bent] = &[
    Bent { check: Check::Trust, what: "no trust document", code: Code::TrustMissing, not_reached: WITHOUT_TRUST,
        bend: |case| case.has_trust = false },
    Bent { check: Check::Trust, what: "its next update is due", code: Code::TrustStale, not_reached: WITHOUT_TRUST,
        bend: |case| case.draft.next_update = now().plus(-1) },
    Bent { check: Check::Form, what: "a disclosure that has no digest", code: Code::DisclosureInvalid, not_reached: AFTER_FORM,
        bend: |case| case.income.tamper = |text| text.replacen('~', "~WyJzYWx0IiwibmFtZSIsMV0~", 1) },
    Bent { check: Check::Form, what: "a disclosure with one character altered", code: Code::DisclosureInvalid, not_reached: AFTER_FORM,
        bend: |case| case.income.tamper = |text| {
            let at = text.find('~').expect("a disclosure") + 5;
            let other = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
            format!("{}{other}{}", &text[..at], &text[at + 1..])
        } },
    Bent { check: Check::Form, what: "no last tilde", code: Code::Malformed, not_reached: AFTER_FORM,
        bend: |case| case.income.tamper = |text| text.rsplit_once('~').expect("parts").0.to_owned() },
    Bent { check: Check::Form, what: "too long", code: Code::TooLarge, not_reached: AFTER_FORM,
        bend: |case| case.income.tamper = |text| " ".repeat(sd_jwt::SD_JWT_MAX) + &text },
    Bent { check: Check::Issuer, what: "an issuer that is not listed", code: Code::UnknownIssuer, not_reached: WITHOUT_ISSUER,
        bend: |case| { case.draft.organisations.remove(0); } },
    Bent { check: Check::Type, what: "an issuer of other types", code: Code::TypeNotAllowed, not_reached: &[],
        bend: |case| case.draft.organisations[0].issues = vec!["urn:bevis:TaxAssessmentSummary:1".to_owned()] },
    Bent { check: Check::Type, what: "a type that is not known here", code: Code::UnknownType, not_reached: WITHOUT_TYPE,
        bend: |case| {
            case.types = Types::default();
            case.types.add(include_bytes!("../../../types/PersonIdentification.json")).expect("a type");
        } },
    Bent { check: Check::Key, what: "a key that became valid on a later day", code: Code::KeyOutsideWindow, not_reached: &[],
        bend: |case| case.draft.organisations[0].keys[0].valid_from = now().day().plus(DAY) },
    Bent { check: Check::Key, what: "a key that had run out", code: Code::KeyOutsideWindow, not_reached: &[],
        bend: |case| case.draft.organisations[0].keys[0].valid_until = now().day().plus(-1) },
    Bent { check: Check::Key, what: "a key that was compromised, even later", code: Code::KeyCompromised, not_reached: &[],
        bend: |case| case.draft.organisations[0].keys[0].compromised = Some(now().plus(DAY)) },
    Bent { check: Check::Key, what: "a key that nobody has", code: Code::UnknownKey, not_reached: &[Check::Signature],
        bend: |case| case.income.kid = format!("did:web:{TAX}#key-2") },
    Bent { check: Check::Key, what: "another listed issuer's key", code: Code::UnknownKey, not_reached: &[Check::Signature],
        bend: |case| { case.income.kid = kid(IDENTITY); case.income.signed_by = 2; } },
    Bent { check: Check::Signature, what: "signed by somebody else", code: Code::SignatureInvalid, not_reached: &[],
        bend: |case| case.income.signed_by = 99 },
    Bent { check: Check::Validity, what: "expired", code: Code::Expired, not_reached: &[],
        bend: |case| case.income.expires = now() },
    Bent { check: Check::Validity, what: "issued later than now", code: Code::NotYetValid, not_reached: &[],
        bend: |case| case.income.issued = now().plus(CLOCK_SKEW + 1) },
    Bent { check: Check::Validity, what: "valid later than now", code: Code::NotYetValid, not_reached: &[],
        bend: |case| case.income.bend = |payload| { payload.insert("nbf".to_owned(), json!(now().plus(CLOCK_SKEW + 1))); } },
    Bent { check: Check::Validity, what: "without an end", code: Code::Malformed, not_reached: &[],
        bend: |case| case.income.bend = |payload| { payload.remove("exp"); } },
    Bent { check: Check::Validity, what: "without a beginning", code: Code::Malformed, not_reached: &[Check::Key],
        bend: |case| case.income.bend = |payload| { payload.remove("iat"); } },
    Bent { check: Check::Schema, what: "a value of another form", code: Code::SchemaInvalid, not_reached: &[],
        bend: |case| case.income.bend = |payload| { payload.insert("fraOgMed".to_owned(), json!("May")); } },
    Bent { check: Check::Schema, what: "a number with a fraction", code: Code::SchemaInvalid, not_reached: &[],
        bend: |case| case.income.bend = |payload| { payload.insert("fraOgMed".to_owned(), json!(2026.05)); } },
    Bent { check: Check::Schema, what: "a claim that must not leave the issuer", code: Code::SchemaInvalid, not_reached: &[],
        bend: |case| {
            case.income.row.as_object_mut().expect("a row").remove("derived");
            case.income.bend = |payload| { payload.insert("derived".to_owned(), json!({ "comment": "x" })); };
        } },
    Bent { check: Check::Status, what: "no status at hand", code: Code::StatusMissing, not_reached: &[],
        bend: |case| case.status = None },
    Bent { check: Check::Status, what: "no status claim", code: Code::StatusMissing, not_reached: &[],
        bend: |case| case.income.bend = |payload| { payload.remove("status"); } },
    Bent { check: Check::Status, what: "a status that is too old", code: Code::StatusStale, not_reached: &[],
        bend: |case| case.status = Some((State::Valid, now().plus(-3_601))) },
    Bent { check: Check::Status, what: "a status from the future", code: Code::StatusStale, not_reached: &[],
        bend: |case| case.status = Some((State::Valid, now().plus(CLOCK_SKEW + 1))) },
    Bent { check: Check::Status, what: "revoked", code: Code::Revoked, not_reached: &[],
        bend: |case| case.status = Some((State::Revoked, now())) },
    Bent { check: Check::Status, what: "revoked long ago", code: Code::Revoked, not_reached: &[],
        bend: |case| case.status = Some((State::Revoked, now().plus(-DAY))) },
    Bent { check: Check::Status, what: "suspended", code: Code::Suspended, not_reached: &[],
        bend: |case| case.status = Some((State::Suspended, now())) },
    Bent { check: Check::Status, what: "suspended long ago", code: Code::StatusStale, not_reached: &[],
        bend: |case| case.status = Some((State::Suspended, now().plus(-DAY))) },
    Bent { check: Check::Status, what: "superseded", code: Code::Superseded, not_reached: &[],
        bend: |case| case.status = Some((State::Superseded, now())) },
    Bent { check: Check::HolderBinding, what: "no key binding", code: Code::HolderBindingMissing, not_reached: WITHOUT_BINDING,
        bend: |case| case.income.bound_by = None },
    Bent { check: Check::HolderBinding, what: "a stolen copy, bound with another key", code: Code::HolderBindingInvalid, not_reached: &[],
        bend: |case| case.income.bound_by = Some(78) },
    Bent { check: Check::HolderBinding, what: "a credential that names no holder key", code: Code::HolderBindingInvalid, not_reached: &[],
        bend: |case| case.income.bend = |payload| { payload.remove("cnf"); } },
    Bent { check: Check::Audience, what: "bound for another asker", code: Code::WrongAudience, not_reached: &[],
        bend: |case| case.income.audience = "decentralized_identifier:did:web:annen.example".to_owned() },
    Bent { check: Check::Audience, what: "the audience without its prefix", code: Code::WrongAudience, not_reached: &[],
        bend: |case| case.income.audience = format!("did:web:{BANK}") },
    Bent { check: Check::Nonce, what: "bound for another session", code: Code::WrongNonce, not_reached: &[],
        bend: |case| case.income.nonce = "another-sessions-nonce".to_owned() },
    Bent { check: Check::Freshness, what: "bound before the request", code: Code::Stale, not_reached: &[],
        bend: |case| case.income.bound_at = now().plus(-60 - CLOCK_SKEW - 1) },
    Bent { check: Check::Freshness, what: "bound in the future", code: Code::NotYetValid, not_reached: &[],
        bend: |case| case.income.bound_at = now().plus(CLOCK_SKEW + 1) },
    Bent { check: Check::SdHash, what: "a binding over other disclosures", code: Code::WrongSdHash, not_reached: &[],
        bend: |case| case.income.bound_over = Some(vec![Path::of(&["personidentifikator"])]) },
    Bent { check: Check::Request, what: "an answer to another request", code: Code::WrongRequest, not_reached: &[],
        bend: |case| case.income.request_hash = [6; 32] },
    Bent { check: Check::Request, what: "keys that the binding does not cover", code: Code::KeysNotCovered, not_reached: &[],
        bend: |case| case.income.covers = Some(Covers { keys_hash: [9; 32], ..covers() }) },
    Bent { check: Check::Request, what: "a binding that covers another transaction", code: Code::KeysNotCovered, not_reached: &[],
        bend: |case| case.income.covers = Some(Covers { transaction: [9; 16], ..covers() }) },
    Bent { check: Check::Request, what: "a binding for a company that was not named", code: Code::KeysNotCovered, not_reached: &[],
        bend: |case| case.income.covers = Some(Covers { organisation: Some("219840365".to_owned()), ..covers() }) },
    Bent { check: Check::Request, what: "a binding that covers no keys", code: Code::KeysNotCovered, not_reached: &[],
        bend: |case| case.income.covers = None },
    Bent { check: Check::Query, what: "a claim that was asked is missing", code: Code::ClaimsMissing, not_reached: &[],
        bend: |case| case.income.shown = vec![Path::of(&["personidentifikator"])] },
    Bent { check: Check::Query, what: "a claim has not the value asked for", code: Code::ClaimsMissing, not_reached: &[],
        bend: |case| case.query["credentials"][0]["claims"][0]["values"] = json!(["03919043163"]) },
    Bent { check: Check::Query, what: "more is shown than was asked", code: Code::ClaimsUnrequested, not_reached: &[],
        bend: |case| case.income.shown.push(Path::of(&["derived", "sumKontantytelse"])) },
    Bent { check: Check::Query, what: "a frame is shown that was not asked", code: Code::ClaimsUnrequested, not_reached: &[],
        bend: |case| case.query["credentials"][0]["claims"] = json!([{ "path": ["personidentifikator"] }]) },
    Bent { check: Check::Query, what: "a claim that was not asked stands in the clear", code: Code::ClaimsUnrequested, not_reached: &[],
        bend: |case| {
            case.income.row.as_object_mut().expect("a row").remove("derived");
            case.income.bend = |payload| { payload.insert("derived".to_owned(), json!({ "monthsWithStatement": 2 })); };
        } },
    Bent { check: Check::Query, what: "a credential of another type", code: Code::ClaimsMissing, not_reached: &[],
        bend: |case| case.query["credentials"][0]["meta"]["vct_values"] = json!(["urn:bevis:TaxAssessmentSummary:1"]) },
    Bent { check: Check::Query, what: "a credential is missing", code: Code::ClaimsMissing, not_reached: WITHOUT_CREDENTIAL,
        bend: |case| case.token = |token| { token.remove("income"); } },
    Bent { check: Check::Query, what: "no presentation of a credential", code: Code::ClaimsMissing, not_reached: WITHOUT_CREDENTIAL,
        bend: |case| case.token = |token| token.get_mut("income").expect("there").clear() },
    Bent { check: Check::Query, what: "two presentations of one credential", code: Code::ClaimsUnrequested, not_reached: WITHOUT_CREDENTIAL,
        bend: |case| case.token = |token| {
            let twice = token.get_mut("income").expect("there");
            twice.push(twice[0].clone());
        } },
    Bent { check: Check::Query, what: "a credential that was not asked", code: Code::ClaimsUnrequested, not_reached: &[],
        bend: |case| case.token = |token| {
            let more = token["income"].clone();
            token.insert("more".to_owned(), more);
        } },
    Bent { check: Check::SamePerson, what: "two persons", code: Code::DifferentPersons, not_reached: &[],
        bend: |case| {
            case.person.row["personal_administrative_number"] = json!("03919043163");
            case.subject = None;
        } },
    Bent { check: Check::SamePerson, what: "a credential that does not say whose it is", code: Code::DifferentPersons, not_reached: &[],
        bend: |case| {
            case.income.shown.remove(0);
            case.query["credentials"][0]["claims"].as_array_mut().expect("claims").remove(0);
            case.subject = None;
        } },
    Bent { check: Check::Subject, what: "another person than the customer", code: Code::WrongSubject, not_reached: &[],
        bend: |case| case.subject = Some("03919043163") },
];
