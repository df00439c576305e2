//! Composer: credentials in the user's `auth.json`, the repository in `composer.json`.

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use crate::failure::{Failure, Result};
use crate::setup::edit::FileEdit;
use crate::setup::{Recipe, Target};

/// Composer looks credentials up by host. They belong into `auth.json` and not into a header of the
/// repository: headers are sent along with a redirect, and storage refuses them.
pub(super) fn recipe(target: &Target<'_>) -> Result<Recipe> {
    let host = target.server.host_and_port();
    let account = json!({"username": "token", "password": target.token_text()});
    let path = home(target).join("auth.json");
    let snippet = pretty(&json!({"http-basic": {host: account.clone()}}));
    let shown = path.display().to_string();
    let change = |before: &str| with_account(before, host, account, &shown);
    let mut recipe = Recipe::default();
    recipe.edits.push(FileEdit::of(path, true, snippet, change)?);
    let mut project = json!({"repositories": [{
        "type": "composer",
        "url": target.server.at(&format!("/composer/{}/", target.repo)),
    }]});
    if target.server.is_plain()
        && let Some(fields) = project.as_object_mut()
    {
        fields.insert("config".to_owned(), json!({"secure-http": false}));
    }
    recipe.by_hand("In the project's composer.json:", pretty(&project));
    Ok(recipe)
}

/// Where Composer keeps what is the user's: the first of its folders that is there.
fn home(target: &Target<'_>) -> PathBuf {
    let surroundings = target.surroundings;
    if let Some(home) = &surroundings.composer_home {
        return home.clone();
    }
    let new = surroundings.config_home.join("composer");
    let old = surroundings.home.join(".composer");
    if !new.is_dir() && old.is_dir() { old } else { new }
}

fn with_account(before: &str, host: &str, account: Value, shown: &str) -> Result<String> {
    let refuse = || {
        Failure::failed(format!("{shown} is not in the form that Composer reads"))
            .next("Mend or remove it, then run this again")
    };
    let text = if before.trim().is_empty() { "{}" } else { before };
    let mut whole: Value = serde_json::from_str(text).map_err(|_| refuse())?;
    let fields = whole.as_object_mut().ok_or_else(refuse)?;
    let hosts = fields.entry("http-basic").or_insert_with(|| Value::Object(Map::new()));
    // PHP writes an empty object as an empty list.
    if hosts.as_array().is_some_and(Vec::is_empty) {
        *hosts = Value::Object(Map::new());
    }
    let hosts = hosts.as_object_mut().ok_or_else(refuse)?;
    if hosts.get(host) == Some(&account) {
        return Ok(before.to_owned());
    }
    hosts.insert(host.to_owned(), account);
    Ok(pretty(&whole))
}

fn pretty(value: &Value) -> String {
    let mut text = Vec::new();
    let indent = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, indent);
    // Writing JSON that is in memory to memory cannot fail.
    if serde::Serialize::serialize(value, &mut serializer).is_err() {
        return String::new();
    }
    text.push(b'\n');
    String::from_utf8(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_accounts_stay_and_a_second_time_changes_nothing() {
        let account = json!({"username": "token", "password": "t"});
        let before = r#"{"bearer":{"x":"y"},"http-basic":{"other":{"username":"u","password":"p"}}}"#;
        let after = with_account(before, "localhost:8080", account.clone(), "f").unwrap();
        let value: Value = serde_json::from_str(&after).unwrap();
        assert_eq!(value["bearer"]["x"], "y");
        assert_eq!(value["http-basic"]["other"]["username"], "u");
        assert_eq!(value["http-basic"]["localhost:8080"], account);
        assert_eq!(with_account(&after, "localhost:8080", account.clone(), "f").unwrap(), after);
        assert!(with_account("", "h", account.clone(), "f").is_ok());
        assert!(with_account(r#"{"http-basic":[]}"#, "h", account.clone(), "f").is_ok());
        for bad in ["[]", "{", r#"{"http-basic":1}"#] {
            assert!(with_account(bad, "h", account.clone(), "f").is_err(), "{bad}");
        }
    }
}
