//! The rows of the tables as Rust values.

mod account;
mod entity;
mod handover;
mod kmp;
mod listed;
mod maven;
mod package;
mod product;
mod repo;
mod selling;
mod swift;
mod system;
mod upload;
mod upstream;

pub use account::{CallerRef, OrgRef, OrgRow, SessionEntry, SessionRow, TokenEntry, TokenRow, UserRow};
pub use entity::{
    BaseVersion, EmailRow, EntityPackageJson, EntityRef, EntityRow, EntitySourceRow, EntityVersionRef,
    EntityVersionRow, Publication, Share, StoreRef,
};
pub use handover::{EntityConfirmation, HandoverFile, HandoverPurpose, HandoverRow};
pub use kmp::{
    BuildResults, BuildRow, BuildScope, BuildTokenRow, Dispatch, KmpMarker, Outputs, PollPendingRow,
    PollState, VersionMarker, WatchedRef, WatchedRow,
};
pub use listed::Listed;
pub use maven::{ExpectationRow, MavenPluginRow};
pub use package::{
    ALL_VERSIONS, FileRow, FileStatus, HeadRow, PackageEntry, ReadmeRow, StoredFileRow, VersionRow,
    VersionStatus,
};
pub use product::{ProductRow, ProductTokenRow, ProductVersionRow};
pub use repo::{KmpConfig, KmpSource, MavenSettings, RepoRef, RepoRow, UsageRow};
pub use selling::{
    ConsumerRef, ConsumerRow, LicenceConstraint, LicenceRow, OnExpiry, Permission, PublishedFile, SoldAs,
    SoldPackageRow, SoldVersionRow, StagedFile,
};
pub use swift::SwiftSourceRow;
pub use system::{
    AuditRow, BlobRow, Event, HolderRow, LoginRow, OutboxRow, SignInPurpose, SignInRow, SignInStage,
};
pub use upload::{UploadFile, UploadOrigin, UploadRow, UploadStatus, UploadSubject};
pub use upstream::{
    BlockRow, FetchedFrom, QuarantineRow, UpstreamFailure, UpstreamHead, UpstreamPlace, UpstreamRow,
};
