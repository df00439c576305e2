//! The parts of a publish that the rows of several families share: blobs, usage, live repositories.

use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use granary_model::{Error, RepoId, Result, Sha256, Timestamp};

use crate::Storage;
use crate::item::{key_item, number, text};
use crate::keys::{Key, PackageKey};
use crate::retry::{past_transactions, store_error};
use crate::rows::{HolderRow, StoredFileRow};
use crate::transaction::{Expression, Transaction, bindings};

/// How long a claim on a blob lasts: much longer than any publish takes from claim to commit.
pub const CLAIM_MILLIS: i64 = 3_600_000;

/// How long clean-up has a blob to itself: much longer than removing an object takes.
pub const DOOM_MILLIS: i64 = 300_000;

/// A change of what a version's row says of its files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Growth {
    /// Bytes added or removed.
    pub bytes: i64,
    /// Files added or removed.
    pub files: i64,
    /// The facts from now on, if they change.
    pub facts: Option<Vec<u8>>,
    /// Whether the version is complete from now on; counts only with `facts`.
    pub complete: bool,
    /// Whether it was complete when the change was worked out; counts only with `facts`. Of several files that
    /// complete a version at the same time, only one must count it as completed.
    pub was_complete: bool,
}

/// A change of a repository's usage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UsageChange {
    /// Bytes added or removed.
    pub bytes: i64,
    /// Versions added or removed.
    pub versions: i64,
    /// Packages added or removed.
    pub packages: i64,
}

impl UsageChange {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_add(other.bytes),
            versions: self.versions + other.versions,
            packages: self.packages + other.packages,
        }
    }
}

impl Transaction {
    /// Refuses the transaction unless the repository is the one that was authorised and still alive.
    pub fn require_repo(&mut self, label: &'static str, repo: &RepoId, uid: &str) {
        let expression = Expression {
            condition: Some("uid = :uid AND deleting = :no".into()),
            values: vec![(":uid", text(uid)), (":no", AttributeValue::Bool(false))],
            ..Expression::default()
        };
        self.check(label, Key::Repo(repo.clone()), expression);
    }

    /// The same, and unless its row is the one that was read, settings and all.
    pub fn require_repo_rev(&mut self, label: &'static str, repo: &RepoId, uid: &str, rev: u64) {
        let expression = Expression {
            condition: Some("uid = :uid AND deleting = :no AND rev = :rev".into()),
            values: vec![(":uid", text(uid)), (":no", AttributeValue::Bool(false)), (":rev", number(rev))],
            ..Expression::default()
        };
        self.check(label, Key::Repo(repo.clone()), expression);
    }

    /// Refuses the transaction unless this very repository is being deleted: clean-up that was held up must
    /// not touch a new repository of the same name.
    pub fn require_deleting(&mut self, label: &'static str, repo: &RepoId, uid: &str) {
        self.check(label, Key::Repo(repo.clone()), being_deleted(uid));
    }

    /// Removes the row of a repository that is being deleted, under the same condition.
    pub fn delete_repo(&mut self, label: &'static str, repo: &RepoId, uid: &str) {
        self.delete_if(label, Key::Repo(repo.clone()), being_deleted(uid));
    }

    /// Counts more files that hold these bytes. Refused unless the digest is claimed.
    pub fn hold_blob(&mut self, label: &'static str, digest: Sha256, files: u64, now: Timestamp) {
        let expression = Expression {
            update: "ADD refs :files".into(),
            condition: Some("claimed_until > :now AND doomed = :no".into()),
            values: vec![
                (":files", number(files)),
                (":now", number(now.millis())),
                (":no", AttributeValue::Bool(false)),
            ],
            ..Expression::default()
        };
        self.update(label, Key::Blob(digest), expression);
    }

    /// Changes what a repository keeps of upstreams. With `quota`, refused if that would then be more bytes: they are counted
    /// by themselves, so that what is fetched never leaves no room for what is published.
    pub fn change_cache(
        &mut self,
        label: &'static str,
        repo: &RepoId,
        (bytes, versions): (i64, i64),
        quota: Option<u64>,
    ) {
        let (condition, room) = within(quota, bytes, "cached_bytes").unzip();
        let mut values = vec![(":bytes", number(bytes)), (":versions", number(versions))];
        values.extend(room);
        let expression = Expression {
            update: "ADD cached_bytes :bytes, cached_versions :versions".into(),
            condition,
            values,
            ..Expression::default()
        };
        self.update(label, Key::Usage(repo.clone()), expression);
    }

    /// Refuses the transaction unless the package comes from the upstream with this `uid`.
    pub fn require_upstream(&mut self, label: &'static str, package: &PackageKey, uid: &str) {
        let expression = Expression {
            condition: Some("upstream.uid = :upstream".into()),
            values: vec![(":upstream", text(uid))],
            ..Expression::default()
        };
        self.check(label, Key::Head(package.clone()), expression);
    }

