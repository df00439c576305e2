//! What requests bring, checked.

use granary_http::{Fields, shown};
use granary_model::composer::{ComposerName, ComposerVersion};
use granary_model::maven::{ArtifactId, GroupId};
use granary_model::npm::NpmName;
use granary_model::raw::RawName;
use granary_model::swift::SwiftIdentity;
use granary_model::{CustomerKey, Error, PackageType, Result};
use granary_publish::composer::check_addressable;
use serde_json::Value;

/// Longest description, in characters. A list of a thousand has to fit into one answer.
const MAX_DESCRIPTION: usize = 1_000;

/// Longest e-mail address, in bytes.
const MAX_EMAIL: usize = 254;

/// Longest name of a file, in bytes.
const MAX_FILENAME: usize = 255;

/// What becomes of a text that need not be there.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) enum Text {
    /// It stays as it is.
    #[default]
    Keep,
    /// There is none from now on.
    Clear,
    /// This one.
    Set(String),
}

impl Text {
    /// The text from now on.
    pub(crate) fn or(self, before: Option<String>) -> Option<String> {
        match self {
            Self::Keep => before,
            Self::Clear => None,
            Self::Set(text) => Some(text),
        }
    }
}

/// Puts the name of a field in front of what is wrong with its value.
pub(crate) fn field(name: &str, error: Error) -> Error {
    match error {
        Error::BadRequest(text) | Error::NotFound(text) => Error::BadRequest(format!("{name}: {text}")),
        other => other,
    }
}

/// The error as this interface has it: whatever is wrong with what was sent is 400.
pub(crate) fn documented(error: Error) -> Error {
    match error {
        Error::Conflict(text) | Error::Unprocessable(text) => Error::BadRequest(text),
        other => other,
    }
}

/// A number in a path.
///
/// # Errors
/// `BadRequest` for anything but decimal digits.
pub(crate) fn id(text: &str) -> Result<u64> {
    let digits = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    digits
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| Error::BadRequest(format!("the id '{}' is not a number", shown(text))))
}

/// A field with the number of something.
pub(crate) fn number(fields: &Fields, name: &str) -> Result<Option<u64>> {
    let wrong = || Error::BadRequest(format!("the field '{name}' must be a whole number from 0"));
    let value: Option<Value> = fields.json(name)?;
    value.map(|value| value.as_u64().ok_or_else(wrong)).transpose()
}

/// The field `status`: whether consumers see it.
pub(crate) fn status(fields: &Fields) -> Result<Option<bool>> {
    let value: Option<Value> = fields.json("status")?;
    let Some(value) = value else { return Ok(None) };
    match value.as_u64() {
        Some(1) => Ok(Some(true)),
        Some(0) => Ok(Some(false)),
        _ => Err(Error::BadRequest(
            "the field 'status' must be 1 (enabled) or 0 (hidden from consumers)".into(),
        )),
    }
}

/// The field `description`.
pub(crate) fn description(fields: &Fields) -> Result<Text> {
    let Some(text) = fields.text("description")? else {
        return Ok(if fields.has("description") { Text::Clear } else { Text::Keep });
    };
    let is_plain = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    if text.chars().count() > MAX_DESCRIPTION || !text.chars().all(is_plain) {
        return Err(Error::BadRequest(format!(
            "description: at most {MAX_DESCRIPTION} printable characters"
        )));
    }
    Ok(Text::Set(text.into()))
}

/// The normalised name of a package in the grammar of its protocol.
pub(crate) fn package_name(kind: PackageType, text: &str) -> Result<String> {
    let name = match kind {
        PackageType::Composer => text.parse::<ComposerName>().map(|name| name.to_string()),
        PackageType::Npm => text.parse::<NpmName>().map(|name| name.key()),
        PackageType::Raw => text.parse::<RawName>().map(|name| name.to_string()),
        PackageType::Swift => text.parse::<SwiftIdentity>().map(|identity| identity.key()),
        PackageType::Maven => artifact(text),
        PackageType::Kmp => Err(Error::BadRequest(
            "what is built for kmp is sold as what it is: name the type npm or swift".into(),
        )),
    };
    name.map_err(|error| field("name", error))
}

fn artifact(text: &str) -> Result<String> {
    let wrong = || Error::BadRequest("a Maven artifact is named as group:artifact".into());
    let (group, artifact) = text.split_once(':').ok_or_else(wrong)?;
    let (group, artifact): (GroupId, ArtifactId) = (group.parse()?, artifact.parse()?);
    Ok(format!("{group}:{artifact}"))
}

