//! What an asker signed of what it erased and what it keeps, as a value that commands print: with the names of claims, and the words of
//! the grounds. The signature was checked when it came, or is our own.

use crate::output::At;
use crate::service::Service;
use crate::text::LANGUAGES;
use credentials::Did;
use credentials::decision::Statement;
use credentials::grant::Erasure;
use credentials::schema::{Path, Text};
use serde_json::{Map, Value, json};

impl Service {
    /// The view of a signed text; none where it is neither an erasure receipt nor a statement.
    pub(super) fn said(&self, signed: &str) -> Option<Value> {
        if let Ok(erasure) = Erasure::of_our_own(signed) {
            return Some(self.said_of_grant(&erasure));
        }
        let statement = Statement::of_our_own(signed).ok()?;
        Some(self.said_of_session(&statement))
    }

    /// Puts the view of the signed text in `from` beside it, as `said`.
    pub(super) fn put_said(&self, object: &mut Value, from: &str) {
        let said = object.at(from).as_str().and_then(|signed| self.said(signed));
        if let Some(said) = said {
            object.put("said", said);
        }
    }

    /// The same for each of a list.
    pub(super) fn put_said_each(&self, list: &mut Value, from: &str) {
        for one in list.as_array_mut().into_iter().flatten() {
            self.put_said(one, from);
        }
    }

    fn said_of_grant(&self, erasure: &Erasure) -> Value {
        let erased = erasure.erased.iter().map(|one| {
            json!({
                "claims": paths(&one.claims), "labels": self.labels(&one.claims),
                "received": one.received.to_string(), "at": one.at.to_string(),
            })
        });
        let kept = erasure.kept.iter().map(|one| {
            // What is kept without a claim is the record of the consent itself.
            let what = one.claims.is_empty().then_some("consent");
            json!({
                "claims": paths(&one.claims), "labels": self.labels(&one.claims), "what": what, "ground": one.ground,
                "ground_text": self.ground_text(&erasure.asker, &one.ground), "until": one.until.to_string(),
            })
        });
        json!({
            "at": erasure.at.to_string(), "erased": erased.collect::<Vec<_>>(), "kept": kept.collect::<Vec<_>>(),
        })
    }

    fn said_of_session(&self, statement: &Statement) -> Value {
        let claims: Vec<Path> = statement.erased.values().flatten().cloned().collect();
        let erased = (!claims.is_empty()).then(|| {
            json!({
                "claims": paths(&claims), "labels": self.labels(&claims),
                "received": statement.received.to_string(), "at": statement.erased_at.to_string(),
            })
        });
        let kept = statement.kept.iter().map(|one| {
            json!({
                "what": one.what, "ground": one.ground,
                "ground_text": self.ground_text(&statement.asker, &one.ground), "until": one.until.to_string(),
            })
        });
        json!({
            "at": statement.at.to_string(), "erased": erased.into_iter().collect::<Vec<_>>(), "kept": kept.collect::<Vec<_>>(),
        })
    }

    /// What people call claims, by language.
    fn labels(&self, claims: &[Path]) -> Value {
        let mut labels = Map::new();
        for language in LANGUAGES {
            let named = claims.iter().map(|path| self.label(path, language));
            labels.insert((*language).to_owned(), json!(named.collect::<Vec<_>>()));
        }
        Value::Object(labels)
    }

    fn label(&self, path: &Path, language: &str) -> String {
        let declared = self.types.all().find(|known| known.has_path(path));
        declared.map_or_else(|| path.to_string(), |known| known.label(path, language))
    }

    /// The words that an asker registered for a ground.
    fn ground_text(&self, asker: &Did, code: &str) -> Option<Text> {
        let trust = self.trust()?;
        let services = &trust.organisation(asker)?.services;
        let mut grounds = services
            .iter()
            .flat_map(|service| [&service.keep_ground, &service.ground]);
        grounds
            .find(|ground| ground.code == code)
            .map(|ground| ground.text.clone())
    }
}

fn paths(claims: &[Path]) -> Vec<String> {
    claims.iter().map(ToString::to_string).collect()
}
