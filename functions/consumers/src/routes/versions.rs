//! Versions of packages for sale.

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use granary_http::editing::{ATTEMPTS, pause, too_busy};
use granary_http::seller::Seller;
use granary_http::{ApiResult, AppState, Fields, Json, Params, no_content, reply};
use granary_model::composer::ComposerVersion;
use granary_model::{Error, Result, Sha256};
use granary_publish::composer::declare::hide_version;
use granary_publish::composer::withdraw::bury_version;
use granary_storage::rows::SoldVersionRow;
use granary_storage::{Key, Sequence};

use crate::input;
use crate::package::{Sold, load_package};
use crate::page::{PageQuery, answer, entries};
use crate::staging;
use crate::version::{
    AdoptedRows, VersionRows, adopted, check_free, load_version, remove, replace, store_new,
};
use crate::view::VersionView;

/// The fields of a request.
const FIELDS: [&str; 5] = ["name", "filename", "status", "size", "sha256"];

/// `GET /versions/package/{id}`: those that have a number.
pub(crate) async fn list_versions(
    state: AppState,
    seller: Seller,
    Path(id): Path<String>,
    Params(query): Params<PageQuery>,
) -> ApiResult<Response> {
    let package = load_package(&state, &seller.tenant, input::id(&id)?).await?.id;
    let key = |id| Key::SoldVersionOf(seller.tenant.clone(), package, id);
    let found = entries(&state, &query, key, |row: SoldVersionRow| VersionView::new(row, None)).await?;
    Ok(answer(&query, &format!("/versions/package/{package}"), found)?)
}

