//! Consumers.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use granary_http::seller::{Seller, visible};
use granary_http::{ApiResult, AppState, Fields, Json, Params, no_content, reply};
use granary_model::{CustomerKey, Result};
use granary_storage::rows::{ConsumerRef, ConsumerRow, SoldPackageRow};
use granary_storage::{Key, Sequence};

use crate::change::Deed;
use crate::consumer::{edit_consumer, folded, load, remove, store_new};
use crate::input;
use crate::page::{PageQuery, answer, answer_found, entries};
use crate::view::{ConsumerView, PackageView};

/// The fields of a request.
const FIELDS: [&str; 3] = ["email", "public_key", "private_key"];

/// `GET /consumers`.
pub(crate) async fn list_consumers(
    state: AppState,
    seller: Seller,
    Params(query): Params<PageQuery>,
) -> ApiResult<Response> {
    let key = |id| Key::Consumer(seller.tenant.clone(), id);
    let found = entries(&state, &query, key, |row: ConsumerRow| ConsumerView::from(row)).await?;
    Ok(answer(&query, "/consumers", found)?)
}

/// `GET /consumers/email/{email}`: whatever the case of its letters.
pub(crate) async fn list_consumers_by_email(
    state: AppState,
    seller: Seller,
    Path(email): Path<String>,
    Params(query): Params<PageQuery>,
) -> ApiResult<Response> {
    let email = folded(&email);
    // An address has no line feed, and in the key one ends it.
    if email.contains('\n') {
        return Ok(answer::<ConsumerView>(&query, "", Vec::new())?);
    }
    let key = |id| Key::ConsumerEmail(seller.tenant.clone(), email.clone(), id);
    let refs = entries(&state, &query, key, |found: ConsumerRef| found.consumer_id).await?;
    let keys: Vec<Key> = refs.iter().map(|(id, _)| Key::Consumer(seller.tenant.clone(), *id)).collect();
    let rows: Vec<Option<ConsumerRow>> = state.storage().read_all(&keys).await?;
    let of_it = |row: &ConsumerRow| folded(&row.email) == email;
    let views = rows.into_iter().map(|row| row.filter(of_it).map(ConsumerView::from));
    let found = refs.iter().map(|(id, _)| *id).zip(views).collect();
    let path = format!("/consumers/email/{}", encoded(&email));
    Ok(answer_found(&query, &path, found)?)
}

/// A text as a segment of a path.
fn encoded(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~@".contains(byte);
    text.bytes()
        .map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// `GET /consumers/{id}`.
pub(crate) async fn show_consumer(
    state: AppState,
    seller: Seller,
    Path(id): Path<String>,
) -> ApiResult<Response> {
    let row = load(&state, &seller.tenant, input::id(&id)?).await?;
    Ok(reply(StatusCode::OK, &ConsumerView::from(row)))
}

/// `GET /consumers/{id}/packages`: those that it has a permission for.
pub(crate) async fn list_packages_of_consumer(
    state: AppState,
    seller: Seller,
    Path(id): Path<String>,
) -> ApiResult<Response> {
    let consumer = load(&state, &seller.tenant, input::id(&id)?).await?;
    let numbers: BTreeSet<u64> = consumer.permissions.values().map(|given| given.package_id).collect();
    let keys: Vec<Key> = numbers.into_iter().map(|id| Key::SoldPackage(seller.tenant.clone(), id)).collect();
    let rows: Vec<Option<SoldPackageRow>> = state.storage().read_all(&keys).await?;
    let views: Vec<PackageView> = rows.into_iter().flatten().map(PackageView::from).collect();
    Ok(reply(StatusCode::OK, &views))
}

/// `GET /consumers/{id}/visible`: what the consumer's pair opens, one page.
pub(crate) async fn list_visible(
    state: AppState,
    seller: Seller,
    Path(id): Path<String>,
    Params(paging): Params<visible::Paging>,
) -> ApiResult<Response> {
    let row = load(&state, &seller.tenant, input::id(&id)?).await?;
    let answer = visible::of_consumer(&state, &seller, row, &paging).await?;
    Ok(reply(StatusCode::OK, &answer))
}

/// `POST /consumers`. Keys that are not named are generated.
pub(crate) async fn create_consumer(
    state: AppState,
    seller: Seller,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    fields.only(&FIELDS)?;
    let email = Fields::required("email", input::email(&fields)?)?;
    let (public_key, private_key) = halves(&state, &fields)?;
    let now = state.now();
    let row = ConsumerRow {
        id: state.storage().next_number(&seller.tenant, Sequence::Consumers).await?,
        tenant: seller.tenant.clone(),
        email,
        public_key,
        private_key,
        permissions: BTreeMap::new(),
        created_at: now,
        updated_at: now,
        changed_at: now,
        rev: 1,
    };
    store_new(&state, &seller, &row).await?;
    Ok(reply(StatusCode::CREATED, &ConsumerView::from(row)))
}

fn halves(state: &AppState, fields: &Fields) -> Result<(CustomerKey, CustomerKey)> {
    let (public, private) = (input::half(fields, "public_key")?, input::half(fields, "private_key")?);
    let half = || CustomerKey::generate_half(state.ids());
    Ok((public.unwrap_or_else(half), private.unwrap_or_else(half)))
}

/// `PUT` and `PATCH /consumers/{id}`. A pair that is replaced stops working at once.
pub(crate) async fn update_consumer(
    state: AppState,
    seller: Seller,
    Path(id): Path<String>,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    let id = input::id(&id)?;
    fields.only(&FIELDS)?;
    let email = input::email(&fields)?;
    let (public, private) = (input::half(&fields, "public_key")?, input::half(&fields, "private_key")?);
    let deed = Deed::of("consumer.update", "consumers", id);
    let row = edit_consumer(&state, &seller, id, &deed, |row, _| {
        row.email = email.clone().unwrap_or_else(|| row.email.clone());
        row.public_key = public.clone().unwrap_or_else(|| row.public_key.clone());
        row.private_key = private.clone().unwrap_or_else(|| row.private_key.clone());
        Ok(())
    })
    .await?;
    Ok(reply(StatusCode::OK, &ConsumerView::from(row)))
}

/// `DELETE /consumers/{id}`, with its permissions.
pub(crate) async fn delete_consumer(
    state: AppState,
    seller: Seller,
    Path(id): Path<String>,
) -> ApiResult<Response> {
    remove(&state, &seller, input::id(&id)?).await?;
    Ok(no_content())
}
