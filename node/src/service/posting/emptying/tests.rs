//! Which mailboxes a release waits for, in an issuer's home without a network.

use super::*;
use crate::service::tests::Agency;
use credentials::letter::{Place, Reach};
use credentials::time::DAY;
use credentials::trust::{Ceremony, Draft, Organisation};
use credentials::{Code, SigningKey};
use std::sync::PoisonError;

const OPERATORS: [&str; 2] = ["did:web:en.example", "did:web:to.example"];

fn operators() -> [Did; 2] {
    OPERATORS.map(|did| Did::parse(did).expect("a DID"))
}

/// A wallet's words about where it is reached.
fn reach() -> Reach {
    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
    let key = envelope::RecipientKey::from_bytes(&[7; 32]);
    let writer = SigningKey::from_bytes(&[8; 32]).verifying_key();
    Reach {
        key: BASE64_URL_SAFE_NO_PAD.encode(key.recipient().as_bytes()),
        writer: Some(BASE64_URL_SAFE_NO_PAD.encode(writer.to_bytes())),
        places: operators()
            .map(|operator| Place {
                operator,
                queue: BASE64_URL_SAFE_NO_PAD.encode([1; 16]),
                token: BASE64_URL_SAFE_NO_PAD.encode([2; 32]),
            })
            .to_vec(),
    }
}

/// Lets a home go by a list that names these.
fn list(service: &Service, dids: &[Did]) {
    let organisation = |(did, number): (&Did, &str)| Organisation {
        did: did.clone(),
        number: number.to_owned(),
        name: did.to_string(),
        keys: Vec::new(),
        nodes: Vec::new(),
        issues: Vec::new(),
        services: Vec::new(),
    };
    let now = clock::now();
    let draft = Draft {
        sequence: 1,
        operator: "Anker".to_owned(),
        issued: now,
        next_update: now.plus(DAY),
        organisations: dids.iter().zip(["314768205", "218405177"]).map(organisation).collect(),
    };
    let mut anchors = Ceremony::of_three(&mut clock::System, now).expect("anchors");
    let trust = anchors.trust(&draft, now).expect("a list");
    *service.trust.write().unwrap_or_else(PoisonError::into_inner) = Some(trust);
}