    /// Leaves a hint that a file of the owner holds these bytes.
    pub fn hint_holder(
        &mut self,
        label: &'static str,
        owner: String,
        digest: Sha256,
        holder: &HolderRow,
    ) -> Result<()> {
        self.put(label, &Key::Holder(owner, digest, holder.package.repo.clone()), holder)
    }

    /// Replaces the row of a file whose bytes must still be these.
    pub fn replace_file(
        &mut self,
        label: &'static str,
        key: &Key,
        row: &StoredFileRow,
        before: Sha256,
    ) -> Result<()> {
        let condition = Expression {
            condition: Some("sha256 = :before AND #status = :live".into()),
            names: vec![("#status", "status".into())],
            values: vec![(":before", text(before.to_string())), (":live", text("live"))],
            ..Expression::default()
        };
        self.put_if(label, key, row, condition)
    }

    /// Removes the row of a file that must still have these bytes.
    pub fn remove_file(&mut self, label: &'static str, key: Key, before: Sha256) {
        let condition = Expression {
            condition: Some("sha256 = :before".into()),
            values: vec![(":before", text(before.to_string()))],
            ..Expression::default()
        };
        self.delete_if(label, key, condition);
    }

    /// Turns a version whose files have rows of their own into a tombstone. Refused unless it is live and has
    /// as many files and bytes as were counted.
    pub fn bury_version(&mut self, label: &'static str, key: Key, bytes: u64, files: u64) {
        let expression = Expression {
            update: "SET #status = :gone, #size = :zero, file_count = :zero, facts = :empty".into(),
            condition: Some("#status = :live AND #size = :bytes AND file_count = :files".into()),
            names: vec![("#size", "size".into()), ("#status", "status".into())],
            values: vec![
                (":gone", text("tombstone")),
                (":live", text("live")),
                (":bytes", number(bytes)),
                (":files", number(files)),
                (":zero", number(0)),
                (":empty", AttributeValue::B(Vec::new().into())),
            ],
        };
        self.update(label, key, expression);
    }

    /// Changes what a version's row says of its files. Refused unless the version is live.
    pub fn grow_version(&mut self, label: &'static str, key: Key, growth: Growth) {
        let mut expression = Expression {
            update: "ADD #size :bytes, file_count :files".into(),
            condition: Some("#status = :live".into()),
            names: vec![("#size", "size".into()), ("#status", "status".into())],
            values: vec![
                (":bytes", number(growth.bytes)),
                (":files", number(growth.files)),
                (":live", text("live")),
            ],
        };
        if let Some(facts) = growth.facts {
            expression.update.push_str(" SET facts = :facts, complete = :complete");
            expression.condition = Some("#status = :live AND complete = :was".into());
            expression.values.push((":was", AttributeValue::Bool(growth.was_complete)));
            expression.values.push((":facts", AttributeValue::B(facts.into())));
            expression.values.push((":complete", AttributeValue::Bool(growth.complete)));
        }
        self.update(label, key, expression);
    }

    /// Counts one file less that holds these bytes.
    pub fn release_blob(&mut self, label: &'static str, digest: Sha256, files: u64) {
        let expression = Expression {
            update: "ADD refs :less".into(),
            condition: Some("refs >= :files".into()),
            values: vec![(":less", number(format!("-{files}"))), (":files", number(files))],
            ..Expression::default()
        };
        self.update(label, Key::Blob(digest), expression);
    }
}

/// What a change of a repository's usage does to its row.
pub(crate) fn usage_change(change: UsageChange, quota: Option<u64>) -> Expression {
    let mut expression = Expression {
        update: "ADD #bytes :bytes, #versions :versions, #packages :packages".into(),
        names: vec![
            ("#bytes", "bytes".into()),
            ("#versions", "versions".into()),
            ("#packages", "packages".into()),
        ],
        values: vec![
            (":bytes", number(change.bytes)),
            (":versions", number(change.versions)),
            (":packages", number(change.packages)),
        ],
        ..Expression::default()
    };
    if let Some((condition, room)) = within(quota, change.bytes, "#bytes") {
        expression.condition = Some(condition);
        expression.values.push(room);
    }
    expression
}

