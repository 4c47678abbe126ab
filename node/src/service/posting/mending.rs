//! Queues that are missing are made anew, and the other side is told: an operator lost one, has left the trust list, or is not one
//! that the person chose any more.

use super::{AT_ONCE, Queues, Service, lock};
use crate::clock;
use crate::error::Failure;
use crate::post::Id;
use credentials::Did;
use credentials::letter::PLACES_MAX;
use futures::StreamExt;
use std::time::Duration;

/// How often it is looked whether operators still suit.
pub(super) const MEND: Duration = Duration::from_secs(600);

impl Service {
    /// Looks after the queues of every relation.
    pub(super) async fn mend_all(&self) {
        let Ok(relations) = lock(&self.office.post).map(|post| post.relations()) else {
            return;
        };
        let mends = relations
            .into_iter()
            .map(|id| async move { self.mend(&id, None).await });
        let mut mends = futures::stream::iter(mends).buffer_unordered(AT_ONCE);
        while let Some(mended) = mends.next().await {
            if let Err(failure) = mended {
                tracing::warn!(%failure, cause = failure.cause, "mailboxes not looked after");
            }
        }
    }

    /// Looks after those of one; `lost` is who has just lost one, and is asked again only where there is nobody else.
    pub(super) async fn mend(&self, id: &Id, lost: Option<&Did>) -> Result<(), Failure> {
        let (with, mut suited) = tokio::task::block_in_place(|| {
            let post = lock(&self.office.post)?;
            let (with, is_begun, theirs) = (post.with(id)?, post.is_begun(id)?, post.theirs(id)?);
            drop(post);
            let suited = match (&with, theirs) {
                (Some(with), _) if is_begun => self.operators(with),
                (None, Some(theirs)) => self.operators_of(&theirs),
                _ => Vec::new(),
            };
            Ok::<_, Failure>((with, suited))
        })?;
        // With nobody to go to everything stays as it is.
        if suited.is_empty() {
            return Ok(());
        }
        suited.sort_by_key(|did| Some(did) == lost);
        let named = tokio::task::block_in_place(|| {
            lock(&self.office.post)?.settle(id, &|did| suited.contains(did), clock::now())
        })?;
        if named < PLACES_MAX.min(suited.len()) {
            self.make_queues(id, &suited).await?;
        }
        tokio::task::block_in_place(|| {
            let mut post = lock(&self.office.post)?;
            let reach = post.reach(id)?;
            let is_told = match &with {
                Some(_) => post.is_telling(id)? && post.tell_reach(id, clock::now())?,
                None => post.to_answer(id)?.is_some() && reach.is_some(),
            };
            if with.is_none() && is_told {
                post.expects_answer(id);
            }
            drop(post);
            if let Some(with) = &with {
                self.with_wallet(|wallet| wallet.set_reach(with, reach))?;
            }
            if is_told {
                self.office.written(id)?;
            }
            Ok(())
        })
    }

    /// An operator says that it has no queue of ours: where it had one a new one is made.
    pub(super) async fn mend_lost(&self, id: &Id, operator: &Did) -> Result<(), Failure> {
        let is_lost = tokio::task::block_in_place(|| lock(&self.office.post)?.lost(id, operator, clock::now()))?;
        match is_lost {
            true => {
                tracing::info!(%operator, "a mailbox of ours is lost");
                self.mend(id, Some(operator)).await
            }
            false => Ok(()),
        }
    }

    /// Empties every queue, and looks after them, for a person who asks.
    pub(super) async fn collect_and_mend(&self) -> super::emptying::Emptied {
        let emptied = self.collect_all(Queues::new()).await;
        if tokio::time::timeout(super::PREPARE, self.mend_all()).await.is_err() {
            tracing::debug!("not every mailbox was looked after in time");
        }
        emptied
    }
}
