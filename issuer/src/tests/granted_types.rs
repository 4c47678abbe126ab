//! The services beside S15 that run on grants: a business overview (S06) by a company's wallet, and a case of health data (S10).

use super::fixture::*;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use credentials::grant::{Asked, Grant, OpenedGrant, Proof, VerifiedRelease, hash_text};
use credentials::protocol::consent::{Ask, Reply};
use credentials::schema::{Path, Types};
use credentials::sd_jwt::{Covers, keys_hash};
use credentials::service::Registration;
use credentials::{Code, Problem, SigningKey, random as draw};
use serde_json::{Value, json};

const NONCE: &str = "AAAAAAAAAAAAAAAAAAAAAA";

/// A sole proprietorship, whose owner manages it here.
const ENK: &str = "216039483";

fn example(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn tax_claims() -> Value {
    example(include_str!(
        "../../../credentials/src/schema/examples/TaxClaimsAndPayments.json"
    ))
}

fn allowance() -> Value {
    example(include_str!(
        "../../../credentials/src/schema/examples/AapDecision.json"
    ))
}

/// A grant of all that a service may ask of a type, from yes to release.
struct Granted<'a> {
    service: &'a str,
    vct: &'a str,
    organisation: Option<&'a str>,
    /// Whom the bank has as its customer.
    number: &'a str,
}

impl Granted<'_> {
    fn grant(&self, world: &World, change: impl FnOnce(&mut Grant)) -> (OpenedGrant, SigningKey) {
        let service = Registration::known(self.service).unwrap();
        let terms = service.grant.as_ref().unwrap();
        let may = service.may_ask.iter().find(|may| may.vct == self.vct).unwrap();
        let mut grant = Grant {
            id: BASE64_URL_SAFE_NO_PAD.encode(draw::bytes::<16>(random().as_mut())),
            issuer: world.agency.settings.did.clone(),
            asker: world.bank.settings.did.clone(),
            service: self.service.to_owned(),
            purpose: service.purpose.code.clone(),
            kind: terms.kind,
            vct: self.vct.to_owned(),
            claims: may.claims.clone(),
            nbf: world.now,
            exp: world.now.plus(terms.seconds_max),
            uses_per_day: terms.uses_per_day,
            request: hash_text(&[1; 32]),
            text: hash_text(&[2; 32]),
            language: "nb".to_owned(),
        };
        change(&mut grant);
        let key = keys(1).remove(0);
        (OpenedGrant::open(&grant.sign(&key).unwrap()).unwrap(), key)
    }

    fn ask(&self, world: &mut World, by_bank: bool, ask: Ask) -> Reply {
        let bank = world.bank.settings.did.clone();
        let now = world.now;
        let issuer = world.agency.issuer();
        issuer.receive_consent(now, &world.mirror, "a peer", by_bank.then_some(&bank), ask)
    }

    fn deposit(&self, world: &mut World, proof: &Held, grant: &OpenedGrant, key: &SigningKey) -> Reply {
        let begin = Ask::Begin {
            vct: self.vct.to_owned(),
            asker: Some(world.bank.settings.did.to_string()),
            organisation: self.organisation.map(str::to_owned),
        };
        let (nonce, request) = match self.ask(world, false, begin) {
            Reply::Terms { nonce, request } => (nonce, request),
            refused => return refused,
        };
        let covers = Covers {
            transaction: BASE64_URL_SAFE_NO_PAD
                .decode(&grant.grant().id)
                .unwrap()
                .try_into()
                .unwrap(),
            keys_hash: keys_hash(&[key.verifying_key()]),
            organisation: self.organisation.map(str::to_owned),
            grant: Some(*grant.hash()),
        };
        let proof_of_key = Proof {
            grant: grant.name(),
            issuer: grant.grant().issuer.clone(),
            at: world.now,
            stands: true,
        };
        let deposit = Ask::Deposit {
            nonce,
            grant: grant.text().to_owned(),
            proof: proof_of_key.sign(key).unwrap(),
            answer: world.answer(&request, proof, &covers),
        };
        self.ask(world, false, deposit)
    }

    fn refresh(&self, world: &mut World, grant: &OpenedGrant, claims: &[Path]) -> Result<Value, Problem> {
        let refresh = Ask::Refresh {
            grant: grant.text().to_owned(),
            nonce: NONCE.to_owned(),
            claims: claims.to_vec(),
        };
        let release = match self.ask(world, true, refresh) {
            Reply::Released { release } => release,
            Reply::Problem(problem) => return Err(problem),
            other => panic!("{other:?}"),
        };
        let asked = Asked {
            grant,
            nonce: NONCE,
            claims,
            number: self.number,
        };
        let types = Types::builtin();
        let opened = VerifiedRelease::open(&release, &asked, types.get(self.vct).unwrap(), &world.trust, world.now)?;
        Ok(Value::Object(opened.release().claims.clone()))
    }
}

