//! Mirrors of the issuers' lists: a head, then the lists that are new, as every node does it.

use super::{For, Protocol};
use crate::cast::{self, Who};
use crate::observer::Checked;
use crate::world::World;
use credentials::protocol::{self, status};
use credentials::status::{Head, ListVersion};

impl World {
    /// Asks an issuer for its head, by the clock and never because of a presentation.
    pub(crate) fn mirror(&mut self, who: Who, issuer: Who) {
        let is_up = self.machine(who).running.is_some();
        if is_up
            && who != issuer
            && let Ok(body) = protocol::encode(&status::Ask::Head)
        {
            self.send(who, issuer, Protocol::Status, body, For::Head);
        }
    }

    pub(super) fn fetch(&mut self, who: Who, issuer: Who, list: ListVersion, text: Vec<u8>) {
        let ask = status::Ask::Chunk {
            hash: list.hash.clone(),
            offset: text.len() as u32,
        };
        if let Ok(body) = protocol::encode(&ask) {
            self.send(who, issuer, Protocol::Status, body, For::List(list, text));
        }
    }

    pub(super) fn take_head(&mut self, who: Who, issuer: Who, head: &str) -> Vec<ListVersion> {
        let clock = self.clock_of(who);
        let did = self.cast.did(issuer).clone();
        let Some(running) = &mut self.machine(who).running else {
            return Vec::new();
        };
        let Some(trust) = &running.trust else { return Vec::new() };
        let opened = Head::open(head, trust, clock).ok().filter(|head| head.issuer == did);
        let taken = opened.map(|_| running.mirror.head(head, trust, clock));
        match taken {
            Some(Ok(heard)) => heard.wanted.into_iter().map(|wanted| wanted.list).collect(),
            Some(Err(_)) => {
                self.count("heads refused as older");
                Vec::new()
            }
            None => Vec::new(),
        }
    }

    /// Checks the mirror, and tells a wallet what it says.
    pub(super) fn mirror_changed(&mut self, who: Who) -> Checked {
        let machine = self.machine(who);
        let life = machine.life;
        if let Some(running) = self.machines.get(who).and_then(|machine| machine.running.as_ref()) {
            self.observer.mirrored(who, life, &running.mirror)?;
        }
        if !cast::is_wallet(who) {
            return Ok(());
        }
        let now = self.clock_of(who);
        let machine = self.machine(who);
        if let Some(running) = &mut machine.running
            && let crate::machine::Role::Wallet(wallet) = &mut running.role
        {
            // What could not be written is noted with the next list.
            let _changed = wallet.note_status(now, &running.mirror);
        }
        if self.has_died(who) {
            return Ok(());
        }
        self.check(who, None)
    }
}
