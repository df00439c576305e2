//! Which operation a request is.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

use crate::engines::probe::Service;

/// The operation's name as in the API reference.
pub(crate) fn of(service: Service, request: &HttpRequest) -> String {
    match service {
        Service::DynamoDb | Service::Sqs => {
            let target = request.headers().get("x-amz-target").unwrap_or_default();
            target.rsplit('.').next().unwrap_or_default().to_owned()
        }
        Service::S3 => s3(request).to_owned(),
    }
}

/// S3 says by method, depth of the path and query what it wants.
fn s3(request: &HttpRequest) -> &'static str {
    let uri = request.uri();
    let after_scheme = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let (path, query) = after_scheme.split_once('?').unwrap_or((after_scheme, ""));
    let key = path.splitn(3, '/').nth(2).unwrap_or_default();
    let has = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
    let copies = request.headers().contains_key("x-amz-copy-source");
    match (request.method(), key.is_empty()) {
        ("HEAD", true) => "HeadBucket",
        ("HEAD", false) => "HeadObject",
        ("PUT", true) => "CreateBucket",
        ("PUT", false) if has("uploadId") => "UploadPart",
        ("PUT", false) if copies => "CopyObject",
        ("PUT", false) => "PutObject",
        ("GET", true) if has("uploads") => "ListMultipartUploads",
        ("GET", true) => "ListObjectsV2",
        ("GET", false) if has("uploadId") => "ListParts",
        ("GET", false) => "GetObject",
        ("POST", true) => "DeleteObjects",
        ("POST", false) if has("uploads") => "CreateMultipartUpload",
        ("POST", false) => "CompleteMultipartUpload",
        ("DELETE", false) if has("uploadId") => "AbortMultipartUpload",
        ("DELETE", false) => "DeleteObject",
        _ => "Unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_s3_requests() {
        let name = |method: &str, uri: &str| {
            let mut request = HttpRequest::empty();
            request.set_method(method).unwrap();
            request.set_uri(uri).unwrap();
            of(Service::S3, &request)
        };
        assert_eq!(name("GET", "http://s3.local/bucket/a/b?x-id=GetObject"), "GetObject");
        assert_eq!(name("GET", "http://s3.local/bucket?list-type=2&prefix=a"), "ListObjectsV2");
        assert_eq!(name("GET", "http://s3.local/bucket/?list-type=2"), "ListObjectsV2");
        assert_eq!(name("PUT", "http://s3.local/bucket/a?uploadId=1&partNumber=2"), "UploadPart");
        assert_eq!(name("POST", "http://s3.local/bucket/a?uploads"), "CreateMultipartUpload");
        assert_eq!(name("POST", "http://s3.local/bucket/a?uploadId=1"), "CompleteMultipartUpload");
        assert_eq!(name("GET", "http://s3.local/bucket/a?uploadId=1"), "ListParts");
        assert_eq!(name("GET", "http://s3.local/bucket/?uploads&prefix=a"), "ListMultipartUploads");
        assert_eq!(name("POST", "http://s3.local/bucket?delete"), "DeleteObjects");
        assert_eq!(name("HEAD", "http://s3.local/bucket"), "HeadBucket");
    }
}
