//! Commands that a case-worker's desk is made of: what may be asked, a page of sessions or grants, and one request for one case.

use super::answer::{damaged, value};
use super::command::{Command, Consent};
use crate::clock;
use crate::error::Failure;
use crate::output::At;
use crate::service::{Actor, Service, lock};
use crate::text::LANGUAGES;
use credentials::schema::{CredentialType, HolderKind, Path};
use credentials::service::{MayAsk, Registration};
use credentials::trust::Trust;
use credentials::{Code, Problem};
use serde_json::{Map, Value, json};
use std::sync::{Arc, Mutex};
use verifier::Verifier;

/// Deepest that claims are looked into for their names: no type has more.
const DEPTH_MAX: usize = 16;

impl Service {
    pub(super) fn asking(&self) -> Result<&Mutex<Verifier>, Problem> {
        self.verifier
            .as_ref()
            .ok_or_else(|| Problem::new(Code::WrongRole, "verifier"))
    }

    /// What needs no network.
    pub(super) fn at_desk(&self, command: Command) -> Result<Value, Failure> {
        let now = clock::now();
        match command {
            Command::VerifierServices => self.services(),
            Command::VerifierPage { wanted, from, limit } => {
                let mirror = lock(&self.mirror)?;
                let verifier = lock(self.asking()?)?;
                let page = verifier.sessions_page(now, &*mirror, &wanted, (from, limit));
                let page = page.map_err(damaged)?;
                Ok(json!({ "schema": "sessions-page/v1", "sessions": value(page.rows)?, "total": page.total }))
            }
            Command::VerifierFind { case } => {
                let newest = lock(self.asking()?)?.newest_of(case.trim());
                Ok(json!({ "schema": "session-found/v1", "session": newest }))
            }
            Command::VerifierClose { id } => {
                let is_ended = lock(self.asking()?)?.close(now, &id).map_err(damaged)?;
                self.announce_sessions();
                Ok(json!({ "schema": "session-closed/v1", "session": id, "ended": is_ended }))
            }
            Command::VerifierGrants { state, from, limit } => {
                let page = lock(self.asking()?)?.grants_page(now, state, (from, limit));
                let page = page.map_err(damaged)?;
                let mut grants = value(page.rows)?;
                for grant in grants.as_array_mut().into_iter().flatten() {
                    self.put_names(grant);
                }
                Ok(json!({ "schema": "grants-page/v1", "grants": grants, "total": page.total }))
            }
            _ => Err(Code::Internal.into()),
        }
    }

    /// Asks a customer unless that is being asked already: the same case, service and customer have one open request, and it is
    /// named in place of a second one, with `already`.
    pub(super) async fn ask_unless_asked(
        self: &Arc<Service>,
        request: Command,
        actor: &Actor,
    ) -> Result<Value, Failure> {
        let (case, service, subject, is_grant) = match &request {
            Command::VerifierRequest {
                case, service, subject, ..
            } => (case, service, subject, false),
            Command::Consent {
                what: Consent::Request {
                    case, service, subject, ..
                },
            } => (case, service, subject, true),
            _ => return Err(Problem::new(Code::Malformed, "request").into()),
        };
        // Between the look and the request nobody else asks.
        let _turn = self.asked_once.lock().await;
        let open = lock(self.asking()?)?.open_of(clock::now(), (case, service, subject), is_grant);
        if let Some(id) = open.map_err(damaged)? {
            return Ok(json!({ "schema": "asked/v1", "session": id, "already": true }));
        }
        Box::pin(self.carry_out(request, actor)).await
    }

    /// The services that the trust list registers for us, as a person chooses one.
    fn services(&self) -> Result<Value, Failure> {
        let trust = self.trust().ok_or(Code::TrustMissing)?;
        let own = self.keys.organisation().ok_or(Code::NotLicensed)?;
        let listed = trust.organisation(&own.did).ok_or(Code::NotListed)?;
        // Who keeps mailboxes asks nobody for anything under that service.
        let asking = listed.services.iter().filter(|service| !service.may_ask.is_empty());
        let services = asking.map(|service| self.service_view(service, &trust));
        let services: Vec<Value> = services.collect::<Result<_, _>>()?;
        Ok(json!({
            "schema": "services/v1", "organisation": { "name": listed.name, "number": listed.number }, "services": services,
        }))
    }

    fn service_view(&self, service: &Registration, trust: &Trust) -> Result<Value, Failure> {
        let types = service.may_ask.iter().filter_map(|may| self.type_view(may, trust));
        let types: Vec<Value> = types.collect();
        let grant = service.grant.as_ref().map(|terms| {
            json!({
                "days_max": terms.seconds_max.checked_div(credentials::time::DAY), "uses_per_day": terms.uses_per_day,
            })
        });
        Ok(json!({
            "id": service.id, "name": value(&service.name)?, "purpose": value(&service.purpose)?,
            "ground": value(&service.ground)?, "asks": types, "keep_seconds": service.keep_seconds,
            "keep_ground": value(&service.keep_ground)?, "erased_on_request": service.erased_on_request,
            "status_age_max": service.status_age_max, "request_seconds_max": service.request_seconds_max, "grant": grant,
        }))
    }

