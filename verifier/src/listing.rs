//! A page of sessions or grants at a time. What a page is chosen by is in memory, so that only the rows that it shows are read: a bank
//! has some hundred thousand of them within the time that records are kept.

use crate::grant::{GrantState, GrantView};
use crate::session::{self, State};
use crate::verdict::{self, SessionView};
use crate::{Error, Verifier};
use credentials::Timestamp;
use credentials::status;
use credentials::verify::Verdict;
use serde::{Deserialize, Serialize};

/// Most rows of one page.
pub const PAGE_MAX: usize = 200;

/// Which sessions are looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// In one of these states; empty = in any.
    #[serde(default)]
    pub states: Vec<State>,
    /// With this verdict.
    #[serde(default)]
    pub verdict: Option<Verdict>,
    /// Of this service.
    #[serde(default)]
    pub service: Option<String>,
    /// Of this case.
    #[serde(default)]
    pub case: Option<String>,
}

/// A page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Page<T> {
    /// Newest first.
    pub rows: Vec<T>,
    /// How many there are in all.
    pub total: usize,
}

/// A session in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SessionLine {
    /// The session.
    #[serde(flatten)]
    pub view: SessionView,
    /// What became of the first of its credentials that was taken back since, as long as that may be told.
    pub now: Option<status::State>,
}

impl Verifier {
    /// Some of the sessions, newest first: `limit` after the first `from`, at most [`PAGE_MAX`].
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Row`].
    pub fn sessions_page(
        &self,
        now: Timestamp,
        status: &dyn status::Source,
        wanted: &Wanted,
        (from, limit): (usize, usize),
    ) -> Result<Page<SessionLine>, Error> {
        let limit = limit.min(PAGE_MAX);
        let end = from.saturating_add(limit);
        let mut total = 0_usize;
        let mut names = Vec::with_capacity(limit);
        for brief in self.agenda.newest() {
            if !is_wanted(brief, wanted, now) {
                continue;
            }
            if (from..end).contains(&total) {
                names.push(brief.id.clone());
            }
            total = total.saturating_add(1);
        }
        let mut rows = Vec::with_capacity(names.len());
        for name in names {
            let Some(session) = self.tables.session(&name)? else {
                continue;
            };
            let fallen = match session.verdict {
                Some(Verdict::Valid) => self.fallen(now, status, &session)?,
                _ => None,
            };
            rows.push(SessionLine {
                view: verdict::view(&session, now),
                now: fallen,
            });
        }
        Ok(Page { rows, total })
    }

    /// Sessions made before the one of this number, newest first: at most `most` of those that are wanted, and the number to go on
    /// before, if there are more. For systems, whose place in the list is not moved by what is made meanwhile.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Row`].
    pub fn sessions_before(
        &self,
        now: Timestamp,
        number: Option<u64>,
        most: usize,
        wanted: &Wanted,
    ) -> Result<(Vec<SessionView>, Option<u64>), Error> {
        let mut found = self
            .agenda
            .before(number)
            .filter(|(_, brief)| is_wanted(brief, wanted, now));
        let some: Vec<_> = found.by_ref().take(most).collect();
        let next = some
            .last()
            .map(|(number, _)| *number)
            .filter(|_| found.next().is_some());
        let mut views = Vec::with_capacity(some.len());
        for (_, brief) in some {
            let session = self.tables.session(&brief.id)?;
            views.extend(session.map(|session| verdict::view(&session, now)));
        }
        Ok((views, next))
    }

    /// Some of the grants in the order of their names, after one of these: at most so many of one state, or of any, and the name to go
    /// on after, if there are more.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Row`].
    pub fn grants_after(
        &self,
        now: Timestamp,
        wanted: Option<GrantState>,
        after: Option<&str>,
        most: usize,
    ) -> Result<(Vec<GrantView>, Option<String>), Error> {
        // The smallest names beyond the one given; of a million grants only these few are read.
        let mut names = std::collections::BinaryHeap::new();
        for (name, state) in self.grants.newest(now) {
            if wanted.is_some_and(|wanted| wanted != state) || after.is_some_and(|after| name <= after) {
                continue;
            }
            names.push(name);
            if names.len() > most.saturating_add(1) {
                names.pop();
            }
        }
        let mut names = names.into_sorted_vec();
        let is_more = names.len() > most;
        names.truncate(most);
        let next = names.last().filter(|_| is_more).map(|name| (*name).to_owned());
        let mut views = Vec::with_capacity(names.len());
        for name in names {
            views.extend(self.grant(now, name)?);
        }
        Ok((views, next))
    }

    /// The newest session of a case; none when there is none.
    pub fn newest_of(&self, case: &str) -> Option<String> {
        let mut newest = self.agenda.newest();
        newest
            .find(|brief| *brief.case == *case)
            .map(|brief| brief.id.to_string())
    }

    /// The open session that asks this customer for this case under this service, for a grant or not: a second one would have the
    /// customer answer twice.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Row`].
    pub fn open_of(
        &self,
        now: Timestamp,
        (case, service, subject): (&str, &str, &str),
        is_grant: bool,
    ) -> Result<Option<String>, Error> {
        for brief in self.agenda.newest() {
            if !brief.state_at(now).is_open() || *brief.case != *case || *brief.service != *service {
                continue;
            }
            let customer = self.tables.customer(&brief.id)?;
            if customer.is_none_or(|customer| customer.as_str() != subject) {
                continue;
            }
            let session = self.tables.session(&brief.id)?;
            if session.is_some_and(|session| session.grant.is_some() == is_grant) {
                return Ok(Some(brief.id.to_string()));
            }
        }
        Ok(None)
    }

    /// Some of the grants, newest first: those of one state, or all.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Row`].
    pub fn grants_page(
        &self,
        now: Timestamp,
        wanted: Option<GrantState>,
        (from, limit): (usize, usize),
    ) -> Result<Page<GrantView>, Error> {
        let limit = limit.min(PAGE_MAX);
        let end = from.saturating_add(limit);
        let mut total = 0_usize;
        let mut names = Vec::with_capacity(limit);
        for (name, state) in self.grants.newest(now) {
            if wanted.is_some_and(|wanted| wanted != state) {
                continue;
            }
            if (from..end).contains(&total) {
                names.push(name.to_owned());
            }
            total = total.saturating_add(1);
        }
        let mut rows = Vec::with_capacity(names.len());
        for name in names {
            rows.extend(self.grant(now, &name)?);
        }
        Ok(Page { rows, total })
    }
}

fn is_wanted(brief: &session::Brief, wanted: &Wanted, now: Timestamp) -> bool {
    let is_same = |text: &str, wanted: &Option<String>| wanted.as_deref().is_none_or(|wanted| wanted == text);
    (wanted.states.is_empty() || wanted.states.contains(&brief.state_at(now)))
        && wanted.verdict.is_none_or(|verdict| brief.verdict == Some(verdict))
        && is_same(&brief.service, &wanted.service)
        && is_same(&brief.case, &wanted.case)
}
