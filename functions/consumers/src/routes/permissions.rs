//! Permissions: which versions of a package a consumer gets. Several for one package add up.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use granary_http::editing::{ATTEMPTS, pause, too_busy};
use granary_http::seller::Seller;
use granary_http::{ApiResult, AppState, Fields, Json, no_content, reply};
use granary_model::range::Range;
use granary_model::{Error, Result};
use granary_storage::rows::{ConsumerRef, ConsumerRow, Permission};
use granary_storage::{Key, Sequence, Transaction};

use crate::change::{Deed, commit};
use crate::consumer::{edit_consumer, load, remove_permissions, renew, replace};
use crate::input::{self, field};
use crate::package::load_package;
use crate::view::PermissionView;

/// The fields of a request.
const FIELDS: [&str; 3] = ["consumer_id", "package_id", "version"];

/// `GET /permissions/consumer/{id}/package/{package}` and `GET /consumers/{id}/packages/{package}`.
pub(crate) async fn list_permissions(
    state: AppState,
    seller: Seller,
    Path((consumer, package)): Path<(String, String)>,
) -> ApiResult<Response> {
    let (consumer, package) = (input::id(&consumer)?, input::id(&package)?);
    let row = load(&state, &seller.tenant, consumer).await?;
    load_package(&state, &seller.tenant, package).await?;
    let of_it = row.permissions.iter().filter(|(_, permission)| permission.package_id == package);
    let views = of_it.map(|(id, permission)| PermissionView::new(*id, consumer, permission));
    Ok(reply(StatusCode::OK, &views.collect::<Vec<_>>()))
}

/// `GET /consumers/{id}/permissions`: all of a consumer, at most 500.
pub(crate) async fn list_permissions_of_consumer(
    state: AppState,
    seller: Seller,
    Path(id): Path<String>,
) -> ApiResult<Response> {
    let row = load(&state, &seller.tenant, input::id(&id)?).await?;
    let views = row.permissions.iter().map(|(id, permission)| PermissionView::new(*id, row.id, permission));
    Ok(reply(StatusCode::OK, &views.collect::<Vec<_>>()))
}

/// A permission and the consumer that has it.
struct Held {
    id: u64,
    consumer: ConsumerRow,
    permission: Permission,
}

