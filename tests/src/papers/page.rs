//! How bytes, JSON and CBOR stand on a page.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use credentials::json;
use credentials::key::SigningKey;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// Characters of a wrapped line.
const LINE: usize = 108;
/// Longest message whose bytes are all shown.
const WHOLE: usize = 400;

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a text takes what is written");
        text
    })
}

/// Base64url without padding.
pub(super) fn base64url(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// SHA-256.
pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// A long text in lines.
pub(super) fn wrapped(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let lines = characters.chunks(LINE).map(|line| line.iter().collect::<String>());
    lines.collect::<Vec<_>>().join("\n")
}

/// A fenced block with a heading line.
pub(super) fn block(heading: &str, content: &str) -> String {
    format!("{heading}\n\n```text\n{content}\n```\n\n")
}

/// JSON for a reader: the members in the order of the bytes, white space added.
pub(super) fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("JSON")
}

/// A compact JWS: header, payload, text, hash.
pub(super) fn jws(heading: &str, text: &str) -> String {
    let [header, payload, _] = parts(text);
    let content = format!(
        "header\n{header}\npayload\n{}\ntext, {} characters, SHA-256 {}\n{}",
        pretty(&json::parse(payload.as_bytes(), 1 << 20).expect("JSON")),
        text.len(),
        base64url(&sha256(text.as_bytes())),
        wrapped(text),
    );
    block(heading, &content)
}

/// Header and payload as text, and the signature in hexadecimal.
pub(super) fn parts(jws: &str) -> [String; 3] {
    let mut parts = jws
        .split('.')
        .map(|part| BASE64_URL_SAFE_NO_PAD.decode(part).expect("base64url"));
    let mut next = || parts.next().expect("three parts");
    let [header, payload] = [next(), next()].map(|part| String::from_utf8(part).expect("UTF-8"));
    [header, payload, hex(&next())]
}

/// The disclosures of an SD-JWT, each with its digest and its JSON.
pub(super) fn disclosures(sd_jwt: &str) -> String {
    let mut parts = sd_jwt
        .split('~')
        .skip(1)
        .filter(|part| !part.is_empty() && !part.contains('.'));
    let lines = parts.by_ref().map(|part| {
        let json = BASE64_URL_SAFE_NO_PAD.decode(part).expect("base64url");
        format!(
            "{}  {}",
            base64url(&sha256(part.as_bytes())),
            String::from_utf8(json).expect("UTF-8")
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A message on a stream: its form, and its bytes with the frame around them. `kind` is the first byte of an answer.
pub(super) fn message(heading: &str, kind: Option<u8>, body: &[u8]) -> String {
    let mut frame: Vec<u8> = kind.into_iter().collect();
    frame.extend(u32::try_from(body.len()).expect("bounded").to_be_bytes());
    frame.extend(body);
    let bytes = if frame.len() <= WHOLE {
        wrapped(&hex(&frame))
    } else {
        let (start, end) = (&frame[..48], &frame[frame.len() - 16..]);
        format!("{} …\n… {}", hex(start), hex(end))
    };
    let content = format!(
        "{}\n\nframe of {} bytes, body of {}, SHA-256 of the body {}\n{bytes}",
        diagnostic(body),
        frame.len(),
        body.len(),
        hex(&sha256(body)),
    );
    block(heading, &content)
}

/// A key of Ed25519: secret, public, `did:key`.
pub(super) fn key(key: &SigningKey) -> [String; 3] {
    let public = key.verifying_key();
    [
        hex(&*key.to_bytes()),
        base64url(&public.to_bytes()),
        public.to_multibase(),
    ]
}

/// CBOR in diagnostic notation (RFC 8949 §8). Long texts and bytes are cut.
pub(super) fn diagnostic(bytes: &[u8]) -> String {
    let mut reader = Reader { rest: bytes };
    let text = reader.item();
    assert!(reader.rest.is_empty(), "one item");
    text
}

/// A reader of what our messages are made of; anything else is not shown.
struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn take(&mut self, count: usize) -> Vec<u8> {
        let (taken, rest) = self.rest.split_at(count);
        self.rest = rest;
        taken.to_vec()
    }

    fn argument(&mut self, info: u8) -> u64 {
        let width = match info {
            0..=23 => return info.into(),
            24..=27 => 1 << (info - 24),
            _ => panic!("an indefinite length is never written"),
        };
        self.take(width).iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    }

    fn item(&mut self) -> String {
        let first = self.take(1)[0];
        let (major, info) = (first >> 5, first & 31);
        let count = self.argument(info);
        let length = usize::try_from(count).expect("small");
        let list = |items: Vec<String>| items.join(", ");
        match major {
            0 => count.to_string(),
            2 => match self.take(length).as_slice() {
                long if long.len() > 64 => format!("h'{}…{}'", hex(&long[..24]), hex(&long[long.len() - 8..])),
                bytes => format!("h'{}'", hex(bytes)),
            },
            3 => {
                let text = String::from_utf8(self.take(length)).expect("UTF-8");
                if text.len() > 96 {
                    format!("\"{}…{}\"", &text[..48], &text[text.len() - 16..])
                } else {
                    format!("\"{text}\"")
                }
            }
            4 => format!("[{}]", list((0..length).map(|_| self.item()).collect())),
            5 => {
                let members = (0..length).map(|_| format!("{}: {}", self.item(), self.item()));
                format!("{{{}}}", list(members.collect()))
            }
            7 if count == 22 => "null".to_owned(),
            7 if count == 20 => "false".to_owned(),
            7 if count == 21 => "true".to_owned(),
            other => panic!("major type {other} is never written"),
        }
    }
}