/// The condition that a count and this many bytes more are within the quota, with its value. None is needed where bytes go.
fn within(quota: Option<u64>, bytes: i64, count: &str) -> Option<(String, (&'static str, AttributeValue))> {
    let (quota, bytes) = (quota?, u64::try_from(bytes).ok()?);
    // A file larger than the whole quota must not pass as the first one.
    let room = quota.checked_sub(bytes).map_or_else(|| number(-1), number);
    let first = if bytes > quota { String::new() } else { format!("attribute_not_exists({count}) OR ") };
    Some((format!("{first}{count} <= :room"), (":room", room)))
}

fn being_deleted(uid: &str) -> Expression {
    Expression {
        condition: Some("uid = :uid AND deleting = :yes".into()),
        values: vec![(":uid", text(uid)), (":yes", AttributeValue::Bool(true))],
        ..Expression::default()
    }
}

impl Storage {
    /// Claims a digest before its bytes are stored, so that clean-up leaves them alone.
    ///
    /// # Errors
    /// `Unavailable` while clean-up is removing the same bytes; trying again a little later is right.
    pub async fn claim_blob(&self, digest: Sha256, now: Timestamp) -> Result<()> {
        let expression = Expression {
            update: "SET claimed_until = :until, doomed = :no ADD refs :zero".into(),
            condition: Some("attribute_not_exists(pk) OR doomed = :no".into()),
            values: vec![
                (":until", number(now.plus_millis(CLAIM_MILLIS).millis())),
                (":no", AttributeValue::Bool(false)),
                (":zero", number(0)),
            ],
            ..Expression::default()
        };
        if self.update_if(&Key::Blob(digest), expression, "claiming a file").await? {
            return Ok(());
        }
        Err(Error::Unavailable(
            "these bytes were deleted a moment ago and are still being removed; try again".into(),
        ))
    }

    /// Dooms a blob that no file holds and nobody has claimed lately. `false`: it has to stay, or is being
    /// removed by another clean-up already.
    ///
    /// Only one clean-up at a time, because the bytes may be stored again as soon as the first one is done,
    /// and the second one must not remove those. `by` names the clean-up, so that a call that is repeated after a lost
    /// answer is not taken for another one's.
    pub async fn doom_blob(&self, digest: Sha256, now: Timestamp, by: &str) -> Result<bool> {
        let expression = Expression {
            update: "SET doomed = :yes, doomed_until = :until, doomed_by = :by".into(),
            condition: Some(
                "attribute_exists(pk) AND refs = :zero AND claimed_until < :now AND (doomed <> :yes OR doomed_until < :now \
                 OR doomed_by = :by)"
                    .into(),
            ),
            values: vec![
                (":until", number(now.plus_millis(DOOM_MILLIS).millis())),
                (":by", text(by)),
                (":yes", AttributeValue::Bool(true)),
                (":zero", number(0)),
                (":now", number(now.millis())),
            ],
            ..Expression::default()
        };
        self.update_if(&Key::Blob(digest), expression, "removing a file").await
    }

    /// Removes the row of a blob that the clean-up `by` has doomed and whose bytes are gone. If it is another row by
    /// now, because this is a call repeated after a lost answer, that one stays.
    pub async fn remove_doomed(&self, digest: Sha256, by: &str) -> Result<()> {
        let condition = Expression {
            condition: Some("doomed_by = :by AND doomed = :yes".into()),
            values: vec![(":by", text(by)), (":yes", AttributeValue::Bool(true))],
            ..Expression::default()
        };
        self.delete_if(&Key::Blob(digest), condition, "removing a file").await
    }

    /// Removes a row if the condition holds; otherwise it stays.
    pub(crate) async fn delete_if(&self, key: &Key, condition: Expression, context: &str) -> Result<()> {
        let (names, values) = bindings(condition.names, condition.values);
        let delete = self
            .inner
            .dynamodb
            .delete_item()
            .table_name(self.table_name(key.table()))
            .set_key(Some(key_item(key)))
            .set_condition_expression(condition.condition)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values);
        match past_transactions(|| delete.clone().send()).await {
            Ok(_) => Ok(()),
            Err(e)
                if matches!(
                    e.as_service_error(),
                    Some(DeleteItemError::ConditionalCheckFailedException(_))
                ) =>
            {
                Ok(())
            }
            Err(e) => Err(store_error(context, &e)),
        }
    }

    /// Updates a row if the expression's condition holds. `false`: it does not.
    pub(crate) async fn update_if(&self, key: &Key, expression: Expression, context: &str) -> Result<bool> {
        let (names, values) = bindings(expression.names, expression.values);
        let update = self
            .inner
            .dynamodb
            .update_item()
            .table_name(self.table_name(key.table()))
            .set_key(Some(key_item(key)))
            .update_expression(expression.update)
            .set_condition_expression(expression.condition)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values);
        match past_transactions(|| update.clone().send()).await {
            Ok(_) => Ok(true),
            Err(e)
                if matches!(
                    e.as_service_error(),
                    Some(UpdateItemError::ConditionalCheckFailedException(_))
                ) =>
            {
                Ok(false)
            }
            Err(e) => Err(store_error(context, &e)),
        }
    }
}
