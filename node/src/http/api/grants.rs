//! Standing grants: those that customers gave, fetching under them, and their ends.

use super::auth::Caller;
use super::events::{EventItem, told};
use super::intake::Sent;
use super::requests::document;
use super::{Answer, json, name, page_size, path_text, read};
use crate::command::claims_path;
use crate::output::At;
use crate::service::{Command, Consent, System};
use crate::tokens::Scope;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use credentials::{Code, Problem, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use verifier::What;

/// Most claims that a refresh names.
const CLAIMS_MAX: usize = 64;

/// How a grant stands.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GrantStanding {
    /// It may be used.
    Active,
    /// Its holder took it back.
    Withdrawn,
    /// Its time ran out.
    Expired,
}

/// A standing grant.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Grant {
    /// Its name.
    name: String,
    /// The session that it came of.
    session: String,
    /// Your own reference.
    case: String,
    /// Service.
    service: String,
    /// DID of who releases.
    issuer: String,
    /// Type.
    vct: String,
    /// Which claims, as `a.b[].c`.
    claims: Vec<String>,
    /// From when.
    #[schema(format = DateTime)]
    since: String,
    /// Until when.
    #[schema(format = DateTime)]
    until: String,
    /// How often a day.
    uses_per_day: u16,
    /// How it stands.
    state: GrantStanding,
    /// When it ended.
    #[schema(format = DateTime)]
    ended: Option<String>,
    /// How often it was used.
    uses: u32,
    /// When last.
    #[schema(format = DateTime)]
    used: Option<String>,
    /// What we told of the end: what is erased and what is kept (JWS).
    erasure: Option<String>,
    /// That the holder asked for deletion (JWS).
    deletion: Option<String>,
}

/// Grants, in the order of their names.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct GrantPage {
    /// Grants.
    grants: Vec<Grant>,
    /// Give this as `after` for those that come after; none when there are no more.
    next: Option<String>,
}

/// A grant, with what may still be read.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct GrantDetail {
    /// The grant.
    #[serde(flatten)]
    grant: Grant,
    /// The claims of the newest release that may still be read.
    content: Option<Value>,
}

/// What was fetched.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Release {
    /// Name of the grant.
    name: String,
    /// Which release, from 1.
    number: u32,
    /// When it was released, by the issuer's clock.
    #[schema(format = DateTime)]
    at: String,
    /// The claims.
    claims: Value,
    /// Until when they are kept; none = until the customer logs out.
    #[schema(format = DateTime)]
    keep_until: Option<String>,
    /// Whether they may not be used to assess credit.
    is_not_for_credit: bool,
}

/// What is to be fetched.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    /// A part of the granted claims, as `a.b[].c`; left out = all.
    #[serde(default)]
    claims: Vec<String>,
}

/// What came of a logout.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct LoggedOut {
    /// Name of the grant.
    name: String,
    /// Whether something was forgotten.
    erased: bool,
}

/// Grants that ended.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Withdrawals {
    /// Whether ends between `after` and the first of these are not kept any more: read the grants anew then.
    gap: bool,
    /// `grant.withdrawn` and `grant.expired`, in their order.
    events: Vec<EventItem>,
    /// Give this as `after` the next time.
    last: String,
}

/// Which grants.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct GrantFilter {
    /// How they stand.
    #[param(inline)]
    state: Option<GrantStanding>,
    /// At most so many; 1 to 200, usually 50.
    limit: Option<u32>,
    /// What `next` of the page before said.
    after: Option<String>,
}

/// From where.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Since {
    /// What `last` of the answer before said; left out = from the oldest that is kept.
    after: Option<String>,
    /// At most so many; 1 to 200, usually 50.
    limit: Option<u32>,
}

impl GrantStanding {
    fn of_grant(self) -> verifier::GrantState {
        match self {
            GrantStanding::Active => verifier::GrantState::Active,
            GrantStanding::Withdrawn => verifier::GrantState::Withdrawn,
            GrantStanding::Expired => verifier::GrantState::Expired,
        }
    }
}

/// A grant of an answer as the API shows it.
fn grant(mut value: Value) -> Value {
    let claims = value.at("claims").as_array().into_iter().flatten();
    let claims: Vec<String> = claims.filter_map(path_text).collect();
    value.put("claims", json!(claims));
    for name in ["used", "ended", "since", "until"] {
        if let Some(seconds) = value.at(name).as_i64() {
            value.put(name, json!(Timestamp::from_unix(seconds).to_string()));
        }
    }
    value
}

/// Standing grants.
#[utoipa::path(
    get, path = "/api/v1/grants", tag = "grants", security(("token" = ["grants:read"])), params(GrantFilter),
    responses((status = 200, description = "A page of them.", body = GrantPage))
)]
pub async fn list(caller: Caller, Query(filter): Query<GrantFilter>) -> Answer {
    caller.may(Scope::GrantsRead)?;
    let after = match &filter.after {
        None => None,
        Some(text) => Some(name(text, Code::Malformed)?),
    };
    let what = System::Grants {
        state: filter.state.map(GrantStanding::of_grant),
        after,
        most: page_size(filter.limit)?,
    };
    let mut answer = caller.ask(what).await?;
    let all = answer.get_mut("grants").map(Value::take).unwrap_or_default();
    let all = all.as_array().cloned().unwrap_or_default();
    answer.put("grants", all.into_iter().map(grant).collect());
    let page: GrantPage = read(answer)?;
    json(StatusCode::OK, &page)
}

