//! Published test vectors, all of them, against the code that ships.
//!
//! The large suites are not in the repository: `BEVIS_VECTORS` names a folder with `ed25519_test.json` (Wycheproof), `jcs`
//! (RFC 8785), `rdf-canon` and `vc-di-eddsa` (W3C). Without it each test asserts its built-in vectors only, and says so.
//! Where we deviate on purpose, the exception stands here with its reason; any other deviation fails.

mod nquads;

use credentials::key::{SigningKey, VerifyingKey};
use credentials::proof::{self, Purpose, Suite, rdfc};
use credentials::{Code, Did, canonical, json};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The namespace of the RDFC-1.0 test graphs.
const VOCAB: &str = "http://example.org/vocab#";

/// The folder of a suite, or `None` with a printed line.
#[allow(clippy::disallowed_methods, reason = "the vectors lie outside the repository")]
fn vectors(suite: &str) -> Option<PathBuf> {
    let Some(root) = std::env::var_os("BEVIS_VECTORS") else {
        println!("BEVIS_VECTORS is not set: {suite} is checked on the built-in vectors only");
        return None;
    };
    let path = Path::new(&root).join(suite);
    assert!(path.exists(), "BEVIS_VECTORS has no {suite}");
    Some(path)
}

fn text(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn document(path: impl AsRef<Path>) -> Value {
    json::parse(text(path).as_bytes(), 1 << 22).expect("JSON")
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    assert_eq!(digits.len() % 2, 0);
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal"))
        .collect()
}

fn verifies(key: &str, message: &str, signature: &str) -> bool {
    let key: [u8; 32] = unhex(key).try_into().expect("32 bytes");
    let (Some(key), Ok(signature)) = (VerifyingKey::from_bytes(&key), <[u8; 64]>::try_from(unhex(signature))) else {
        return false;
    };
    key.verify(&unhex(message), &signature)
}

#[test]
fn ed25519_agrees_with_wycheproof_in_every_case() {
    // RFC 8032 §7.1, test 2.
    let key = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
    let signature = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                     085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
    assert!(verifies(key, "72", signature));
    assert!(!verifies(key, "73", signature));

    let Some(path) = vectors("ed25519_test.json") else {
        return;
    };
    let suite = document(path);
    let mut cases = 0;
    for group in suite["testGroups"].as_array().expect("groups") {
        let key = group["publicKey"]["pk"].as_str().expect("key");
        for case in group["tests"].as_array().expect("cases") {
            let [message, signature, result] = ["msg", "sig", "result"].map(|name| case[name].as_str().expect("text"));
            assert_eq!(
                verifies(key, message, signature),
                result == "valid",
                "case {}",
                case["tcId"]
            );
            cases += 1;
        }
    }
    assert_eq!(Some(cases), suite["numberOfTests"].as_u64());
    println!("Wycheproof Ed25519: {cases} cases, no exception");
}

#[test]
fn canonical_json_agrees_with_rfc_8785() {
    let canonical = |input: &Value| canonical::canonicalize(input).expect("canonical");
    let small = json::parse(br#"{"\u20ac":1E2,"\ud83d\ude00":[-0,0.10],"a":"\u000f/"}"#, 99).expect("JSON");
    assert_eq!(
        canonical(&small),
        "{\"a\":\"\\u000f/\",\"€\":100,\"😀\":[0,0.1]}".as_bytes()
    );

    let Some(path) = vectors("jcs") else { return };
    let mut cases = 0;
    for entry in std::fs::read_dir(path.join("input")).expect("folder") {
        let input = entry.expect("entry").path();
        let name = input
            .file_stem()
            .and_then(|name| name.to_str())
            .expect("name")
            .to_owned();
        let bytes = canonical(&document(&input));
        assert_eq!(bytes, unhex(&text(path.join(format!("outhex/{name}.txt")))), "{name}");
        assert_eq!(
            bytes,
            text(path.join(format!("output/{name}.json"))).as_bytes(),
            "{name}"
        );
        cases += 1;
    }
    assert!(cases >= 6, "{cases}");
    println!("RFC 8785: {cases} documents, no exception");
}

#[test]
fn rdf_canonicalization_agrees_with_rdfc_1_0() {
    let canonicalize = |input: &str| rdfc::canonicalize(&nquads::parse(input).expect("N-Quads"));
    // The suite's #test020: two nodes that only their neighbours tell apart from a third.
    let input =
        "<urn:test> <urn:A> _:e0 .\n<urn:test> <urn:B> _:e1 .\n_:e0 <urn:next> _:e2 .\n_:e1 <urn:next> _:e2 .\n";
    let canonical = canonicalize(&input.replace("urn:", VOCAB)).expect("canonical");
    let expected = "<urn:test> <urn:A> _:c14n2 .\n<urn:test> <urn:B> _:c14n0 .\n_:c14n0 <urn:next> _:c14n1 .\n_:c14n2 <urn:next> _:c14n1 .\n";
    assert_eq!(canonical.nquads, expected.replace("urn:", VOCAB));

    let Some(path) = vectors("rdf-canon") else { return };
    let mut counts = [0; 4];
    for entry in document(path.join("manifest.jsonld"))["entries"]
        .as_array()
        .expect("entries")
    {
        let [id, kind, input] = ["id", "type", "action"].map(|name| entry[name].as_str().expect("text"));
        // The cryptosuite fixes SHA-256, so that our canonicalizer has no other hash.
        if entry["hashAlgorithm"] == "SHA384" {
            assert!(["#test075c", "#test075m"].contains(&id), "{id}");
            counts[3] += 1;
            continue;
        }
        let result = canonicalize(&text(path.join(input)));
        let expected = || path.join(entry["result"].as_str().expect("result"));
        match kind {
            "rdfc:RDFC10EvalTest" => {
                assert_eq!(result.expect(id).nquads, text(expected()), "{id}");
                counts[0] += 1;
            }
            "rdfc:RDFC10MapTest" => {
                let labels = serde_json::to_value(result.expect(id).labels).expect("map");
                assert_eq!(labels, document(expected()), "{id}");
                counts[1] += 1;
            }
            "rdfc:RDFC10NegativeEvalTest" => {
                assert_eq!(
                    result.map_err(|problem| problem.code).err(),
                    Some(Code::TooLarge),
                    "{id}"
                );
                counts[2] += 1;
            }
            other => panic!("{id}: {other}"),
        }
    }
    assert_eq!(counts, [63, 20, 1, 2]);
    println!(
        "RDFC-1.0: 63 canonical forms, 20 maps, 1 poison graph refused; SHA-384 (#test075c, #test075m) not offered"
    );
}

fn verify(document: &Value) -> Result<Vec<proof::VerifiedProof>, Code> {
    proof::verify(document, Purpose::Assertion, &Did::key_of_method).map_err(|problem| problem.code)
}

/// The private key of W3C's pair: multibase base58 of the prefix 0x8026 and 32 bytes.
fn w3c_key(path: &Path) -> SigningKey {
    let pair = document(path);
    let bytes = nquads::base58(
        pair["privateKeyMultibase"]
            .as_str()
            .and_then(|text| text.strip_prefix('z'))
            .expect("z"),
    );
    let secret = bytes.strip_prefix(&[0x80, 0x26]).expect("an Ed25519 private key");
    let key = SigningKey::from_bytes(secret.try_into().expect("32 bytes"));
    assert_eq!(pair["publicKeyMultibase"], key.verifying_key().to_multibase());
    key
}

#[test]
fn data_integrity_agrees_with_w3c_vc_di_eddsa() {
    let context = serde_json::json!(["https://www.w3.org/ns/credentials/v2"]);
    let key = SigningKey::from_bytes(&[7; 32]);
    let method = Did::Key(key.verifying_key()).verification_method().expect("did:key");
    let created = credentials::Timestamp::parse("2023-02-24T23:36:38Z").expect("valid");
    let plain = serde_json::json!({"@context": context, "type": "VerifiableCredential", "name": "x"});
    for suite in [Suite::Jcs, Suite::Rdfc] {
        let signed = proof::sign(suite, &plain, &method, Purpose::Assertion, created, None, &key).expect("signs");
        assert!(verify(&signed).is_ok());
    }

    let Some(path) = vectors("vc-di-eddsa") else { return };
    let key = w3c_key(&path.join("keyPair.json"));
    let method = Did::Key(key.verifying_key()).verification_method().expect("did:key");
    for (suite, file) in [
        (Suite::Jcs, "eddsa-jcs-2022/signedJCS.json"),
        (Suite::Rdfc, "eddsa-rdfc-2022/signedDataInt.json"),
    ] {
        let expected = document(path.join(file));
        assert_eq!(verify(&expected).map(|proofs| proofs.len()), Ok(1), "{file}");
        // Ed25519 signatures are deterministic: ours is W3C's to the byte.
        let unsigned = document(path.join("unsigned.json"));
        let ours = proof::sign(suite, &unsigned, &method, Purpose::Assertion, created, None, &key).expect("signs");
        assert_eq!(ours, expected, "{file}");
        let mut altered = expected;
        altered["name"] = "Altered".into();
        assert_eq!(verify(&altered), Err(Code::SignatureInvalid), "{file}");
    }
    let sets = path.join("proof-set-chain");
    assert_eq!(
        verify(&document(sets.join("signedProofSet1.json"))).map(|proofs| proofs.len()),
        Ok(1)
    );
    assert_eq!(
        verify(&document(sets.join("signedProofSet2.json"))).map(|proofs| proofs.len()),
        Ok(2)
    );
    // Exceptions. Proof chains are an option of Data Integrity that no service here uses.
    for file in ["signedProofChain1.json", "signedProofChain2.json"] {
        assert_eq!(verify(&document(sets.join(file))), Err(Code::Unsupported), "{file}");
    }
    // The second RDFC vector has a context (citizenship v4rc1) that is not built in, and nothing is fetched; its canonical
    // N-Quads are canonical for us too. Ed25519Signature2020 is an older suite.
    let employment = path.join("eddsa-rdfc-2022/employ");
    assert_eq!(
        verify(&document(employment.join("signedDataInt.json"))),
        Err(Code::Unsupported)
    );
    for file in ["canonDocDataInt.txt", "proofCanonDataInt.txt"] {
        let canonical = text(employment.join(file));
        let quads = nquads::parse(&canonical).expect("N-Quads");
        assert_eq!(
            rdfc::canonicalize(&quads).expect("canonical").nquads,
            canonical,
            "{file}"
        );
    }
    assert_eq!(
        verify(&document(path.join("Ed25519Signature2020/signedEdSig.json"))),
        Err(Code::Unsupported)
    );
    println!(
        "W3C vc-di-eddsa: both suites signed and verified; chains, citizenship v4rc1 and Ed25519Signature2020 not offered"
    );
}