    fn type_view(&self, may: &MayAsk, trust: &Trust) -> Option<Value> {
        let known = self.types.get(&may.vct)?;
        let claims = may.claims.iter().filter(|path| known.has_path(path)).map(|path| {
            json!({
                "path": path.to_string(), "segments": path, "label": labels(known, path),
                "is_sensitive": known.may_be_sensitive(path),
            })
        });
        let ladder = known.thresholds.as_ref().filter(|_| may.at_least.is_some());
        let rungs = ladder.into_iter().flat_map(|ladder| {
            let rung = |rung: &u32| json!({ "kroner": rung, "segments": ladder.rung(*rung) });
            ladder.rungs.iter().map(rung)
        });
        let issuers = trust.document().organisations.iter();
        let issuers = issuers.filter(|one| one.issues.contains(&may.vct));
        let issuers = issuers.map(|one| json!({ "did": one.did, "name": one.name }));
        Some(json!({
            "vct": may.vct, "id": known.id, "name": known.name, "label": known.label,
            "is_company": known.holder.kind == HolderKind::Company, "claims": claims.collect::<Vec<_>>(),
            "rungs": rungs.collect::<Vec<_>>(), "issuers": issuers.collect::<Vec<_>>(),
        }))
    }

    /// Puts beside a session what people call its types and claims: of what is asked, and of every member of what was shown.
    pub(super) fn put_labels(&self, session: &mut Value) {
        let mut about = Map::new();
        for (id, vct) in session.at("types").as_object().into_iter().flatten() {
            let Some(known) = vct.as_str().and_then(|vct| self.types.get(vct)) else {
                continue;
            };
            let mut named = Map::new();
            let asked = session.at("asked").at(id);
            let asked: Vec<Path> = serde_json::from_value(asked.clone()).unwrap_or_default();
            for path in &asked {
                named.insert(path.to_string(), labels(known, path));
            }
            name_all(known, &Path(Vec::new()), session.at("claims").at(id), &mut named);
            let paths: Vec<String> = asked.iter().map(ToString::to_string).collect();
            about.insert(
                id.clone(),
                json!({ "label": known.label, "type": known.id, "asked": paths, "labels": named }),
            );
        }
        session.put("about", Value::Object(about));
        let issuer = session.at("grant").at("issuer").as_str().map(|did| self.name_of(did));
        if let (Some(name), Some(grant)) = (issuer, session.get_mut("grant")) {
            grant.put("issuer_name", json!(name));
        }
    }

    /// The same beside a grant, and who its issuer is.
    pub(super) fn put_names(&self, grant: &mut Value) {
        let known = grant.at("vct").as_str().and_then(|vct| self.types.get(vct));
        if let Some(known) = known {
            let claims: Vec<Path> = serde_json::from_value(grant.at("claims").clone()).unwrap_or_default();
            let asked: Vec<Value> = claims.iter().map(|path| labels(known, path)).collect();
            let label = json!(known.label);
            grant.put("label", label);
            grant.put("asked", Value::Array(asked));
        }
        if let Some(name) = grant.at("issuer").as_str().map(|did| self.name_of(did)) {
            grant.put("issuer_name", json!(name));
        }
        if let Some(at) = grant.at("used").as_i64() {
            grant.put("used", json!(credentials::Timestamp::from_unix(at).to_string()));
        }
    }

    /// What people call the members of claims of a type.
    pub(super) fn claim_labels(&self, vct: &str, claims: &Value) -> Value {
        let mut named = Map::new();
        if let Some(known) = self.types.get(vct) {
            name_all(known, &Path(Vec::new()), claims, &mut named);
        }
        Value::Object(named)
    }

    fn name_of(&self, did: &str) -> String {
        let trust = self.trust();
        let parsed = credentials::Did::parse(did);
        let listed = trust
            .as_ref()
            .zip(parsed)
            .and_then(|(trust, did)| trust.organisation(&did).cloned());
        listed.map_or_else(|| did.to_owned(), |listed| listed.name.clone())
    }
}

/// What people call a claim, by language.
fn labels(known: &CredentialType, path: &Path) -> Value {
    let named = LANGUAGES
        .iter()
        .map(|language| ((*language).to_owned(), json!(known.label(path, language))));
    Value::Object(named.collect())
}

/// Names every member of claims, as far as they go.
fn name_all(known: &CredentialType, path: &Path, claims: &Value, named: &mut Map<String, Value>) {
    if path.0.len() > DEPTH_MAX {
        return;
    }
    let below = |segment: Option<String>| {
        let mut inner = path.clone();
        inner.0.push(segment);
        inner
    };
    match claims {
        Value::Object(members) => {
            for (name, member) in members {
                let inner = below(Some(name.clone()));
                named.entry(inner.to_string()).or_insert_with(|| labels(known, &inner));
                name_all(known, &inner, member, named);
            }
        }
        Value::Array(elements) => {
            let inner = below(None);
            for element in elements {
                name_all(known, &inner, element, named);
            }
        }
        _ => {}
    }
}
