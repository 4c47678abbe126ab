//! Whether what was printed is what a guide says, and which name of the guide is which name of this run.

use std::collections::BTreeMap;

/// Names of the guide and what they are in this run.
#[derive(Clone, Default)]
pub(super) struct Names {
    known: BTreeMap<String, String>,
}

/// What differs from run to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// `bevis:offer/…`, `bevis:request/…`
    Link,
    /// `did:key:z6Mk…`
    Key,
    /// `12D3KooW…`
    Peer,
    /// Ten letters and digits: a credential or request of a wallet.
    Short,
    /// 22 characters: a session; 43: a standing grant.
    Session,
    /// 32 hexadecimal digits: a credential of an issuer.
    Credential,
    /// `~` and 16 hexadecimal digits: a row of a register.
    Row,
    /// `C02-e3b3f083`: an issuer's case.
    Case,
    /// `D0HZ-GA59-EPBH-A54P`
    Code,
    /// A listening address.
    Address,
    /// Days, months, instants, times of day, seconds since 1970.
    Time,
}

impl Kind {
    /// Whether the same name in the guide must be the same in the run.
    fn is_a_name(self) -> bool {
        !matches!(self, Kind::Address | Kind::Time)
    }
}

/// The form with every digit as `9` and every letter as it is.
fn digits_as_nine(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect()
}

fn kind(token: &str) -> Option<Kind> {
    let all = |is: fn(char) -> bool| token.chars().all(is);
    let hex = |text: &str, length: usize| {
        text.len() == length && text.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
    };
    let starts = |prefix: &str| token.starts_with(prefix);
    if starts("bevis:") && token.contains('/') {
        return Some(Kind::Link);
    } else if starts("did:key:z6Mk") {
        return Some(Kind::Key);
    } else if starts("12D3KooW") {
        return Some(Kind::Peer);
    } else if starts("/ip4/127.0.0.1/") {
        return Some(Kind::Address);
    } else if hex(token, 32) {
        return Some(Kind::Credential);
    } else if token.strip_prefix('~').is_some_and(|rest| hex(rest, 16)) {
        return Some(Kind::Row);
    } else if token
        .split_once('-')
        .is_some_and(|(of, rest)| digits_as_nine(of) == "C99" && hex(rest, 8))
    {
        return Some(Kind::Case);
    }
    let groups: Vec<&str> = token.split('-').collect();
    if groups.len() == 4
        && groups.iter().all(|group| group.len() == 4)
        && all(|c| c == '-' || c.is_ascii_uppercase() || c.is_ascii_digit())
    {
        return Some(Kind::Code);
    }
    let times = [
        "9999-99-99T99:99:99Z",
        "9999-99-99",
        "9999-99",
        "99.99.9999",
        "99:99",
        "1799999999",
    ];
    let form = digits_as_nine(token);
    if times.contains(&form.as_str()) || (form == "9999999999" && starts("1")) {
        return Some(Kind::Time);
    }
    if token.len() == 10 && all(|c| c.is_ascii_digit() || c.is_ascii_lowercase()) {
        return Some(Kind::Short);
    }
    if [22, 43].contains(&token.len()) && all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
        return Some(Kind::Session);
    }
    None
}

/// Half a fingerprint, which stands on a line of its own: eight groups of four hexadecimal digits.
fn groups(line: &str) -> Option<&str> {
    let is_group =
        |group: &str| group.len() == 4 && group.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let line = line.trim();
    (line.split(' ').count() == 8 && line.split(' ').all(is_group)).then_some(line)
}

/// A line in what separates and what is said, in turn.
fn tokens(line: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let is_separator = |c: char| c.is_whitespace() || "\"'(),;{}[]“”".contains(c);
    let mut start = 0;
    let mut was_separator = None;
    for (at, c) in line.char_indices() {
        if was_separator.is_some_and(|was| was != is_separator(c)) {
            tokens.push(&line[start..at]);
            start = at;
        }
        was_separator = Some(is_separator(c));
    }
    tokens.push(&line[start..]);
    tokens
}

