//! The receipt that holder and asker both hold, as JSON-LD: the fields of ISO/IEC TS 27560:2023 in the terms of the W3C community's
//! Data Privacy Vocabulary, by its guide "Consent Records and Receipts" (profile `dpv-27560#receipt-eu-gdpr`).
//!
//! It is a function of the signed texts and the time alone, so that both sides write the same bytes. Its context stands in the
//! document: nothing is fetched to read it. It names the holder by the key of the decision, and no claim value is in it.

use super::{Decision, Deletion, Receipt, Statement, hash};
use crate::grant::{Erasure, Grant, OpenedGrant, Withdrawal};
use crate::jws::Jws;
use crate::record::{Record, payload};
use crate::schema::Path;
use crate::{Code, Did, Problem, Timestamp, VerifyingKey, canonical};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The signed texts of one receipt. Those who hold them have checked them when they came.
#[derive(Clone, Copy, Default)]
pub struct Papers<'a> {
    /// The holder's: a [`Decision`] or a grant.
    pub given: &'a str,
    /// The asker's [`Receipt`]; none for a refusal, which the asker is told nothing of.
    pub receipt: Option<&'a str>,
    /// That a grant was taken back.
    pub withdrawal: Option<&'a str>,
    /// The holder's request for deletion.
    pub deletion: Option<&'a str>,
    /// What the asker says it erased: a [`Statement`], or an [`Erasure`] of a grant.
    pub erasure: Option<&'a str>,
}

/// What both kinds of consent say.
struct Given {
    key: VerifyingKey,
    asker: Did,
    source: Option<Did>,
    service: String,
    purpose: String,
    ground: String,
    text: String,
    language: String,
    claims: Vec<(String, Path)>,
    at: Timestamp,
    until: Option<Timestamp>,
    is_refused: bool,
    is_standing: bool,
}

/// The document, in canonical form (RFC 8785), as it stands at `now`: from its end on a consent is called expired.
///
/// Errors: `malformed`, `signature_invalid` of the holder's; `wrong_request` when the texts are not of one another; `too_large`.
pub fn json_ld(papers: &Papers<'_>, now: Timestamp) -> Result<String, Problem> {
    let given = read(papers.given)?;
    let name = hash(papers.given);
    let receipt: Option<Receipt> = papers.receipt.map(payload).transpose()?;
    if let Some(receipt) = &receipt
        && (receipt.asker != given.asker || receipt.decision.as_ref() != Some(&name))
    {
        return Err(Problem::new(Code::WrongRequest, "receipt"));
    }
    let record = record(papers, &given, &name, receipt.as_ref(), now)?;
    let mut sources = vec![paper(papers.given)?];
    for text in [papers.receipt, papers.withdrawal, papers.deletion, papers.erasure]
        .into_iter()
        .flatten()
    {
        sources.push(paper(text)?);
    }
    let document = json!({
        "@context": context(),
        "@id": format!("urn:bevis:receipt:{name}"),
        "@type": "dpv:ConsentReceipt",
        "dct:identifier": name,
        "dct:conformsTo": "https://w3id.org/dpv/schema/dpv-27560#receipt-eu-gdpr",
        "dct:created": receipt.as_ref().map_or(given.at, |receipt| receipt.at).to_string(),
        "dct:publisher": given.asker,
        "dct:source": sources,
        "dpv:hasRecordOfActivity": record,
    });
    String::from_utf8(canonical::canonicalize(&document)?).map_err(|_| Code::Internal.into())
}

/// The terms that are used, with the types of their values.
fn context() -> Value {
    let date = json!({ "@type": "xsd:dateTime" });
    let node = json!({ "@type": "@id" });
    json!({
        "dpv": "https://w3id.org/dpv#",
        "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
        "loc": "https://w3id.org/dpv/loc#",
        "dct": "http://purl.org/dc/terms/",
        "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
        "spdx": "http://spdx.org/rdf/terms#",
        "xsd": "http://www.w3.org/2001/XMLSchema#",
        "dct:conformsTo": node,
        "dct:publisher": node,
        "dct:created": date,
        "dct:valid": date,
        "dct:dateSubmitted": date,
        "dpv:hasApplicableLaw": node,
        "dpv:hasDataSource": node,
        "dpv:hasJurisdiction": node,
        "dpv:hasRecipient": node,
        "dpv:isIndicatedAtTime": date,
        "dpv:isIndicatedBy": node,
        "spdx:algorithm": node,
    })
}

