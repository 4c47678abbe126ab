//! Links: round trips, and cut or altered texts are found.

use super::*;
use proptest::prelude::*;

fn did(text: &str) -> Did {
    Did::parse(text).expect(text)
}

fn offer(id: Option<Vec<u8>>) -> Link {
    Link::Offer {
        issuer: did("did:web:skatteetaten.no"),
        vct: "urn:bevis:MonthlyIncome:1".into(),
        offer: id,
        expires: Timestamp::parse("2026-11-29T12:00:00Z"),
    }
}

fn request() -> Link {
    Link::Request {
        asker: did("did:web:sparebank.example"),
        session: "q0Zr2mJ9T1uXwYb3c5d7eQ".into(),
        hash: vec![7; 32],
        expires: Timestamp::from_unix(1_795_000_000),
    }
}

fn authorise() -> Authorise {
    Authorise {
        request: "eyJhbGciOiJFZERTQSJ9.e30.c2lnbmF0dXJl".into(),
        transaction: vec![1; 16],
        keys_hash: vec![2; 32],
        organisation: "219840365".into(),
    }
}

fn authorised() -> Link {
    Link::Authorised {
        transaction: vec![1; 16],
        answer: "eyJhbGciOiJFQ0RILUVTIn0..aXY.Y2lwaGVy.dGFn".into(),
    }
}

fn all() -> Vec<Link> {
    vec![
        offer(None),
        offer(Some(vec![9; 16])),
        request(),
        Link::Authorise(authorise()),
        authorised(),
    ]
}

fn refused(text: &str, code: Code) {
    assert_eq!(Link::parse(text).map_err(|problem| problem.code), Err(code), "{text}");
}

#[test]
fn every_kind_is_read_as_it_was_written() {
    for link in all() {
        let text = link.to_text().expect("text");
        assert!(text.bytes().all(|byte| byte.is_ascii_graphic()));
        assert_eq!(Link::parse(&text), Ok(link));
    }
}

#[test]
fn offers_and_requests_fit_a_small_qr_code() {
    // Version 8 with error correction M holds 152 bytes, version 9 holds 180.
    for (link, most) in [(offer(None), 105), (offer(Some(vec![9; 16])), 130), (request(), 152)] {
        let text = link.to_text().expect("text");
        assert!(text.len() <= most, "{} bytes: {text}", text.len());
    }
}

#[test]
fn white_space_and_broken_lines_do_no_harm() {
    let text = request().to_text().expect("text");
    let broken: Vec<String> = text
        .as_bytes()
        .chunks(40)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect();
    assert_eq!(
        Link::parse(&format!("\n  {}\r\n", broken.join("\r\n\t"))),
        Ok(request())
    );
}

#[test]
fn a_text_cut_anywhere_or_altered_anywhere_is_invalid() {
    for link in all() {
        let text = link.to_text().expect("text");
        for end in 0..text.len() {
            refused(&text[..end], Code::LinkInvalid);
        }
        for place in 0..text.len() {
            let mut altered = text.clone().into_bytes();
            altered[place] = if altered[place] == b'A' { b'B' } else { b'A' };
            refused(&String::from_utf8(altered).expect("ASCII"), Code::LinkInvalid);
        }
        refused(&format!("{text}A"), Code::LinkInvalid);
        refused(&text.replacen("bevis:", "bevis:x", 1), Code::LinkInvalid);
        refused(&text.replacen("bevis:", "", 1), Code::LinkInvalid);
    }
}

/// A text with a right check over any kind and body.
fn checked(kind: &str, body: &[u8]) -> String {
    let checked = format!("{kind}/{}", URL_SAFE_NO_PAD.encode(body));
    format!("{SCHEME}{checked}.{}", check_of(&checked))
}

