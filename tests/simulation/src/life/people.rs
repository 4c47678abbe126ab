//! What persons do with their wallets: take links to them, read what is asked, say yes or no, and do it all again.

use crate::cast::{self, WALLETS, Who};
use crate::observer::{Checked, KEPT, OVER_ASK, broken, ensure};
use crate::world::{Event, World};
use credentials::{Code, Problem};
use wallet::PendingState;

impl World {
    /// A person takes a link to a wallet; one of them always does so twice.
    pub(crate) fn hand(&mut self, who: Who, link: usize, code: Option<String>) {
        let delay = if self.calm { 0 } else { self.dice.between(0, 8) };
        let event = Event::Link { who, link, code };
        if who == cast::REPEATER && !self.calm {
            let again = self.dice.between(0, 40);
            self.after(again, event.clone());
        }
        self.after(delay, event);
    }

    pub(crate) fn give_link(&mut self, who: Who, link: usize, code: Option<&str>) -> Checked {
        let Some(link) = self.links.get(link).cloned() else {
            return Ok(());
        };
        let parsed = credentials::link::Link::parse(&link.text).or_else(|problem| broken(KEPT, problem))?;
        if let Some(too_much) = link.too_much {
            self.awaited.insert((who, too_much));
        }
        self.command(who, |wallet, now| wallet.receive_link(now, &parsed, code))
    }

    /// A command of a wallet was refused; where too much was asked, the refusal names it.
    pub(crate) fn refused(&mut self, who: Who, problem: &Problem) -> Checked {
        if problem.code != Code::OverAsk {
            return Ok(());
        }
        let names = |too_much: &str| is_over_ask(problem, too_much).is_ok();
        let is_awaited = self
            .awaited
            .iter()
            .any(|(wallet, too_much)| *wallet == who && names(too_much));
        ensure(is_awaited, OVER_ASK, || {
            format!("{} refused with {problem} what is registered", cast::name(who))
        })
    }

    /// A link is taken to a wallet once more, or to another one.
    pub(super) fn link_again(&mut self) -> Checked {
        let recent = self.links.len().saturating_sub(8);
        let link = recent.saturating_add(self.dice.index(self.links.len().saturating_sub(recent)));
        let code = self.links.get(link).and_then(|link| link.code.clone());
        let who = self.any(&WALLETS);
        // A letter with a code is opened by the person it is for; the offer's subject decides whose data it brings.
        if code.is_some() {
            return Ok(());
        }
        self.count("links used again");
        self.give_link(who, link, None)
    }

    /// The requests that wait in a wallet, as its person sees them.
    pub(super) fn waiting(&mut self, who: Who) -> Vec<wallet::Pending> {
        let now = self.clock_of(who);
        let wallet = self.machine(who).wallet();
        wallet.and_then(|wallet| wallet.pending(now).ok()).unwrap_or_default()
    }

    pub(super) fn decide_again(&mut self) -> Checked {
        let who = self.any(&WALLETS);
        let pending = self.waiting(who);
        let Some(pending) = self.dice.pick(&pending).cloned() else {
            return Ok(());
        };
        if pending.state != PendingState::Waiting {
            self.count("decided again");
        }
        self.decide(who, &pending.id)
    }

    /// A person reads a request and says yes or no.
    pub(crate) fn decide(&mut self, who: Who, id: &str) -> Checked {
        let says_yes = self.calm || self.dice.chance(88);
        if says_yes {
            self.say_yes(who, id)
        } else {
            self.command(who, |wallet, now| wallet.refuse(now, id))
        }
    }

    pub(super) fn say_yes(&mut self, who: Who, id: &str) -> Checked {
        let Some(pending) = self.waiting(who).into_iter().find(|pending| pending.id == id) else {
            return Ok(());
        };
        let now = self.clock_of(who);
        let text = self.machine(who).wallet().map(|wallet| wallet.text(now, id, "nb"));
        if self.has_died(who) || !matches!(text, Some(Ok(_))) {
            return Ok(());
        }
        self.observer.person_says_yes(who, &pending.case);
        self.count("said yes");
        self.command(who, |wallet, now| wallet.present(now, id, "nb"))?;
        if who == cast::REPEATER && !self.calm {
            return self.command(who, |wallet, now| wallet.present(now, id, "nb"));
        }
        Ok(())
    }

    /// Every request that waits is decided; what cannot be answered is declined.
    pub(crate) fn decide_all(&mut self, who: Who) -> Checked {
        for pending in self.waiting(who) {
            if pending.state != PendingState::Waiting {
                continue;
            }
            if pending.can_answer {
                self.say_yes(who, &pending.id)?;
            } else {
                self.command(who, |wallet, now| wallet.refuse(now, &pending.id))?;
            }
        }
        Ok(())
    }
}

/// The refusal is that too much was asked, and says what.
pub(super) fn is_over_ask(problem: &Problem, too_much: &str) -> Checked {
    let is_named = problem
        .detail
        .as_deref()
        .is_some_and(|detail| detail.contains(too_much));
    ensure(problem.code == Code::OverAsk && is_named, OVER_ASK, || {
        format!("refused with {problem} and not for {too_much}")
    })
}
