//! A person's decision on a request: what would be shared and the text that says so; a yes, which is durable with the answer it
//! justifies before anything leaves; a no.

use crate::consent::{Collecting, Consent, Gap, Part};
use crate::disclosure::{self, Disclosed};
use crate::history::What;
use crate::selection::{self, Choice, Lack};
use crate::tables::{CopyRow, DecisionRow, IssuingRow, Kind, RequestRow, RequestStage, Stage, text};
use crate::text::Catalogue;
use crate::{Error, Outcome, Shown, Step, Thread, Wallet, done, name_of};
use credentials::decision::Decision;
use credentials::protocol::presentation::LIMIT;
use credentials::request::{self, OpenedRequest};
use credentials::schema::{Path, values_at};
use credentials::sd_jwt::{self, Bind, Covers, SdJwt};
use credentials::{Code, Problem, SigningKey, Timestamp, VerifyingKey, jwe};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// Room that the frame of an answer needs beside the encrypted text, in bytes.
const FRAME: usize = 1024;

/// A request as it stands before the person now.
pub(crate) struct Draft {
    pub(crate) opened: OpenedRequest,
    collecting: Option<Collecting>,
    pub(crate) answer: Result<Vec<Chosen>, Vec<Gap>>,
}

/// A copy that would be shown.
pub(crate) struct Chosen {
    query: String,
    choice: Choice,
    copy: CopyRow,
    key: VerifyingKey,
    disclosed: String,
    paths: Vec<Path>,
    part: Part,
}

impl Wallet {
    /// What the person would share now, or why nothing fits.
    pub(crate) fn draft(&self, now: Timestamp, row: &RequestRow) -> Result<Draft, Error> {
        let trust = self.current_trust(now)?;
        let opened = request::reopen(&row.request, &trust, now)?;
        let collecting = match &opened.request.issue {
            None => None,
            Some(issue) => Some(Collecting {
                credential_type: self.known_type(&issue.vct)?,
                organisation: issue
                    .organisation
                    .clone()
                    .or_else(|| self.settings.organisation.clone()),
                words: row.authorise.as_ref().map(|authorise| authorise.words()),
            }),
        };
        let holdings = self.holdings()?;
        let candidates: Vec<_> = holdings.iter().map(|held| held.candidate()).collect();
        let query = &opened.request.query;
        let answer = match selection::select(query, &candidates, now) {
            Err(lacks) => {
                let mut gaps = Vec::new();
                for asked in &query.credentials {
                    let Some((_, lack)) = lacks.iter().find(|(id, _)| *id == asked.id) else {
                        continue;
                    };
                    let issuers = trust
                        .document()
                        .organisations
                        .iter()
                        .filter(|organisation| organisation.issues.contains(&asked.vct))
                        .map(|organisation| organisation.name.clone())
                        .collect();
                    gaps.push(Gap {
                        credential_type: self.known_type(&asked.vct)?,
                        lack: *lack,
                        asked: asked.claims.iter().map(|claim| claim.path.clone()).collect(),
                        issuers,
                    });
                }
                Err(gaps)
            }
            Ok(mut choices) => {
                let mut all = Vec::new();
                for asked in &query.credentials {
                    let choice = choices.remove(&asked.id).ok_or(Code::Internal)?;
                    let held = holdings.iter().find(|held| held.id == choice.credential);
                    let held = held.ok_or(Code::Internal)?;
                    let copy = held.copy(choice.copy).ok_or(Code::Internal)?;
                    let credential_type = self.known_type(&asked.vct)?;
                    let Disclosed { text, claims } = disclosure::disclose(&copy.text, asked, &credential_type)?;
                    all.push(Chosen {
                        query: asked.id.clone(),
                        key: SdJwt::parse(&copy.text)?.holder_key().ok_or(Code::Internal)?,
                        disclosed: text,
                        paths: asked.claims.iter().map(|claim| claim.path.clone()).collect(),
                        part: Part {
                            issuer_name: name_of(Some(&trust), &held.row.issuer),
                            held: held.claims.clone(),
                            shown: claims,
                            credential_type,
                        },
                        choice,
                        copy: copy.clone(),
                    });
                }
                Ok(all)
            }
        };
        Ok(Draft {
            opened,
            collecting,
            answer,
        })
    }

    /// The text of a draft.
    pub(crate) fn compose(&self, draft: &Draft, kind: Kind, language: &str) -> Result<String, Error> {
        let trust = self.trust()?;
        let texts = Catalogue::new(language, self.settings.kind);
        let (parts, gaps): (Vec<&Part>, &[Gap]) = match &draft.answer {
            Ok(chosen) => (chosen.iter().map(|chosen| &chosen.part).collect(), &[]),
            Err(gaps) => (Vec::new(), gaps),
        };
        let consent = Consent {
            kind,
            opened: &draft.opened,
            operator: &trust.document().operator,
            collecting: draft.collecting.as_ref(),
            parts: &parts,
            gaps,
        };
        Ok(consent.text(&texts))
    }

