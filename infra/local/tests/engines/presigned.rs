use std::time::Duration;

use aws_sdk_s3::presigning::{PresignedRequest, PresigningConfig};
use aws_sdk_s3::primitives::ByteStream;
use reqwest::{Method, StatusCode};

use super::support::{BUCKET, Setup};

fn minutes() -> PresigningConfig {
    PresigningConfig::expires_in(Duration::from_mins(5)).unwrap()
}

fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

fn request(presigned: &PresignedRequest) -> reqwest::RequestBuilder {
    let method = Method::from_bytes(presigned.method().as_bytes()).unwrap();
    let request = http().request(method, presigned.uri());
    presigned.headers().fold(request, |request, (name, value)| request.header(name, value))
}

#[tokio::test]
async fn other_programs_put_and_get_by_presigned_addresses() {
    let setup = Setup::new().await;
    let (_, client) = setup.listen().await;
    let content = vec![9_u8; 700_000];
    let put = client.put_object().bucket(BUCKET).key("staging/u/file").content_type("application/zip");
    let put = put.content_length(700_000).presigned(minutes()).await.unwrap();
    let answer = request(&put).body(content.clone()).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{}", answer.text().await.unwrap());

    let get =
        client.get_object().bucket(BUCKET).key("staging/u/file").response_content_type("application/x-tar");
    let get = get.presigned(minutes()).await.unwrap();
    let answer = request(&get).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "application/x-tar");
    assert_eq!(answer.headers()["content-length"], "700000");
    assert!(answer.bytes().await.unwrap() == content);

    let part = request(&get).header("range", "bytes=5-14").send().await.unwrap();
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.headers()["content-range"], "bytes 5-14/700000");
    assert_eq!(part.bytes().await.unwrap().len(), 10);
    let etag = answer_etag(&get).await;
    let known = request(&get).header("if-none-match", etag).send().await.unwrap();
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);

    let head = client.head_object().bucket(BUCKET).key("staging/u/file").presigned(minutes()).await.unwrap();
    let answer = request(&head).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-length"], "700000");
}

async fn answer_etag(get: &PresignedRequest) -> String {
    request(get).send().await.unwrap().headers()["etag"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_upload_is_bound_to_what_was_signed() {
    let setup = Setup::new().await;
    let (_, client) = setup.listen().await;
    let put = client.put_object().bucket(BUCKET).key("a").content_length(5);
    let put = put
        .checksum_sha256("LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=")
        .presigned(minutes())
        .await
        .unwrap();
    let other_bytes = request(&put).body("jello").send().await.unwrap();
    assert_eq!(other_bytes.status(), StatusCode::BAD_REQUEST, "{}", other_bytes.text().await.unwrap());
    let other_length = http().put(put.uri()).body("hello, world").send().await.unwrap();
    assert_eq!(other_length.status(), StatusCode::FORBIDDEN);
    assert!(setup.s3.head_object().bucket(BUCKET).key("a").send().await.is_err());
    let right = request(&put).body("hello").send().await.unwrap();
    assert_eq!(right.status(), StatusCode::OK, "{}", right.text().await.unwrap());
}

/// Clients that keep `Authorization` on the redirect to S3 fail on AWS, so they have to fail here.
#[tokio::test]
async fn a_signature_and_an_authorization_header_together_are_refused() {
    let setup = Setup::new().await;
    let (address, client) = setup.listen().await;
    let put = setup.s3.put_object().bucket(BUCKET).key("a");
    put.body(ByteStream::from_static(b"hello")).send().await.unwrap();
    let get = client.get_object().bucket(BUCKET).key("a").presigned(minutes()).await.unwrap();
    assert_eq!(request(&get).send().await.unwrap().text().await.unwrap(), "hello");
    for authorization in ["Bearer art_token", "Basic dTpw"] {
        let both = request(&get).header("authorization", authorization).send().await.unwrap();
        assert_eq!(both.status(), StatusCode::BAD_REQUEST);
        let text = both.text().await.unwrap();
        assert!(
            text.contains("<Code>InvalidArgument</Code>") && text.contains("Only one auth mechanism"),
            "{text}"
        );
    }
    let only_header =
        http().get(format!("http://{address}/{BUCKET}/a")).header("authorization", "Bearer art_token");
    assert_eq!(only_header.send().await.unwrap().status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn nobody_gets_in_without_a_valid_signature() {
    let setup = Setup::new().await;
    let (address, client) = setup.listen().await;
    setup.s3.put_object().bucket(BUCKET).key("a").send().await.unwrap();
    let anonymous = http().get(format!("http://{address}/{BUCKET}/a")).send().await.unwrap();
    assert_eq!(anonymous.status(), StatusCode::FORBIDDEN);
    let listed = http().get(format!("http://{address}/{BUCKET}?list-type=2")).send().await.unwrap();
    assert_eq!(listed.status(), StatusCode::FORBIDDEN);
    // Inside the process requests need no signature; on the port every one does, whatever it looks like.
    let object = format!("http://{address}/{BUCKET}/a");
    let form = reqwest::header::HeaderValue::from_static("multipart/form-data; boundary=x");
    let fields = "--x\r\ncontent-disposition: form-data; name=\"key\"\r\n\r\na\r\n--x\r\ncontent-disposition: \
                  form-data; name=\"file\"; filename=\"a\"\r\n\r\nx\r\n--x--\r\n";
    for request in [
        http().head(&object),
        http().put(&object).body("x"),
        http().put(&object).header("x-amz-security-token", "t").body("x"),
        http().put(format!("{object}?X-Amz-Sig%6Eature=x")).body("x"),
        http().delete(&object),
        http().post(format!("{object}?uploads")),
        http().post(format!("http://{address}/{BUCKET}")).header("content-type", form).body(fields),
    ] {
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_client_error(), "{answer:?}");
    }
    let stored = setup.s3.get_object().bucket(BUCKET).key("a").send().await.unwrap();
    assert!(stored.body.collect().await.unwrap().into_bytes().is_empty(), "nobody has changed it");
    let get = client.get_object().bucket(BUCKET).key("a").presigned(minutes()).await.unwrap();
    let other_key = http().get(get.uri().replace("/granary/a?", "/granary/b?")).send().await.unwrap();
    assert_eq!(other_key.status(), StatusCode::FORBIDDEN);
    let other_method = http().put(get.uri()).body("x").send().await.unwrap();
    assert_eq!(other_method.status(), StatusCode::FORBIDDEN);
    let past = PresigningConfig::builder()
        .start_time(std::time::UNIX_EPOCH + Duration::from_secs(1_700_000_000))
        .expires_in(Duration::from_mins(5))
        .build()
        .unwrap();
    let expired = client.get_object().bucket(BUCKET).key("a").presigned(past).await.unwrap();
    assert_eq!(request(&expired).send().await.unwrap().status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn serving_ends_when_it_is_told_to() {
    let setup = Setup::new().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let engines = setup.engines.clone();
    let serving = tokio::spawn(async move {
        engines
            .serve_s3(listener, async {
                let _ignored = stopped.await;
            })
            .await
    });
    stop.send(()).unwrap();
    serving.await.unwrap().unwrap();
}
