//! Packuments: the full and the abbreviated document of a package.

use std::fmt::Write as _;
use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use granary_model::npm::NpmVersion;
use granary_model::{Error, RepoId, Result};
use granary_storage::rows::{FileRow, HeadRow, ReadmeRow, VersionRow};
use granary_storage::{Key, Storage};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::facts::NpmFacts;
use super::showing::NpmShowing;
use crate::compress::gunzip;
use crate::documents::{Renderer, Source, address_suffix};
use crate::seen::seen_head;

/// Raised whenever the renderer would make other bytes of the same rows, so that documents of an older
/// program are not taken for new ones.
const FORMAT: u32 = 1;

/// What is percent-encoded of a name in a tarball's address: all but unreserved characters.
const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Which of the two documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Everything: what npm, Yarn 4 and `npm view` ask for.
    Full,
    /// What installing needs: what pnpm, Yarn 1 and Bun ask for.
    Abbreviated,
}

/// Renders packuments for one public address.
#[derive(Debug, Clone)]
pub struct Packuments {
    public_url: String,
    suffix: String,
}

impl Packuments {
    /// For a registry that clients reach at `public_url`.
    pub fn new(public_url: &str) -> Self {
        Self { public_url: public_url.into(), suffix: format!("{FORMAT}{}", address_suffix(public_url)) }
    }

    /// Name of a form's variant.
    pub fn variant(&self, form: Form) -> String {
        match form {
            Form::Full => format!("f{}", self.suffix),
            Form::Abbreviated => format!("a{}", self.suffix),
        }
    }

    /// The address of a version's tarball. It goes into lock files, so it never changes and is never a
    /// signed one; it lies below the registry's address, or clients would not send their token to it.
    pub fn tarball_url(&self, repo: &RepoId, name: &str, version: &str) -> String {
        let name = utf8_percent_encode(name, NAME);
        format!("{}/api/npm/{repo}/-/tarball/{name}/{version}", self.public_url)
    }

    /// One version's manifest as it stands in the document.
    pub fn manifest(&self, repo: &RepoId, name: &str, row: &VersionRow, form: Form) -> Result<String> {
        let facts = NpmFacts::from_row(&row.facts)?;
        let mut out = String::new();
        self.write_manifest(&mut out, (repo, name), row, &facts, form)?;
        Ok(out)
    }

    fn write_manifest(
        &self,
        out: &mut String,
        (repo, name): (&RepoId, &str),
        row: &VersionRow,
        facts: &NpmFacts,
        form: Form,
    ) -> Result<()> {
        let raw = match form {
            Form::Full => facts.full.get(),
            Form::Abbreviated => facts.abbreviated.get(),
        };
        let file =
            row.files.first().ok_or_else(|| Error::internal("rendering", "a version without a file"))?;
        // The manifest is an object with at least a name, so a comma follows its last member.
        out.push_str(raw.trim_end().strip_suffix('}').unwrap_or("{"));
        if form == Form::Full {
            write_member(out, "_id", &Value::from(format!("{name}@{}", row.version)));
        }
        if let Some(text) = &row.deprecated {
            write_member(out, "deprecated", &Value::from(text.as_str()));
        }
        write_member(out, "dist", &self.dist(repo, name, row, file, facts));
        out.push('}');
        Ok(())
    }

    fn dist(&self, repo: &RepoId, name: &str, row: &VersionRow, file: &FileRow, facts: &NpmFacts) -> Value {
        let mut dist = json!({
            "tarball": self.tarball_url(repo, name, &row.version),
            "shasum": file.sha1.to_string(),
            "integrity": format!("sha512-{}", file.sha512.base64()),
            "fileCount": facts.file_count,
            "unpackedSize": facts.unpacked_size,
        });
        if let (Some(predicate), Some(object)) = (&facts.provenance, dist.as_object_mut()) {
            let url = format!(
                "{}/api/npm/{repo}/-/npm/v1/attestations/{}@{}",
                self.public_url,
                name.replacen('/', "%2f", 1),
                row.version
            );
            object.insert(
                "attestations".into(),
                json!({ "url": url, "provenance": { "predicateType": predicate } }),
            );
        }
        dist
    }

    /// The document of one form up to its first version.
    fn opening(source: &Source, form: Form) -> String {
        let name = Value::from(source.head.name.as_str());
        let mut out = format!("{{\"name\":{name}");
        if form == Form::Full {
            write_member(&mut out, "_id", &name);
            write_member(&mut out, "_rev", &Value::from(source.revision()));
        }
        write_member(&mut out, "dist-tags", &json!(source.head.tags));
        out.push_str(",\"versions\":{");
        out
    }

