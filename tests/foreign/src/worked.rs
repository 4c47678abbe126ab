//! §17: the worked exchange of the document, step by step through this wallet's own code.

use crate::credential::Credential;
use crate::jose::{encode, hash, public, read, sha256, sign};
use crate::json::{self, Path};
use crate::request::Request;
use crate::state::{Kept, Listed, Mirror};
use crate::trust::Trust;
use crate::{cbor, codes, collect, jwe, link, present, show, status, types};
use serde_json::{Value, json};

const DOCUMENT: &str = include_str!("../../../docs/protocol.md");
const NOW: u64 = 1_783_684_800;
const TAX: &str = "did:web:skatteetaten.example";
const TAX_PEER: &str = "12D3KooWC4T1AXU2s2YBgGJ2FeaYVtsKoHZWJeubnWe9SnuSE7Zb";
const BANK_PEER: &str = "12D3KooWCAw3VpuBpGhF4EuXda7qD6h3SNBS8qtBuMohw1myU1Lq";
/// Holder keys of the copies.
const C01_KEY: [u8; 32] = [0x61; 32];
const C02_KEY: [u8; 32] = [0x62; 32];

/// One of the document's worked blocks.
fn worked(name: &str) -> &'static str {
    let block = DOCUMENT
        .split(&format!("<!-- worked: {name} -->"))
        .nth(1)
        .expect("the block is there");
    block.split(&format!("<!-- end: {name} -->")).next().expect("it ends")
}

/// The lines behind the nth line that starts so, joined, up to an empty one or one that ends a printed text.
fn nth_behind(block: &str, start: &str, nth: usize) -> String {
    let mut lines = block.lines();
    for _ in 0..=nth {
        lines
            .find(|line| line.starts_with(start))
            .unwrap_or_else(|| panic!("no line {start}"));
    }
    let ends = |line: &str| line.is_empty() || line == "```" || line == "header" || line.contains(", SHA-256 ");
    lines.take_while(|line| !ends(line)).collect()
}

fn behind(block: &str, start: &str) -> String {
    nth_behind(block, start, 0)
}

fn file() -> String {
    let block = worked("trust").split("Bundle:\n\n```json\n").nth(1).expect("a file");
    block.split("```").next().expect("it ends").to_owned()
}

/// The fingerprint of the first root.
fn fingerprint() -> String {
    behind(worked("trust"), "Fingerprint:")
}

fn trust() -> Trust {
    Trust::read(&file(), &fingerprint()).expect("it verifies")
}

fn names(path: &[&str]) -> Path {
    path.iter()
        .map(|name| (*name != "[]").then(|| (*name).to_owned()))
        .collect()
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hex");
    digits.chunks(2).map(pair).collect()
}

#[test]
fn the_trust_document_verifies_and_an_altered_one_does_not() {
    let trust = trust();
    assert_eq!((trust.sequence, trust.operator.as_str()), (1, "Syntetisk tillitsanker"));
    trust.require_current(NOW).expect("current");
    let bank = trust
        .organisation("did:web:sparebank.example", "unknown_verifier")
        .expect("listed");
    assert_eq!(bank.nodes[0].peer, BANK_PEER);
    let code = |bundle: &str, root: &str| Trust::read(bundle, root).err().map(|problem| problem.code);
    let altered = file().replacen("213579045", "213579046", 1);
    assert_eq!(code(&altered, &fingerprint()).as_deref(), Some("trust_mismatch"));
    let altered = file().replacen("Syntetisk bank", "Syntetisk Bank", 1);
    assert_eq!(code(&altered, &fingerprint()).as_deref(), Some("trust_mismatch"));
    let stranger = "0123 4567 89ab cdef ".repeat(4);
    assert_eq!(code(&file(), &stranger).as_deref(), Some("trust_mismatch"));
    let mut alone: Value = serde_json::from_str(&file()).expect("JSON");
    let mut list: Value = serde_json::from_str(alone["list"].as_str().expect("a text")).expect("JSON");
    list["proof"].as_array_mut().expect("a set").pop();
    alone["list"] = list.to_string().into();
    assert_eq!(
        code(&alone.to_string(), &fingerprint()).as_deref(),
        Some("trust_mismatch")
    );
    trust.require_current(NOW + 12 * 3_600).expect("the head's last second");
    assert!(trust.require_current(NOW + 12 * 3_600 + 1).is_err(), "it runs out");
}