/// The field `name` of a version: one that can be published.
pub(crate) fn version_name(fields: &Fields) -> Result<Option<ComposerVersion>> {
    let version: Option<ComposerVersion> = fields.parsed("name")?;
    if let Some(version) = &version {
        check_addressable(version).map_err(|error| field("name", error))?;
    }
    Ok(version)
}

/// The field `filename`: one segment of a path.
pub(crate) fn filename(fields: &Fields) -> Result<Option<String>> {
    let Some(text) = fields.text("filename")? else { return Ok(None) };
    let is_bad = |c: char| c.is_control() || matches!(c, '/' | '\\');
    if text.is_empty() || text.len() > MAX_FILENAME || text.contains(is_bad) || matches!(text, "." | "..") {
        return Err(Error::BadRequest(format!(
            "filename: the name of a file such as 438411134.zip, without slashes and control characters and of at most \
             {MAX_FILENAME} bytes"
        )));
    }
    Ok(Some(text.into()))
}

/// The field `email`.
pub(crate) fn email(fields: &Fields) -> Result<Option<String>> {
    let Some(text) = fields.text("email")? else { return Ok(None) };
    if is_plausible(text) {
        return Ok(Some(text.into()));
    }
    Err(Error::BadRequest(format!(
        "email: '{}' is not an e-mail address such as one@example.com of at most {MAX_EMAIL} bytes",
        shown(text)
    )))
}

/// Whether a text may be an e-mail address. Only sending to it could tell whether it is.
fn is_plausible(text: &str) -> bool {
    let is_bad = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ',');
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    text.len() <= MAX_EMAIL
        && !text.contains(is_bad)
        && !local.is_empty()
        && !local.contains('@')
        && !domain.is_empty()
        && domain.split('.').all(|label| !label.is_empty())
}

/// A half of a consumer's pair.
pub(crate) fn half(fields: &Fields, name: &str) -> Result<Option<CustomerKey>> {
    fields.parsed(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for good in ["one@example.com", "a+b@x", "ü@exämple.de", "o'neil@a-b.c"] {
            assert!(is_plausible(good), "{good}");
        }
        let long = format!("{}@x", "a".repeat(MAX_EMAIL));
        for bad in
            ["", "@", "a@", "@b", "a b@c", "a@b@c", "a@b..c", "a@.b", "a\n@b", "<a@b>", "a@b,c@d", &long]
        {
            assert!(!is_plausible(bad), "{bad}");
        }
    }

    #[test]
    fn names_are_of_their_protocol() {
        for (kind, text, expected) in [
            (PackageType::Composer, "Vendor/Name", Some("vendor/name")),
            (PackageType::Composer, "name", None),
            (PackageType::Npm, "@acme/Tool", Some("@acme/tool")),
            (PackageType::Npm, "@acme", None),
            (PackageType::Npm, "@acme/tool", Some("@acme/tool")),
            (PackageType::Maven, "com.acme:tool", Some("com.acme:tool")),
            (PackageType::Maven, "com.acme", None),
            (PackageType::Swift, "Acme.Tool", Some("acme.tool")),
            (PackageType::Raw, "tool", Some("tool")),
            (PackageType::Kmp, "tool", None),
        ] {
            let name = package_name(kind, text);
            assert_eq!(name.as_deref().ok(), expected, "{kind} {text}");
            if let Err(error) = name {
                assert!(error.to_string().starts_with("name: "), "{error}");
            }
        }
    }

    #[test]
    fn versions_can_be_published() {
        let named = |text: &str| {
            let fields: Fields = serde_json::from_value(serde_json::json!({ "name": text })).unwrap();
            version_name(&fields)
        };
        for good in ["1.0", "v1.2-beta2", "dev-feature/a_b", "1.x-dev"] {
            assert_eq!(named(good).unwrap().unwrap().pretty(), good);
        }
        let long = format!("dev-{}", "x".repeat(147));
        for bad in ["one", "dev-a%2fb", "dev-a#b", "dev-a.", "dev-a/../b", &long] {
            let error = named(bad).unwrap_err();
            assert!(
                matches!(&error, Error::BadRequest(text) if text.starts_with("name: ")),
                "{bad}: {error:?}"
            );
        }
    }

    #[test]
    fn numbers_in_paths() {
        assert_eq!(id("18446744073709551615").unwrap(), u64::MAX);
        for bad in ["", "-1", "+1", "1.0", "18446744073709551616", "one", "1 "] {
            assert!(matches!(id(bad), Err(Error::BadRequest(_))), "{bad}");
        }
    }
}