    /// The document of one form after its last version.
    fn closing(
        source: &Source,
        time: &Value,
        latest: Option<&NpmFacts>,
        readme: &str,
        form: Form,
    ) -> Result<String> {
        let head = &source.head;
        let mut out = "}".to_owned();
        // Both forms carry it: without it pnpm asks again for the full form and Yarn 4 quarantines versions.
        write_member(&mut out, "time", time);
        write_member(&mut out, "modified", &Value::from(head.modified().to_string()));
        if form == Form::Full {
            let maintainers: Vec<Value> =
                head.maintainers.iter().map(|user| json!({ "name": user, "email": "" })).collect();
            write_member(&mut out, "maintainers", &Value::from(maintainers));
            if let Some(facts) = latest {
                write_package_members(&mut out, facts)?;
            }
            write_member(&mut out, "readme", &Value::from(readme));
        }
        out.push('}');
        Ok(out)
    }

    /// Both documents, compressed as they are written: of all manifests only one is in memory unpacked.
    fn documents(
        &self,
        source: &Source,
        rows: &[(NpmVersion, VersionRow)],
        readme: &str,
    ) -> Result<Vec<Bytes>> {
        let mut drafts = [Draft::new(Form::Full), Draft::new(Form::Abbreviated)];
        for draft in &mut drafts {
            draft.push(&Self::opening(source, draft.form))?;
        }
        let mut latest = None;
        for (index, (_, row)) in rows.iter().enumerate() {
            let facts = NpmFacts::from_row(&row.facts)?;
            for draft in &mut drafts {
                let comma = if index == 0 { "" } else { "," };
                let mut text = format!("{comma}{}:", Value::from(row.version.as_str()));
                let package = (source.repo(), source.head.name.as_str());
                self.write_manifest(&mut text, package, row, &facts, draft.form)?;
                draft.push(&text)?;
            }
            if source.head.latest() == Some(&row.version) {
                latest = Some(facts);
            }
        }
        let time = time_map(&source.head, rows);
        drafts
            .into_iter()
            .map(|mut draft| {
                draft.push(&Self::closing(source, &time, latest.as_ref(), readme, draft.form)?)?;
                draft.finish()
            })
            .collect()
    }
}

/// One form of the document while it is written.
pub(super) struct Draft {
    pub(super) form: Form,
    out: GzEncoder<Vec<u8>>,
}

impl Draft {
    pub(super) fn new(form: Form) -> Self {
        Self { form, out: GzEncoder::new(Vec::new(), Compression::default()) }
    }

    pub(super) fn push(&mut self, text: &str) -> Result<()> {
        self.out.write_all(text.as_bytes()).map_err(|e| Error::internal("compressing a document", e))
    }

    pub(super) fn finish(self) -> Result<Bytes> {
        self.out.finish().map(Bytes::from).map_err(|e| Error::internal("compressing a document", e))
    }
}

pub(super) fn write_member(out: &mut String, name: &str, value: &Value) {
    let _ = write!(out, ",\"{name}\":{value}");
}

/// Members that the package takes over from its latest version.
fn write_package_members(out: &mut String, facts: &NpmFacts) -> Result<()> {
    let manifest: Value =
        serde_json::from_str(facts.full.get()).map_err(|e| Error::internal("reading a manifest", e))?;
    for name in [
        "description",
        "keywords",
        "license",
        "homepage",
        "bugs",
        "repository",
        "author",
        "contributors",
        "readmeFilename",
    ] {
        if let Some(value) = manifest.get(name) {
            write_member(out, name, value);
        }
    }
    Ok(())
}

fn time_map(head: &HeadRow, rows: &[(NpmVersion, VersionRow)]) -> Value {
    let mut time = serde_json::Map::with_capacity(rows.len() + 2);
    time.insert("created".into(), granary_model::Timestamp::from_millis(head.created_at).to_string().into());
    time.insert("modified".into(), head.modified().to_string().into());
    for (_, row) in rows {
        time.insert(row.version.clone(), row.published_at.to_string().into());
    }
    Value::Object(time)
}

impl Renderer for Packuments {
    fn variants(&self) -> Vec<String> {
        vec![self.variant(Form::Full), self.variant(Form::Abbreviated)]
    }

    async fn render(&self, storage: &Storage, source: &Source) -> Result<Vec<Bytes>> {
        if source.head.upstream.is_some() {
            return self.render_foreign(storage, source).await;
        }
        let live = source.versions(storage).await?;
        let source = Source { head: seen_head::<NpmShowing>(source, &live)?.into(), ..source.clone() };
        let readme = match source.head.latest() {
            Some(latest) => {
                storage.get::<ReadmeRow>(&Key::Readme(source.package.clone(), latest.into())).await?
            }
            None => None,
        };
        let renderer = self.clone();
        // Thousands of versions take tens of milliseconds: not on a thread that serves other requests.
        tokio::task::spawn_blocking(move || {
            let mut rows: Vec<(NpmVersion, VersionRow)> =
                live.into_iter().map(|row| Ok((row.version.parse()?, row))).collect::<Result<_>>()?;
            rows.sort_by(|a, b| a.0.cmp(&b.0));
            let readme = match readme {
                Some(readme) => String::from_utf8_lossy(&gunzip(&readme.text)?).into_owned(),
                None => String::new(),
            };
            renderer.documents(&source, &rows, &readme)
        })
        .await
        .map_err(|e| Error::internal("rendering", e))?
    }
}