/// A relation with a wallet, with queues of ours at these operators.
fn relation(service: &Service, at: &[Did]) -> Id {
    let (reach, now, random) = (reach(), clock::now(), &mut clock::System);
    let id = post::with_wallet(&reach).expect("a key");
    let mut post = lock(&service.office.post).expect("whole");
    post.begin(&id, None, Some(&reach), random).expect("begins");
    post.to_create(&id, at, now, random).expect("errands");
    for operator in at {
        post.created(&id, operator, ([3; 16], [4; 32]), now).expect("noted");
    }
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_waits_for_listed_operators_that_are_silent_and_for_nobody_else() {
    let agency = Agency::new();
    let service = &agency.service;
    let released = |id| tokio::task::block_in_place(|| service.require_emptied_of(id));
    let awaited = Err(Problem::new(Code::CatchingUp, "mailbox"));
    // Its operators were off when the grant was deposited: no queue was ever made.
    let id = relation(service, &[]);
    list(service, &operators());
    assert_eq!(released(id), Ok(()), "nothing can wait where there is no queue");

    relation(service, &operators());
    assert_eq!(released(id), awaited, "both are listed, and nobody answers");
    list(service, &operators()[..1]);
    assert_eq!(released(id), awaited, "one is listed");
    list(service, &[]);
    assert_eq!(released(id), Ok(()), "both have left the list");
    list(service, &operators());
    assert_eq!(released(id), awaited, "they are back, and what they keep counts");
}

/// An envelope for our queue, as the wallet seals it.
fn sealed(service: &Service, id: &Id, number: u64, letter: &Letter) -> Vec<u8> {
    let own = lock(&service.office.post).expect("whole").reach(id);
    let own = own.expect("reads").expect("is reached");
    let content = letter.encode().expect("fits");
    let message = envelope::Message {
        queue: &[3; 16],
        number,
        at: clock::now(),
        kind: credentials::letter::KIND,
        content: &content,
    };
    let writer = SigningKey::from_bytes(&[8; 32]);
    let hand = envelope::Sender::Holder(&writer);
    envelope::seal(&message, hand, &own.recipient().expect("a key"), &mut clock::System).expect("seals")
}

/// A grant of ours that nobody deposited, taken back.
fn withdrawal() -> Letter {
    use credentials::grant::{Grant, Kind, Withdrawal};
    let (key, now) = (SigningKey::from_bytes(&[9; 32]), clock::now());
    let issuer = Did::parse("did:web:identity.example").expect("a DID");
    let grant = Grant {
        id: "A".repeat(22),
        issuer: issuer.clone(),
        asker: Did::parse("did:web:bank.example").expect("a DID"),
        service: "S15".to_owned(),
        purpose: "loan".to_owned(),
        kind: Kind::Case,
        vct: "urn:bevis:StudentLoanBalance:1".to_owned(),
        claims: vec![serde_json::from_value(serde_json::json!(["saldo"])).expect("a path")],
        nbf: now,
        exp: now.plus(DAY),
        uses_per_day: 1,
        request: "A".repeat(43),
        text: "A".repeat(43),
        language: "nb".to_owned(),
    };
    let grant = grant.sign(&key).expect("signs");
    let withdrawal = Withdrawal {
        grant: OpenedGrant::open(&grant).expect("opens").name(),
        issuer,
        at: now,
    };
    Letter::Withdrawal {
        withdrawal: withdrawal.sign(&key).expect("signs"),
        grant,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_cannot_have_its_effect_yet_holds_up_none_and_is_tried_again_and_its_refusal_told() {
    let agency = Agency::new();
    let service = &agency.service;
    let [en, to] = operators();
    list(service, &[en.clone(), to]);
    let id = relation(service, std::slice::from_ref(&en));
    let held = || service.holds_withdrawal(&id).expect("reads");
    let theirs = || lock(&service.office.post).expect("whole").theirs(&id).expect("reads");

    // The issuer has no trust list to judge by yet.
    let first = sealed(service, &id, 1, &withdrawal());
    assert_eq!(
        service
            .take_letter(&id, &en, &first)
            .await
            .map_err(|failure| failure.problem),
        Ok(false)
    );
    assert!(held(), "it lies aside");
    let moved = Reach {
        places: reach().places.split_off(1),
        ..reach()
    };
    let second = sealed(service, &id, 2, &Letter::Reach(moved.clone()));
    assert!(service.take_letter(&id, &en, &second).await.expect("has its effect"));
    assert_eq!(theirs(), Some(moved), "what is behind it counts");
    assert!(
        !service.take_letter(&id, &en, &first).await.expect("again"),
        "and comes no second time"
    );
    assert_eq!(service.take_aside(&id).await.expect("tried"), 0);
    assert!(held(), "not yet");

    let trust = service.trust().expect("a list");
    lock(service.issuer.as_ref().expect("an issuer"))
        .expect("whole")
        .set_trust(trust);
    let before = lock(&service.office.post)
        .expect("whole")
        .waiting_of(&id)
        .expect("reads");
    assert_eq!(
        service.take_aside(&id).await.expect("tried"),
        0,
        "nobody deposited that grant"
    );
    assert!(!held());
    let after = lock(&service.office.post)
        .expect("whole")
        .waiting_of(&id)
        .expect("reads");
    assert_eq!(after, before + 1, "the wallet is told so");
}

#[test]
fn an_answer_is_looked_for_soon_at_first_and_never_later_than_five_minutes() {
    for (since, expected) in [(0, 2), (15, 2), (60, 6), (3_600, 300), (604_800, 300)] {
        assert_eq!(pause(Duration::from_secs(since)), Duration::from_secs(expected));
    }
}
