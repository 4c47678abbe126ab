//! Notices: form, two keys, content; checkpoints.

mod two_keys;

use super::*;
use crate::random;
use crate::trust::cast::{did, key, organisation, seeded};
use crate::trust::{Ceremony, Draft, OrganisationKey};
use crate::{Random, SigningKey};
use serde_json::json;
use std::sync::Arc;

pub(super) const REGISTER: &str = "konkurs.example";
const DEBTOR: &str = "310682950";
const OTHER: &str = "312045877";

pub(super) fn now() -> Timestamp {
    Timestamp::parse("2026-09-01T08:15:00Z").expect("an instant")
}

pub(super) fn random() -> impl Random {
    seeded("notices")
}

/// The register's two keys, and a third that the list does not know.
pub(super) fn keys() -> [SigningKey; 3] {
    [key(61), key(62), key(63)]
}

pub(super) fn kid(number: u8) -> String {
    format!("did:web:{REGISTER}#key-{number}")
}

/// A list with the register, bent.
pub(super) fn trust_at(at: Timestamp, bend: impl FnOnce(&mut Draft)) -> Arc<Trust> {
    let mut register = organisation(REGISTER, "974760673", 61, &[VCT]);
    let second = OrganisationKey {
        id: kid(2),
        key: key(62).verifying_key(),
        ..register.keys[0].clone()
    };
    register.keys.push(second);
    let mut draft = Draft {
        sequence: 1,
        operator: "Syntetisk operatør".to_owned(),
        issued: at,
        next_update: at.plus(30 * crate::time::DAY),
        organisations: vec![register],
    };
    bend(&mut draft);
    let mut ceremony = Ceremony::of_three(&mut random(), at).expect("founds");
    ceremony.trust(&draft, at).expect("publishes")
}

pub(super) fn trust() -> Arc<Trust> {
    trust_at(now(), |_| ())
}

pub(super) fn opening() -> Map<String, Value> {
    let subject = json!({
        "type": "aapning", "boType": "konkurs", "kjennelsesdato": "2026-08-31",
        "debitor": {"organisasjonsnummer": DEBTOR, "navn": "TOMT SKALL AS"},
        "tilknyttedeEnheter": [], "domstol": "Syntetisk tingrett",
        "bostyrer": {"navn": "Nøktern Advokat", "oppnevnt": "2026-08-31"},
        "meldefrist": "2026-09-28", "gjelderVarsel": null,
    });
    subject.as_object().expect("an object").clone()
}

pub(super) fn proposal(number: u64, subject: &Map<String, Value>) -> Result<Proposal, Problem> {
    let place = Place {
        register: &did(REGISTER),
        uuid: &uuid(random::bytes(&mut random())),
        number,
        previous: NOTHING,
        registered: now(),
    };
    Proposal::write(&place, subject)
}

pub(super) fn signed() -> String {
    let [one, two, _] = keys();
    let once = proposal(1, &opening())
        .expect("writes")
        .sign(&kid(1), &one, now())
        .expect("signs");
    once.sign(&kid(2), &two, now()).expect("signs").text().to_owned()
}

/// The signed notice with something changed in it.
pub(super) fn bent(bend: impl FnOnce(&mut Value)) -> String {
    let mut value = serde_json::from_str(&signed()).expect("JSON");
    bend(&mut value);
    value.to_string()
}

pub(super) fn refused(text: &str, trust: &Trust) -> Problem {
    Notice::open(text, trust, now()).expect_err("refused")
}

#[test]
fn what_was_written_is_read_back() {
    let notice = Notice::open(&signed(), &trust(), now()).expect("opens");
    let proposal = notice.proposal();
    assert_eq!(proposal.number(), 1);
    assert_eq!(proposal.previous(), &NOTHING);
    assert_eq!(proposal.registered(), now());
    assert_eq!(notice.keys(), [kid(1), kid(2)]);
    let content = proposal.content().expect("understood");
    assert_eq!(content.kind, Kind::Aapning);
    assert_eq!(content.debtor, Debtor::Company(DEBTOR.to_owned()));
    assert_eq!(
        Proposal::parse(proposal.text()).expect("parses").hash(),
        proposal.hash()
    );
}