#[test]
fn a_right_check_does_not_save_a_wrong_body() {
    let (asker, session) = ("did:web:bank.example", "c2Vzc2lvbg");
    let body = |session: &str, hash: usize| {
        protocol::encode(&(asker, session, serde_bytes::Bytes::new(&vec![7; hash]), 5)).expect("CBOR")
    };
    assert!(Link::parse(&checked("request", &body(session, 32))).is_ok());
    refused(&checked("request", &body(session, 31)), Code::LinkInvalid);
    refused(&checked("request", &body("", 32)), Code::LinkInvalid);
    refused(&checked("request", &body("a/../b", 32)), Code::LinkInvalid);
    refused(&checked("request", &body(&"a".repeat(65), 32)), Code::LinkInvalid);
    refused(&checked("authorise", &body(session, 32)), Code::LinkInvalid);
    refused(&checked("unknown", &body(session, 32)), Code::LinkInvalid);
    refused(&checked("request", b""), Code::LinkInvalid);
    let mut longer = body(session, 32);
    longer.push(0);
    refused(&checked("request", &longer), Code::LinkInvalid);
    let padded = format!("{}=", checked("request", &body(session, 32)));
    refused(&padded, Code::LinkInvalid);
}

#[test]
fn what_could_not_be_read_is_not_written() {
    let malformed = |link: Link| assert_eq!(link.to_text().map_err(|problem| problem.code), Err(Code::Malformed));
    malformed(offer(Some(vec![9; 15])));
    malformed(Link::Authorise(Authorise {
        organisation: "112233445".into(),
        ..authorise()
    }));
    malformed(Link::Authorise(Authorise {
        transaction: vec![],
        ..authorise()
    }));
    malformed(Link::Authorise(Authorise {
        keys_hash: vec![2; 31],
        ..authorise()
    }));
    malformed(Link::Authorise(Authorise {
        request: "not a jws".into(),
        ..authorise()
    }));
    let long = Link::Authorised {
        transaction: vec![1; 16],
        answer: "a".repeat(LINK_MAX),
    };
    assert_eq!(long.to_text(), Err(Code::TooLarge.into()));
    let fits = Link::Authorised {
        transaction: vec![1; 16],
        answer: "a".repeat(47 * 1024),
    };
    assert_eq!(Link::parse(&fits.to_text().expect("text")), Ok(fits));
    refused(&"a".repeat(LINK_MAX + 1), Code::TooLarge);
    refused(&" ".repeat(3 * LINK_MAX), Code::TooLarge);
}

#[test]
fn proquints_are_those_of_the_proposal() {
    for (bits, word) in [
        (0x7f00, "lusab"),
        (0x0001, "babad"),
        (0x3f54, "gutih"),
        (0xdcc1, "tugad"),
        (0xffff, "zuzuz"),
    ] {
        assert_eq!(proquint(bits), word);
    }
}

#[test]
fn the_words_change_with_each_part_and_with_nothing_else() {
    let words = authorise().words();
    assert_eq!(words, "sagut disug sadoh fuboh");
    assert_eq!(words, authorise().words());
    for other in [
        Authorise {
            request: "eyJhbGciOiJFZERTQSJ9.e30.c2lnbmF0dXJm".into(),
            ..authorise()
        },
        Authorise {
            transaction: vec![3; 16],
            ..authorise()
        },
        Authorise {
            keys_hash: vec![3; 32],
            ..authorise()
        },
        Authorise {
            organisation: "312045877".into(),
            ..authorise()
        },
    ] {
        assert_ne!(other.words(), words);
    }
    // Parts do not run into one another.
    let moved = Authorise {
        transaction: vec![1; 15],
        keys_hash: [vec![1], vec![2; 32]].concat(),
        ..authorise()
    };
    assert_ne!(moved.words(), words);
}

proptest! {
    #[test]
    fn no_text_makes_reading_panic(text in ".{0,200}", kind in "offer|request|authorise|authorised", body in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Link::parse(&text).is_err());
        if let Ok(link) = Link::parse(&checked(&kind, &body)) {
            prop_assert!(link.to_text().is_ok());
        }
    }
}
