//! Products: build artifacts with the tokens that may reach them.
//!
//! Products and tokens are made by a [`TenantHand`]; everything that changes a product afterwards is one edit of
//! [`crate::shelf`].

mod access;
mod file_name;
mod tenant;
mod versions;

pub use access::{MAX_TOKENS, delete_product, remove_access, set_access, shown_token};
pub use file_name::ArtifactName;
pub use tenant::TenantHand;
pub use versions::{
    Candidate, MAX_VERSIONS, Uploaded, artifact, check_upload, check_version, commit_handover,
    remove_version, upload_version, version_row,
};
