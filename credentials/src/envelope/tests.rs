//! Envelopes sealed, opened, and bent in every way that an operator, a sender or a recipient can.

mod vector;

use super::*;
use crate::trust::cast::{self, BANK, TAX, did, kid, now, seeded};
use crate::{SigningKey, jws};
use serde_json::{Map, Value, json};
use std::sync::{Arc, OnceLock};

const QUEUE: [u8; 16] = [3; 16];
/// The organisation's key of [`BANK`] in [`cast::draft`].
const BANK_KEY: u8 = 4;

fn trust() -> &'static Trust {
    static TRUST: OnceLock<Arc<Trust>> = OnceLock::new();
    TRUST.get_or_init(|| cast::listed(&cast::draft()))
}

fn recipient() -> RecipientKey {
    RecipientKey::from_bytes(&[11; 32])
}

fn holder() -> SigningKey {
    cast::key(77)
}

fn message(content: &[u8]) -> Message<'_> {
    Message {
        queue: &QUEUE,
        number: 5,
        at: now(),
        kind: "request",
        content,
    }
}

/// Of the bank.
fn sealed(content: &[u8]) -> Vec<u8> {
    let (kid, signer) = (kid(BANK), cast::key(BANK_KEY));
    let sender = Sender::Organisation {
        kid: &kid,
        signer: &signer,
    };
    seal(
        &message(content),
        sender,
        recipient().recipient(),
        &mut seeded("envelope"),
    )
    .expect("seals")
}

fn opened(body: &[u8]) -> Result<Opened, Problem> {
    open(body, &recipient(), &QUEUE, trust())
}

fn code<T>(result: Result<T, Problem>) -> (Code, String) {
    let problem = result.err().expect("refused");
    (problem.code, problem.detail.unwrap_or_default())
}

/// What is sealed whatever it says.
fn raw(item: &str, content: &[u8]) -> Vec<u8> {
    let plaintext = padded(item.as_bytes(), content).expect("fits");
    seal_bytes(&plaintext, &QUEUE, recipient().recipient(), &mut seeded("raw")).expect("seals")
}

/// Members of a right item about `content`, by the holder.
fn members(content: &[u8]) -> Value {
    let item = Item::of(
        &message(content),
        Did::Key(holder().verifying_key()),
        recipient().recipient(),
    );
    record::to_value(&item).expect("JSON")
}

fn signed(members: &Value) -> String {
    let header = Map::from_iter([("jwk".to_owned(), holder().verifying_key().to_jwk())]);
    jws::sign(ENVELOPE_TYP, None, header, members, &holder()).expect("signs")
}

#[test]
fn an_organisations_envelope_opens_with_who_what_and_which() {
    let opened = opened(&sealed(b"synthetic")).expect("opens");
    assert_eq!(opened.author, Author::Organisation(did(BANK)));
    assert_eq!((opened.number, opened.at, opened.kind.as_str()), (5, now(), "request"));
    assert_eq!(opened.content.as_slice(), b"synthetic");
    let item = Jws::parse(&opened.item, ENVELOPE_TYP, Item::MAX).expect("a JWS");
    assert!(
        item.verify(&cast::key(BANK_KEY).verifying_key()),
        "it can be shown later"
    );
}

#[test]
fn a_holders_envelope_opens_with_the_key_that_signed() {
    let signer = holder();
    let sender = Sender::Holder(&signer);
    let body = seal(&message(b"answer"), sender, recipient().recipient(), &mut seeded("a")).expect("seals");
    let opened = opened(&body).expect("opens");
    assert_eq!(opened.author, Author::Holder(holder().verifying_key()));
    assert_eq!(opened.content.as_slice(), b"answer");
}

#[test]
fn another_key_or_another_queue_does_not_open_it() {
    let body = sealed(b"synthetic");
    assert!(opened(&body).is_ok());
    let other = RecipientKey::from_bytes(&[12; 32]);
    assert_eq!(code(open(&body, &other, &QUEUE, trust())).0, Code::Malformed);
    assert_eq!(code(open(&body, &recipient(), &[4; 16], trust())).0, Code::Malformed);
}

#[test]
fn an_altered_byte_anywhere_is_noticed() {
    let body = sealed(b"synthetic");
    // Each byte of the encapsulated key's end, of the sealed part's ends, and every 7th of the rest.
    for position in (0..body.len()).filter(|at| at % 7 == 0 || (1080..1160).contains(at) || at + 20 > body.len()) {
        let mut altered = body.clone();
        altered[position] ^= 0x10;
        assert_eq!(code(opened(&altered)).0, Code::Malformed, "at {position}");
    }
}

