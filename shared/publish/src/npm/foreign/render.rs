//! Packuments for clients here of what another registry says.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bytes::Bytes;
use granary_model::{Error, RepoId, Result, Timestamp};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{ForeignPackument, ForeignVersion, Members, Seen};
use crate::documents::Source;
use crate::npm::manifest::ABBREVIATED;
use crate::npm::packument::{Draft, Form, Packuments, write_member};
use crate::policy::Kept;

/// Members of a manifest that say nothing to clients here.
const LEFT_OUT: [&str; 3] = ["readme", "_npmOperationalInternal", "_attachments"];

/// Members of a document that are this registry's own.
const OURS: [&str; 5] = ["name", "_id", "_rev", "_attachments", "modified"];

/// Scripts that run when a package is installed.
const INSTALLING: [&str; 3] = ["preinstall", "install", "postinstall"];

/// Most versions of which a document tells why they are not let in: an explanation, not a list of what there is elsewhere.
const EXPLAINED: usize = 200;

impl Packuments {
    /// Both documents of a package from another registry, by the rules that apply to it.
    pub fn foreign_documents(&self, source: &Source, packument: &ForeignPackument<'_>) -> Result<Vec<Bytes>> {
        let policy = source.policy.as_deref();
        let policy = policy.ok_or_else(|| Error::internal("rendering", "a foreign package without rules"))?;
        let seen = packument.index.seen(&source.head, policy);
        let mut drafts = [Draft::new(Form::Full), Draft::new(Form::Abbreviated)];
        let (repo, name) = (source.repo(), source.head.name.as_str());
        for draft in &mut drafts {
            draft.push(&opening(source, &seen, draft.form))?;
        }
        let mut comma = "";
        for one in &seen.versions {
            let raw = packument.manifest(one.version.as_str());
            let Some(manifest) = raw.and_then(Members::of) else {
                return Err(Error::internal("rendering", "a version without a manifest"));
            };
            for draft in &mut drafts {
                let mut text = format!("{comma}{}:", Value::from(one.version.as_str()));
                self.write_foreign(&mut text, (repo, name), one, &manifest, draft.form);
                draft.push(&text)?;
            }
            comma = ",";
        }
        let closings = drafts.iter().map(|draft| closing(source, packument, &seen, draft.form));
        let closings: Vec<String> = closings.collect();
        let finished = drafts.into_iter().zip(closings).map(|(mut draft, closing)| {
            draft.push(&closing)?;
            draft.finish()
        });
        finished.collect()
    }

    /// One version's manifest as it stands in the document.
    ///
    /// # Errors
    /// `Internal` for a version that the document does not have.
    pub fn foreign_manifest(
        &self,
        repo: &RepoId,
        packument: &ForeignPackument<'_>,
        (name, one): (&str, &ForeignVersion),
    ) -> Result<String> {
        let manifest = packument.manifest(one.version.as_str()).and_then(Members::of);
        let manifest =
            manifest.ok_or_else(|| Error::internal("rendering", "a version without a manifest"))?;
        let mut out = String::new();
        self.write_foreign(&mut out, (repo, name), one, &manifest, Form::Full);
        Ok(out)
    }

    fn write_foreign(
        &self,
        out: &mut String,
        (repo, name): (&RepoId, &str),
        one: &ForeignVersion,
        manifest: &Members<'_>,
        form: Form,
    ) {
        out.push('{');
        let mut members = 0;
        let mut put = |out: &mut String, name: &str, text: &str| {
            let comma = if members == 0 { "" } else { "," };
            members += 1;
            let _ = write!(out, "{comma}{}:{text}", Value::from(name));
        };
        match form {
            Form::Full => {
                for (field, raw) in manifest.iter() {
                    if field != "dist" && !LEFT_OUT.contains(&field) {
                        put(out, field, raw.get());
                    }
                }
            }
            Form::Abbreviated => {
                for field in ABBREVIATED {
                    match manifest.get(field) {
                        Some(raw) => put(out, field, raw.get()),
                        // Registries compute it for this form alone.
                        None if field == "hasInstallScript" && installs(manifest) => put(out, field, "true"),
                        None => {}
                    }
                }
            }
        }
        let dist = manifest.get("dist").and_then(Members::of).unwrap_or_default();
        let tarball = self.tarball_url(repo, name, one.version.as_str());
        put(out, "dist", &rewritten(&dist, &tarball));
        out.push('}');
    }
}

