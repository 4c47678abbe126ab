//! The stored form of every record, so that a change of it is seen: a store that was written must stay readable.

use super::*;
use crate::access::{Entry, Ground};
use crate::import::{ImportReport, Stage};

fn check<T: Serialize + DeserializeOwned>(what: &str, record: &T, stored: &str) {
    let bytes = protocol::encode(record).unwrap();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, stored, "{what}");
    let read: T = protocol::decode(&bytes, RECORD_MAX).unwrap();
    assert_eq!(protocol::encode(&read).unwrap(), bytes, "{what} reads back");
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(seconds)
}

fn positions() -> Vec<Position> {
    vec![
        Position {
            list: 0,
            index: 1_048_575,
        },
        Position { list: 1, index: 7 },
    ]
}

#[test]
fn the_stored_form_of_every_record_stays() {
    check(
        "register row",
        &RegisterRow {
            row: b"{}".to_vec(),
            hash: [1; 32],
            holder: "h".to_owned(),
            changed: at(5),
            import: None,
        },
        "a463726f77427b7d64686173685820010101010101010101010101010101010101010101010101010101010101010166686f6c6465726168676368616e67656405",
    );
    check(
        "prepared",
        &Prepared {
            row: [1; 32],
            seed: Secret([2; 32]),
            positions: positions(),
        },
        "a363726f775820010101010101010101010101010101010101010101010101010101010101010164736565645820020202020202020202020202020202020202020202020202020202020202020269706f736974696f6e7382a2646c6973740065696e6465781a000fffffa2646c6973740165696e64657807",
    );
    check(
        "credential",
        &Credential {
            vct: "t".to_owned(),
            row_key: "k".to_owned(),
            holder: "h".to_owned(),
            state: State::Suspended,
            seed: Secret([2; 32]),
            positions: positions(),
            at: at(5),
            issued: at(0),
            expires: at(9),
            acknowledged: Some(at(6)),
            transaction: [3; 16],
            opened_by: Some([4; 32]),
            reason: None,
        },
        "ad63766374617467726f775f6b6579616b66686f6c64657261686573746174656973757370656e64656464736565645820020202020202020202020202020202020202020202020202020202020202020269706f736974696f6e7382a2646c6973740065696e6465781a000fffffa2646c6973740165696e646578076261740566697373756564006765787069726573096c61636b6e6f776c6564676564066b7472616e73616374696f6e5003030303030303030303030303030303696f70656e65645f62795820040404040404040404040404040404040404040404040404040404040404040466726561736f6ef6",
    );
    check(
        "span",
        &Span {
            at: at(5),
            expires: at(9),
        },
        "a262617405676578706972657309",
    );
    check(
        "delivery",
        &Delivery {
            vct: "t".to_owned(),
            nonce: "n".to_owned(),
            keys: vec![7; 2],
            at: at(5),
            acknowledged: false,
            ground: Ground::OwnRequest,
            replaces: None,
            rows: vec![DeliveredRow {
                credential: [8; 16],
                row: b"{}".to_vec(),
            }],
        },
        "a7637663746174656e6f6e6365616e646b657973420707626174056c61636b6e6f776c6564676564f46667726f756e646b6f776e5f7265717565737464726f777381a26a63726564656e7469616c500808080808080808080808080808080863726f77427b7d",
    );
    check(
        "terms",
        &Terms {
            vct: "t".to_owned(),
            offer: Some([9; 16]),
            organisation: Some("o".to_owned()),
            issued: at(1),
            expires: at(2),
            identification: Some(Asked {
                key: Secret([2; 32]),
                hash: [1; 32],
            }),
            standing: None,
        },
        "a6637663746174656f6666657250090909090909090909090909090909096c6f7267616e69736174696f6e616f66697373756564016765787069726573026e6964656e74696669636174696f6ea2636b657958200202020202020202020202020202020202020202020202020202020202020202646861736858200101010101010101010101010101010101010101010101010101010101010101",
    );
    check(
        "offer",
        &Offer {
            vct: "t".to_owned(),
            subject: "s".to_owned(),
            mac: [1; 32],
            attempts: 4,
            expires: at(2),
            closed: true,
        },
        "a6637663746174677375626a6563746173636d61635820010101010101010101010101010101010101010101010101010101010101010168617474656d7074730467657870697265730266636c6f736564f5",
    );
    check(
        "list",
        &ListRecord {
            key: Secret([2; 32]),
            next: 6,
            version: 7,
            epoch: 8,
        },
        "a4636b657958200202020202020202020202020202020202020202020202020202020202020202646e657874066776657273696f6e076565706f636808",
    );
    check(
        "counts",
        &Counts {
            rows: 1,
            prepared: 2,
            issued: 3,
            revoked: 4,
            suspended: 5,
            superseded: 6,
        },
        "a664726f777301687072657061726564026669737375656403677265766f6b6564046973757370656e646564056a7375706572736564656406",
    );
    check(
        "job",
        &JobRecord {
            vct: "t".to_owned(),
            file: [1; 32],
            started: at(1),
            stage: Stage::Running,
            line: 2,
            report: ImportReport {
                rows: 1,
                new: 2,
                changed: 3,
                unchanged: 4,
                rejected: 5,
                vanished: 6,
                superseded: 7,
                revoked: 8,
            },
            ended: None,
            kept: None,
            source: None,
        },
        "a66376637461746466696c65582001010101010101010101010101010101010101010101010101010101010101016773746172746564016573746167656772756e6e696e67646c696e6502667265706f7274a864726f777301636e657702676368616e6765640369756e6368616e676564046872656a6563746564056876616e6973686564066a7375706572736564656407677265766f6b656408",
    );
    check(
        "access",
        &Entry {
            at: at(1),
            vct: "t".to_owned(),
            holder: vec![1; 2],
            categories: vec!["c".to_owned()],
            ground: Ground::Role,
            credentials: vec![serde_bytes::ByteBuf::from([2; 2])],
            again: true,
            recipient: None,
            grant: None,
        },
        "a76261740163766374617466686f6c6465724201016a63617465676f726965738161636667726f756e6464726f6c656b63726564656e7469616c738142020265616761696ef5",
    );
}

