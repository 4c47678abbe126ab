//! The tokens by which a bank's own systems use the API: a file `api-tokens.toml` in the home, of names, hashes and scopes.
//!
//! It is a file and not a table of the sealed store, so that an operator sees who may do what, deploys it as any other setting, and
//! takes a token away while the node runs or stands still, without the passphrase. Nobody who reads it can use the API by it: a token
//! has 256 random bits, and its hash alone is kept. Who can write it can let themselves in, so it counts only while nobody but its
//! owner can (mode 0600).

use crate::clock;
use crate::error::Failure;
use crate::home::{self, Home};
use crate::output::{hex, sha256};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use credentials::{Code, Problem, Random, Timestamp};
use serde::{Deserialize, Serialize};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// Most tokens of one home: a bank's systems, with two of each while one is replaced.
pub const TOKENS_MAX: usize = 64;
/// Longest name of a token, in characters.
pub const NAME_MAX: usize = 40;
/// Longest that a token is valid, in days: ten years.
pub const DAYS_MAX: u32 = 3650;
/// Days that a token is valid when nobody says otherwise.
pub const DAYS: u32 = 365;
/// Largest file, in bytes.
const FILE_MAX: u64 = 64 * 1024;
/// Beginning of every token, by which a scanner of leaked secrets knows one.
pub const PREFIX: &str = "bevis_";

/// What a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
pub enum Scope {
    /// Ask customers, and call requests off.
    #[serde(rename = "requests:write")]
    #[value(name = "requests:write")]
    RequestsWrite,
    /// See requests, verdicts and what was shown.
    #[serde(rename = "requests:read")]
    #[value(name = "requests:read")]
    RequestsRead,
    /// See standing grants, and withdrawals.
    #[serde(rename = "grants:read")]
    #[value(name = "grants:read")]
    GrantsRead,
    /// Fetch under grants, and forget what was fetched.
    #[serde(rename = "grants:write")]
    #[value(name = "grants:write")]
    GrantsWrite,
    /// Look up the trust list, and check a credential.
    #[serde(rename = "trust:read")]
    #[value(name = "trust:read")]
    TrustRead,
    /// See and change where webhooks go.
    #[serde(rename = "webhooks:write")]
    #[value(name = "webhooks:write")]
    WebhooksWrite,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Scope; 6] = [
        Scope::RequestsWrite,
        Scope::RequestsRead,
        Scope::GrantsRead,
        Scope::GrantsWrite,
        Scope::TrustRead,
        Scope::WebhooksWrite,
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::RequestsWrite => "requests:write",
            Scope::RequestsRead => "requests:read",
            Scope::GrantsRead => "grants:read",
            Scope::GrantsWrite => "grants:write",
            Scope::TrustRead => "trust:read",
            Scope::WebhooksWrite => "webhooks:write",
        }
    }
}

/// A token as the file has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// What the operator calls it.
    pub name: String,
    /// SHA-256 of the token, hex.
    pub sha256: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// When it was made (RFC 3339, UTC).
    pub created: String,
    /// From when on it does not count (RFC 3339, UTC).
    pub expires: String,
}

impl Token {
    /// Whether it has run out; one whose time cannot be read has.
    pub fn is_over(&self, now: Timestamp) -> bool {
        Timestamp::parse(&self.expires).is_none_or(|expires| now >= expires)
    }
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    #[serde(default)]
    token: Vec<Token>,
}

/// By what a changed file is told from the one that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp([i64; 4]);

/// The tokens of a home.
#[derive(Clone, Debug)]
pub struct Tokens {
    path: PathBuf,
}

