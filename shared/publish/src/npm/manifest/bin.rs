//! The programs of a package.

use granary_model::{Error, Result};
use serde_json::{Map, Value};

use crate::json_guard::shown;

/// Refuses programs outside of the package.
pub(super) fn check(manifest: &Map<String, Value>) -> Result<()> {
    let entries = entries(manifest);
    let named = entries.iter().flat_map(|(name, target)| [name, target]);
    for path in named.map(String::as_str).chain(raw_directory(manifest)) {
        if clean(path).is_none() {
            return Err(Error::BadRequest(format!(
                "the tarball's package.json has a program '{}' outside of the package or unprintable",
                shown(path)
            )));
        }
    }
    Ok(())
}

/// Makes `bin` an object of names and relative paths, from whatever form it has, or from the files in
/// `directories.bin`; removes it if nothing is left.
pub(super) fn normalize(manifest: &mut Map<String, Value>, bin_files: &[String]) {
    let mut entries = entries(manifest);
    if is_absent(manifest.get("bin")) {
        entries = bin_files.iter().map(|file| (base(file), file.clone())).collect();
    }
    let clean: Map<String, Value> = entries
        .iter()
        .filter_map(|(name, target)| {
            let name = base(&clean(name)?);
            let target = clean(target)?;
            (!name.is_empty() && !target.is_empty() && name != "__proto__").then(|| (name, target.into()))
        })
        .collect();
    if clean.is_empty() {
        manifest.shift_remove("bin");
    } else {
        manifest.insert("bin".into(), clean.into());
    }
}

/// The folder in `directories.bin`, if it names one and no `bin` makes it meaningless.
pub(crate) fn bin_directory_of(manifest: &Map<String, Value>) -> Option<String> {
    if !is_absent(manifest.get("bin")) {
        return None;
    }
    clean(raw_directory(manifest)?).filter(|folder| !folder.is_empty())
}

fn raw_directory(manifest: &Map<String, Value>) -> Option<&str> {
    manifest.get("directories")?.get("bin")?.as_str()
}

/// Whether JavaScript takes the value for false.
fn is_absent(bin: Option<&Value>) -> bool {
    match bin {
        None | Some(Value::Null | Value::Bool(false)) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(_) => false,
    }
}

/// Names and targets as the manifest has them. Something that is no string is no program.
fn entries(manifest: &Map<String, Value>) -> Vec<(String, String)> {
    let package = manifest.get("name").and_then(Value::as_str).unwrap_or_default();
    match manifest.get("bin") {
        // The part after the scope is the program's name.
        Some(Value::String(target)) if !target.is_empty() => vec![(base(package), target.clone())],
        Some(Value::Array(targets)) => targets
            .iter()
            .filter_map(Value::as_str)
            .map(|target| (base(&target.replace('\\', "/")), target.to_owned()))
            .collect(),
        Some(Value::Object(targets)) => targets
            .iter()
            .filter_map(|(name, target)| Some((name.clone(), target.as_str()?.to_owned())))
            .collect(),
        _ => Vec::new(),
    }
}

fn base(path: &str) -> String {
    path.rsplit('/').next().unwrap_or_default().into()
}

/// A path relative to the package root without superfluous parts, as npm writes it: backslashes and colons
/// are slashes. `None` if it leads out of the package or holds control characters.
fn clean(path: &str) -> Option<String> {
    let drive = matches!(path.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic());
    let path = path.replace(['\\', ':'], "/");
    if drive || path.starts_with('/') || path.chars().any(char::is_control) {
        return None;
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    (!parts.contains(&"..")).then(|| parts.join("/"))
}
