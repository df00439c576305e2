//! One file of any package type, as a form: what a script with curl sends.

use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use granary_http::permit::Write;
use granary_http::{
    ApiError, ApiResult, AppState, Caller, Fields, Form, Part, RepoAccess, refuse_body, reply,
};
use granary_model::maven::{Coordinates, MavenFile};
use granary_model::raw::RawFile;
use granary_model::swift::ManifestName;
use granary_model::{Error, Result};
use granary_publish::composer::publish::ComposerPublish;
use granary_publish::digests::Digests;
use granary_publish::files::{NewFile, store_bytes};
use granary_publish::maven::MavenRules;
use granary_publish::npm::publish::NpmPublish;
use granary_publish::npm::tarball::inspect_spool;
use granary_publish::raw::{RawRules, content_type};
use granary_publish::spool::Spool;
use granary_publish::swift::confirm::confirm_manifest;
use granary_publish::swift::prepare::prepare_spool;
use granary_publish::swift::publish::{SwiftPublish, described};
use granary_publish::upload::finish::{
    publish_composer, publish_files, publish_npm, publish_raw, publish_swift,
};
use granary_storage::rows::UploadSubject;
use serde_json::json;

use crate::announce::Named;
use crate::session::target;

/// Longest value of a field that is no file, in bytes.
const MAX_TEXT: usize = 16 * 1024;

/// What to do with a file that is too large for a form.
const WAY_OUT: &str =
    "send the file with `granary push` (see `granary push --help`), which has no such limit";

/// What a form says.
#[derive(Default)]
struct Sent {
    repo: Option<String>,
    named: Named,
    seen: Vec<String>,
    file: Option<SentFile>,
}

struct SentFile {
    name: Option<String>,
    spool: Spool,
    digests: Digests,
}

/// `POST /api/packages/upload`.
pub(crate) async fn upload_package(state: AppState, request: Request) -> ApiResult<Response> {
    let headers = request.headers().clone();
    // Nobody without a credential gets to send gigabytes, and no customer does.
    let caller = Caller::of_request(&state, &headers).await;
    if let Err(error) = caller.and_then(|caller| caller.refuse_customers()) {
        refuse_body(&headers, request.into_body()).await;
        return Err(ApiError(error));
    }
    let mut parts = Form::open(&state, &headers, request.into_body(), WAY_OUT).await?;
    let form = match read(&state, &headers, &mut parts).await {
        Ok(form) => form,
        Err(error) => {
            parts.drain().await;
            return Err(error.into());
        }
    };
    let (repo, file) = (Fields::required("repoId", form.repo)?, Fields::required("file", form.file)?);
    let subject = form.named.subject()?;
    let package = subject.package();
    let package = package.as_ref().map(|name| (subject.kind(), name.as_str()));
    let access = RepoAccess::<Write>::authorize(&state, &headers, &repo, package).await?;
    access.require_uploads(subject.kind())?;
    let published = Box::pin(publish(&state, &access, subject, file)).await?;
    Ok(reply(StatusCode::CREATED, &published))
}

/// Reads the fields in whichever order they come.
async fn read(state: &AppState, headers: &HeaderMap, parts: &mut Form) -> Result<Sent> {
    let mut form = Sent::default();
    while let Some(part) = parts.next().await? {
        let name = part.name().to_owned();
        if form.seen.contains(&name) {
            return Err(Error::BadRequest(format!("the field '{}' stands there twice", name.escape_debug())));
        }
        form.seen.push(name.clone());
        if name == "file" {
            if let Some(repo) = &form.repo {
                // Early, where it can be: before the bytes are taken.
                may_write(state, headers, repo, &form.named).await?;
            }
            let name = part.file_name().map(str::to_owned);
            let (spool, digests) = part.spool(state).await?;
            form.file = Some(SentFile { name, spool, digests });
            continue;
        }
        let value = text(&name, part).await?;
        let named = &mut form.named;
        match name.as_str() {
            "repoId" => form.repo = Some(value),
            "packageType" => named.package_type = Some(value.parse()?),
            "packageName" => named.package_name = Some(value),
            "version" => named.version = Some(value),
            "groupId" => named.group_id = Some(value),
            "artifactId" => named.artifact_id = Some(value),
            "description" => named.description = Some(value),
            "tag" => named.tag = Some(value),
            "scope" => named.scope = Some(value),
            _ => {
                return Err(Error::BadRequest(format!(
                    "unknown field '{}'; the fields are: repoId, {}, file",
                    name.escape_debug(),
                    Named::FIELDS.join(", ")
                )));
            }
        }
    }
    Ok(form)
}

