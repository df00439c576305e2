//! Requests as API Gateway and Function URLs hand them to a function, through `lambda_http` itself.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lambda_http::lambda_runtime::Service as _;
use lambda_http::{Adapter, Context, LambdaEvent};
use serde_json::{Value, json};

use crate::app::TestApp;

/// Which front door a request comes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventShape {
    /// API Gateway's HTTP API, which decodes the path.
    HttpApi,
    /// A Function URL, which leaves it as it was sent.
    FunctionUrl,
}

/// What the function gives back to the front door.
#[derive(Debug, Clone)]
pub struct EventResponse {
    /// Status code.
    pub status: u16,
    /// Headers, all in lower case.
    pub headers: Value,
    /// Body after undoing base64.
    pub body: Vec<u8>,
    /// Whether the body came in base64.
    pub was_base64: bool,
}

impl TestApp {
    /// Sends a request in the shape of a front door and gives what the function answers.
    pub async fn event(
        &self,
        shape: EventShape,
        method: &str,
        path_and_query: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> EventResponse {
        self.event_until(0, shape, method, path_and_query, headers, body).await
    }

    /// The same to a function that is ended at a moment, in milliseconds since 1970.
    pub async fn event_until(
        &self,
        deadline: u64,
        shape: EventShape,
        method: &str,
        path_and_query: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> EventResponse {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let raw_path = match shape {
            EventShape::FunctionUrl => path.to_owned(),
            EventShape::HttpApi => {
                let decoded = decode(path);
                // The gateway cuts at a decoded question mark.
                decoded.split('?').next().unwrap_or("").to_owned()
            }
        };
        let mut map = serde_json::Map::new();
        map.insert("host".into(), "localhost".into());
        for (name, value) in headers {
            map.insert(name.to_lowercase(), (*value).into());
        }
        let is_text = map.get("content-type").and_then(Value::as_str).is_some_and(arrives_as_text);
        let event = json!({
            "version": "2.0", "routeKey": "$default", "rawPath": raw_path, "rawQueryString": query, "headers": map,
            "requestContext": {
                "accountId": "0", "apiId": "a", "domainName": "localhost", "domainPrefix": "a", "requestId": "r",
                "routeKey": "$default", "stage": "$default", "time": "t", "timeEpoch": 0,
                "http": { "method": method, "path": raw_path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "test" },
            },
            "body": if is_text { String::from_utf8_lossy(body).into_owned() } else { STANDARD.encode(body) },
            "isBase64Encoded": !is_text,
        });
        let request = serde_json::from_value(event).unwrap();
        let mut adapter = Adapter::from(granary_http::lambda::Function(self.app.clone()));
        let mut context = Context::default();
        context.deadline = deadline;
        let response = adapter.call(LambdaEvent::new(request, context)).await.unwrap();
        let response = serde_json::to_value(response).unwrap();
        let text = response["body"].as_str().unwrap_or("");
        let was_base64 = response["isBase64Encoded"].as_bool().unwrap_or(false);
        let body = if was_base64 { STANDARD.decode(text).unwrap() } else { text.as_bytes().to_vec() };
        EventResponse {
            status: u16::try_from(response["statusCode"].as_u64().unwrap()).unwrap(),
            headers: response["headers"].clone(),
            body,
            was_base64,
        }
    }
}

/// Whether a gateway takes bodies of a type for text, and so damages what is none.
fn arrives_as_text(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or("").trim();
    essence.starts_with("text/")
        || ["application/json", "application/xml", "application/javascript"].contains(&essence)
}

fn decode(path: &str) -> String {
    let bytes = path.as_bytes();
    let (mut out, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let pair = bytes.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        match (bytes[at], pair.and_then(|pair| u8::from_str_radix(pair, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
