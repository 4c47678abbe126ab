//! Imports as a page has them.

use super::*;

fn file(people: &[&str]) -> Vec<u8> {
    let mut text = String::new();
    for number in people {
        text.push_str(&person(number).to_string());
        text.push('\n');
    }
    text.push_str("ingen rad\n");
    text.into_bytes()
}

async fn brought(agency: &Agency, bytes: &[u8]) -> String {
    let upload = agency.done_as("kari", Command::UploadStart).await.expect("begun");
    let upload = upload.at("upload").as_str().expect("a name").to_owned();
    for (number, part) in (0..).zip(bytes.chunks(500)) {
        let part = Command::UploadPart {
            upload: upload.clone(),
            number,
            bytes: part.to_vec(),
        };
        agency.done_as("kari", part).await.expect("taken");
    }
    let taken = agency
        .done_as("kari", Command::UploadFinish { upload: upload.clone() })
        .await
        .expect("whole");
    assert_eq!(taken.at("bytes").as_u64(), Some(bytes.len() as u64));
    upload
}

fn import(upload: &str, dry_run: bool) -> Command {
    Command::ImportUpload {
        upload: upload.to_owned(),
        credential_type: PID.to_owned(),
        csv: false,
        dry_run,
    }
}

async fn job(agency: &Agency, name: &str) -> Value {
    agency.done(Command::Job { id: name.to_owned() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_validated_imported_and_its_rejected_lines_are_there_to_be_fetched() {
    let agency = Agency::new().staffed().await;
    let upload = brought(&agency, &file(&PEOPLE)).await;
    let dry = agency.done_as("kari", import(&upload, true)).await.expect("validated");
    let dry = job(&agency, dry.at("job").as_str().expect("a name")).await;
    assert_eq!((dry.at("stage"), dry.at("dry_run")), (&json!("finished"), &json!(true)));
    assert_eq!(dry.at("report").at("rejected"), &json!(1));
    let started = agency.done_as("kari", import(&upload, false)).await.expect("imported");
    let name = started.at("job").as_str().expect("a name").to_owned();
    let done = job(&agency, &name).await;
    assert_eq!(
        (done.at("stage"), done.at("report").at("new")),
        (&json!("finished"), &json!(4))
    );
    assert!(done.at("ended").is_string() && done.at("file").is_string());
    let rejected = Command::JobRejected {
        id: name.clone(),
        from: 0,
        limit: 10,
    };
    let rejected = agency.done_as("kari", rejected).await.expect("read");
    assert_eq!(
        rejected.at("lines")[0],
        json!({ "line": 5, "path": "", "reason": "malformed", "text": "ingen rad" })
    );
    let status = agency.done(Command::IssuerStatus).await;
    let register = &status.at("registers")[0];
    assert_eq!((register.at("rows"), register.at("job")), (&json!(4), &json!(name)));
    assert!(register.at("as_of").is_string());
    let log = agency.log().await;
    let told: Vec<(&str, &str)> = log.iter().map(|(who, what, _)| (who.as_str(), what.as_str())).collect();
    assert_eq!(
        told[told.len() - 2..],
        [("kari", "import_started"), ("node", "import_finished")]
    );
    assert_eq!(log[log.len() - 1].2.at("rejected"), &json!(1));
    assert!(
        agency
            .service
            .store
            .table("issuer.upload-parts")
            .is_empty()
            .expect("reads")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_stopped_or_cut_off_goes_on_and_is_noted_once() {
    let agency = Agency::new().staffed().await;
    let upload = brought(&agency, &file(&PEOPLE)).await;
    let issuer = agency.service.issuer.as_ref().expect("an issuer");
    let now = crate::clock::now();
    // Begun, and then the process was killed.
    let start = issuer
        .lock()
        .expect("free")
        .import_upload(now, PID, &upload, false, false);
    let name = start.expect("begun").job;
    issuer.lock().expect("free").import_pause(&name).expect("stopped");
    let agency = agency.reopened();
    assert_eq!(job(&agency, &name).await.at("stage"), &json!("paused"));
    let pause = Command::ImportPause { job: name.clone() };
    agency.done_as("kari", pause).await.expect("so already");
    let resume = || Command::ImportResume { job: name.clone() };
    agency.done_as("ola", resume()).await.expect("goes on");
    assert_eq!(job(&agency, &name).await.at("stage"), &json!("finished"));
    assert_eq!(
        code(agency.done_as("ola", resume()).await),
        refused(Code::StateFinal, "import")
    );
    let log = agency.log().await;
    let acts: Vec<&str> = log
        .iter()
        .map(|(_, what, _)| what.as_str())
        .filter(|what| what.starts_with("import"))
        .collect();
    assert_eq!(acts, ["import_resumed", "import_finished"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_or_not_meant_is_refused() {
    let agency = Agency::new().staffed().await;
    let upload = brought(&agency, &file(&PEOPLE)).await;
    let unknown = agency.service.execute(import("0000000000000000", false)).await;
    assert_eq!(code(unknown), refused(Code::NotFound, "upload"));
    let other = Command::ImportUpload {
        upload: upload.clone(),
        credential_type: "urn:bevis:MonthlyIncome:1".to_owned(),
        csv: false,
        dry_run: false,
    };
    assert_eq!(code(agency.service.execute(other).await).0, Code::TypeNotAllowed);
    assert_eq!(
        code(agency.done_as("per", import(&upload, false)).await),
        refused(Code::NotPermitted, "console")
    );
    let unknown = Command::Job { id: "x".to_owned() };
    assert_eq!(code(agency.service.execute(unknown).await).0, Code::NotFound);
    agency.done(Command::UploadDiscard { upload: upload.clone() }).await;
    assert_eq!(
        code(agency.service.execute(import(&upload, false)).await),
        refused(Code::NotFound, "upload")
    );
}