/// A token without the point or colon of its sentence, and that.
fn bare(token: &str) -> (&str, &str) {
    let end = token.trim_end_matches(['.', ':']).len();
    token.split_at(end)
}

impl Names {
    /// A text of the guide with the names of this run.
    pub(super) fn put_in(&self, text: &str) -> String {
        let mut known: Vec<_> = self.known.iter().collect();
        // A name that is part of a longer one comes after it.
        known.sort_by_key(|(guide, _)| std::cmp::Reverse(guide.len()));
        known
            .into_iter()
            .fold(text.to_owned(), |text, (guide, run)| text.replace(guide, run))
    }

    /// Whether lines are as the guide says; then its names are known.
    pub(super) fn take(&mut self, expected: &[String], said: &[String]) -> bool {
        let mut names = self.clone();
        let matched = names.lines(expected, said);
        if matched {
            *self = names;
        }
        matched
    }

    /// Learns what it can of lines that are not as the guide says, so that the commands after them still mean something.
    pub(super) fn guess(&mut self, expected: &[String], said: &[String]) {
        let find = |lines: &[String]| -> Vec<(Kind, String)> {
            let all = lines.iter().flat_map(|line| tokens(line));
            all.filter_map(|token| {
                let (token, _) = bare(token);
                kind(token)
                    .filter(|kind| kind.is_a_name())
                    .map(|kind| (kind, token.to_owned()))
            })
            .collect()
        };
        let (wanted, mut found) = (find(expected), find(said));
        for (kind, name) in wanted {
            if let Some(at) = found.iter().position(|(other, _)| *other == kind) {
                let (_, value) = found.remove(at);
                self.known.entry(name).or_insert(value);
            }
        }
    }

    fn lines(&mut self, expected: &[String], said: &[String]) -> bool {
        let Some((first, rest)) = expected.split_first() else {
            return said.is_empty();
        };
        if first.trim() == "…" {
            return (0..=said.len()).any(|skipped| {
                let mut names = self.clone();
                let matched = names.lines(rest, &said[skipped..]);
                if matched {
                    *self = names;
                }
                matched
            });
        }
        match said.split_first() {
            Some((line, behind)) => self.line(first, line) && self.lines(rest, behind),
            None => false,
        }
    }

    fn line(&mut self, expected: &str, said: &str) -> bool {
        if let (Some(expected), Some(said)) = (groups(expected), groups(said)) {
            let known = self.known.get(expected).map(String::as_str);
            return match known {
                Some(known) => known == said,
                None if self.known.values().any(|value| value == said) => false,
                None => self.known.insert(expected.to_owned(), said.to_owned()).is_none(),
            };
        }
        if expected.contains('…') {
            return is_like(&self.put_in(expected), said);
        }
        let (expected, said) = (tokens(expected), tokens(said));
        let are_words = expected.first().is_some_and(|first| *first == "Check");
        expected.len() == said.len()
            && (0..expected.len()).all(|at| {
                let is_measured = expected
                    .get(at + 2)
                    .is_some_and(|unit| ["ms", "MiB", "s"].contains(&bare(unit).0));
                self.token(expected[at], said[at], is_measured, are_words)
            })
    }

    fn token(&mut self, expected: &str, said: &str, is_measured: bool, are_words: bool) -> bool {
        let ((expected, end), (said, other_end)) = (bare(expected), bare(said));
        if end != other_end {
            return false;
        }
        if let Some(known) = self.known.get(expected) {
            return known == said;
        }
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if is_measured && is_number(expected) && is_number(said) {
            return true;
        }
        let is_word = are_words && expected.len() == 5 && said.len() == 5 && expected != "words";
        match (kind(expected), kind(said)) {
            _ if is_word => {}
            (Some(one), Some(other)) if one == other => {
                if !one.is_a_name() {
                    return true;
                }
            }
            _ => return expected == said,
        }
        if self.known.values().any(|value| value == said) {
            return false;
        }
        self.known.insert(expected.to_owned(), said.to_owned());
        true
    }
}

