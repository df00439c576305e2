//! Tokens, organisations, members and sign-in: /api/auth and /api/orgs.
//!
//! People sign in at an identity provider; this crate never sees a password. Its pages (`sign_in`) are for command-line
//! clients, which send their user to a browser and wait for a token; the console's own sign-in goes the same way.

mod routes;
mod sign_in;
mod view;

use axum::Router;
use axum::routing::{get, post};
use granary_http::AppState;

use routes::{account, audit, deletion, members, orgs, sessions, tokens};

/// The routes of the family.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/api/auth/me", get(account::show_me))
        .route(
            "/api/auth/token",
            get(account::list_tokens).post(account::create_token).delete(account::delete_token),
        )
        .route("/api/auth/audit", get(audit::show_own_log))
        .route("/api/auth/sessions", get(sessions::list_sessions).delete(sessions::end_sessions))
        .route("/api/auth/sign-in", get(sign_in::begin_browser_sign_in))
        .route("/api/auth/cli/{session}", get(sign_in::begin_sign_in))
        .route("/api/auth/cli/{session}/approve", post(sign_in::answer_login))
        .route("/api/auth/callback", get(sign_in::finish_sign_in))
        .route("/api/orgs", get(orgs::list_orgs).post(orgs::create_org))
        .route("/api/orgs/{org}", get(orgs::show_org).patch(orgs::update_org).delete(deletion::delete_org))
        .route(
            "/api/orgs/{org}/members",
            get(members::list_members).post(members::set_member).delete(members::remove_member),
        )
        .route(
            "/api/orgs/{org}/tokens",
            get(tokens::list_tokens).post(tokens::create_token).delete(tokens::delete_token),
        )
        .route("/api/orgs/{org}/audit", get(audit::show_org_log))
}