    /// The person's yes.
    pub(crate) fn decide_yes(
        &mut self,
        thread: Thread,
        now: Timestamp,
        id: &str,
        language: &str,
    ) -> Result<Step, Error> {
        let row = self.tables.get::<RequestRow>(id)?.ok_or(Error::NotFound)?;
        match &row.stage {
            RequestStage::Answered { .. } => return self.resend_request(thread, now, id),
            RequestStage::Declined => return Err(Code::NotPresented.into()),
            RequestStage::Open => {}
        }
        let draft = self.draft(now, &row)?;
        let language = crate::text::language(language);
        let shown: [u8; 32] = Sha256::digest(self.compose(&draft, row.kind, language)?).into();
        if self
            .last_shown(id)
            .is_some_and(|last| last.0 == language && last.1 != shown)
        {
            return Err(Problem::new(Code::Stale, "text").into());
        }
        let chosen = match &draft.answer {
            Ok(chosen) => chosen,
            Err(gaps) => return Err(unanswerable(gaps)),
        };
        let issuing = match &row.transaction {
            None => None,
            Some(transaction) => Some((
                transaction.clone(),
                self.tables.get::<IssuingRow>(transaction)?.ok_or(Error::NotFound)?,
            )),
        };
        let covers = crate::issuance::covers(&row, issuing.as_ref(), &draft.opened)?;
        let keys = chosen
            .iter()
            .map(|chosen| self.tables.key(&chosen.key))
            .collect::<Result<Vec<_>, _>>()?;
        let answer = self.seal(now, &draft.opened, chosen, &keys, covers.as_ref())?;
        let decision = decision(now, &draft.opened, chosen, language, &shown);
        let signed = keys
            .iter()
            .map(|key| decision.sign(key))
            .collect::<Result<Vec<_>, _>>()?;

        let opened = &draft.opened;
        let mut event = self.event(now, What::decided(row.kind), &opened.request.asker);
        event.service = Some(opened.request.service.clone());
        event.request = Some(row.hash.clone());
        for chosen in chosen {
            event.types.push(chosen.part.credential_type.vct.clone());
            event.credentials.push(chosen.choice.credential.clone());
            let paths = chosen.paths.iter().map(ToString::to_string).collect();
            event.claims.insert(chosen.query.clone(), paths);
        }
        let mut change = self.tables.change();
        let row_of_decision = DecisionRow {
            kind: row.kind,
            decision,
            signed,
        };
        change.add(&row.hash, &row_of_decision)?;
        for chosen in chosen {
            let used = CopyRow {
                used: Some(row.hash.clone()),
                ..chosen.copy.clone()
            };
            change.put_copy(&chosen.choice.credential, chosen.choice.copy, &used)?;
        }
        let answered = RequestRow {
            stage: RequestStage::Answered { answer: answer.clone() },
            ..row
        };
        change.put(id, &answered)?;
        if let Some((transaction, issuing)) = issuing {
            let requested = IssuingRow {
                stage: Stage::Requested { answer: Some(answer) },
                subject: subject(chosen),
                ..issuing
            };
            change.put(&transaction, &requested)?;
        }
        change.event(&event)?;
        change.commit()?;
        self.resend_request(thread, now, id)
    }

    /// The encrypted answer: each chosen copy bound to this request, readable by its asker only.
    fn seal(
        &mut self,
        now: Timestamp,
        opened: &OpenedRequest,
        chosen: &[Chosen],
        keys: &[SigningKey],
        covers: Option<&Covers>,
    ) -> Result<String, Error> {
        let client_id = opened.request.client_id();
        let bind = Bind {
            audience: &client_id,
            nonce: &opened.request.nonce,
            issued: now,
            request_hash: opened.hash,
            covers,
        };
        let mut token: BTreeMap<&str, [String; 1]> = BTreeMap::new();
        for (chosen, key) in chosen.iter().zip(keys) {
            let bound = sd_jwt::bind(&chosen.disclosed, &bind, key)?;
            token.insert(&chosen.query, [bound]);
        }
        let plaintext = serde_json::to_vec(&serde_json::json!({ "vp_token": token }));
        let plaintext = Zeroizing::new(plaintext.map_err(|_| Code::Internal)?);
        let answer = jwe::seal(
            &opened.request.encryption,
            b"",
            &opened.hash,
            &plaintext,
            &mut *self.random,
        )?;
        if answer.len().saturating_add(FRAME) > LIMIT {
            return Err(Code::TooLarge.into());
        }
        Ok(answer)
    }

