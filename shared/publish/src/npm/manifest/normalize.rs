//! The forms clients bring fields into before they publish.

use serde_json::{Map, Value, json};

use super::people;

/// Brings all fields but `bin` into the form in which packuments have them.
pub(super) fn fields(manifest: &mut Map<String, Value>) {
    for field in ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"] {
        dependencies(manifest, field);
    }
    bundle(manifest);
    scripts(manifest);
    if let Some(author) = manifest.get_mut("author") {
        people::normalize(author);
    }
    if let Some(Value::Array(contributors)) = manifest.get_mut("contributors") {
        contributors.iter_mut().for_each(people::normalize);
    }
    for field in ["description", "homepage"] {
        if manifest.get(field).is_some_and(|value| !value.is_string()) {
            manifest.shift_remove(field);
        }
    }
    expand_text(manifest, "repository", |url| json!({"type": "git", "url": url}));
    expand_text(manifest, "funding", |url| json!({"url": url}));
    expand_text(manifest, "bugs", |place| {
        let is_email = place.contains('@') && !place.contains('/');
        if is_email { json!({"email": place}) } else { json!({"url": place}) }
    });
    expand_text(manifest, "keywords", |words| {
        words.split([',', '\n']).map(str::trim).filter(|word| !word.is_empty()).collect()
    });
    match manifest.get_mut("keywords") {
        Some(Value::Array(words)) => words.retain(|word| word.as_str().is_some_and(|word| !word.is_empty())),
        Some(_) => drop(manifest.shift_remove("keywords")),
        None => {}
    }
}

/// Adds npm's implied install script and says whether there is any.
///
/// npm runs `node-gyp rebuild` for a package with a `binding.gyp` and no `install` or `preinstall` script
/// unless `gypfile` is false, and writes that into the manifest when it publishes.
pub(super) fn install_scripts(manifest: &mut Map<String, Value>, has_binding_gyp: bool) {
    let has = |manifest: &Map<String, Value>, script: &str| {
        let script = manifest.get("scripts").and_then(|scripts| scripts.get(script)).and_then(Value::as_str);
        script.is_some_and(|script| !script.is_empty())
    };
    let switched_off = manifest.get("gypfile") == Some(&Value::Bool(false));
    if has_binding_gyp && !has(manifest, "install") && !has(manifest, "preinstall") && !switched_off {
        if let Value::Object(scripts) = manifest.entry("scripts").or_insert_with(|| json!({})) {
            scripts.insert("install".into(), "node-gyp rebuild".into());
        }
        manifest.insert("gypfile".into(), true.into());
    }
    if ["preinstall", "install", "postinstall"].into_iter().any(|script| has(manifest, script)) {
        manifest.insert("hasInstallScript".into(), true.into());
    }
}

/// An object of names and ranges; old packages have a list of `name@range`.
fn dependencies(manifest: &mut Map<String, Value>, field: &str) {
    match manifest.get_mut(field) {
        None => {}
        Some(Value::Object(ranges)) => ranges.retain(|_, range| range.is_string()),
        Some(Value::Array(list)) => {
            let ranges: Map<String, Value> = list
                .iter()
                .filter_map(|item| {
                    let item = item.as_str()?.trim();
                    let at = item.char_indices().skip(1).find(|(_, letter)| *letter == '@');
                    let (name, range) = at.map_or((item, ""), |(at, _)| item.split_at(at));
                    Some((name.to_owned(), range.trim_start_matches('@').into()))
                })
                .collect();
            manifest.insert(field.into(), ranges.into());
        }
        Some(_) => drop(manifest.shift_remove(field)),
    }
}

/// `bundleDependencies` as a list; npm also accepts another spelling, `true` for all, and an object.
fn bundle(manifest: &mut Map<String, Value>) {
    let other_spelling = manifest.shift_remove("bundledDependencies");
    let Some(bundle) = manifest.shift_remove("bundleDependencies").or(other_spelling) else { return };
    let names: Vec<String> = match bundle {
        Value::Array(names) => {
            names.iter().filter_map(Value::as_str).filter(|name| !name.is_empty()).map(Into::into).collect()
        }
        Value::Object(names) => names.into_iter().map(|(name, _)| name).collect(),
        Value::Bool(true) => {
            let dependencies = manifest.get("dependencies").and_then(Value::as_object);
            dependencies.into_iter().flat_map(|names| names.keys().cloned()).collect()
        }
        _ => return,
    };
    // npm makes every bundled package a dependency, or clients would not look for it in the tarball.
    let is_optional = |manifest: &Map<String, Value>, name: &str| {
        manifest.get("optionalDependencies").is_some_and(|names| names.get(name).is_some())
    };
    let missing: Vec<&String> = names.iter().filter(|name| !is_optional(manifest, name)).collect();
    if !missing.is_empty()
        && let Value::Object(dependencies) = manifest.entry("dependencies").or_insert_with(|| json!({}))
    {
        for name in missing {
            dependencies.entry(name.as_str()).or_insert_with(|| "*".into());
        }
    }
    manifest.insert("bundleDependencies".into(), names.into());
}

fn scripts(manifest: &mut Map<String, Value>) {
    match manifest.get_mut("scripts") {
        None => {}
        Some(Value::Object(scripts)) => scripts.retain(|_, script| script.is_string()),
        Some(_) => drop(manifest.shift_remove("scripts")),
    }
}

/// Puts something else in the place of a field that is a string.
fn expand_text(manifest: &mut Map<String, Value>, field: &str, expand: impl FnOnce(&str) -> Value) {
    if let Some(value) = manifest.get_mut(field)
        && let Value::String(text) = value
    {
        *value = expand(text);
    }
}
