//! The demo's load without its order: everybody imports, offers, collects, asks, shows, suspends and revokes at once, each
//! command given again until it is answered.

mod checks;
mod holders;
mod issuers;

use super::Dice;
use super::kept::Kept;
use super::nodes::Nodes;
use crate::network::REGISTERS;
use node::population::{CARRIER, CITIZEN};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Kinds of work that go on beside each other.
pub(super) const LANES: usize = 4;
/// Rows of one import, and of one command of it.
const ROWS: usize = 12;
const ROWS_A_COMMAND: usize = 3;
/// Times that work is begun anew because a node that has just started lacks the status lists of others.
const ANEW: u32 = 400;
/// Fewest copies with which something is shown; with fewer, the type is collected first.
const COPIES_MIN: u64 = 3;

/// Issuer, type, its full name.
const ISSUES: [(&str, &str, &str); 6] = [
    ("identity", "C01", "urn:eudi:pid:1"),
    ("tax", "C02", "urn:bevis:MonthlyIncome:1"),
    ("tax", "C03", "urn:bevis:TaxAssessmentSummary:1"),
    ("loans", "C04", "urn:bevis:StudentLoanBalance:1"),
    ("guarantor", "C05", "urn:bevis:TransportLicenceGuarantee:1"),
    ("registry", "C06", "urn:bevis:CompanyRegistration:1"),
];
/// Asker, wallet, service, type that is shown, the customer.
type Asks = (&'static str, &'static str, &'static str, &'static str, &'static str);
const ASKS: [Asks; 4] = [
    ("bank", "citizen", "S01", "C02", CITIZEN),
    ("bank", "citizen", "S15", "C04", CITIZEN),
    ("bank", "company", "K01", "C06", CARRIER),
    ("roads", "company", "S09", "C05", CARRIER),
];

/// Refusals that pass by themselves: a node that has just started lacks the lists of others for some moments, and a
/// request that was begun before a kill may have come to its end without us.
const PASSING: [&str; 5] = [
    "status_missing",
    "status_stale",
    "unknown_session",
    "not_found",
    "copies_spent",
];

/// A register, its rows in the order of its file; those of the cast first.
pub(super) struct Register {
    issuer: &'static str,
    credential_type: &'static str,
    rows: Vec<String>,
    cast: usize,
}

impl Register {
    pub(super) fn read(folder: &Path) -> Vec<Register> {
        let read = |(issuer, credential_type, _): &(&'static str, &'static str, &str)| {
            let (_, file) = REGISTERS
                .iter()
                .find(|(id, _)| id == credential_type)
                .expect("a register");
            let file = std::fs::read_to_string(folder.join(file)).expect("reads");
            let is_cast = |row: &String| row.contains(CITIZEN) || row.contains(CARRIER);
            let (mut rows, others): (Vec<String>, Vec<String>) = file.lines().map(str::to_owned).partition(is_cast);
            let cast = rows.len();
            assert!(cast > 0, "the cast is in {credential_type}");
            rows.extend(others);
            Register {
                issuer,
                credential_type,
                rows,
                cast,
            }
        };
        ISSUES.iter().map(read).collect()
    }
}

fn issuer_of(credential_type: &str) -> &'static str {
    ISSUES
        .iter()
        .find(|(_, id, _)| *id == credential_type)
        .expect("a type")
        .0
}

fn full_name(credential_type: &str) -> &'static str {
    ISSUES
        .iter()
        .find(|(_, id, _)| *id == credential_type)
        .expect("a type")
        .2
}

/// All of it, with what was acknowledged.
pub(super) struct Load<'a> {
    nodes: &'a Nodes,
    registers: &'a [Register],
    kept: Mutex<Kept>,
    /// How far each register was imported.
    imported: Mutex<BTreeMap<&'static str, usize>>,
    number: Mutex<u64>,
}

impl<'a> Load<'a> {
    pub(super) fn new(nodes: &'a Nodes, registers: &'a [Register]) -> Load<'a> {
        Load {
            nodes,
            registers,
            kept: Mutex::default(),
            imported: Mutex::default(),
            number: Mutex::default(),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn into_kept(self) -> Kept {
        let mut kept = self.kept.into_inner().unwrap_or_else(PoisonError::into_inner);
        (kept.again, kept.longest_ms) = self.nodes.repeated();
        kept
    }

    fn unique(&self) -> u64 {
        let mut number = self.number.lock().unwrap_or_else(PoisonError::into_inner);
        *number += 1;
        *number
    }

    /// The registers with the cast, and what the cast holds in the story.
    pub(super) fn begin(&self) {
        for register in self.registers {
            self.import(register, register.cast);
        }
        self.collect("citizen", "C01");
        for credential_type in ["C02", "C03", "C04"] {
            self.collect("citizen", credential_type);
        }
        self.collect("company", "C06");
        self.collect("company", "C05");
    }

    /// One kind of work until the load ends; what concerns the node `focus` comes first.
    pub(super) fn lane(&self, lane: usize, focus: &str, mut dice: Dice) {
        match lane {
            0 => {
                let types = ["C02", "C03", "C04"];
                let chosen = types[dice.roll(3) as usize];
                match focus {
                    "identity" => self.collect("citizen", "C01"),
                    "loans" => self.collect("citizen", "C04"),
                    "tax" => self.collect("citizen", types[dice.roll(2) as usize]),
                    _ => self.collect("citizen", chosen),
                }
                self.asks(|dice| dice.roll(2) as usize, &mut dice);
            }
            1 => {
                match focus {
                    "guarantor" => self.collect("company", "C05"),
                    "registry" => self.collect("company", "C06"),
                    _ => {}
                }
                let only = ASKS
                    .iter()
                    .position(|(asker, ..)| *asker == focus)
                    .filter(|at| *at >= 2);
                self.asks(|dice| only.unwrap_or(2 + dice.roll(2) as usize), &mut dice);
            }
            2 => {
                let all = self.registers.len();
                let of_focus: Vec<usize> = (0..all).filter(|at| self.registers[*at].issuer == focus).collect();
                while !self.nodes.is_ending() {
                    let any = dice.roll(all as u64) as usize;
                    let at = match of_focus.len() {
                        0 => any,
                        count if dice.roll(2) == 0 => of_focus[dice.roll(count as u64) as usize],
                        _ => any,
                    };
                    self.import(&self.registers[at], ROWS);
                }
            }
            _ => {
                while !self.nodes.is_ending() {
                    match dice.roll(3) {
                        0 => self.change_state(dice.roll(3)),
                        1 => self.offer(&mut dice),
                        _ => {
                            // Nobody answers these; they must be there as long as they may be answered.
                            self.request(&ASKS[dice.roll(4) as usize]);
                        }
                    }
                }
            }
        }
    }

    fn asks(&self, mut which: impl FnMut(&mut Dice) -> usize, dice: &mut Dice) {
        while !self.nodes.is_ending() {
            let asks = &ASKS[which(dice)];
            let (_, wallet, _, credential_type, _) = *asks;
            if self.copies_left(wallet, credential_type) < COPIES_MIN {
                self.collect(wallet, credential_type);
            }
            self.show(asks);
        }
    }
}
