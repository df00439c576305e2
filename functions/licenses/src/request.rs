//! A licence as a request describes it.

use std::collections::BTreeSet;

use granary_http::seller::Seller;
use granary_http::{AppState, Fields, shown};
use granary_model::{CustomerKey, Error, Result};
use granary_storage::rows::{LicenceConstraint, OnExpiry};
use serde_json::{Map, Value};

use crate::constraint::{constraint, on_expiry};
use crate::names::Shelf;

const FIELDS: [&str; 7] = ["name", "key", "constraint", "onExpiry", "suspended", "meta", "packages"];

/// Name of a licence that was made without one.
const DEFAULT_NAME: &str = "Default License";

/// Longest name, in characters.
const MAX_NAME: usize = 100;

/// Most packages of a licence.
const MAX_PACKAGES: usize = 1000;

/// All their names together, in bytes. Every request of a customer reads them, and an answer of a function has 6 MB: it
/// must hold 50 licences.
const MAX_PACKAGES_BYTES: usize = 64 * 1024;

/// What is kept with a licence, in bytes of JSON.
const MAX_META: usize = 16 * 1024;

/// Objects and arrays inside one another in it.
const MAX_META_DEPTH: usize = 16;

/// A licence as its seller wants it, checked.
#[derive(Debug)]
pub(crate) struct LicenceRequest {
    pub(crate) name: String,
    /// `None` for a new licence that gets a random key.
    pub(crate) key: Option<CustomerKey>,
    pub(crate) constraint: LicenceConstraint,
    pub(crate) on_expiry: OnExpiry,
    pub(crate) suspended: bool,
    pub(crate) meta: Option<String>,
    pub(crate) packages: BTreeSet<String>,
}

impl LicenceRequest {
    /// Reads a new licence: only `constraint` and `packages` are required.
    pub(crate) async fn new(state: &AppState, seller: &Seller, fields: &Fields) -> Result<Self> {
        Self::read(state, seller, fields).await
    }

    /// Reads what replaces a licence: everything but `meta` and `onExpiry` is required.
    pub(crate) async fn replacement(state: &AppState, seller: &Seller, fields: &Fields) -> Result<Self> {
        for name in ["name", "key", "suspended"] {
            Fields::required(name, fields.json::<Value>(name)?)?;
        }
        Self::read(state, seller, fields).await
    }

    async fn read(state: &AppState, seller: &Seller, fields: &Fields) -> Result<Self> {
        fields.only(&FIELDS)?;
        let request = Self {
            name: name(fields)?,
            key: fields.parsed("key")?,
            constraint: constraint(fields)?,
            on_expiry: on_expiry(fields)?,
            suspended: flag(fields, "suspended")?.unwrap_or(false),
            meta: meta(fields)?,
            packages: BTreeSet::new(),
        };
        let given = packages(fields)?;
        // The rest asks the storage, and comes last.
        let packages = Shelf::of(state, seller).await?.keep(state, &given, &request.constraint).await?;
        Ok(Self { packages, ..request })
    }
}

fn name(fields: &Fields) -> Result<String> {
    let name = fields.text("name")?.map_or(DEFAULT_NAME, str::trim);
    if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(Error::BadRequest(format!("name: 1 to {MAX_NAME} printable characters")));
    }
    Ok(name.into())
}

fn flag(fields: &Fields, name: &str) -> Result<Option<bool>> {
    let wrong = || Error::BadRequest(format!("the field '{name}' must be true or false"));
    let value: Option<Value> = fields.json(name)?;
    value.map(|value| value.as_bool().ok_or_else(wrong)).transpose()
}

fn meta(fields: &Fields) -> Result<Option<String>> {
    // Not by the error of the reader: it would repeat what was sent, however long that is.
    fields.object("meta")?;
    let Some(meta) = fields.json::<Map<String, Value>>("meta")?.filter(|meta| !meta.is_empty()) else {
        return Ok(None);
    };
    let meta = Value::Object(meta);
    if depth(&meta) > MAX_META_DEPTH {
        return Err(Error::BadRequest(format!(
            "meta: at most {MAX_META_DEPTH} objects and arrays inside one another"
        )));
    }
    let text = meta.to_string();
    if text.len() > MAX_META {
        return Err(Error::BadRequest(format!("meta: at most {MAX_META} bytes of JSON, not {}", text.len())));
    }
    Ok(Some(text))
}

/// Objects and arrays inside one another. The reader of bodies has bounded it.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// The names of packages as they were sent.
fn packages(fields: &Fields) -> Result<BTreeSet<String>> {
    let wrong = || Error::BadRequest("the field 'packages' must be an array of strings".into());
    let value: Value = Fields::required("packages", fields.json("packages")?)?;
    let items = value.as_array().ok_or_else(wrong)?;
    if items.len() > MAX_PACKAGES {
        return Err(Error::BadRequest(format!("packages: at most {MAX_PACKAGES}, not {}", items.len())));
    }
    let mut names = BTreeSet::new();
    for item in items {
        let name = item.as_str().ok_or_else(wrong)?;
        if !names.insert(name.to_owned()) {
            return Err(Error::BadRequest(format!("packages: '{}' is there twice", shown(name))));
        }
    }
    if names.iter().map(String::len).sum::<usize>() > MAX_PACKAGES_BYTES {
        return Err(Error::BadRequest(format!(
            "packages: at most {MAX_PACKAGES_BYTES} bytes of names in one licence"
        )));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn depth_counts_what_holds_something() {
        for (value, expected) in [
            (json!(1), 0),
            (json!({}), 1),
            (json!({ "a": 1 }), 1),
            (json!({ "a": [], "b": { "c": [1] } }), 3),
        ] {
            assert_eq!(depth(&value), expected, "{value}");
        }
    }
}
