//! One whole exchange with fixed keys: a wallet collects C01 with an activation code and C02 by showing C01, and shows C02 to
//! a bank. Each text is made by the code that ships and goes through the checks of the side that reads it.

use super::parties::*;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use credentials::decision::Receipt;
use credentials::jwe::{self, DecryptionKey};
use credentials::jws;
use credentials::link::Link;
use credentials::protocol::issuance::KEY_PROOF_TYP;
use credentials::query::{ClaimQuery, CredentialQuery, Query};
use credentials::request::{self, IssuePurpose, Request};
use credentials::schema::{Path, Types};
use credentials::sd_jwt::{self, Bind, Covers, Issue, SdJwt, StatusRef, keys_hash};
use credentials::service::Registration;
use credentials::status::{Head, ListVersion, Mirror, Signing, State, States, list_hash};
use credentials::trust::{Bundle, Draft, Trust};
use credentials::verify::{self, Context, Expected, Verdict, VpToken};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// Gives the bytes in turn and then no more.
fn feed(bytes: Vec<u8>) -> impl FnMut(&mut [u8]) + Send {
    let mut left = bytes.into_iter();
    move |out| out.fill_with(|| left.next().expect("as many bytes as are asked for"))
}

/// 16 bytes of salt each: the first `first`, then one more each time.
fn salts(first: u8) -> impl FnMut(&mut [u8]) + Send {
    let mut next = first;
    move |out: &mut [u8]| {
        out.fill(next);
        next += 1;
    }
}

/// An answer to a request, with what it is made of.
pub(super) struct Answer {
    /// The credential with the chosen disclosures, ending in `~`.
    pub(super) selected: String,
    /// The key-binding JWT.
    pub(super) binding: String,
    pub(super) plaintext: String,
    pub(super) jwe: String,
}

/// A credential and its status.
pub(super) struct Issued {
    pub(super) text: String,
    pub(super) list: String,
    pub(super) head: String,
}

/// Everything that is sent, and the trust document.
pub(super) struct Exchange {
    pub(super) trust: Bundle,
    pub(super) offer: String,
    pub(super) proof_pid: String,
    pub(super) pid: Issued,
    pub(super) terms_request: String,
    pub(super) keys_hash: [u8; 32],
    pub(super) proof_income: String,
    pub(super) identification: Answer,
    pub(super) income: Issued,
    pub(super) link: String,
    pub(super) request: String,
    pub(super) answer: Answer,
    pub(super) receipt: String,
}

/// The exchange, made once.
pub(super) fn exchange() -> &'static Exchange {
    static MADE: OnceLock<Exchange> = OnceLock::new();
    MADE.get_or_init(make)
}

/// Nonces and sessions, in base64url.
pub(super) fn name<const N: usize>(byte: u8) -> String {
    BASE64_URL_SAFE_NO_PAD.encode([byte; N])
}

