//! Published vectors: Token Status List (draft-ietf-oauth-status-list-21) and Bitstring Status List v1.0.

use super::*;
use crate::proof::{self, Purpose as ProofPurpose};
use crate::protocol::status::Purpose;
use flate2::read::GzDecoder;
use std::io::Read as _;

/// Token Status List, appendix C.2: 2^20 entries of two bits.
const APPENDIX_C_2: &str = concat!(
    "eNrt2zENACEQAEEuoaBABP5VIO01fCjIHTMStt9ovGVIAAAAAABAbiEBAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAEB5",
    "WwIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "AAAAAAAAAID0ugQAAAAAAAAAAAAAAAAAQG12SgAAAAAAAAAAAAAAAAAAAAAAAAAAAOCSIQEAAAAAAAAAAAAAAAAAAAAAAAD8ExIA",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAwJEuAQAAAAAAAAAAAAAAAAAAAAAAAMB9SwIAAAAAAAAAAAAAAAAAAACoYUoA",
    "AAAAAAAAAAAAAEBqH81gAQw",
);

/// The entries of it that are not 0.
const APPENDIX_C_2_SET: [(u32, u8); 11] = [
    (0, 1),
    (1_993, 2),
    (25_460, 1),
    (159_495, 3),
    (495_669, 1),
    (554_353, 1),
    (645_645, 2),
    (723_232, 1),
    (854_545, 1),
    (934_534, 2),
    (1_000_345, 3),
];

fn bits(encoded: &str) -> Vec<u8> {
    let compressed = BASE64_URL_SAFE_NO_PAD
        .decode(encoded.strip_prefix('u').expect("multibase"))
        .expect("base64url");
    let mut bits = Vec::new();
    GzDecoder::new(compressed.as_slice())
        .read_to_end(&mut bits)
        .expect("gzip");
    bits
}

#[test]
fn bits_stand_as_in_the_drafts_two_bit_example() {
    // Token Status List §4.1, §4.2: twelve states of two bits are the bytes c9 44 f9.
    let example = [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3];
    let mut states = States::new();
    for (index, bits) in (0..).zip(example) {
        assert!(states.set(index, State::of(bits)));
    }
    assert_eq!(&states.as_bytes()[..4], [0xc9, 0x44, 0xf9, 0]);
    let compressed = BASE64_URL_SAFE_NO_PAD.decode("eNo76fITAAPfAgc").expect("base64url");
    assert_eq!(list::inflate(&compressed, 3), Ok(vec![0xc9, 0x44, 0xf9]));
}

#[test]
fn the_drafts_list_of_a_million_entries_is_read_and_written() {
    let packed = BASE64_URL_SAFE_NO_PAD.decode(APPENDIX_C_2).expect("base64url");
    let read = States::unpack(&packed).expect("inflates");
    let mut states = States::new();
    for (index, bits) in APPENDIX_C_2_SET {
        assert_eq!(read.get(index), Some(State::of(bits)), "{index}");
        states.set(index, State::of(bits));
    }
    assert!(read == states, "and nothing else is set");
    // Compressors differ: what a list of ours says is compared, not how.
    assert!(open(&signed(&states)).expect("opens").states == read);
}

#[test]
fn a_list_has_the_header_and_the_claims_of_the_draft_and_no_others() {
    // Token Status List §5.1: `typ`, and `sub`, `iat`, `exp`, `ttl`, `status_list` {`bits`, `lst`}.
    let list = jws::Jws::parse(&signed(&States::new()), "statuslist+jwt", LIST_MAX).expect("parses");
    let names: Vec<&str> = list.payload.keys().map(String::as_str).collect();
    assert_eq!(names, ["exp", "iat", "status_list", "sub", "ttl"]);
    let inner: Vec<&String> = list.payload["status_list"]
        .as_object()
        .expect("an object")
        .keys()
        .collect();
    assert_eq!(inner, ["bits", "lst"]);
    assert_eq!(list.payload["status_list"]["bits"], 2);
    assert!(
        list.payload["ttl"].as_u64().is_some_and(|ttl| ttl > 0),
        "seconds, positive"
    );
    // §7.1: 0 valid, 1 invalid, 2 suspended, 3 for the application.
    let numbers = [State::Valid, State::Revoked, State::Suspended, State::Superseded].map(|state| state as u8);
    assert_eq!(numbers, [0, 1, 2, 3]);
}

