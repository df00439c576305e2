//! Versions with numbers: each is stored under its number and in the list of its package, and both copies always change
//! together.

use axum::http::HeaderMap;
use granary_http::AppState;
use granary_http::seller::Seller;
use granary_model::composer::ComposerVersion;
use granary_model::{Error, Result};
use granary_publish::composer::Extra;
use granary_storage::rows::{
    HeadRow, PublishedFile, SoldPackageRow, SoldVersionRow, VersionRow, VersionStatus,
};
use granary_storage::{Key, Tenant, Transaction};

use crate::change::{Deed, READ, commit};
use crate::package::{Sold, require_number};

/// Versions that are removed in one transaction: two rows each, of the 100 parts that fit.
const AT_ONCE: usize = 45;

/// Reads a version.
///
/// # Errors
/// `NotFound` if the seller has none with this number.
pub(crate) async fn load_version(state: &AppState, tenant: &Tenant, id: u64) -> Result<SoldVersionRow> {
    let row: Option<SoldVersionRow> = state.storage().get(&Key::SoldVersion(tenant.clone(), id)).await?;
    row.ok_or_else(|| Error::NotFound(format!("version {id} not found")))
}

/// All versions of a package that have numbers, in their order.
pub(crate) async fn versions_of(
    state: &AppState,
    tenant: &Tenant,
    package: u64,
) -> Result<Vec<SoldVersionRow>> {
    let key = |id| Key::SoldVersionOf(tenant.clone(), package, id);
    state.storage().list_between(&key(0), &key(u64::MAX), usize::MAX, false).await
}

fn keys(tenant: &Tenant, row: &SoldVersionRow) -> [Key; 2] {
    [Key::SoldVersion(tenant.clone(), row.id), Key::SoldVersionOf(tenant.clone(), row.package_id, row.id)]
}

/// Adds both copies of a version. With a `rev` they must still have it, without one they must be new.
fn put(
    transaction: &mut Transaction,
    label: &'static str,
    tenant: &Tenant,
    row: &SoldVersionRow,
    rev: Option<u64>,
) -> Result<()> {
    keys(tenant, row).iter().try_for_each(|key| transaction.put_rev(label, key, row, rev))
}

/// Removes both copies of a version, which must still be as it was read.
fn delete(transaction: &mut Transaction, label: &'static str, tenant: &Tenant, row: &SoldVersionRow) {
    for key in keys(tenant, row) {
        transaction.delete_rev(label, key, row.rev);
    }
}

/// The rows of a version that change together with what is published of it.
pub(crate) struct VersionRows<'a> {
    tenant: &'a Tenant,
    before: &'a SoldVersionRow,
    /// `None`: it goes.
    after: Option<&'a SoldVersionRow>,
    /// Set when the version is not as it was read any more.
    pub(crate) moved: bool,
}

impl<'a> VersionRows<'a> {
    /// The rows of a version from now on.
    pub(crate) fn new(
        tenant: &'a Tenant,
        before: &'a SoldVersionRow,
        after: Option<&'a SoldVersionRow>,
    ) -> Self {
        Self { tenant, before, after, moved: false }
    }
}

impl Extra for VersionRows<'_> {
    fn check(&mut self, head: Option<&HeadRow>) -> Result<()> {
        // What is published after the package has lost its number would outlive the package.
        require_number(head, self.tenant, self.before.package_id)
    }

    fn rows(&mut self, transaction: &mut Transaction) -> Result<()> {
        let Some(after) = self.after else {
            delete(transaction, "extra-version", self.tenant, self.before);
            return Ok(());
        };
        put(transaction, "extra-version", self.tenant, after, Some(self.before.rev))
    }

    fn refused(&mut self, _: &'static str) -> Error {
        self.moved = true;
        Error::Unavailable("the version was changed by somebody else; try again".into())
    }
}

/// The rows of a version that was published before it gets a number.
pub(crate) struct AdoptedRows<'a> {
    /// The seller.
    pub(crate) tenant: &'a Tenant,
    /// The package.
    pub(crate) package: &'a SoldPackageRow,
    /// The version.
    pub(crate) row: &'a SoldVersionRow,
    /// Set when the package is not as it was read any more.
    pub(crate) moved: bool,
}

impl Extra for AdoptedRows<'_> {
    fn rows(&mut self, transaction: &mut Transaction) -> Result<()> {
        count(transaction, "extra-package", self.tenant, self.package)?;
        put(transaction, "extra-version", self.tenant, self.row, None)
    }

    fn refused(&mut self, _: &'static str) -> Error {
        self.moved = true;
        Error::Unavailable("the package was changed by somebody else; try again".into())
    }
}

/// A number whose version was published by an upload session: with its file, and hidden or not as it is.
///
/// # Errors
/// `Internal` for a version without a file.
pub(crate) fn adopted(row: SoldVersionRow, live: &VersionRow) -> Result<SoldVersionRow> {
    let file = live.files.first().ok_or_else(|| Error::internal("numbering a version", "it has no file"))?;
    let published = PublishedFile { size: file.size, sha256: file.sha256 };
    Ok(SoldVersionRow { published: Some(published), staged: None, enabled: !live.hidden, ..row })
}

