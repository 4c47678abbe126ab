//! Bulk changes and new keys by two persons, with who they are.

use super::*;
use credentials::status::State;
use issuer::Names;

fn start() -> Command {
    Command::BulkStart {
        state: State::Revoked,
        reason: "feil".to_owned(),
        names: Names::Credential,
        credential_type: None,
        header: None,
    }
}

fn name(answer: &Value) -> String {
    answer.at("bulk").as_str().expect("a name").to_owned()
}

/// Proposed by kari.
async fn proposed(agency: &Agency, ids: &[String]) -> String {
    let bulk = name(&agency.done_as("kari", start()).await.expect("begun"));
    let lines = (1..).zip(ids.iter().cloned()).collect();
    let brought = Command::BulkLines {
        bulk: bulk.clone(),
        lines,
    };
    agency.done_as("kari", brought).await.expect("looked at");
    agency
        .done_as("kari", Command::BulkPropose { bulk: bulk.clone() })
        .await
        .expect("proposed");
    bulk
}

fn approve(bulk: &str) -> Command {
    Command::BulkApprove { bulk: bulk.to_owned() }
}

async fn stage(agency: &Agency, bulk: &str) -> Value {
    let bulk = Command::Bulk { bulk: bulk.to_owned() };
    agency.done(bulk).await.at("stage").clone()
}

async fn revoked(agency: &Agency) -> u64 {
    let status = agency.done(Command::IssuerStatus).await;
    status.at("types")[0].at("revoked").as_u64().expect("a count")
}

