//! `/ui/health`: whether the registry is well.

use askama::Template;
use axum::Router;
use axum::routing::get;
use granary_http::{AppState, health};

use crate::page::{PageResult, Shell};
use crate::visit::Visit;

/// The routes of this part.
pub(crate) fn router() -> Router<AppState> {
    Router::new().route("/ui/health", get(show_health))
}

#[derive(Template)]
#[template(path = "health.html")]
struct HealthPage {
    shell: Shell,
    stores: Vec<(&'static str, bool)>,
}

impl HealthPage {
    fn is_well(&self) -> bool {
        self.stores.iter().all(|(_, is_well)| *is_well)
    }
}

async fn show_health(visit: Visit) -> PageResult {
    let stores = health::stores(&visit.state).await;
    visit.page(&HealthPage { shell: visit.shell("health"), stores })
}
