//! §12: roots, heads, and the proofs of roots and lists. What a list says is in `trust`.

use crate::jose::{self, decode_32, sha256, verify};
use crate::json::{self, canonical, list, member, only, text, uint};
use crate::problem::{Outcome, Problem, refuse, require};
use crate::time::parse_instant;
use serde_json::Value;
use std::collections::BTreeSet;

const ROOT_MAX: usize = 65_536;
const HEAD_MAX: usize = 8_192;
const PROOFS_MAX: usize = 32;
const ROLES: [&str; 3] = ["root", "list", "head"];

/// Who signs, and how many of them must.
pub(crate) struct Root {
    pub(crate) version: u64,
    pub(crate) expires: u64,
    /// SHA-256 of the canonical document without proofs.
    pub(crate) hash: [u8; 32],
    anchors: Vec<Anchor>,
    thresholds: [u64; 3],
}

struct Anchor {
    class: String,
    /// `did:key` of its keys, by role.
    keys: [Vec<String>; 3],
}

impl Anchor {
    /// Its keys of a role.
    fn of(&self, role: usize) -> &[String] {
        self.keys.get(role).map_or(&[], Vec::as_slice)
    }
}

/// Which root and list are in force.
#[derive(PartialEq)]
pub(crate) struct Head {
    pub(crate) root: u64,
    root_hash: [u8; 32],
    pub(crate) list: u64,
    list_hash: [u8; 32],
    list_size: u64,
    pub(crate) version: u64,
    pub(crate) issued: u64,
    pub(crate) expires: u64,
}

fn malformed(what: &str) -> Problem {
    Problem::new("malformed", format!("{what} is not of the form that §12 says"))
}

impl Root {
    fn read(document: &Value) -> Outcome<Root> {
        only(
            document,
            &["type", "version", "issued", "expires", "thresholds", "anchors", "proof"],
            "malformed",
        )?;
        let kind = text(document, "type")? == "bevis-trust-root/1";
        require(kind, "unsupported", "the root is of another type")?;
        parse_instant(text(document, "issued")?)?;
        let wanted = member(document, "thresholds")?;
        only(wanted, &ROLES, "malformed")?;
        let mut thresholds = [0; 3];
        for (threshold, role) in thresholds.iter_mut().zip(ROLES) {
            *threshold = uint(wanted, role)?;
        }
        let anchors = list(document, "anchors")?.iter().map(anchor);
        let root = Root {
            version: uint(document, "version")?,
            expires: parse_instant(text(document, "expires")?)?,
            hash: unproved(document)?,
            anchors: anchors.collect::<Outcome<_>>()?,
            thresholds,
        };
        let mut seen = BTreeSet::new();
        let mut keys = root.anchors.iter().flat_map(|anchor| anchor.keys.iter().flatten());
        require(
            keys.all(|key| seen.insert(key)),
            "malformed",
            "a key stands twice in the root",
        )?;
        let [first, second, third] = thresholds;
        require(
            first >= 2 && second >= 2 && third >= 1,
            "malformed",
            "a threshold is too low",
        )?;
        Ok(root)
    }

    /// Roots from the first one, whose fingerprint is known, to the newest.
    pub(crate) fn chain(texts: &[Value], fingerprint: &str) -> Outcome<Root> {
        let mut newest: Option<Root> = None;
        require(texts.len() <= 64, "too_large", "there are too many roots")?;
        for text in texts {
            let text = text.as_str().ok_or_else(|| malformed("a root"))?;
            require(text.len() <= ROOT_MAX, "too_large", "a root is too long")?;
            let document = json::parse(text.as_bytes())?;
            let root = Root::read(&document)?;
            let before = newest.as_ref();
            let follows = match before {
                None => hex(&root.hash) == fingerprint.replace(' ', ""),
                Some(before) => root.version == before.version + 1,
            };
            require(follows, "trust_mismatch", "this root is not the one that is expected")?;
            let known = |key: &str| root.has(0, key) || before.is_some_and(|before| before.has(0, key));
            let signers = check_proofs(&document, &known)?;
            root.require_enough(0, &signers)?;
            if let Some(before) = before {
                before.require_enough(0, &signers)?;
            }
            newest = Some(root);
        }
        newest.ok_or_else(|| malformed("a bundle without a root"))
    }

