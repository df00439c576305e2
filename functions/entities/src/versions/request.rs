//! What clients say of a version.

use std::collections::BTreeSet;

use granary_http::Fields;
use granary_model::entity::{EntitySlug, EntityVersion, SourceHash};
use granary_model::{Error, Result, Sha256};
use granary_publish::{JsonLimits, parse_json};
use granary_storage::rows::EntityConfirmation;
use serde_json::Value;

/// Most services that a version needs.
const MAX_SERVICES: usize = 100;

/// What a `package.json` may cost. It stands in the version's row, of which DynamoDB takes 400 KB.
const PACKAGE_JSON: JsonLimits = JsonLimits { bytes: 256 * 1024, depth: 64, keys: 20_000 };

/// The first step.
#[derive(Debug)]
pub(super) struct BeginRequest {
    pub(super) version: EntityVersion,
    pub(super) source_hash: SourceHash,
    /// Id or version string.
    pub(super) base: Option<String>,
    pub(super) force: bool,
    pub(super) size: Option<u64>,
    pub(super) sha256: Option<Sha256>,
}

impl BeginRequest {
    const FIELDS: [&str; 6] =
        ["version", "source_hash", "base_version_id", "force", "file_size_bytes", "sha256"];

    /// Reads it. `largest` is the size of the largest file, in bytes.
    pub(super) fn new(fields: &Fields, largest: u64) -> Result<Self> {
        fields.only(&Self::FIELDS)?;
        let (size, sha256) = (size(fields, largest)?, fields.parsed("sha256")?);
        if sha256.is_some() && size.is_none() {
            return Err(Error::BadRequest(
                "sha256: say file_size_bytes as well; then the bucket takes no other bytes".into(),
            ));
        }
        Ok(Self {
            version: Fields::required("version", fields.parsed("version")?)?,
            source_hash: Fields::required("source_hash", fields.parsed("source_hash")?)?,
            base: fields.text("base_version_id")?.map(str::to_owned),
            force: flag(fields, "force")?.unwrap_or(false),
            size,
            sha256,
        })
    }
}

/// The second step.
#[derive(Debug)]
pub(super) struct ConfirmRequest {
    pub(super) storage_path: String,
    pub(super) version: EntityVersion,
    pub(super) source_hash: SourceHash,
    pub(super) size: u64,
    pub(super) lockfile_path: Option<String>,
    pub(super) services: Vec<EntitySlug>,
    pub(super) package_json: Option<String>,
    pub(super) set_as_active: bool,
    pub(super) force: Option<bool>,
    /// Id or version string.
    pub(super) base: Option<String>,
}

impl ConfirmRequest {
    const FIELDS: [&str; 10] = [
        "storage_path",
        "version",
        "source_hash",
        "file_size_bytes",
        "service_dependencies",
        "package_json",
        "package_lock_path",
        "set_as_active",
        "force",
        "base_version_id",
    ];

    /// Reads it. `largest` is the size of the largest file, in bytes.
    pub(super) fn new(fields: &Fields, largest: u64) -> Result<Self> {
        fields.only(&Self::FIELDS)?;
        let text = |name: &str| fields.text(name).map(|text| text.map(str::to_owned));
        Ok(Self {
            storage_path: Fields::required("storage_path", text("storage_path")?)?,
            version: Fields::required("version", fields.parsed("version")?)?,
            source_hash: Fields::required("source_hash", fields.parsed("source_hash")?)?,
            size: Fields::required("file_size_bytes", size(fields, largest)?)?,
            lockfile_path: text("package_lock_path")?,
            services: services(fields)?,
            package_json: package_json(fields)?,
            set_as_active: flag(fields, "set_as_active")?.unwrap_or(false),
            force: flag(fields, "force")?,
            base: text("base_version_id")?,
        })
    }

    /// What is kept of it. `force` is what the first step said.
    pub(super) fn confirmation(&self, force: bool) -> EntityConfirmation {
        EntityConfirmation {
            file_size_bytes: self.size,
            lockfile: self.lockfile_path.is_some(),
            service_dependencies: self.services.clone(),
            package_json: self.package_json.clone(),
            set_as_active: self.set_as_active,
            force: self.force.unwrap_or(force),
        }
    }
}

/// `{"versionId"}`: an id or a version string.
pub(super) fn version_id(fields: &Fields) -> Result<String> {
    fields.only(&["versionId"])?;
    Fields::required("versionId", fields.text("versionId")?.map(str::to_owned))
}

fn flag(fields: &Fields, name: &str) -> Result<Option<bool>> {
    let wrong = || Error::BadRequest(format!("the field '{name}' must be true or false"));
    let value: Option<Value> = fields.json(name)?;
    value.map(|value| value.as_bool().ok_or_else(wrong)).transpose()
}

fn size(fields: &Fields, largest: u64) -> Result<Option<u64>> {
    let wrong = || {
        Error::BadRequest(format!(
            "the field 'file_size_bytes' must be a whole number of bytes from 1 to {largest}"
        ))
    };
    let value: Option<Value> = fields.json("file_size_bytes")?;
    let read = |value: Value| value.as_u64().filter(|size| (1..=largest).contains(size)).ok_or_else(wrong);
    value.map(read).transpose()
}

fn services(fields: &Fields) -> Result<Vec<EntitySlug>> {
    let services: Vec<EntitySlug> = fields.list("service_dependencies")?.unwrap_or_default();
    if services.len() > MAX_SERVICES {
        return Err(Error::BadRequest(format!(
            "service_dependencies: at most {MAX_SERVICES} services; these are {}",
            services.len()
        )));
    }
    let mut seen = BTreeSet::new();
    match services.iter().find(|slug| !seen.insert(slug.as_str())) {
        Some(twice) => {
            Err(Error::BadRequest(format!("service_dependencies: the service '{twice}' stands there twice")))
        }
        None => Ok(services),
    }
}

/// The `package.json` as JSON text without needless blanks. It may come as an object or as text.
fn package_json(fields: &Fields) -> Result<Option<String>> {
    let wrong = |text: &str| Error::BadRequest(format!("package_json: {text}"));
    let value: Option<Value> = fields.json("package_json")?;
    let value = match value {
        None => return Ok(None),
        Some(Value::String(text)) => match parse_json(text.as_bytes(), PACKAGE_JSON) {
            Ok(value) => value,
            Err(Error::BadRequest(text) | Error::TooLarge(text)) => return Err(wrong(&text)),
            Err(error) => return Err(error),
        },
        Some(value) => value,
    };
    if !value.is_object() {
        return Err(wrong("it must be a JSON object, or the text of one"));
    }
    let text = value.to_string();
    if text.len() > PACKAGE_JSON.bytes {
        return Err(wrong(&format!("it has {} bytes of at most {}", text.len(), PACKAGE_JSON.bytes)));
    }
    Ok(Some(text))
}

/// Refuses a base version that is not the one of the first step.
pub(super) fn check_base(said: Option<&str>, row: Option<(&str, &EntityVersion)>) -> Result<()> {
    match (said, row) {
        (None, _) => Ok(()),
        (Some(said), Some((id, version))) if said == id || said == version.as_str() => Ok(()),
        (Some(_), Some((_, version))) => Err(Error::BadRequest(format!(
            "base_version_id: the upload was begun with version {version} as its base"
        ))),
        (Some(_), None) => {
            Err(Error::BadRequest("base_version_id: the upload was begun without a base version".into()))
        }
    }
}
