//! The documents of a package: one with its releases, one with its branches.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use granary_model::composer::ComposerVersion;
use granary_model::{Error, RepoId, Result, Timestamp};
use granary_storage::Storage;
use granary_storage::rows::VersionRow;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::facts::ComposerFacts;
use super::minify::{Minifier, Version};
use crate::documents::{Renderer, Source, address_suffix};

/// Raised whenever the renderer would make other bytes of the same rows.
const FORMAT: u32 = 1;

/// What is percent-encoded of a version in the address of its archive. A slash stays: gateways decode it, and the way to
/// the archive may have as many parts as it likes.
const VERSION: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/').remove(b'+');

/// Which of the two documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Branch {
    /// Versions with a number: `name.json`.
    Releases,
    /// Branches, and versions that are no further than `-dev`: `name~dev.json`. Asked for only by projects that accept
    /// them.
    Dev,
}

/// Renders metadata for one public address.
#[derive(Debug, Clone)]
pub struct ComposerDocuments {
    public_url: String,
    suffix: String,
}

impl ComposerDocuments {
    /// For a registry that clients reach at `public_url`.
    pub fn new(public_url: &str) -> Self {
        Self { public_url: public_url.into(), suffix: format!("{FORMAT}{}", address_suffix(public_url)) }
    }

    /// Name of a document's variant.
    pub fn variant(&self, branch: Branch) -> String {
        match branch {
            Branch::Releases => format!("s{}", self.suffix),
            Branch::Dev => format!("d{}", self.suffix),
        }
    }

    /// The address of a version's archive. It goes into lock files, and clients keep what they have downloaded under it:
    /// so it never changes and is never a signed one.
    pub fn dist_url(&self, repo: &RepoId, name: &str, row: &VersionRow, reference: &str) -> String {
        let version = utf8_percent_encode(&row.version, VERSION);
        format!("{}/composer/{repo}/dist/{name}/{version}/{reference}.zip", self.public_url)
    }

    /// A version as the metadata have it.
    fn version(&self, source: &Source, row: &VersionRow, facts: ComposerFacts) -> Result<Version> {
        let file =
            row.files.first().ok_or_else(|| Error::internal("rendering", "a version without a file"))?;
        let reference = file.sha1.to_string();
        let name = source.package.name.as_str();
        let url = self.dist_url(source.repo(), name, row, &reference);
        let mut version = Version::new();
        version.insert("name".into(), name.into());
        version.insert("version".into(), facts.version.into());
        version.insert("version_normalized".into(), row.version.as_str().into());
        for (member, value) in facts.manifest {
            version.entry(member).or_insert(value);
        }
        let dist = json!({ "type": "zip", "url": url, "reference": reference, "shasum": reference });
        version.insert("dist".into(), dist);
        version.insert("time".into(), time(row.published_at).into());
        Ok(version)
    }

    /// One document, compressed as it is written: of all versions only two are in memory unpacked.
    fn document(&self, source: &Source, rows: &[&VersionRow]) -> Result<Bytes> {
        let mut out = GzEncoder::new(Vec::new(), Compression::default());
        let mut push = |text: &str| {
            out.write_all(text.as_bytes()).map_err(|e| Error::internal("compressing a document", e))
        };
        push(&format!(
            "{{\"minified\":\"composer/2.0\",\"packages\":{{{}:[",
            Value::from(source.package.name.as_str())
        ))?;
        let mut minifier = Minifier::default();
        for (index, row) in rows.iter().enumerate() {
            let version = self.version(source, row, ComposerFacts::from_row(&row.facts)?)?;
            let comma = if index == 0 { "" } else { "," };
            push(&format!("{comma}{}", Value::Object(minifier.next(version))))?;
        }
        push("]}}")?;
        out.finish().map(Bytes::from).map_err(|e| Error::internal("compressing a document", e))
    }

    fn documents(&self, source: &Source, live: &[VersionRow]) -> Result<Vec<Bytes>> {
        let mut rows: Vec<(ComposerVersion, &VersionRow)> = live
            .iter()
            .map(|row| Ok((ComposerVersion::from_normalized(&row.version)?, row)))
            .collect::<Result<_>>()?;
        // Newest first. Texts decide between versions that are equal to Composer, so that the order is always the same.
        rows.sort_by(|(a, left), (b, right)| b.cmp(a).then_with(|| right.version.cmp(&left.version)));
        let of = |is_dev: bool| -> Vec<&VersionRow> {
            rows.iter().filter(|(version, _)| version.is_dev() == is_dev).map(|(_, row)| *row).collect()
        };
        Ok(vec![self.document(source, &of(false))?, self.document(source, &of(true))?])
    }
}

/// A time as Composer writes it: whole seconds, with the offset in digits.
fn time(at: Timestamp) -> String {
    let text = at.to_string();
    let seconds = text.get(..19).unwrap_or(&text);
    format!("{seconds}+00:00")
}

impl Renderer for ComposerDocuments {
    fn variants(&self) -> Vec<String> {
        vec![self.variant(Branch::Releases), self.variant(Branch::Dev)]
    }

    async fn render(&self, storage: &Storage, source: &Source) -> Result<Vec<Bytes>> {
        let live = source.versions(storage).await?;
        let (renderer, source) = (self.clone(), source.clone());
        // Thousands of versions take tens of milliseconds: not on a thread that serves other requests.
        let rendering = tokio::task::spawn_blocking(move || renderer.documents(&source, &live));
        rendering.await.map_err(|e| Error::internal("rendering", e))?
    }
}
