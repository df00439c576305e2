//! Services that a version needs.

use granary_auth::Principal;
use granary_http::AppState;
use granary_http::entity::standings;
use granary_model::entity::{EntitySlug, EntityType};
use granary_model::{Error, Result};
use granary_storage::Key;
use granary_storage::rows::{EntityRef, EntityRow};

/// Refuses services that are not there, are no services, or that the caller has no access to: all in the same words. Two calls,
/// whatever their number, and one more for each hundred organisations that decide about them.
///
/// # Errors
/// `BadRequest` that names the first of them.
pub(super) async fn check_services(
    state: &AppState,
    caller: &Principal,
    services: &[EntitySlug],
) -> Result<()> {
    if services.is_empty() {
        return Ok(());
    }
    let slugs: Vec<Key> = services.iter().map(|slug| Key::EntitySlug(slug.to_string())).collect();
    let found: Vec<Option<EntityRef>> = state.storage().read_all(&slugs).await?;
    refuse(services, found.iter().map(Option::is_some))?;
    let ids: Vec<Key> = found.into_iter().flatten().map(|found| Key::Entity(found.id)).collect();
    let rows: Vec<Option<EntityRow>> = state.storage().read_all(&ids).await?;
    let is_service = |row: &Option<EntityRow>| matches!(row, Some(row) if !row.deleting && row.entity_type == EntityType::Service);
    refuse(services, rows.iter().map(is_service))?;
    let rows: Vec<EntityRow> = rows.into_iter().flatten().collect();
    let standings = standings(state, caller, &rows).await?;
    refuse(services, standings.iter().map(Option::is_some))
}

/// Refuses the first service that is not good.
fn refuse(services: &[EntitySlug], good: impl Iterator<Item = bool>) -> Result<()> {
    match services.iter().zip(good).find(|(_, good)| !good) {
        Some((slug, _)) => {
            Err(Error::BadRequest(format!("service_dependencies: service '{slug}' not found")))
        }
        None => Ok(()),
    }
}