#[test]
fn the_hash_covers_the_content_and_not_who_signed() {
    let unsigned = proposal(1, &opening()).expect("writes");
    let [one, two, _] = keys();
    let first = unsigned.sign(&kid(1), &one, now()).expect("signs");
    let second = unsigned.sign(&kid(2), &two, now().plus(9)).expect("signs");
    assert_eq!(first.hash(), second.hash());
    assert_ne!(first.text(), second.text());
    let mut other = opening();
    other.insert("domstol".to_owned(), "Annen tingrett".into());
    assert_ne!(proposal(1, &other).expect("writes").hash(), unsigned.hash());
}

#[test]
fn a_member_that_the_place_gives_cannot_be_given_by_the_caller() {
    for name in [
        "uuid",
        "sekvens",
        "forrigeSekvensHash",
        "registreringstidspunkt",
        "ressurs",
    ] {
        let mut subject = opening();
        subject.insert(name.to_owned(), 7.into());
        let problem = proposal(1, &subject).expect_err("refused");
        assert_eq!((problem.code, problem.detail.as_deref()), (Code::Malformed, Some(name)));
    }
}

#[test]
fn a_notice_that_undoes_names_an_opening_and_an_opening_names_none() {
    let about = "0e6a2a62-6d0b-4b3d-8f58-2a6a5a9d3a10";
    for kind in ["sletting", "oppheving"] {
        let mut subject = opening();
        subject.insert("type".to_owned(), kind.into());
        assert_eq!(
            proposal(2, &subject).expect_err("refused").code,
            Code::SchemaInvalid,
            "{kind}"
        );
        subject.insert("gjelderVarsel".to_owned(), about.into());
        assert!(proposal(2, &subject).is_ok(), "{kind}");
    }
    let mut subject = opening();
    subject.insert("gjelderVarsel".to_owned(), about.into());
    assert_eq!(proposal(2, &subject).expect_err("refused").code, Code::SchemaInvalid);
    let mut subject = opening();
    subject.insert("type".to_owned(), "avslutning".into());
    assert!(
        proposal(2, &subject).is_ok(),
        "information may name an opening, or none"
    );
}

#[test]
fn a_notice_about_a_person_says_nothing_but_the_tag() {
    let tag = Tag {
        key: "2026".to_owned(),
        value: "A".repeat(43),
    };
    let bare = json!({"type": "aapning", "debitor": {"merker": [tag]}});
    let bare = bare.as_object().expect("an object");
    assert!(proposal(1, bare).is_ok());
    for (name, value) in opening() {
        if bare.contains_key(&name) || name == "gjelderVarsel" {
            continue;
        }
        let mut more = bare.clone();
        more.insert(name.clone(), value);
        assert_eq!(
            proposal(1, &more).expect_err("refused").code,
            Code::SchemaInvalid,
            "{name}"
        );
    }
    let mut named = bare.clone();
    named.insert("debitor".to_owned(), json!({"merker": [tag], "navn": "Rolig Fiskebåt"}));
    assert_eq!(proposal(1, &named).expect_err("refused").code, Code::SchemaInvalid);
    let mut clear = opening();
    clear.insert("debitor".to_owned(), json!({"fodselsnummer": "14858834016"}));
    assert_eq!(proposal(1, &clear).expect_err("refused").code, Code::SchemaInvalid);
}

