//! The AWS JSON protocol, as DynamoDB and SQS speak it.

use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body_util::BodyExt as _;

/// A request taken apart.
pub(crate) struct JsonCall {
    /// The operation, such as `GetItem`; empty if the request names none.
    pub(crate) operation: String,
    /// The request document.
    pub(crate) body: Bytes,
}

impl JsonCall {
    /// Reads the request. `prefix` is what the target header has before the operation's name.
    pub(crate) async fn read(request: HttpRequest, prefix: &str) -> Result<Self, ConnectorError> {
        let operation = request
            .headers()
            .get("x-amz-target")
            .and_then(|target| target.strip_prefix(prefix))
            .unwrap_or_default()
            .to_owned();
        let body = request.into_body();
        let body = match body.bytes() {
            Some(bytes) => Bytes::copy_from_slice(bytes),
            None => body.collect().await.map_err(ConnectorError::user)?.to_bytes(),
        };
        Ok(Self { operation, body })
    }
}

/// A response document with its status.
pub(crate) fn respond(status: u16, body: impl Into<SdkBody>) -> Result<HttpResponse, ConnectorError> {
    let status = StatusCode::try_from(status).map_err(|e| ConnectorError::other(e.into(), None))?;
    let mut response = HttpResponse::new(status, body.into());
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    Ok(response)
}

/// An error response of the AWS JSON protocol.
pub(crate) fn refuse(status: u16, kind: &str, message: &str) -> Result<HttpResponse, ConnectorError> {
    respond(status, serde_json::json!({ "__type": kind, "message": message }).to_string())
}
