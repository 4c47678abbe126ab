//! What was too much of a request, as people call it.

use super::Catalogue;
use credentials::schema::Types;
use credentials::service::Registration;

impl Catalogue {
    /// The detail of `over_ask` in words: a type, claim or service by its name, else what about the request it is. What has no
    /// name here, such as a claim of a type that this program does not bring, stays as it is.
    pub fn too_much(&self, detail: &str) -> String {
        let key = match detail {
            "time" => "too-much-time",
            "purpose" => "too-much-purpose",
            "ground" => "too-much-ground",
            "keep_seconds" => "too-much-keep",
            "status_age_max" => "too-much-status",
            _ => return self.named(detail).unwrap_or_else(|| detail.to_owned()),
        };
        self.text(key, &[])
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
