//! Everybody at work: processes, the way to each, and what all of them know of a change.

use super::cast::{Member, Part};
use super::memory;
use super::spread::{Made, Spread};
use crate::args::TrustDemo;
use crate::control::Client;
use crate::demo::hostile::Stranger;
use crate::demo::nodes::Nodes;
use crate::demo::teller::Teller;
use crate::error::Failure;
use crate::home::Home;
use crate::output::At;
use crate::service::{Command, Effect};
use credentials::{Code, Problem};
use futures::future::join_all;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// Longest wait for a change to reach a node, in seconds: what the network promises after a cut has healed.
const REACHED_SECONDS: u32 = 60;
/// How long nodes are left alone with a change before they are asked when they had it, which each has noted by itself.
const LEFT_ALONE: Duration = Duration::from_secs(2);
/// Commands that are asked of different nodes at once, where how long each takes is not measured: more would only wait.
const AT_ONCE: usize = 16;

/// The running story.
pub(super) struct Crowd<'a> {
    pub(super) nodes: Nodes,
    pub(super) teller: Teller<'a>,
    pub(super) demo: &'a TrustDemo,
    /// Everybody, anchors first.
    pub(super) members: Vec<Member>,
    /// Homes whose nodes run and are counted.
    pub(super) counted: Vec<String>,
    /// Those that lie, in a process of their own.
    pub(super) liars: Option<Stranger>,
    /// The bundle in force.
    pub(super) bundle: PathBuf,
    /// What was measured, for the table at the end.
    pub(super) table: Vec<(&'static str, Spread)>,
}