/// Whether the caller may write in the repository, or at least to the package, as far as it is known.
async fn may_write(state: &AppState, headers: &HeaderMap, repo: &str, named: &Named) -> Result<()> {
    let package = named.package_type.zip(named.package_name.as_deref());
    match RepoAccess::<Write>::authorize(state, headers, repo, package).await {
        // The right may be one to the package alone, which is known only when all fields are.
        Ok(_) | Err(Error::Forbidden(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

async fn text(name: &str, part: Part<'_>) -> Result<String> {
    let bytes = part.bytes(MAX_TEXT).await?;
    String::from_utf8(bytes)
        .map_err(|_| Error::BadRequest(format!("the field '{}' is not UTF-8", name.escape_debug())))
}

/// Publishes the file by the code of its protocol, and says as what.
async fn publish(
    state: &AppState,
    access: &RepoAccess<Write>,
    subject: UploadSubject,
    file: SentFile,
) -> Result<serde_json::Value> {
    let (now, quota) = (state.now(), state.config().repo_quota);
    let goal = target(state, access, &subject);
    let digests = file.digests;
    let kind = subject.kind();
    let answer = |name: &str, version: &str, file: &str| {
        json!({
            "ok": true, "packageType": kind, "packageName": name, "version": version, "file": file,
        })
    };
    match subject {
        UploadSubject::Npm { name, version, tag } => {
            let (facts, spool) = inspect_spool(file.spool).await?;
            let publish = NpmPublish::of_tarball(&facts, digests, name, version, vec![tag])?;
            store_bytes(state.storage(), &spool, digests.sha256, now).await?;
            let (name, version) = (publish.name().clone(), publish.version().clone());
            publish_npm(goal, now, quota, publish).await?;
            let stored = name.tarball_file(&version);
            Ok(answer(name.as_str(), version.as_str(), &stored))
        }
        UploadSubject::Maven { coordinates } => {
            let named = maven_file(&coordinates, file.name.as_deref())?;
            let (name, content_type) = (named.name().to_owned(), named.media_type().to_owned());
            let rules = MavenRules::new(coordinates.clone(), &access.repo);
            let (rules, spool) = rules.inspect_spool(named, file.spool).await?;
            store_bytes(state.storage(), &spool, digests.sha256, now).await?;
            let files = [NewFile { name: name.clone(), digests, content_type }];
            let version = coordinates.version.as_str();
            let subject = (kind, coordinates.key(), version);
            publish_files(goal, now, quota, subject, &files, &rules).await?;
            Ok(answer(&coordinates.key(), version, &name))
        }
        UploadSubject::Swift { identity, version, description } => {
            let sent = base_name(file.name.as_deref())?;
            if let Some(manifest) = ManifestName::parse(sent) {
                confirm_manifest(goal, now, &version, &manifest, &digests, description).await?;
                return Ok(answer(&identity.to_string(), version.as_str(), manifest.as_str()));
            }
            let archive = prepare_spool(&identity, file.spool, digests, false).await?;
            let publish =
                SwiftPublish::new(identity.clone(), version.clone(), archive, described(description)?)?;
            publish_swift(goal, now, quota, publish).await?;
            let stored = format!("{}-{version}.zip", identity.name);
            Ok(answer(&identity.to_string(), version.as_str(), &stored))
        }
        UploadSubject::Composer { name, version } => {
            let version = version.map(|version| version.parse()).transpose()?;
            let publish = ComposerPublish::of_spool_as(name, version, file.spool, digests).await?;
            let (name, version) = (publish.name().to_string(), publish.version().pretty().to_owned());
            publish_composer(goal, now, quota, publish).await?;
            Ok(answer(&name, &version, &format!("{}-{version}.zip", name.replace('/', "-"))))
        }
        UploadSubject::Raw { name, version, description } => {
            let stored = base_name(file.name.as_deref())?.to_owned();
            stored.parse::<RawFile>()?;
            let rules = RawRules::new(name, version, description)?;
            store_bytes(state.storage(), &file.spool, digests.sha256, now).await?;
            let files = [NewFile { content_type: content_type(&stored), name: stored.clone(), digests }];
            publish_raw(goal, now, quota, &rules, &files).await?;
            Ok(answer(rules.name().as_str(), rules.version().as_str(), &stored))
        }
    }
}

/// The name that a form gives its file, without the folders that some clients put before it.
fn base_name(name: Option<&str>) -> Result<&str> {
    let base = name.and_then(|name| name.rsplit(['/', '\\']).next()).filter(|name| !name.is_empty());
    base.ok_or_else(|| {
        Error::BadRequest("the field 'file' has no file name; with curl, write -F file=@path/to/file".into())
    })
}

/// The file of a Maven version that an uploaded file becomes: as it is, if its name is one of that version,
/// and otherwise `<artifact>-<version>` with its extension.
fn maven_file(coordinates: &Coordinates, name: Option<&str>) -> Result<MavenFile> {
    let base = base_name(name)?;
    if let Ok(file) = MavenFile::new(coordinates.clone(), base) {
        return Ok(file);
    }
    let extension = base.rsplit_once('.').map(|(_, extension)| extension).filter(|e| !e.is_empty());
    let extension = extension.ok_or_else(|| {
        Error::BadRequest(format!(
            "'{}' has no extension; call it {}-{}.jar, .pom or what it is",
            base.escape_debug(),
            coordinates.artifact,
            coordinates.version
        ))
    })?;
    let name = format!("{}-{}.{extension}", coordinates.artifact, coordinates.version);
    MavenFile::new(coordinates.clone(), &name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_maven_get_the_name_that_clients_look_for() {
        let coordinates = Coordinates {
            group: "com.example".parse().unwrap(),
            artifact: "app".parse().unwrap(),
            version: "1.0".parse().unwrap(),
        };
        for (sent, stored) in [
            ("app-1.0.jar", "app-1.0.jar"),
            ("target/app-1.0-sources.jar", "app-1.0-sources.jar"),
            ("C:\\build\\app-1.0.pom", "app-1.0.pom"),
            ("app.jar", "app-1.0.jar"),
            ("pom.pom", "app-1.0.pom"),
            ("other-2.0.jar", "app-1.0.jar"),
        ] {
            assert_eq!(maven_file(&coordinates, Some(sent)).unwrap().name(), stored, "{sent}");
        }
        for bad in [None, Some(""), Some("app"), Some("app-1.0.jar.sha1"), Some("x/"), Some("a.j r")] {
            assert!(maven_file(&coordinates, bad).is_err(), "{bad:?}");
        }
    }
}
