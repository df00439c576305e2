//! Writing many rows at once.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::{PutRequest, WriteRequest};
use granary_model::{Error, Result};
use serde::Serialize;

use crate::Storage;
use crate::item::row_item;
use crate::keys::Key;
use crate::retry::{past_transactions, store_error};

/// Most rows of one call; DynamoDB's limit.
const BATCH: usize = 25;

/// How often rows that were left over are written in vain before giving up.
const BATCH_ATTEMPTS: u32 = 5;

impl Storage {
    /// Writes any number of rows, whatever was there, 25 a call and one call after the other. No key may come twice.
    ///
    /// It is no transaction, and checks and counts nothing: neither whether a row is there already, nor whether a
    /// repository is still alive, nor usage, references of bytes, audit records and events. So it is for filling a
    /// registry that nobody uses yet. Some rows may be written when it fails.
    ///
    /// # Errors
    /// `Unavailable` if the table refuses a call, or goes on leaving rows over.
    pub async fn put_all<T: Serialize>(&self, rows: &[(Key, T)]) -> Result<()> {
        for batch in rows.chunks(BATCH) {
            let mut puts: HashMap<String, Vec<WriteRequest>> = HashMap::new();
            for (key, row) in batch {
                let put = PutRequest::builder().set_item(Some(row_item(key, row)?)).build();
                let put = put.map_err(|e| Error::internal("describing a batch", e))?;
                let table = self.table_name(key.table()).to_owned();
                puts.entry(table).or_default().push(WriteRequest::builder().put_request(put).build());
            }
            self.write_batch(puts).await?;
        }
        Ok(())
    }

    /// Makes one call, and makes it again for what was left over: a table may be too busy for a part of it.
    async fn write_batch(&self, mut puts: HashMap<String, Vec<WriteRequest>>) -> Result<()> {
        let count = |puts: &HashMap<String, Vec<WriteRequest>>| puts.values().map(Vec::len).sum::<usize>();
        let (mut left, mut in_vain): (usize, u32) = (count(&puts), 0);
        while in_vain < BATCH_ATTEMPTS {
            let call = self.inner.dynamodb.batch_write_item().set_request_items(Some(puts));
            let output = past_transactions(|| call.clone().send())
                .await
                .map_err(|e| store_error("writing rows", &e))?;
            puts = output.unprocessed_items.unwrap_or_default();
            puts.retain(|_, puts| !puts.is_empty());
            if puts.is_empty() {
                return Ok(());
            }
            let rest = count(&puts);
            in_vain = if rest < left { 0 } else { in_vain + 1 };
            left = rest;
            tokio::time::sleep(Duration::from_millis(20 << in_vain)).await;
        }
        Err(Error::Unavailable("the registry's table is too busy; try again".into()))
    }
}