fn record(
    papers: &Papers<'_>,
    given: &Given,
    name: &str,
    receipt: Option<&Receipt>,
    now: Timestamp,
) -> Result<Value, Problem> {
    let holder = format!("urn:bevis:holder:{}", hex(&Sha256::digest(given.key.to_bytes())));
    let data: Vec<Value> = given
        .claims
        .iter()
        .map(|(query, path)| {
            json!({ "@type": "dpv:PersonalData", "dct:identifier": path.to_string(), "dct:isPartOf": query })
        })
        .collect();
    let mut process = json!({
        "@type": "dpv:Process",
        "dct:identifier": given.service,
        "dpv:hasPurpose": {
            "@id": format!("urn:bevis:purpose:{}", given.purpose),
            "@type": "dpv:Purpose",
            "dct:identifier": given.purpose,
        },
        "dpv:hasProcessing": { "@id": if given.is_standing { "dpv:Obtain" } else { "dpv:Collect" } },
        "dpv:hasRecipient": given.asker,
        "dpv:hasStorageCondition": storage(given, receipt),
    });
    put(
        &mut process,
        "dpv:hasDataSource",
        given.source.as_ref().map(|source| json!(source)),
    );
    put(
        &mut process,
        "dpv:hasPersonalData",
        (!data.is_empty()).then(|| json!(data)),
    );
    let mut record = json!({
        "@id": format!("urn:bevis:consent:{name}"),
        "@type": "dpv:ConsentRecord",
        "dct:identifier": name,
        "dct:conformsTo": "https://w3id.org/dpv/schema/dpv-27560#record-eu-gdpr",
        "dpv:hasDataSubject": { "@id": holder, "@type": "dpv:DataSubject" },
        "dpv:hasDataController": { "@id": given.asker, "@type": "dpv:DataController" },
        "dpv:hasJurisdiction": "loc:NO",
        "dpv:hasApplicableLaw": "eu-gdpr:GDPR",
        "dpv:hasLegalBasis": basis(&given.ground),
        "dpv:hasNotice": {
            "@id": format!("urn:bevis:notice:{}", given.text),
            "@type": "dpv:ConsentNotice",
            "dct:language": given.language,
            "spdx:checksum": {
                "@type": "spdx:Checksum",
                "spdx:algorithm": "spdx:checksumAlgorithm_sha256",
                "spdx:checksumValue": hex(&crate::grant::hash_of(&given.text)?),
            },
        },
        "dpv:hasProcess": process,
        "dpv:hasRight": [
            { "@type": ["dpv:DataSubjectRight", "eu-gdpr:A7-3"] },
            { "@type": ["dpv:DataSubjectRight", "eu-gdpr:A17"] },
            { "@type": ["dpv:DataSubjectRight", "eu-gdpr:A77"] },
        ],
        "dpv:hasConsentControl": {
            "@type": ["dpv:ProvideConsent", "dpv:WithdrawConsent"],
            "dct:description": "in the holder's wallet",
        },
        "dpv:hasConsentStatus": events(papers, given, &holder, now)?,
    });
    put(
        &mut record,
        "dct:valid",
        given.until.map(|until| json!(until.to_string())),
    );
    Ok(record)
}

/// What happened to the consent, in order: given or refused, withdrawn or run out.
fn events(papers: &Papers<'_>, given: &Given, holder: &str, now: Timestamp) -> Result<Vec<Value>, Problem> {
    let event = |status: &str, by: &str, at: Timestamp| {
        json!({
            "@type": status,
            "dpv:isIndicatedBy": by,
            "dpv:hasIndicationMethod": "confirmed in the holder's wallet",
            "dpv:isIndicatedAtTime": at.to_string(),
        })
    };
    let mut events = vec![match given.is_refused {
        true => event("dpv:ConsentRefused", holder, given.at),
        false => event("dpv:ConsentGiven", holder, given.at),
    }];
    if let (Some(first), false) = (events.first_mut(), given.is_refused) {
        put(
            first,
            "@type",
            Some(json!(["dpv:ConsentGiven", "dpv:ExplicitlyExpressedConsent"])),
        );
    }
    let withdrawn: Option<Withdrawal> = papers.withdrawal.map(payload).transpose()?;
    match (&withdrawn, given.until) {
        (Some(withdrawn), _) => {
            if withdrawn.grant != hash(papers.given) {
                return Err(Problem::new(Code::WrongRequest, "withdrawal"));
            }
            events.push(event("dpv:ConsentWithdrawn", holder, withdrawn.at));
        }
        (None, Some(until)) if given.is_standing && now >= until => {
            let mut ended = event("dpv:ConsentExpired", holder, until);
            if let Some(members) = ended.as_object_mut() {
                members.remove("dpv:isIndicatedBy");
                members.remove("dpv:hasIndicationMethod");
            }
            events.push(ended);
        }
        (None, _) => {}
    }
    Ok(events)
}

