//! Node certificates: what holds, and every bend of it.

use crate::trust::cast::{self, BANK, TAX, did, kid, now, peer};
use crate::trust::{
    CERTIFICATE_DAYS_MAX, CERTIFICATE_MAX, CERTIFICATE_TYP, CLOCK_SKEW, Certificate, Certificates, NodeRole,
    OrganisationKey, Proven, Seen, Trust, VERSION_MAX,
};
use crate::{Code, Did, Timestamp, jws, time::DAY};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

fn certificate() -> Certificate {
    Certificate {
        issuer: did(TAX),
        peer: peer(1),
        node: 0,
        roles: BTreeSet::from([NodeRole::Issuer, NodeRole::Verifier]),
        serial: 3,
        issued: now(),
        expires: now().plus(90 * DAY),
    }
}

fn trust() -> Arc<Trust> {
    cast::ceremony().trust(&cast::draft(), now()).expect("publishes")
}

fn text(certificate: &Certificate) -> String {
    certificate.sign(&kid(TAX), &cast::key(1)).expect("signs")
}

fn open_at(text: &str, trust: &Trust, now: Timestamp) -> Result<Certificate, (Code, String)> {
    Certificate::open(text, trust, now).map_err(|problem| (problem.code, problem.detail.unwrap_or_default()))
}

fn open(text: &str) -> Result<Certificate, (Code, String)> {
    open_at(text, &trust(), now())
}

fn refused(code: Code, detail: &str) -> Result<Certificate, (Code, String)> {
    Err((code, detail.to_owned()))
}

#[test]
fn a_certificate_is_read_back_from_its_organisation_and_from_nobody_else() {
    assert_eq!(open(&text(&certificate())), Ok(certificate()));
    let forged = certificate().sign(&kid(TAX), &cast::key(9)).expect("signs");
    assert_eq!(open(&forged), refused(Code::CertificateInvalid, "signature"));
    assert!(certificate().sign(&kid(BANK), &cast::key(4)).is_err(), "another's name");
    let unlisted = Certificate {
        issuer: did("annen.example"),
        ..certificate()
    };
    let unlisted = unlisted.sign(&kid("annen.example"), &cast::key(9)).expect("signs");
    assert_eq!(open(&unlisted), refused(Code::NotListed, ""));
    let elsewhere = Certificate {
        peer: peer(4),
        ..certificate()
    };
    assert_eq!(
        open(&text(&elsewhere)),
        refused(Code::NotListed, "peer"),
        "a PeerId of the bank's"
    );
    let unknown = certificate()
        .sign(&format!("{}#key-9", did(TAX)), &cast::key(1))
        .expect("signs");
    assert_eq!(open(&unknown), refused(Code::UnknownKey, ""));
}

#[test]
fn one_that_was_proven_is_judged_again_as_if_it_were_opened_again() {
    let text = text(&certificate());
    let proven = Proven::open(&text, &trust(), now()).expect("holds");
    assert_eq!(proven.certificate(), &certificate());
    let mut drafts = vec![cast::draft(); 6];
    drafts[1].organisations.retain(|listed| listed.did != did(TAX));
    let tax = |draft: &mut crate::trust::Draft| {
        let place = draft.organisations.iter().position(|listed| listed.did == did(TAX));
        place.expect("listed")
    };
    for (at, draft) in drafts.iter_mut().enumerate().skip(2) {
        let place = tax(draft);
        let listed = &mut draft.organisations[place];
        match at {
            // Another node, another key under the same name, a key that had ended, and one that was compromised.
            2 => listed.nodes[0].peer = peer(9),
            3 => listed.keys[0].key = cast::key(9).verifying_key(),
            4 => listed.keys[0].valid_until = now().plus(-1),
            _ => listed.keys[0].compromised = Some(now().plus(-DAY)),
        }
    }
    let mut codes = BTreeSet::new();
    for draft in drafts {
        let trust = cast::ceremony().trust(&draft, now()).expect("publishes");
        for seconds in [-CLOCK_SKEW - 1, -CLOCK_SKEW, 0, 90 * DAY, 90 * DAY + 1] {
            let at = now().plus(seconds);
            let again = proven.check(&trust, at);
            let anew = Certificate::open(&text, &trust, at).map(drop);
            assert_eq!(again, anew, "after {seconds} s");
            codes.extend(again.err().map(|problem| problem.code.as_str()));
        }
    }
    let met = [
        "not_listed",
        "certificate_invalid",
        "key_outside_window",
        "key_compromised",
        "clock_suspect",
        "expired",
    ];
    assert_eq!(codes, BTreeSet::from(met));
}

