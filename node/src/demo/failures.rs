//! Step 4: what must fail, fails, each beside its unaltered twin that is accepted.

use super::cast::{LENDER_DID, UNLISTED_DID};
use super::hostile::Stranger;
use super::story::{Ask, Story};
use crate::error::Failure;
use crate::output::At;
use crate::population::{self, CARRIER, CITIZEN, STRANGER, STRANGER_COMPANY};
use crate::{clock, home};
use credentials::time::DAY;
use credentials::{Code, Problem};
use serde_json::{Value, json};
use std::time::Duration;

/// How long a revocation may take to be mirrored: it comes by gossip, and where that fails by the next look at the issuer.
const MIRRORED: Duration = Duration::from_secs(60);
/// How often we look whether it is.
const LOOK: Duration = Duration::from_millis(100);

const INCOME: &str = "urn:bevis:MonthlyIncome:1";
const LOAN: &str = "urn:bevis:StudentLoanBalance:1";

/// Tells step 4.
pub(super) async fn tell(story: &Story<'_>, stranger: &mut Stranger) -> Result<(), Failure> {
    over_ask(story, stranger).await?;
    unlisted(story, stranger).await?;
    collect(story, stranger).await?;
    answers(story, stranger).await?;
    guarantees(story, stranger).await
}

/// What a node said must be exactly this.
fn must(node: &str, what: &str, wanted: &str, got: &str) -> Result<(), Failure> {
    if wanted == got {
        return Ok(());
    }
    // Whatever code it gave is the reason why the story cannot go on.
    let code = Code::parse(got).unwrap_or(Code::Internal);
    Err(Failure::because(
        Problem::new(code, node),
        format!("{what}: {got:?} instead of {wanted:?}"),
    ))
}

fn path(names: &[&str]) -> Value {
    names
        .iter()
        .map(|name| if *name == "[]" { Value::Null } else { json!(name) })
        .collect()
}

impl Story<'_> {
    fn refused(&self, node: &str, what: &str, code: &str, detail: &Value) {
        let facts = json!({ "what": what, "code": code, "sentence": self.teller.sentence(code), "detail": detail });
        self.teller.tell("refused", node, facts, json!({}));
    }

    fn accepted(&self, node: &str, what: &str) {
        self.teller.tell("accepted", node, json!({ "what": what }), json!({}));
    }
}

/// The student loan under the loan service: the honest bank's own node refuses to sign it, and the citizen's wallet refuses
/// it from a lender whose node does not care.
async fn over_ask(story: &Story<'_>, stranger: &mut Stranger) -> Result<(), Failure> {
    let arguments = [
        "verifier",
        "request",
        "--service",
        "S01",
        "--case",
        "LAN-2026-2",
        "--subject",
        "-",
        "--type",
        "C04",
    ];
    let said = story
        .nodes
        .try_run("bank", &arguments, Some(&format!("{CITIZEN}\n")))
        .await?;
    must("bank", "student loan under S01", "over_ask", &said.text("code"))?;
    story.refused("bank", "over_ask_own", "over_ask", said.value.at("detail"));

    let loan = json!({ "do": "ask", "service": "S01", "vct": LOAN, "claims": [path(&["TotalAmount", "amount"])] });
    let link = stranger.ask(loan).await?;
    let link = link.at("link").as_str().unwrap_or_default().to_owned();
    let said = story
        .nodes
        .try_run("citizen", &["wallet", "receive", &link], None)
        .await?;
    must("citizen", "student loan under S01", "over_ask", &said.text("code"))?;
    story.refused("citizen", "over_ask", "over_ask", said.value.at("detail"));

    let claims = json!([path(&["personidentifikator"]), path(&["derived", "sumKontantytelse"])]);
    let income = json!({ "do": "ask", "service": "S01", "vct": INCOME, "claims": claims });
    let link = stranger.ask(income).await?;
    let link = link.at("link").as_str().unwrap_or_default().to_owned();
    let said = story.nodes.run("citizen", &["wallet", "receive", &link]).await?;
    must("citizen", "income under S01", "waiting", &said.text("outcome"))?;
    story.accepted("citizen", "over_ask");
    // Waiting is all that happens by itself; the person says no here.
    let said = story
        .nodes
        .run("citizen", &["wallet", "refuse", &said.text("id")])
        .await?;
    must("citizen", "refusal", "refused", &said.text("outcome"))
}

