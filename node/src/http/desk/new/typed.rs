//! What a person typed into the form of a request: read, checked, and made into the command that asks.

use super::CASE_MAX;
use crate::http::desk::shown::{list, text};
use crate::http::form::Form;
use crate::output::At;
use crate::service::{Command, Consent};
use credentials::Did;
use credentials::identifier::{OrganisationNumber, PersonNumber};
use credentials::schema::Path as Claim;
use credentials::time::DAY;
use serde_json::Value;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// Most characters of a customer's number: 11 digits, and the spaces that people put between them.
pub(super) const NUMBER_MAX: usize = 20;
/// Most characters of a choice.
const CHOICE_MAX: usize = 512;
/// Most characters of a small number.
pub(super) const SMALL_MAX: usize = 6;
/// How long an answer is waited for when nothing else is chosen, in seconds: ten minutes to find the phone and to read.
const USUAL_SECONDS: i64 = 600;

/// What was typed, and what is amiss with it, by field.
#[derive(Default)]
pub(super) struct Typed {
    pub(super) case: String,
    pub(super) subject: Zeroizing<String>,
    pub(super) kind: String,
    pub(super) seconds: String,
    pub(super) days: String,
    pub(super) uses: String,
    pub(super) issuer: String,
    pub(super) of_type: String,
    pub(super) ticked: Vec<String>,
    pub(super) rung: String,
    pub(super) is_by_mailbox: bool,
    pub(super) is_pairing: bool,
    pub(super) amiss: BTreeMap<&'static str, &'static str>,
}

impl Typed {
    /// Takes a field; one that is too long is amiss.
    fn take(&mut self, form: &Form, name: &'static str, most: usize) -> String {
        match form.text(name, most) {
            Ok(text) => text.to_owned(),
            Err(_) => {
                self.amiss.insert(name, "desk-amiss-long");
                String::new()
            }
        }
    }

    pub(super) fn read(form: &Form, service: &Value) -> Typed {
        let mut typed = Typed::default();
        typed.case = typed.take(form, "case", CASE_MAX);
        typed.subject = Zeroizing::new(typed.take(form, "subject", NUMBER_MAX).replace(' ', ""));
        typed.kind = typed.take(form, "kind", CHOICE_MAX);
        typed.seconds = typed.take(form, "seconds", SMALL_MAX);
        typed.days = typed.take(form, "days", SMALL_MAX);
        typed.uses = typed.take(form, "uses", SMALL_MAX);
        typed.issuer = typed.take(form, "issuer", CHOICE_MAX);
        typed.of_type = typed.take(form, "type", CHOICE_MAX);
        typed.rung = typed.take(form, "rung", CHOICE_MAX);
        typed.ticked = form.all("claim").map(ToOwned::to_owned).collect();
        typed.is_by_mailbox = form.is_ticked("mailbox");
        typed.is_pairing = form.is_ticked("pair");
        typed.check(service);
        typed
    }

    fn is_amiss(&mut self, field: &'static str, key: &'static str) {
        self.amiss.entry(field).or_insert(key);
    }

    fn check(&mut self, service: &Value) {
        if self.case.is_empty() {
            self.is_amiss("case", "desk-amiss-case");
        } else if self.case.chars().any(char::is_control) {
            self.is_amiss("case", "desk-amiss-form");
        } else if has_person_number(&self.case) {
            self.is_amiss("case", "desk-amiss-case-number");
        }
        if let Some(key) = amiss_of_number(&self.subject, service) {
            self.is_amiss("subject", key);
        }
        let has_grant = !service.at("grant").is_null();
        if has_grant && !["once", "grant"].contains(&self.kind.as_str()) {
            self.is_amiss("kind", "desk-amiss-kind");
        }
        if !has_grant && !["", "once"].contains(&self.kind.as_str()) {
            self.is_amiss("kind", "desk-amiss-form");
        }
        let most = service.at("request_seconds_max").as_i64().unwrap_or(0);
        if !self.seconds.is_empty() && !self.seconds.parse().is_ok_and(|seconds| (1..=most).contains(&seconds)) {
            self.is_amiss("seconds", "desk-amiss-form");
        }
        if self.is_grant() {
            let within = |text: &str, most: &Value| {
                text.is_empty()
                    || text
                        .parse()
                        .is_ok_and(|n| (1..=most.as_i64().unwrap_or(0)).contains(&n))
            };
            if !within(&self.days, service.at("grant").at("days_max")) {
                self.is_amiss("days", "desk-amiss-most");
            }
            if !within(&self.uses, service.at("grant").at("uses_per_day")) {
                self.is_amiss("uses", "desk-amiss-most");
            }
        }
        if self.is_grant() && self.is_by_mailbox {
            self.is_amiss("mailbox", "desk-amiss-mailbox");
        }
        let is_known = |one: &String| claim_of(service, one).is_some();
        if !self.ticked.iter().all(is_known) {
            self.is_amiss("claim", "desk-amiss-form");
        }
        if !self.rung.is_empty() && rung_of(service, &self.rung).is_none() {
            self.is_amiss("rung", "desk-amiss-form");
        }
    }

