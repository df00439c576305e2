//! Composer's names, versions and constraints.
//!
//! What a text means is what Composer's own parser (`composer/semver`) makes of it, quirks included: a constraint that
//! a seller writes must cover exactly what the buyer's client finds when it resolves the same constraint. Left out is
//! only what no package can be published under: texts beyond plain ASCII and branches that git does not have.

mod constraint;
mod name;
mod normal;
mod order;
mod scan;
mod version;

pub use constraint::Constraint;
pub use name::ComposerName;
pub use version::{ComposerVersion, Stability};
