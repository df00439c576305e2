//! The fields of a JSON object, read one by one so that an error names the field and what it takes.

use std::str::FromStr;

use granary_model::{Error, Result};
use serde::Deserialize;
use serde_json::{Map, Value};

/// A JSON object from a request. `null` counts as absent.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Fields(Map<String, Value>);

impl Fields {
    /// Refuses fields that are not among `known`: a misspelt `visiblity` must not pass for the default.
    pub fn only(&self, known: &[&str]) -> Result<()> {
        match self.0.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => Err(Error::BadRequest(format!(
                "unknown field '{}'; the fields are: {}",
                crate::access::shown(name),
                known.join(", ")
            ))),
        }
    }

    /// Whether the field is there at all, be it as `null`.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A text.
    pub fn text(&self, name: &str) -> Result<Option<&str>> {
        let wrong = || Error::BadRequest(format!("the field '{name}' must be a string"));
        self.value(name).map(|value| value.as_str().ok_or_else(wrong)).transpose()
    }

    /// A number.
    pub fn number(&self, name: &str) -> Result<Option<f64>> {
        let wrong = || Error::BadRequest(format!("the field '{name}' must be a number"));
        self.value(name).map(|value| value.as_f64().ok_or_else(wrong)).transpose()
    }

    /// An object.
    pub fn object(&self, name: &str) -> Result<Option<Self>> {
        let wrong = || Error::BadRequest(format!("the field '{name}' must be an object"));
        self.value(name).map(|value| value.as_object().cloned().map(Self).ok_or_else(wrong)).transpose()
    }

    /// Anything with a form of its own.
    pub fn json<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let wrong = |e| Error::BadRequest(format!("the field '{name}' cannot be used: {e}"));
        self.value(name).map(|value| serde_json::from_value(value.clone()).map_err(wrong)).transpose()
    }

    /// A text with a grammar of its own.
    pub fn parsed<T: FromStr<Err = Error>>(&self, name: &str) -> Result<Option<T>> {
        self.text(name)?.map(|text| text.parse().map_err(|error| named(name, error))).transpose()
    }

    /// A list of texts with a grammar of their own.
    pub fn list<T: FromStr<Err = Error>>(&self, name: &str) -> Result<Option<Vec<T>>> {
        let wrong = || Error::BadRequest(format!("the field '{name}' must be an array of strings"));
        let Some(value) = self.value(name) else { return Ok(None) };
        let items = value.as_array().ok_or_else(wrong)?;
        let parse = |item: &Value| {
            item.as_str().ok_or_else(wrong)?.parse().map_err(|error: Error| named(name, error))
        };
        items.iter().map(parse).collect::<Result<_>>().map(Some)
    }

    /// A value that must be there.
    pub fn required<T>(name: &str, value: Option<T>) -> Result<T> {
        value.ok_or_else(|| Error::BadRequest(format!("the field '{name}' is required")))
    }
}

/// Puts the field's name in front of what is wrong with its value.
fn named(name: &str, error: Error) -> Error {
    match error {
        Error::BadRequest(text) => Error::BadRequest(format!("{name}: {text}")),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use granary_model::{RepoId, Scope};

    use super::*;

    fn fields(text: &str) -> Fields {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn errors_name_the_field() {
        let bad = fields(r#"{"name":1,"scopes":["read","root"],"days":"1","config":[],"slug":"A"}"#);
        for (error, word) in [
            (bad.text("name").unwrap_err(), "name"),
            (bad.list::<Scope>("scopes").unwrap_err(), "scopes"),
            (bad.list::<Scope>("name").unwrap_err(), "array"),
            (bad.number("days").unwrap_err(), "days"),
            (bad.object("config").unwrap_err(), "config"),
            (bad.parsed::<RepoId>("slug").unwrap_err(), "slug: "),
            (bad.only(&["name"]).unwrap_err(), "scopes"),
            (Fields::required::<()>("gone", None).unwrap_err(), "gone"),
        ] {
            assert!(matches!(&error, Error::BadRequest(text) if text.contains(word)), "{error}");
        }
    }

    #[test]
    fn null_is_absent_but_there() {
        let null = fields(r#"{"description":null}"#);
        assert!(null.has("description") && !null.has("name"));
        assert_eq!(null.text("description").unwrap(), None);
        assert!(serde_json::from_str::<Fields>("[]").is_err());
    }
}
