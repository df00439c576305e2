//! What a client says it is going to publish.

use std::collections::BTreeSet;
use std::path::Path;

use granary_http::Fields;
use granary_model::composer::ComposerVersion;
use granary_model::maven::{Coordinates, MavenFile};
use granary_model::npm::DistTag;
use granary_model::raw::RawFile;
use granary_model::swift::SwiftIdentity;
use granary_model::{Error, PackageType, Result, Sha256};
use granary_publish::files::MAX_FILES;
use granary_publish::raw::check_description;
use granary_publish::upload::parts::{MULTIPART_FROM, PART_SIZE};
use granary_storage::rows::UploadSubject;
use serde::Deserialize;

/// Most parts of all files of one upload, about 32 GB. An answer names each with an address of about 2 KB, and a
/// function answers with at most 6 MB and works for at most 15 minutes.
const MAX_PARTS: u64 = 2_000;

/// The fields that say what is published, from JSON or from a form.
#[derive(Debug, Default)]
pub(crate) struct Named {
    pub(crate) package_type: Option<PackageType>,
    pub(crate) package_name: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) group_id: Option<String>,
    pub(crate) artifact_id: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) tag: Option<String>,
    pub(crate) scope: Option<String>,
}

impl Named {
    /// Names of the fields.
    pub(crate) const FIELDS: [&str; 8] =
        ["packageType", "packageName", "version", "groupId", "artifactId", "description", "tag", "scope"];

    /// Reads them from JSON.
    pub(crate) fn of_fields(fields: &Fields) -> Result<Self> {
        let text = |name: &str| fields.text(name).map(|text| text.map(str::to_owned));
        Ok(Self {
            package_type: fields.parsed("packageType")?,
            package_name: text("packageName")?,
            version: text("version")?,
            group_id: text("groupId")?,
            artifact_id: text("artifactId")?,
            description: text("description")?,
            tag: text("tag")?,
            scope: text("scope")?,
        })
    }

    /// What is published, checked.
    pub(crate) fn subject(self) -> Result<UploadSubject> {
        let kind = Fields::required("packageType", self.package_type)?;
        if kind != PackageType::Maven && (self.group_id.is_some() || self.artifact_id.is_some()) {
            return Err(Error::BadRequest("groupId and artifactId are for packageType maven".into()));
        }
        if kind != PackageType::Npm && self.tag.is_some() {
            return Err(Error::BadRequest("tag is for packageType npm".into()));
        }
        if kind != PackageType::Swift && self.scope.is_some() {
            return Err(Error::BadRequest(
                "scope is for packageType swift; the scope of an npm package is a part of its name".into(),
            ));
        }
        match kind {
            PackageType::Npm => Ok(UploadSubject::Npm {
                name: parse("packageName", self.package_name)?,
                version: parse("version", self.version)?,
                tag: parse("tag", self.tag)?.unwrap_or_else(DistTag::latest),
            }),
            PackageType::Maven => {
                let group = Fields::required("groupId", parse("groupId", self.group_id)?)?;
                let artifact = Fields::required("artifactId", parse("artifactId", self.artifact_id)?)?;
                let version = Fields::required("version", parse("version", self.version)?)?;
                let coordinates = Coordinates { group, artifact, version };
                if let Some(name) = self.package_name
                    && name != coordinates.artifact.as_str()
                    && name != coordinates.key()
                {
                    return Err(Error::BadRequest(format!(
                        "packageName: leave it out, or give '{}' or '{}'",
                        coordinates.artifact,
                        coordinates.key()
                    )));
                }
                Ok(UploadSubject::Maven { coordinates })
            }
            PackageType::Raw => Ok(UploadSubject::Raw {
                name: Fields::required("packageName", parse("packageName", self.package_name)?)?,
                version: Fields::required("version", parse("version", self.version)?)?,
                description: self.description,
            }),
            PackageType::Swift => {
                check_description(self.description.as_deref())?;
                Ok(UploadSubject::Swift {
                    identity: swift_identity(self.scope, self.package_name)?,
                    version: Fields::required("version", parse("version", self.version)?)?,
                    description: self.description,
                })
            }
            PackageType::Kmp => Err(Error::BadRequest(
                "packageType kmp: such packages are built here and not uploaded".into(),
            )),
            PackageType::Composer => {
                let version: Option<ComposerVersion> = parse("version", self.version)?;
                Ok(UploadSubject::Composer {
                    name: parse("packageName", self.package_name)?,
                    version: version.map(|version| version.pretty().to_owned()),
                })
            }
        }
    }
}

