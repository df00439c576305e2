//! Packages for sale.

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use granary_http::editing::{ATTEMPTS, pause, too_busy};
use granary_http::permit::Admin;
use granary_http::seller::Seller;
use granary_http::{ApiResult, AppState, Fields, Json, Params, RepoAccess, no_content, reply};
use granary_model::{Error, PackageType, RepoId, Result};
use granary_publish::composer::withdraw::bury_package;
use granary_publish::edit_head;
use granary_storage::rows::{ConsumerRow, HeadRow, SoldPackageRow};
use granary_storage::{Key, PackageKey, Sequence, Transaction};

use crate::change::{Deed, READ, commit};
use crate::consumer::{AT_ONCE, remove_permissions};
use crate::input::{self, field};
use crate::package::{PackageEdit, Sale, Sold, key_of, load_package, permissions_for};
use crate::page::{PageQuery, answer, entries, slice};
use crate::repo;
use crate::version::{remove_all, versions_of};
use crate::view::PackageView;

/// The fields of a request.
const FIELDS: [&str; 3] = ["name", "description", "status"];

/// Consumers whose permissions are looked through at once.
const CONSUMERS: usize = 100;

/// `GET /packages`.
pub(crate) async fn list_packages(
    state: AppState,
    seller: Seller,
    Params(query): Params<PageQuery>,
) -> ApiResult<Response> {
    let key = |id| Key::SoldPackage(seller.tenant.clone(), id);
    let found = entries(&state, &query, key, |row: SoldPackageRow| PackageView::from(row)).await?;
    Ok(answer(&query, "/packages", found)?)
}

/// `GET /packages/{id}`.
pub(crate) async fn show_package(
    state: AppState,
    seller: Seller,
    Path(id): Path<String>,
) -> ApiResult<Response> {
    let row = load_package(&state, &seller.tenant, input::id(&id)?).await?;
    Ok(reply(StatusCode::OK, &PackageView::from(row)))
}

/// `POST /packages`: numbers a package, one that is there already or one that is to come.
pub(crate) async fn create_package(
    state: AppState,
    seller: Seller,
    headers: HeaderMap,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    fields.only(&[FIELDS.as_slice(), &["repo_id", "type"]].concat())?;
    let kind = fields.parsed("type")?.unwrap_or(PackageType::Composer);
    let shown = Fields::required("name", fields.text("name")?)?;
    let name = input::package_name(kind, shown)?;
    let (description, status) = (input::description(&fields)?.or(None), input::status(&fields)?);
    let named: Option<RepoId> = fields.parsed("repo_id")?;
    let id = repo::find(&state, &seller, named, kind).await?;
    let access = authorized(&state, &seller, &headers, &id, (kind, &name)).await?;
    let now = state.now();
    let row = SoldPackageRow {
        id: state.storage().next_number(&seller.tenant, Sequence::Packages).await?,
        repo: access.repo.id.clone(),
        repo_uid: access.repo.uid.clone(),
        kind,
        name,
        description,
        enabled: status.unwrap_or(true),
        created_at: now,
        updated_at: now,
        rev: 1,
    };
    let sale = Sale::Create;
    let mut edit =
        PackageEdit { tenant: &seller.tenant, repo: &access.repo, row: &row, shown, sale, moved: false };
    edit_head(access.target(&state, kind, &row.name), now, &mut edit).await?;
    if edit.moved {
        return Err(Error::internal("numbering a package", "its new number is in use").into());
    }
    Ok(reply(StatusCode::CREATED, &PackageView::from(row)))
}

/// Authorises the caller to sell a package of a repository that is the seller's.
async fn authorized(
    state: &AppState,
    seller: &Seller,
    headers: &HeaderMap,
    id: &RepoId,
    package: (PackageType, &str),
) -> Result<RepoAccess<Admin>> {
    let gone = || Error::BadRequest(format!("repo_id: you have no repository '{id}'"));
    let access = RepoAccess::authorize(state, headers, id.as_str(), Some(package)).await;
    let access = access.map_err(|error| match error {
        Error::NotFound(_) | Error::Forbidden(_) => gone(),
        other => other,
    })?;
    // Whoever may write somebody else's repository does not sell what is in it.
    if !seller.tenant.covers(&access.repo) {
        return Err(gone());
    }
    access.require_type(package.0).map_err(|error| field("repo_id", error))?;
    Ok(access)
}

/// `PUT` and `PATCH /packages/{id}`, which answer 201 as documented.
pub(crate) async fn update_package(
    state: AppState,
    seller: Seller,
    headers: HeaderMap,
    Path(id): Path<String>,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    let id = input::id(&id)?;
    fields.only(&FIELDS)?;
    for attempt in 0..ATTEMPTS {
        let sold = Sold::find(&state, &headers, &seller, id, None).await?;
        if let Some(row) = change(&state, &seller, &headers, &sold, &fields).await? {
            return Ok(reply(StatusCode::CREATED, &PackageView::from(row)));
        }
        pause(&state, attempt).await;
    }
    Err(too_busy("package").into())
}

