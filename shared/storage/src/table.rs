//! Reading and writing single rows.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, ReturnValue};
use futures::{StreamExt as _, TryStreamExt as _};
use granary_model::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Storage;
use crate::item::{Item, Page, item_row, key_item, number, row_item, text};
use crate::keys::{Key, Sequence, Table, Tenant};
use crate::retry::{credentials_accepted, past_transactions, store_error};
use crate::transaction::{Commit, Expression, Transaction, bindings};

/// Most keys of one batch; DynamoDB's limit.
const BATCH: usize = 100;

/// Batches that are read at the same time.
const BATCHES_AT_ONCE: usize = 8;

/// How often unprocessed keys of a batch are asked for in vain before giving up.
const BATCH_ATTEMPTS: u32 = 5;

impl Storage {
    pub(crate) fn table_name(&self, table: Table) -> &str {
        let names = &self.inner.names;
        match table {
            Table::Registry => &names.registry,
            Table::Ephemeral => &names.ephemeral,
            Table::Counters => &names.counters,
        }
    }

    /// Reads one row, strongly consistent.
    pub async fn get<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<T>> {
        self.get_item(key).await?.map(item_row).transpose()
    }

    pub(crate) async fn get_item(&self, key: &Key) -> Result<Option<Item>> {
        if !key.is_possible() {
            return Ok(None);
        }
        let output = self
            .inner
            .dynamodb
            .get_item()
            .table_name(self.table_name(key.table()))
            .set_key(Some(key_item(key)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|e| store_error("reading a row", &e))?;
        credentials_accepted();
        Ok(output.item)
    }

    /// Reads up to 100 rows in one call, strongly consistent. The answer has the items in the order of the
    /// keys.
    pub(crate) async fn batch_items(&self, keys: &[Key]) -> Result<Vec<Option<Item>>> {
        let mut found: HashMap<(String, String), Item> = HashMap::with_capacity(keys.len());
        let mut wanted: HashMap<String, Vec<Item>> = HashMap::new();
        for key in keys.iter().filter(|key| key.is_possible()) {
            wanted.entry(self.table_name(key.table()).to_owned()).or_default().push(key_item(key));
        }
        if wanted.is_empty() {
            return Ok(keys.iter().map(|_| None).collect());
        }
        let (mut left, mut in_vain): (usize, u32) = (wanted.values().map(Vec::len).sum(), 0);
        while in_vain < BATCH_ATTEMPTS {
            let mut request = self.inner.dynamodb.batch_get_item();
            for (table, keys) in std::mem::take(&mut wanted) {
                let keys = KeysAndAttributes::builder()
                    .set_keys(Some(keys))
                    .consistent_read(true)
                    .build()
                    .map_err(|e| Error::internal("describing a batch", e))?;
                request = request.request_items(table, keys);
            }
            let output = request.send().await.map_err(|e| store_error("reading rows", &e))?;
            credentials_accepted();
            for item in output.responses.into_iter().flatten().flat_map(|(_, items)| items) {
                if let (Some(AttributeValue::S(pk)), Some(AttributeValue::S(sk))) =
                    (item.get("pk"), item.get("sk"))
                {
                    found.insert((pk.clone(), sk.clone()), item);
                }
            }
            let rest = output.unprocessed_keys.unwrap_or_default();
            wanted = rest.into_iter().map(|(table, left)| (table, left.keys)).collect();
            wanted.retain(|_, keys| !keys.is_empty());
            if wanted.is_empty() {
                return Ok(keys.iter().map(|key| found.remove(&(key.pk(), key.sk()))).collect());
            }
            // An answer holds 16 MB, of one partition 1 MB: a hundred large rows take many answers, none in vain.
            let rest = wanted.values().map(Vec::len).sum();
            in_vain = if rest < left { 0 } else { in_vain + 1 };
            left = rest;
            tokio::time::sleep(std::time::Duration::from_millis(20 << in_vain)).await;
        }
        Err(Error::Unavailable("the registry's table is too busy; try again".into()))
    }

    /// Reads up to 100 rows of one type in one call, in the order of the keys. No key may come twice.
    pub async fn batch_get<T: DeserializeOwned>(&self, keys: &[Key]) -> Result<Vec<Option<T>>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        self.batch_items(keys).await?.into_iter().map(|item| item.map(item_row).transpose()).collect()
    }

