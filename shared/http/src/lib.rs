//! Application state, extractors, error rendering and the Lambda bootstrap.
//!
//! A function crate is a `router(AppState)`; this crate gives it everything that is not its own: who is
//! calling ([`Caller`]), what the caller may do ([`RepoAccess`] and the [`Repo`] extractor), request bodies
//! within limits ([`Json`]), errors in the right dialect ([`ApiError`]), and [`serve`], which wraps the
//! merged routers in the layers every request passes.

pub mod audit;
pub mod cdn;
pub mod config;
pub mod documents;
pub mod editing;
pub mod entity;
pub mod health;
pub mod members;
pub mod new_repo;
pub mod org_edit;
pub mod org_members;
pub mod permit;
pub mod product;
pub mod seller;
pub mod sessions;
pub mod tokens;
pub mod upstream;
pub mod users;

mod access;
mod administrator;
mod body;
mod caller;
mod damage;
mod delivery;
mod downloads;
mod failure;
mod fields;
mod forms;
mod head;
pub mod lambda;
mod last_used;
mod layers;
mod org;
mod problem;
mod receive;
mod secrets;
mod sold;
mod state;

pub use access::{About, Repo, RepoAccess, denied, shown};
pub use administrator::administrator_token;
pub use body::{Json, Params, read_limited, read_maybe_gzip};
pub use caller::{Caller, id_token};
pub use config::Config;
pub use damage::{Damaged, body_error};
pub use delivery::Delivery;
pub use downloads::DownloadCounter;
pub use failure::{ApiError, ApiResult, done, no_content, reply};
pub use fields::Fields;
pub use forms::{Form, Part};
pub use head::head_of;
pub use last_used::LastUses;
pub use layers::{App, SlashAtEnd, serve};
pub use org::{Org, OrgAccess};
pub use problem::{problem, problem_with, swift_problem, swift_problem_with};
pub use receive::{Received, declared_length, drain, receive, refuse_body, took_long};
pub use secrets::{new_secret, secret_digest};
pub use state::{AppState, Parts};