/// Whether a name may be a token's: lower-case letters, digits and hyphens.
pub fn is_name(name: &str) -> bool {
    (1..=NAME_MAX).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

impl Tokens {
    /// Those of a home.
    pub fn of(home: &Home) -> Tokens {
        Tokens {
            path: home.path().join("api-tokens.toml"),
        }
    }

    /// The file's stamp; none while there is no file.
    pub fn stamp(&self) -> Option<Stamp> {
        let file = std::fs::metadata(&self.path).ok()?;
        let size = i64::try_from(file.size()).unwrap_or(i64::MAX);
        let inode = i64::try_from(file.ino()).unwrap_or(i64::MAX);
        Some(Stamp([size, inode, file.mtime(), file.mtime_nsec()]))
    }

    /// Every token; none while there is no file.
    ///
    /// # Errors
    /// `config_invalid` when the file is not one that this version writes, or others may read or write it.
    pub fn list(&self) -> Result<Vec<Token>, Failure> {
        let invalid = |cause: &dyn std::fmt::Display| {
            Failure::because(
                Problem::new(Code::ConfigInvalid, self.path.display().to_string()),
                cause,
            )
        };
        let Ok(file) = std::fs::metadata(&self.path) else {
            return Ok(Vec::new());
        };
        if file.mode() & 0o077 != 0 {
            return Err(invalid(&"others than its owner may read or write it; chmod 600"));
        }
        let bytes = home::read(&self.path, FILE_MAX)?;
        let text = String::from_utf8(bytes).map_err(|e| invalid(&e))?;
        let content: Content = toml::from_str(&text).map_err(|e| invalid(&e.message()))?;
        let is_formed = |token: &Token| {
            is_name(&token.name)
                && token.sha256.len() == 64
                && token.sha256.bytes().all(|byte| byte.is_ascii_hexdigit())
                && !token.scopes.is_empty()
                && Timestamp::parse(&token.expires).is_some()
        };
        if content.token.len() > TOKENS_MAX {
            return Err(invalid(&"too many tokens"));
        }
        match content.token.iter().find(|token| !is_formed(token)) {
            Some(token) => Err(invalid(&format!("token {:?} is not well formed", token.name))),
            None => Ok(content.token),
        }
    }

    fn write(&self, token: Vec<Token>) -> Result<(), Failure> {
        let body = toml::to_string_pretty(&Content { token }).map_err(|e| Failure::because(Code::Internal, e))?;
        let text = format!(
            "# Tokens of the API: `bevis api token add|list|remove`. Only hashes of them stand here; keep the mode 0600.\n\n{body}"
        );
        home::write(&self.path, text.as_bytes())
    }

    /// Makes a token: it is shown now and never again.
    ///
    /// # Errors
    /// `usage` for a name that is none or is taken, no scope, or days out of range; `too_large` beyond [`TOKENS_MAX`].
    pub fn add(&self, name: &str, scopes: &[Scope], days: u32) -> Result<(Zeroizing<String>, Token), Failure> {
        let mut tokens = self.list()?;
        let wrong = |what: &str| Failure::from(Problem::new(Code::Usage, what));
        if !is_name(name) || tokens.iter().any(|token| token.name == name) {
            return Err(wrong("name"));
        }
        if scopes.is_empty() {
            return Err(wrong("--scope"));
        }
        if !(1..=DAYS_MAX).contains(&days) {
            return Err(wrong("--expires"));
        }
        if tokens.len() >= TOKENS_MAX {
            return Err(Problem::new(Code::TooLarge, "tokens").into());
        }
        let mut secret = Zeroizing::new([0; 32]);
        clock::System.fill(secret.as_mut_slice());
        let text = Zeroizing::new(format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(secret.as_slice())));
        let now = clock::now();
        let mut scopes = scopes.to_vec();
        scopes.sort_unstable();
        scopes.dedup();
        let token = Token {
            name: name.to_owned(),
            sha256: hex(&sha256(text.as_bytes())),
            scopes,
            created: now.to_string(),
            expires: now
                .plus(i64::from(days).saturating_mul(credentials::time::DAY))
                .to_string(),
        };
        tokens.push(token.clone());
        self.write(tokens)?;
        Ok((text, token))
    }

    /// Takes a token away; it counts no more from then on.
    ///
    /// # Errors
    /// `not_found`.
    pub fn remove(&self, name: &str) -> Result<(), Failure> {
        let mut tokens = self.list()?;
        let before = tokens.len();
        tokens.retain(|token| token.name != name);
        if tokens.len() == before {
            return Err(Problem::new(Code::NotFound, name).into());
        }
        self.write(tokens)
    }
}

