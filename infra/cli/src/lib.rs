//! The client commands of the `granary` program: `login`, `logout`, `push` and `setup`.
//!
//! It knows a registry only by its HTTP interface and shares no code with the server. Everything the commands
//! take from their surroundings (folders, terminal, variables) goes through [`Surroundings`], and everything
//! they say goes through [`Screen`], so that tests can stand in for both.

mod api;
mod archive;
mod arguments;
mod credentials;
mod digest;
mod failure;
mod file_body;
mod login;
mod maven_metadata;
mod plan;
mod private_file;
mod progress;
mod prompt;
mod push;
mod report;
mod resume;
mod run;
mod screen;
mod secret;
mod server;
mod session;
mod setup;
mod surroundings;
mod transfer;
mod wire;

pub use arguments::ClientCommand;
pub use run::{execute, run};
pub use screen::Screen;
pub use secret::Secret;
pub use surroundings::Surroundings;
