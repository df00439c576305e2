//! Permissions as types: whoever holds `RepoAccess<Write>` has been allowed to write.

use granary_auth::{Action, OrgAction};

/// A permission in a repository.
pub trait RepoAction: Send + Sync + 'static {
    /// What it permits.
    const ACTION: Action;
}

/// A permission in an organisation.
pub trait OrgPermission: Send + Sync + 'static {
    /// What it permits.
    const ACTION: OrgAction;
}

/// Declares permission types.
macro_rules! permissions {
    ($trait:ident, $action:ident: $($(#[$doc:meta])* $name:ident => $variant:ident),+ $(,)?) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy)]
            pub struct $name;

            impl $trait for $name {
                const ACTION: $action = $action::$variant;
            }
        )+
    };
}

permissions! { RepoAction, Action:
    /// List and download what the caller is entitled to: members everything, customers what they were sold.
    ///
    /// A handler with this permission has to go by [`crate::RepoAccess::source`] and must not read versions itself.
    Fetch => Fetch,
    /// List and download everything. No customer has it.
    Read => Read,
    /// Publish.
    Write => Write,
    /// Publish by upload sessions. Builds have it for their own packages: ask [`crate::RepoAccess::permit_upload`].
    Upload => Upload,
    /// Settings, members, deletions.
    Admin => Admin,
    /// Delete the repository.
    Owner => Owner,
    /// Manage the repository's tokens.
    ManageTokens => ManageTokens,
}

permissions! { OrgPermission, OrgAction:
    /// See the organisation.
    ViewOrg => View,
    /// Change the organisation or its members.
    ManageOrg => Manage,
    /// Delete the organisation.
    DeleteOrg => Delete,
    /// Make a repository in the organisation.
    CreateRepoInOrg => CreateRepo,
    /// List and delete the organisation's tokens.
    ManageOrgTokens => ManageTokens,
    /// Make a token of the organisation.
    CreateOrgToken => CreateToken,
    /// Put entities into the organisation's store, take them out, and make entities that belong to it.
    ManageStore => ManageStore,
    /// Manage what the organisation sells, and its products.
    SellForOrg => Sell,
}
