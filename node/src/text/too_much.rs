//! What was too much of a request, as people call it.

use super::Catalogue;
use credentials::schema::Types;
use credentials::service::Registration;

impl Catalogue {
    /// The detail of `over_ask` in words: a type, claim or service by its name, else what about the request it is. What has no
    /// name here, such as a claim of a type that this program does not bring, stays as it is.
    pub fn too_much(&self, detail: &str) -> String {
        let words = self.term(detail).or_else(|| self.named(detail));
        words.unwrap_or_else(|| detail.to_owned())
    }

    /// What about a request or grant it is, where it is no type, claim or service.
    pub fn term(&self, detail: &str) -> Option<String> {
        let key = match detail {
            "time" => "too-much-time",
            "purpose" => "too-much-purpose",
            "ground" => "too-much-ground",
            "keep_seconds" => "too-much-keep",
            "status_age_max" => "too-much-status",
            "rung" => "too-much-rung",
            "grant" => "too-much-grant",
            "grant until" => "too-much-grant-until",
            "grant uses_per_day" => "too-much-grant-uses",
            "uses_per_day" => "too-much-uses-today",
            _ => return self.most(detail),
        };
        Some(self.text(key, &[]))
    }

    /// `grant until 364`: a term of a grant with the most that the service allows, in days or a day.
    fn most(&self, detail: &str) -> Option<String> {
        let (term, most) = detail.rsplit_once(' ')?;
        most.parse::<i64>().ok()?;
        match term {
            "grant until" => Some(self.text("too-much-grant-days", &[("days", most)])),
            "grant uses_per_day" => Some(self.text("too-much-grant-uses-most", &[("uses", most)])),
            _ => None,
        }
    }

    fn named(&self, detail: &str) -> Option<String> {
        let types = Types::builtin();
        let service = |id: &str| Some(Registration::known(id)?.name.get(self.language).to_owned());
        if let Some((name, id)) = detail.split_once(" under ") {
            let of_name = |vct: &str| vct.split(':').any(|part| part == name);
            let known = types.all().find(|known| of_name(&known.vct))?;
            let service = service(id)?;
            let arguments = [("type", known.label.get(self.language)), ("service", &service)];
            return Some(self.text("too-much-type", &arguments));
        }
        if let Some(service) = service(detail) {
            return Some(self.text("too-much-service", &[("service", &service)]));
        }
        let mut fields = types.all().flat_map(|known| &known.fields);
        let field = fields.find(|field| field.path.to_string() == detail)?;
        Some(self.text("too-much-claim", &[("claim", field.label.get(self.language))]))
    }
}
