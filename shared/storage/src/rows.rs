//! The rows of the tables as Rust values.

mod account;
mod package;
mod repo;
mod system;

pub use account::{OrgRef, OrgRow, TokenEntry, TokenRow, UserRow};
pub use package::{FileRow, HeadRow, PackageEntry, ReadmeRow, VersionRow, VersionStatus};
pub use repo::{KmpConfig, KmpSource, RepoRef, RepoRow, UsageRow};
pub use system::{AuditRow, BlobRow, Event, LoginRow, OutboxRow, SignInRow, SignInStage};