#[test]
fn a_certificate_holds_for_its_time_and_its_keys_time() {
    let long = text(&certificate());
    let end = certificate().expires;
    assert!(open_at(&long, &trust(), end).is_ok());
    assert_eq!(open_at(&long, &trust(), end.plus(1)), refused(Code::Expired, ""));
    assert!(open_at(&long, &trust(), now().plus(-300)).is_ok());
    assert_eq!(
        open_at(&long, &trust(), now().plus(-301)),
        refused(Code::ClockSuspect, "")
    );
    let with = |bend: fn(&mut crate::trust::OrganisationKey)| {
        let mut draft = cast::draft();
        bend(&mut draft.organisations[0].keys[0]);
        cast::ceremony().trust(&draft, now()).expect("publishes")
    };
    let ended = with(|key| key.valid_until = now().plus(DAY));
    assert!(open_at(&long, &ended, now().plus(DAY)).is_ok());
    assert_eq!(
        open_at(&long, &ended, now().plus(DAY + 1)),
        refused(Code::KeyOutsideWindow, ""),
        "an ended key cannot date itself back"
    );
    let compromised = with(|key| key.compromised = Some(now()));
    assert_eq!(open_at(&long, &compromised, now()), refused(Code::KeyCompromised, ""));
}

#[test]
fn every_member_has_its_bounds() {
    type Bend = (&'static str, fn(&mut Certificate));
    let bends: [Bend; 8] = [
        ("iss", |c| c.issuer = Did::Key(cast::key(1).verifying_key())),
        ("peer", |c| c.peer = "12D3".to_owned()),
        ("node", |c| c.node = 8),
        ("roles", |c| c.roles.clear()),
        ("serial", |c| c.serial = 0),
        ("serial", |c| c.serial = VERSION_MAX + 1),
        ("exp", |c| c.expires = c.issued),
        ("exp", |c| c.expires = c.issued.plus(CERTIFICATE_DAYS_MAX * DAY + 1)),
    ];
    for (name, bend) in bends {
        let mut bent = certificate();
        bend(&mut bent);
        let refused = bent.sign(&kid(TAX), &cast::key(1));
        assert_eq!(
            refused.map_err(|p| (p.code, p.detail)),
            Err((Code::CertificateInvalid, Some(name.to_owned())))
        );
    }
    let signed = jws::Jws::parse(&text(&certificate()), CERTIFICATE_TYP, CERTIFICATE_MAX).expect("parses");
    let bent = |bend: &dyn Fn(&mut Value), label: &str| {
        let mut payload = Value::Object(signed.payload.clone());
        bend(&mut payload);
        jws::sign(label, Some(&kid(TAX)), Map::new(), &payload, &cast::key(1)).expect("signs")
    };
    assert!(open(&bent(&|_| {}, CERTIFICATE_TYP)).is_ok());
    for (name, value) in [
        ("more", json!(1)),
        ("serial", json!(-1)),
        ("serial", json!(1.5)),
        ("node", json!(256)),
        ("roles", json!(["king"])),
        ("exp", json!("tomorrow")),
    ] {
        let text = bent(&|payload| payload[name] = value.clone(), CERTIFICATE_TYP);
        assert_eq!(open(&text), refused(Code::CertificateInvalid, "member"), "{name}");
    }
    let doubled = bent(
        &|payload| payload["roles"] = json!(["issuer", "issuer"]),
        CERTIFICATE_TYP,
    );
    assert_eq!(open(&doubled), refused(Code::CertificateInvalid, "roles"));
    let longer = bent(&|payload| payload["exp"] = json!(now().plus(91 * DAY)), CERTIFICATE_TYP);
    assert_eq!(
        open(&longer),
        refused(Code::CertificateInvalid, "exp"),
        "also where the signer wanted it"
    );
    assert_eq!(
        open(&bent(&|_| {}, "bevis-receipt+jwt")),
        refused(Code::CertificateInvalid, "form")
    );
    assert_eq!(open("a.b.c"), refused(Code::CertificateInvalid, "form"));
    assert_eq!(open(&"x".repeat(CERTIFICATE_MAX + 1)), refused(Code::TooLarge, ""));
}

#[test]
fn a_higher_serial_voids_the_lower_ones_of_its_slot() {
    let mut seen = Certificates::default();
    let mut admit = |bend: fn(&mut Certificate)| {
        let mut certificate = certificate();
        bend(&mut certificate);
        let text = text(&certificate);
        seen.admit(&certificate, &text).map_err(|problem| problem.code)
    };
    assert_eq!(admit(|_| {}), Ok(true));
    assert_eq!(admit(|_| {}), Ok(false), "again");
    assert_eq!(
        admit(|c| c.expires = c.expires.plus(-1)),
        Err(Code::CertificateInvalid),
        "another of that serial"
    );
    assert_eq!(admit(|c| c.serial = 4), Ok(true));
    assert_eq!(admit(|_| {}), Err(Code::CertificateSuperseded));
    assert_eq!(admit(|c| c.node = 1), Ok(true), "another slot counts by itself");
    let newest = seen.newest(&did(TAX), 0).expect("seen").clone();
    assert_eq!(newest.serial, 4);
    let mut restarted = Certificates::default();
    restarted.remember(did(TAX), 0, newest.clone());
    restarted.remember(
        did(TAX),
        0,
        Seen {
            serial: 1,
            hash: [0; 32],
            kid: kid(TAX),
        },
    );
    let old = text(&certificate());
    assert_eq!(
        restarted.admit(&certificate(), &old).map_err(|problem| problem.code),
        Err(Code::CertificateSuperseded),
        "remembered"
    );
    restarted.remember(did("annen.example"), 0, newest.clone());
    assert_eq!(restarted.review(&trust()), [(did("annen.example"), 0)]);
    assert_eq!(restarted.newest(&did("annen.example"), 0), None);
    assert_eq!(restarted.newest(&did(TAX), 0), Some(&newest));
}

#[test]
fn the_highest_serial_of_a_stolen_key_binds_nobody_once_the_key_is_compromised_or_gone() {
    let stolen = |seen: &mut Certificates| {
        let mut certificate = certificate();
        certificate.serial = VERSION_MAX;
        seen.admit(&certificate, &text(&certificate)).expect("admitted");
    };
    let honest = certificate();
    let signed = honest
        .sign(&format!("{}#key-2", honest.issuer), &cast::key(2))
        .expect("signs");
    let changed = |change: fn(&mut OrganisationKey)| {
        let mut draft = cast::draft();
        let listed = draft.organisations.iter_mut().find(|listed| listed.did == did(TAX));
        change(&mut listed.expect("listed").keys[0]);
        cast::ceremony().trust(&draft, now()).expect("publishes")
    };
    for (what, list) in [
        ("compromised", changed(|key| key.compromised = Some(now()))),
        ("gone", changed(|key| key.id = format!("{}#key-9", did(TAX)))),
    ] {
        let mut seen = Certificates::default();
        stolen(&mut seen);
        let refused = seen.admit(&honest, &signed).map_err(|problem| problem.code);
        assert_eq!(refused, Err(Code::CertificateSuperseded), "{what}");
        // A list that leaves the key as it is changes nothing; nor does the end of its window.
        assert_eq!(seen.review(&changed(|_| {})), []);
        assert_eq!(seen.review(&changed(|key| key.valid_until = now().plus(1))), []);
        assert_eq!(seen.review(&list), [(did(TAX), 0)], "{what}");
        assert_eq!(seen.admit(&honest, &signed), Ok(true), "{what}");
    }
}