#[tokio::test(flavor = "multi_thread")]
async fn two_accounts_revoke_together_and_one_never_does_alone() {
    let agency = Agency::new().staffed().await.issued().await;
    let ids = agency.ids().await;
    let bulk = proposed(&agency, &ids[..3]).await;
    let alone = agency.done_as("kari", approve(&bulk)).await;
    assert_eq!(code(alone), refused(Code::SecondPersonMissing, "bulk"));
    let cli = agency.service.execute(approve(&bulk)).await;
    assert_eq!(code(cli), refused(Code::SecondPersonMissing, "account"));
    let api = agency
        .service
        .execute_as(approve(&bulk), Actor::Api("core".to_owned()))
        .await;
    assert_eq!(code(api), refused(Code::SecondPersonMissing, "account"));
    let desk = agency.done_as("per", approve(&bulk)).await;
    assert_eq!(code(desk), refused(Code::NotPermitted, "console"));
    assert_eq!(revoked(&agency).await, 0);
    agency.done_as("ola", approve(&bulk)).await.expect("agreed");
    // No task goes on with it in this process, so it was done before the answer.
    assert_eq!(stage(&agency, &bulk).await, json!("finished"));
    assert_eq!(revoked(&agency).await, 3);
    let log = agency.log().await;
    let told: Vec<(&str, &str)> = log.iter().map(|(who, what, _)| (who.as_str(), what.as_str())).collect();
    assert_eq!(
        told[told.len() - 3..],
        [
            ("kari", "bulk_proposed"),
            ("ola", "bulk_approved"),
            ("node", "bulk_finished")
        ]
    );
    let (_, _, about) = &log[log.len() - 2];
    assert_eq!((about.at("job"), about.at("credentials")), (&json!(bulk), &json!(3)));
    assert_eq!(about.at("file").as_str().map(str::len), Some(64));
    let again = agency.done_as("ola", approve(&bulk)).await;
    assert_eq!(code(again), refused(Code::StateFinal, "bulk"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_command_line_proposed_an_account_approves_and_either_may_call_off() {
    let agency = Agency::new().staffed().await.issued().await;
    let all = || Command::BulkSelect {
        state: State::Suspended,
        reason: String::new(),
        credential_type: PID.to_owned(),
        import: None,
    };
    let bulk = name(&agency.done(all()).await);
    let view = agency.done(Command::Bulk { bulk: bulk.clone() }).await;
    assert_eq!(
        (view.at("proposed_by"), view.at("named").at("credentials")),
        (&json!("cli"), &json!(4))
    );
    assert!(view.at("until").is_string());
    let spoken = Command::As {
        handle: "ola".to_owned(),
        passphrase: said("ola"),
        what: Box::new(approve(&bulk)),
    };
    agency.done(spoken).await;
    assert_eq!(stage(&agency, &bulk).await, json!("finished"));
    let bulk = proposed(&agency, &agency.ids().await[..1]).await;
    agency
        .done_as("ola", Command::BulkCancel { bulk: bulk.clone() })
        .await
        .expect("by the other");
    assert_eq!(stage(&agency, &bulk).await, json!("cancelled"));
    let bulk = proposed(&agency, &agency.ids().await[..1]).await;
    agency
        .done_as("kari", Command::BulkCancel { bulk: bulk.clone() })
        .await
        .expect("by who proposed it");
    assert_eq!(
        code(agency.done_as("ola", approve(&bulk)).await),
        refused(Code::StateFinal, "bulk")
    );
    assert_eq!(revoked(&agency).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_adds_to_what_another_one_proposes_and_an_account_that_is_gone_approves_nothing() {
    let agency = Agency::new().staffed().await.issued().await;
    let ids = agency.ids().await;
    let bulk = name(&agency.done_as("kari", start()).await.expect("begun"));
    let lines = |bulk: &str| Command::BulkLines {
        bulk: bulk.to_owned(),
        lines: vec![(1, ids[0].clone())],
    };
    assert_eq!(
        code(agency.done_as("ola", lines(&bulk)).await),
        refused(Code::NotPermitted, "bulk")
    );
    let other = agency.done_as("ola", Command::BulkPropose { bulk: bulk.clone() }).await;
    assert_eq!(code(other), refused(Code::NotPermitted, "bulk"));
    // The command line may bring the lines, and then proposing is still hers.
    agency.done(lines(&bulk)).await;
    let cli = agency
        .service
        .execute(Command::BulkPropose { bulk: bulk.clone() })
        .await;
    assert_eq!(code(cli), refused(Code::NotPermitted, "bulk"));
    agency
        .done_as("kari", Command::BulkPropose { bulk: bulk.clone() })
        .await
        .expect("hers");
    agency
        .done(Command::PersonRemove {
            handle: "ola".to_owned(),
        })
        .await;
    assert_eq!(
        code(agency.done_as("ola", approve(&bulk)).await),
        refused(Code::NotPermitted, "account")
    );
    assert_eq!(stage(&agency, &bulk).await, json!("proposed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_cut_off_goes_on_by_itself_after_a_restart() {
    let agency = Agency::new().staffed().await.issued().await;
    let bulk = proposed(&agency, &agency.ids().await).await;
    let now = crate::clock::now();
    let issuer = agency.service.issuer.as_ref().expect("an issuer");
    // Agreed to, and then the process was killed.
    issuer
        .lock()
        .expect("free")
        .bulk_approve(now, &bulk, "ola")
        .expect("agreed");
    let agency = agency.reopened();
    assert_eq!(stage(&agency, &bulk).await, json!("running"));
    let mut steps = agency.service.watch_jobs();
    let work = tokio::spawn(crate::service::jobs::run(agency.service.clone()));
    while stage(&agency, &bulk).await != json!("finished") {
        steps.changed().await.expect("the service is there");
    }
    work.abort();
    assert_eq!(revoked(&agency).await, 4);
    let log = agency.log().await;
    assert_eq!(
        (log[log.len() - 1].0.as_str(), log[log.len() - 1].1.as_str()),
        ("node", "bulk_finished")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_lines_of_a_file_are_there_with_their_text() {
    let agency = Agency::new().staffed().await.issued().await;
    let bulk = name(&agency.done_as("kari", start()).await.expect("begun"));
    let lines = Command::BulkLines {
        bulk: bulk.clone(),
        lines: vec![(1, agency.ids().await[0].clone()), (2, "tull".to_owned())],
    };
    let answer = agency.done_as("kari", lines).await.expect("looked at");
    assert_eq!(
        answer.at("rejected")[0],
        json!({ "line": 2, "path": "credential", "reason": "malformed" })
    );
    let rejected = Command::JobRejected {
        id: bulk,
        from: 0,
        limit: 10,
    };
    let rejected = agency.done_as("ola", rejected).await.expect("read");
    assert_eq!(rejected.at("lines")[0].at("text"), &json!("tull"));
}

fn two_persons(config: &mut config::Config) {
    config.issuer.as_mut().expect("an issuer").two_persons = true;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_takes_two_where_the_configuration_wants_two_and_one_elsewhere() {
    let made = |answer: &Value| answer.at("made").is_string();
    let rotate = || Command::KeysRotate { from: None };
    let agency = Agency::new().staffed().await;
    assert!(made(&agency.done_as("kari", rotate()).await.expect("one is enough")));
    let agency = Agency::with(two_persons).staffed().await;
    let keys = async |agency: &Agency| agency.done(Command::Keys).await.at("keys").as_array().map(Vec::len);
    let answer = agency.done_as("kari", rotate()).await.expect("proposed");
    assert!(!made(&answer));
    let proposal = answer
        .at("proposed")
        .at("proposal")
        .as_str()
        .expect("a name")
        .to_owned();
    assert_eq!(
        code(agency.done_as("ola", rotate()).await),
        refused(Code::NotPermitted, "key")
    );
    let agency = agency.reopened();
    let approve = || Command::KeysApprove {
        proposal: proposal.clone(),
    };
    assert_eq!(
        code(agency.done_as("kari", approve()).await),
        refused(Code::SecondPersonMissing, "key")
    );
    assert_eq!(
        code(agency.service.execute(approve()).await),
        refused(Code::SecondPersonMissing, "key")
    );
    assert_eq!(keys(&agency).await, Some(1));
    assert!(made(&agency.done_as("ola", approve()).await.expect("agreed")));
    assert_eq!(keys(&agency).await, Some(2));
    assert_eq!(
        code(agency.done_as("ola", approve()).await),
        refused(Code::NotFound, "key"),
        "once"
    );
    let answer = agency.done(rotate()).await;
    let proposal = answer
        .at("proposed")
        .at("proposal")
        .as_str()
        .expect("a name")
        .to_owned();
    agency
        .done_as(
            "kari",
            Command::KeysCancel {
                proposal: proposal.clone(),
            },
        )
        .await
        .expect("called off");
    let late = agency.done_as("ola", Command::KeysApprove { proposal }).await;
    assert_eq!(code(late), refused(Code::NotFound, "key"));
    assert_eq!(keys(&agency).await, Some(2));
}