/// A version of a seller, and the right to change it in its repository.
#[derive(Debug)]
pub(crate) struct Numbered {
    /// The version.
    pub(crate) row: SoldVersionRow,
    /// Its package.
    pub(crate) sold: Sold,
}

impl Numbered {
    /// Finds a version and authorises the caller for its package.
    ///
    /// # Errors
    /// `NotFound` if there is no such version, `BadRequest` if its repository is gone.
    pub(crate) async fn find(
        state: &AppState,
        headers: &HeaderMap,
        seller: &Seller,
        id: u64,
    ) -> Result<Self> {
        let row = load_version(state, &seller.tenant, id).await?;
        let sold = Sold::find(state, headers, seller, row.package_id, Some(&row.key)).await?;
        Ok(Self { row, sold })
    }
}

/// Refuses a version that the package has already, be it only as a number. `except`: the number that may have it.
///
/// # Errors
/// `BadRequest` that names `name`.
pub(crate) async fn check_free(
    state: &AppState,
    seller: &Seller,
    sold: &Sold,
    version: &ComposerVersion,
    except: Option<u64>,
) -> Result<()> {
    let (pretty, package) = (version.pretty(), &sold.row.name);
    let taken = |why: String| Err(Error::BadRequest(format!("name: {why}")));
    let numbered = versions_of(state, &seller.tenant, sold.row.id).await?;
    let other = numbered.iter().find(|row| row.key == version.normalized() && Some(row.id) != except);
    if let Some(other) = other {
        return taken(format!(
            "{package} has the version {} already: it is your version {}",
            other.name, other.id
        ));
    }
    match sold.access.version.as_ref().map(|row| row.status) {
        Some(VersionStatus::Tombstone) => taken(format!(
            "version {pretty} of {package} was deleted, and a deleted version can never be used again; choose a new one"
        )),
        // One that is renamed must not become one that is published; a new one gets a number for what is.
        Some(VersionStatus::Live) if except.is_some() => {
            taken(format!("version {pretty} of {package} is published already"))
        }
        Some(VersionStatus::Live) | None => Ok(()),
    }
}

/// Counts a change of the versions of a package: of two that add one at the same time, the second looks again.
fn count(
    transaction: &mut Transaction,
    label: &'static str,
    tenant: &Tenant,
    package: &SoldPackageRow,
) -> Result<()> {
    let counted = SoldPackageRow { rev: package.rev + 1, ..package.clone() };
    transaction.put_rev(label, &Key::SoldPackage(tenant.clone(), package.id), &counted, Some(package.rev))
}

/// Stores a new version. `false`: the package changed meanwhile.
pub(crate) async fn store_new(
    state: &AppState,
    seller: &Seller,
    package: &SoldPackageRow,
    row: &SoldVersionRow,
) -> Result<bool> {
    let mut transaction = Transaction::new();
    count(&mut transaction, READ, &seller.tenant, package)?;
    put(&mut transaction, "number", &seller.tenant, row, None)?;
    commit(state, seller, transaction, &Deed::of("version.create", "versions", row.id)).await
}

/// Changes a version of which nothing is published, or nothing that is published. `false`: it changed meanwhile.
/// `renamed`: its package, if it gets another name.
pub(crate) async fn replace(
    state: &AppState,
    seller: &Seller,
    before: &SoldVersionRow,
    after: &SoldVersionRow,
    renamed: Option<&SoldPackageRow>,
) -> Result<bool> {
    let mut transaction = Transaction::new();
    if let Some(package) = renamed {
        count(&mut transaction, READ, &seller.tenant, package)?;
    }
    put(&mut transaction, READ, &seller.tenant, after, Some(before.rev))?;
    commit(state, seller, transaction, &Deed::of("version.update", "versions", after.id)).await
}

/// Removes a version of which nothing is published. `false`: it changed meanwhile.
pub(crate) async fn remove(state: &AppState, seller: &Seller, row: &SoldVersionRow) -> Result<bool> {
    let mut transaction = Transaction::new();
    delete(&mut transaction, READ, &seller.tenant, row);
    commit(state, seller, transaction, &Deed::of("version.delete", "versions", row.id)).await
}

/// Removes all versions of a package. `false`: some changed meanwhile, and something may have been published.
pub(crate) async fn remove_all(state: &AppState, seller: &Seller, package: u64) -> Result<bool> {
    let rows = versions_of(state, &seller.tenant, package).await?;
    for batch in rows.chunks(AT_ONCE) {
        let mut transaction = Transaction::new();
        for row in batch {
            delete(&mut transaction, READ, &seller.tenant, row);
        }
        if !commit(state, seller, transaction, &Deed::of("version.delete", "packages", package)).await? {
            return Ok(false);
        }
    }
    Ok(true)
}
