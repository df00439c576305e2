//! What a token of the product API may do.

use granary_model::Sha256;
use granary_model::product::ProductFlags;
use granary_storage::Tenant;
use granary_storage::rows::ProductRow;

use crate::decide::{Decision, Denial, decide_seller};
use crate::principal::Principal;

/// What somebody wants to do with products.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProductAction {
    /// See a product with its tokens and versions.
    See,
    /// Upload a version.
    Upload,
    /// Download a version.
    Download,
    /// Delete a version by its address.
    DeleteVersion,
    /// Remove a version by changing the product, which its maintainers may do as well.
    RemoveVersion,
    /// Delete the product.
    Delete,
    /// Give tokens access to the product, or take it.
    ManageAccess,
    /// Register, list and remove tokens; concerns no product.
    ManageTokens,
}

impl ProductAction {
    /// Whether one of the flags of a token, which do not imply each other, permits it.
    const fn permitted(self, flags: ProductFlags) -> bool {
        match self {
            // Being listed is enough.
            Self::See => true,
            Self::Upload => flags.upload,
            Self::Download => flags.download,
            Self::DeleteVersion => flags.delete,
            Self::RemoveVersion => flags.maintainer || flags.delete,
            Self::Delete | Self::ManageAccess => flags.maintainer,
            Self::ManageTokens => false,
        }
    }
}

/// Who calls the product API: whose products they reach, and how they are listed there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductCredential {
    /// Whose products.
    pub tenant: Tenant,
    /// Whether they may do everything with all of them.
    pub admin: bool,
    /// The SHA-256 under which products list the token; `None` for a person who signed in.
    pub hash: Option<Sha256>,
}

impl ProductCredential {
    /// What a principal is to the product API: one of its tokens, or an administrator, who needs a token of the registry with
    /// admin scope. `hash` is that of the credential's text.
    ///
    /// # Errors
    /// Why the principal may not use it at all.
    pub fn of(principal: &Principal, hash: Option<Sha256>) -> Result<Self, Denial> {
        if let Principal::Product(token) = principal {
            return Ok(Self { tenant: token.tenant.clone(), admin: token.admin, hash: Some(token.hash) });
        }
        match decide_seller(principal) {
            Decision::Deny(denial) => Err(denial),
            Decision::Allow => match principal.tenant() {
                Some(tenant) => Ok(Self { tenant, admin: true, hash }),
                None => Err(Denial::Hidden),
            },
        }
    }

    /// What the product lists the caller with; `None` if it does not.
    pub fn flags(&self, product: &ProductRow) -> Option<ProductFlags> {
        self.hash.as_ref().and_then(|hash| product.tokens.get(hash)).copied()
    }
}

/// Decides about a product. `None`: there is no such product, or the action concerns none.
///
/// Unlike elsewhere, a token learns that a product of its own tenant exists which does not list it: the documented
/// interface tells the two apart. Products of other tenants do not exist.
pub fn decide_product(
    caller: &ProductCredential,
    action: ProductAction,
    product: Option<&ProductRow>,
) -> Decision {
    if action == ProductAction::ManageTokens {
        return if caller.admin { Decision::Allow } else { Decision::Deny(Denial::Role) };
    }
    let Some(product) = product.filter(|product| product.tenant == caller.tenant) else {
        return Decision::Deny(Denial::Hidden);
    };
    if caller.admin || caller.flags(product).is_some_and(|flags| action.permitted(flags)) {
        return Decision::Allow;
    }
    Decision::Deny(Denial::Role)
}

#[cfg(test)]
#[path = "product_tests.rs"]
mod tests;
