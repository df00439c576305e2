//! Customers of sellers: their keys are written straight into the table, as the functions for sellers would do it.

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use granary_model::{CustomerKey, PackageType, RandomIds};
use granary_storage::rows::{
    ConsumerRow, HeadRow, LicenceConstraint, LicenceRow, OnExpiry, Permission, SoldAs, SoldPackageRow,
    VersionRow,
};
use granary_storage::{Commit, Key, PackageKey, Subject, Tenant, Transaction};

use crate::{Actor, TestApp};

/// A customer with the key of a licence.
#[derive(Debug, Clone)]
pub struct Licensed {
    /// Sends the key as Bearer token.
    pub actor: Actor,
    /// The licence as it is stored.
    pub row: LicenceRow,
}

/// A customer with a key pair.
#[derive(Debug, Clone)]
pub struct Consuming {
    /// Sends the pair as Basic credentials.
    pub actor: Actor,
    /// The consumer as it is stored.
    pub row: ConsumerRow,
}

/// What a user sells on their own, not for an organisation.
pub fn tenant_of(user: &str) -> Tenant {
    Tenant { subject: Subject::User(user.parse().unwrap()), uid: None }
}

impl TestApp {
    /// A licence of a user for packages, without a limit unless `change` sets one. The key is a new one, unless it is
    /// changed as well.
    pub async fn licence(
        &self,
        owner: &str,
        packages: &[&str],
        change: impl FnOnce(&mut LicenceRow),
    ) -> Licensed {
        self.licence_of(tenant_of(owner), packages, change).await
    }

    /// The same for any seller.
    pub async fn licence_of(
        &self,
        tenant: Tenant,
        packages: &[&str],
        change: impl FnOnce(&mut LicenceRow),
    ) -> Licensed {
        let now = self.state().now();
        let key = CustomerKey::generate_licence(&RandomIds);
        let mut row = LicenceRow {
            // Tests do not list licences in the order of their ids.
            id: key.expose().to_lowercase(),
            tenant,
            name: "Test".into(),
            key,
            constraint: LicenceConstraint::None,
            on_expiry: OnExpiry::Revoke,
            suspended: false,
            meta: None,
            packages: packages.iter().map(|name| (*name).to_owned()).collect(),
            created_at: now,
            updated_at: now,
            rev: 1,
        };
        change(&mut row);
        self.save_licence(&row).await;
        Licensed { actor: self.token(row.key.expose()), row }
    }

    /// Changes a licence, as its seller would.
    pub async fn change_licence(&self, licensed: &mut Licensed, change: impl FnOnce(&mut LicenceRow)) {
        change(&mut licensed.row);
        licensed.row.rev += 1;
        licensed.row.updated_at = self.state().now();
        self.save_licence(&licensed.row).await;
    }

    async fn save_licence(&self, row: &LicenceRow) {
        let mut transaction = Transaction::new();
        transaction.put("key", &Key::LicenceKey(row.key.licence_hash()), row).unwrap();
        transaction.put("licence", &Key::Licence(row.tenant.clone(), row.id.clone()), row).unwrap();
        assert!(matches!(self.state().storage().commit(transaction).await.unwrap(), Commit::Done));
    }

    /// A consumer of a user, with permissions for packages by their numbers: each a range of versions.
    pub async fn consumer(&self, owner: &str, permissions: &[(u64, &str)]) -> Consuming {
        self.consumer_of(tenant_of(owner), permissions).await
    }

    /// The same for any seller.
    pub async fn consumer_of(&self, tenant: Tenant, permissions: &[(u64, &str)]) -> Consuming {
        let now = self.state().now();
        let sequence = granary_storage::Sequence::Consumers;
        let id = self.state().storage().next_number(&tenant, sequence).await.unwrap();
        let row = ConsumerRow {
            id,
            tenant,
            email: "customer@example.com".into(),
            public_key: CustomerKey::generate_half(&RandomIds),
            private_key: CustomerKey::generate_half(&RandomIds),
            permissions: (1..)
                .zip(permissions)
                .map(|(id, (package_id, version))| {
                    let version = (*version).to_owned();
                    (id, Permission { package_id: *package_id, version, created_at: now, updated_at: now })
                })
                .collect(),
            created_at: now,
            updated_at: now,
            changed_at: now,
            rev: 1,
        };
        self.save_consumer(&row).await;
        let actor = self.basic(row.public_key.expose(), row.private_key.expose());
        Consuming { actor, row }
    }

