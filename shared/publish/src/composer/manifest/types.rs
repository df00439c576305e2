//! Members of which Composer demands a type.
//!
//! Its loader is strict: one text where it wants a list ends every update that looks at the version. What it only
//! ignores is refused as well where nobody can have meant it.

use granary_model::Result;
use serde_json::{Map, Value};

use super::wrong;
use crate::json_guard::shown;

type Check = fn(&Value) -> bool;

/// Members of an autoload. Composer knows no others.
const AUTOLOADS: [&str; 5] = ["psr-0", "psr-4", "classmap", "files", "exclude-from-classmap"];

/// What may be said of an author.
const AUTHOR: [&str; 4] = ["name", "email", "homepage", "role"];

/// Where help is found.
const SUPPORT: [&str; 9] = ["issues", "forum", "wiki", "source", "email", "irc", "docs", "rss", "chat"];

/// Where money is wanted.
const FUNDING: [&str; 2] = ["type", "url"];

/// Checks the type of every member that Composer reads.
pub(super) fn check(manifest: &Map<String, Value>) -> Result<()> {
    let is_text_or_list: Check = |value| value.is_string() || is_list(value);
    let is_objects: Check = |value| items(value).is_some_and(|items| items.into_iter().all(is_object));
    let wanted: [(&str, Check, &str); 16] = [
        ("type", Value::is_string, "a text"),
        ("description", Value::is_string, "a text"),
        ("homepage", Value::is_string, "a text"),
        ("target-dir", Value::is_string, "a text"),
        ("license", is_text_or_list, "a text or a list of texts"),
        ("keywords", is_list, "a list of texts"),
        ("include-path", is_list, "a list of texts"),
        ("authors", is_objects, "a list of objects"),
        ("funding", is_objects, "a list of objects"),
        ("autoload", is_object, "an object"),
        ("autoload-dev", is_object, "an object"),
        ("extra", is_object, "an object"),
        ("support", is_object, "an object"),
        ("archive", is_object, "an object"),
        ("php-ext", is_object, "an object"),
        ("scripts", |value| items(value).is_some(), "an object"),
    ];
    for (member, is_right, what) in wanted {
        if present(manifest, member).is_some_and(|value| !is_right(value)) {
            return Err(wrong(&format!("{member}: it has to be {what}")));
        }
    }
    check_inner(manifest, "archive", &["name"], Value::is_string, "a text")?;
    check_inner(manifest, "archive", &["exclude"], is_list, "a list of texts")?;
    check_inner(manifest, "support", &SUPPORT, Value::is_string, "a text")?;
    check_each(manifest, "authors", &AUTHOR)?;
    check_each(manifest, "funding", &FUNDING)?;
    check_aliases(manifest)?;
    check_autoload(manifest)
}

/// A member, unless it is null: Composer takes that for missing.
pub(super) fn present<'a>(object: &'a Map<String, Value>, member: &str) -> Option<&'a Value> {
    object.get(member).filter(|value| !value.is_null())
}

/// An object, or what PHP makes of one without members.
fn is_object(value: &Value) -> bool {
    value.is_object() || value.as_array().is_some_and(Vec::is_empty)
}

fn is_list(value: &Value) -> bool {
    value.as_array().is_some_and(|list| list.iter().all(Value::is_string))
}

/// What is in an object or a list: to PHP they are the same.
fn items(value: &Value) -> Option<Vec<&Value>> {
    match value {
        Value::Array(list) => Some(list.iter().collect()),
        Value::Object(members) => Some(members.values().collect()),
        _ => None,
    }
}

/// Checks members of a member.
fn check_inner(
    manifest: &Map<String, Value>,
    member: &str,
    inner: &[&str],
    is_right: Check,
    what: &str,
) -> Result<()> {
    let Some(Value::Object(object)) = manifest.get(member) else { return Ok(()) };
    check_members(object, member, inner, is_right, what)
}

/// Checks members of each object in a list.
fn check_each(manifest: &Map<String, Value>, member: &str, inner: &[&str]) -> Result<()> {
    let objects = manifest.get(member).and_then(items).unwrap_or_default();
    objects
        .into_iter()
        .filter_map(Value::as_object)
        .try_for_each(|object| check_members(object, member, inner, Value::is_string, "a text"))
}

fn check_members(
    object: &Map<String, Value>,
    member: &str,
    inner: &[&str],
    is_right: Check,
    what: &str,
) -> Result<()> {
    match inner.iter().find(|inner| present(object, inner).is_some_and(|value| !is_right(value))) {
        Some(inner) => Err(wrong(&format!("{member}: {inner}: it has to be {what}"))),
        None => Ok(()),
    }
}

/// What branches are called besides. Composer looks at it only when it loads a branch.
fn check_aliases(manifest: &Map<String, Value>) -> Result<()> {
    let Some(Value::Object(extra)) = manifest.get("extra") else { return Ok(()) };
    let Some(aliases) = present(extra, "branch-alias") else { return Ok(()) };
    let is_texts = |names: Vec<&Value>| names.into_iter().all(Value::is_string);
    if items(aliases).is_some_and(is_texts) {
        return Ok(());
    }
    Err(wrong("extra: branch-alias: it has to be an object of texts"))
}

/// Where classes are. Composer looks at most of it only when it writes the autoloader, in the project of a customer.
fn check_autoload(manifest: &Map<String, Value>) -> Result<()> {
    let Some(Value::Object(autoload)) = manifest.get("autoload") else { return Ok(()) };
    for (section, places) in autoload {
        if !AUTOLOADS.contains(&section.as_str()) {
            let known = AUTOLOADS.join(", ");
            return Err(wrong(&format!("autoload: '{}' is none of {known}", shown(section))));
        }
        let is_paths = |place: &Value| place.is_string() || is_list(place);
        if !items(places).is_some_and(|places| places.into_iter().all(is_paths)) {
            return Err(wrong(&format!("autoload: {section}: it has to hold paths or lists of paths")));
        }
        if section.starts_with("psr-") {
            check_namespaces(section, places)?;
        }
    }
    let directory = manifest.get("target-dir").and_then(Value::as_str).unwrap_or_default();
    if autoload.contains_key("psr-4") && !directory.trim().is_empty() {
        return Err(wrong("target-dir: it cannot be used together with psr-4; take it out"));
    }
    Ok(())
}

fn check_namespaces(section: &str, places: &Value) -> Result<()> {
    let Value::Object(places) = places else {
        if is_object(places) {
            return Ok(());
        }
        return Err(wrong(&format!("autoload: {section}: it has to be an object")));
    };
    let is_right: fn(&str) -> bool = match section {
        "psr-4" => |name| name.is_empty() || name.ends_with('\\'),
        _ => |name| !is_number(name),
    };
    match places.keys().find(|name| !is_right(name)) {
        Some(name) if section == "psr-4" => {
            Err(wrong(&format!("autoload: psr-4: '{}' has to end with \\\\", shown(name))))
        }
        Some(name) => Err(wrong(&format!("autoload: {section}: '{}' is no namespace", shown(name)))),
        None => Ok(()),
    }
}

/// Whether PHP makes a number of the name of a member. Composer's texts cannot be one.
pub(super) fn is_number(name: &str) -> bool {
    name.parse::<i64>().is_ok_and(|number| number.to_string() == name)
}
