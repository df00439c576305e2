//! Several rows changed together or not at all.

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, Update,
};
use granary_model::{Error, RepoId, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Storage;
use crate::item::{Item, item_row, key_item, row_item};
use crate::keys::{Key, Table};
use crate::publishing::{UsageChange, usage_change};
use crate::retry::{CONFLICT_ATTEMPTS, backoff, store_error};

/// What became of a transaction.
#[derive(Debug)]
pub enum Commit {
    /// Everything is written.
    Done,
    /// Nothing is written, because the condition of one part did not hold.
    Refused(Refusal),
}

/// Which part of a transaction was refused, and what is there instead.
#[derive(Debug)]
pub struct Refusal {
    /// The label the part was added with.
    pub label: &'static str,
    /// How many parts were added before it.
    pub position: usize,
    old: Option<Item>,
}

impl Refusal {
    /// The row that stands in the way, if there is one.
    pub fn existing<T: DeserializeOwned>(self) -> Result<Option<T>> {
        self.old.map(item_row).transpose()
    }
}

/// An expression with its names and values, as DynamoDB wants them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Expression {
    pub(crate) update: String,
    pub(crate) condition: Option<String>,
    pub(crate) names: Vec<(&'static str, String)>,
    pub(crate) values: Vec<(&'static str, AttributeValue)>,
}

enum Part {
    Put { table: Table, item: Item, condition: Option<Expression> },
    Update { key: Key, expression: Expression },
    Check { key: Key, expression: Expression },
    Delete { key: Key, expression: Expression },
    Usage { repo: RepoId, change: UsageChange, quota: Option<u64> },
}

/// A transaction under construction. At most 100 parts, each on a row of its own.
#[derive(Default)]
pub struct Transaction {
    parts: Vec<(&'static str, Part)>,
}

impl Transaction {
    /// An empty transaction.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes a row that must not exist yet.
    pub fn put_new<T: Serialize>(&mut self, label: &'static str, key: &Key, row: &T) -> Result<()> {
        let condition =
            Expression { condition: Some("attribute_not_exists(pk)".into()), ..Expression::default() };
        self.parts.push((
            label,
            Part::Put { table: key.table(), item: row_item(key, row)?, condition: Some(condition) },
        ));
        Ok(())
    }

    /// Writes a row, whatever is there.
    pub fn put<T: Serialize>(&mut self, label: &'static str, key: &Key, row: &T) -> Result<()> {
        self.parts
            .push((label, Part::Put { table: key.table(), item: row_item(key, row)?, condition: None }));
        Ok(())
    }

    pub(crate) fn put_if<T: Serialize>(
        &mut self,
        label: &'static str,
        key: &Key,
        row: &T,
        condition: Expression,
    ) -> Result<()> {
        let item = row_item(key, row)?;
        self.parts.push((label, Part::Put { table: key.table(), item, condition: Some(condition) }));
        Ok(())
    }

    /// Replaces a row whose `rev` must still be `rev`; with `None` the row must not exist.
    pub fn put_rev<T: Serialize>(
        &mut self,
        label: &'static str,
        key: &Key,
        row: &T,
        rev: Option<u64>,
    ) -> Result<()> {
        let condition = match rev {
            None => {
                Expression { condition: Some("attribute_not_exists(pk)".into()), ..Expression::default() }
            }
            Some(rev) => Expression {
                condition: Some("rev = :expected".into()),
                values: vec![(":expected", crate::item::number(rev))],
                ..Expression::default()
            },
        };
        self.parts.push((
            label,
            Part::Put { table: key.table(), item: row_item(key, row)?, condition: Some(condition) },
        ));
        Ok(())
    }

    /// Puts the part that was added last before all others. Of several parts whose conditions do not hold, the first one is told
    /// of: this one is to be known as the reason.
    pub fn put_last_first(&mut self) {
        self.parts.rotate_right(1);
    }

    /// Removes a row; it is no matter if there is none.
    pub fn delete(&mut self, label: &'static str, key: Key) {
        self.parts.push((label, Part::Delete { key, expression: Expression::default() }));
    }

    /// Removes a row that must exist.
    pub fn delete_existing(&mut self, label: &'static str, key: Key) {
        let expression =
            Expression { condition: Some("attribute_exists(pk)".into()), ..Expression::default() };
        self.parts.push((label, Part::Delete { key, expression }));
    }

    /// Removes a row whose `rev` must still be `rev`.
    pub fn delete_rev(&mut self, label: &'static str, key: Key, rev: u64) {
        let expression = Expression {
            condition: Some("rev = :expected".into()),
            values: vec![(":expected", crate::item::number(rev))],
            ..Expression::default()
        };
        self.parts.push((label, Part::Delete { key, expression }));
    }

    /// Refuses the transaction unless the row exists.
    pub fn require(&mut self, label: &'static str, key: Key) {
        let expression =
            Expression { condition: Some("attribute_exists(pk)".into()), ..Expression::default() };
        self.check(label, key, expression);
    }

    /// How many parts there are.
    pub fn parts(&self) -> usize {
        self.parts.len()
    }

    /// Changes a repository's usage. With `quota`, refused if it would then hold more bytes than that. Several changes of
    /// one repository add up: a row has one part of a transaction at most.
    pub fn change_usage(
        &mut self,
        label: &'static str,
        repo: &RepoId,
        change: UsageChange,
        quota: Option<u64>,
    ) {
        let same = self.parts.iter_mut().find_map(|(_, part)| match part {
            Part::Usage { repo: other, change, quota } if other == repo => Some((change, quota)),
            _ => None,
        });
        let Some((sum, limit)) = same else {
            self.parts.push((label, Part::Usage { repo: repo.clone(), change, quota }));
            return;
        };
        *sum = sum.and(change);
        *limit = (*limit).min(quota).or(*limit).or(quota);
    }

    pub(crate) fn delete_if(&mut self, label: &'static str, key: Key, expression: Expression) {
        self.parts.push((label, Part::Delete { key, expression }));
    }

    pub(crate) fn check(&mut self, label: &'static str, key: Key, expression: Expression) {
        self.parts.push((label, Part::Check { key, expression }));
    }

    pub(crate) fn update(&mut self, label: &'static str, key: Key, expression: Expression) {
        self.parts.push((label, Part::Update { key, expression }));
    }
}

impl Storage {
    /// Commits a transaction. Meeting another transaction on the same row is no refusal: it is tried
    /// again, a little later each time.
    pub async fn commit(&self, transaction: Transaction) -> Result<Commit> {
        let labels: Vec<&'static str> = transaction.parts.iter().map(|(label, _)| *label).collect();
        let items: Vec<TransactWriteItem> =
            transaction.parts.into_iter().map(|(_, part)| self.transact_item(part)).collect::<Result<_>>()?;
        for attempt in 0..CONFLICT_ATTEMPTS {
            let result = self
                .inner
                .dynamodb
                .transact_write_items()
                .set_transact_items(Some(items.clone()))
                .send()
                .await;
            let Err(error) = result else { return Ok(Commit::Done) };
            let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
                error.as_service_error()
            else {
                return Err(store_error("committing a change", &error));
            };
            let reasons = cancelled.cancellation_reasons();
            if let Some(refusal) = refusal(&labels, reasons) {
                return Ok(Commit::Refused(refusal));
            }
            if !reasons.iter().any(|reason| reason.code().is_some_and(passes_by)) {
                return Err(store_error("committing a change", &error));
            }
            tokio::time::sleep(backoff(attempt)).await;
        }
        Err(Error::Unavailable("too many changes of the same thing at once; try again".into()))
    }

    fn transact_item(&self, part: Part) -> Result<TransactWriteItem> {
        let old = ReturnValuesOnConditionCheckFailure::AllOld;
        let defect = |e| Error::internal("describing a transaction", e);
        Ok(match part {
            Part::Put { table, item, condition } => {
                let expression = condition.unwrap_or_default();
                let (names, values) = bindings(expression.names, expression.values);
                let put = Put::builder()
                    .table_name(self.table_name(table))
                    .set_item(Some(item))
                    .set_condition_expression(expression.condition)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .return_values_on_condition_check_failure(old);
                TransactWriteItem::builder().put(put.build().map_err(defect)?).build()
            }
            Part::Usage { repo, change, quota } => {
                let expression = usage_change(change, quota);
                return self.transact_item(Part::Update { key: Key::Usage(repo), expression });
            }
            Part::Update { key, expression } => {
                let (names, values) = bindings(expression.names, expression.values);
                let update = Update::builder()
                    .table_name(self.table_name(key.table()))
                    .set_key(Some(key_item(&key)))
                    .update_expression(expression.update)
                    .set_condition_expression(expression.condition)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .return_values_on_condition_check_failure(old);
                TransactWriteItem::builder().update(update.build().map_err(defect)?).build()
            }
            Part::Check { key, expression } => {
                let (names, values) = bindings(expression.names, expression.values);
                let check = ConditionCheck::builder()
                    .table_name(self.table_name(key.table()))
                    .set_key(Some(key_item(&key)))
                    .condition_expression(expression.condition.unwrap_or_default())
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .return_values_on_condition_check_failure(old);
                TransactWriteItem::builder().condition_check(check.build().map_err(defect)?).build()
            }
            Part::Delete { key, expression } => {
                let (names, values) = bindings(expression.names, expression.values);
                let delete = Delete::builder()
                    .table_name(self.table_name(key.table()))
                    .set_key(Some(key_item(&key)))
                    .set_condition_expression(expression.condition)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .return_values_on_condition_check_failure(old);
                TransactWriteItem::builder().delete(delete.build().map_err(defect)?).build()
            }
        })
    }
}

pub(crate) type Bindings = (
    Option<std::collections::HashMap<String, String>>,
    Option<std::collections::HashMap<String, AttributeValue>>,
);

/// The names and values of an expression; `None` where there are none, because empty maps are refused.
pub(crate) fn bindings(
    names: Vec<(&'static str, String)>,
    values: Vec<(&'static str, AttributeValue)>,
) -> Bindings {
    let names = (!names.is_empty()).then(|| names.into_iter().map(|(k, v)| (k.to_owned(), v)).collect());
    let values = (!values.is_empty()).then(|| values.into_iter().map(|(k, v)| (k.to_owned(), v)).collect());
    (names, values)
}

/// Whether a transaction was cancelled for a reason that does not last. The SDK repeats calls that are throttled as a
/// whole, but not those of which one part is.
fn passes_by(code: &str) -> bool {
    matches!(code, "TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded")
}

/// The first part whose condition did not hold.
fn refusal(labels: &[&'static str], reasons: &[CancellationReason]) -> Option<Refusal> {
    labels
        .iter()
        .zip(reasons)
        .enumerate()
        .find(|(_, (_, reason))| reason.code() == Some("ConditionalCheckFailed"))
        .map(|(position, (label, reason))| Refusal { label, position, old: reason.item().cloned() })
}
