//! Packages for sale: a row with the number, and the number in the package's head.

use std::collections::BTreeSet;

use axum::http::HeaderMap;
use granary_http::permit::Admin;
use granary_http::seller::Seller;
use granary_http::{About, AppState, RepoAccess};
use granary_model::{Error, PackageType, Result, Timestamp};
use granary_publish::head_edit::{HeadEdit, Step};
use granary_publish::{Applied, Target};
use granary_storage::rows::{ConsumerRow, HeadRow, RepoRow, SoldAs, SoldPackageRow};
use granary_storage::transaction::Refusal;
use granary_storage::{Key, PackageKey, Tenant, Transaction};

/// Reads a package.
///
/// # Errors
/// `NotFound` if the seller has none with this number.
pub(crate) async fn load_package(state: &AppState, tenant: &Tenant, id: u64) -> Result<SoldPackageRow> {
    let row: Option<SoldPackageRow> = state.storage().get(&Key::SoldPackage(tenant.clone(), id)).await?;
    row.ok_or_else(|| Error::NotFound(format!("package {id} not found")))
}

/// The key of a package in its repository.
pub(crate) fn key_of(row: &SoldPackageRow) -> PackageKey {
    PackageKey { repo: row.repo.clone(), kind: row.kind, name: row.name.clone() }
}

/// Refuses a package whose head does not have the seller's number. It has lost it when deleting the package has begun.
///
/// # Errors
/// `BadRequest` that says how to go on.
pub(crate) fn require_number(head: Option<&HeadRow>, tenant: &Tenant, id: u64) -> Result<()> {
    if has_number(head, tenant, id) { Ok(()) } else { Err(being_deleted(id)) }
}

fn has_number(head: Option<&HeadRow>, tenant: &Tenant, id: u64) -> bool {
    head.and_then(|head| head.sold_as.as_ref()).is_some_and(|sold| sold.id == id && sold.tenant == *tenant)
}

/// A package of a seller, and the right to change it in its repository.
#[derive(Debug)]
pub(crate) struct Sold {
    /// The package.
    pub(crate) row: SoldPackageRow,
    /// The right, with the head, and the version that was asked for.
    pub(crate) access: RepoAccess<Admin>,
}

impl Sold {
    /// Finds a package and authorises the caller for it. `version`: read this version in the same call.
    ///
    /// # Errors
    /// `NotFound` if there is no such package, `BadRequest` if its repository is gone.
    pub(crate) async fn find(
        state: &AppState,
        headers: &HeaderMap,
        seller: &Seller,
        id: u64,
        version: Option<&str>,
    ) -> Result<Self> {
        let row = load_package(state, &seller.tenant, id).await?;
        Self::of(state, headers, seller, row, version).await?.ok_or_else(|| {
            Error::BadRequest(format!(
                "the repository of package {id} is gone; all that is left is to delete the package"
            ))
        })
    }

    /// Authorises the caller for a package. `None`: its repository is gone, or no longer the seller's.
    pub(crate) async fn of(
        state: &AppState,
        headers: &HeaderMap,
        seller: &Seller,
        row: SoldPackageRow,
        version: Option<&str>,
    ) -> Result<Option<Self>> {
        let about = About { version, ..About::of(row.kind, &row.name) };
        let access = match RepoAccess::authorize_about(state, headers, row.repo.as_str(), Some(about)).await {
            Ok(access) => access,
            Err(Error::NotFound(_)) => return Ok(None),
            Err(Error::Forbidden(_)) if !is_covered(state, &seller.tenant, &row).await? => return Ok(None),
            Err(error) => return Err(error),
        };
        let is_same = access.repo.uid == row.repo_uid && seller.tenant.covers(&access.repo);
        Ok(is_same.then_some(Self { row, access }))
    }

    /// The package to change.
    pub(crate) fn target<'a>(&'a self, state: &'a AppState) -> Target<'a> {
        self.access.target(state, self.row.kind, &self.row.name)
    }

    /// Whether the head has the package's number. It has lost it when deleting the package has begun.
    pub(crate) fn is_numbered(&self, tenant: &Tenant) -> bool {
        has_number(self.access.head.as_deref(), tenant, self.row.id)
    }

    /// Refuses a package whose deletion has begun.
    pub(crate) fn require_numbered(&self, tenant: &Tenant) -> Result<()> {
        require_number(self.access.head.as_deref(), tenant, self.row.id)
    }

    /// Refuses a package whose versions come from its own client, and one whose repository does not offer Composer any
    /// more.
    pub(crate) fn require_composer(&self) -> Result<()> {
        let kind = self.row.kind;
        if kind == PackageType::Composer {
            return self.access.require_type(kind).map_err(|error| match error {
                Error::NotFound(text) => Error::BadRequest(text),
                other => other,
            });
        }
        Err(Error::BadRequest(format!(
            "versions of {kind} packages are published by their own client or `granary push {kind}`, and permissions cover \
             them as they come; only those of composer packages are made here"
        )))
    }
}

