//! The five changes, each with its proof at every bank and its times.

use super::cast::Part;
use super::ceremony::texts;
use super::crowd::Crowd;
use super::spread::Made;
use crate::clock;
use crate::error::Failure;
use crate::output::At;
use crate::population;
use crate::service::{Command, Effect, Target};
use credentials::sd_jwt::SdJwt;
use credentials::status::State;
use credentials::{Code, Problem};

impl Crowd<'_> {
    /// A new agency is on the list everywhere, and what it issues counts everywhere. Nobody gossips with whom they do not know, so
    /// it is given the list that admits it by hand, as its first one was.
    pub(super) async fn admit(&mut self) -> Result<(), Failure> {
        // Everybody has what there was before anything changes: what is measured is the change.
        let before = self.copy("citizen").await?;
        self.until_valid("before_admission", &before).await?;
        let newcomer = self.member(Part::Newcomer)?.clone();
        let edit = self.admission(&newcomer).await?;
        self.new_list("admit", &[edit]).await?;
        let first = self.member(Part::Identity)?.home.clone();
        self.counted.retain(|home| *home != newcomer.home);
        self.let_spread("admitted", &first).await?;
        self.import(&newcomer.home).await?;
        self.counted.push(newcomer.home.clone());
        let text = self.collect("newly", Part::Newcomer, population::CITIZEN).await?;
        self.until_valid("admitted", &text).await
    }

    /// An agency's key is followed by another: what the old one signed stays valid, and what the new one signs is.
    pub(super) async fn rotate(&mut self) -> Result<(), Failure> {
        let identity = self.member(Part::Identity)?.clone();
        let before = self.copy("citizen").await?;
        self.until_valid("before_rotation", &before).await?;
        self.nodes.run(&identity.home, &["keys", "rotate"]).await?;
        let card = self.card(&identity).await?;
        self.new_list("rotate", &[texts(&["--update", &card])]).await?;
        let first = self.homes(Part::Bank).first().cloned().unwrap_or_default();
        self.let_spread("rotated", &first).await?;
        let after = self.collect("later", Part::Identity, population::STRANGER).await?;
        let (old, new) = (key_of(&before)?, key_of(&after)?);
        if old == new {
            return Err(Failure::because(
                Problem::new(Code::UnknownKey, new),
                "the new key does not sign",
            ));
        }
        self.until_valid("old_key", &before).await?;
        self.until_valid("new_key", &after).await
    }

    /// A rogue issuer is off the list, and nothing it issued counts any more.
    pub(super) async fn delist(&mut self) -> Result<(), Failure> {
        let rogue = self.member(Part::Rogue)?.clone();
        let text = self.copy("neighbour").await?;
        self.until_valid("before_delisting", &text).await?;
        self.new_list("delist", &[texts(&["--remove", &rogue.did])]).await?;
        let first = self.homes(Part::Bank).first().cloned().unwrap_or_default();
        // It is still there, and may hold an old list as long as it likes.
        self.counted.retain(|home| *home != rogue.home);
        self.let_spread("delisted", &first).await?;
        self.all_answer("delisted", &text, "unknown_issuer").await
    }

    /// A credential is revoked at once, and no bank takes it any more.
    pub(super) async fn revoke(&mut self) -> Result<(), Failure> {
        let identity = self.member(Part::Identity)?.clone();
        let text = self.copy("citizen").await?;
        self.all_answer("before_revocation", &text, "valid").await?;
        let uri = status_of(&text)?;
        let revoke = Command::SetState {
            target: Target::Subject {
                number: population::CITIZEN.to_owned(),
            },
            state: State::Revoked,
            reason: "lost device".to_owned(),
        };
        self.rest().await;
        let began = clock::milliseconds();
        self.ask(&identity.home, &revoke).await?;
        let made = Made {
            began,
            acknowledged: clock::milliseconds(),
        };
        let status = self.ask(&identity.home, &Command::IssuerStatus).await?;
        let mut lists = status.at("lists").as_array().into_iter().flatten();
        let list = lists.find(|list| list.at("uri") == uri.as_str());
        let version = list.and_then(|list| list.at("version").as_u64());
        let version = version.ok_or_else(|| Problem::new(Code::StatusStale, &*uri))?;
        let effects = [Effect::Status { uri, version }];
        let banks = self.homes(Part::Bank);
        let spread = self.spread(&effects, &banks, made).await?;
        self.spread_told("revoked", spread)?;
        self.all_answer("revoked", &text, "revoked").await
    }
}

/// The name of the key that signed a credential.
fn key_of(text: &str) -> Result<String, Failure> {
    Ok(SdJwt::parse(text)?.kid().to_owned())
}

/// The list that a credential's status stands in.
fn status_of(text: &str) -> Result<String, Failure> {
    let status = SdJwt::parse(text)?.status();
    Ok(status.ok_or_else(|| Problem::new(Code::Malformed, "status"))?.uri)
}