fn make() -> Exchange {
    let now = now();
    let mut anchors = anchors();
    let draft = Draft {
        sequence: 1,
        operator: "Syntetisk tillitsanker".to_owned(),
        issued: now.day(),
        next_update: now.day().plus(86_400 * 30),
        organisations: PARTIES.iter().map(|party| party.listed(now)).collect(),
    };
    let bundle = anchors.publish(&draft, now.day()).expect("signs");
    let trust = anchors.client(&bundle, now).expect("takes").trust().expect("in force");

    let offer = Link::Offer {
        issuer: IDENTITY.did(),
        vct: PID.to_owned(),
        offer: Some(OFFER.to_vec()),
        expires: Some(now.plus(14 * 86_400)),
    };
    let pid = issued(IDENTITY, PID, &pid_row(), HOLDER_PID, (1_000, 0x10));
    let income = issued(TAX, INCOME, &income_row(), HOLDER_INCOME, (345_678, 0x40));
    let mut mirror = Mirror::default();
    for (party, issued) in [(IDENTITY, &pid), (TAX, &income)] {
        let heard = mirror.head(&issued.head, &trust, now).expect("newer");
        assert_eq!(heard.issuer, party.did());
        mirror.list(&issued.list, &trust, now).expect("a list");
    }

    let terms_request = request(
        TAX,
        "K02",
        query("id", PID, &[Path::of(&["personal_administrative_number"])]),
        (0xa2, 0xb2, ONE_TIME_TAX, 600),
        "C02-00000001",
        Some(IssuePurpose {
            vct: INCOME.to_owned(),
            organisation: None,
            standing: None,
        }),
    );
    let keys_hash = keys_hash(&[key(HOLDER_INCOME).verifying_key()]);
    let covers = Covers {
        transaction: SECOND,
        keys_hash,
        organisation: None,
        grant: None,
    };
    let identification = answered(
        TAX,
        &terms_request,
        &pid.text,
        HOLDER_PID,
        Some(&covers),
        EPHEMERAL_TAX,
        &trust,
    );
    check(
        &terms_request,
        TAX,
        ONE_TIME_TAX,
        &identification,
        Some(&covers),
        &trust,
        &mirror,
    );

    let asked = [
        Path::of(&["personidentifikator"]),
        Path::of(&["fraOgMed"]),
        Path::of(&["tilOgMed"]),
        Path(
            [
                Some("oppgaveInntektsmottaker"),
                None,
                Some("inntekt"),
                None,
                Some("beloep"),
            ]
            .map(|segment| segment.map(str::to_owned))
            .into(),
        ),
    ];
    let request_text = request(
        BANK,
        "S01",
        query("MonthlyIncome", INCOME, &asked),
        (0xa3, 0xb3, ONE_TIME_BANK, 120),
        "LAN-2026-1",
        None,
    );
    let link = Link::Request {
        asker: BANK.did(),
        session: name::<16>(0xb3),
        hash: request::hash(&request_text).to_vec(),
        expires: now.plus(120),
    };
    let answer = answered(
        BANK,
        &request_text,
        &income.text,
        HOLDER_INCOME,
        None,
        EPHEMERAL_BANK,
        &trust,
    );
    check(&request_text, BANK, ONE_TIME_BANK, &answer, None, &trust, &mirror);
    let registration = trust
        .organisation(&BANK.did())
        .and_then(|bank| bank.service("S01"))
        .expect("S01");
    let receipt = Receipt {
        request: BASE64_URL_SAFE_NO_PAD.encode(request::hash(&request_text)),
        answer: BASE64_URL_SAFE_NO_PAD.encode(request::hash(&answer.jwe)),
        decision: None,
        asker: BANK.did(),
        verdict: Verdict::Valid,
        code: None,
        kept: BTreeMap::from([("MonthlyIncome".to_owned(), asked.to_vec())]),
        until: Some(now.plus(registration.keep_seconds)),
        ground: registration.keep_ground.code.clone(),
        at: now,
    };
    let receipt = receipt.sign(&BANK.kid(), &BANK.key()).expect("signs");
    Receipt::open(&receipt, &trust).expect("a receipt");
    Exchange {
        offer: offer.to_text().expect("a link"),
        proof_pid: proof(IDENTITY, HOLDER_PID, &name::<32>(0xa1), &FIRST),
        pid,
        terms_request,
        keys_hash,
        proof_income: proof(TAX, HOLDER_INCOME, &name::<32>(0xa2), &SECOND),
        identification,
        income,
        link: link.to_text().expect("a link"),
        request: request_text,
        answer,
        receipt,
        trust: bundle,
    }
}

fn pid_row() -> Value {
    json!({
        "family_name": "ROLIG", "given_name": "EPLE", "birth_date": "1988-05-14",
        "birth_place": { "country": "NO" }, "nationality": ["NO"],
        "personal_administrative_number": PERSON, "age_over_18": true,
        "issuing_authority": "Digitaliseringsdirektoratet (syntetisk)", "issuing_country": "NO",
        "expiry_date": "2031-07-09",
    })
}

fn income_row() -> Value {
    json!({
        "personidentifikator": PERSON, "fraOgMed": "2026-06", "tilOgMed": "2026-06",
        "ajourholdstidspunkt": "2026-07-10T04:00:00Z",
        "oppgaveInntektsmottaker": [{
            "opplysningspliktigId": "219840365", "virksomhetId": "219840365", "kalendermaaned": "2026-06",
            "inntekt": [{
                "fordel": "kontantytelse", "beloep": "49609.00", "loennsinntekt": { "beskrivelse": "fastloenn" },
            }],
        }],
        "derived": { "monthsWithStatement": 1, "sumKontantytelse": "49609.00" },
    })
}

fn issued(party: Party, vct: &str, row: &Value, holder: u8, (index, salt): (u32, u8)) -> Issued {
    let now = now();
    let types = Types::builtin();
    let credential_type = types.get(vct).expect("known");
    let row = credential_type.row(row.clone()).expect("a row");
    let issue = Issue {
        credential_type,
        claims: &credential_type.claims(&row),
        issuer: &party.did(),
        kid: &party.kid(),
        holder: &key(holder).verifying_key(),
        status: StatusRef {
            uri: party.list_uri(),
            index,
        },
        issued: now.day(),
        expires: credential_type.valid_until(now.day(), &row),
    };
    let text = sd_jwt::issue(&issue, &mut salts(salt), &party.key()).expect("signs");
    // The entry after it is revoked, so that the order of the bits shows.
    let mut states = States::new();
    assert!(states.set(index + 1, State::Revoked));
    let signing = Signing {
        issuer: &party.did(),
        kid: &party.kid(),
        signer: &party.key(),
        now,
        lifetime: 86_400,
    };
    let list = states.sign(&party.list_uri(), &signing).expect("signs");
    let head = Head {
        issuer: party.did(),
        issued: now,
        expires: now.plus(3_600),
        lists: vec![ListVersion {
            uri: party.list_uri(),
            version: 1,
            hash: list_hash(&list),
            size: u32::try_from(list.len()).expect("small"),
            states: states.hash(),
        }],
    };
    let head = head.sign(&party.kid(), &party.key()).expect("signs");
    Issued { text, list, head }
}

