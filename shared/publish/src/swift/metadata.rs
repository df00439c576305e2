//! What a publisher says of a release: Appendix B of the registry specification.

use granary_model::{Error, Result, Timestamp};
use serde_json::{Map, Value};

use crate::json_guard::{JsonLimits, parse_json};

/// Largest metadata document, in bytes.
pub const MAX_METADATA: usize = 128 * 1024;

/// Most addresses of its source that a release may name.
pub const MAX_SOURCES: usize = 20;

/// Longest address of a source, in bytes.
const MAX_URL: usize = 500;

/// Reads a metadata document and brings it into the form that every client can decode.
///
/// SwiftPM takes a whole release for broken when a name is missing or a date has fractions. What the
/// specification does not know is kept as it is.
///
/// # Errors
/// `Unprocessable` that names the key.
pub fn read_metadata(bytes: &[u8]) -> Result<Map<String, Value>> {
    let limits = JsonLimits { bytes: MAX_METADATA, ..JsonLimits::default() };
    let value = parse_json(bytes, limits).map_err(|error| match error {
        Error::BadRequest(why) => refuse(&why),
        other => other,
    })?;
    let Value::Object(mut metadata) = value else {
        return Err(refuse("they have to be a JSON object"));
    };
    // An explicit null says nothing, and some clients write it for everything they do not have.
    metadata.retain(|_, value| !value.is_null());
    adopt_schema_org(&mut metadata);
    for key in ["description", "licenseURL", "readmeURL"] {
        check_text(&metadata, "", key)?;
    }
    check_sources(&metadata)?;
    if let Some(author) = metadata.get_mut("author") {
        let author = author.as_object_mut().ok_or_else(|| refuse("'author' has to be an object"))?;
        check_party(author, "author")?;
        if let Some(organization) = author.get_mut("organization") {
            let organization = organization
                .as_object_mut()
                .ok_or_else(|| refuse("'author.organization' has to be an object"))?;
            check_party(organization, "author.organization")?;
        }
    }
    if let Some(time) = metadata.get("originalPublicationTime") {
        let moment = time.as_str().and_then(Timestamp::parse_rfc3339).ok_or_else(|| {
            refuse("'originalPublicationTime' has to be a moment in ISO 8601 such as 2026-02-16T14:30:00Z")
        })?;
        metadata.insert("originalPublicationTime".into(), moment.rfc3339_seconds().into());
    }
    Ok(metadata)
}

fn refuse(why: &str) -> Error {
    Error::Unprocessable(format!("the metadata cannot be used: {why}"))
}

/// The same things in the words of schema.org, which other registries take: `codeRepository`, `license`, and
/// names in parts.
fn adopt_schema_org(metadata: &mut Map<String, Value>) {
    if !metadata.contains_key("repositoryURLs")
        && let Some(code) = metadata.get("codeRepository").cloned()
    {
        let urls = if code.is_array() { code } else { Value::Array(vec![code]) };
        metadata.insert("repositoryURLs".into(), urls);
    }
    if !metadata.contains_key("licenseURL")
        && let Some(license) = metadata.get("license").and_then(Value::as_str)
        && license.starts_with("http")
    {
        let license = license.to_owned();
        metadata.insert("licenseURL".into(), license.into());
    }
}

/// An author or an organisation: it has to have a name, and what it has besides is text.
fn check_party(party: &mut Map<String, Value>, place: &str) -> Result<()> {
    party.retain(|_, value| !value.is_null());
    if !party.contains_key("name") {
        let parts = ["givenName", "middleName", "familyName"];
        let parts: Vec<&str> = parts.iter().filter_map(|key| party.get(*key)?.as_str()).collect();
        if parts.is_empty() {
            return Err(refuse(&format!("'{place}' has no 'name', without which SwiftPM cannot read them")));
        }
        let name = parts.join(" ");
        party.insert("name".into(), name.into());
    }
    ["name", "email", "description", "url"].iter().try_for_each(|key| check_text(party, place, key))
}

