//! Rows as earlier versions wrote them are read: the wallet goes on with what it has.

use super::presenting::income_only;
use super::world::*;
use crate::history::What;
use crate::tables::{self, DecisionRow, Kind, RequestRow, RequestStage, Row};
use crate::*;
use credentials::decision::{DECISION_TYP, Decision};
use credentials::link::Authorise;
use credentials::schema::Path;
use credentials::{SigningKey, jws};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use std::collections::BTreeMap;

/// A decision before it named its ground and until when.
#[derive(Clone, Serialize, Deserialize)]
struct DecisionBefore {
    request: String,
    recipient: Did,
    service: String,
    purpose: String,
    text: String,
    language: String,
    claims: BTreeMap<String, Vec<Path>>,
    outcome: String,
    at: Timestamp,
}

/// Its row, before the asker was given one.
#[derive(Serialize, Deserialize)]
struct DecisionRowBefore {
    kind: Kind,
    decision: DecisionBefore,
    signed: Vec<String>,
}

impl Row for DecisionRowBefore {
    const TABLE: &'static str = DecisionRow::TABLE;
}

/// The row of a request, before refusals left at times of their own.
#[derive(Serialize, Deserialize)]
struct RequestRowBefore {
    kind: Kind,
    request: String,
    hash: String,
    asker: Did,
    session: String,
    expires: Timestamp,
    service: String,
    case: String,
    transaction: Option<String>,
    authorise: Option<Authorise>,
    stage: RequestStage,
}

impl Row for RequestRowBefore {
    const TABLE: &'static str = RequestRow::TABLE;
}

/// A line of the history, before lines had numbers of their own.
#[derive(Serialize, Deserialize)]
struct EventBefore {
    at: Timestamp,
    what: What,
    with: Did,
    with_name: String,
    types: Vec<String>,
    service: Option<String>,
    claims: BTreeMap<String, Vec<String>>,
    request: Option<String>,
}

fn before(session: &Session, outcome: &str) -> DecisionBefore {
    let query = &session.request.query;
    let paths = query
        .credentials
        .iter()
        .map(|asked| (asked.id.clone(), query.paths(&asked.id)));
    DecisionBefore {
        request: tables::text(&session.hash()),
        recipient: Org::Bank.did(),
        service: "S01".to_owned(),
        purpose: "loan_application".to_owned(),
        text: tables::text(&[2; 32]),
        language: "nb".to_owned(),
        claims: paths.collect(),
        outcome: outcome.to_owned(),
        at: now(),
    }
}

#[test]
fn decisions_requests_and_history_of_before_are_read_shown_and_exported() {
    let mut home = citizen();
    let wallet = home.wallet();
    let (shared, waiting) = (income_only(), income_only());
    let id = bring(wallet, &waiting);
    let row = wallet.tables.get::<RequestRow>(&id).unwrap().unwrap();
    let key = SigningKey::from_bytes(&[9; 32]);
    let decision = before(&shared, "shared");
    let header = Map::from_iter([("jwk".to_owned(), key.verifying_key().to_jwk())]);
    let signed = jws::sign(DECISION_TYP, None, header, &json!(decision), &key).unwrap();
    let hash = tables::text(&shared.hash());
    let mut change = wallet.tables.change();
    change
        .put(
            &hash,
            &DecisionRowBefore {
                kind: Kind::Present,
                decision: decision.clone(),
                signed: vec![signed.clone()],
            },
        )
        .unwrap();
    let request = RequestRowBefore {
        kind: row.kind,
        request: row.request,
        hash: row.hash,
        asker: row.asker,
        session: row.session,
        expires: row.expires,
        service: row.service,
        case: row.case,
        transaction: row.transaction,
        authorise: row.authorise,
        stage: row.stage,
    };
    change.put(&id, &request).unwrap();
    let event = EventBefore {
        at: now(),
        what: What::Shared,
        with: Org::Bank.did(),
        with_name: Org::Bank.name().to_owned(),
        types: vec![INCOME.to_owned()],
        service: Some("S01".to_owned()),
        claims: BTreeMap::new(),
        request: Some(hash.clone()),
    };
    let event: Event = serde_json::from_slice(&serde_json::to_vec(&event).unwrap()).unwrap();
    change.event(&event).unwrap();
    change.commit().unwrap();

    let wallet = home.restart();
    let row = wallet.tables.get::<DecisionRow>(&hash).unwrap().unwrap();
    assert_eq!((row.decision.ground.as_str(), row.decision.until), ("", None));
    assert_eq!((row.given, row.session.as_str(), row.asked.as_str()), (None, "", ""));
    let (opened, by) = Decision::open(&row.signed[0]).unwrap();
    assert_eq!((opened, by), (row.decision, key.verifying_key()));
    let last = wallet.history().unwrap().last().unwrap().clone();
    assert_eq!(
        (last.what, last.id),
        (What::Shared, wallet.history().unwrap().len() as u64)
    );
    let exported = wallet.export().unwrap();
    let decisions = exported["decisions"].as_array().unwrap();
    let one = decisions
        .iter()
        .find(|one| one["decision"]["request"] == hash.as_str())
        .unwrap();
    assert_eq!(one["signed"][0], signed.as_str());
    // The asker has nothing by which it would know who asks: there is no receipt of both, and nothing to delete with.
    assert!(matches!(wallet.receipt_document(now(), last.id), Err(Error::NotFound)));
    let begun = wallet.request_deletion(now(), last.id);
    assert_eq!(begun.len(), 1);
    assert!(matches!(
        begun[0].1.as_slice(),
        [Step::Done { result: Err(problem), .. }] if problem.code == Code::NotFound
    ));
    // And what waited is answered as ever.
    let (_, sent) = answer(wallet, &id, "nb");
    assert!(waiting.decision(&sent).is_some());
}