    /// The person's no.
    pub(crate) fn decide_no(&mut self, thread: Thread, now: Timestamp, id: &str) -> Result<Step, Error> {
        let row = self.tables.get::<RequestRow>(id)?.ok_or(Error::NotFound)?;
        match &row.stage {
            RequestStage::Answered { .. } => {
                return Err(Problem::new(Code::UnexpectedMessage, "answered").into());
            }
            RequestStage::Declined => return self.resend_request(thread, now, id),
            RequestStage::Open => {}
        }
        let mut event = self.event(now, What::Refused, &row.asker);
        event.request = Some(row.hash.clone());
        // A request that can no longer be shown (expired, asker no longer listed) has no text to have said no to.
        let decision = match self.refusal(now, id, &row) {
            Ok(decision) => {
                event.service = Some(decision.service.clone());
                Some(decision)
            }
            Err(Error::Refused(_)) => None,
            Err(error) => return Err(error),
        };
        let is_told = row.kind == Kind::Present && decision.is_some();
        let new_keys = match &row.transaction {
            Some(transaction) => self.issuing_keys(transaction)?,
            None => Vec::new(),
        };
        let mut change = self.tables.change();
        if let Some(decision) = decision {
            let refused = DecisionRow {
                kind: row.kind,
                decision,
                signed: Vec::new(),
            };
            change.add(&row.hash, &refused)?;
        }
        if is_told {
            let declined = RequestRow {
                stage: RequestStage::Declined,
                ..row
            };
            change.put(id, &declined)?;
        } else {
            change.delete::<RequestRow>(id);
            if let Some(transaction) = &row.transaction {
                change.delete::<IssuingRow>(transaction);
            }
            for key in &new_keys {
                change.delete_key(key);
            }
        }
        change.event(&event)?;
        change.commit()?;
        if is_told {
            self.resend_request(thread, now, id)
        } else {
            Ok(done(thread, Ok(Outcome::Refused)))
        }
    }

    fn refusal(&self, now: Timestamp, id: &str, row: &RequestRow) -> Result<Decision, Error> {
        let draft = self.draft(now, row)?;
        let (language, shown) = match self.last_shown(id) {
            Some(last) => last,
            None => {
                let language = crate::text::language("nb");
                let text = self.compose(&draft, row.kind, language)?;
                (language, Sha256::digest(text).into())
            }
        };
        Ok(Decision {
            outcome: "refused".to_owned(),
            ..decision(now, &draft.opened, &[], language, &shown)
        })
    }

    pub(crate) fn remember_shown(&self, id: &str, shown: Shown) {
        let mut all = match self.shown.lock() {
            Ok(all) => all,
            Err(poisoned) => poisoned.into_inner(),
        };
        all.insert(id.to_owned(), shown);
    }

    fn last_shown(&self, id: &str) -> Option<Shown> {
        let all = match self.shown.lock() {
            Ok(all) => all,
            Err(poisoned) => poisoned.into_inner(),
        };
        all.get(id).copied()
    }
}

fn decision(now: Timestamp, opened: &OpenedRequest, chosen: &[Chosen], language: &str, shown: &[u8; 32]) -> Decision {
    Decision {
        request: text(&opened.hash),
        recipient: opened.request.asker.clone(),
        service: opened.request.service.clone(),
        purpose: opened.registration.purpose.code.clone(),
        text: text(shown),
        language: language.to_owned(),
        claims: chosen
            .iter()
            .map(|chosen| (chosen.query.clone(), chosen.paths.clone()))
            .collect(),
        outcome: "shared".to_owned(),
        at: now,
    }
}

/// The number that an identification shows: who the credential must then be for.
fn subject(chosen: &[Chosen]) -> Option<String> {
    let [chosen] = chosen else { return None };
    let path = chosen.paths.first()?;
    let number = values_at(&chosen.part.shown, path).first()?.as_str()?;
    Some(number.to_owned())
}

/// `copies_spent` or `copies_void` when nothing but copies is in the way, else `not_presented`; the detail names the first type.
fn unanswerable(gaps: &[Gap]) -> Error {
    let all = |lacks: &[Lack]| gaps.iter().all(|gap| lacks.contains(&gap.lack));
    let code = if all(&[Lack::Spent]) {
        Code::CopiesSpent
    } else if all(&[Lack::Spent, Lack::Void]) {
        Code::CopiesVoid
    } else {
        Code::NotPresented
    };
    match gaps.first() {
        Some(gap) => Problem::new(code, gap.credential_type.vct.as_str()).into(),
        None => code.into(),
    }
}