#[test]
fn the_links_are_read_and_a_cut_one_is_not() {
    let line = |block: &str| {
        let found = worked(block).lines().skip_while(|line| !line.starts_with("bevis:"));
        found.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
    };
    let offer = link::Offer::read(&line("offer")).expect("reads");
    assert_eq!(
        (offer.issuer.as_str(), offer.vct.as_str()),
        ("did:web:digdir.example", "urn:eudi:pid:1")
    );
    assert_eq!((offer.id, offer.expiry), (Some(vec![0xd1; 16]), Some(1_784_894_400)));
    let request = link::Request::read(&line("link")).expect("reads");
    assert_eq!(request.session, "s7Ozs7Ozs7Ozs7Ozs7Ozsw");
    assert_eq!(encode(&request.hash), hash(&behind(worked("request"), "text, ")));
    let mut cut = line("link");
    cut.pop();
    let refused = link::Request::read(&cut).err().map(|problem| problem.code);
    assert_eq!(refused.as_deref(), Some("link_invalid"));
}

#[test]
fn messages_have_the_printed_bytes() {
    let begin = cbor::message(
        "Begin",
        [
            ("vct", "urn:eudi:pid:1".into()),
            ("offer", ciborium::Value::Bytes(vec![0xd1; 16])),
            ("organisation", ciborium::Value::Null),
        ],
    );
    let hello = cbor::message("Hello", [("version", 1.into()), ("who", "Wallet".into())]);
    for (block, message) in [("collect-code", begin), ("hello", hello)] {
        let frame = hex(&behind(worked(block), "frame of "));
        assert_eq!(cbor::write(&message).expect("writes"), frame[4..], "{block}");
    }
}

#[test]
fn the_credentials_are_checked_and_bound_to_their_keys() {
    for (block, issuer, vct, key) in [
        ("credential-c01", "did:web:digdir.example", "urn:eudi:pid:1", C01_KEY),
        ("credential-c02", TAX, "urn:bevis:MonthlyIncome:1", C02_KEY),
    ] {
        let text = behind(worked(block), "text, ");
        let credential = Credential::read(&text).expect("of the form");
        credential.check(&trust(), NOW, issuer, vct).expect("checks");
        assert_eq!(credential.holder().expect("bound"), public(&key));
        let number = types::find(vct)
            .expect("known")
            .number_of(&credential.claims())
            .map(str::to_owned);
        assert_eq!(number.expect("there"), "14858834016");

        let code = |text: &str, issuer: &str, now: u64| {
            let checked = Credential::read(text).and_then(|one| one.check(&trust(), now, issuer, vct));
            checked.expect_err("refused").code
        };
        let doubled = format!("{text}{}~", text.split('~').nth(1).expect("a disclosure"));
        assert_eq!(code(&doubled, issuer, NOW), "disclosure_invalid");
        assert_eq!(code(&text, issuer, 2_000_000_000), "expired");
        assert_eq!(code(&text, "did:web:sparebank.example", NOW), "unknown_issuer");
        let cut = text.split_once('~').map(|(jws, _)| format!("{jws}~")).expect("a tilde");
        assert_eq!(
            code(&cut, issuer, NOW),
            "schema_invalid",
            "what must be there is not shown"
        );
    }
}

