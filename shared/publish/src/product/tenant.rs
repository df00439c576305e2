//! Products and tokens of a tenant: made, and tokens removed.

use granary_auth::Principal;
use granary_model::product::{ProductFlags, ProductName, ProductToken};
use granary_model::{Error, Ids, Result, Sha256, Timestamp};
use granary_storage::rows::{ProductRow, ProductTokenRow};
use granary_storage::{Commit, Key, Storage, Subject, Tenant, Transaction};

use super::access::{remove_access, shown_token};
use crate::change::Change;
use crate::shelf::Hand;

/// Products that are read at once.
const PAGE: i32 = 100;

/// Who makes products and tokens, and by which right.
pub struct TenantHand<'a> {
    /// Where everything is stored.
    pub storage: &'a Storage,
    /// Source of ids and secrets.
    pub ids: &'a dyn Ids,
    /// When.
    pub now: Timestamp,
    /// Who.
    pub principal: &'a Principal,
    /// The row of the token that gave the right: the change is refused if it has gone since.
    pub credential: Option<&'a Key>,
    /// Whose products and tokens these are.
    pub tenant: &'a Tenant,
}

impl TenantHand<'_> {
    /// Makes a product that lists its creator with all rights, if the creator has a token.
    ///
    /// # Errors
    /// `BadRequest` if the tenant has one of this name.
    pub async fn create_product(&self, name: ProductName, creator: Option<Sha256>) -> Result<ProductRow> {
        let row = ProductRow {
            name,
            uid: self.ids.next(self.now),
            tenant: self.tenant.clone(),
            tokens: creator.map(|hash| (hash, ProductFlags::ALL)).into_iter().collect(),
            versions: 0,
            bytes: 0,
            created_at: self.now,
            updated_at: self.now,
            rev: self.first_rev(),
        };
        let mut transaction = Transaction::new();
        let key = Key::Product(row.tenant.clone(), row.name.to_string());
        transaction.put_new("product", &key, &row)?;
        self.require_tenant(&mut transaction);
        let target = format!("product/{}", row.name);
        match self.commit(transaction, "product.create", &target).await? {
            None => Ok(row),
            Some("product") => Err(Error::BadRequest("product already exists".into())),
            Some(label) => Err(refused(label)),
        }
    }

    /// Registers a new token. Nobody can have it again: only its hash is kept.
    pub async fn register_token(&self, admin: bool) -> Result<ProductToken> {
        let token = ProductToken::generate(self.ids);
        let row = ProductTokenRow {
            hash: token.hash(),
            tenant: self.tenant.clone(),
            admin,
            created_at: self.now,
            created_by: self.principal.actor(),
        };
        let mut transaction = Transaction::new();
        transaction.put_new("new", &Key::ProductToken(row.hash), &row)?;
        transaction.put_new("list", &Key::ProductTokenOf(row.tenant.clone(), row.hash), &row)?;
        self.require_tenant(&mut transaction);
        match self.commit(transaction, "product-token.create", &shown_token(row.hash)).await? {
            None => Ok(token),
            Some(label) => Err(refused(label)),
        }
    }

    /// A token of the tenant.
    pub async fn token(&self, hash: Sha256) -> Result<Option<ProductTokenRow>> {
        let row: Option<ProductTokenRow> = self.storage.get(&Key::ProductToken(hash)).await?;
        Ok(row.filter(|row| row.tenant == *self.tenant))
    }

    /// Removes a token, which opens nothing from that moment on, and then takes it out of all products. Safe to repeat after
    /// it was interrupted. `false`: the tenant neither has nor lists it.
    pub async fn prune_token(&self, hash: Sha256) -> Result<bool> {
        let mut known = self.token(hash).await?.is_some();
        if known {
            let (key, listed) = (Key::ProductToken(hash), Key::ProductTokenOf(self.tenant.clone(), hash));
            let mut transaction = Transaction::new();
            transaction.delete_existing("pruned", key.clone());
            transaction.delete("list", listed);
            let refusal = if self.credential == Some(&key) {
                // A row can stand in a transaction only once.
                self.commit_without_token(transaction, "product-token.delete", &shown_token(hash)).await?
            } else {
                self.commit(transaction, "product-token.delete", &shown_token(hash)).await?
            };
            match refusal {
                None => {}
                Some("pruned") => known = false,
                Some(label) => return Err(refused(label)),
            }
        }
        // No token can be added any more that is not there. The right was to remove it, and that is done: the caller may even
        // have removed its own.
        let hand = Hand {
            storage: self.storage,
            ids: self.ids,
            now: self.now,
            principal: self.principal,
            credential: None,
            permit: &|_| Ok(()),
        };
        let mut after: Option<String> = None;
        loop {
            let (products, next) = self.products(after.as_deref()).await?;
            for product in products.into_iter().filter(|product| product.tokens.contains_key(&hash)) {
                match remove_access(&hand, product, hash).await {
                    Ok(removed) => known |= removed,
                    Err(Error::NotFound(_)) => {}
                    Err(error) => return Err(error),
                }
            }
            after = next;
            if after.is_none() {
                return Ok(known);
            }
        }
    }

    /// Names of those products that are wanted, in their order. Reads them page by page.
    pub async fn names(&self, wanted: impl Fn(&ProductRow) -> bool + Send) -> Result<Vec<ProductName>> {
        let (mut names, mut after): (Vec<ProductName>, Option<String>) = (Vec::new(), None);
        loop {
            let (products, next) = self.products(after.as_deref()).await?;
            names.extend(products.into_iter().filter(|product| wanted(product)).map(|product| product.name));
            after = next;
            if after.is_none() {
                return Ok(names);
            }
        }
    }

    async fn products(&self, after: Option<&str>) -> Result<(Vec<ProductRow>, Option<String>)> {
        // The name only says which partition to list.
        let first = Key::Product(self.tenant.clone(), "any".into());
        let page = self.storage.list(&first, "PRODUCT#", after, PAGE).await?;
        Ok((page.rows, page.next))
    }

    /// Where a new product begins to count its changes: at a number that no other of its name has had, because a change is
    /// conditional on this number alone and must not hit the next product.
    fn first_rev(&self) -> u64 {
        let mut bytes = [0_u8; 8];
        self.ids.fill(&mut bytes);
        u64::from_be_bytes(bytes) >> 16
    }

    /// Makes a change depend on the tenant still being there: its deletion must not miss what is made meanwhile.
    fn require_tenant(&self, transaction: &mut Transaction) {
        let uid = self.tenant.uid.as_deref().unwrap_or_default();
        match &self.tenant.subject {
            // Users are not deleted.
            Subject::User(_) => {}
            Subject::Org(slug) => transaction.touch_org("tenant", slug, uid),
            Subject::Repo(id) => transaction.require_repo("tenant", id, uid),
        }
    }

    /// Commits a change with its audit record, on condition that the caller's token is there. Gives the label of the part that
    /// was refused.
    async fn commit(
        &self,
        mut transaction: Transaction,
        action: &str,
        target: &str,
    ) -> Result<Option<&'static str>> {
        if let Some(key) = self.credential {
            transaction.require("token", key.clone());
        }
        self.commit_without_token(transaction, action, target).await
    }

    async fn commit_without_token(
        &self,
        mut transaction: Transaction,
        action: &str,
        target: &str,
    ) -> Result<Option<&'static str>> {
        let change = Change::begin(self.ids, self.now, self.principal);
        change.audit(&mut transaction, &self.tenant.subject.to_string(), action, target)?;
        Ok(match self.storage.commit(transaction).await? {
            Commit::Done => None,
            Commit::Refused(refusal) => Some(refusal.label),
        })
    }
}

fn refused(label: &str) -> Error {
    match label {
        "token" => Error::Unauthorized("the token was revoked meanwhile".into()),
        "tenant" => Error::Unauthorized("Invalid api token".into()),
        label => Error::internal("changing products", format!("the part '{label}' was refused")),
    }
}
