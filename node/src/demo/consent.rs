//! `bevis demo consent`: a standing consent is given once, used while the wallet is closed, seen, and taken back; then the same with
//! the bank off at that moment, and with the source off.
//!
//! A wallet here has no process of its own: it is open while a command of its person runs, and closed between them.

use super::cast::{ANCHORS, CAST, Part, Role};
use super::failures;
use super::nodes::{Nodes, Said};
use super::story::{SIGNERS, Story, expect, interrupted, person};
use super::teller::Teller;
use crate::args::{ConsentDemo, Demo};
use crate::clock::{self, Stopwatch};
use crate::error::Failure;
use crate::output::{At, Output};
use crate::{home, population};
use credentials::{Code, Problem};
use serde_json::{Value, json};
use std::time::Duration;

/// Who keeps mailboxes.
const OPERATORS: [Role; 2] = [
    Role {
        name: "insurer",
        part: Part::Organisation {
            number: "314768205",
            name: "SYNTETISK LIV OG SKADE AS",
            did: "did:web:livogskade.example",
            issues: &[],
            services: &["K03"],
        },
    },
    Role {
        name: "pension",
        part: Part::Organisation {
            number: "218405177",
            name: "SYNTETISK PENSJON AS",
            did: "did:web:pensjon.example",
            issues: &[],
            services: &["K03"],
        },
    },
];
/// The others, of the first demo's cast.
const NAMES: [&str; 4] = ["identity", "loans", "bank", "citizen"];
/// Companies in the registers: as few as can be.
const COMPANIES: u32 = 6;
/// How often the bank fetches.
const USES: usize = 3;
/// Longest time for what reaches somebody by itself.
const LONG: Duration = Duration::from_secs(60);
/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(50);

/// Tells the story. Exit 0 when everything in it went as it must.
pub async fn run(output: &Output, demo: &ConsentDemo) -> Result<u8, Failure> {
    population::check(demo.persons, COMPANIES)?;
    let demo = Demo {
        part: None,
        tcp: demo.tcp,
        keep: demo.keep.clone(),
        stay: false,
        open: false,
        seed: 1,
        persons: demo.persons,
        companies: COMPANIES,
        root: None,
        isolate: false,
    };
    let names = cast().map(|role| role.name);
    let nodes = Nodes::new(demo.keep.as_deref(), false, output.catalogue.language(), names)?;
    let mut story = Story {
        nodes,
        teller: Teller::new(output, "demo"),
        demo: &demo,
    };
    let told = tokio::select! {
        told = tell(&mut story) => told,
        () = interrupted() => Err(Failure::because(Code::NotConfirmed, "interrupted")),
    };
    story.nodes.stop().await;
    match told {
        Ok(()) => {
            let run = json!({ "total_ms": story.teller.milliseconds() });
            story.teller.tell("end", "demo", json!({}), run);
            Ok(0)
        }
        Err(failure) => {
            let facts = json!({ "code": failure.problem.code, "detail": failure.problem.detail });
            story.teller.tell("stopped", "demo", facts, json!({}));
            Err(failure)
        }
    }
}

fn cast() -> impl Iterator<Item = &'static Role> {
    CAST.iter().filter(|role| NAMES.contains(&role.name)).chain(&OPERATORS)
}

async fn tell(story: &mut Story<'_>) -> Result<(), Failure> {
    story.teller.begin_as(1, "consent-step-1");
    begin(story).await?;
    story.nodes.all_alive()?;
    story.teller.begin_as(2, "consent-step-2");
    let grant = granted(story, "NETTBANK-1").await?;
    used(story, &grant).await?;
    seen(story, &grant).await?;
    withdrawn(story, &grant).await?;
    story.nodes.all_alive()?;
    story.teller.begin_as(3, "consent-step-3");
    bank_off(story).await?;
    story.nodes.all_alive()?;
    story.teller.begin_as(4, "consent-step-4");
    source_off(story).await?;
    story.nodes.all_alive()
}