/// The token whose text this is, if one of them is: every hash is looked at to its end.
pub fn recognise<'t>(tokens: &'t [Token], text: &str) -> Option<&'t Token> {
    let shown = hex(&sha256(text.as_bytes()));
    let mut found = None;
    for token in tokens {
        let difference = token
            .sha256
            .bytes()
            .zip(shown.bytes())
            .fold(0u8, |all, (a, b)| all | (a ^ b));
        if difference == 0 && token.sha256.len() == shown.len() {
            found = Some(token);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn tokens() -> (tempfile::TempDir, Tokens) {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Home::at(folder.path()).expect("a path");
        let tokens = Tokens::of(&home);
        (folder, tokens)
    }

    #[test]
    fn a_token_is_shown_once_and_its_hash_alone_is_kept_in_a_file_of_mode_0600() {
        let (folder, tokens) = tokens();
        let (text, made) = tokens.add("core-banking", &[Scope::RequestsRead], 30).expect("made");
        let file = folder.path().join("api-tokens.toml");
        let kept = std::fs::read_to_string(&file).expect("reads");
        assert!(text.starts_with(PREFIX) && !kept.contains(text.as_str()), "{kept}");
        assert_eq!(std::fs::metadata(&file).expect("there").mode() & 0o777, 0o600);
        let listed = tokens.list().expect("reads");
        assert_eq!(listed, [made]);
        assert_eq!(
            recognise(&listed, &text).map(|token| token.name.as_str()),
            Some("core-banking")
        );
        assert_eq!(recognise(&listed, &text[1..]), None);
        assert_eq!(recognise(&listed, ""), None);
        tokens.remove("core-banking").expect("removed");
        assert_eq!(recognise(&tokens.list().expect("reads"), &text), None);
        assert_eq!(
            tokens.remove("core-banking").expect_err("gone").problem.code,
            Code::NotFound
        );
    }

    #[test]
    fn a_name_twice_no_scope_and_days_out_of_range_are_refused() {
        let (_folder, tokens) = tokens();
        let all = [Scope::TrustRead];
        tokens.add("a", &all, 1).expect("made");
        for (name, scopes, days) in [
            ("a", &all[..], 1),
            ("B", &all, 1),
            ("", &all, 1),
            ("c", &[], 1),
            ("c", &all, 0),
            ("c", &all, 3651),
        ] {
            let refused = tokens.add(name, scopes, days).expect_err(name);
            assert_eq!(refused.problem.code, Code::Usage, "{name} {days}");
        }
        assert_eq!(tokens.list().expect("reads").len(), 1);
    }

    #[test]
    fn a_file_that_others_may_read_or_that_is_not_understood_lets_nobody_in() {
        let (folder, tokens) = tokens();
        tokens.add("a", &[Scope::TrustRead], 1).expect("made");
        let file = folder.path().join("api-tokens.toml");
        let before = tokens.stamp();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).expect("sets");
        assert_eq!(tokens.list().expect_err("readable").problem.code, Code::ConfigInvalid);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("sets");
        for bad in [
            "[[token]]\nname = \"x\"\n",
            "colour = 1\n",
            "[[token]]\nname = \"x\"\nsha256 = \"00\"\nscopes = [\"trust:read\"]\ncreated = \"\"\nexpires = \"\"\n",
        ] {
            std::fs::write(&file, bad).expect("writes");
            assert_eq!(tokens.list().expect_err(bad).problem.code, Code::ConfigInvalid);
        }
        assert_ne!(tokens.stamp(), before);
    }

    #[test]
    fn scopes_are_named_alike_in_file_flag_and_answer() {
        use clap::ValueEnum;
        for scope in Scope::ALL {
            let file = serde_json::to_value(scope).expect("writes");
            assert_eq!(file, scope.as_str());
            let flag = scope.to_possible_value().expect("a value");
            assert_eq!(flag.get_name(), scope.as_str());
        }
    }
}