    pub(super) fn is_grant(&self) -> bool {
        self.kind == "grant"
    }

    /// Types and claims that are asked; all of both where nothing is chosen.
    fn narrowed(&self, service: &Value) -> (Vec<String>, Vec<Claim>) {
        let mut types = Vec::new();
        let mut claims = Vec::new();
        let ticked = self.ticked.iter().filter_map(|one| claim_of(service, one));
        for (vct, claim) in ticked.chain(rung_of(service, &self.rung)) {
            if !types.contains(&vct) {
                types.push(vct);
            }
            if !claims.contains(&claim) {
                claims.push(claim);
            }
        }
        if self.is_grant() && !self.of_type.is_empty() {
            types = vec![self.of_type.clone()];
        }
        (types, claims)
    }

    /// The command that asks.
    pub(super) fn command(&self, service: &Value, is_by_mailbox: bool) -> Command {
        let (types, claims) = self.narrowed(service);
        let most = service.at("request_seconds_max").as_i64().unwrap_or(USUAL_SECONDS);
        // A request that lies in a mailbox waits as long as it may.
        let usual = (!is_by_mailbox).then_some(USUAL_SECONDS.min(most));
        let valid_seconds = self.seconds.parse().ok().or(usual);
        let (case, subject) = (self.case.clone(), self.subject.to_string());
        let service = text(service, "id").to_owned();
        match self.is_grant() {
            true => Command::Consent {
                what: Consent::Request {
                    service,
                    case,
                    subject,
                    types,
                    claims,
                    valid_seconds,
                    issuer: Did::parse(&self.issuer),
                    seconds: self.days.parse::<i64>().ok().map(|days| days.saturating_mul(DAY)),
                    uses_per_day: self.uses.parse().ok(),
                },
            },
            false => Command::VerifierRequest {
                service,
                case,
                subject,
                types,
                claims,
                valid_seconds,
                pair: self.is_pairing || self.is_by_mailbox,
                by_mailbox: is_by_mailbox,
            },
        }
    }
}

/// Whether eleven digits in a row are the number of a person.
fn has_person_number(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_digit())
        .any(|digits| PersonNumber::parse(digits).is_some())
}

/// What is amiss with a customer's number.
fn amiss_of_number(number: &str, service: &Value) -> Option<&'static str> {
    let is_company = |asked: &Value| asked.at("is_company") == true;
    let (may_be_company, may_be_person) = (
        list(service, "asks").any(is_company),
        list(service, "asks").any(|asked| !is_company(asked)),
    );
    if number.is_empty() {
        return Some("desk-amiss-number-missing");
    }
    if let Some(person) = PersonNumber::parse(number) {
        return match (may_be_person, person.is_synthetic()) {
            (false, _) => Some("desk-amiss-number-company"),
            (true, false) => Some("desk-amiss-number-real"),
            (true, true) => None,
        };
    }
    match (OrganisationNumber::parse(number), may_be_company) {
        (Some(_), true) => None,
        (Some(_), false) => Some("desk-amiss-number-person"),
        (None, _) => Some("desk-amiss-number"),
    }
}

/// `1:2`: the second claim of the first type, counted from nought as the page has them.
fn place(text: &str) -> Option<(usize, usize)> {
    let (of_type, of_claim) = text.split_once(':')?;
    Some((of_type.parse().ok()?, of_claim.parse().ok()?))
}

fn member(service: &Value, text: &str, of: &str) -> Option<(String, Claim)> {
    let (of_type, at) = place(text)?;
    let asked = list(service, "asks").nth(of_type)?;
    let claim = list(asked, of).nth(at)?.at("segments");
    let claim = serde_json::from_value(claim.clone()).ok()?;
    Some((asked.at("vct").as_str()?.to_owned(), claim))
}

fn claim_of(service: &Value, text: &str) -> Option<(String, Claim)> {
    member(service, text, "claims")
}

fn rung_of(service: &Value, text: &str) -> Option<(String, Claim)> {
    member(service, text, "rungs")
}