#[test]
fn the_requests_pass_and_come_from_their_peers_only() {
    for (block, peer, asked) in [("terms", TAX_PEER, 1), ("request", BANK_PEER, 4)] {
        let text = behind(worked(block), "text, ");
        let trust = trust();
        let request = Request::check(&text, &trust, NOW, peer).expect("passes");
        assert_eq!(request.asked.queries[0].paths.len(), asked);
        let code = |text: &str, now, peer| {
            Request::check(text, &trust, now, peer)
                .err()
                .map(|problem| problem.code)
        };
        let elsewhere = if peer == TAX_PEER { BANK_PEER } else { TAX_PEER };
        assert_eq!(code(&text, NOW, elsewhere).as_deref(), Some("wrong_origin"));
        assert_eq!(code(&text, NOW + 700, peer).as_deref(), Some("expired"));
        let with_case = |case: &str| {
            let mut payload = read(&text, "oauth-authz-req+jwt", 32_768).expect("reads").payload;
            payload["bevis"]["case"] = json!(case);
            let header =
                json!({"alg": "EdDSA", "typ": "oauth-authz-req+jwt", "kid": "did:web:sparebank.example#key-1"});
            code(&sign(&header, &payload, &[9; 32]), NOW, peer)
        };
        assert_eq!(
            with_case("LAN 14858834016").as_deref(),
            Some("malformed"),
            "a person's number"
        );
        assert_eq!(
            with_case("LAN 14858834017").as_deref(),
            Some("signature_invalid"),
            "only re-signed"
        );
        let signed = text.rsplit_once('.').expect("a signature").0;
        assert_eq!(
            code(&format!("{signed}."), NOW, peer).as_deref(),
            Some("unsigned_request")
        );
        assert_eq!(code(&text[..text.len() - 4], NOW, peer).as_deref(), Some("malformed"));
    }
}

#[test]
fn the_same_part_is_chosen_bound_and_encrypted() {
    for (request, credential, answer, paths, secret, ephemeral, nonce, transaction) in [
        (
            "terms",
            "credential-c01",
            "identification",
            vec![names(&["personal_administrative_number"])],
            C01_KEY,
            0x81,
            0x91,
            Some([0xc2; 16]),
        ),
        (
            "request",
            "credential-c02",
            "answer",
            vec![
                names(&["personidentifikator"]),
                names(&["fraOgMed"]),
                names(&["tilOgMed"]),
                names(&["oppgaveInntektsmottaker", "[]", "inntekt", "[]", "beloep"]),
            ],
            C02_KEY,
            0x82,
            0x92,
            None,
        ),
    ] {
        let text = behind(worked(request), "text, ");
        let trust = trust();
        let peer = if transaction.is_some() { TAX_PEER } else { BANK_PEER };
        let request = Request::check(&text, &trust, NOW, peer).expect("passes");
        assert_eq!(request.asked.queries[0].paths, paths);
        let credential = Credential::read(&behind(worked(credential), "text, ")).expect("reads");
        let shown = credential.select(&paths);
        let printed = worked(answer).split("The chosen part").nth(1).expect("there");
        assert_eq!(shown, behind(printed, "```text"));

        let keys = collect::keys_hash(&[C02_KEY]);
        let mut binding = transaction.map(|id| show::covered(&id, &keys)).unwrap_or_default();
        for (name, value) in [
            ("aud", json!(request.client_id())),
            ("nonce", json!(request.asked.nonce)),
            ("iat", json!(NOW)),
            ("sd_hash", json!(hash(&shown))),
            ("bevis_request", json!(hash(&text))),
        ] {
            binding.insert(name.to_owned(), value);
        }
        let binding = sign(
            &json!({"alg": "EdDSA", "typ": "kb+jwt"}),
            &Value::Object(binding),
            &secret,
        );
        assert_eq!(binding, behind(worked(answer), "text, "));

        let id = &request.asked.queries[0].id;
        let plaintext = json!({"vp_token": {id: [format!("{shown}{binding}")]}}).to_string();
        assert_eq!(plaintext, behind(worked(answer), "plaintext, "));
        let (key, kid) = (&request.asked.key, &request.asked.kid);
        let sealed = jwe::encrypt_with(&plaintext, &text, key, kid, [ephemeral; 32], [nonce; 12]);
        assert_eq!(sealed.expect("encrypts"), nth_behind(worked(answer), "text, ", 1));
    }
}

