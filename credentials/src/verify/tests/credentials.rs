//! Credentials by themselves, and reports.

use super::bent::BENT;
use super::*;

#[test]
fn a_credential_by_itself_is_checked_without_its_binding() {
    let case = Case::new();
    let check = |case: &Case| case.with(|context| credential(&case.income.text(), context));
    let (report, verified) = check(&case);
    assert_eq!(report.problem(), None);
    let checks: Vec<Check> = report.lines.iter().map(|line| line.check).collect();
    assert_eq!(checks, Check::ALL[..9]);
    assert!(report.lines.iter().all(|line| line.credential.is_none()));
    assert_eq!(verified.expect("verified").vct(), INCOME);

    let mut unbound = Case::new();
    unbound.income.bound_by = None;
    assert!(check(&unbound).1.is_some());
    let mut stolen = Case::new();
    stolen.income.bound_by = Some(78);
    stolen.income.audience = "anybody".to_owned();
    assert!(
        check(&stolen).1.is_some(),
        "whoever bound it: the credential itself is right"
    );
    for bent in BENT.iter().filter(|bent| bent.check < Check::HolderBinding) {
        let mut case = Case::new();
        (bent.bend)(&mut case);
        let (report, verified) = check(&case);
        assert!(verified.is_none(), "{}", bent.what);
        assert_eq!(
            report.problem().map(|problem| problem.code),
            Some(bent.code),
            "{}",
            bent.what
        );
    }
}

/// The guarantee of domain C05 with this notice, shown whole.
fn guarantee(bend: impl Fn(&mut Value)) -> (Report, Option<VerifiedCredential>) {
    let mut row: Value =
        serde_json::from_str(include_str!("../../schema/examples/TransportLicenceGuarantee.json")).expect("JSON");
    bend(&mut row);
    let copy = Copy {
        vct: "urn:bevis:TransportLicenceGuarantee:1",
        row,
        issuer: GUARANTOR,
        kid: kid(GUARANTOR),
        signed_by: 3,
        shown: vec![Path(Vec::new())],
        bound_by: None,
        ..Copy::income()
    };
    Case::new().with(|context| credential(&copy.text(), context))
}

#[test]
fn a_guarantee_under_notice_is_valid_until_the_notice_has_run_out() {
    let until = |notice: &'static str, ends: &'static str| {
        guarantee(move |row| {
            row["oppsigelse"]["varselDato"] = json!(notice);
            row["oppsigelse"]["opphoersdato"] = json!(ends);
        })
    };
    let (report, verified) = until("2026-07-01", "2026-09-01");
    assert_eq!(report.verdict(), Verdict::Valid, "{:?}", report.problem());
    assert_eq!(verified.expect("verified").notes(), [Code::TerminatedPending]);
    let (_, verified) = until("2026-05-01", "2026-07-10");
    assert_eq!(
        verified.expect("valid on its last day").notes(),
        [Code::TerminatedPending]
    );
    let (report, verified) = until("2026-05-01", "2026-07-09");
    assert!(verified.is_none());
    let wrong: Vec<&Line> = report.lines.iter().filter(|line| line.outcome != Outcome::Ok).collect();
    assert_eq!(wrong.len(), 1);
    assert_eq!(wrong[0].check, Check::Validity);
    assert_eq!(report.problem().map(|problem| problem.code), Some(Code::Expired));
}

#[test]
fn a_guarantee_that_says_itself_that_it_ended_is_not_valid() {
    let (report, verified) = guarantee(|row| row["oppsigelse"]["oppsagtAv"] = json!("loeyvehaver"));
    assert!(verified.is_none());
    assert_eq!(report.problem().map(|problem| problem.code), Some(Code::Revoked));
    let (report, verified) = guarantee(|row| {
        row["status"] = json!("aktiv");
        row.as_object_mut().expect("a row").remove("oppsigelse");
    });
    assert_eq!(report.problem(), None);
    assert_eq!(verified.expect("verified").notes(), []);
}

#[test]
fn a_report_is_read_back_from_json_as_it_was_written() {
    let mut case = Case::new();
    case.status = None;
    case.income.signed_by = 99;
    let (report, _) = case.verify();
    let text = serde_json::to_string(&report).expect("JSON");
    assert_eq!(serde_json::from_str::<Report>(&text).expect("JSON"), report);
    assert!(text.contains(
        r#"{"credential":"income","check":"signature","outcome":"failed","problem":{"code":"signature_invalid"}}"#
    ));
    assert!(!text.contains(HOLDER_NUMBER));
}

#[test]
fn a_report_without_lines_decides_nothing() {
    let report = Report::default();
    assert_eq!(report.verdict(), Verdict::Undecided);
    assert_eq!(report.problem(), None);
}
