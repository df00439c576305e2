//! The engine as the SDK's HTTP client, and what every way to it has in common.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderValue};
use http::{Method, StatusCode};
use http_body::Body as _;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, HttpError};

use crate::engines::connector::Engine;
use crate::engines::dynamo::settling::Settling;
use crate::engines::s3::credentials::S3Credentials;
use crate::engines::s3::operations::Operations;
use crate::engines::s3::store::Store;

/// Query parameters that only a presigned address has, of signature version 4 and 2.
const SIGNATURE_PARAMETERS: [&str; 3] = ["X-Amz-Signature", "X-Amz-Algorithm", "Signature"];

/// S3's answer to a request that carries two proofs of who sent it.
const TWO_PROOFS: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>InvalidArgument</Code>\
    <Message>Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string \
    parameter or the Authorization header should be specified</Message>\
    <ArgumentName>Authorization</ArgumentName></Error>";

/// The S3 engine.
pub(crate) struct S3Engine {
    service: S3Service,
    /// Takes requests that nobody has signed, from inside this process alone: there is nobody to prove anything to, and a
    /// signature takes as long as what it signs.
    unsigned: S3Service,
    credentials: S3Credentials,
    /// What objects are changed because of must not get lost.
    settling: Arc<Settling>,
}

impl S3Engine {
    /// Opens or makes the objects and the credentials of a data folder. A change that is asked for inside this process waits
    /// until the rows that led to it are safe.
    pub(crate) fn open(data: &Path, settling: Arc<Settling>) -> anyhow::Result<Self> {
        let credentials = S3Credentials::load_or_create(data)?;
        let store = Store::open(data.join("objects")).context("cannot open the folder of the objects")?;
        let store = Arc::new(store);
        let mut builder = S3ServiceBuilder::new(Operations(Arc::clone(&store)));
        builder.set_auth(SimpleAuth::from_single(credentials.access_key(), credentials.secret_key()));
        let unsigned = S3ServiceBuilder::new(Operations(store)).build();
        Ok(Self { service: builder.build(), unsigned, credentials, settling })
    }

    pub(crate) fn credentials(&self) -> &S3Credentials {
        &self.credentials
    }

    /// Answers one request, wherever it comes from, if it is signed.
    pub(crate) async fn respond(
        &self,
        request: http::Request<Body>,
    ) -> Result<http::Response<Body>, HttpError> {
        if has_two_proofs(&request) {
            let mut response = http::Response::new(Body::from(Bytes::from_static(TWO_PROOFS.as_bytes())));
            *response.status_mut() = StatusCode::BAD_REQUEST;
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
            return Ok(response);
        }
        self.service.call(request).await
    }
}

fn is_signed(request: &http::Request<Body>) -> bool {
    request.headers().contains_key(AUTHORIZATION) || has_signature(request)
}

fn has_chunks(request: &http::Request<Body>) -> bool {
    let chunked = |value: &HeaderValue| value.as_bytes().windows(11).any(|part| part == b"aws-chunked");
    request.headers().contains_key("x-amz-trailer")
        || request.headers().get_all(CONTENT_ENCODING).iter().any(chunked)
}

/// Clients that keep `Authorization` on a redirect to a presigned address send both, and S3 refuses that.
fn has_two_proofs(request: &http::Request<Body>) -> bool {
    request.headers().contains_key(AUTHORIZATION) && has_signature(request)
}

fn has_signature(request: &http::Request<Body>) -> bool {
    let query = request.uri().query().unwrap_or_default();
    query
        .split('&')
        .filter_map(|pair| pair.split('=').next())
        .any(|name| SIGNATURE_PARAMETERS.contains(&name))
}

impl Engine for S3Engine {
    const NAME: &'static str = "S3";

    async fn answer(self: Arc<Self>, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let mut request = request.try_into_http1x().map_err(|e| ConnectorError::user(e.into()))?;
        // What hyper would add; the signature covers it.
        let authority = request.uri().authority().and_then(|a| HeaderValue::from_str(a.as_str()).ok());
        if let Some(authority) = authority {
            request.headers_mut().entry(HOST).or_insert(authority);
        }
        let is_head = request.method() == Method::HEAD;
        if !is_head && request.method() != Method::GET {
            self.settling.wait().await.map_err(|lost| ConnectorError::other(lost.into(), None))?;
        }
        let request = request.map(|body| match body.bytes() {
            Some(bytes) => Body::from(Bytes::copy_from_slice(bytes)),
            None => Body::http_body_unsync(body),
        });
        let response = if is_signed(&request) {
            self.respond(request).await
        } else if has_chunks(&request) {
            // The library takes chunks apart only while it looks at a signature. Without one it would store them as they
            // are.
            return Err(ConnectorError::user(
                "a body in chunks has to be signed; give its checksum beforehand".into(),
            ));
        } else {
            self.unsigned.call(request).await
        };
        let response = response.map_err(|e| ConnectorError::other(e.into(), None))?;
        let response = response.map(|body| {
            // What hyper would leave out. The SDK takes a document for an error's name otherwise.
            if is_head || body.is_end_stream() { SdkBody::empty() } else { SdkBody::from_body_1_x(body) }
        });
        HttpResponse::try_from(response).map_err(|e| ConnectorError::other(e.into(), None))
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

    use super::*;

    fn request(method: &str, path: &str) -> HttpRequest {
        let uri = format!("http://s3.localhost{path}");
        let has_body = method == "PUT" && path.starts_with("/bucket/");
        let body = if has_body { SdkBody::from("bytes") } else { SdkBody::empty() };
        let request = http::Request::builder().method(method).uri(uri).body(body).unwrap();
        request.try_into().unwrap()
    }

    #[tokio::test]
    async fn objects_change_only_when_the_rows_that_were_read_are_safe() {
        let folder = tempfile::tempdir().unwrap();
        let settling = Arc::<Settling>::default();
        let engine = Arc::new(S3Engine::open(folder.path(), Arc::clone(&settling)).unwrap());
        let send = |method, path| Arc::clone(&engine).answer(request(method, path));
        for path in ["/bucket", "/bucket/a"] {
            assert!(send("PUT", path).await.unwrap().status().is_success(), "{path}");
        }
        settling.begin();
        let changes = [("PUT", "/bucket/b"), ("DELETE", "/bucket/a")]
            .map(|(method, path)| tokio::spawn(send(method, path)));
        // Far longer than either takes.
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        assert!(changes.iter().all(|change| !change.is_finished()));
        assert_eq!(send("GET", "/bucket/a").await.unwrap().status().as_u16(), 200);
        assert_eq!(send("GET", "/bucket/b").await.unwrap().status().as_u16(), 404);
        settling.settled();
        for change in changes {
            assert!(change.await.unwrap().unwrap().status().is_success());
        }
        assert_eq!(send("GET", "/bucket/a").await.unwrap().status().as_u16(), 404);
        settling.begin();
        settling.lost();
        assert!(send("PUT", "/bucket/c").await.is_err());
        assert_eq!(send("GET", "/bucket/b").await.unwrap().status().as_u16(), 200);
    }
}
