//! What requests say of an entity, checked.

use granary_http::Fields;
use granary_model::{Error, Result};

/// Longest name, in characters.
const MAX_NAME: usize = 200;

/// Longest description, in characters.
const MAX_DESCRIPTION: usize = 2_000;

/// Longest icon hash, in characters.
const MAX_ICON_HASH: usize = 200;

/// What becomes of a text that need not be there.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) enum Text {
    /// It stays as it is.
    #[default]
    Keep,
    /// There is none from now on.
    Clear,
    /// This one.
    Set(String),
}

impl Text {
    /// A field: an empty text and `null` clear it.
    fn read(fields: &Fields, name: &str) -> Result<Self> {
        Ok(match fields.text(name)? {
            Some("") => Self::Clear,
            Some(text) => Self::Set(text.into()),
            None if fields.has(name) => Self::Clear,
            None => Self::Keep,
        })
    }

    /// The text from now on.
    pub(super) fn or(&self, before: Option<&String>) -> Option<String> {
        match self {
            Self::Keep => before.cloned(),
            Self::Clear => None,
            Self::Set(text) => Some(text.clone()),
        }
    }
}

/// What creation and update have in common.
#[derive(Debug)]
pub(super) struct Settings {
    /// Name to show.
    pub(super) name: Option<String>,
    /// Free text.
    pub(super) description: Text,
    /// Where the icon was sent.
    pub(super) icon_path: Text,
    /// What its publisher says the icon's content hash is.
    pub(super) icon_hash: Text,
}

impl Settings {
    /// The fields.
    pub(super) const FIELDS: [&str; 4] = ["name", "description", "icon_path", "icon_hash"];

    /// Reads the fields that are there.
    pub(super) fn read(fields: &Fields) -> Result<Self> {
        Ok(Self {
            name: fields.text("name")?.map(name).transpose()?,
            description: bounded(fields, "description", MAX_DESCRIPTION, |c| {
                !c.is_control() || matches!(c, '\n' | '\r' | '\t')
            })?,
            icon_path: Text::read(fields, "icon_path")?,
            icon_hash: bounded(fields, "icon_hash", MAX_ICON_HASH, |c| !c.is_control())?,
        })
    }
}

fn name(text: &str) -> Result<String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > MAX_NAME || text.chars().any(char::is_control) {
        return Err(Error::BadRequest(format!("name: 1 to {MAX_NAME} printable characters")));
    }
    Ok(text.into())
}

fn bounded(fields: &Fields, name: &str, most: usize, fits: impl Fn(char) -> bool) -> Result<Text> {
    let text = Text::read(fields, name)?;
    match &text {
        Text::Set(set) if set.chars().count() > most || !set.chars().all(fits) => {
            Err(Error::BadRequest(format!("{name}: at most {most} printable characters")))
        }
        _ => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: serde_json::Value) -> Result<Settings> {
        Settings::read(&serde_json::from_value(value).unwrap())
    }

    #[test]
    fn texts_are_kept_cleared_or_set() {
        for (value, expected) in [
            (json!({}), Text::Keep),
            (json!({ "description": null }), Text::Clear),
            (json!({ "description": "" }), Text::Clear),
            (json!({ "description": "a\nb" }), Text::Set("a\nb".into())),
        ] {
            assert_eq!(read(value).unwrap().description, expected);
        }
        let before = "before".to_owned();
        assert_eq!(Text::Keep.or(Some(&before)), Some(before.clone()));
        assert_eq!(Text::Clear.or(Some(&before)), None);
        assert_eq!(Text::Set("after".into()).or(Some(&before)).unwrap(), "after");
    }

    #[test]
    fn lengths_are_those_of_characters() {
        let long = |most: usize| "ü".repeat(most);
        let names = [(long(MAX_NAME), true), (long(MAX_NAME + 1), false), ("  ".into(), false)];
        for (name, fits) in names.into_iter().chain([(" a ".into(), true), ("a\nb".into(), false)]) {
            assert_eq!(read(json!({ "name": name })).is_ok(), fits, "{name}");
        }
        for (field, most) in [("description", MAX_DESCRIPTION), ("icon_hash", MAX_ICON_HASH)] {
            read(json!({ field: long(most) })).unwrap();
            for bad in [json!({ field: long(most + 1) }), json!({ field: "\0" }), json!({ field: 1 })] {
                let error = read(bad).unwrap_err();
                assert!(error.to_string().contains(field), "{error}");
            }
        }
        assert_eq!(read(json!({ "name": " a " })).unwrap().name.unwrap(), "a");
    }
}
