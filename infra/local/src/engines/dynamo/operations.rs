//! From request documents to typed calls and back.

use std::collections::HashMap;

use dynoxide::{Database, DynoxideError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The operations that the registry uses. `Scan` is not among them on purpose: no access pattern scans a
/// table, and on AWS the permission for it is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    BatchGetItem,
    BatchWriteItem,
    CreateTable,
    DeleteItem,
    DescribeTable,
    DescribeTimeToLive,
    GetItem,
    PutItem,
    Query,
    TransactGetItems,
    TransactWriteItems,
    UpdateItem,
    UpdateTimeToLive,
}

/// A response document with its status.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Operation {
    /// The operation of this name, if it is offered.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "BatchGetItem" => Self::BatchGetItem,
            "BatchWriteItem" => Self::BatchWriteItem,
            "CreateTable" => Self::CreateTable,
            "DeleteItem" => Self::DeleteItem,
            "DescribeTable" => Self::DescribeTable,
            "DescribeTimeToLive" => Self::DescribeTimeToLive,
            "GetItem" => Self::GetItem,
            "PutItem" => Self::PutItem,
            "Query" => Self::Query,
            "TransactGetItems" => Self::TransactGetItems,
            "TransactWriteItems" => Self::TransactWriteItems,
            "UpdateItem" => Self::UpdateItem,
            "UpdateTimeToLive" => Self::UpdateTimeToLive,
            _ => return None,
        })
    }

    /// Whether another connection than the writing one may answer. `TransactGetItems` reads its rows one
    /// by one, and only the writing connection keeps a transaction from coming in between.
    pub(crate) fn may_read_elsewhere(self) -> bool {
        matches!(self, Self::BatchGetItem | Self::DescribeTable | Self::GetItem | Self::Query)
    }

    /// Whether something may have been changed if the engine answered with this status. A refusal leaves everything
    /// as it was, but for the operations that are not one transaction.
    pub(crate) fn may_have_changed(self, status: u16) -> bool {
        match self {
            Self::BatchWriteItem | Self::CreateTable | Self::UpdateTimeToLive => true,
            Self::DeleteItem | Self::PutItem | Self::TransactWriteItems | Self::UpdateItem => status != 400,
            Self::BatchGetItem
            | Self::DescribeTable
            | Self::DescribeTimeToLive
            | Self::GetItem
            | Self::Query
            | Self::TransactGetItems => false,
        }
    }

    /// Runs the operation. What goes wrong becomes an error document, as DynamoDB would send it.
    pub(crate) fn run(self, database: &Database, body: &[u8]) -> Answer {
        let result = match self {
            Self::BatchGetItem => call(body, |request| database.batch_get_item(request)),
            Self::BatchWriteItem => call(body, |request| database.batch_write_item(request)),
            Self::CreateTable => call(body, |request| database.create_table(request)),
            Self::DeleteItem => call(body, |request| database.delete_item(request)),
            Self::DescribeTable => call(body, |request| database.describe_table(request)),
            Self::DescribeTimeToLive => call(body, |request| database.describe_time_to_live(request)),
            Self::GetItem => call(body, |request| database.get_item(request)),
            Self::PutItem => call(body, |request| database.put_item(request)),
            Self::Query => no_empty_keys(body).and_then(|()| call(body, |request| database.query(request))),
            Self::TransactGetItems => call(body, |request| database.transact_get_items(request)),
            Self::TransactWriteItems => call(body, |request| database.transact_write_items(request)),
            Self::UpdateItem => call(body, |request| database.update_item(request)),
            Self::UpdateTimeToLive => call(body, |request| database.update_time_to_live(request)),
        };
        match result {
            Ok(body) => Answer { status: 200, body },
            Err(error) => Answer { status: error.status_code(), body: error.to_json().into_bytes() },
        }
    }
}

/// What of a query's values matters here.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Conditions {
    #[serde(default)]
    expression_attribute_values: HashMap<String, Value>,
    filter_expression: Option<String>,
}