/// Whether `said` has the parts of `pattern` between its `…`, in order, the first at its start and the last at its end.
fn is_like(pattern: &str, said: &str) -> bool {
    let parts: Vec<&str> = pattern.split('…').collect();
    let (Some(first), Some(last)) = (parts.first(), parts.last()) else {
        return false;
    };
    let Some(mut rest) = said.strip_prefix(first) else {
        return false;
    };
    for part in parts.iter().skip(1).take(parts.len().saturating_sub(2)) {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.len() >= last.len() && rest.ends_with(last)
}

/// Both sides, line by line; a line that is on one side only is marked.
pub(super) fn difference(expected: &[String], said: &[String]) -> String {
    let mut text = String::new();
    for line in expected {
        let mark = if said.contains(line) { ' ' } else { '-' };
        text.push_str(&format!("  {mark} {line}\n"));
    }
    text.push_str("  but it said\n");
    for line in said {
        let mark = if expected.contains(line) { ' ' } else { '+' };
        text.push_str(&format!("  {mark} {line}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn what_changes_may_differ_and_a_name_must_stay_the_same() {
        let mut names = Names::default();
        let guide = lines("See it: bevis wallet show 5p5e2rucxe.\nReady after 1272 ms, at 15:04");
        assert!(names.take(
            &guide,
            &lines("See it: bevis wallet show 7g9xs2s8j2.\nReady after 9 ms, at 23:59")
        ));
        assert_eq!(
            names.put_in("bevis wallet show 5p5e2rucxe"),
            "bevis wallet show 7g9xs2s8j2"
        );
        assert!(names.take(&lines("5p5e2rucxe"), &lines("7g9xs2s8j2")));
        assert!(!names.take(&lines("5p5e2rucxe"), &lines("yvzfd7g8mx")), "another name");
        assert!(
            !names.take(&lines("yvzfd7g8mx"), &lines("7g9xs2s8j2")),
            "one name for two"
        );
    }

    #[test]
    fn every_other_word_and_space_is_compared() {
        for (guide, said) in [
            ("valid", "revoked"),
            ("Rows: 300", "Rows: 301"),
            ("a  b", "a b"),
            ("one\ntwo", "one"),
            ("one", "one\ntwo"),
            ("1272 rows", "9 rows"),
            ("credential 5p5e2rucxe", "credential 5p5e2"),
        ] {
            assert!(
                !Names::default().take(&lines(guide), &lines(said)),
                "{guide:?} is not {said:?}"
            );
        }
    }

    #[test]
    fn an_ellipsis_stands_for_anything_between_what_is_written() {
        let like = |guide: &str, said: &str| Names::default().take(&lines(guide), &lines(said));
        assert!(like("one\n…\nlast", "one\ntwo\nthree\nlast"));
        assert!(like("one\n…\nlast", "one\nlast"));
        assert!(!like("one\n…\nlast", "one\ntwo"));
        assert!(like("{\"a\":…,\"c\":3}", "{\"a\":1,\"b\":2,\"c\":3}"));
        assert!(!like("{\"a\":…,\"c\":3}", "{\"a\":1,\"b\":2,\"c\":4}"));
    }

    #[test]
    fn fingerprints_differ_and_stay_the_same() {
        let mut names = Names::default();
        let (guide, run) = ("0123 4567 89ab cdef ".repeat(2), "fedc ba98 7654 3210 ".repeat(2));
        let one = |text: &str| vec![format!("  {}", text.trim())];
        assert!(names.take(&one(&guide), &one(&run)));
        assert_eq!(
            names.put_in(&format!("--root \"{}\"", guide.trim())),
            format!("--root \"{}\"", run.trim())
        );
        assert!(
            !names.take(&one(&guide), &one(&"aaaa bbbb cccc dddd ".repeat(2))),
            "another root"
        );
    }

    #[test]
    fn check_words_differ_and_stay_the_same() {
        let mut names = Names::default();
        assert!(names.take(
            &lines("Check words: likak zitiz lafuf hizof"),
            &lines("Check words: babab dudud hizof valid")
        ));
        assert!(!names.take(
            &lines("Check words: likak zitiz lafuf hizof"),
            &lines("Check words: babab dudud hizof hizof")
        ));
    }
}