#[test]
fn the_proof_of_a_new_key_is_the_printed_one() {
    let nonce = "oaGhoaGhoaGhoaGhoaGhoaGhoaGhoaGhoaGhoaGhoaE";
    let proofs = collect::proofs(&[C01_KEY], "did:web:digdir.example", nonce, &[0xc1; 16]);
    assert_eq!(
        proofs[0].as_text().expect("a text"),
        behind(worked("collect-code"), "text, ")
    );
}

#[test]
fn the_receipt_is_for_the_answer_that_was_sent() {
    let receipt = behind(worked("receipt"), "text, ");
    let request = hash(&behind(worked("request"), "text, "));
    let answer = hash(&nth_behind(worked("answer"), "text, ", 1));
    let bank = "did:web:sparebank.example";
    let check = |asker, request: &str| present::check_receipt(&trust(), &receipt, asker, request, &answer);
    assert_eq!(check(bank, &request).expect("verifies")["verdict"], "valid");
    assert_eq!(check(bank, &answer).expect_err("refused").code, "wrong_request");
    assert_eq!(check(TAX, &request).expect_err("refused").code, "wrong_origin");
}

#[test]
fn the_status_says_valid_and_one_bit_further_revoked() {
    let head = read(&behind(worked("status"), "text, "), "bevis-status-head+jwt", 4_096).expect("reads");
    status::check(&trust(), &head, TAX, NOW).expect("checks");
    let text = nth_behind(worked("status"), "text, ", 1);
    let list = read(&text, "statuslist+jwt", 4_096).expect("reads");
    status::check(&trust(), &list, TAX, NOW).expect("checks");
    let named = &head.payload["lists"][0];
    assert_eq!(
        (&named["hash"], &named["size"]),
        (&json!(hash(&text)), &json!(text.len()))
    );
    let entries = status::inflate(&list).expect("inflates");
    let entry = |index: usize| entries[index / 4] >> (index % 4 * 2) & 3;
    assert_eq!((entry(345_678), entry(345_679)), (0, 1));

    let mut kept = Kept::default();
    let credential = Credential::read(&behind(worked("credential-c02"), "text, ")).expect("reads");
    assert_eq!(status::state_of(&kept, TAX, &credential).expect("reads"), None);
    let uri = json::text(named, "uri").expect("named").to_owned();
    let listed = Listed {
        version: 1,
        hash: hash(&text),
        text,
    };
    kept.mirrors
        .entry(TAX.to_owned())
        .or_insert_with(Mirror::default)
        .lists
        .insert(uri, listed);
    assert_eq!(status::state_of(&kept, TAX, &credential).expect("reads"), Some("valid"));
}

#[test]
fn codes_and_types_are_the_documents() {
    let rows = worked("codes").lines().filter_map(|line| line.strip_prefix("| `"));
    let listed: Vec<&str> = rows.filter_map(|row| row.split('`').next()).collect();
    assert_eq!(codes::ALL, listed);
    for known in types::ALL {
        let section = worked("types")
            .split(&format!("`{}`** (", known.vct))
            .nth(1)
            .expect("there");
        let table = section.split("|---|---|---|---|\n").nth(1).expect("a table");
        assert_eq!(known.rows.trim_end(), table.split("\n\n").next().expect("ends"));
    }
}

#[test]
fn names_that_stand_twice_are_refused_and_canonical_json_is_sorted() {
    let code = |text: &str| json::parse(text.as_bytes()).err().map(|problem| problem.code);
    assert_eq!(code(r#"{"a":{"b":1,"b":2}}"#).as_deref(), Some("duplicate_key"));
    assert_eq!(code(r#"{"a":{"b":1,"c":2.5e3}}"#), None);
    let value = json::parse(r#"{"b":[1,null,"\u20ac"],"a":-0}"#.as_bytes()).expect("reads");
    assert_eq!(
        json::canonical(&value).expect("writes"),
        "{\"a\":0,\"b\":[1,null,\"€\"]}"
    );
    assert!(json::canonical(&json!({"a": 0.5})).is_err());
    assert_eq!(encode(&sha256(b"")), hash(""));
}