/// Six homes, a trust list, two registers, and a person with a proof of who they are.
async fn begin(story: &mut Story<'_>) -> Result<(), Failure> {
    let papers = story.nodes.secrets().join("papers");
    home::Home::at(&papers)?.create()?;
    let (root, _) = story.found(&papers).await?;
    let transport = story.demo.tcp.then_some("tcp");
    for role in cast() {
        story.nodes.init(role, &root, transport, None).await?;
    }
    let list = papers.join("list.proposal").display().to_string();
    for role in cast() {
        let Part::Organisation { issues, services, .. } = &role.part else {
            continue;
        };
        let ready = story.nodes.serve(role.name).await?;
        story
            .teller
            .tell("ready", role.name, json!({}), json!({ "ms": ready.at("ms") }));
        let card = story.nodes.run(role.name, &["whoami"]).await?;
        story
            .admit(&root, &list, role.name, &card.value, issues, services)
            .await?;
    }
    for (anchor, ..) in ANCHORS.iter().take(SIGNERS) {
        story.sign(anchor, &list).await?;
    }
    let path = papers.join("trust.json").display().to_string();
    let arguments = ["trust", "publish", &list, "--out", &path];
    let published = story.nodes.run("anchor", &arguments).await?;
    let facts = json!({ "sequence": published.value.at("list"), "signers": SIGNERS });
    story.teller.tell("signed", "anchor", facts, json!({}));
    for role in cast() {
        story.nodes.run(role.name, &["trust", "import", &path]).await?;
    }
    let folder = story.registers();
    population::write(
        &folder,
        story.demo.persons,
        story.demo.companies,
        story.demo.seed,
        clock::now(),
    )?;
    for (node, credential_type, file) in [("identity", "C01", "pid.jsonl"), ("loans", "C04", "loan.jsonl")] {
        let watch = Stopwatch::start();
        let path = folder.join(file).display().to_string();
        let said = story
            .nodes
            .run(node, &["issuer", "import", "--type", credential_type, &path])
            .await?;
        let report = &said.value.at("report");
        let facts = json!({ "type": credential_type, "rows": report.at("rows"), "rejected": report.at("rejected") });
        story
            .teller
            .tell("imported", node, facts, json!({ "ms": watch.milliseconds() }));
    }
    failures::mirrored(story, "identity", "loans").await?;
    story.collect_identity().await
}

/// A grant, by its names at both ends.
struct Given {
    /// In the wallet.
    id: String,
    /// At the bank.
    name: String,
}

/// The person reads what lasts, and says yes once.
async fn granted(story: &Story<'_>, case: &str) -> Result<Given, Failure> {
    let arguments = [
        "verifier",
        "grants",
        "request",
        "--service",
        "S15",
        "--case",
        case,
        "--subject",
        "-",
    ];
    let input = format!("{}\n", population::CITIZEN);
    let asked = story.nodes.run_with("bank", &arguments, Some(&input)).await?;
    let waiting = story
        .nodes
        .run("citizen", &["wallet", "receive", &asked.text("link")])
        .await?;
    let request = expect(&waiting, "waiting", "id", "citizen")?;
    let yes = Stopwatch::start();
    let said = story
        .nodes
        .run("citizen", &["--yes", "wallet", "present", &request])
        .await?;
    let id = expect(&said, "granted", "grant", "citizen")?;
    story.teller.quote(&person(&said.talk));
    story.teller.tell(
        "consent-granted",
        "citizen",
        json!({}),
        json!({ "ms": yes.milliseconds() }),
    );
    let given = story.nodes.run("bank", &["verifier", "grants", "list"]).await?;
    let grants = given.value.at("grants").as_array().cloned().unwrap_or_default();
    let one = grants.iter().find(|grant| grant.at("case") == case);
    let name = one.and_then(|grant| grant.at("name").as_str()).map(str::to_owned);
    let name = name.ok_or_else(|| told("bank", "the consent is not there"))?;
    // Where each writes to the other when it is off was said with it; the wallet is open once more, and then closed.
    let reached = wait("bank", || async {
        fetch(story).await?;
        Ok(story
            .nodes
            .run("citizen", &["wallet", "post"])
            .await?
            .value
            .at("answered")
            == 2)
    });
    reached.await?;
    Ok(Given { id, name })
}

