//! Finishing handovers that are too large for a request: versions of products and of entities.

use granary_auth::ProductAction;
use granary_http::AppState;
use granary_http::entity::{EntityAccess, PublishEntity};
use granary_http::product::ProductCaller;
use granary_model::product::ProductName;
use granary_model::{Error, Result};
use granary_publish::upload::state::{keep, load_session, settle, take};
use granary_publish::{entity, product};
use granary_storage::Tenant;
use granary_storage::rows::{CallerRef, HandoverPurpose, HandoverRow, UploadStatus};

use crate::Progress;

/// Verifies and commits what was handed over, by the right that whoever confirmed it has now.
pub(crate) async fn finish(state: &AppState, id: &str) -> Result<Progress> {
    let row: Option<HandoverRow> = load_session(state.storage(), id, state.now()).await?;
    let Some(mut row) = row.filter(|row| row.status == UploadStatus::Processing) else {
        return Ok(Progress::Finished);
    };
    if !take(state.storage(), &mut row, state.now()).await? {
        return Ok(Progress::NotYet);
    }
    let confirmed = row.clone();
    let work = Box::pin(commit(state, &confirmed));
    let Some(outcome) = keep(state.storage(), || state.now(), &mut row, work).await else {
        return Ok(Progress::NotYet);
    };
    // Why it failed, if it did, is told by the handover.
    let _outcome = settle(state.storage(), &mut row, outcome).await?;
    Ok(Progress::Finished)
}

async fn commit(state: &AppState, row: &HandoverRow) -> Result<()> {
    let Some(caller) = &row.caller else {
        return Err(Error::internal("finishing a handover", "nobody has confirmed it"));
    };
    match &row.purpose {
        HandoverPurpose::Product { tenant, product, .. } => {
            Box::pin(commit_artifact(state, row, caller, tenant, product)).await
        }
        HandoverPurpose::Entity { entity, .. } => Box::pin(commit_version(state, row, caller, entity)).await,
        HandoverPurpose::Icon { .. } | HandoverPurpose::Sold { .. } => {
            // Trying again would not help.
            Err(Error::BadRequest(
                "what was handed over is committed by its own request, and never by itself".into(),
            ))
        }
    }
}

async fn commit_artifact(
    state: &AppState,
    row: &HandoverRow,
    caller: &CallerRef,
    tenant: &Tenant,
    name: &ProductName,
) -> Result<()> {
    let caller = ProductCaller::again(state, caller).await?;
    if caller.tenant() != tenant {
        return Err(Error::NotFound("Product not found".into()));
    }
    let access = caller.authorize(state, ProductAction::Upload, name).await?;
    let permit = |later: &_| access.recheck(later);
    let hand = access.hand(state, &permit);
    let quota = state.config().repo_quota;
    product::commit_handover(&hand, access.product.clone(), quota, row).await.map(|_| ())
}

async fn commit_version(state: &AppState, row: &HandoverRow, caller: &CallerRef, entity: &str) -> Result<()> {
    let access = EntityAccess::<PublishEntity>::again(state, caller, entity).await?;
    let permit = |later: &_| access.recheck(later);
    let hand = access.hand(state, &permit);
    let quota = state.config().repo_quota;
    // Nothing is made where another version was built of the same sources: whoever asks for this one is told of that one.
    Box::pin(entity::commit_handover(&hand, access.entity.clone(), row, quota)).await.map(|_| ())
}
