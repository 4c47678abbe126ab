//! §5: collecting a credential with an activation code, or by showing another credential.

use crate::cbor::{self, message, optional};
use crate::connection::{Connection, ISSUE, dial};
use crate::credential::Credential;
use crate::jose::{decode, decode_32, encode, jwk, public, random, sha256, sign};
use crate::link::Offer;
use crate::problem::{Outcome, Problem, refuse, require};
use crate::request::Request;
use crate::show;
use crate::state::{Copy, Held, State, Waiting};
use crate::trust::Trust;
use crate::types::{self, Type};
use ciborium::Value;
use serde_json::json;
use std::collections::BTreeSet;

/// Asks a person: they read the text, and say yes or no.
pub(crate) type Decide<'a> = &'a mut dyn FnMut(&str) -> Outcome<bool>;

struct Terms {
    nonce: String,
    copies: usize,
    rows: usize,
    request: Option<String>,
}

/// Collects what an offer invites to.
pub(crate) async fn collect(
    state: &mut State,
    link: &str,
    code: Option<&str>,
    decide: Decide<'_>,
    now: u64,
) -> Outcome<serde_json::Value> {
    state.require_idle()?;
    let trust = state.trust(now)?;
    let offer = Offer::read(link)?;
    let issuer = trust.organisation(&offer.issuer, "unknown_issuer")?;
    let allowed = issuer.issues.contains(&offer.vct);
    require(allowed, "type_not_allowed", "the issuer may not issue this type")?;
    require(
        offer.expiry.is_none_or(|expiry| now < expiry),
        "expired",
        "the offer has run out",
    )?;
    let known = types::find(&offer.vct)?;
    let personal = known.proof.is_none();
    require(
        personal == offer.id.is_some(),
        "link_invalid",
        "the offer is of another kind than its type",
    )?;

    let secret = state.peer(&issuer.did)?;
    let mut connection = dial(issuer, secret).await?;
    let begin = message(
        "Begin",
        [
            ("vct", known.vct.into()),
            ("offer", optional(offer.id.clone())),
            ("organisation", Value::Null),
        ],
    );
    let terms = terms(connection.ask(ISSUE, &begin).await?, known)?;

    let transaction: [u8; 16] = random()?;
    let keys = terms.copies.saturating_mul(terms.rows);
    let secrets: Vec<[u8; 32]> = (0..keys).map(|_| random()).collect::<Outcome<_>>()?;
    let (identification, number) = match (&terms.request, offer.id) {
        (None, Some(id)) => {
            let code = code.ok_or_else(|| Problem::new("usage", "this offer needs its activation code"))?;
            let fields = [("offer", Value::Bytes(id)), ("code", code.trim().into())];
            (message("Code", fields), None)
        }
        (Some(request), None) => {
            let request = Request::check(request, &trust, now, &connection.peer())?;
            let keys = keys_hash(&secrets);
            let covered = show::covered(&transaction, &keys);
            let (answer, number) = identify(state, known, &issuer.did, &terms.nonce, &request, &covered, decide, now)?;
            (message("Presentation", [("answer", answer.into())]), Some(number))
        }
        _ => return refuse("malformed", "the terms ask for another proof than the type says"),
    };
    let request = message(
        "Request",
        [
            ("transaction", Value::Bytes(transaction.to_vec())),
            ("vct", known.vct.into()),
            ("nonce", terms.nonce.as_str().into()),
            (
                "proofs",
                Value::Array(proofs(&secrets, &issuer.did, &terms.nonce, &transaction)),
            ),
            ("identification", identification),
        ],
    );
    state.kept.waiting = Some(Waiting::Collecting {
        issuer: issuer.did.clone(),
        vct: known.vct.to_owned(),
        transaction: encode(&transaction),
        secrets: secrets.iter().map(|secret| encode(secret)).collect(),
        copies: terms.copies,
        rows: terms.rows,
        number,
        message: encode(&cbor::write(&request)?),
        is_delivered: false,
    });
    // The keys, and that a copy is used up, are durable before anything leaves.
    state.save()?;
    let outcome = finish(state, &trust, &mut connection, now).await;
    connection.close().await;
    state.settle(outcome)
}

/// Checks the terms, all but their request.
fn terms(reply: Value, known: &Type) -> Outcome<Terms> {
    let terms = cbor::expect(reply, "Terms")?;
    let count = |name| usize::try_from(terms.uint(name)?).map_err(|_| Problem::new("malformed", "too many copies"));
    let (copies, rows) = (count("copies")?, count("rows")?);
    let within = copies >= 1 && (1..=8).contains(&rows) && copies.saturating_mul(rows) <= 64;
    require(within, "malformed", "the terms ask for too many keys, or for none")?;
    let nonce = terms.text("nonce")?.to_owned();
    require(
        (1..=128).contains(&nonce.len()),
        "malformed",
        "the terms' nonce is empty or too long",
    )?;
    let request = terms.text_or_null("request")?.map(str::to_owned);
    let fits = request.is_some() == known.proof.is_some();
    require(fits, "malformed", "the terms ask for another proof than the type says")?;
    Ok(Terms {
        nonce,
        copies,
        rows,
        request,
    })
}

