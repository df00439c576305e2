//! Which rows a request writes.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use granary_storage::kept::{KeptRows, RowName, Writing};
use serde::Deserialize;

use crate::engines::dynamo::operations::Operation;

/// Announces the rows that a request is about to write; until what this gives is dropped, nothing is kept of them.
///
/// A request that cannot be read here is taken to write everything. The engine will most likely refuse it.
pub(crate) fn written(operation: Operation, body: &[u8], kept: &Arc<KeptRows>) -> Option<Writing> {
    let names = match operation {
        Operation::DeleteItem | Operation::PutItem | Operation::UpdateItem => {
            read::<Change<'_>>(body).and_then(|change| Some(vec![change.name()?]))
        }
        Operation::BatchWriteItem => read::<BatchWrite<'_>>(body).and_then(BatchWrite::names),
        Operation::TransactWriteItems => read::<Transaction<'_>>(body).and_then(Transaction::names),
        Operation::BatchGetItem
        | Operation::CreateTable
        | Operation::DescribeTable
        | Operation::DescribeTimeToLive
        | Operation::GetItem
        | Operation::Query
        | Operation::TransactGetItems
        | Operation::UpdateTimeToLive => return None,
    };
    Some(match names {
        Some(names) => kept.writing(&names),
        None => kept.writing_anything(),
    })
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Option<T> {
    serde_json::from_slice(body).ok()
}

/// An attribute that is a text; keys are.
#[derive(Deserialize)]
struct Text<'a> {
    #[serde(rename = "S", borrow)]
    text: Cow<'a, str>,
}

/// The key of an item, whatever else is in it.
#[derive(Deserialize)]
struct Key<'a> {
    #[serde(borrow)]
    pk: Text<'a>,
    #[serde(borrow)]
    sk: Text<'a>,
}

impl Key<'_> {
    fn name(&self, table: &str) -> RowName {
        RowName::new(table, &self.pk.text, &self.sk.text)
    }
}

/// One item that is put, changed or removed.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Change<'a> {
    #[serde(borrow)]
    table_name: Cow<'a, str>,
    #[serde(borrow, alias = "Item")]
    key: Option<Key<'a>>,
}

impl Change<'_> {
    fn name(&self) -> Option<RowName> {
        Some(self.key.as_ref()?.name(&self.table_name))
    }
}

/// The part of a transaction that changes nothing. What is checked with every publish is what every request reads, such
/// as the repository: it has to stay.
const CHECK: &str = "ConditionCheck";

/// `Put`, `Update`, `Delete` or `ConditionCheck`.
#[derive(Deserialize)]
struct Transaction<'a> {
    #[serde(rename = "TransactItems", borrow)]
    parts: Vec<HashMap<Cow<'a, str>, Change<'a>>>,
}

impl Transaction<'_> {
    fn names(self) -> Option<Vec<RowName>> {
        let changes = self.parts.iter().flatten().filter(|(kind, _)| kind.as_ref() != CHECK);
        changes.map(|(_, change)| change.name()).collect()
    }
}

/// `PutRequest` or `DeleteRequest`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BatchPart<'a> {
    #[serde(borrow, alias = "Item")]
    key: Option<Key<'a>>,
}

#[derive(Deserialize)]
struct BatchWrite<'a> {
    #[serde(rename = "RequestItems", borrow)]
    tables: HashMap<Cow<'a, str>, Vec<HashMap<Cow<'a, str>, BatchPart<'a>>>>,
}

impl BatchWrite<'_> {
    fn names(self) -> Option<Vec<RowName>> {
        let parts = |(table, parts): (_, Vec<HashMap<_, BatchPart<'_>>>)| {
            let names: Option<Vec<RowName>> = parts
                .iter()
                .flat_map(HashMap::values)
                .map(|part| Some(part.key.as_ref()?.name(Cow::<'_, str>::as_ref(&table))))
                .collect();
            names
        };
        let names: Option<Vec<Vec<RowName>>> = self.tables.into_iter().map(parts).collect();
        Some(names?.into_iter().flatten().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(operation: Operation, body: &str) -> Vec<RowName> {
        let kept = Arc::new(KeptRows::default());
        let writing = written(operation, body.as_bytes(), &kept).unwrap();
        let mut names = writing.names().to_vec();
        names.sort();
        names
    }

    fn name(pk: &str) -> RowName {
        RowName::new("t", pk, "s")
    }

    #[test]
    fn every_write_says_which_rows_it_changes() {
        let key = |pk: &str| {
            format!(r#"{{"pk":{{"S":"{pk}"}},"sk":{{"S":"s"}},"x":{{"M":{{"pk":{{"N":"1"}}}}}}}}"#)
        };
        let (a, b, c, d) = (key("a"), key("b"), key("c"), key("d\\u0041\\\""));
        let put = format!(r#"{{"TableName":"t","Item":{a},"ConditionExpression":"x"}}"#);
        assert_eq!(names(Operation::PutItem, &put), [name("a")]);
        for operation in [Operation::UpdateItem, Operation::DeleteItem] {
            assert_eq!(names(operation, &format!(r#"{{"Key":{d},"TableName":"t"}}"#)), [name("dA\"")]);
        }
        let batch = format!(
            r#"{{"RequestItems":{{"t":[{{"PutRequest":{{"Item":{a}}}}},{{"DeleteRequest":{{"Key":{b}}}}}]}}}}"#
        );
        assert_eq!(names(Operation::BatchWriteItem, &batch), [name("a"), name("b")]);
        let transaction = format!(
            r#"{{"ClientRequestToken":"y","TransactItems":[{{"Put":{{"TableName":"t","Item":{a}}}}},
            {{"Update":{{"TableName":"t","Key":{b},"UpdateExpression":"z"}}}},{{"Delete":{{"TableName":"t","Key":{c}}}}},
            {{"ConditionCheck":{{"TableName":"t","Key":{d}}}}}]}}"#
        );
        let changed = [name("a"), name("b"), name("c")];
        assert_eq!(names(Operation::TransactWriteItems, &transaction), changed, "a check is no change");
    }

    #[test]
    fn what_cannot_be_read_writes_everything() {
        let kept = Arc::new(KeptRows::default());
        for body in
            ["", "{", r#"{"TableName":"t"}"#, r#"{"TableName":"t","Key":{"pk":{"N":"1"},"sk":{"S":"s"}}}"#]
        {
            for operation in [Operation::PutItem, Operation::TransactWriteItems, Operation::BatchWriteItem] {
                assert!(written(operation, body.as_bytes(), &kept).unwrap().is_everything(), "{body}");
            }
        }
        assert!(written(Operation::Query, b"{}", &kept).is_none(), "a read");
    }
}