/// Refuses a key condition with an empty text or no bytes, as DynamoDB does and this engine does not: a mistake that
/// would otherwise show only on AWS.
fn no_empty_keys(body: &[u8]) -> Result<(), DynoxideError> {
    let Ok(conditions) = serde_json::from_slice::<Conditions>(body) else { return Ok(()) };
    let is_empty =
        |value: &Value| ["S", "B"].iter().any(|kind| value.get(kind).is_some_and(|text| text == ""));
    // Values of a filter may be empty, and nothing here says which is whose.
    if conditions.filter_expression.is_none() && conditions.expression_attribute_values.values().any(is_empty)
    {
        return Err(DynoxideError::ValidationException(
            "One or more parameter values are not valid: a key condition has an empty value".into(),
        ));
    }
    Ok(())
}

fn call<Q, R, F>(body: &[u8], run: F) -> Result<Vec<u8>, DynoxideError>
where
    Q: DeserializeOwned,
    R: Serialize,
    F: FnOnce(Q) -> Result<R, DynoxideError>,
{
    let request = serde_json::from_slice(body).map_err(|error| unreadable(&error.to_string()))?;
    let response = run(request)?;
    serde_json::to_vec(&response).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

/// The engine's request types mark in their serde messages which exception they mean, and serde appends
/// where in the document it stopped.
fn unreadable(message: &str) -> DynoxideError {
    let plain = message.rsplit_once(" at line ").map_or(message, |(before, _)| before);
    for marker in ["VALIDATION_REQUEST:", "VALIDATION_AS_READ:", "VALIDATION:"] {
        if let Some(rest) = plain.strip_prefix(marker) {
            return DynoxideError::ValidationException(rest.to_owned());
        }
    }
    for marker in ["SERIALIZATION_AS_READ:", "SERIALIZATION:"] {
        if let Some(rest) = plain.strip_prefix(marker) {
            return DynoxideError::SerializationException(rest.to_owned());
        }
    }
    if ["missing field", "unknown variant", "invalid type: null", "AttributeValue"]
        .iter()
        .any(|sign| plain.contains(sign))
    {
        return DynoxideError::ValidationException(plain.to_owned());
    }
    DynoxideError::SerializationException(plain.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_keys_are_refused_as_on_aws() {
        let query = |values: &str, filter: &str| {
            let body = format!(r#"{{"TableName":"t","ExpressionAttributeValues":{values}{filter}}}"#);
            no_empty_keys(body.as_bytes()).is_ok()
        };
        assert!(query(r#"{":pk":{"S":"a"},":n":{"N":"1"}}"#, ""));
        assert!(!query(r#"{":pk":{"S":"a"},":sk":{"S":""}}"#, ""));
        assert!(!query(r#"{":pk":{"B":""}}"#, ""));
        assert!(query(r#"{":pk":{"S":"a"},":f":{"S":""}}"#, r#","FilterExpression":"f = :f""#));
    }

    #[test]
    fn scan_is_not_offered() {
        assert_eq!(Operation::from_name("Scan"), None);
        assert_eq!(Operation::from_name("ExecuteStatement"), None);
        assert_eq!(Operation::from_name("GetItem"), Some(Operation::GetItem));
    }

    #[test]
    fn unreadable_requests_become_the_exceptions_dynamodb_names() {
        let database = Database::memory().unwrap();
        let answer = |body: &str| {
            let answer = Operation::GetItem.run(&database, body.as_bytes());
            (answer.status, String::from_utf8(answer.body).unwrap())
        };
        let (status, text) = answer(r#"{"TableName":"ttt"}"#);
        assert_eq!(status, 400);
        assert!(text.contains("ValidationException") && !text.contains("VALIDATION:"), "{text}");
        let (status, text) = answer("{");
        assert_eq!(status, 400);
        assert!(text.contains("SerializationException"), "{text}");
    }
}
