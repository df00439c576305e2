//! The console: what people see of the registry in a browser.
//!
//! Pages are HTML that is made here, with one stylesheet and one small script, and everything works without the script but
//! copying and watching. The console has no rights and no rules of its own: it asks the registry's interface, in the same
//! process, with the credential of whoever looks (`back`), and shows what that answers. So what a page can do, a
//! client can do, by the same code and with the same audit records.

mod address;
mod assets;
mod back;
mod form;
mod markdown;
mod page;
mod pages;
mod text;
mod visit;

use std::sync::Arc;

use axum::{Extension, Router};
use granary_http::AppState;

use back::Back;

/// The routes of the console: `/`, `/ui` and below. `api` are the routes of the families that its pages ask.
pub fn router(api: Router<AppState>) -> Router<AppState> {
    pages::router().layer(Extension(Arc::new(Back::new(api))))
}