#[test]
fn the_stored_form_of_files_and_bulk_changes_stays() {
    let report = ImportReport {
        rows: 1,
        new: 2,
        changed: 3,
        unchanged: 4,
        rejected: 5,
        vanished: 6,
        superseded: 7,
        revoked: 8,
    };
    check(
        "job that reads a file of the store",
        &JobRecord {
            vct: "t".to_owned(),
            file: [1; 32],
            started: at(1),
            stage: Stage::Paused,
            line: 2,
            report,
            ended: Some(at(9)),
            kept: Some(crate::rejected::Kept {
                lines: 1,
                bytes: 2,
                is_cut: true,
            }),
            source: Some(ImportSource {
                upload: "u".to_owned(),
                is_csv: true,
                place: crate::upload::Place { bytes: 5, lines: 6 },
                lines: 7,
            }),
        },
        "a96376637461746466696c655820010101010101010101010101010101010101010101010101010101010101010167737461727465640165737461676566706175736564646c696e6502667265706f7274a864726f777301636e657702676368616e6765640369756e6368616e676564046872656a6563746564056876616e6973686564066a7375706572736564656407677265766f6b65640865656e64656409646b657074a3656c696e657301656279746573026669735f637574f566736f75726365a46675706c6f616461756669735f637376f565706c616365a265627974657305656c696e657306656c696e657307",
    );
    check(
        "upload",
        &UploadRecord {
            started: at(1),
            epoch: 2,
            bytes: 3,
            lines: 4,
            file: Some([1; 32]),
            job: None,
        },
        "a66773746172746564016565706f63680265627974657303656c696e6573046466696c6558200101010101010101010101010101010101010101010101010101010101010101636a6f62f6",
    );
    check(
        "rejected lines",
        &RejectedRecord {
            lines: vec![crate::rejected::RejectedLine {
                line: 1,
                path: "p".to_owned(),
                reason: "r".to_owned(),
                text: "t".to_owned(),
            }],
        },
        "a1656c696e657381a4646c696e65016470617468617066726561736f6e617264746578746174",
    );
    check(
        "bulk change",
        &BulkRecord {
            epoch: 1,
            started: at(2),
            state: State::Revoked,
            reason: "r".to_owned(),
            names: crate::bulk::Names::Row,
            vct: Some("t".to_owned()),
            import: None,
            proposed_by: "a".to_owned(),
            proposed: Some(at(3)),
            approved_by: Some("b".to_owned()),
            ended: None,
            stage: crate::bulk::BulkStage::Running,
            line: 4,
            lines: 5,
            rejected: 6,
            unchanged: 7,
            named: crate::Changed {
                credentials: 8,
                copies: 9,
            },
            file: Some([1; 32]),
            kept: crate::rejected::Kept::default(),
            chunks: 10,
            done: 11,
            told: 12,
            changed: crate::Changed {
                credentials: 13,
                copies: 14,
            },
            passed_over: 15,
        },
        "b8186565706f636801677374617274656402657374617465677265766f6b656466726561736f6e6172656e616d657363726f7763766374617466696d706f7274f66b70726f706f7365645f627961616870726f706f736564036b617070726f7665645f6279616265656e646564f66573746167656772756e6e696e67646c696e6504656c696e6573056872656a65637465640669756e6368616e67656407656e616d6564a26b63726564656e7469616c730866636f70696573096466696c6558200101010101010101010101010101010101010101010101010101010101010101646b657074a3656c696e657300656279746573006669735f637574f4666368756e6b730a64646f6e650b64746f6c640c676368616e676564a26b63726564656e7469616c730d66636f706965730e6b7061737365645f6f7665720f",
    );
}
