//! Machines that run, end and begin again, and what their nodes do by the clock.

use super::{Event, World};
use crate::cast::{self, MACHINES, Who};
use crate::disk::End;
use crate::observer::{Checked, KEPT, broken};
use credentials::time::DAY;

impl World {
    /// Whether a machine's disk died under it; then its process is gone, and what it was about to say with it.
    pub(crate) fn has_died(&mut self, who: Who) -> bool {
        if !self.machine(who).disk.is_dead() {
            return false;
        }
        self.count("crashes between two writes");
        self.crash(who);
        true
    }

    /// A process ends now, and begins again in a while.
    pub(crate) fn crash(&mut self, who: Who) {
        let end = if self.dice.chance(60) { End::Power } else { End::Process };
        self.count(if end == End::Power {
            "power cuts"
        } else {
            "processes killed"
        });
        self.note(&format!("{} ends", cast::name(who)));
        self.machine(who).end(end);
        let (lost, torn) = self.machine(who).disk.losses();
        for (what, times) in [("unsynced writes lost", lost), ("unsynced writes torn", torn)] {
            let count = self.counts.entry(what).or_insert(0);
            *count = count.saturating_add(times);
        }
        let delay = if self.calm { 0 } else { self.dice.between(1, 90) };
        self.after(delay, Event::Begin { who });
    }

    pub(super) fn begin_all(&mut self) -> Checked {
        for who in MACHINES {
            if self.machine(who).running.is_none() {
                self.begin(who)?;
            }
        }
        Ok(())
    }

    /// A machine begins; one that cannot for want of room or because it is killed again tries later.
    pub(crate) fn begin(&mut self, who: Who) -> Checked {
        if self.machine(who).running.is_some() {
            return Ok(());
        }
        if !self.calm && self.dice.chance(12) {
            let changes = self.dice.below(6);
            self.machine(who).disk.die_after(changes);
        }
        let cast = self.cast.clone();
        self.machine(who).disk.take_trouble();
        let begun = self.machine(who).begin(&cast);
        let died = self.has_died(who);
        let troubled = self.machine(who).disk.take_trouble();
        match begun {
            _ if died => return Ok(()),
            Ok(()) => {}
            Err(_) if troubled => {
                self.machine(who).end(End::Process);
                self.after(20, Event::Begin { who });
                return Ok(());
            }
            Err(error) => return broken(KEPT, format!("{} does not begin again: {}", cast::name(who), error.0)),
        }
        self.note(&format!("{} begins", cast::name(who)));
        if self.machine(who).life > 0 {
            self.count("begun again");
        }
        self.check_after(who, None, true)?;
        if !cast::is_wallet(who) {
            return Ok(());
        }
        self.resume(who)
    }

    /// What a node does when it begins and from time to time.
    pub(crate) fn resume(&mut self, who: Who) -> Checked {
        self.ask_wallet(who, false, |wallet, now| {
            let threads = wallet.resume(now);
            threads.into_iter().flat_map(|(_, steps)| steps).collect()
        })
    }

    pub(crate) fn tick(&mut self, who: Who) -> Checked {
        let now = self.clock_of(who);
        let machine = self.machine(who);
        // A tick that fails for want of room does its work the next time.
        if let Some(issuer) = machine.issuer() {
            let _later = issuer.tick(now);
        }
        if let Some(verifier) = machine.verifier() {
            let _later = verifier.tick(now);
        }
        if self.has_died(who) {
            return Ok(());
        }
        self.check(who, None)
    }

    pub(crate) fn take_trust(&mut self, who: Who, version: usize) -> Checked {
        let cast = self.cast.clone();
        // Signed now, by the anchors' right clock.
        let Some(bundle) = cast.bundle(version, self.now) else {
            return Ok(());
        };
        let now = self.clock_of(who);
        let taken = self.machine(who).take_trust(&cast, &bundle, now);
        if self.has_died(who) {
            return Ok(());
        }
        match taken {
            Ok(true) => self.count("trust documents taken"),
            Ok(false) => self.count("trust documents not newer"),
            Err(_) => {}
        }
        self.check(who, None)
    }

    /// A newer head for whoever has one that runs out within half a day.
    pub(crate) fn renew_heads(&mut self) -> Checked {
        for who in MACHINES {
            let now = self.clock_of(who);
            let running = self.machine(who).running.as_ref();
            let Some(trust) = running.and_then(|running| running.trust.as_ref()) else {
                continue;
            };
            if trust.head_expires().since(now) < DAY / 2 {
                let version = trust.sequence().saturating_sub(1);
                self.take_trust(who, usize::try_from(version).unwrap_or(usize::MAX))?;
            }
        }
        Ok(())
    }

    /// Machines are up, disks have room, clocks are right, nothing is lost from here on.
    pub(crate) fn becalm(&mut self) -> Checked {
        self.calm = true;
        self.parted.clear();
        for who in MACHINES {
            let machine = self.machine(who);
            machine.disk.mend();
            machine.skew = 0;
        }
        self.queue
            .retain(|_, event| !matches!(event, Event::Life | Event::Decide { .. } | Event::Link { .. }));
        self.begin_all()?;
        self.drain()?;
        self.begin_all()
    }
}
