//! A person's decision on a request: what would be shared and the text that says so; a yes, which is durable with the answer it
//! justifies before anything leaves; a no.

use crate::consent::{Collecting, Consent, Gap, Line, Part, text_of};
use crate::disclosure::{self, Disclosed};
use crate::grant::{Review, Standing};
use crate::history::{Event, What};
use crate::selection::{self, Choice, Lack};
use crate::tables::{
    CopyRow, DecisionRow, GrantRow, IssuingRow, Kind, RequestRow, RequestStage, ReviewRow, Stage, text,
};
use crate::text::Catalogue;
use crate::{Error, Outcome, Shown, Step, Thread, Wallet, done, name_of};
use credentials::decision::Decision;
use credentials::jws::Jws;
use credentials::protocol::presentation::LIMIT;
use credentials::request::{self, OpenedRequest};
use credentials::schema::{Path, values_at};
use credentials::sd_jwt::{self, Bind, Covers, SdJwt};
use credentials::{Code, Problem, SigningKey, Timestamp, VerifyingKey, jwe};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// Parts of a request's life. A refusal leaves between two of them: within five seconds of a request that lives two minutes, within seven
/// hours of one that lives a week.
const PARTS: i64 = 24;

/// Room that the frame of an answer needs beside the encrypted text, in bytes.
const FRAME: usize = 1024;

/// A request as it stands before the person now.
pub(crate) struct Draft {
    pub(crate) opened: OpenedRequest,
    collecting: Option<Collecting>,
    /// When a grant is asked for: what is shown then is shown to the issuer.
    pub(crate) standing: Option<Standing>,
    /// When what was granted is looked at or ended.
    pub(crate) review: Option<Review>,
    pub(crate) answer: Result<Vec<Chosen>, Vec<Gap>>,
}

impl Draft {
    /// What is in the way of an answer.
    pub(crate) fn gaps(&self) -> &[Gap] {
        match &self.answer {
            Ok(_) => &[],
            Err(gaps) => gaps,
        }
    }

    /// What would be shown; `not_presented` and the like when nothing fits.
    pub(crate) fn chosen(&self) -> Result<&[Chosen], Error> {
        match &self.answer {
            Ok(chosen) => Ok(chosen),
            Err(gaps) => Err(unanswerable(gaps)),
        }
    }

    /// The private keys of the copies that would be shown.
    pub(crate) fn keys(&self, tables: &crate::tables::Tables) -> Result<Vec<SigningKey>, Error> {
        self.chosen()?.iter().map(|chosen| tables.key(&chosen.key)).collect()
    }
}

