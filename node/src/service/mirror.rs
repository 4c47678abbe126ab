//! Mirrors whole status lists by the clock, never because a presentation arrived: signed heads first, then lists by hash.

use super::{Service, lock};
use crate::clock;
use crate::network::{Protocol, Secret32};
use credentials::protocol::{self, status};
use credentials::status::{Head, LIST_MAX};
use credentials::{Code, Did, Problem};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// How soon an issuer that did not answer is tried again while it has never been mirrored.
const RETRY: Duration = Duration::from_secs(1);

pub(super) async fn run(service: Arc<Service>) {
    let every = Duration::from_secs(u64::from(service.config().status.every_seconds));
    loop {
        let complete = service.refresh_mirror().await;
        let pause = if complete { every } else { RETRY.min(every) };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = service.wake_mirror.notified() => {}
        }
    }
}

impl Service {
    /// Fetches the heads of every issuer that concerns us, and the lists that are new. True when all of them answered or
    /// had been mirrored before.
    pub async fn refresh_mirror(self: &Arc<Service>) -> bool {
        let mut tasks = tokio::task::JoinSet::new();
        for issuer in self.issuers_of_interest() {
            let service = self.clone();
            tasks.spawn(async move {
                let result = service.mirror_issuer(&issuer).await;
                service.note_mirrored(&issuer, result.as_ref().err().map(|problem| problem.code));
                result.is_ok() || service.has_head(&issuer)
            });
        }
        let mut complete = true;
        while let Some(done) = tasks.join_next().await {
            complete &= done.unwrap_or(false);
        }
        if self.wallet.is_some() {
            self.tell_wallet();
        }
        complete
    }

    /// The wallet keeps what the lists say of its copies: it shows people the state, and selects none that is revoked.
    fn tell_wallet(&self) {
        let Ok(mirror) = lock(&self.mirror) else { return };
        match self.with_wallet(|wallet| wallet.note_status(clock::now(), &*mirror)) {
            Ok(Ok(changed)) if !changed.is_empty() => {
                tracing::info!(count = changed.len(), "credentials changed state")
            }
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "status of held credentials"),
            Err(problem) => tracing::warn!(%problem, "status of held credentials"),
        }
    }

    /// Remembers how an issuer's status fares, for `doctor`; the log tells when that changes, not each time.
    fn note_mirrored(&self, issuer: &Did, failed: Option<Code>) {
        let Ok(mut unmirrored) = lock(&self.unmirrored) else {
            return;
        };
        let before = match failed {
            Some(code) => unmirrored.insert(issuer.clone(), code),
            None => unmirrored.remove(issuer),
        };
        match failed {
            Some(code) if before != failed => tracing::info!(%issuer, %code, "status not fetched"),
            Some(code) => tracing::debug!(%issuer, %code, "status not fetched"),
            None => {}
        }
    }

    fn has_head(&self, issuer: &Did) -> bool {
        lock(&self.mirror).is_ok_and(|mirror| mirror.heads().iter().any(|head| &head.issuer == issuer))
    }

    /// Issuers of the types we may ask for (organisations), or of what we hold (wallets).
    fn issuers_of_interest(&self) -> BTreeSet<Did> {
        let Some(trust) = self.trust() else {
            return BTreeSet::new();
        };
        let all = &trust.document().organisations;
        let own = self.keys.organisation().map(|key| &key.did);
        if let Some(own) = own {
            let asked: BTreeSet<&str> = trust
                .organisation(own)
                .into_iter()
                .flat_map(|o| &o.services)
                .flat_map(|s| &s.may_ask)
                .map(|m| m.vct.as_str())
                .collect();
            let issuers = all
                .iter()
                .filter(|o| o.issues.iter().any(|vct| asked.contains(vct.as_str())));
            return issuers.map(|o| o.did.clone()).filter(|did| did != own).collect();
        }
        let Ok(mirror) = lock(&self.mirror) else {
            return BTreeSet::new();
        };
        match self.with_wallet(|wallet| wallet.credentials(clock::now(), &*mirror)) {
            Ok(Ok(held)) => held
                .into_iter()
                .map(|h| h.issuer)
                .filter(|did| trust.organisation(did).is_some())
                .collect(),
            _ => BTreeSet::new(),
        }
    }

    async fn mirror_issuer(&self, issuer: &Did) -> Result<(), Problem> {
        let identity = match self.keys.organisation() {
            Some(_) => None,
            None => Some(Secret32::new(
                self.with_wallet(|wallet| wallet.relation(issuer))?
                    .map_err(|_| Code::Internal)?,
            )),
        };
        let head = match self.ask_status(issuer, identity.as_ref(), &status::Ask::Head).await? {
            status::Reply::Head { head } => head,
            status::Reply::Problem(problem) => return Err(problem),
            status::Reply::Chunk { .. } => return Err(Code::UnexpectedMessage.into()),
        };
        let trust = self.trust().ok_or(Code::TrustMissing)?;
        let head = Head::open(&head, &trust, clock::now())?;
        if &head.issuer != issuer {
            return Err(Code::UnknownIssuer.into());
        }
        let wanted = lock(&self.mirror)?.head(head)?;
        let mut changed = wanted.is_empty();
        for list in wanted {
            let text = self
                .fetch_list(issuer, identity.as_ref(), &list.hash, list.size)
                .await?;
            let trust = self.trust().ok_or(Code::TrustMissing)?;
            tokio::task::block_in_place(|| lock(&self.mirror)?.list(&text, &trust, clock::now()))?;
            changed = true;
        }
        if changed {
            self.mirrored
                .send_modify(|revision| *revision = revision.saturating_add(1));
        }
        Ok(())
    }

    async fn fetch_list(
        &self,
        issuer: &Did,
        identity: Option<&Secret32>,
        hash: &str,
        size: u32,
    ) -> Result<String, Problem> {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        if size > LIST_MAX {
            return Err(Problem::new(Code::TooLarge, "status list"));
        }
        let mut text = Vec::new();
        while text.len() < size {
            let offset = u32::try_from(text.len()).unwrap_or(u32::MAX);
            let ask = status::Ask::Chunk {
                hash: hash.to_owned(),
                offset,
            };
            match self.ask_status(issuer, identity, &ask).await? {
                status::Reply::Chunk { bytes, total } => {
                    let fits = usize::try_from(total).is_ok_and(|t| t == size) && text.len() + bytes.len() <= size;
                    if bytes.is_empty() || !fits {
                        return Err(Problem::new(Code::Malformed, "status list"));
                    }
                    text.extend(bytes);
                }
                status::Reply::Problem(problem) => return Err(problem),
                status::Reply::Head { .. } => return Err(Code::UnexpectedMessage.into()),
            }
        }
        String::from_utf8(text).map_err(|_| Problem::new(Code::Malformed, "status list"))
    }

    async fn ask_status(
        &self,
        issuer: &Did,
        identity: Option<&Secret32>,
        ask: &status::Ask,
    ) -> Result<status::Reply, Problem> {
        let body = protocol::encode(ask)?;
        let (_, reply) = self.ask(issuer, identity.cloned(), Protocol::Status, body).await?;
        protocol::decode(&reply, status::LIMIT)
    }
}