/// A bank that nobody listed.
async fn unlisted(story: &Story<'_>, stranger: &mut Stranger) -> Result<(), Failure> {
    let link = stranger.ask(json!({ "do": "unlisted", "did": UNLISTED_DID })).await?;
    let link = link.at("link").as_str().unwrap_or_default().to_owned();
    let said = story
        .nodes
        .try_run("citizen", &["wallet", "receive", &link], None)
        .await?;
    must("citizen", "unlisted bank", "unknown_verifier", &said.text("code"))?;
    story.refused("citizen", "unlisted", "unknown_verifier", said.value.at("detail"));
    story.teller.tell(
        "accepted",
        "citizen",
        json!({ "what": "unlisted", "listed": LENDER_DID }),
        json!({}),
    );
    Ok(())
}

/// The stranger collects honestly first: it has credentials of its own to misuse.
async fn collect(story: &Story<'_>, stranger: &mut Stranger) -> Result<(), Failure> {
    let (link, code) = story.personal_offer(STRANGER).await?;
    let orders = [
        json!({ "do": "collect", "link": link, "code": code }),
        json!({ "do": "collect", "link": story.offer("tax", "C02").await? }),
        json!({ "do": "collect", "link": story.offer("registry", "C06").await?, "organisation": STRANGER_COMPANY }),
        json!({ "do": "collect", "link": story.offer("guarantor", "C05").await? }),
    ];
    for order in orders {
        let said = stranger.ask(order).await?;
        if said.at("collected").as_u64().is_none_or(|count| count == 0) {
            let code = said
                .at("problem")
                .as_str()
                .and_then(Code::parse)
                .unwrap_or(Code::Internal);
            return Err(Problem::new(code, "stranger").into());
        }
    }
    story
        .teller
        .tell("stranger_collected", "stranger", json!({}), json!({}));
    Ok(())
}

/// Altered, stolen and repeated answers, to the real bank.
async fn answers(story: &Story<'_>, stranger: &mut Stranger) -> Result<(), Failure> {
    let session = |case| Ask {
        node: "bank",
        wallet: "stranger",
        service: "S01",
        case,
        subject: STRANGER,
        types: &["C02"],
    };
    // The twin, and the same bytes again.
    let (link, id) = story.request(&session("LAN-2026-11")).await?;
    let said = stranger.ask(json!({ "do": "answer", "link": link })).await?;
    must(
        "bank",
        "unaltered answer",
        "receipt",
        said.at("reply").as_str().unwrap_or_default(),
    )?;
    let detail = story.verdict("bank", &id).await?;
    must(
        "bank",
        "unaltered answer",
        "valid",
        detail.at("verdict").as_str().unwrap_or_default(),
    )?;
    story.accepted("bank", "answer");
    let said = stranger.ask(json!({ "do": "repeat" })).await?;
    must(
        "bank",
        "replayed answer",
        "replay",
        said.at("code").as_str().unwrap_or_default(),
    )?;
    story.refused("bank", "replay", "replay", &Value::Null);

    for (tamper, case, wanted) in [
        ("digit", "LAN-2026-12", "disclosure_invalid"),
        ("stolen", "LAN-2026-13", "holder_binding_invalid"),
    ] {
        let (link, id) = story.request(&session(case)).await?;
        stranger
            .ask(json!({ "do": "answer", "link": link, "tamper": tamper }))
            .await?;
        let detail = story.verdict("bank", &id).await?;
        must(
            "bank",
            tamper,
            "invalid",
            detail.at("verdict").as_str().unwrap_or_default(),
        )?;
        must("bank", tamper, wanted, detail.at("code").as_str().unwrap_or_default())?;
        story.refused("bank", tamper, wanted, &Value::Null);
    }
    Ok(())
}