#[test]
fn a_kind_that_this_version_does_not_know_has_a_place_and_no_content() {
    let [one, two, _] = keys();
    let unsigned = bent(|value| {
        value.as_object_mut().expect("an object").remove("proof");
        value["credentialSubject"]["type"] = "gjenaapning".into();
    });
    let later = Proposal::parse(&unsigned).expect("has its form");
    let later = later.sign(&kid(1), &one, now()).expect("signs");
    let later = later.sign(&kid(2), &two, now()).expect("signs");
    let notice = Notice::open(later.text(), &trust(), now()).expect("opens");
    assert_eq!(notice.proposal().number(), 1);
    let problem = notice.proposal().content().expect_err("not understood");
    assert_eq!(problem, &Problem::new(Code::Unsupported, "type"));
    let mut subject = opening();
    subject.insert("type".to_owned(), "gjenaapning".into());
    assert_eq!(proposal(1, &subject).expect_err("not written").code, Code::Unsupported);
}

#[test]
fn a_number_of_a_company_with_a_wrong_check_digit_is_no_content() {
    let mut subject = opening();
    subject.insert(
        "debitor".to_owned(),
        json!({"organisasjonsnummer": "310682951", "navn": "X"}),
    );
    let problem = proposal(1, &subject).expect_err("refused");
    assert_eq!(problem.code, Code::SchemaInvalid);
    assert!(
        !problem.to_string().contains("310682951"),
        "no value in a problem: {problem}"
    );
}

#[test]
fn an_undoing_is_of_the_same_debtor() {
    let company = |number: &str| Debtor::Company(number.to_owned());
    let tag = |key: &str, value: &str| Tag {
        key: key.to_owned(),
        value: value.to_owned(),
    };
    let undoing = |debtor: Debtor| Content {
        kind: Kind::Sletting,
        debtor,
        about: Some(String::new()),
        linked: Vec::new(),
    };
    assert_eq!(check_about(&undoing(company(DEBTOR)), Some(&company(DEBTOR))), Ok(()));
    let other = check_about(&undoing(company(DEBTOR)), Some(&company(OTHER)));
    assert_eq!(other, Err(Problem::new(Code::NoticeInvalid, "debitor")));
    let none = check_about(&undoing(company(DEBTOR)), None);
    assert_eq!(none, Err(Problem::new(Code::NoticeInvalid, "gjelderVarsel")));
    let person = |tags: &[Tag]| Debtor::Person(tags.to_vec());
    let (old, new) = (tag("2026", "a"), tag("2027", "b"));
    let both = undoing(person(&[old.clone(), new.clone()]));
    assert_eq!(check_about(&both, Some(&person(&[old]))), Ok(()));
    assert!(check_about(&undoing(person(&[new])), Some(&person(&[tag("2026", "a")]))).is_err());
    assert!(check_about(&undoing(company(DEBTOR)), Some(&person(&[tag("2026", "a")]))).is_err());
}

#[test]
fn gossip_carries_a_notice_that_fits_and_only_names_one_that_does_not() {
    let notice = Notice::open(&signed(), &trust(), now()).expect("opens");
    let digest = notice.digest().expect("encodes");
    assert!(digest.len() <= DIGEST_MAX, "{}", digest.len());
    let read: Digest = protocol::decode(&digest, DIGEST_MAX).expect("decodes");
    assert_eq!(
        read,
        Digest::Notice {
            text: notice.proposal().text().to_owned()
        }
    );
    let [one, two, _] = keys();
    let mut subject = opening();
    let units = vec![json!({"organisasjonsnummer": OTHER, "navn": "N".repeat(200)}); 16];
    subject.insert("tilknyttedeEnheter".to_owned(), units.into());
    let long = proposal(1, &subject).expect("writes");
    let long = long.sign(&kid(1), &one, now()).expect("signs");
    let long = long.sign(&kid(2), &two, now()).expect("signs");
    let long = Notice::open(long.text(), &trust(), now()).expect("opens");
    let digest = long.digest().expect("encodes");
    assert!(digest.len() <= DIGEST_MAX);
    let read: Digest = protocol::decode(&digest, DIGEST_MAX).expect("decodes");
    let Digest::Announce { number, hash, .. } = read else {
        panic!("{read:?}")
    };
    assert_eq!((number, hash), (1, long.proposal().hash_text()));
}