/// `GET /versions/{id}`: with fresh addresses for its file, if it has none yet.
pub(crate) async fn show_version(
    state: AppState,
    seller: Seller,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> ApiResult<Response> {
    let row = load_version(&state, &seller.tenant, input::id(&id)?).await?;
    if row.published.is_some() {
        return Ok(reply(StatusCode::OK, &VersionView::new(row, None)));
    }
    let package = load_package(&state, &seller.tenant, row.package_id).await?;
    let sold = Sold::of(&state, &headers, &seller, package.clone(), Some(&row.key)).await?;
    let row = match sold.as_ref().and_then(|sold| sold.access.live_version()) {
        // By an upload session, which knows nothing of the number.
        Some(live) => adopted(row, live)?,
        None => row,
    };
    Ok(shown(&state, StatusCode::OK, &seller, row).await?)
}

/// A version with the addresses for its file.
pub(crate) async fn shown(
    state: &AppState,
    status: StatusCode,
    seller: &Seller,
    row: SoldVersionRow,
) -> Result<Response> {
    let addresses = staging::addresses(state, &seller.tenant, &row).await?;
    Ok(reply(status, &VersionView::new(row, addresses)))
}

/// `POST /versions/package/{id}`.
pub(crate) async fn create_version(
    state: AppState,
    seller: Seller,
    headers: HeaderMap,
    Path(id): Path<String>,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    let package = input::id(&id)?;
    fields.only(&FIELDS)?;
    let version = Fields::required("name", input::version_name(&fields)?)?;
    let (filename, status) = (input::filename(&fields)?, input::status(&fields)?);
    let announced = staging::announced(&state, &fields)?;
    let mut number = None;
    for attempt in 0..ATTEMPTS {
        let sold = Sold::find(&state, &headers, &seller, package, Some(version.normalized())).await?;
        sold.require_composer()?;
        sold.require_numbered(&seller.tenant)?;
        check_free(&state, &seller, &sold, &version, None).await?;
        let id = match number {
            Some(id) => id,
            None => state.storage().next_number(&seller.tenant, Sequence::Versions).await?,
        };
        number = Some(id);
        let now = state.now();
        let row = SoldVersionRow {
            id,
            package_id: package,
            name: version.pretty().to_owned(),
            key: version.normalized().to_owned(),
            filename: filename.clone().unwrap_or_else(|| format!("{id}.zip")),
            enabled: status.unwrap_or(true),
            published: None,
            staged: announced.map(|announced| staging::place(&state, announced)),
            created_at: now,
            updated_at: now,
            rev: 1,
        };
        let (row, is_stored) = if let Some(live) = sold.access.live_version() {
            let row = adopted(row, live)?;
            require_same(&row, announced)?;
            let row = SoldVersionRow { enabled: status.unwrap_or(row.enabled), ..row };
            let is_stored = adopt(&state, &seller, &sold, &row).await?;
            (row, is_stored)
        } else {
            let is_stored = store_new(&state, &seller, &sold.row, &row).await?;
            (row, is_stored)
        };
        if is_stored {
            return Ok(shown(&state, StatusCode::CREATED, &seller, row).await?);
        }
        pause(&state, attempt).await;
    }
    Err(too_busy("package").into())
}

/// Refuses to announce another file than the one that is published.
fn require_same(row: &SoldVersionRow, announced: Option<(u64, Sha256)>) -> Result<()> {
    let published = row.published.as_ref().map(|published| (published.size, published.sha256));
    if published.is_none() || announced.is_none() || announced == published {
        return Ok(());
    }
    Err(Error::BadRequest(format!(
        "sha256: version {} is published with another file, and a file never changes; make a new version",
        row.name
    )))
}

/// Stores the number of a version that is published. `false`: the package changed meanwhile.
async fn adopt(state: &AppState, seller: &Seller, sold: &Sold, row: &SoldVersionRow) -> Result<bool> {
    let mut rows = AdoptedRows { tenant: &seller.tenant, package: &sold.row, row, moved: false };
    let outcome =
        hide_version(sold.target(state), state.now(), &row.key, !row.enabled, Some(&mut rows)).await;
    if rows.moved {
        return Ok(false);
    }
    outcome.map(|()| true)
}

/// `PATCH /versions/{id}`, and `PUT` with JSON.
pub(crate) async fn update_version(
    state: AppState,
    seller: Seller,
    headers: HeaderMap,
    Path(id): Path<String>,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    let wish = Wish::read(&state, &fields)?;
    let id = input::id(&id)?;
    for attempt in 0..ATTEMPTS {
        let before = load_version(&state, &seller.tenant, id).await?;
        if let Some(row) = change(&state, &seller, &headers, before, &wish).await? {
            return Ok(shown(&state, StatusCode::OK, &seller, row).await?);
        }
        pause(&state, attempt).await;
    }
    Err(too_busy("version").into())
}

/// What a request wants of a version; `None` for what it does not name.
struct Wish {
    name: Option<ComposerVersion>,
    filename: Option<String>,
    status: Option<bool>,
    announced: Option<(u64, Sha256)>,
}

impl Wish {
    fn read(state: &AppState, fields: &Fields) -> Result<Self> {
        fields.only(&FIELDS)?;
        Ok(Self {
            name: input::version_name(fields)?,
            filename: input::filename(fields)?,
            status: input::status(fields)?,
            announced: staging::announced(state, fields)?,
        })
    }

    /// The version as it shall be.
    fn apply(&self, state: &AppState, before: &SoldVersionRow) -> Result<SoldVersionRow> {
        let mut row = before.clone();
        if let Some(name) = &self.name {
            name.pretty().clone_into(&mut row.name);
            name.normalized().clone_into(&mut row.key);
        }
        row.filename = self.filename.clone().unwrap_or(row.filename);
        row.enabled = self.status.unwrap_or(row.enabled);
        if before.published.is_some() && row.name != before.name {
            return Err(Error::BadRequest(
                "name: the version is published, and its name is in archives and lock files; make a new version".into(),
            ));
        }
        require_same(before, self.announced)?;
        let Some(announced) = self.announced.filter(|_| before.published.is_none()) else { return Ok(row) };
        let is_same = before.staged.as_ref().is_some_and(|staged| (staged.size, staged.sha256) == announced);
        if !is_same {
            row.staged = Some(staging::place(state, announced));
        }
        Ok(row)
    }
}

/// Changes a version. `None`: it, or its package, changed meanwhile.
async fn change(
    state: &AppState,
    seller: &Seller,
    headers: &HeaderMap,
    stored: SoldVersionRow,
    wish: &Wish,
) -> Result<Option<SoldVersionRow>> {
    let mut sold = Sold::find(state, headers, seller, stored.package_id, Some(&stored.key)).await?;
    // What an upload session has published since the version got its number.
    let live = sold.access.live_version().filter(|_| stored.published.is_none());
    let before = match live {
        Some(live) => adopted(stored.clone(), live)?,
        None => stored.clone(),
    };
    let mut row = wish.apply(state, &before)?;
    if row == stored {
        return Ok(Some(row));
    }
    row.rev += 1;
    row.updated_at = state.now().max(before.updated_at);
    if live.is_some() || (before.published.is_some() && row.enabled != before.enabled) {
        let mut rows = VersionRows::new(&seller.tenant, &before, Some(&row));
        let hiding = hide_version(sold.target(state), state.now(), &row.key, !row.enabled, Some(&mut rows));
        let outcome = hiding.await;
        if rows.moved {
            return Ok(None);
        }
        outcome?;
        staging::remove(state, &stored).await;
        return Ok(Some(row));
    }
    let renamed = wish.name.as_ref().filter(|_| row.key != before.key);
    if let Some(version) = renamed {
        sold = Sold::find(state, headers, seller, row.package_id, Some(&row.key)).await?;
        check_free(state, seller, &sold, version, Some(row.id)).await?;
    }
    let package = renamed.map(|_| &sold.row);
    if !replace(state, seller, &before, &row, package).await? {
        return Ok(None);
    }
    if row.staged != before.staged {
        staging::remove(state, &before).await;
    }
    Ok(Some(row))
}

/// `DELETE /versions/{id}`. One that is published stays as a tombstone, so that nothing can take its place.
pub(crate) async fn delete_version(
    state: AppState,
    seller: Seller,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> ApiResult<Response> {
    let id = input::id(&id)?;
    for attempt in 0..ATTEMPTS {
        let row = load_version(&state, &seller.tenant, id).await?;
        if take_away(&state, &seller, &headers, &row).await? {
            staging::remove(&state, &row).await;
            return Ok(no_content());
        }
        pause(&state, attempt).await;
    }
    Err(too_busy("version").into())
}

/// Removes a version and what is published of it. `false`: it changed meanwhile.
async fn take_away(
    state: &AppState,
    seller: &Seller,
    headers: &HeaderMap,
    row: &SoldVersionRow,
) -> Result<bool> {
    let package = load_package(state, &seller.tenant, row.package_id).await?;
    let Some(sold) = Sold::of(state, headers, seller, package, Some(&row.key)).await? else {
        // What was published went with its repository.
        return remove(state, seller, row).await;
    };
    if row.published.is_none() && sold.access.live_version().is_none() {
        return remove(state, seller, row).await;
    }
    let mut rows = VersionRows::new(&seller.tenant, row, None);
    let outcome = bury_version(sold.target(state), state.now(), &row.key, Some(&mut rows)).await;
    if rows.moved {
        return Ok(false);
    }
    outcome.map(|()| true)
}