fn check_text(object: &Map<String, Value>, place: &str, key: &str) -> Result<()> {
    match object.get(key) {
        Some(value) if !value.is_string() => {
            let dot = if place.is_empty() { "" } else { "." };
            Err(refuse(&format!("'{place}{dot}{key}' has to be a text")))
        }
        _ => Ok(()),
    }
}

fn check_sources(metadata: &Map<String, Value>) -> Result<()> {
    let Some(urls) = metadata.get("repositoryURLs") else { return Ok(()) };
    let urls = urls.as_array().ok_or_else(|| refuse("'repositoryURLs' has to be a list of texts"))?;
    if urls.len() > MAX_SOURCES {
        return Err(refuse(&format!("'repositoryURLs' has more than {MAX_SOURCES} addresses")));
    }
    for url in urls {
        let url = url.as_str().ok_or_else(|| refuse("'repositoryURLs' has to be a list of texts"))?;
        if url.len() > MAX_URL || url.chars().any(char::is_control) {
            return Err(refuse(&format!(
                "an address in 'repositoryURLs' is longer than {MAX_URL} bytes or has control characters"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: &Value) -> Result<Map<String, Value>> {
        read_metadata(value.to_string().as_bytes())
    }

    #[test]
    fn what_the_specification_has_is_kept() {
        let whole = json!({
            "author": {
                "name": "J. Appleseed", "email": "j@example.com", "description": "d", "url": "https://example.com",
                "organization": { "name": "Apple Orchard", "url": "https://example.com" },
            },
            "description": "Grüße", "licenseURL": "https://example.com/l", "readmeURL": "https://example.com/r",
            "repositoryURLs": ["https://example.com/a/b", "git@example.com:a/b.git"],
            "originalPublicationTime": "2026-02-16T14:30:00Z", "own": { "thing": [1, 2] },
        });
        assert_eq!(Value::Object(read(&whole).unwrap()), whole);
        assert!(read_metadata(b"{}").unwrap().is_empty());
    }

    #[test]
    fn what_clients_cannot_decode_is_mended() {
        let read = read(&json!({
            "author": { "@type": "Person", "givenName": "Jane", "middleName": null, "familyName": "Doe" },
            "codeRepository": "https://example.com/a/b", "license": "https://example.com/l", "readmeURL": null,
            "originalPublicationTime": "2026-02-16T14:30:00.123+02:00",
        }))
        .unwrap();
        assert_eq!(read["author"]["name"], "Jane Doe");
        assert_eq!(read["repositoryURLs"], json!(["https://example.com/a/b"]));
        assert_eq!(read["licenseURL"], "https://example.com/l");
        assert_eq!(read["originalPublicationTime"], "2026-02-16T12:30:00Z");
        assert!(!read.contains_key("readmeURL"));
    }

    #[test]
    fn what_cannot_be_mended_is_named() {
        let long = vec!["https://example.com/a/b"; 21];
        for (value, named) in [
            (json!([]), "object"),
            (json!({ "author": "Jane" }), "'author'"),
            (json!({ "author": {} }), "'author'"),
            (json!({ "author": { "name": 1 } }), "'author.name'"),
            (json!({ "author": { "name": "J", "organization": { "url": "x" } } }), "'author.organization'"),
            (json!({ "description": 1 }), "'description'"),
            (json!({ "repositoryURLs": "https://example.com" }), "'repositoryURLs'"),
            (json!({ "repositoryURLs": [1] }), "'repositoryURLs'"),
            (json!({ "repositoryURLs": long }), "'repositoryURLs'"),
            (json!({ "originalPublicationTime": "yesterday" }), "'originalPublicationTime'"),
        ] {
            let Err(Error::Unprocessable(text)) = read(&value) else { panic!("accepted: {value}") };
            assert!(text.contains(named), "{text}");
        }
        assert!(matches!(read_metadata(b"{"), Err(Error::Unprocessable(_))));
        assert!(matches!(read_metadata(&vec![b' '; MAX_METADATA + 1]), Err(Error::TooLarge(_))));
    }
}