fn query(id: &str, vct: &str, paths: &[Path]) -> Query {
    let claims = paths.iter().map(|path| ClaimQuery {
        path: path.clone(),
        values: Vec::new(),
    });
    Query {
        credentials: vec![CredentialQuery {
            id: id.to_owned(),
            vct: vct.to_owned(),
            claims: claims.collect(),
        }],
    }
}

fn request(
    party: Party,
    service: &str,
    query: Query,
    (nonce, session, one_time, seconds): (u8, u8, u8, i64),
    case: &str,
    issue: Option<IssuePurpose>,
) -> String {
    let request = Request {
        asker: party.did(),
        nonce: name::<32>(nonce),
        session: name::<16>(session),
        issued: now(),
        expires: now().plus(seconds),
        query,
        encryption: DecryptionKey::from_bytes(&[one_time; 32]).public_jwk(),
        origins: vec![party.peer()],
        service: service.to_owned(),
        stated: Registration::known(service).expect("built in").statement(),
        case: case.to_owned(),
        issue,
        grant: None,
        reach: false,
    };
    request.sign(&party.kid(), &party.key()).expect("signs")
}

fn proof(issuer: Party, holder: u8, nonce: &str, transaction: &[u8; 16]) -> String {
    let key = key(holder);
    let header = Map::from_iter([("jwk".to_owned(), key.verifying_key().to_jwk())]);
    let payload = json!({
        "aud": issuer.did(), "nonce": nonce, "transaction": BASE64_URL_SAFE_NO_PAD.encode(transaction),
    });
    jws::sign(KEY_PROOF_TYP, None, header, &payload, &key).expect("signs")
}

fn answered(
    asker: Party,
    request: &str,
    credential: &str,
    holder: u8,
    covers: Option<&Covers>,
    (ephemeral, nonce): (u8, u8),
    trust: &Trust,
) -> Answer {
    let opened = request::open(request, trust, Some(&asker.peer()), now()).expect("opens");
    let asked = &opened.request.query.credentials[0];
    let paths = opened.request.query.paths(&asked.id);
    let selected = SdJwt::parse(credential)
        .and_then(|it| it.select(&paths))
        .expect("selects");
    let bind = Bind {
        audience: &opened.request.client_id(),
        nonce: &opened.request.nonce,
        issued: now(),
        request_hash: opened.hash,
        covers,
    };
    let bound = sd_jwt::bind(&selected, &bind, &key(holder)).expect("binds");
    let plaintext = json!({ "vp_token": { &asked.id: [bound] } }).to_string();
    let mut random = feed([vec![ephemeral; 32], vec![nonce; 12]].concat());
    let jwe = jwe::seal(
        &opened.request.encryption,
        b"",
        &opened.hash,
        plaintext.as_bytes(),
        &mut random,
    );
    Answer {
        binding: bound.strip_prefix(&selected).expect("the end of it").to_owned(),
        selected,
        plaintext,
        jwe: jwe.expect("seals"),
    }
}

/// What the asker does with an answer: it must be valid.
fn check(
    request: &str,
    asker: Party,
    one_time: u8,
    answer: &Answer,
    covers: Option<&Covers>,
    trust: &Trust,
    mirror: &Mirror,
) {
    let opened = request::open(request, trust, None, now()).expect("opens");
    let key = DecryptionKey::from_bytes(&[one_time; 32]);
    let plain = key.open(&answer.jwe, &opened.hash, 1 << 18).expect("decrypts");
    let body: BTreeMap<String, VpToken> = serde_json::from_slice(&plain).expect("an answer");
    let expected = Expected {
        audience: &format!("decentralized_identifier:{}", asker.did()),
        nonce: &opened.request.nonce,
        request_hash: opened.hash,
        query: &opened.request.query,
        issued: now(),
        subject: covers.is_none().then_some(PERSON),
        covers,
    };
    let context = Context {
        now: now(),
        trust: Some(trust),
        status: mirror,
        types: &Types::builtin(),
        status_age_max: 3_600,
    };
    let (report, _) = verify::presentation(&body["vp_token"], &expected, &context);
    assert_eq!(report.verdict(), Verdict::Valid, "{report:?}");
}