/// Language and hash of the text that a decision is to.
pub(crate) type LastShown = (&'static str, [u8; 32]);

/// A copy that would be shown.
pub(crate) struct Chosen {
    query: String,
    pub(crate) choice: Choice,
    pub(crate) copy: CopyRow,
    key: VerifyingKey,
    disclosed: String,
    paths: Vec<Path>,
    part: Part,
}

impl Chosen {
    /// Names type, credential and claims in a line of history.
    pub(crate) fn note(&self, event: &mut Event) {
        event.types.push(self.part.credential_type.vct.clone());
        event.credentials.push(self.choice.credential.clone());
        let paths = self.paths.iter().map(ToString::to_string).collect();
        event.claims.insert(self.query.clone(), paths);
    }
}

impl Wallet {
    /// What the person would share now, or why nothing fits.
    pub(crate) fn draft(&self, now: Timestamp, row: &RequestRow) -> Result<Draft, Error> {
        let trust = self.current_trust(now)?;
        let opened = request::reopen(&row.request, &trust, now)?;
        let collecting = match &opened.request.issue {
            None => None,
            Some(_) if row.kind == Kind::Review => None,
            Some(issue) => Some(Collecting {
                credential_type: self.known_type(&issue.vct)?,
                organisation: issue
                    .organisation
                    .clone()
                    .or_else(|| self.settings.organisation.clone()),
                words: row.authorise.as_ref().map(|authorise| authorise.words()),
            }),
        };
        let standing = self.standing(now, row)?;
        let review = self.review_of(row)?;
        let holdings = self.holdings()?;
        let candidates: Vec<_> = holdings.iter().map(|held| held.candidate()).collect();
        let query = match &standing {
            Some(standing) => &standing.identification.request.query,
            None => &opened.request.query,
        };
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
                        .map(|organisation| (organisation.did.clone(), organisation.name.clone()))
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
            standing,
            review,
            answer,
        })
    }

    /// The text of a draft.
    pub(crate) fn compose(&self, draft: &Draft, kind: Kind, language: &str) -> Result<String, Error> {
        Ok(text_of(&self.lines_of(draft, kind, language)?))
    }

    /// The lines that make it.
    pub(crate) fn lines_of(&self, draft: &Draft, kind: Kind, language: &str) -> Result<Vec<Line>, Error> {
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
            standing: draft.standing.as_ref(),
            review: draft.review.as_ref(),
            parts: &parts,
            gaps,
            writers: &self.writers(draft),
        };
        Ok(consent.lines(&texts))
    }

    /// Names of those who can write to this wallet after a yes.
    fn writers(&self, draft: &Draft) -> Vec<String> {
        let asked = std::iter::once(&draft.opened);
        let asked = asked.chain(draft.standing.as_ref().map(|standing| &standing.identification));
        asked
            .filter(|opened| self.reach_for(&opened.request).is_some())
            .map(|opened| opened.asker.name.clone())
            .collect()
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
            RequestStage::Granting => {
                let name = row.transaction.clone().ok_or(Error::NotFound)?;
                return self.resend_grant(thread, now, &name);
            }
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
        if row.kind == Kind::Grant {
            return self.grant(thread, now, id, row, &draft, &(language, shown));
        }
        // Another request of this case may have been answered since this one came.
        self.check_rungs(&draft.opened)?;
        let rungs = self.rungs_of(&draft.opened);
        let chosen = draft.chosen()?;
        let issuing = match &row.transaction {
            _ if row.kind == Kind::Review => None,
            None => None,
            Some(transaction) => Some((
                transaction.clone(),
                self.tables.get::<IssuingRow>(transaction)?.ok_or(Error::NotFound)?,
            )),
        };
        let covers = match &draft.review {
            Some(review) => Some(review.covers(&self.settings)?),
            None => crate::issuance::covers(&row, issuing.as_ref(), &draft.opened)?,
        };
        let keys = draft.keys(&self.tables)?;
        let decision = decision(now, &draft.opened, chosen, language, &shown);
        // An asker gets the decision itself, by a key of its own; an issuer gets who the holder is and nothing more.
        let own = (row.kind == Kind::Present).then(|| SigningKey::generate(&mut *self.random));
        let given = own.as_ref().map(|key| decision.sign(key)).transpose()?;
        let answer = self.seal(now, &draft.opened, chosen, &keys, covers.as_ref(), given.as_deref())?;
        let signed = keys
            .iter()
            .map(|key| decision.sign(key))
            .collect::<Result<Vec<_>, _>>()?;

        let opened = &draft.opened;
        let mut event = self.event(now, What::decided(row.kind), &opened.request.asker);
        event.service = Some(opened.request.service.clone());
        event.request = Some(row.hash.clone());
        for chosen in chosen {
            chosen.note(&mut event);
        }
        let mut change = self.tables.change();
        let row_of_decision = DecisionRow {
            kind: row.kind,
            decision,
            signed,
            given,
            session: row.session.clone(),
            asked: row.request.clone(),
        };
        change.add(&row.hash, &row_of_decision)?;
        change.put_rungs(&rungs)?;
        if let Some(key) = &own {
            change.put_key(key);
        }
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
        change.decided(id, &event)?;
        change.commit()?;
        self.resend_request(thread, now, id)
    }

    /// The encrypted answer: each chosen copy bound to this request, readable by its asker only.
    pub(crate) fn seal(
        &mut self,
        now: Timestamp,
        opened: &OpenedRequest,
        chosen: &[Chosen],
        keys: &[SigningKey],
        covers: Option<&Covers>,
        given: Option<&str>,
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
        let decided: Option<[u8; 32]> = given.map(|text| Sha256::digest(text).into());
        for (chosen, key) in chosen.iter().zip(keys) {
            let bound = match &decided {
                Some(decision) => sd_jwt::bind_decided(&chosen.disclosed, &bind, decision, key)?,
                None => sd_jwt::bind(&chosen.disclosed, &bind, key)?,
            };
            token.insert(&chosen.query, [bound]);
        }
        let mut plaintext = match given {
            Some(decision) => serde_json::json!({ "vp_token": token, "decision": decision }),
            None => serde_json::json!({ "vp_token": token }),
        };
        if let (Some(reach), Some(members)) = (self.reach_for(&opened.request), plaintext.as_object_mut()) {
            members.insert("reach".to_owned(), serde_json::json!(reach));
        }
        let plaintext = serde_json::to_vec(&plaintext);
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
            RequestStage::Answered { .. } | RequestStage::Granting => {
                return Err(Problem::new(Code::UnexpectedMessage, "answered").into());
            }
            RequestStage::Declined => return Ok(done(thread, Ok(Outcome::Refused))),
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
        let tell_at = declining_at(now, &row);
        // Too late to be told of by the schedule: the request runs out, as one does that nobody looked at.
        let is_told = matches!(row.kind, Kind::Present | Kind::Grant) && decision.is_some() && tell_at.is_some();
        let new_keys = match &row.transaction {
            Some(transaction) => self.issuing_keys(transaction)?,
            None => Vec::new(),
        };
        let own = SigningKey::generate(&mut *self.random);
        let mut change = self.tables.change();
        if row.kind == Kind::Grant
            && let Some(name) = &row.transaction
        {
            change.delete::<GrantRow>(name);
        }
        if let Some(decision) = decision {
            let refused = DecisionRow {
                kind: row.kind,
                given: Some(decision.sign(&own)?),
                decision,
                signed: Vec::new(),
                session: row.session.clone(),
                asked: row.request.clone(),
            };
            change.add(&row.hash, &refused)?;
            change.put_key(&own);
        }
        if row.kind == Kind::Review
            && let Some(name) = &row.transaction
        {
            change.delete::<ReviewRow>(name);
        }
        if is_told {
            let declined = RequestRow {
                stage: RequestStage::Declined,
                tell_at,
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
        change.decided(id, &event)?;
        change.commit()?;
        // It leaves by the schedule, with `resume`.
        Ok(done(thread, Ok(Outcome::Refused)))
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
            until: None,
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

pub(crate) fn decision(
    now: Timestamp,
    opened: &OpenedRequest,
    chosen: &[Chosen],
    language: &str,
    shown: &[u8; 32],
) -> Decision {
    let keep = opened.request.stated.keep_seconds;
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
        ground: opened.registration.ground.code.clone(),
        until: (keep > 0).then(|| now.plus(keep)),
        at: now,
    }
}

/// When a refusal of a request leaves: at the end of the part of its life in which the person said no, so that the asker learns no more
/// of when that was, nor whether somebody read what would be shared or that there is nothing to show. None in the last part.
pub(crate) fn declining_at(now: Timestamp, row: &RequestRow) -> Option<Timestamp> {
    let issued = Jws::parse(&row.request, request::TYP, request::REQUEST_MAX).ok()?;
    let issued = Timestamp::from_unix(issued.payload.get("iat")?.as_i64()?);
    let life = row.expires.since(issued);
    let part = life.checked_div(PARTS).unwrap_or(0).max(1);
    let passed = now.since(issued).max(0);
    let next = passed.checked_div(part).unwrap_or(0).saturating_add(1);
    let at = issued.plus(next.saturating_mul(part));
    (at < row.expires).then_some(at)
}

/// The number that an identification shows: who the credential must then be for.
pub(crate) fn subject(chosen: &[Chosen]) -> Option<String> {
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
