//! Which rows a request reads by name.

use std::borrow::Cow;
use std::collections::HashMap;

use granary_storage::kept::RowName;
use serde::Deserialize;

use crate::engines::dynamo::operations::Operation;
use crate::engines::dynamo::written::{Key, read};

/// The rows that a request names; `None` if it names none, as a query does, or cannot be read.
pub(crate) fn named(operation: Operation, body: &[u8]) -> Option<Vec<RowName>> {
    match operation {
        Operation::GetItem => {
            let one = read::<One<'_>>(body)?;
            Some(vec![one.key.name(&one.table_name)])
        }
        Operation::BatchGetItem => Some(read::<Batch<'_>>(body)?.names()),
        _ => None,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct One<'a> {
    #[serde(borrow)]
    table_name: Cow<'a, str>,
    #[serde(borrow)]
    key: Key<'a>,
}

#[derive(Deserialize)]
struct Batch<'a> {
    #[serde(rename = "RequestItems", borrow)]
    tables: HashMap<Cow<'a, str>, Keys<'a>>,
}

#[derive(Deserialize)]
struct Keys<'a> {
    #[serde(rename = "Keys", borrow)]
    keys: Vec<Key<'a>>,
}

impl Batch<'_> {
    fn names(&self) -> Vec<RowName> {
        self.tables.iter().flat_map(|(table, keys)| keys.keys.iter().map(|key| key.name(table))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_of_rows_name_them() {
        let get = br#"{"TableName":"t","ConsistentRead":true,"Key":{"sk":{"S":"b"},"pk":{"S":"a\u0041"}}}"#;
        assert_eq!(named(Operation::GetItem, get), Some(vec![RowName::new("t", "aA", "b")]));
        let batch = br#"{"RequestItems":{
            "t":{"Keys":[{"pk":{"S":"a"},"sk":{"S":"b"}},{"pk":{"S":"c"},"sk":{"S":"d"}}],"ConsistentRead":true},
            "u":{"Keys":[{"pk":{"S":"a"},"sk":{"S":"b"}}]}}}"#;
        let mut names = named(Operation::BatchGetItem, batch).unwrap();
        names.sort();
        assert_eq!(
            names,
            [RowName::new("t", "a", "b"), RowName::new("t", "c", "d"), RowName::new("u", "a", "b")]
        );
    }

    #[test]
    fn others_name_none() {
        let query = br#"{"TableName":"t","ExpressionAttributeValues":{":pk":{"S":"a"}}}"#;
        assert_eq!(named(Operation::Query, query), None);
        for body in ["", "{}", r#"{"TableName":"t","Key":{"pk":{"N":"1"},"sk":{"S":"b"}}}"#] {
            assert_eq!(named(Operation::GetItem, body.as_bytes()), None, "{body}");
            assert_eq!(named(Operation::BatchGetItem, body.as_bytes()), None, "{body}");
        }
    }
}