/// One grant, with what may still be read.
#[utoipa::path(
    get, path = "/api/v1/grants/{name}", tag = "grants", security(("token" = ["grants:read"])),
    params(("name" = String, Path, description = "Name of the grant")),
    responses(
        (status = 200, description = "The grant.", body = GrantDetail),
        (status = 404, description = "`unknown_grant`", body = super::openapi::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn show(caller: Caller, Path(of): Path<String>) -> Answer {
    caller.may(Scope::GrantsRead)?;
    let name = name(&of, Code::UnknownGrant)?;
    let what = Consent::Read { name };
    let mut answer = caller.execute(Command::Consent { what }).await?;
    let content = answer.at("claims").clone();
    let mut found = grant(answer.get_mut("grant").map(Value::take).unwrap_or_default());
    found.put("content", content);
    let detail: GrantDetail = read(found)?;
    json(StatusCode::OK, &detail)
}

/// The receipt of a grant that both sides hold (ISO/IEC TS 27560, W3C DPV).
#[utoipa::path(
    get, path = "/api/v1/grants/{name}/receipt", tag = "grants", security(("token" = ["grants:read"])),
    params(("name" = String, Path, description = "Name of the grant")),
    responses(
        (status = 200, description = "JSON-LD.", body = Object, content_type = "application/ld+json"),
        (status = 404, description = "`unknown_grant`", body = super::openapi::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn receipt(caller: Caller, Path(of): Path<String>) -> Answer {
    caller.may(Scope::GrantsRead)?;
    document(&caller, name(&of, Code::UnknownGrant)?, true).await
}

/// Fetches what is granted, from its issuer.
#[utoipa::path(
    post, path = "/api/v1/grants/{name}/refresh", tag = "grants", security(("token" = ["grants:write"])),
    params(("name" = String, Path, description = "Name of the grant")),
    request_body(content = Option<Refresh>, description = "May be left out."),
    responses(
        (status = 200, description = "What came.", body = Release),
        (status = 404, description = "`unknown_grant`", body = super::openapi::ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "`withdrawn` or `expired`: the grant has ended.", body = super::openapi::ProblemBody, content_type = "application/problem+json"),
        (status = 502, description = "`unreachable`: the issuer did not answer.", body = super::openapi::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn refresh(caller: Caller, Path(of): Path<String>, sent: Sent) -> Answer {
    caller.may(Scope::GrantsWrite)?;
    let refresh: Refresh = sent.read_if_any()?;
    let is_name = |text: &String| (1..=256).contains(&text.len());
    if refresh.claims.len() > CLAIMS_MAX || !refresh.claims.iter().all(is_name) {
        return Err(Problem::new(Code::Malformed, "claims").into());
    }
    let what = Consent::Refresh {
        name: name(&of, Code::UnknownGrant)?,
        claims: refresh.claims.iter().map(|text| claims_path(text)).collect(),
        even_so: false,
    };
    let mut answer = caller.execute(Command::Consent { what }).await?;
    let name = answer.at("name").clone();
    let mut release = answer.get_mut("release").map(Value::take).unwrap_or_default();
    release.put("name", name);
    for name in ["at", "keep_until"] {
        if let Some(seconds) = release.at(name).as_i64() {
            release.put(name, json!(Timestamp::from_unix(seconds).to_string()));
        }
    }
    let release: Release = read(release)?;
    json(StatusCode::OK, &release)
}

/// The customer has logged out: what was fetched for that is forgotten.
#[utoipa::path(
    post, path = "/api/v1/grants/{name}/logout", tag = "grants", security(("token" = ["grants:write"])),
    params(("name" = String, Path, description = "Name of the grant")),
    responses((status = 200, description = "Forgotten.", body = LoggedOut))
)]
pub async fn logout(caller: Caller, Path(of): Path<String>) -> Answer {
    caller.may(Scope::GrantsWrite)?;
    let name = name(&of, Code::UnknownGrant)?;
    let what = Consent::Logout { name };
    let answer = caller.execute(Command::Consent { what }).await?;
    let done: LoggedOut = read(answer)?;
    Ok(json(StatusCode::OK, &done)?.into_response())
}

/// Grants that were taken back or ran out, as a feed.
#[utoipa::path(
    get, path = "/api/v1/withdrawals", tag = "grants", security(("token" = ["grants:read"])), params(Since),
    responses((status = 200, description = "Those after `after`.", body = Withdrawals))
)]
pub async fn withdrawals(caller: Caller, Query(since): Query<Since>) -> Answer {
    caller.may(Scope::GrantsRead)?;
    let what = System::News {
        after: since.after,
        most: page_size(since.limit)?,
        only: vec![What::GrantWithdrawn, What::GrantExpired],
    };
    let answer = caller.ask(what).await?;
    let told = told(answer)?;
    let page = Withdrawals {
        gap: told.gap,
        events: told.events,
        last: told.last,
    };
    json(StatusCode::OK, &page)
}