    /// The same for any number of rows: one call for each hundred of them, several at the same time.
    pub async fn read_all<T: DeserializeOwned>(&self, keys: &[Key]) -> Result<Vec<Option<T>>> {
        self.all_items(keys).await?.into_iter().map(|item| item.map(item_row).transpose()).collect()
    }

    pub(crate) async fn all_items(&self, keys: &[Key]) -> Result<Vec<Option<Item>>> {
        let reads: Vec<_> = keys.chunks(BATCH).map(|batch| self.batch_items(batch)).collect();
        let batches: Vec<Vec<Option<Item>>> =
            futures::stream::iter(reads).buffered(BATCHES_AT_ONCE).try_collect().await?;
        Ok(batches.into_iter().flatten().collect())
    }

    /// Writes one row, whatever was there.
    pub async fn put<T: Serialize>(&self, key: &Key, row: &T) -> Result<()> {
        let put = self
            .inner
            .dynamodb
            .put_item()
            .table_name(self.table_name(key.table()))
            .set_item(Some(row_item(key, row)?));
        past_transactions(|| put.clone().send()).await.map_err(|e| store_error("writing a row", &e))?;
        Ok(())
    }

    /// Writes one row if there is none. `false`: there is one.
    pub async fn put_new<T: Serialize>(&self, key: &Key, row: &T) -> Result<bool> {
        let condition =
            Expression { condition: Some("attribute_not_exists(pk)".into()), ..Expression::default() };
        self.put_if(key, row, condition).await
    }

