//! What SwiftPM insists on in an answer: without it, it reports an error of its own, crashes or waits.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::Media;
use crate::wire::Answer;

/// Checks an answer that it takes for a success: status, version of the protocol, content type.
///
/// # Errors
/// When it would not take it.
pub fn check_success(answer: &Answer, media: Media) -> Result<()> {
    ensure!(answer.status == 200, "{answer}");
    check_version(answer)?;
    let content_type = answer.field("content-type").unwrap_or_default();
    let expected = media.content_type();
    let fits =
        content_type.strip_prefix(expected).is_some_and(|rest| rest.is_empty() || rest.starts_with(';'));
    ensure!(fits, "the type is not {expected}: {answer}");
    Ok(())
}

/// Checks the version of the protocol, compared as text.
///
/// # Errors
/// When it is missing or not exactly 1, or there several times.
pub fn check_version(answer: &Answer) -> Result<()> {
    // Foundation joins fields of one name with a comma.
    let version: Vec<&str> = answer.all("content-version").collect();
    ensure!(version == ["1"], "Content-Version is {version:?}: {answer}");
    Ok(())
}

/// The sentence of a refusal that it shows to the user.
///
/// # Errors
/// When it would show something of its own instead.
pub fn problem(answer: &Answer, status: u16) -> Result<String> {
    ensure!(answer.status == status, "{status} was expected: {answer}");
    check_version(answer)?;
    let content_type = answer.field("content-type").unwrap_or_default();
    ensure!(
        content_type.split(';').next() == Some("application/problem+json"),
        "no problem document: {answer}"
    );
    // A challenge with scheme Basic and a realm makes it wait for ever.
    for challenge in answer.all("www-authenticate") {
        ensure!(!challenge.to_lowercase().contains("basic"), "{answer}");
    }
    let detail = answer.json()?["detail"].as_str().map(str::to_owned);
    detail.filter(|detail| !detail.is_empty()).with_context(|| format!("no detail: {answer}"))
}

/// The versions in a list of releases that can be had, in no order.
///
/// # Errors
/// When it could not decode the list.
pub fn releases(answer: &Answer) -> Result<Vec<String>> {
    check_success(answer, Media::Json)?;
    let list = answer.json()?;
    let releases = list["releases"].as_object().with_context(|| format!("no releases: {list}"))?;
    let mut available = Vec::new();
    for (version, release) in releases {
        ensure!(release["url"].is_null() || release["url"].is_string(), "url of {version}: {list}");
        let problem = &release["problem"];
        if problem.is_null() {
            available.push(version.clone());
        } else {
            ensure!(problem["detail"].is_string(), "problem of {version} has no detail: {list}");
        }
    }
    Ok(available)
}

/// The checksum of the archive, out of a release's metadata that it could decode as a whole.
///
/// # Errors
/// When it could not.
pub fn checksum(answer: &Answer) -> Result<String> {
    check_success(answer, Media::Json)?;
    let release = answer.json()?;
    let text = |value: &Value, name: &str| -> Result<String> {
        Ok(value[name].as_str().with_context(|| format!("no {name}: {release}"))?.to_owned())
    };
    text(&release, "id")?;
    text(&release, "version")?;
    let mut checksum = None;
    for resource in release["resources"].as_array().with_context(|| format!("no resources: {release}"))? {
        text(resource, "type")?;
        if text(resource, "name")? == "source-archive" {
            checksum = Some(text(resource, "checksum")?);
        }
        if !resource["signing"].is_null() {
            text(&resource["signing"], "signatureBase64Encoded")?;
            text(&resource["signing"], "signatureFormat")?;
        }
    }
    let metadata = &release["metadata"];
    for person in [&metadata["author"], &metadata["author"]["organization"]] {
        if !person.is_null() {
            text(person, "name")?;
        }
    }
    for date in [&release["publishedAt"], &metadata["originalPublicationTime"]] {
        if !date.is_null() {
            check_date(date.as_str().unwrap_or_default()).with_context(|| release.to_string())?;
        }
    }
    checksum.with_context(|| format!("no source-archive: {release}"))
}

/// Checks a date as Foundation before 6.2 decodes it: `2026-02-16T14:30:00Z`, no fractions of a second.
fn check_date(date: &str) -> Result<()> {
    const PATTERN: &str = "dddd-dd-ddTdd:dd:ddZ";
    let fits = date.len() == PATTERN.len()
        && date.chars().zip(PATTERN.chars()).all(|(found, wanted)| match wanted {
            'd' => found.is_ascii_digit(),
            other => found == other,
        });
    ensure!(fits, "'{date}' is no date that it can read");
    Ok(())
}

/// A second manifest that the answer with the first one names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestLink {
    /// Its file name.
    pub filename: String,
    /// Its tools version, which is what it is asked for by.
    pub tools_version: String,
}

/// The second manifests, read out of `Link` as simply as it does: cut at every comma, then at every semicolon.
///
/// # Errors
/// When a tools version is none, which makes it fail, or two are the same, which makes it crash.
pub fn manifest_links(answer: &Answer) -> Result<Vec<ManifestLink>> {
    check_success(answer, Media::Swift)?;
    let mut links = Vec::<ManifestLink>::new();
    for fields in link_lines(answer).filter(|fields| fields.len() == 4) {
        if link_field(&fields, "rel=").as_deref() != Some("alternate")
            || !fields.iter().any(|f| f.starts_with('<'))
        {
            continue;
        }
        let (filename, tools_version) =
            (link_field(&fields, "filename="), link_field(&fields, "swift-tools-version="));
        let (Some(filename), Some(tools_version)) = (filename, tools_version) else { continue };
        let numbers: Vec<&str> = tools_version.split('.').collect();
        ensure!(
            matches!(numbers.len(), 2 | 3) && numbers.iter().all(|number| number.parse::<u32>().is_ok()),
            "'{tools_version}' is no tools version: {answer}"
        );
        if links.iter().any(|link| link.tools_version == tools_version) {
            bail!("two manifests for {tools_version}: {answer}");
        }
        links.push(ManifestLink { filename, tools_version });
    }
    Ok(links)
}

/// Addresses in `Link` with this relation and nothing else, as it finds pages and places of the source.
pub fn links(answer: &Answer, relation: &str) -> Vec<String> {
    let lines = link_lines(answer).filter(|fields| fields.len() == 2);
    lines
        .filter(|fields| link_field(fields, "rel=").as_deref() == Some(relation))
        .filter_map(|fields| {
            let address = fields.iter().find(|field| field.starts_with('<'))?;
            Some(address.trim_start_matches('<').trim_end_matches('>').to_owned())
        })
        .collect()
}

fn link_lines(answer: &Answer) -> impl Iterator<Item = Vec<String>> {
    let lines = answer.all("link").flat_map(|value| value.split(','));
    lines.map(|line| line.split(';').map(|field| field.trim().to_owned()).collect())
}

fn link_field(fields: &[String], name: &str) -> Option<String> {
    let field = fields.iter().find(|field| field.starts_with(name))?;
    let parts: Vec<&str> = field.split('=').map(str::trim).collect();
    let [_, value] = parts.as_slice() else { return None };
    Some(value.replace('"', ""))
}