/// Whether a package runs something when it is installed.
fn installs(manifest: &Members<'_>) -> bool {
    let scripts = manifest.get("scripts").and_then(Members::of).unwrap_or_default();
    INSTALLING.iter().any(|name| scripts.get(name).is_some())
        || manifest.get("gypfile").is_some_and(|raw| raw.get() == "true")
}

/// `dist` with another address and nothing else changed: what is signed stays what it is.
fn rewritten(dist: &Members<'_>, tarball: &str) -> String {
    let mut out = format!("{{\"tarball\":{}", Value::from(tarball));
    for (field, raw) in dist.iter().filter(|(field, _)| *field != "tarball") {
        let _ = write!(out, ",{}:{}", Value::from(field), raw.get());
    }
    out.push('}');
    out
}

fn opening(source: &Source, seen: &Seen<'_>, form: Form) -> String {
    let name = Value::from(source.head.name.as_str());
    let mut out = format!("{{\"name\":{name}");
    if form == Form::Full {
        write_member(&mut out, "_id", &name);
        write_member(&mut out, "_rev", &Value::from(source.revision()));
    }
    write_member(&mut out, "dist-tags", &json!(seen.tags));
    out.push_str(",\"versions\":{");
    out
}

fn closing(source: &Source, packument: &ForeignPackument<'_>, seen: &Seen<'_>, form: Form) -> String {
    let mut out = "}".to_owned();
    let head = &source.head;
    let index = &packument.index;
    let modified = index.modified.unwrap_or(head.modified());
    let created = index.created.unwrap_or(Timestamp::from_millis(head.created_at));
    let mut time = serde_json::Map::with_capacity(seen.versions.len() + 2);
    time.insert("created".into(), created.to_string().into());
    time.insert("modified".into(), modified.to_string().into());
    for one in &seen.versions {
        time.insert(one.version.to_string(), one.published.to_string().into());
    }
    write_member(&mut out, "time", &Value::Object(time));
    write_member(&mut out, "modified", &Value::from(modified.to_string()));
    if !seen.kept.is_empty() {
        write_member(&mut out, "policyRestrictions", &restrictions(&head.name, seen));
    }
    if form == Form::Full {
        let others: Vec<(&str, &RawValue)> =
            packument.others.iter().filter(|(field, _)| !OURS.contains(field)).collect();
        for (field, raw) in others {
            let _ = write!(out, ",{}:{}", Value::from(field), raw.get());
        }
    }
    out.push('}');
    out
}

/// Why versions are not let in, in the form in which npm tells it to whoever asks for one of them.
fn restrictions(name: &str, seen: &Seen<'_>) -> Value {
    let newest = seen.kept.iter().rev().take(EXPLAINED);
    let versions: BTreeMap<&str, Value> = newest
        .clone()
        .map(|(one, _)| (one.version.as_str(), json!({ "name": name, "version": one.version.as_str() })))
        .collect();
    // The first of each kind says what is to be known of it.
    let mut reasons: Vec<String> = Vec::new();
    let mut kinds: Vec<std::mem::Discriminant<Kept>> = Vec::new();
    for (one, why) in newest {
        let kind = std::mem::discriminant(why);
        if !kinds.contains(&kind) {
            kinds.push(kind);
            reasons.push(why.words(&format!("{name}@{}", one.version)));
        }
    }
    json!({ "versions": versions, "message": reasons.join("; ") })
}
