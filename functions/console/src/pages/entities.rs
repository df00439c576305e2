//! `/ui/artifacts/entities`: applications, services and extensions, their versions, and who may have them.

mod create;
mod model;
mod people;
mod show;
mod versions;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use granary_http::AppState;

use super::leave;
use super::products::Holder;
use crate::address::path;
use crate::back::Problem;
use crate::page::{PageResult, see};
use crate::visit::Visit;

pub(super) use model::{Listed, list_entities};
use show::EntityPage;

/// The routes of this part.
pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route("/ui/artifacts/entities/new", get(create::show_form).post(create::create_entity))
        .route("/ui/artifacts/entities/{entity}", get(show::show_entity).post(show::change_entity))
        .route("/ui/artifacts/entities/{entity}/delete", get(show::ask_to_delete).post(show::delete_entity))
        .route("/ui/artifacts/entities/{entity}/activate", get(leave).post(versions::activate))
        .route("/ui/artifacts/entities/{entity}/versions/{version}", get(versions::show_version))
        .route(
            "/ui/artifacts/entities/{entity}/versions/{version}/delete",
            get(versions::ask_to_delete).post(versions::delete_version),
        )
        .route("/ui/artifacts/entities/{entity}/add-publisher", get(leave).post(people::add_publisher))
        .route("/ui/artifacts/entities/{entity}/remove-publisher", get(leave).post(people::remove_publisher))
        .route("/ui/artifacts/entities/{entity}/share", get(leave).post(people::share))
        .route("/ui/artifacts/entities/{entity}/unshare", get(leave).post(people::unshare))
        .route("/ui/artifacts/entities/{entity}/publish", get(leave).post(people::publish))
        .route("/ui/artifacts/entities/{entity}/withdraw", get(leave).post(people::withdraw))
}

/// A path of the interface below an entity.
fn api(entity: &str, rest: &[&str]) -> String {
    path(&[&["api", "entities", entity], rest].concat())
}

/// What comes after a form of an entity's page: the page, which says what was done, or the page with what is wrong.
async fn after<T>(visit: &Visit, entity: &str, changed: Result<T, Problem>, done: &str) -> PageResult {
    after_filling(visit, entity, changed, done, |_| ()).await
}

/// The same for a form with fields. `keep` puts what was filled in into the page that says what is wrong.
async fn after_filling<T>(
    visit: &Visit,
    entity: &str,
    changed: Result<T, Problem>,
    done: &str,
    keep: impl FnOnce(&mut EntityPage),
) -> PageResult {
    match changed {
        Ok(_) => Ok(see(&Holder::of(visit).done(visit, &["entities", entity], done))),
        // The organisation or the user that was named may be the one that is not there; an entity that is gone has no page.
        Err(problem) if problem.is_about_input() || problem.status == StatusCode::NOT_FOUND => {
            let mut page = EntityPage::read(visit, entity, Some(&problem)).await?;
            keep(&mut page);
            visit.again(&problem, &page)
        }
        Err(problem) => Err(visit.failed(problem)),
    }
}