impl<'a> Crowd<'a> {
    pub(super) fn new(nodes: Nodes, teller: Teller<'a>, members: Vec<Member>, demo: &'a TrustDemo) -> Crowd<'a> {
        Crowd {
            nodes,
            teller,
            demo,
            members,
            counted: Vec::new(),
            liars: None,
            bundle: PathBuf::new(),
            table: Vec::new(),
        }
    }

    /// The story.
    pub(super) async fn tell(&mut self) -> Result<(), Failure> {
        self.teller.begin(1);
        self.found().await?;
        self.tell_memory("began");
        self.teller.begin(2);
        self.admit().await?;
        self.teller.begin(3);
        self.rotate().await?;
        self.teller.begin(4);
        self.delist().await?;
        self.teller.begin(5);
        self.revoke().await?;
        self.teller.begin(6);
        self.bankrupt().await?;
        self.teller.begin(7);
        self.tell_table();
        self.tell_memory("ended");
        self.nodes.all_alive()
    }

    /// The first with this part.
    pub(super) fn member(&self, part: Part) -> Result<&Member, Failure> {
        let found = self.members.iter().find(|member| member.part == part);
        found.ok_or_else(|| Failure::because(Code::Internal, "the cast is incomplete"))
    }

    /// Homes of those with this part.
    pub(super) fn homes(&self, part: Part) -> Vec<String> {
        let found = self.members.iter().filter(|member| member.part == part);
        found.map(|member| member.home.clone()).collect()
    }

    /// A file among those of the story.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.nodes.secrets().join(name)
    }

    /// Has the running node of a home do something.
    pub(super) async fn ask(&self, home: &str, command: &Command) -> Result<Value, Failure> {
        let gone = || Failure::from(Problem::new(Code::Unreachable, home));
        let mut client = Client::connect(&Home::at(&self.nodes.home(home))?)
            .await?
            .ok_or_else(gone)?;
        client.execute(command).await
    }

    /// Waits until something is in effect at these nodes, and measures from when it was made.
    pub(super) async fn spread(&self, effects: &[Effect], homes: &[String], made: Made) -> Result<Spread, Failure> {
        tokio::time::sleep(LEFT_ALONE).await;
        let mut spread = Spread::of(made);
        let waiting = homes.iter().map(|home| async move {
            let mut latest = Some(0);
            for effect in effects {
                let seen = Command::Seen {
                    effect: effect.clone(),
                    wait_seconds: REACHED_SECONDS,
                };
                let at = self.ask(home, &seen).await?.at("at_ms").as_u64();
                latest = latest.and_then(|latest: u64| at.map(|at| latest.max(at)));
            }
            Ok::<_, Failure>(latest)
        });
        for at in join_all(waiting).await {
            match at? {
                Some(at) => spread.saw(at),
                None => spread.missed(),
            }
        }
        Ok(spread)
    }

    /// Tells how a change spread; a node that never got it ends the story.
    pub(super) fn spread_told(&mut self, what: &'static str, spread: Spread) -> Result<(), Failure> {
        self.teller
            .tell("spread", "demo", json!({ "what": what }), spread.to_value());
        let is_whole = spread.is_whole();
        self.table.push((what, spread));
        if is_whole {
            return Ok(());
        }
        Err(Failure::because(
            Problem::new(Code::Unreachable, what),
            "not every node got it in time",
        ))
    }

    /// What every bank says of a credential by itself, and how many say so: `valid`, or the code.
    pub(super) async fn answers(&self, text: &str) -> Result<BTreeMap<String, usize>, Failure> {
        let mut said = BTreeMap::new();
        let banks: Vec<String> = self.homes(Part::Bank);
        for banks in banks.chunks(AT_ONCE) {
            let checks = banks.iter().map(|bank| async move {
                let text = text.to_owned();
                self.ask(bank, &Command::VerifierCheck { text }).await
            });
            for report in join_all(checks).await {
                let report = report?;
                let code = report.at("code").as_str().or(report.at("verdict").as_str());
                let count: &mut usize = said.entry(code.unwrap_or_default().to_owned()).or_default();
                *count = count.saturating_add(1);
            }
        }
        Ok(said)
    }

    /// Every bank must answer exactly this.
    pub(super) async fn all_answer(&self, what: &str, text: &str, wanted: &str) -> Result<(), Failure> {
        let said = self.answers(text).await?;
        let banks = self.homes(Part::Bank).len();
        let facts = json!({
            "what": what, "banks": banks, "answer": wanted, "sentence": match wanted {
                "valid" => String::new(),
                code => self.teller.sentence(code),
            },
        });
        if said.len() == 1 && said.get(wanted) == Some(&banks) {
            self.teller.tell("answers", "demo", facts, json!({}));
            return Ok(());
        }
        Err(Failure::because(
            Problem::new(Code::Internal, what),
            format!("banks answer {said:?}, not {wanted}"),
        ))
    }

    fn tell_memory(&self, when: &str) {
        let pids = self.nodes.pids();
        for (role, part) in [("agency", "agency-"), ("bank", "bank-")] {
            let of_role: Vec<u32> = pids
                .iter()
                .filter(|(home, _)| home.starts_with(part))
                .filter_map(|(_, pid)| *pid)
                .collect();
            let memory = memory::of(&of_role);
            let run = json!({
                "resident_kib": memory.resident_kib, "proportional_kib": memory.proportional_kib,
                "all_mib": memory.all_kib / 1024,
            });
            let facts = json!({ "when": when, "role": role, "processes": of_role.len() });
            self.teller.tell("memory", "demo", facts, run);
        }
    }

    /// All that was measured side by side, for people.
    fn tell_table(&self) {
        if self.teller.output.json {
            return;
        }
        let catalogue = &self.teller.output.catalogue;
        let heading = |key: &str| catalogue.text(&format!("demo-trust-table-{key}"), &[]);
        let row = |what: &str, cells: [String; 6]| {
            let [nodes, half, most, nearly, all, begun] = cells;
            format!("  {what:<44} {nodes:>8} {half:>9} {most:>9} {nearly:>9} {all:>9} {begun:>20}")
        };
        let names = ["nodes", "half", "most", "nearly", "all", "begun"].map(heading);
        self.teller.output.data(&row(&heading("what"), names));
        for (what, spread) in &self.table {
            let text = |time: Option<u64>| time.map_or_else(|| "–".to_owned(), |ms| format!("{ms} ms"));
            let [half, most, nearly, all] = [50, 95, 99, 100].map(|share| text(spread.at(share)));
            let cells = [
                spread.seen().to_string(),
                half,
                most,
                nearly,
                all,
                text(spread.since_begun(99)),
            ];
            self.teller.output.data(&row(&heading(what), cells));
        }
    }
}