    fn has(&self, role: usize, key: &str) -> bool {
        self.anchors
            .iter()
            .any(|anchor| anchor.of(role).iter().any(|known| known == key))
    }

    /// Whether distinct anchors enough, of two classes for root and list, have signed.
    fn require_enough(&self, role: usize, signers: &[String]) -> Outcome<()> {
        let signed = |anchor: &&Anchor| anchor.of(role).iter().any(|key| signers.contains(key));
        let anchors: Vec<&Anchor> = self.anchors.iter().filter(signed).collect();
        let classes: BTreeSet<&str> = anchors.iter().map(|anchor| anchor.class.as_str()).collect();
        let enough = self
            .thresholds
            .get(role)
            .is_some_and(|threshold| anchors.len() as u64 >= *threshold)
            && (role == 2 || classes.len() >= 2);
        require(
            enough,
            "trust_threshold",
            "too few anchors, or of too few classes, have signed",
        )
    }

    /// The signatures of a list.
    pub(crate) fn check_list(&self, document: &Value) -> Outcome<()> {
        let signers = check_proofs(document, &|key| self.has(1, key))?;
        self.require_enough(1, &signers)
    }

    /// The head of this root, signed by the threshold of its head keys.
    pub(crate) fn head(&self, texts: &[Value]) -> Outcome<Head> {
        require(
            texts.len() <= PROOFS_MAX,
            "too_large",
            "the head has too many signatures",
        )?;
        let mut head: Option<Head> = None;
        let mut signers = Vec::new();
        for text in texts {
            let text = text.as_str().ok_or_else(|| malformed("a head"))?;
            let jws = jose::read(text, "bevis-trust-head+jwt", HEAD_MAX)?;
            let (kid, did) = jws.kid()?;
            require(self.has(2, did), "unknown_key", "the head is signed by somebody else")?;
            require(
                !signers.iter().any(|signer| signer == did),
                "trust_threshold",
                "one key signed twice",
            )?;
            jws.verify(&key_of(kid)?)?;
            signers.push(did.to_owned());
            let read = Head::read(&jws.payload)?;
            let same = head.as_ref().is_none_or(|head| *head == read);
            require(same, "trust_mismatch", "the head's texts differ")?;
            head = Some(read);
        }
        self.require_enough(2, &signers)?;
        let head = head.ok_or_else(|| Problem::new("trust_threshold", "nobody signed a head"))?;
        let of_this = head.root == self.version && head.root_hash == self.hash;
        require(of_this, "trust_mismatch", "the head is of another root")?;
        Ok(head)
    }
}

impl Head {
    fn read(payload: &Value) -> Outcome<Head> {
        let members = [
            "root",
            "root_hash",
            "list",
            "list_hash",
            "list_size",
            "version",
            "iat",
            "exp",
        ];
        only(payload, &members, "malformed")?;
        let head = Head {
            root: uint(payload, "root")?,
            root_hash: decode_32(text(payload, "root_hash")?)?,
            list: uint(payload, "list")?,
            list_hash: decode_32(text(payload, "list_hash")?)?,
            list_size: uint(payload, "list_size")?,
            version: uint(payload, "version")?,
            issued: uint(payload, "iat")?,
            expires: uint(payload, "exp")?,
        };
        let lasts = head.expires.checked_sub(head.issued);
        let in_bounds = lasts.is_some_and(|seconds| (1..=86_400).contains(&seconds));
        require(in_bounds, "malformed", "the head lasts too long")?;
        Ok(head)
    }

    /// Whether this text is the list that the head names.
    pub(crate) fn require_names(&self, text: &str) -> Outcome<()> {
        let named = text.len() as u64 == self.list_size && sha256(text.as_bytes()) == self.list_hash;
        require(named, "trust_mismatch", "the head names another list")
    }
}

