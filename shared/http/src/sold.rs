//! What a customer finds in a repository: the packages that were sold to it.

use std::collections::BTreeSet;
use std::sync::Arc;

use granary_auth::{Entitlement, Principal};
use granary_model::{PackageType, Result};
use granary_publish::Source;
use granary_storage::rows::{HeadRow, LicenceRow, SoldPackageRow};
use granary_storage::{Key, PackageKey};

use crate::access::RepoAccess;
use crate::permit::RepoAction;
use crate::state::AppState;

/// Most packages that are looked at for one list. A customer with more sees as far as that.
const MAX_LOOKED_AT: usize = 5_000;

impl<A: RepoAction> RepoAccess<A> {
    /// The packages of a protocol that a customer has something of, each as the source of what the customer gets, in
    /// the order of their names. Their heads are still those of whole packages: see [`granary_publish::seen::seen`].
    ///
    /// It begins with what was sold, not with what there is: the calls are as many as the customer has packages, by the
    /// hundred, however large the repository is.
    pub async fn sold(&self, state: &AppState, kind: PackageType) -> Result<Vec<Source>> {
        let names = self.names(state, kind).await?;
        let packages: Vec<PackageKey> =
            names.iter().take(MAX_LOOKED_AT).map(|name| self.package_key(kind, name)).collect();
        let keys: Vec<Key> = packages.iter().cloned().map(Key::Head).collect();
        let heads: Vec<Option<HeadRow>> = state.storage().read_all(&keys).await?;
        let here = packages.into_iter().zip(heads).filter_map(|(package, head)| {
            let head = head.filter(|head| head.repo_uid == self.repo.uid)?;
            self.sold_source(package, head, state)
        });
        Ok(here.collect())
    }

    /// Another package of the repository as the customer gets it, by its head; `None` if it gets nothing of it.
    pub fn sold_source(
        &self,
        package: PackageKey,
        head: impl Into<Arc<HeadRow>>,
        state: &AppState,
    ) -> Option<Source> {
        let head = head.into();
        let grants = match self.entitlement(&package, Some(&head), state.now()) {
            Entitlement::All => None,
            Entitlement::Some(grants) => Some(Arc::new(grants)),
            Entitlement::Nothing(_) => return None,
        };
        Some(Source { grants, ..Source::whole(package, self.repo.uid.clone(), head) })
    }

    /// The names that may be of packages the customer has something of. Whether they are, decides the head.
    async fn names(&self, state: &AppState, kind: PackageType) -> Result<BTreeSet<String>> {
        match &self.principal {
            Principal::Licence(licence) => {
                let here = LicenceRow::limited(&self.repo.id, "");
                let of_this = licence.packages.iter().filter_map(|name| name.strip_prefix(&here));
                Ok(licence.packages.iter().map(String::as_str).chain(of_this).map(str::to_owned).collect())
            }
            Principal::Consumer(consumer) => {
                let numbers: BTreeSet<u64> =
                    consumer.permissions.values().map(|given| given.package_id).collect();
                let keys: Vec<Key> =
                    numbers.into_iter().map(|id| Key::SoldPackage(consumer.tenant.clone(), id)).collect();
                let rows: Vec<Option<SoldPackageRow>> = state.storage().read_all(&keys).await?;
                let here = |row: &SoldPackageRow| row.repo_uid == self.repo.uid && row.kind == kind;
                Ok(rows.into_iter().flatten().filter(here).map(|row| row.name).collect())
            }
            _ => Ok(BTreeSet::new()),
        }
    }
}