/// Changes a package. `None`: it changed meanwhile.
async fn change(
    state: &AppState,
    seller: &Seller,
    headers: &HeaderMap,
    sold: &Sold,
    fields: &Fields,
) -> Result<Option<SoldPackageRow>> {
    let before = &sold.row;
    let mut row = before.clone();
    let shown = fields.text("name")?.unwrap_or(&before.name);
    row.name = input::package_name(row.kind, shown)?;
    row.description = input::description(fields)?.or(row.description);
    row.enabled = input::status(fields)?.unwrap_or(row.enabled);
    if row == *before {
        return Ok(Some(row));
    }
    sold.require_numbered(&seller.tenant)?;
    let now = state.now();
    row.updated_at = now.max(before.updated_at);
    row.rev += 1;
    let renamed = if row.name == before.name { None } else { Some(rename(state, seller, sold).await?) };
    let access = match &renamed {
        None => None,
        Some(_) => Some(authorized(state, seller, headers, &row.repo, (row.kind, &row.name)).await?),
    };
    let target = access
        .as_ref()
        .map_or_else(|| sold.target(state), |access| access.target(state, row.kind, &row.name));
    let mut edit = PackageEdit {
        tenant: &seller.tenant,
        repo: &sold.access.repo,
        row: &row,
        shown,
        sale: Sale::Update(renamed.map(Box::new)),
        moved: false,
    };
    edit_head(target, now, &mut edit).await?;
    let moved = edit.moved;
    Ok((!moved).then_some(row))
}

/// What a package leaves behind under its name until now.
///
/// # Errors
/// `BadRequest` for a package with versions: lock files have its name.
async fn rename(state: &AppState, seller: &Seller, sold: &Sold) -> Result<(PackageKey, HeadRow)> {
    let numbered = versions_of(state, &seller.tenant, sold.row.id).await?;
    let head = sold
        .access
        .head
        .as_deref()
        .cloned()
        .ok_or_else(|| Error::internal("renaming a package", "it has no head"))?;
    if head.versions > 0 || !numbered.is_empty() {
        return Err(Error::BadRequest(format!(
            "name: '{}' has versions, which are known by this name wherever they are installed; make a new package",
            sold.row.name
        )));
    }
    Ok((key_of(&sold.row), head))
}

/// `DELETE /packages/{id}`: with its versions, if it is a Composer package, and all permissions for it. Other packages
/// only lose their number. Can be repeated if it broke off, also if the package is unknown by then: its own row goes last
/// but for permissions that were given meanwhile.
pub(crate) async fn delete_package(
    state: AppState,
    seller: Seller,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> ApiResult<Response> {
    let id = input::id(&id)?;
    for attempt in 0..ATTEMPTS {
        let row = match load_package(&state, &seller.tenant, id).await {
            Ok(row) => row,
            Err(error @ Error::NotFound(_)) => {
                // An attempt that broke off at its very end has left some.
                take_permissions(&state, &seller, id).await?;
                return Err(error.into());
            }
            Err(error) => return Err(error.into()),
        };
        if let Some(sold) = Sold::of(&state, &headers, &seller, row.clone(), None).await? {
            withdraw(&state, &seller, &sold).await?;
        }
        let is_empty = remove_all(&state, &seller, id).await?;
        take_permissions(&state, &seller, id).await?;
        if is_empty && remove_row(&state, &seller, &row).await? {
            // Those that were given meanwhile, behind the first round's back. Now none can be given any more.
            take_permissions(&state, &seller, id).await?;
            return Ok(no_content());
        }
        pause(&state, attempt).await;
    }
    Err(too_busy("package").into())
}

/// Takes a package off the market.
async fn withdraw(state: &AppState, seller: &Seller, sold: &Sold) -> Result<()> {
    let Some(head) = &sold.access.head else { return Ok(()) };
    let now = state.now();
    if sold.row.kind != PackageType::Composer {
        let mut edit = PackageEdit {
            tenant: &seller.tenant,
            repo: &sold.access.repo,
            row: &sold.row,
            shown: &head.name,
            sale: Sale::Remove,
            moved: false,
        };
        return edit_head(sold.target(state), now, &mut edit).await.map(|_| ());
    }
    // Without a number: what was published while an earlier attempt was at it.
    let is_left = head.sold_as.is_none() && head.versions > 0;
    if is_left || sold.is_numbered(&seller.tenant) {
        bury_package(sold.target(state), now, None).await?;
    }
    Ok(())
}

/// Takes all permissions for a package away from its consumers.
async fn take_permissions(state: &AppState, seller: &Seller, id: u64) -> Result<()> {
    let key = |number| Key::Consumer(seller.tenant.clone(), number);
    let mut after = 0;
    loop {
        let consumers: Vec<ConsumerRow> = slice(state, &key, after, CONSUMERS).await?;
        let Some(last) = consumers.last() else { return Ok(()) };
        after = last.id;
        for row in &consumers {
            let numbers: Vec<u64> = permissions_for(row, id).into_iter().collect();
            for batch in numbers.chunks(AT_ONCE) {
                match remove_permissions(state, seller, row.id, batch).await {
                    // Deleted meanwhile, and its permissions with it.
                    Ok(_) | Err(Error::NotFound(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }
}

/// Removes the row of a package. `false`: it changed meanwhile, so there may be new versions.
async fn remove_row(state: &AppState, seller: &Seller, row: &SoldPackageRow) -> Result<bool> {
    let mut transaction = Transaction::new();
    transaction.delete_rev(READ, Key::SoldPackage(seller.tenant.clone(), row.id), row.rev);
    commit(state, seller, transaction, &Deed::of("package.unsell", "packages", row.id)).await
}