#[test]
fn bitstrings_put_the_first_entry_in_the_highest_bit_and_show_superseded_as_revoked() {
    let mut states = States::new();
    states.set(0, State::Revoked);
    states.set(7, State::Superseded);
    states.set(8, State::Suspended);
    states.set(ENTRIES - 1, State::Revoked);
    let (revocation, suspension) = states.bitstrings().expect("compresses");
    let (revocation, suspension) = (bits(&revocation), bits(&suspension));
    assert_eq!(revocation.len(), 131_072);
    assert_eq!((revocation[0], revocation[1], revocation[131_071]), (0b1000_0001, 0, 1));
    assert_eq!((suspension[0], suspension[1]), (0, 0b1000_0000));
    assert_eq!(suspension.len(), 131_072);
}

#[test]
fn a_bitstring_is_gzip_in_base64url_as_in_the_w3c_example() {
    // W3C Bitstring Status List §2.2: 16 KiB of zero bits.
    let example = "uH4sIAAAAAAAAA-3BMQEAAADCoPVPbQwfoAAAAAAAAAAAAAAAAAAAAIC3AYbSVKsAQAAA";
    let ours = States::new().bitstrings().expect("compresses").0;
    assert_eq!(ours[..11], example[..11], "multibase and gzip header");
    assert_eq!(bits(example), vec![0; 16_384], "131,072 entries");
}

#[test]
fn a_bitstring_credential_has_the_members_of_the_standard_and_its_issuers_proof() {
    let states = with(&[(0, State::Revoked), (9, State::Suspended)]);
    let sign = |purpose, kid: &str, uri: &str, lifetime| {
        let signing = Signing {
            issuer: &did(TAX),
            kid,
            signer: &cast::key(1),
            now: now(),
            lifetime,
        };
        states
            .sign_bitstring(purpose, uri, &signing)
            .map_err(|problem| problem.detail.unwrap_or_default())
    };
    for (purpose, name, first) in [
        (Purpose::Revocation, "revocation", [0b1000_0000, 0]),
        (Purpose::Suspension, "suspension", [0, 0b0100_0000]),
    ] {
        let text = sign(purpose, &kid(TAX), URI, 86_400).expect("signs");
        let document: Value = serde_json::from_str(&text).expect("JSON");
        // Bitstring Status List §2.2, and VCDM 2.0 §4.
        assert_eq!(document["@context"], json!(["https://www.w3.org/ns/credentials/v2"]));
        assert_eq!(
            document["type"],
            json!(["VerifiableCredential", "BitstringStatusListCredential"])
        );
        assert_eq!(document["id"], format!("{URI}/{name}"));
        assert_eq!(document["issuer"], format!("did:web:{TAX}"));
        assert_eq!(document["validFrom"], "2026-07-10T12:00:00Z");
        assert_eq!(document["validUntil"], "2026-07-11T12:00:00Z");
        let subject = &document["credentialSubject"];
        assert_eq!(subject["type"], "BitstringStatusList");
        assert_eq!(subject["statusPurpose"], name);
        assert_eq!(subject["ttl"], 300_000, "milliseconds");
        let bits = bits(subject["encodedList"].as_str().expect("text"));
        assert_eq!((bits.len(), &bits[..2]), (131_072, first.as_slice()), "2^20 entries");
        let key = cast::key(1).verifying_key();
        let proofs = proof::verify(&document, ProofPurpose::Assertion, &|method| {
            (method == kid(TAX)).then_some(key)
        });
        assert!(proofs.is_ok(), "{proofs:?}");
        let mut bent = document.clone();
        bent["credentialSubject"]["statusPurpose"] = json!("other");
        assert!(proof::verify(&bent, ProofPurpose::Assertion, &|_| Some(key)).is_err());
    }
    assert_eq!(
        sign(Purpose::Revocation, &kid(BANK), URI, 60).err().as_deref(),
        Some("kid")
    );
    assert_eq!(
        sign(Purpose::Revocation, &kid(TAX), "", 60).err().as_deref(),
        Some("id")
    );
    assert_eq!(
        sign(Purpose::Revocation, &kid(TAX), URI, 0).err().as_deref(),
        Some("validUntil")
    );
}