#[test]
fn every_kind_has_words_in_three_languages_and_says_what_it_does() {
    let declared = NoticeType::bankruptcy();
    assert_eq!((declared.vct.as_str(), declared.service.as_str()), (VCT, SERVICE));
    let kinds: Vec<&str> = declared.kinds().collect();
    let all = [Kind::Aapning, Kind::Avslutning, Kind::Oppheving, Kind::Sletting];
    assert_eq!(kinds, all.map(Kind::as_str));
    for kind in kinds {
        for language in ["nb", "nn", "en"] {
            assert_ne!(declared.kind_label(kind, language), kind);
            assert!(
                declared
                    .kind_effect(kind, language)
                    .is_some_and(|text| text.ends_with('.'))
            );
        }
    }
    assert_eq!(declared.kind_label("gjenaapning", "nb"), "gjenaapning");
    let debtor = crate::schema::Path(vec![Some("debitor".to_owned())]);
    assert_eq!(declared.label_of(&debtor, "nn"), "Skyldnar");
}

#[test]
fn a_checkpoint_vouches_for_exactly_its_list_of_openings() {
    let openings = vec![Opening {
        uuid: "0e6a2a62-6d0b-4b3d-8f58-2a6a5a9d3a10".to_owned(),
        number: 3,
        debtor: Debtor::Company(DEBTOR.to_owned()),
    }];
    let state = Checkpoint::state(&openings).expect("encodes");
    let at = At {
        register: &did(REGISTER),
        number: 7,
        hash: &[9; 32],
        registered: now(),
    };
    let [one, two, _] = keys();
    let paper = Paper::parse(&Checkpoint::write(&at, &state, now())).expect("parses");
    let once = paper.sign(&kid(1), &one, now()).expect("signs");
    let text = once.sign(&kid(2), &two, now()).expect("signs").text().to_owned();
    let checkpoint = Checkpoint::open(&text, &trust(), now()).expect("opens");
    assert_eq!((checkpoint.number, checkpoint.hash), (7, [9; 32]));
    assert_eq!(checkpoint.openings(&state), Ok(openings));
    let mut other = state.clone();
    other[20] ^= 1;
    for wrong in [&other[..], &state[1..], &[]] {
        assert_eq!(
            checkpoint.openings(wrong).expect_err("refused").code,
            Code::NoticeInvalid
        );
    }
    assert_eq!(
        Checkpoint::open(once.text(), &trust(), now())
            .expect_err("refused")
            .code,
        Code::SecondKeyMissing
    );
    let above = Checkpoint::state(&[Opening {
        uuid: "0e6a2a62-6d0b-4b3d-8f58-2a6a5a9d3a10".to_owned(),
        number: 8,
        debtor: Debtor::Company(DEBTOR.to_owned()),
    }]);
    let above = above.expect("encodes");
    let paper = Paper::parse(&Checkpoint::write(&at, &above, now())).expect("parses");
    let Paper::Checkpoint(checkpoint) = paper else {
        panic!("{paper:?}")
    };
    assert_eq!(
        checkpoint.openings(&above).expect_err("after the checkpoint").code,
        Code::Malformed
    );
}

#[test]
fn a_uuid_has_its_version_and_form() {
    let text = uuid([0xff; 16]);
    assert_eq!(text, "ffffffff-ffff-4fff-bfff-ffffffffffff");
    assert!(is_uuid(&text) && is_uuid(&uuid([0; 16])));
    for wrong in [
        "",
        "FFFFFFFF-ffff-4fff-bfff-ffffffffffff",
        "ffffffff-ffff-4fff-bfff-fffffffffff",
        "ffffffffffff-4fff-bfff-ffffffffffff-",
    ] {
        assert!(!is_uuid(wrong), "{wrong}");
    }
}