/// Whether the repository that a package was numbered in is still the seller's.
async fn is_covered(state: &AppState, tenant: &Tenant, row: &SoldPackageRow) -> Result<bool> {
    let repo: Option<RepoRow> = state.storage().get(&Key::Repo(row.repo.clone())).await?;
    Ok(repo.is_some_and(|repo| repo.uid == row.repo_uid && tenant.covers(&repo)))
}

fn being_deleted(id: u64) -> Error {
    Error::BadRequest(format!("package {id} is being deleted; DELETE it again to finish that"))
}

/// What is done to a package.
pub(crate) enum Sale {
    /// It gets its number.
    Create,
    /// It is shown otherwise. With the key and the head of the one before, if it gets another name.
    Update(Option<Box<(PackageKey, HeadRow)>>),
    /// It loses its number. What was hidden stays so until it gets a number again: a deletion never opens anything.
    Remove,
}

/// A change of a package for sale in its head and in its row, together.
pub(crate) struct PackageEdit<'a> {
    /// The seller.
    pub(crate) tenant: &'a Tenant,
    /// The repository that the package is in.
    pub(crate) repo: &'a RepoRow,
    /// The package as it shall be.
    pub(crate) row: &'a SoldPackageRow,
    /// Its name as it was given, which is shown if nothing has been published yet.
    pub(crate) shown: &'a str,
    /// What is done.
    pub(crate) sale: Sale,
    /// Set when the package's row is not the one that was read any more.
    pub(crate) moved: bool,
}

impl PackageEdit<'_> {
    fn number(&self) -> SoldAs {
        SoldAs { tenant: self.tenant.clone(), id: self.row.id }
    }

    /// Refuses a package that is for sale already. What somebody sold who has lost the repository since is free.
    fn check_free(&self, head: &HeadRow) -> Result<()> {
        let sold = head.sold_as.as_ref().filter(|sold| sold.tenant.covers(self.repo));
        let Some(sold) = sold else { return Ok(()) };
        let name = &self.row.name;
        Err(Error::BadRequest(if sold.tenant == *self.tenant {
            format!("name: '{name}' is taken: it is your package {}", sold.id)
        } else {
            format!("name: '{name}' is sold already by {}", sold.tenant.subject)
        }))
    }

    fn declare(&self, head: &mut HeadRow) {
        if head.versions == 0 {
            head.description.clone_from(&self.row.description);
        }
        head.sold_as = Some(self.number());
        head.hidden = !self.row.enabled;
    }

    fn write(&self, transaction: &mut Transaction) -> Result<()> {
        let key = Key::SoldPackage(self.tenant.clone(), self.row.id);
        let before = self.row.rev.checked_sub(1).filter(|rev| *rev > 0);
        transaction.put_rev("sold", &key, self.row, before)
    }
}

impl HeadEdit for PackageEdit<'_> {
    fn action(&self) -> &'static str {
        match self.sale {
            Sale::Create => "package.sell",
            Sale::Update(_) => "package.declare",
            Sale::Remove => "package.unsell",
        }
    }

    fn detail(&self) -> String {
        if self.row.enabled { String::new() } else { " hidden".into() }
    }

    async fn apply(
        &mut self,
        head: Option<HeadRow>,
        now: Timestamp,
        transaction: &mut Transaction,
    ) -> Result<Step> {
        let mut head = head.unwrap_or_else(|| HeadRow {
            name: match self.row.kind {
                // What is in its row is in lower case.
                PackageType::Npm | PackageType::Swift => self.shown.to_owned(),
                _ => self.row.name.clone(),
            },
            created_at: now.millis(),
            ..HeadRow::default()
        });
        let is_ours = head.sold_as.as_ref() == Some(&self.number());
        match &self.sale {
            Sale::Create => {
                self.check_free(&head)?;
                self.declare(&mut head);
                self.write(transaction)?;
            }
            Sale::Update(None) if !is_ours => return Err(being_deleted(self.row.id)),
            Sale::Update(None) => {
                self.declare(&mut head);
                self.write(transaction)?;
            }
            Sale::Update(Some(old)) => {
                let (old_key, old_head) = old.as_ref();
                self.check_free(&head)?;
                self.declare(&mut head);
                self.write(transaction)?;
                let left = HeadRow {
                    sold_as: None,
                    hidden: false,
                    rev: old_head.rev + 1,
                    modified_at: now.millis().max(old_head.modified_at + 1),
                    ..old_head.clone()
                };
                transaction.put_rev("old", &Key::Head(old_key.clone()), &left, Some(old_head.rev))?;
            }
            Sale::Remove if !is_ours => return Ok(Step::Nothing),
            Sale::Remove => head.sold_as = None,
        }
        Ok(Step::Write(head))
    }

    fn refused(&mut self, refusal: Refusal) -> Result<Applied> {
        match refusal.label {
            "sold" | "old" => {
                self.moved = true;
                Ok(Applied::Unchanged)
            }
            label => Err(Error::internal("changing a package", format!("the part '{label}' was refused"))),
        }
    }
}

/// The numbers of a consumer's permissions for a package.
pub(crate) fn permissions_for(consumer: &ConsumerRow, package: u64) -> BTreeSet<u64> {
    let of_it = consumer.permissions.iter().filter(|(_, permission)| permission.package_id == package);
    of_it.map(|(id, _)| *id).collect()
}