#[test]
fn a_length_of_no_class_is_refused_before_anything_is_computed() {
    let body = sealed(b"synthetic");
    for length in [0, 1, ENCAPSULATED, ENCAPSULATED + TAG, body.len() - 1] {
        assert_eq!(code(opened(&body[..length])).0, Code::Malformed, "{length}");
    }
    let longer = [body.as_slice(), &[0]].concat();
    assert_eq!(code(opened(&longer)).0, Code::Malformed);
    assert_eq!(code(opened(&vec![0; BODY_MAX])).0, Code::Malformed);
    assert_eq!(code(opened(&vec![0; BODY_MAX + 1])).0, Code::TooLarge);
    for class in CLASSES {
        assert!(is_body(ENCAPSULATED + class));
        assert!(!is_body(ENCAPSULATED + class - 1) && !is_body(ENCAPSULATED + class + 1));
    }
}

#[test]
fn the_length_is_that_of_the_smallest_class_and_says_nothing_more() {
    let item = sealed(b"");
    let item = opened(&item).expect("opens").item.len();
    // Items have one length whatever the content, so that the edges are known.
    for (class, next) in CLASSES
        .into_iter()
        .zip(CLASSES.into_iter().skip(1).map(Some).chain([None]))
    {
        let edge = class - TAG - LENGTHS - item;
        let content = vec![7; edge.min(CONTENT_MAX)];
        let body = sealed(&content);
        assert_eq!(body.len(), ENCAPSULATED + class, "{class}");
        assert_eq!(opened(&body).expect("opens").content.as_slice(), content);
        if let Some(next) = next {
            let body = sealed(&vec![7; edge + 1]);
            assert_eq!(body.len(), ENCAPSULATED + next, "one byte more than {class} holds");
            assert_eq!(opened(&body).expect("opens").content.len(), edge + 1);
        }
    }
    assert_eq!(sealed(b"").len(), sealed(&[7; 200]).len());
    assert_eq!(sealed(&[7; CONTENT_MAX]).len(), BODY_MAX);
}

#[test]
fn content_of_the_greatest_length_fits_beside_any_item_and_one_byte_more_is_too_large() {
    let room = CLASSES[3] - TAG - LENGTHS;
    assert!(CONTENT_MAX + Item::MAX <= room);
    let longest = vec![0; CONTENT_MAX + 1];
    let signer = holder();
    let sender = Sender::Holder(&signer);
    let refused = seal(&message(&longest), sender, recipient().recipient(), &mut seeded("long"));
    assert_eq!(code(refused).0, Code::TooLarge);
}

#[test]
fn opened_twice_it_is_the_same_message_with_the_same_number() {
    let body = sealed(b"synthetic");
    assert_eq!(opened(&body), opened(&body));
    assert_eq!(id(&body), id(&body.clone()));
    // The same message put with two operators has two names and one number.
    let (kid, signer) = (kid(BANK), cast::key(BANK_KEY));
    let sender = Sender::Organisation {
        kid: &kid,
        signer: &signer,
    };
    let again = seal(
        &message(b"synthetic"),
        sender,
        recipient().recipient(),
        &mut seeded("again"),
    )
    .expect("seals");
    assert_ne!(id(&again), id(&body));
    assert_eq!(opened(&again), opened(&body));
}

#[test]
fn what_was_signed_for_another_key_or_queue_is_refused_when_it_is_sealed_again() {
    let content = b"synthetic";
    assert!(opened(&raw(&signed(&members(content)), content)).is_ok());
    for (member, value) in [
        ("to", hash_text(&RecipientKey::from_bytes(&[12; 32]).recipient().hash())),
        ("queue", BASE64_URL_SAFE_NO_PAD.encode([4; 16])),
    ] {
        let mut members = members(content);
        members[member] = json!(value);
        let refused = code(opened(&raw(&signed(&members), content)));
        assert_eq!(refused, (Code::WrongRecipient, member.to_owned()));
    }
}

#[test]
fn content_that_was_not_signed_is_refused() {
    let item = signed(&members(b"synthetic"));
    assert_eq!(
        code(opened(&raw(&item, b"Synthetic"))),
        (Code::SignatureInvalid, "content".to_owned())
    );
    assert_eq!(code(opened(&raw(&item, b""))).0, Code::SignatureInvalid);
}

#[test]
fn a_signature_of_nobody_listed_or_by_another_key_is_refused() {
    let by = |kid: &str, key: u8| {
        let signer = cast::key(key);
        let sender = Sender::Organisation { kid, signer: &signer };
        seal(&message(b"x"), sender, recipient().recipient(), &mut seeded("by")).and_then(|body| opened(&body))
    };
    assert!(by(&kid(BANK), BANK_KEY).is_ok());
    assert_eq!(code(by(&kid("nobody.example"), 9)).0, Code::NotListed);
    assert_eq!(code(by(&kid(BANK), 9)).0, Code::SignatureInvalid);
    assert_eq!(code(by("did:web:bank.example#key-9", BANK_KEY)).0, Code::UnknownKey);
    assert_eq!(code(by("bank", BANK_KEY)), (Code::Malformed, "kid".to_owned()));
    // A holder does not become an organisation by saying so.
    let mut members = members(b"x");
    members["from"] = json!(did(TAX).to_string());
    assert_eq!(
        code(opened(&raw(&signed(&members), b"x"))),
        (Code::Malformed, "from".to_owned())
    );
}

