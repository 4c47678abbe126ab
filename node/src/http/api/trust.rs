//! Who is who, what this organisation may ask, and the check of a credential on its own.

use super::auth::Caller;
use super::intake::Sent;
use super::requests::{CheckLine, Reach, Texts, VerdictWord};
use super::{Answer, json, read};
use crate::output::At;
use crate::service::{Command, System};
use crate::tokens::Scope;
use axum::extract::Path;
use axum::http::StatusCode;
use credentials::{Code, Did, Problem};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

/// Longest DID that is looked up, in bytes.
const DID_MAX: usize = 256;

/// Which trust list is in force, and how old it is.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct TrustView {
    /// Root, list and head, as `1.4.12`.
    version: String,
    /// Fingerprint of the first root, from which everything is checked.
    root: String,
    /// Age of the head, in seconds.
    head_age_s: i64,
    /// When the head ends.
    #[schema(format = DateTime)]
    head_expires: String,
    /// When the next list is due.
    #[schema(format = DateTime)]
    next_update: String,
    /// Whether verdicts can be given by it now.
    is_current: bool,
    /// Organisations on the list.
    organisations: u64,
}

/// An organisation of the trust list.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct OrganisationView {
    /// DID.
    did: String,
    /// organisasjonsnummer
    number: String,
    /// Registered name.
    name: String,
    /// Types that it may issue.
    issues: Vec<String>,
    /// Services under which it may ask.
    services: Vec<ServiceName>,
    /// Its keys.
    keys: Vec<KeyView>,
}

/// A service of an organisation.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct ServiceName {
    /// Id, such as `S01`.
    id: String,
    /// Name.
    name: Texts,
    /// Code of its purpose.
    purpose: String,
}

/// A key of an organisation.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct KeyView {
    /// Name.
    kid: String,
    /// Valid from.
    #[schema(format = DateTime)]
    from: String,
    /// Valid until.
    #[schema(format = DateTime)]
    to: String,
    /// From this instant on nothing it signed counts.
    #[schema(format = DateTime)]
    compromised: Option<String>,
}

/// A code with its text.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Coded {
    /// Code.
    code: String,
    /// Text.
    text: Texts,
}

/// Claims of a type that may be asked.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct MayAsk {
    /// Type.
    vct: String,
    /// Its name.
    name: Option<String>,
    /// Claims, as `a.b[].c`.
    claims: Vec<String>,
}

/// The most that a standing grant may be asked for.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct GrantMost {
    /// For how long, in seconds.
    seconds_max: i64,
    /// How often a day.
    uses_per_day: u16,
}

/// A service under which this organisation may ask.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct ServiceView {
    /// Id, such as `S01`.
    id: String,
    /// Name.
    name: Texts,
    /// Purpose.
    purpose: Coded,
    /// Legal ground.
    ground: Coded,
    /// What may be asked.
    types: Vec<MayAsk>,
    /// Longest life of a request, in seconds.
    request_seconds_max: i64,
    /// How long what was shown may be kept, in seconds; 0 = until the session ends.
    keep_seconds: i64,
    /// On which ground.
    keep_ground: Coded,
    /// Oldest status that makes a valid verdict, in seconds.
    status_age_max: i64,
    /// Standing grants, where the service knows them.
    grant: Option<GrantMost>,
}

/// Services under which this organisation may ask.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Services {
    /// Services.
    services: Vec<ServiceView>,
}

/// A text to be checked.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ToCheck {
    /// A credential (SD-JWT VC, or W3C as JSON text).
    credential: String,
}

/// What came of a check.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Checked {
    /// Verdict.
    verdict: VerdictWord,
    /// Why it is not valid.
    code: Option<String>,
    /// Every check.
    checks: Vec<CheckLine>,
    /// Age of the status, in seconds.
    status_age_s: Option<i64>,
    /// Age of the trust list, in seconds.
    trust_age_s: Option<i64>,
    /// When it was checked.
    #[schema(format = DateTime)]
    checked_at: String,
    /// Whether newer word could have come.
    reach: Reach,
}

/// Which trust list is in force, and how old it is.
#[utoipa::path(
    get, path = "/api/v1/trust", tag = "trust", security(("token" = ["trust:read"])),
    responses(
        (status = 200, description = "The list.", body = TrustView),
        (status = 503, description = "`trust_missing`: this node has none yet.", body = super::openapi::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn show(caller: Caller) -> Answer {
    caller.may(Scope::TrustRead)?;
    let status = caller.execute(Command::Status).await?;
    let trust = status.at("trust");
    if trust.is_null() {
        return Err(Code::TrustMissing.into());
    }
    let first = caller.execute(Command::TrustRoot).await?;
    let view: TrustView = read(json!({
        "version": trust.at("version"), "root": first.at("fingerprint"), "head_age_s": trust.at("head_age_s"),
        "head_expires": trust.at("head_expires"), "next_update": trust.at("next_update"),
        "is_current": trust.at("current"), "organisations": trust.at("organisations"),
    }))?;
    json(StatusCode::OK, &view)
}

/// An organisation of the trust list.
#[utoipa::path(
    get, path = "/api/v1/trust/organisations/{did}", tag = "trust", security(("token" = ["trust:read"])),
    params(("did" = String, Path, description = "DID of the organisation, such as `did:web:skatteetaten.example`")),
    responses(
        (status = 200, description = "The organisation.", body = OrganisationView),
        (status = 404, description = "`not_found`: it is not listed.", body = super::openapi::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn organisation(caller: Caller, Path(did): Path<String>) -> Answer {
    caller.may(Scope::TrustRead)?;
    let wrong = || Problem::new(Code::Malformed, "did");
    if did.len() > DID_MAX {
        return Err(wrong().into());
    }
    let did = Did::parse(&did).ok_or_else(wrong)?;
    let answer = caller.ask(System::Organisation { did }).await?;
    let view: OrganisationView = read(answer)?;
    json(StatusCode::OK, &view)
}

/// Services under which this organisation may ask, with what each allows.
#[utoipa::path(
    get, path = "/api/v1/trust/services", tag = "trust", security(("token" = ["trust:read"])),
    responses((status = 200, description = "The services.", body = Services))
)]
pub async fn services(caller: Caller) -> Answer {
    caller.may(Scope::TrustRead)?;
    let answer = caller.ask(System::Services).await?;
    let services: Services = read(answer)?;
    json(StatusCode::OK, &services)
}

/// Checks a credential on its own, without its holder.
#[utoipa::path(
    post, path = "/api/v1/check", tag = "trust", security(("token" = ["trust:read"])), request_body = ToCheck,
    responses((status = 200, description = "The verdict, whichever it is.", body = Checked))
)]
pub async fn check(caller: Caller, sent: Sent) -> Answer {
    caller.may(Scope::TrustRead)?;
    let asked: ToCheck = sent.read()?.content;
    let text = asked.credential.trim().to_owned();
    let answer = caller.execute(Command::VerifierCheck { text }).await?;
    let checked: Checked = read(answer)?;
    json(StatusCode::OK, &checked)
}
