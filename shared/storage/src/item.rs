//! Rows to items and back.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use granary_model::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::keys::Key;

pub(crate) type Item = HashMap<String, AttributeValue>;

/// One page of a list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The rows, in the order of their sort keys.
    pub rows: Vec<T>,
    /// Sort key to go on after, if there is more.
    pub next: Option<String>,
}

/// The key attributes of a row.
pub(crate) fn key_item(key: &Key) -> Item {
    HashMap::from([
        ("pk".to_owned(), AttributeValue::S(key.pk())),
        ("sk".to_owned(), AttributeValue::S(key.sk())),
    ])
}

/// A whole item: the row and its key.
pub(crate) fn row_item<T: Serialize>(key: &Key, row: &T) -> Result<Item> {
    let mut item: Item = serde_dynamo::to_item(row).map_err(|e| Error::internal("writing a row", e))?;
    item.extend(key_item(key));
    Ok(item)
}

/// The row in an item.
pub(crate) fn item_row<T: DeserializeOwned>(item: Item) -> Result<T> {
    serde_dynamo::from_item(item).map_err(|e| Error::internal("reading a row", e))
}

/// About how many bytes an item takes once it is a row.
pub(crate) fn weight(item: &Item) -> u64 {
    item.iter().map(|(name, value)| 64 + name.len() as u64 + value_weight(value)).sum()
}

fn value_weight(value: &AttributeValue) -> u64 {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.len() as u64,
        AttributeValue::B(bytes) => bytes.as_ref().len() as u64,
        AttributeValue::L(values) => values.iter().map(|value| 32 + value_weight(value)).sum(),
        AttributeValue::M(item) => weight(item),
        AttributeValue::Ss(texts) | AttributeValue::Ns(texts) => {
            texts.iter().map(|text| 32 + text.len() as u64).sum()
        }
        AttributeValue::Bs(blobs) => blobs.iter().map(|bytes| 32 + bytes.as_ref().len() as u64).sum(),
        _ => 8,
    }
}

/// A number attribute.
pub(crate) fn number(value: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// A string attribute.
pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}
