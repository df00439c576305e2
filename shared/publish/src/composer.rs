//! Composer: archives, publishing, and the documents of the repository.

pub mod archive;
pub mod declare;
pub mod documents;
pub mod extra;
pub mod facts;
pub mod minify;
pub mod publish;
pub mod withdraw;

mod manifest;
mod showing;

pub use extra::Extra;
pub use manifest::check_addressable;
pub use showing::ComposerShowing;