/// The identifier of a Swift package: a scope and a name, or both in one as `scope.name`.
fn swift_identity(scope: Option<String>, name: Option<String>) -> Result<SwiftIdentity> {
    let name = Fields::required("packageName", name)?;
    let Some(scope) = scope else {
        return name.parse().map_err(|error| {
            Error::BadRequest(format!("packageName: without the field scope it is scope.name; {error}"))
        });
    };
    let name = name.strip_prefix(&format!("{scope}.")).unwrap_or(&name).to_owned();
    let scope = Fields::required("scope", parse("scope", Some(scope))?)?;
    Ok(SwiftIdentity { scope, name: Fields::required("packageName", parse("packageName", Some(name))?)? })
}

/// Parses a field, if it is there.
fn parse<T: std::str::FromStr<Err = Error>>(name: &str, text: Option<String>) -> Result<Option<T>> {
    let parsed = text.map(|text| text.parse()).transpose();
    parsed.map_err(|error| Error::BadRequest(format!("{name}: {error}")))
}

/// A file that is announced.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AnnouncedFile {
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) sha256: Sha256,
}

/// Checks names, sizes and number of the files that are announced.
pub(crate) fn check_files(subject: &UploadSubject, files: &[AnnouncedFile], max_file: u64) -> Result<()> {
    if files.is_empty() {
        return Err(Error::BadRequest("files: name at least one".into()));
    }
    let is_single = matches!(subject.kind(), PackageType::Npm | PackageType::Swift | PackageType::Composer);
    let most = if is_single { 1 } else { MAX_FILES };
    if files.len() > most {
        return Err(Error::BadRequest(format!(
            "files: at most {most} in one upload, and these are {}; make several uploads",
            files.len()
        )));
    }
    let (mut names, mut parts) = (BTreeSet::new(), 0);
    for file in files {
        if !names.insert(file.name.as_str()) {
            return Err(Error::BadRequest(format!("files: '{}' stands there twice", file.name)));
        }
        check_name(subject, &file.name)?;
        parts += if file.size < MULTIPART_FROM { 1 } else { file.size.div_ceil(PART_SIZE) };
        if file.size > max_file {
            return Err(Error::TooLarge(format!(
                "'{}' has {} bytes, and a file can have at most {max_file} here",
                file.name, file.size
            )));
        }
    }
    if parts > MAX_PARTS {
        return Err(Error::TooLarge(format!(
            "files: together they have {parts} parts of {PART_SIZE} bytes, more than the {MAX_PARTS} of one upload; \
             make several uploads"
        )));
    }
    Ok(())
}

/// Checks the name of one file.
fn check_name(subject: &UploadSubject, name: &str) -> Result<()> {
    match subject {
        UploadSubject::Maven { coordinates } => MavenFile::new(coordinates.clone(), name).map(|_| ()),
        UploadSubject::Npm { .. } | UploadSubject::Raw { .. } => name.parse::<RawFile>().map(|_| ()),
        UploadSubject::Swift { .. } if is_zip(name) => name.parse::<RawFile>().map(|_| ()),
        UploadSubject::Swift { .. } => Err(Error::BadRequest(format!(
            "files: a Swift release is one source archive, such as package.zip, which has its manifests in it; this is \
             '{}'",
            name.escape_debug()
        ))),
        UploadSubject::Composer { .. } if is_zip(name) => name.parse::<RawFile>().map(|_| ()),
        UploadSubject::Composer { .. } => Err(Error::BadRequest(format!(
            "files: a version of a Composer package is one zip archive with its composer.json; this is '{}'",
            name.escape_debug()
        ))),
    }
}

fn is_zip(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|end| end.eq_ignore_ascii_case("zip"))
}
