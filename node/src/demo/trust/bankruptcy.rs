//! A company goes bankrupt: the register's notice, signed by two keys in two homes, reaches every bank, and only those act whose
//! customer it is.

use super::cast::Part;
use super::crowd::Crowd;
use super::spread::Made;
use crate::clock;
use crate::error::Failure;
use crate::home;
use crate::output::At;
use crate::population;
use crate::service::{Command, Effect, Notice};
use credentials::{Code, Did, Problem};
use serde_json::json;
use std::path::Path;

/// Name of the home that holds the register's second key: it is no node.
pub(super) const SECOND: &str = "second-key";
/// Number of the first notice of a register.
const FIRST: u64 = 1;

impl Crowd<'_> {
    /// Makes the home of the register's second key from the register's card, and adds that key to the card.
    pub(super) async fn second_key(&self, card: &Path) -> Result<(), Failure> {
        let root = self.bundle.display().to_string();
        let card = card.display().to_string();
        let init = ["init", "--second-key", &card, "--root", &root, "--profile", "test"];
        self.nodes.run(SECOND, &init).await?;
        self.nodes.run(SECOND, &["keys", "join", &card]).await.map(drop)
    }

    /// Half of the banks have the company as a customer; another company is everybody's.
    async fn customers(&self) -> Result<Vec<String>, Failure> {
        let mut concerned = Vec::new();
        for (place, bank) in self.homes(Part::Bank).into_iter().enumerate() {
            let mut lines = vec![population::CARRIER.to_owned()];
            if place % 2 == 0 {
                lines.push(population::STRANGER_COMPANY.to_owned());
                concerned.push(bank.clone());
            }
            let what = Notice::Customers {
                first: 1,
                lines,
                remove: false,
            };
            self.ask(&bank, &Command::Notice { what }).await?;
        }
        Ok(concerned)
    }

    /// The notice goes out, and every bank deals with it.
    pub(super) async fn bankrupt(&mut self) -> Result<(), Failure> {
        let concerned = self.customers().await?;
        let register = self.member(Part::Register)?.clone();
        self.import(SECOND).await?;
        let subject = json!({
            "type": "aapning", "boType": "konkurs", "kjennelsesdato": clock::now().day().date(),
            "domstol": "Syntetisk tingrett", "gjelderVarsel": null,
            "debitor": { "organisasjonsnummer": population::STRANGER_COMPANY, "navn": "TOMT SKALL AS" },
        });
        let path = self.file("notice-subject.json");
        home::write(&path, subject.to_string().as_bytes())?;
        let subject = path.display().to_string();
        let paper = self.file("notice.json").display().to_string();
        self.nodes
            .run(
                &register.home,
                &["issuer", "notice", "draft", &subject, "--out", &paper],
            )
            .await?;
        for home in [register.home.as_str(), SECOND] {
            self.nodes
                .run(home, &["--yes", "issuer", "notice", "sign", &paper])
                .await?;
        }
        let text = std::fs::read_to_string(&paper).map_err(|e| Failure::file(Path::new(&paper), &e))?;
        let publish = Command::Notice {
            what: Notice::Publish { text },
        };
        self.rest().await;
        let began = clock::milliseconds();
        self.ask(&register.home, &publish).await?;
        let made = Made {
            began,
            acknowledged: clock::milliseconds(),
        };
        let did = Did::parse(&register.did).ok_or(Code::Internal)?;
        let effects = [Effect::Notice {
            register: did,
            number: FIRST,
        }];
        let banks = self.homes(Part::Bank);
        let spread = self.spread(&effects, &banks, made).await?;
        self.spread_told("bankrupt", spread)?;
        self.all_act(&banks, &concerned).await
    }

    /// Exactly the banks that are concerned have blocked exactly that customer.
    async fn all_act(&self, banks: &[String], concerned: &[String]) -> Result<(), Failure> {
        for bank in banks {
            let received = Command::Notice { what: Notice::Received };
            let said = self.ask(bank, &received).await?;
            let matches: Vec<(&str, &str)> = said
                .at("matches")
                .as_array()
                .into_iter()
                .flatten()
                .map(|found| {
                    let text = |name: &str| found.at(name).as_str().unwrap_or_default();
                    (text("customer"), text("state"))
                })
                .collect();
            let wanted: &[(&str, &str)] = match concerned.contains(bank) {
                true => &[(population::STRANGER_COMPANY, "blocked")],
                false => &[],
            };
            if matches != wanted {
                let cause = format!("{} customers are concerned", matches.len());
                return Err(Failure::because(Problem::new(Code::Internal, bank.as_str()), cause));
            }
        }
        let facts = json!({ "banks": concerned.len(), "others": banks.len().saturating_sub(concerned.len()) });
        self.teller.tell("matched", "demo", facts, json!({}));
        Ok(())
    }
}