/// The wallet is closed; the bank fetches.
async fn used(story: &Story<'_>, grant: &Given) -> Result<(), Failure> {
    story.teller.tell("consent-closed", "citizen", json!({}), json!({}));
    for number in 1..=USES {
        let said = story
            .nodes
            .run("bank", &["verifier", "grants", "refresh", &grant.name])
            .await?;
        let facts = json!({ "number": number, "claims": said.value.at("release").at("claims") });
        story
            .teller
            .tell("consent-used", "bank", facts, json!({ "ms": said.value.at("ms") }));
    }
    Ok(())
}

/// The wallet is open again, and shows each use.
async fn seen(story: &Story<'_>, grant: &Given) -> Result<(), Failure> {
    let watch = Stopwatch::start();
    wait("citizen", || async {
        fetch(story).await?;
        Ok(view(story, &grant.id).await?.at("uses").as_array().map(Vec::len) == Some(USES))
    })
    .await?;
    let facts = json!({ "count": USES });
    story
        .teller
        .tell("consent-seen", "citizen", facts, json!({ "ms": watch.milliseconds() }));
    let uses = view(story, &grant.id).await?;
    for used in uses.at("uses").as_array().into_iter().flatten() {
        let run = json!({ "at": used.at("at") });
        story
            .teller
            .tell("consent-use", "citizen", json!({ "number": used.at("number") }), run);
    }
    Ok(())
}

/// One action stops it everywhere.
async fn withdrawn(story: &Story<'_>, grant: &Given) -> Result<(), Failure> {
    let watch = Stopwatch::start();
    let said = story.nodes.run("citizen", &["wallet", "withdraw", &grant.id]).await?;
    let told_by = said.value.at("grant");
    let facts = json!({ "issuer_told": told_by.at("issuer_told"), "asker_told": told_by.at("asker_told") });
    story.teller.tell(
        "consent-withdrawn",
        "citizen",
        facts,
        json!({ "ms": watch.milliseconds() }),
    );
    refused(story, grant).await?;
    erased(story, grant).await
}

/// The source refuses, also an asker that asks although it knows.
async fn refused(story: &Story<'_>, grant: &Given) -> Result<(), Failure> {
    let arguments = ["verifier", "grants", "refresh", &grant.name, "--even-so"];
    let said = story.nodes.try_run("bank", &arguments, None).await?;
    let code = said.value.at("code").as_str().unwrap_or_default().to_owned();
    // With a detail the bank itself refuses what the source has given out.
    if said.exit == 0 || code != "withdrawn" || said.value.at("detail").is_string() {
        return Err(told("bank", &format!("the source did not refuse: {code}")));
    }
    let sentence = story.teller.sentence(&code);
    story.teller.tell(
        "consent-refused",
        "loans",
        json!({ "code": code, "sentence": sentence }),
        json!({}),
    );
    Ok(())
}

/// What the bank erased, and what it keeps and why, by its own signature.
async fn erased(story: &Story<'_>, grant: &Given) -> Result<(), Failure> {
    let read = story
        .nodes
        .run("bank", &["verifier", "grants", "show", &grant.name])
        .await?;
    let erasure = read.value.at("receipt");
    let facts = json!({
        "erased": erasure.at("erased").as_array().map_or(0, Vec::len),
        "kept": erasure.at("kept").as_array().map_or(0, Vec::len),
        "ground": erasure.at("kept").as_array().and_then(|kept| kept.first()).map(|kept| kept.at("ground").clone()),
    });
    story.teller.tell("consent-erased", "bank", facts, json!({}));
    Ok(())
}

