//! What calls of DynamoDB consume, as the engine reports it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use serde_json::Value;

/// Units that were consumed: what on-demand tables are billed by.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Units {
    /// Read units: one per 4 KB that are read consistently.
    pub read: f64,
    /// Write units: one per KB that is written, two in a transaction.
    pub write: f64,
}

/// Adds up what calls consume. Clones see the same sum.
///
/// Every request is changed to ask for it (`ReturnConsumedCapacity`), and nothing else of it. Calls that are refused
/// report nothing, though AWS bills a write whose condition does not hold.
#[derive(Debug, Clone, Default)]
pub struct Meter {
    units: Arc<Mutex<Units>>,
}

impl Meter {
    /// A client for DynamoDB whose calls are metered.
    pub fn wrap(&self, client: SharedHttpClient) -> SharedHttpClient {
        SharedHttpClient::new(MeteredClient { meter: self.clone(), client })
    }

    /// The units since the last time that it was asked, or since the beginning.
    pub fn take(&self) -> Units {
        std::mem::take(&mut *self.units.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(&self, operation: &str, answer: &[u8]) {
        let consumed = match serde_json::from_slice::<Value>(answer).unwrap()["ConsumedCapacity"].take() {
            Value::Array(tables) => tables,
            Value::Null => Vec::new(),
            one => vec![one],
        };
        let consumed: f64 = consumed.iter().map(|table| table["CapacityUnits"].as_f64().unwrap()).sum();
        let mut units = self.units.lock().unwrap_or_else(PoisonError::into_inner);
        match operation {
            "GetItem" | "BatchGetItem" | "Query" | "TransactGetItems" => units.read += consumed,
            "PutItem" | "UpdateItem" | "DeleteItem" | "BatchWriteItem" | "TransactWriteItems" => {
                units.write += consumed;
            }
            // Those of tables consume nothing.
            _ => assert!(consumed == 0.0, "{operation} is not known to consume anything"),
        }
    }
}

#[derive(Debug)]
struct MeteredClient {
    meter: Meter,
    client: SharedHttpClient,
}

impl HttpClient for MeteredClient {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.client.http_connector(settings, components);
        SharedHttpConnector::new(MeteredConnector { meter: self.meter.clone(), inner })
    }
}

struct MeteredConnector {
    meter: Meter,
    inner: SharedHttpConnector,
}

impl fmt::Debug for MeteredConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MeteredConnector").field(&self.inner).finish()
    }
}

impl HttpConnector for MeteredConnector {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let operation = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = operation.rsplit('.').next().unwrap_or_default().to_owned();
        let consumes = !operation.contains("Table") && !operation.contains("TimeToLive");
        if consumes {
            let mut body: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
            body["ReturnConsumedCapacity"] = "TOTAL".into();
            let body = body.to_string();
            request.headers_mut().insert("content-length", body.len().to_string());
            *request.body_mut() = SdkBody::from(body);
        }
        let meter = self.meter.clone();
        let answer = self.inner.call(request);
        HttpConnectorFuture::new(async move { metered(&meter, &operation, answer.await?).await })
    }
}

async fn metered(
    meter: &Meter,
    operation: &str,
    mut response: HttpResponse,
) -> Result<HttpResponse, ConnectorError> {
    let body = std::mem::replace(response.body_mut(), SdkBody::empty());
    let bytes = ByteStream::new(body).collect().await.map_err(|e| ConnectorError::other(e.into(), None))?;
    let bytes = bytes.into_bytes();
    if response.status().is_success() {
        meter.add(operation, &bytes);
    }
    *response.body_mut() = SdkBody::from(bytes);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use granary_storage::{Commit, Key, PackageKey, Transaction};
    use serde_json::json;

    use super::*;
    use crate::TestApp;

    fn key(version: &str) -> Key {
        let package = PackageKey {
            repo: "libs".parse().unwrap(),
            kind: granary_model::PackageType::Npm,
            name: "pad".into(),
        };
        Key::Version(package, version.into())
    }

    /// The rules that AWS publishes, on rows whose sizes leave no doubt.
    #[tokio::test]
    async fn the_engine_reports_units_by_the_published_rules() {
        let (app, meter) = TestApp::metered().await;
        let storage = app.state().storage().clone();
        let row = |length: usize| json!({ "text": "x".repeat(length) });
        meter.take();
        for (length, units) in [(10, 1.0), (900, 1.0), (1_100, 2.0), (4_500, 5.0), (9_500, 10.0)] {
            storage.put(&key("1.0.0"), &row(length)).await.unwrap();
            assert_eq!(meter.take(), Units { read: 0.0, write: units }, "{length}");
            storage.get::<Value>(&key("1.0.0")).await.unwrap();
            let read = f64::from(u32::try_from(length.div_ceil(4096)).unwrap());
            assert_eq!(meter.take(), Units { read, write: 0.0 }, "{length}");
        }
        assert_eq!(storage.get::<Value>(&key("none")).await.unwrap(), None);
        assert_eq!(meter.take(), Units { read: 1.0, write: 0.0 }, "a row that is not there");
        // Twice as much in a transaction, and what is replaced counts if it was larger.
        let mut transaction = Transaction::new();
        transaction.put_new("small", &key("2.0.0"), &row(10)).unwrap();
        transaction.put_new("larger", &key("2.0.1"), &row(1_100)).unwrap();
        assert!(matches!(storage.commit(transaction).await.unwrap(), Commit::Done));
        assert_eq!(meter.take(), Units { read: 0.0, write: 6.0 });
        storage.put(&key("1.0.0"), &row(10)).await.unwrap();
        assert_eq!(meter.take(), Units { read: 0.0, write: 10.0 });
    }
}