#[test]
fn a_member_of_another_form_missing_or_added_is_malformed() {
    let content = b"x";
    for (member, value) in [
        ("number", json!(0)),
        ("number", json!(1_u64 << 53)),
        ("number", json!(-1)),
        ("kind", json!("")),
        ("kind", json!("Request")),
        ("kind", json!("r".repeat(33))),
        ("queue", json!("AAAA")),
        ("to", json!("x")),
        ("content", json!("x")),
        ("at", json!(-1)),
        ("extra", json!(1)),
    ] {
        let mut members = members(content);
        members[member] = value.clone();
        let refused = code(opened(&raw(&signed(&members), content))).0;
        assert_eq!(refused, Code::Malformed, "{member} {value}");
    }
    for member in ["from", "to", "queue", "number", "at", "kind", "content"] {
        let mut members = members(content);
        members.as_object_mut().expect("object").remove(member);
        assert_eq!(
            code(opened(&raw(&signed(&members), content))).0,
            Code::Malformed,
            "{member}"
        );
    }
    for number in [1, NUMBER_MAX] {
        let mut members = members(content);
        members["number"] = json!(number);
        let opened = opened(&raw(&signed(&members), content)).expect("opens");
        assert_eq!(opened.number, number);
    }
}

#[test]
fn what_is_not_sealed_is_malformed_lengths_and_padding_included() {
    let item = signed(&members(b"x"));
    let right = padded(item.as_bytes(), b"x").expect("fits");
    let seal = |plaintext: &[u8]| {
        let body = seal_bytes(plaintext, &QUEUE, recipient().recipient(), &mut seeded("hand"));
        opened(&body.expect("seals"))
    };
    assert!(seal(&right).is_ok());
    let last = right.len() - 1;
    for (at, value) in [(last, 1), (0, 0xff), (3, 0), (4, 0xff), (7, 2)] {
        let mut bent = right.to_vec();
        bent[at] = value;
        let refused = seal(&bent).err().map(|problem| problem.code);
        assert!(
            matches!(refused, Some(Code::Malformed | Code::SignatureInvalid)),
            "{at}: {refused:?}"
        );
    }
    // A larger class than needed is right too: who sends may hide more than the length tells.
    let mut larger = right.to_vec();
    larger.resize(CLASSES[1] - TAG, 0);
    assert!(seal(&larger).is_ok());
}

#[test]
fn a_public_key_is_read_back_from_its_bytes_and_from_no_others() {
    let key = recipient();
    let public = key.recipient();
    assert_eq!(public.as_bytes().len(), RECIPIENT_BYTES);
    assert_eq!(Recipient::from_bytes(public.as_bytes()).as_ref(), Some(public));
    assert_eq!(Recipient::from_bytes(&public.as_bytes()[1..]), None);
    assert_eq!(Recipient::from_bytes(&[]), None);
    let stored = RecipientKey::from_bytes(&key.to_bytes());
    assert_eq!(stored.recipient(), public);
    let fresh = RecipientKey::generate(&mut seeded("fresh"));
    assert_ne!(fresh.recipient(), public);
}

#[test]
fn debug_prints_no_key_and_no_content() {
    let key = recipient();
    let body = sealed(b"synthetic secret");
    let opened = opened(&body).expect("opens");
    let shown = format!("{key:?} {opened:?} {:?}", message(b"synthetic secret"));
    assert_eq!(shown, "RecipientKey(..) Opened(5, ..) Message(5, ..)");
}

#[test]
fn the_suite_is_that_of_the_published_vector() {
    let bytes = |hex: &str| -> Vec<u8> {
        let digits = hex.as_bytes().chunks(2);
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hex");
        digits.map(byte).collect()
    };
    let seed: [u8; 32] = bytes(vector::SEED).try_into().expect("32 bytes");
    let encapsulated = <XWing as Kem>::EncappedKey::from_bytes(&bytes(vector::ENCAPSULATED));
    let opened = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, XWing>(
        &OpModeR::Base,
        &private(&seed),
        &encapsulated.expect("an encapsulated key"),
        &bytes(vector::INFO),
        &bytes(vector::SEALED),
        &bytes(vector::AAD),
    );
    assert_eq!(opened.expect("opens"), bytes(vector::PLAINTEXT));
}