    /// Changes a consumer, as its seller would.
    pub async fn change_consumer(&self, consuming: &mut Consuming, change: impl FnOnce(&mut ConsumerRow)) {
        change(&mut consuming.row);
        consuming.row.rev += 1;
        consuming.row.updated_at = self.state().now();
        consuming.row.changed_at = self.state().now();
        self.save_consumer(&consuming.row).await;
    }

    async fn save_consumer(&self, row: &ConsumerRow) {
        let mut transaction = Transaction::new();
        transaction.put("key", &Key::ConsumerKey(row.public_key.consumer_hash()), row).unwrap();
        transaction.put("consumer", &Key::Consumer(row.tenant.clone(), row.id), row).unwrap();
        assert!(matches!(self.state().storage().commit(transaction).await.unwrap(), Commit::Done));
    }

    /// Somebody with Basic credentials.
    pub fn basic(&self, user: &str, password: &str) -> Actor {
        let credentials = STANDARD.encode(format!("{user}:{password}"));
        Actor::new(self.app.clone(), Some(format!("Basic {credentials}")))
    }

    /// Puts a published package of a user up for sale under a number, by which consumers are given permissions.
    pub async fn sell(&self, owner: &str, package: &PackageKey, id: u64) {
        let tenant = tenant_of(owner);
        let sold = SoldAs { tenant: tenant.clone(), id };
        let head = self.change_head(package, |head| head.sold_as = Some(sold)).await;
        let now = self.state().now();
        let row = SoldPackageRow {
            id,
            repo: package.repo.clone(),
            repo_uid: head.repo_uid,
            kind: package.kind,
            name: package.name.clone(),
            description: None,
            enabled: true,
            created_at: now,
            updated_at: now,
            rev: 1,
        };
        self.state().storage().put(&Key::SoldPackage(tenant, id), &row).await.unwrap();
    }

    /// Hides a package from customers, or shows it again.
    pub async fn hide_package(&self, package: &PackageKey, hidden: bool) {
        self.change_head(package, |head| head.hidden = hidden).await;
    }

    /// Hides a version from customers, or shows it again.
    pub async fn hide_version(&self, package: &PackageKey, version: &str, hidden: bool) {
        self.change_version(package, version, |row| row.hidden = hidden).await;
    }

    /// Changes the row of a version, and counts it in the head as every change is.
    pub async fn change_version(
        &self,
        package: &PackageKey,
        version: &str,
        change: impl FnOnce(&mut VersionRow),
    ) {
        let key = Key::Version(package.clone(), version.into());
        let mut row: VersionRow = self.state().storage().get(&key).await.unwrap().unwrap();
        change(&mut row);
        self.state().storage().put(&key, &row).await.unwrap();
        self.change_head(package, |_| ()).await;
    }

    /// Changes the head of a package.
    pub async fn change_head(&self, package: &PackageKey, change: impl FnOnce(&mut HeadRow)) -> HeadRow {
        let key = Key::Head(package.clone());
        let mut head: HeadRow = self.state().storage().get(&key).await.unwrap().unwrap();
        change(&mut head);
        head.rev += 1;
        head.modified_at = self.state().now().millis();
        self.state().storage().put(&key, &head).await.unwrap();
        head
    }

    /// The key of a package of any protocol.
    pub fn key_of(&self, repo: &str, kind: PackageType, name: &str) -> PackageKey {
        PackageKey { repo: repo.parse().unwrap(), kind, name: name.into() }
    }
}

/// What a caller can tell by asking for something that is not there for it.
///
/// That is each answer to `GET` and `HEAD`, conditions and ranges included, and to the other methods and headers that a
/// protocol knows. The last two are a name in the path and what stands for it in the answers, so that those for two
/// names can be compared.
pub async fn answers(
    actor: &Actor,
    path: &str,
    (methods, headers): (&[&str], &[(&str, &str)]),
    (from, to): (&str, &str),
) -> Vec<String> {
    let conditions = [
        ("if-none-match", "*"),
        ("if-modified-since", "Thu, 01 Jan 2099 00:00:00 GMT"),
        ("range", "bytes=0-0"),
    ];
    let mut answers = Vec::new();
    for header in [None].into_iter().chain(conditions.iter().chain(headers).map(Some)) {
        let header: Vec<(&str, &str)> = header.into_iter().copied().collect();
        for method in ["GET", "HEAD"].iter().chain(methods) {
            let response = actor.request(method, path, &header, Body::empty()).await;
            assert!(matches!(response.status, 400 | 404 | 405), "{method} {path}: {}", response.text());
            answers.push(format!("{:?}", response.visible()).replace(from, to));
        }
    }
    answers
}