/// A guarantee that the carrier itself ended is revoked at once; one under the guarantor's notice stays valid.
async fn guarantees(story: &Story<'_>, stranger: &mut Stranger) -> Result<(), Failure> {
    let roads = |case, subject| Ask {
        node: "roads",
        wallet: "company",
        service: "S09",
        case,
        subject,
        types: &[],
    };
    // The stranger's guarantee is valid while nobody has ended it.
    let (link, id) = story.request(&roads("LOYVE-2026-20", STRANGER_COMPANY)).await?;
    stranger.ask(json!({ "do": "answer", "link": link })).await?;
    let detail = story.verdict("roads", &id).await?;
    must(
        "roads",
        "guarantee",
        "valid",
        detail.at("verdict").as_str().unwrap_or_default(),
    )?;
    story.accepted("roads", "guarantee");

    let today = clock::now().day();
    change_register(story, |row| {
        let reference = row.at("garantireferanse").as_str().unwrap_or_default().to_owned();
        if reference == population::GUARANTEE {
            population::end(
                row,
                "garantist",
                &today.plus(-10 * DAY).date(),
                &today.plus(60 * DAY).date(),
            );
        }
        if reference == population::STRANGER_GUARANTEE {
            population::end(row, "loeyvehaver", &today.date(), &today.date());
        }
    })?;
    let file = story.registers().join("guarantee.jsonl").display().to_string();
    let said = story
        .nodes
        .run("guarantor", &["issuer", "import", "--type", "C05", &file])
        .await?;
    let report = &said.value.at("report");
    let facts = json!({ "type": "C05", "changed": report.at("changed"), "revoked": report.at("revoked"), "superseded": report.at("superseded") });
    story.teller.tell("register_changed", "guarantor", facts, json!({}));
    let watch = clock::Stopwatch::start();
    mirrored(story, "guarantor", "roads").await?;
    story.teller.tell(
        "mirrored",
        "roads",
        json!({ "issuer": "guarantor" }),
        json!({ "ms": watch.milliseconds() }),
    );

    let (link, id) = story.request(&roads("LOYVE-2026-21", STRANGER_COMPANY)).await?;
    stranger.ask(json!({ "do": "answer", "link": link })).await?;
    let detail = story.verdict("roads", &id).await?;
    must(
        "roads",
        "ended guarantee",
        "invalid",
        detail.at("verdict").as_str().unwrap_or_default(),
    )?;
    must(
        "roads",
        "ended guarantee",
        "revoked",
        detail.at("code").as_str().unwrap_or_default(),
    )?;
    story.refused("roads", "guarantee_ended", "revoked", &Value::Null);

    story.collect_by_identification("company", "guarantor", "C05").await?;
    let detail = story.ask(&roads("LOYVE-2026-22", CARRIER)).await?;
    must(
        "roads",
        "guarantee under notice",
        "valid",
        detail.at("verdict").as_str().unwrap_or_default(),
    )?;
    let notes: Vec<&str> = detail
        .at("notes")
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    must(
        "roads",
        "guarantee under notice",
        "terminated_pending",
        &notes.join(" "),
    )?;
    story
        .teller
        .tell("pending", "roads", json!({ "code": "terminated_pending" }), json!({}));
    Ok(())
}

/// Rewrites the guarantor's register file.
fn change_register(story: &Story<'_>, change: impl Fn(&mut Value)) -> Result<(), Failure> {
    let path = story.registers().join("guarantee.jsonl");
    let text = std::fs::read_to_string(&path).map_err(|e| Failure::file(&path, &e))?;
    let mut changed = String::new();
    for line in text.lines() {
        let mut row = serde_json::from_str(line).map_err(|e| Failure::because(Code::Internal, e))?;
        change(&mut row);
        changed.push_str(&format!("{row}\n"));
    }
    home::write(&path, changed.as_bytes())
}

/// Waits until an asker has mirrored what an issuer has published.
pub(super) async fn mirrored(story: &Story<'_>, issuer: &str, asker: &str) -> Result<(), Failure> {
    let versions = |value: &Value| -> Vec<(String, u64)> {
        let lists = value.as_array().into_iter().flatten();
        lists
            .map(|l| {
                (
                    l.at("uri").as_str().unwrap_or_default().to_owned(),
                    l.at("version").as_u64().unwrap_or(0),
                )
            })
            .collect()
    };
    let published = versions(story.nodes.run(issuer, &["issuer", "status"]).await?.value.at("lists"));
    let wait = async {
        loop {
            let status = story.nodes.run(asker, &["node", "status"]).await?.value;
            // What is held, not what the newest head names: a digest that came by gossip is ahead of the head.
            let seen = versions(status.at("lists"));
            let all = published
                .iter()
                .all(|(uri, version)| seen.iter().any(|(u, v)| u == uri && v >= version));
            if all {
                return Ok::<(), Failure>(());
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    match tokio::time::timeout(MIRRORED, wait).await {
        Ok(done) => done,
        Err(_) => Err(Problem::new(Code::StatusStale, asker).into()),
    }
}