fn refused(reply: Reply) -> Code {
    match reply {
        Reply::Problem(problem) => problem.code,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_company_grants_its_bank_the_overview_of_its_claims_and_not_of_the_owners() {
    let mut world = World::new();
    let now = world.now;
    let mut proprietor = company(ENK, ROLIG);
    proprietor["rollegrupper"][0]["roller"][0]["type"] = json!({ "kode": "INNH", "beskrivelse": "Innehaver" });
    world.agency.import(
        now,
        COMPANY,
        &[company(TREG, ROLIG), company(FISKEBAAT, DRIFTIG), proprietor],
    );
    world.agency.import(now, CLAIMS, &[tax_claims()]);
    let pid = world.pid(ROLIG);
    // The person opens the company's wallet; the company shows what it is.
    let own = world.collect(COMPANY, Some(ENK), &pid).unwrap();
    let collected = world.collect(CLAIMS, Some(ENK), &own).unwrap();
    assert!(collected.claims().to_string().contains("MERVERDIAVGIFT"));
    assert!(
        !collected.claims().to_string().contains("24818446027"),
        "the owner's own"
    );

    let overview = Granted {
        service: "S06",
        vct: CLAIMS,
        organisation: Some(ENK),
        number: ENK,
    };
    let (grant, key) = overview.grant(&world, |_| ());
    let deposited = overview.deposit(&mut world, &own, &grant, &key);
    assert!(matches!(deposited, Reply::Deposited { .. }), "{deposited:?}");
    let released = overview.refresh(&mut world, &grant, &grant.grant().claims).unwrap();
    assert_eq!(released["partIdentifikator"], ENK);
    assert_eq!(released["aapentKravMedGjenstaaendeBeloep"].as_array().unwrap().len(), 1);
    assert_eq!(released.get("totalOversikt"), None, "a sum with the owner's in it");
    assert!(!released.to_string().contains("24818446027"));

    // Another company's wallet deposits nothing under this number, and nobody grants longer than the source lets.
    let other = world.collect(COMPANY, Some(TREG), &pid).unwrap();
    let (second, key) = overview.grant(&world, |_| ());
    assert_eq!(
        refused(overview.deposit(&mut world, &other, &second, &key)),
        Code::WrongSubject
    );
    let (long, key) = overview.grant(&world, |grant| grant.exp = grant.exp.plus(1));
    assert_eq!(refused(overview.deposit(&mut world, &own, &long, &key)), Code::OverAsk);
    let (of_case, key) = overview.grant(&world, |grant| grant.kind = credentials::grant::Kind::Case);
    assert_eq!(
        refused(overview.deposit(&mut world, &own, &of_case, &key)),
        Code::OverAsk
    );
}

#[test]
fn an_insurer_follows_a_case_and_sees_no_decision_that_was_taken_back() {
    let mut world = World::new();
    let now = world.now;
    let mut row = allowance();
    row["vedtak"]["vedtaksliste"][0]["virkningsperiode"]["tilDato"] = json!("2026-01-11");
    world.agency.import(now, AAP, &[row]);
    let pid = world.pid(MUNTER);
    let case = Granted {
        service: "S10",
        vct: AAP,
        organisation: None,
        number: MUNTER,
    };
    let (grant, key) = case.grant(&world, |_| ());
    let deposited = case.deposit(&mut world, &pid, &grant, &key);
    assert!(matches!(deposited, Reply::Deposited { .. }), "{deposited:?}");
    let asked = [Path::of(&["personidentifikator"]), Path::of(&["vedtak"])];
    let released = case.refresh(&mut world, &grant, &asked).unwrap();
    let decisions = released["vedtak"]["vedtaksliste"].as_array().unwrap();
    assert_eq!(decisions.len(), 1);
    assert_eq!(decisions[0]["vedtakId"], 34566990);
    assert_eq!(released.get("meldekort"), None, "what was not asked");
    // A service without health data on its registration has none released.
    let (under_loan, key) = case.grant(&world, |grant| grant.service = "S15".to_owned());
    assert_eq!(
        refused(case.deposit(&mut world, &pid, &under_loan, &key)),
        Code::OverAsk
    );
    let (on_contract, key) = case.grant(&world, |grant| grant.purpose = "underwriting".to_owned());
    assert_eq!(
        refused(case.deposit(&mut world, &pid, &on_contract, &key)),
        Code::OverAsk
    );
}

#[test]
fn a_companys_grant_ends_with_its_givers_role_and_when_it_is_bankrupt_or_struck_off() {
    let mut world = World::new();
    let now = world.now;
    let row = |manager: &str| {
        let mut row = company(ENK, manager);
        row["rollegrupper"][0]["roller"][0]["type"] = json!({ "kode": "INNH", "beskrivelse": "Innehaver" });
        row
    };
    world.agency.import(now, COMPANY, &[row(ROLIG)]);
    world.agency.import(now, CLAIMS, &[tax_claims()]);
    let pid = world.pid(ROLIG);
    let own = world.collect(COMPANY, Some(ENK), &pid).unwrap();
    let overview = Granted {
        service: "S06",
        vct: CLAIMS,
        organisation: Some(ENK),
        number: ENK,
    };
    let (grant, key) = overview.grant(&world, |_| ());
    assert!(matches!(
        overview.deposit(&mut world, &own, &grant, &key),
        Reply::Deposited { .. }
    ));
    let claims = grant.grant().claims.clone();
    let told = |world: &mut World| {
        let released = overview.refresh(world, &grant, &claims);
        released.map(drop).map_err(|problem| (problem.code, problem.detail))
    };
    assert_eq!(told(&mut world), Ok(()));
    let changed = |world: &mut World, row: Value| world.agency.import(now, COMPANY, &[row]);

    changed(&mut world, row(DRIFTIG));
    assert_eq!(told(&mut world), Err((Code::RoleMissing, None)), "somebody else's now");
    world.agency.reopen();
    assert_eq!(told(&mut world), Err((Code::RoleMissing, None)));
    changed(&mut world, row(ROLIG));
    assert_eq!(told(&mut world), Ok(()));
    let over = Err((Code::RoleMissing, Some("konkurs".to_owned())));
    let mut bankrupt = row(ROLIG);
    bankrupt["konkurs"] = json!(true);
    changed(&mut world, bankrupt);
    assert_eq!(told(&mut world), over);
    changed(&mut world, row(ROLIG));
    assert_eq!(told(&mut world), Ok(()), "a bankruptcy that was set aside");
    let mut gone = row(ROLIG);
    gone["slettedato"] = json!("2026-07-14");
    changed(&mut world, gone);
    assert_eq!(told(&mut world), over);
    assert_eq!(
        world
            .agency
            .issuer()
            .access_log(Some(ENK))
            .unwrap()
            .iter()
            .filter(|one| one.grant.is_some())
            .count(),
        3
    );
}
