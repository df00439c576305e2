//! `POST /api/product/upload`: a version as a form, its fields in any order.

use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use granary_auth::ProductAction;
use granary_http::product::{ProductAccess, ProductCaller};
use granary_http::{AppState, Fields, Form, Part, refuse_body, took_long};
use granary_model::product::{ProductName, ProductVersion};
use granary_model::{Error, Result};
use granary_publish::digests::Digests;
use granary_publish::files::store_bytes;
use granary_publish::product::{self, ArtifactName, Candidate, Uploaded};
use granary_publish::spool::Spool;
use granary_storage::rows::ProductRow;

use crate::failure;
use crate::view::empty;

/// Longest value of a field that is no file, in bytes.
const MAX_TEXT: usize = 16 * 1024;

/// What to do with a file that is too large for a form.
const WAY_OUT: &str = "announce the file with POST /api/product/upload-url, PUT it to the address that this gives, and confirm \
                       it with POST /api/product/confirm";

/// What a form says.
#[derive(Default)]
struct Sent {
    product: Option<ProductName>,
    version: Option<ProductVersion>,
    file: Option<SentFile>,
    /// The right, if it could be looked at before the file was taken.
    access: Option<ProductAccess>,
}

struct SentFile {
    name: ArtifactName,
    spool: Spool,
    digests: Digests,
}

/// `POST /api/product/upload`. A version that is there is refused whatever the file is: the documented interface goes by its name.
pub(crate) async fn upload_version(state: AppState, request: Request) -> Response {
    Box::pin(upload(&state, request)).await.unwrap_or_else(failure::of_upload)
}

async fn upload(state: &AppState, request: Request) -> Result<Response> {
    let headers = request.headers().clone();
    let began = state.now();
    // Nobody without a credential gets to send gigabytes.
    let caller = match ProductCaller::of_request(state, &headers).await {
        Ok(caller) => caller,
        Err(error) => {
            refuse_body(&headers, request.into_body()).await;
            return Err(error);
        }
    };
    let mut form = Form::open(state, &headers, request.into_body(), WAY_OUT).await?;
    let sent = match read(state, &caller, &mut form).await {
        Ok(sent) => sent,
        Err(error) => {
            form.drain().await;
            return Err(error);
        }
    };
    let name = Fields::required("product", sent.product)?;
    let version = Fields::required("version", sent.version)?;
    let file = Fields::required("file", sent.file)?;
    let access = if took_long(state, began) {
        again(state, &headers, &name).await?
    } else {
        match sent.access {
            Some(access) => access,
            None => caller.authorize(state, ProductAction::Upload, &name).await?,
        }
    };
    store(state, &access, version, file).await?;
    Ok(empty(StatusCode::CREATED))
}

/// The right anew, after a body that took its time.
async fn again(state: &AppState, headers: &HeaderMap, name: &ProductName) -> Result<ProductAccess> {
    ProductAccess::of_request(state, headers, ProductAction::Upload, name.as_str()).await
}

/// Reads the fields in whichever order they come.
async fn read(state: &AppState, caller: &ProductCaller, form: &mut Form) -> Result<Sent> {
    let mut sent = Sent::default();
    while let Some(part) = form.next().await? {
        let name = part.name().to_owned();
        let twice = match name.as_str() {
            "product" => sent.product.is_some(),
            "version" => sent.version.is_some(),
            "file" => sent.file.is_some(),
            _ => {
                return Err(Error::BadRequest(format!(
                    "unknown field '{}'; the fields are: product, version, file",
                    name.escape_debug()
                )));
            }
        };
        if twice {
            return Err(Error::BadRequest(format!("the field '{name}' stands there twice")));
        }
        match name.as_str() {
            "product" => sent.product = Some(text(&name, part).await?.parse()?),
            "version" => sent.version = Some(text(&name, part).await?.parse()?),
            _ => {
                let name = file_name(&part)?;
                look_ahead(state, caller, &mut sent).await?;
                let (spool, digests) = part.spool(state).await?;
                sent.file = Some(SentFile { name, spool, digests });
            }
        }
    }
    Ok(sent)
}

async fn text(name: &str, part: Part<'_>) -> Result<String> {
    let bytes = part.bytes(MAX_TEXT).await?;
    String::from_utf8(bytes).map_err(|_| Error::BadRequest(format!("the field '{name}' is not UTF-8")))
}

fn file_name(part: &Part<'_>) -> Result<ArtifactName> {
    let sent = part.file_name().ok_or_else(|| {
        Error::BadRequest("the field 'file' has no file name; with curl, write -F file=@path/to/file".into())
    })?;
    sent.parse()
}

/// Looks at what can be known before the bytes are taken: the right to send them, and whether the version can be had at all.
async fn look_ahead(state: &AppState, caller: &ProductCaller, sent: &mut Sent) -> Result<()> {
    let Some(name) = &sent.product else { return Ok(()) };
    let access = caller.clone().authorize(state, ProductAction::Upload, name).await?;
    if let Some(version) = &sent.version {
        let row = product::version_row(state.storage(), &access.product, version).await?;
        // A live one is compared with the file when that has come: it may be the very same.
        if let Some(row) = row.filter(|row| !row.is_live()) {
            product::check_version(Some(&row), row.file.sha256)?;
        }
    }
    sent.access = Some(access);
    Ok(())
}

async fn store(
    state: &AppState,
    access: &ProductAccess,
    version: ProductVersion,
    file: SentFile,
) -> Result<()> {
    let (storage, quota) = (state.storage(), state.config().repo_quota);
    let SentFile { name, spool, digests } = file;
    let new = Candidate { version: &version, sha256: digests.sha256, size: digests.size };
    new_only(product::check_upload(storage, &access.product, new, quota).await?)?;
    store_bytes(storage, &spool, digests.sha256, state.now()).await?;
    let permit = |row: &ProductRow| access.recheck(row);
    let hand = access.hand(state, &permit);
    let file = product::artifact(&name, &digests);
    new_only(product::upload_version(&hand, access.product.clone(), quota, version, file).await?)
}

/// Refuses a version that has the very file already. Whoever repeats an upload that it has not heard of learns that it went
/// well.
fn new_only(uploaded: Uploaded) -> Result<()> {
    match uploaded {
        Uploaded::New => Ok(()),
        Uploaded::Again => Err(Error::BadRequest(
            "this version is already uploaded, with this very file; there is nothing left to do".into(),
        )),
    }
}
