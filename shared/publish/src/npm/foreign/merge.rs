//! A newer document of another registry beside the one that is known.

use std::collections::{BTreeSet, HashSet};
use std::fmt::Write as _;

use granary_model::Timestamp;
use serde_json::Value;

use super::{Expected, ForeignPackument};

/// A version of which a registry says something else than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The version.
    pub version: String,
    /// What its bytes were said to hash to.
    pub before: Expected,
    /// What they are said to hash to.
    pub after: Expected,
}

/// What a newer document comes to.
#[derive(Debug, Default)]
pub struct Merged {
    /// The document that counts, where it is not the newer one as it is: what was said first of the bytes of a version stays,
    /// and each version has a time.
    pub text: Option<String>,
    /// Versions whose bytes are said to be others.
    pub changed: Vec<Changed>,
    /// Versions that are not there any more.
    pub removed: Vec<String>,
}

/// Puts a newer document beside the one that is known. `without` are versions that are not let in.
pub fn merge(
    new: &ForeignPackument<'_>,
    known: Option<&ForeignPackument<'_>>,
    without: &BTreeSet<String>,
) -> Merged {
    let mut merged = Merged::default();
    let before = |version: &str| known.and_then(|known| known.index.get(version));
    for one in &new.index.versions {
        let version = one.version.as_str();
        if let Some(before) = before(version).filter(|before| !before.expected.agrees_with(&one.expected)) {
            let (before, after) = (before.expected.clone(), one.expected.clone());
            merged.changed.push(Changed { version: version.into(), before, after });
        }
    }
    if let Some(known) = known {
        let gone = known.index.versions.iter().map(|one| one.version.as_str());
        merged.removed = gone.filter(|version| new.index.get(version).is_none()).map(str::to_owned).collect();
    }
    if !new.undated.is_empty() || !merged.changed.is_empty() || !without.is_empty() {
        merged.text = Some(rewritten(new, known, (&merged.changed, without)));
    }
    merged
}

/// The newer document with what is to stay of the one that is known.
fn rewritten(
    new: &ForeignPackument<'_>,
    known: Option<&ForeignPackument<'_>>,
    (changed, without): (&[Changed], &BTreeSet<String>),
) -> String {
    let changed: HashSet<&str> = changed.iter().map(|one| one.version.as_str()).collect();
    let mut out = String::from("{");
    for (name, raw) in new.others.iter() {
        let _ = write!(out, "{}:{},", Value::from(name), raw.get());
    }
    let _ = write!(out, "\"dist-tags\":{},\"versions\":{{", serde_json::json!(new.index.tags));
    let mut comma = "";
    for (one, raw) in new.index.versions.iter().zip(&new.manifests) {
        let version = one.version.as_str();
        if without.contains(version) {
            continue;
        }
        let first = known.filter(|_| changed.contains(version)).and_then(|known| known.manifest(version));
        let _ = write!(out, "{comma}{}:{}", Value::from(version), first.unwrap_or(raw).get());
        comma = ",";
    }
    out.push_str("},\"time\":{");
    comma = "";
    let mut put = |name: &str, raw: &str| {
        let _ = write!(out, "{comma}{}:{raw}", Value::from(name));
        comma = ",";
    };
    for (name, raw) in new.time.iter() {
        // What is no time, or one that has not come yet, is replaced.
        if !new.undated.contains(name) {
            put(name, raw.get());
        }
    }
    for one in &new.index.versions {
        let version = one.version.as_str();
        if new.undated.contains(version) {
            let first = known.and_then(|known| known.index.get(version)).map(|known| known.published);
            put(version, &quoted(first.unwrap_or(one.published)));
        }
    }
    out.push_str("}}");
    out
}

fn quoted(at: Timestamp) -> String {
    format!("\"{at}\"")
}