fn anchor(value: &Value) -> Outcome<Anchor> {
    only(value, &["id", "name", "class", "number", "keys"], "malformed")?;
    text(value, "id")?;
    text(value, "name")?;
    let class = text(value, "class")?;
    require(
        ["agency", "bank", "other"].contains(&class),
        "malformed",
        "an anchor is of no class",
    )?;
    let of = member(value, "keys")?;
    only(of, &ROLES, "malformed")?;
    let mut keys = [Vec::new(), Vec::new(), Vec::new()];
    for (keys, role) in keys.iter_mut().zip(ROLES) {
        for key in list(of, role)? {
            let key = key.as_str().filter(|key| key.starts_with("did:key:z"));
            keys.push(key.ok_or_else(|| malformed("a key"))?.to_owned());
        }
    }
    Ok(Anchor {
        class: class.to_owned(),
        keys,
    })
}

/// Checks every `eddsa-jcs-2022` proof of a document; gives the signers as `did:key`.
fn check_proofs(document: &Value, known: &dyn Fn(&str) -> bool) -> Outcome<Vec<String>> {
    let proofs = document.get("proof").and_then(Value::as_array).map(Vec::as_slice);
    let proofs = proofs.unwrap_or_default();
    require(!proofs.is_empty(), "trust_threshold", "nobody has signed")?;
    require(proofs.len() <= PROOFS_MAX, "too_large", "there are too many proofs")?;
    let hash = unproved(document)?;
    let mut signers: Vec<String> = Vec::new();
    for proof in proofs {
        let members = [
            "type",
            "cryptosuite",
            "created",
            "verificationMethod",
            "proofPurpose",
            "proofValue",
        ];
        only(proof, &members, "unsupported")?;
        for (name, value) in [
            ("type", "DataIntegrityProof"),
            ("cryptosuite", "eddsa-jcs-2022"),
            ("proofPurpose", "assertionMethod"),
        ] {
            require(
                text(proof, name)? == value,
                "unsupported",
                "the proof is of another kind",
            )?;
        }
        parse_instant(text(proof, "created")?)?;
        let method = text(proof, "verificationMethod")?;
        let (did, _) = method.split_once('#').ok_or_else(|| malformed("a proof"))?;
        require(known(did), "unknown_key", "somebody has signed who may not")?;
        require(
            !signers.iter().any(|signer| signer == did),
            "trust_threshold",
            "one key signed twice",
        )?;
        let mut options = proof.clone();
        let value = options.as_object_mut().and_then(|options| options.remove("proofValue"));
        let value = value
            .as_ref()
            .and_then(Value::as_str)
            .ok_or_else(|| malformed("a proof"))?;
        let signature = <[u8; 64]>::try_from(multibase(value)?).map_err(|_| malformed("a proof"))?;
        let mut signed = sha256(canonical(&options)?.as_bytes()).to_vec();
        signed.extend(hash);
        verify(&key_of(method)?, &signed, &signature)?;
        signers.push(did.to_owned());
    }
    Ok(signers)
}

/// SHA-256 of the canonical document without its proofs.
fn unproved(document: &Value) -> Outcome<[u8; 32]> {
    let mut document = document.clone();
    if let Some(members) = document.as_object_mut() {
        members.remove("proof");
    }
    Ok(sha256(canonical(&document)?.as_bytes()))
}

/// The key in `did:key:z…#z…`.
fn key_of(method: &str) -> Outcome<[u8; 32]> {
    let (key, fragment) = method
        .strip_prefix("did:key:")
        .and_then(|method| method.split_once('#'))
        .ok_or_else(|| malformed("a key's name"))?;
    require(key == fragment, "malformed", "a key's name is not of its key")?;
    match multibase(key)?.as_slice() {
        [0xed, 0x01, public @ ..] => <[u8; 32]>::try_from(public).map_err(|_| malformed("a key")),
        _ => refuse("malformed", "a key is of another kind"),
    }
}

/// Multibase, base58btc.
fn multibase(text: &str) -> Outcome<Vec<u8>> {
    let digits = text.strip_prefix('z').filter(|digits| digits.len() <= 200);
    let bytes = digits.and_then(|digits| bs58::decode(digits).into_vec().ok());
    bytes.ok_or_else(|| malformed("a base58 text"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
