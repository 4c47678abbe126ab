//! §6: fetching a request, answering or declining it, and the receipt.

use crate::cbor::{self, message};
use crate::collect::Decide;
use crate::connection::{Connection, PRESENT, dial};
use crate::jose::{decode, encode, hash, read, sha256};
use crate::json::{text, uint};
use crate::link;
use crate::problem::{Outcome, refuse, require};
use crate::request::Request;
use crate::show::{self, Altered};
use crate::state::{State, Waiting};
use crate::trust::Trust;
use crate::types;
use serde_json::{Map, Value, json};

/// Longest receipt.
const RECEIPT_MAX: usize = 64 * 1024;
const RECEIPT: &[&str] = &[
    "request", "answer", "asker", "verdict", "code", "kept", "until", "ground", "at",
];

/// The link's asker, as far as it can be trusted before anybody connects.
fn open(trust: &Trust, text: &str, now: u64) -> Outcome<link::Request> {
    let link = link::Request::read(text)?;
    trust.organisation(&link.asker, "unknown_verifier")?;
    require(now < link.expiry, "expired", "the request has run out")?;
    Ok(link)
}

/// Fetches the request, has a person decide, and answers with all that was asked; on a no it declines.
pub(crate) async fn present(
    state: &mut State,
    link: &str,
    altered: Altered<'_>,
    decide: Decide<'_>,
    now: u64,
) -> Outcome<Value> {
    state.require_idle()?;
    let trust = state.trust(now)?;
    let link = open(&trust, link, now)?;
    let asker = trust.organisation(&link.asker, "unknown_verifier")?;
    let secret = state.peer(&asker.did)?;
    let mut connection = dial(asker, secret).await?;
    let fetch = message("Fetch", [("session", link.session.as_str().into())]);
    let fetched = cbor::expect(connection.ask(PRESENT, &fetch).await?, "Request")?;
    let request = Request::check(fetched.text("request")?, &trust, now, &connection.peer())?;
    check_link(&request, &link)?;

    let chosen = show::choose(state, &request)?;
    let words = request.words(&|query, path| show::values(&request, &chosen, query, path));
    if !decide(&words)? {
        return say_no(connection, &link.session).await;
    }
    let answer = show::answer(state, &request, &chosen, &Map::new(), altered, now)?;
    let fields = [
        ("session", link.session.as_str().into()),
        ("answer", answer.as_str().into()),
    ];
    state.kept.waiting = Some(Waiting::Sharing {
        asker: asker.did.clone(),
        request: hash(&request.text),
        answer: hash(&answer),
        message: encode(&cbor::write(&message("Answer", fields))?),
    });
    // The decision, the answer and that the copies are used up are durable before the answer leaves.
    state.save()?;
    let outcome = finish(state, &trust, &mut connection).await;
    connection.close().await;
    state.settle(outcome)
}

/// §10, step 7.
fn check_link(request: &Request<'_>, link: &link::Request) -> Outcome<()> {
    let fits = sha256(request.text.as_bytes()).as_slice() == link.hash
        && request.asked.state == link.session
        && request.signer.did == link.asker;
    require(fits, "link_invalid", "the request is another one than the link names")?;
    let plain = request.asked.issue.is_none();
    require(
        plain,
        "wrong_request",
        "the request is for collecting and not for showing",
    )?;
    for query in &request.asked.queries {
        let known = types::find(&query.vct)?;
        let may = query.paths.iter().all(|path| known.may_show(path));
        require(may, "over_ask", "a claim is asked for that the type does not show")?;
    }
    Ok(())
}

/// A person's no.
pub(crate) async fn decline(state: &mut State, link: &str, now: u64) -> Outcome<Value> {
    let trust = state.trust(now)?;
    let link = open(&trust, link, now)?;
    let secret = state.peer(&link.asker)?;
    let connection = dial(trust.organisation(&link.asker, "unknown_verifier")?, secret).await?;
    say_no(connection, &link.session).await
}

async fn say_no(mut connection: Connection, session: &str) -> Outcome<Value> {
    let decline = message("Decline", [("session", session.into())]);
    let reply = connection.ask(PRESENT, &decline).await;
    connection.close().await;
    cbor::expect(reply?, "Closed")?;
    Ok(json!({"outcome": "declined"}))
}

/// Sends the answer that waits and checks the receipt. Called again after a lost answer, with the same bytes.
pub(crate) async fn finish(state: &mut State, trust: &Trust, connection: &mut Connection) -> Outcome<Value> {
    let Some(Waiting::Sharing {
        asker,
        request,
        answer,
        message,
    }) = state.kept.waiting.clone()
    else {
        return refuse("usage", "nothing is being shared");
    };
    let reply = cbor::read(&connection.send(PRESENT, &decode(&message)?).await?)?;
    let receipt = cbor::expect(reply, "Receipt")?.text("receipt")?.to_owned();
    let said = check_receipt(trust, &receipt, &asker, &request, &answer)?;
    state.kept.receipts.push(receipt);
    state.kept.waiting = None;
    state.save()?;
    Ok(json!({"outcome": "shared", "receipt": said}))
}

pub(crate) fn check_receipt(trust: &Trust, receipt: &str, asker: &str, request: &str, answer: &str) -> Outcome<Value> {
    let jws = read(receipt, "bevis-receipt+jwt", RECEIPT_MAX)?;
    let said = &jws.payload;
    crate::json::only(said, RECEIPT, "malformed")?;
    let all = RECEIPT.iter().all(|name| said.get(name).is_some());
    require(all, "malformed", "a claim of the receipt is missing")?;
    let signer = trust.verify(&jws, uint(said, "at")?, false, "unknown_verifier")?;
    let by_them = signer.did == asker && text(said, "asker")? == asker;
    require(by_them, "wrong_origin", "the receipt is another asker's")?;
    let for_this = text(said, "request")? == request && text(said, "answer")? == answer;
    require(for_this, "wrong_request", "the receipt is for another answer")?;
    let known = ["valid", "invalid", "undecided"].contains(&text(said, "verdict")?);
    require(known, "malformed", "the receipt's verdict is none that there is")?;
    Ok(said.clone())
}