impl Held {
    async fn find(state: &AppState, seller: &Seller, id: u64) -> Result<Self> {
        let mut before = None;
        for _ in 0..ATTEMPTS {
            let found: Option<ConsumerRef> =
                state.storage().get(&Key::Permission(seller.tenant.clone(), id)).await?;
            let Some(found) = found.filter(|found| before != Some(found.consumer_id)) else { break };
            match load(state, &seller.tenant, found.consumer_id).await {
                Ok(consumer) => {
                    if let Some(permission) = consumer.permissions.get(&id).cloned() {
                        return Ok(Self { id, consumer, permission });
                    }
                }
                Err(Error::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
            // It is gone, or has moved to another consumer between the two reads.
            before = Some(found.consumer_id);
        }
        Err(Error::NotFound(format!("permission {id} not found")))
    }

    fn view(&self) -> PermissionView {
        PermissionView::new(self.id, self.consumer.id, &self.permission)
    }
}

/// `GET /permissions/{id}`.
pub(crate) async fn show_permission(
    state: AppState,
    seller: Seller,
    Path(id): Path<String>,
) -> ApiResult<Response> {
    let held = Held::find(&state, &seller, input::id(&id)?).await?;
    Ok(reply(StatusCode::OK, &held.view()))
}

/// What a request asks for.
#[derive(Debug, Clone)]
struct Wish {
    consumer_id: Option<u64>,
    package_id: Option<u64>,
    version: Option<String>,
}

impl Wish {
    fn read(fields: &Fields) -> Result<Self> {
        fields.only(&FIELDS)?;
        Ok(Self {
            consumer_id: input::number(fields, "consumer_id")?,
            package_id: input::number(fields, "package_id")?,
            version: fields.text("version")?.map(str::to_owned),
        })
    }
}

/// The version of a permission, which has to be in the grammar of the package's protocol.
async fn checked(state: &AppState, seller: &Seller, package: u64, version: &str) -> Result<String> {
    let row =
        load_package(state, &seller.tenant, package).await.map_err(|error| field("package_id", error))?;
    let range = Range::parse(row.kind, version).map_err(|error| field("version", error))?;
    Ok(range.as_str().to_owned())
}

/// `POST /permissions`.
pub(crate) async fn create_permission(
    state: AppState,
    seller: Seller,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    let Wish { consumer_id, package_id, version } = Wish::read(&fields)?;
    let consumer_id = Fields::required("consumer_id", consumer_id)?;
    let package_id = Fields::required("package_id", package_id)?;
    let version = Fields::required("version", version)?;
    let version = checked(&state, &seller, package_id, &version).await?;
    let id = state.storage().next_number(&seller.tenant, Sequence::Permissions).await?;
    let now = state.now();
    let permission = Permission { package_id, version, created_at: now, updated_at: now };
    let deed = Deed::of("permission.create", "permissions", id);
    edit_consumer(&state, &seller, consumer_id, &deed, |row, transaction| {
        row.permissions.insert(id, permission.clone());
        transaction.require("package", Key::SoldPackage(row.tenant.clone(), package_id));
        transaction.put_new(
            "permission",
            &Key::Permission(row.tenant.clone(), id),
            &ConsumerRef { consumer_id },
        )
    })
    .await
    .map_err(|error| match error {
        Error::NotFound(_) => field("consumer_id", error),
        other => other,
    })?;
    Ok(reply(StatusCode::CREATED, &PermissionView::new(id, consumer_id, &permission)))
}

/// `PUT` and `PATCH /permissions/{id}`: also for another package or another consumer.
pub(crate) async fn update_permission(
    state: AppState,
    seller: Seller,
    Path(id): Path<String>,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    let id = input::id(&id)?;
    let wish = Wish::read(&fields)?;
    for attempt in 0..ATTEMPTS {
        let held = Held::find(&state, &seller, id).await?;
        if let Some(held) = change(&state, &seller, held, &wish).await? {
            return Ok(reply(StatusCode::OK, &held.view()));
        }
        pause(&state, attempt).await;
    }
    Err(too_busy("consumer").into())
}

/// Changes a permission. `None`: one of the consumers changed meanwhile.
async fn change(state: &AppState, seller: &Seller, held: Held, wish: &Wish) -> Result<Option<Held>> {
    let Held { id, consumer: before, permission } = held;
    let mut wanted = permission.clone();
    wanted.package_id = wish.package_id.unwrap_or(permission.package_id);
    let version = wish.version.as_deref().unwrap_or(&permission.version);
    wanted.version = checked(state, seller, wanted.package_id, version).await?;
    let consumer_id = wish.consumer_id.unwrap_or(before.id);
    if wanted == permission && consumer_id == before.id {
        return Ok(Some(Held { id, consumer: before, permission }));
    }
    let now = state.now();
    wanted.updated_at = now.max(permission.updated_at);
    let mut transaction = Transaction::new();
    transaction.require("package", Key::SoldPackage(seller.tenant.clone(), wanted.package_id));
    let mut after = before.clone();
    let consumer = if consumer_id == before.id {
        after.permissions.insert(id, wanted.clone());
        let after = renew(&before, after, now)?;
        replace(&mut transaction, &before, &after)?;
        after
    } else {
        after.permissions.remove(&id);
        replace(&mut transaction, &before, &renew(&before, after, now)?)?;
        let other =
            load(state, &seller.tenant, consumer_id).await.map_err(|error| field("consumer_id", error))?;
        let mut given = other.clone();
        given.permissions.insert(id, wanted.clone());
        let given = renew(&other, given, now)?;
        replace(&mut transaction, &other, &given)?;
        let key = Key::Permission(seller.tenant.clone(), id);
        transaction.put("permission", &key, &ConsumerRef { consumer_id })?;
        given
    };
    let deed = Deed::of("permission.update", "permissions", id);
    let done = commit(state, seller, transaction, &deed).await?;
    Ok(done.then_some(Held { id, consumer, permission: wanted }))
}

/// `DELETE /permissions/{id}`.
pub(crate) async fn delete_permission(
    state: AppState,
    seller: Seller,
    Path(id): Path<String>,
) -> ApiResult<Response> {
    let id = input::id(&id)?;
    for attempt in 0..ATTEMPTS {
        let held = match Held::find(&state, &seller, id).await {
            // It was there a moment ago.
            Err(Error::NotFound(_)) if attempt > 0 => return Ok(no_content()),
            found => found?,
        };
        match remove_permissions(&state, &seller, held.consumer.id, &[id]).await {
            Ok(0) | Err(Error::NotFound(_)) => {}
            Ok(_) => return Ok(no_content()),
            Err(error) => return Err(error.into()),
        }
        pause(&state, attempt).await;
    }
    Err(too_busy("permission").into())
}
