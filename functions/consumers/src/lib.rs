//! Packages for sale, their versions, consumers and permissions: `/packages`, `/versions`, `/consumers`, `/permissions`.
//!
//! The interface is that of a private Composer host: numbers per seller, bare arrays, 400 for whatever is wrong with a
//! request. What it leaves open is decided here: `PUT` changes the fields it names, as `PATCH` does, because both are
//! documented in the same words; what does not exist is 404; an id in a path that is no number is 400. What consumers get
//! is decided in `granary-auth`, and how a version is published in `granary-publish`.

mod change;
mod consumer;
mod input;
mod package;
mod page;
mod repo;
mod routes;
mod staging;
mod version;
mod view;

use axum::Router;
use axum::routing::{get, post};
use granary_http::AppState;

use routes::{consumers, packages, permissions, publishing, versions};

/// The routes of the family.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/packages", get(packages::list_packages).post(packages::create_package))
        .route(
            "/packages/{id}",
            get(packages::show_package)
                .put(packages::update_package)
                .patch(packages::update_package)
                .delete(packages::delete_package),
        )
        .route("/versions/package/{id}", get(versions::list_versions).post(versions::create_version))
        .route(
            "/versions/{id}",
            get(versions::show_version)
                .put(publishing::put_version)
                .patch(versions::update_version)
                .delete(versions::delete_version),
        )
        .route("/versions/{id}/confirm", post(publishing::confirm_version))
        .route("/consumers", get(consumers::list_consumers).post(consumers::create_consumer))
        .route("/consumers/email/{email}", get(consumers::list_consumers_by_email))
        .route(
            "/consumers/{id}",
            get(consumers::show_consumer)
                .put(consumers::update_consumer)
                .patch(consumers::update_consumer)
                .delete(consumers::delete_consumer),
        )
        .route("/consumers/{id}/packages", get(consumers::list_packages_of_consumer))
        .route("/consumers/{id}/permissions", get(permissions::list_permissions_of_consumer))
        .route("/consumers/{id}/visible", get(consumers::list_visible))
        .route("/consumers/{id}/packages/{package}", get(permissions::list_permissions))
        .route("/permissions/consumer/{id}/package/{package}", get(permissions::list_permissions))
        .route("/permissions", post(permissions::create_permission))
        .route(
            "/permissions/{id}",
            get(permissions::show_permission)
                .put(permissions::update_permission)
                .patch(permissions::update_permission)
                .delete(permissions::delete_permission),
        )
}