    /// Writes one row if the condition holds. `false`: it does not.
    pub(crate) async fn put_if<T: Serialize>(
        &self,
        key: &Key,
        row: &T,
        condition: Expression,
    ) -> Result<bool> {
        let (names, values) = bindings(condition.names, condition.values);
        let put = self
            .inner
            .dynamodb
            .put_item()
            .table_name(self.table_name(key.table()))
            .set_item(Some(row_item(key, row)?))
            .set_condition_expression(condition.condition)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values);
        match past_transactions(|| put.clone().send()).await {
            Ok(_) => Ok(true),
            Err(e)
                if matches!(e.as_service_error(), Some(PutItemError::ConditionalCheckFailedException(_))) =>
            {
                Ok(false)
            }
            Err(e) => Err(store_error("writing a row", &e)),
        }
    }

    /// Removes one row and gives what it was. Of those who take a row at the same time, one gets it.
    ///
    /// By a transaction, because a transaction that is repeated after a lost answer is the same one: a plain removal
    /// would find nothing the second time.
    pub async fn take<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<T>> {
        let Some(row) = self.get(key).await? else { return Ok(None) };
        let mut transaction = Transaction::new();
        transaction.delete_existing("row", key.clone());
        Ok(matches!(self.commit(transaction).await?, Commit::Done).then_some(row))
    }

    /// Removes one row.
    pub async fn delete(&self, key: &Key) -> Result<()> {
        if !key.is_possible() {
            return Ok(());
        }
        let delete = self
            .inner
            .dynamodb
            .delete_item()
            .table_name(self.table_name(key.table()))
            .set_key(Some(key_item(key)));
        past_transactions(|| delete.clone().send()).await.map_err(|e| store_error("removing a row", &e))?;
        Ok(())
    }

    /// Adds to a number of a row, making the row if need be.
    pub async fn add(&self, key: &Key, attribute: &str, amount: u64) -> Result<()> {
        let update = self
            .inner
            .dynamodb
            .update_item()
            .table_name(self.table_name(key.table()))
            .set_key(Some(key_item(key)))
            .update_expression("ADD #a :n")
            .expression_attribute_names("#a", attribute)
            .expression_attribute_values(":n", number(amount));
        past_transactions(|| update.clone().send()).await.map_err(|e| store_error("counting", &e))?;
        Ok(())
    }

    /// One page of the rows of a partition whose sort key begins with `prefix`, strongly consistent.
    ///
    /// `first` names the partition; its own sort key does not matter. `after` is the sort key to go on
    /// after, `limit` the size of the page (DynamoDB ends a page at 1 MB besides).
    ///
    /// # Errors
    /// `BadRequest` if `after` does not begin with `prefix`: a cursor that no page has given.
    pub async fn list<T: DeserializeOwned>(
        &self,
        first: &Key,
        prefix: &str,
        after: Option<&str>,
        limit: i32,
    ) -> Result<Page<T>> {
        // DynamoDB takes it for an invalid request, which would look like a store that is down.
        if after
            .is_some_and(|after| after.is_empty() || !after.starts_with(prefix) || !first.can_begin(after))
        {
            return Err(Error::BadRequest("the cursor is not one that this list has given".into()));
        }
        if !first.can_begin(prefix) {
            return Ok(Page { rows: Vec::new(), next: None });
        }
        let pk = first.pk();
        let start =
            after.map(|sk| HashMap::from([("pk".to_owned(), text(&pk)), ("sk".to_owned(), text(sk))]));
        // DynamoDB refuses a key condition with an empty text.
        let (condition, values) = if prefix.is_empty() {
            ("pk = :pk", HashMap::new())
        } else {
            ("pk = :pk AND begins_with(sk, :sk)", HashMap::from([(":sk".to_owned(), text(prefix))]))
        };
        let output = self
            .inner
            .dynamodb
            .query()
            .table_name(self.table_name(first.table()))
            .key_condition_expression(condition)
            .set_expression_attribute_values(Some(values))
            .expression_attribute_values(":pk", text(&pk))
            .consistent_read(true)
            .limit(limit)
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|e| store_error("listing rows", &e))?;
        let next = match output.last_evaluated_key.as_ref().and_then(|key| key.get("sk")) {
            Some(AttributeValue::S(sk)) => Some(sk.clone()),
            _ => None,
        };
        let rows = output.items.unwrap_or_default().into_iter().map(item_row).collect::<Result<_>>()?;
        Ok(Page { rows, next })
    }

    /// The first or the last rows of a partition whose sort keys are within bounds, both included; strongly consistent.
    ///
    /// `from` names the partition and the lower bound, `to` the upper one. The rows come in the order of their keys, or
    /// in the opposite one if `backwards`. `limit` is the most that come, and fewer do where there are no more.
    pub async fn list_between<T: DeserializeOwned>(
        &self,
        from: &Key,
        to: &Key,
        limit: usize,
        backwards: bool,
    ) -> Result<Vec<T>> {
        let (pk, low, high) = (from.pk(), from.sk(), to.sk());
        // DynamoDB refuses bounds that are the wrong way round.
        if low > high || !from.is_possible() || !to.is_possible() {
            return Ok(Vec::new());
        }
        let mut rows = Vec::new();
        let mut start = None;
        while rows.len() < limit {
            let page = i32::try_from(limit - rows.len()).unwrap_or(1000).min(1000);
            let output = self
                .inner
                .dynamodb
                .query()
                .table_name(self.table_name(from.table()))
                .key_condition_expression("pk = :pk AND sk BETWEEN :low AND :high")
                .expression_attribute_values(":pk", text(&pk))
                .expression_attribute_values(":low", text(&low))
                .expression_attribute_values(":high", text(&high))
                .consistent_read(true)
                .scan_index_forward(!backwards)
                .limit(page)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|e| store_error("listing rows", &e))?;
            for item in output.items.unwrap_or_default() {
                rows.push(item_row(item)?);
            }
            start = output.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        Ok(rows)
    }

    /// The next number of a seller's sequence, from 1. Numbers that were drawn and not used leave gaps.
    pub async fn next_number(&self, tenant: &Tenant, sequence: Sequence) -> Result<u64> {
        let key = Key::Sequence(tenant.clone(), sequence);
        let update = self
            .inner
            .dynamodb
            .update_item()
            .table_name(self.table_name(key.table()))
            .set_key(Some(key_item(&key)))
            .update_expression("ADD #last :one")
            .expression_attribute_names("#last", "last")
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::UpdatedNew);
        let output =
            past_transactions(|| update.clone().send()).await.map_err(|e| store_error("counting", &e))?;
        let last = output.attributes.as_ref().and_then(|item| item.get("last"));
        last.and_then(|value| value.as_n().ok())
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| Error::internal("counting", "the store has not said the number"))
    }

    /// All rows of a partition whose sort key begins with `prefix`.
    pub async fn list_all<T: DeserializeOwned>(&self, first: &Key, prefix: &str) -> Result<Vec<T>> {
        let mut rows = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = self.list(first, prefix, after.as_deref(), 1000).await?;
            rows.extend(page.rows);
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(rows),
            }
        }
    }
}