/// The bank is off when the person takes it back.
async fn bank_off(story: &Story<'_>) -> Result<(), Failure> {
    let grant = granted(story, "NETTBANK-2").await?;
    used(story, &grant).await?;
    story.nodes.end("bank").await?;
    story.teller.tell("consent-off", "bank", json!({}), json!({}));
    let watch = Stopwatch::start();
    let said = story.nodes.run("citizen", &["wallet", "withdraw", &grant.id]).await?;
    let told_by = said.value.at("grant");
    let facts = json!({ "issuer_told": told_by.at("issuer_told"), "asker_told": told_by.at("asker_told") });
    story.teller.tell(
        "consent-withdrawn",
        "citizen",
        facts,
        json!({ "ms": watch.milliseconds() }),
    );
    story.teller.tell("consent-closed", "citizen", json!({}), json!({}));
    story.nodes.serve("bank").await?;
    let back = Stopwatch::start();
    refused(story, &grant).await?;
    wait("bank", || async {
        let read = story
            .nodes
            .run("bank", &["verifier", "grants", "show", &grant.name])
            .await?;
        Ok(read.value.at("grant").at("state") == "withdrawn")
    })
    .await?;
    story
        .teller
        .tell("consent-heard", "bank", json!({}), json!({ "ms": back.milliseconds() }));
    erased(story, &grant).await?;
    wait("citizen", || async {
        fetch(story).await?;
        Ok(view(story, &grant.id).await?.at("asker_told") == true)
    })
    .await?;
    story
        .teller
        .tell("consent-receipt", "citizen", json!({ "by": "bank" }), json!({}));
    Ok(())
}

/// The source is off when the person takes it back.
async fn source_off(story: &Story<'_>) -> Result<(), Failure> {
    let grant = granted(story, "NETTBANK-3").await?;
    used(story, &grant).await?;
    story.nodes.end("loans").await?;
    story.teller.tell("consent-off", "loans", json!({}), json!({}));
    let watch = Stopwatch::start();
    let said = story.nodes.run("citizen", &["wallet", "withdraw", &grant.id]).await?;
    let told_by = said.value.at("grant");
    let facts = json!({ "issuer_told": told_by.at("issuer_told"), "asker_told": told_by.at("asker_told") });
    story.teller.tell(
        "consent-withdrawn",
        "citizen",
        facts,
        json!({ "ms": watch.milliseconds() }),
    );
    story.teller.tell("consent-closed", "citizen", json!({}), json!({}));
    erased(story, &grant).await?;
    story.nodes.serve("loans").await?;
    let back = Stopwatch::start();
    // It empties its mailbox before it answers anybody.
    refused(story, &grant).await?;
    story.teller.tell(
        "consent-heard",
        "loans",
        json!({}),
        json!({ "ms": back.milliseconds() }),
    );
    wait("citizen", || async {
        fetch(story).await?;
        Ok(view(story, &grant.id).await?.at("issuer_told") == true)
    })
    .await?;
    story
        .teller
        .tell("consent-receipt", "citizen", json!({ "by": "loans" }), json!({}));
    Ok(())
}

async fn fetch(story: &Story<'_>) -> Result<Said, Failure> {
    story.nodes.run("citizen", &["wallet", "fetch"]).await
}

/// A consent as its wallet shows it.
async fn view(story: &Story<'_>, id: &str) -> Result<Value, Failure> {
    let list = story.nodes.run("citizen", &["wallet", "grants"]).await?;
    let grants = list.value.at("grants").as_array().cloned().unwrap_or_default();
    let one = grants.into_iter().find(|grant| grant.at("id") == id);
    one.ok_or_else(|| told("citizen", "the consent is not there"))
}

async fn wait<F: Future<Output = Result<bool, Failure>>>(node: &str, holds: impl Fn() -> F) -> Result<(), Failure> {
    let all = async {
        while !holds().await? {
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    };
    match tokio::time::timeout(LONG, all).await {
        Ok(done) => done,
        Err(_) => Err(told(node, "it took too long")),
    }
}

fn told(node: &str, what: &str) -> Failure {
    Failure::because(Problem::new(Code::Internal, node), what)
}