/// How long it is kept: what the receipt says, which is never longer than what the holder said yes to; else the latter.
fn storage(given: &Given, receipt: Option<&Receipt>) -> Value {
    let until = match receipt {
        Some(receipt) if !given.is_standing => receipt.until,
        _ => given.until,
    };
    let duration = match until {
        Some(until) => json!({ "@type": "dpv:UntilTimeDuration", "dct:valid": until.to_string() }),
        None => json!({ "@type": "dpv:UntilEventDuration", "rdf:value": "session end" }),
    };
    let mut storage = json!({ "@type": "dpv:StorageDuration", "dpv:hasDuration": duration });
    let ground = receipt.map(|receipt| json!({ "@type": "dpv:Justification", "dct:identifier": receipt.ground }));
    put(&mut storage, "dpv:hasJustification", ground);
    storage
}

/// Consent by its article; any other ground by the registration's code.
fn basis(ground: &str) -> Value {
    match ground {
        "consent" => json!({ "@id": "eu-gdpr:A6-1-a" }),
        other => {
            json!({ "@id": format!("urn:bevis:ground:{other}"), "@type": "dpv:LegalBasis", "dct:identifier": other })
        }
    }
}

fn read(text: &str) -> Result<Given, Problem> {
    if let Ok(grant) = OpenedGrant::open(text) {
        let key = *grant.key();
        let Grant {
            issuer,
            asker,
            service,
            purpose,
            claims,
            nbf,
            exp,
            vct,
            text,
            language,
            ..
        } = grant.grant().clone();
        return Ok(Given {
            key,
            asker,
            source: Some(issuer),
            service,
            purpose,
            ground: "consent".to_owned(),
            text,
            language,
            claims: claims.into_iter().map(|path| (vct.clone(), path)).collect(),
            at: nbf,
            until: Some(exp),
            is_refused: false,
            is_standing: true,
        });
    }
    let (decision, key) = Decision::open(text)?;
    let claims = decision.claims.into_iter();
    Ok(Given {
        key,
        asker: decision.recipient,
        source: None,
        service: decision.service,
        purpose: decision.purpose,
        ground: decision.ground,
        text: decision.text,
        language: decision.language,
        claims: claims
            .flat_map(|(query, paths)| paths.into_iter().map(move |path| (query.clone(), path)))
            .collect(),
        at: decision.at,
        until: decision.until,
        is_refused: decision.outcome == "refused",
        is_standing: false,
    })
}

/// A signed text, whole, with what it is and when it was signed.
fn paper(text: &str) -> Result<Value, Problem> {
    let of = [
        (Decision::TYP, Decision::MAX, "at"),
        (Grant::TYP, Grant::MAX, "nbf"),
        (Receipt::TYP, Receipt::MAX, "at"),
        (Withdrawal::TYP, Withdrawal::MAX, "at"),
        (Deletion::TYP, Deletion::MAX, "at"),
        (Statement::TYP, Statement::MAX, "at"),
        (Erasure::TYP, Erasure::MAX, "at"),
    ];
    let known = of.into_iter().find_map(|(typ, most, at)| {
        let jws = Jws::parse(text, typ, most).ok()?;
        Some((typ, Timestamp::of(jws.payload.get(at)?)?))
    });
    let (typ, at) = known.ok_or_else(|| Problem::new(Code::Malformed, "paper"))?;
    Ok(json!({
        "@id": format!("urn:bevis:paper:{}", hash(text)),
        "dct:format": typ,
        "dct:dateSubmitted": at.to_string(),
        "rdf:value": text,
    }))
}

fn put(object: &mut Value, name: &str, value: Option<Value>) {
    if let (Some(members), Some(value)) = (object.as_object_mut(), value) {
        members.insert(name.to_owned(), value);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