/// Checks that the request is the identification for this collecting, has a person decide, and makes the answer.
#[expect(
    clippy::too_many_arguments,
    reason = "they are the things that the identification must fit"
)]
fn identify(
    state: &mut State,
    known: &Type,
    issuer: &str,
    nonce: &str,
    request: &Request<'_>,
    covered: &serde_json::Map<String, serde_json::Value>,
    decide: Decide<'_>,
    now: u64,
) -> Outcome<(String, String)> {
    let asked = &request.asked;
    let for_this = request.signer.did == issuer
        && asked.nonce == nonce
        && asked.service == "K02"
        && asked.issue == Some((known.vct.to_owned(), None));
    require(for_this, "wrong_request", "the request is not for collecting this")?;
    let Some((proof, claim)) = known.proof else {
        return refuse("wrong_request", "this type is collected with a code");
    };
    let only = match asked.queries.as_slice() {
        [query] => query.vct == proof && query.paths == [vec![Some(claim.to_owned())]] && query.values.is_empty(),
        _ => false,
    };
    require(only, "over_ask", "the request asks for more than the number")?;
    let chosen = show::choose(state, request)?;
    let words = request.words(&|query, path| show::values(request, &chosen, query, path));
    let words = format!("To collect {} you show who you are.\n{words}", known.vct);
    require(decide(&words)?, "not_confirmed", "nothing was shown")?;
    let number = chosen
        .first()
        .map(|chosen| types::find(proof)?.number_of(&chosen.claims()).map(str::to_owned));
    let number = number.unwrap_or_else(|| refuse("not_presented", "nothing is held"))?;
    let answer = show::answer(state, request, &chosen, covered, None, now)?;
    Ok((answer, number))
}

/// `bevis_keys`.
pub(crate) fn keys_hash(secrets: &[[u8; 32]]) -> [u8; 32] {
    let mut input = b"bevis-keys/1".to_vec();
    secrets.iter().for_each(|secret| input.extend(public(secret)));
    sha256(&input)
}

pub(crate) fn proofs(secrets: &[[u8; 32]], issuer: &str, nonce: &str, transaction: &[u8]) -> Vec<Value> {
    let payload = json!({"aud": issuer, "nonce": nonce, "transaction": encode(transaction)});
    let proof = |secret: &[u8; 32]| {
        let header = json!({"alg": "EdDSA", "typ": "openid4vci-proof+jwt", "jwk": jwk(&public(secret))});
        sign(&header, &payload, secret).into()
    };
    secrets.iter().map(proof).collect()
}

/// Sends what waits, checks the delivery whole, stores it whole, acknowledges. Called again after a lost answer.
pub(crate) async fn finish(
    state: &mut State,
    trust: &Trust,
    connection: &mut Connection,
    now: u64,
) -> Outcome<serde_json::Value> {
    let Some(Waiting::Collecting {
        vct,
        transaction,
        message: request,
        is_delivered,
        ..
    }) = state.kept.waiting.clone()
    else {
        return refuse("usage", "nothing is being collected");
    };
    let bytes = Value::Bytes(decode(&transaction)?);
    if !is_delivered {
        let reply = cbor::read(&connection.send(ISSUE, &decode(&request)?).await?)?;
        let delivery = cbor::expect(reply, "Delivery")?;
        require(
            *delivery.get("transaction") == bytes,
            "malformed",
            "the delivery is of another collecting",
        )?;
        let held = check(state, trust, delivery.list("credentials")?, now)?;
        state.kept.held.extend(held);
        if let Some(Waiting::Collecting { is_delivered, .. }) = &mut state.kept.waiting {
            *is_delivered = true;
        }
        state.save()?;
    }
    let acknowledge = message("Acknowledge", [("transaction", bytes)]);
    match cbor::expect(connection.ask(ISSUE, &acknowledge).await?, "Acknowledged") {
        // After the 7 days there is nothing left to acknowledge.
        Err(problem) if problem.code != "unknown_session" => return Err(problem),
        _ => {}
    }
    state.kept.waiting = None;
    state.save()?;
    Ok(json!({"outcome": "collected", "vct": vct}))
}

/// §5, *What a wallet checks of a delivery*.
fn check(state: &State, trust: &Trust, credentials: &[Value], now: u64) -> Outcome<Vec<Held>> {
    let Some(Waiting::Collecting {
        issuer,
        vct,
        secrets,
        copies,
        rows,
        number,
        ..
    }) = &state.kept.waiting
    else {
        return refuse("usage", "nothing is being collected");
    };
    let wrong = || Problem::new("malformed", "the delivery has other rows or copies than the terms");
    require(
        (1..=*rows).contains(&credentials.len()),
        "malformed",
        "the delivery has no rows, or too many",
    )?;
    let known = types::find(vct)?;
    let secrets: Vec<[u8; 32]> = secrets.iter().map(|secret| decode_32(secret)).collect::<Outcome<_>>()?;
    let mut used = BTreeSet::new();
    let mut delivered = Vec::new();
    for row in credentials {
        let row = row.as_array().filter(|row| row.len() == *copies).ok_or_else(wrong)?;
        let mut held = Held {
            issuer: issuer.clone(),
            vct: vct.clone(),
            copies: Vec::new(),
        };
        let mut equal = None;
        for copy in row {
            let text = copy.as_text().ok_or_else(wrong)?;
            let credential = Credential::read(text)?;
            credential.check(trust, now, issuer, vct)?;
            credential.status()?;
            let holder = credential.holder()?;
            let secret = secrets.iter().find(|secret| public(secret) == holder);
            let secret = secret.ok_or_else(|| Problem::new("holder_binding_invalid", "a copy is for another's key"))?;
            require(
                used.insert(holder),
                "holder_binding_invalid",
                "two copies are for one key",
            )?;
            let claims = credential.claims();
            let same = *equal.get_or_insert_with(|| claims.clone()) == claims;
            require(same, "schema_invalid", "the copies of a credential differ")?;
            let ours = number
                .as_deref()
                .is_none_or(|ours| known.number_of(&claims).is_ok_and(|found| found == ours));
            require(ours, "wrong_subject", "the credential is about somebody else")?;
            held.copies.push(Copy {
                secret: encode(secret),
                credential: text.to_owned(),
                is_used: false,
            });
        }
        delivered.push(held);
    }
    Ok(delivered)
}
