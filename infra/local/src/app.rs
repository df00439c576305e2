//! The functions of the registry, put together over embedded engines.

use std::sync::Arc;

use axum::Router;
use granary_auth::OidcVerifier;
use granary_http::{AppState, Config, Parts};
use granary_model::{Clock, Ids};
use granary_storage::{Embedded, Names, Storage};

use crate::engines::Engines;
use crate::engines::probe::Probe;

/// The routes of all functions, behind one port.
pub fn routes() -> Router<AppState> {
    api().merge(granary_console::router(api()))
}

/// The routes of all functions but the console, which asks them.
fn api() -> Router<AppState> {
    granary_accounts::router()
        .merge(granary_repos::router())
        .merge(granary_npm::router())
        .merge(granary_maven::router())
        .merge(granary_raw::router())
        .merge(granary_swift::router())
        .merge(granary_composer::router())
        .merge(granary_licenses::router())
        .merge(granary_consumers::router())
        .merge(granary_uploads::router())
        .merge(granary_kmp_api::router())
        .merge(granary_products::router())
        .merge(granary_entities::router())
}

/// A [`Storage`] over embedded engines. `s3_public` is where other programs reach the S3 engine; with a
/// probe, every call goes through it, and none is spared by rows in memory.
pub fn storage(engines: &Engines, s3_public: &str, probe: Option<&Probe>) -> Storage {
    let (dynamodb, s3, sqs) = match probe {
        None => (engines.dynamodb(), engines.s3(), engines.sqs()),
        Some(probe) => {
            let probed = engines.probed(probe);
            (probed.dynamodb, probed.s3, probed.sqs)
        }
    };
    let credentials = engines.s3_credentials();
    Storage::embedded(Embedded {
        dynamodb,
        s3,
        sqs,
        access_key: credentials.access_key().into(),
        secret_key: credentials.secret_key().into(),
        s3_public_endpoint: s3_public.into(),
        names: Names::embedded(),
        kept: probe.is_none().then(|| engines.kept_rows()),
    })
}

/// The state of all functions.
pub fn state(
    config: Config,
    storage: Storage,
    oidc: OidcVerifier,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
) -> AppState {
    AppState::new(Parts { config, storage, oidc, clock, ids })
}
