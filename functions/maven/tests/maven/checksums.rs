//! Checksums that clients send: beside a file, before it, and in headers.

use super::support::{
    artifact_metadata, check, file, jar, pom, private, publish, publish_version, put, sums,
};

#[tokio::test]
async fn a_checksum_must_be_that_of_the_file() {
    let (app, ann) = private().await;
    publish_version(&ann, "1.0.0").await;
    let before = check(&app).await;
    for (kind, sum) in sums(&jar("1.0.0")) {
        let path = file("1.0.0", &format!(".jar.{kind}"));
        for body in [sum.clone(), sum.to_uppercase(), format!("{sum}  hello-lib-1.0.0.jar\n")] {
            assert_eq!(put(&ann, &path, body).await.status, 200, "{kind}");
        }
        let (_, other) = sums(b"other").into_iter().find(|(name, _)| *name == kind).unwrap();
        for body in [other.as_str(), "", "nonsense", &sum[1..], &format!("{sum}0"), "<html/>"] {
            let response = put(&ann, &path, body).await;
            assert_eq!(response.status, 400, "{kind} {body}: {}", response.text());
            assert!(response.error().contains(kind), "{}", response.text());
        }
        assert_eq!(ann.get(&path).await.text(), sum, "ours is served");
    }
    assert_eq!(check(&app).await, before);
}

#[tokio::test]
async fn a_checksum_that_comes_first_is_remembered() {
    let (app, ann) = private().await;
    let all = sums(&jar("1.0.0"));
    for (kind, sum) in &all {
        assert_eq!(put(&ann, &file("1.0.0", &format!(".jar.{kind}")), sum.clone()).await.status, 200);
        assert_eq!(ann.get(&file("1.0.0", &format!(".jar.{kind}"))).await.status, 404);
    }
    for (kind, _) in &all {
        let wrong = put(&ann, &file("1.0.0", ".jar"), format!("not the bytes of the {kind}")).await;
        assert_eq!(wrong.status, 400, "{}", wrong.text());
    }
    assert_eq!(check(&app).await.live, Vec::<String>::new());
    publish(&ann, &file("1.0.0", ".jar"), jar("1.0.0")).await;
    check(&app).await;
}

#[tokio::test]
async fn each_kind_is_compared() {
    let (app, ann) = private().await;
    for (index, (kind, _)) in sums(b"").into_iter().enumerate() {
        let version = format!("1.{index}");
        let (_, sum) = sums(b"expected").into_iter().find(|(name, _)| *name == kind).unwrap();
        assert_eq!(put(&ann, &file(&version, &format!(".jar.{kind}")), sum).await.status, 200);
        let wrong = put(&ann, &file(&version, ".jar"), "other").await;
        assert_eq!(wrong.status, 400, "{kind}");
        assert!(wrong.error().contains(kind), "{}", wrong.text());
        // Another file of the version is none of its business.
        publish(&ann, &file(&version, ".zip"), "other").await;
        publish(&ann, &file(&version, ".jar"), "expected").await;
    }
    check(&app).await;
}

#[tokio::test]
async fn expectations_end_after_some_minutes() {
    let (app, ann) = private().await;
    let (_, sum) = sums(b"expected")[1].clone();
    assert_eq!(put(&ann, &file("1.0.0", ".jar.sha1"), sum).await.status, 200);
    app.clock.advance_millis(299_000);
    let token = app.account_token("ann", &["write"]).await;
    assert_eq!(put(&token, &file("1.0.0", ".jar"), "other").await.status, 400);
    app.clock.advance_millis(2_000);
    publish(&token, &file("1.0.0", ".jar"), "other").await;
}

#[tokio::test]
async fn headers_say_what_must_arrive() {
    let (app, ann) = private().await;
    let bytes = jar("1.0.0");
    let all = sums(&bytes);
    let headers: Vec<(String, &str)> =
        all.iter().map(|(kind, sum)| (format!("x-checksum-{kind}"), sum.as_str())).collect();
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, sum)| (name.as_str(), *sum)).collect();
    for wrong in [
        headers[0],
        headers[1],
        headers[2],
        headers[3],
        // The MD5 of `abc`.
        ("content-md5", "kAFQmDzST7DWlj99KOF/cg=="),
    ] {
        let response = ann.request("PUT", &file("1.0.0", ".jar"), &[wrong], "other".to_owned()).await;
        assert_eq!(response.status, 400, "{wrong:?}: {}", response.text());
    }
    for broken in
        [("x-checksum-sha1", "x"), ("content-md5", "x"), ("content-md5", ""), ("x-checksum-sha256", "a9")]
    {
        let response = ann.request("PUT", &file("1.0.0", ".jar"), &[broken], bytes.clone()).await;
        assert_eq!(response.status, 400, "{broken:?}");
    }
    assert_eq!(check(&app).await.live, Vec::<String>::new());
    let response = ann.request("PUT", &file("1.0.0", ".jar"), &headers, bytes).await;
    assert_eq!(response.status, 201, "{}", response.text());
    let content_md5 = [("content-md5", "kAFQmDzST7DWlj99KOF/cg==")];
    assert_eq!(ann.request("PUT", &file("1.0.0", ".zip"), &content_md5, "abc".to_owned()).await.status, 201);
}

#[tokio::test]
async fn offers_by_checksum_are_declined_and_store_nothing() {
    let (app, ann) = private().await;
    let headers =
        [("x-checksum-deploy", "true"), ("x-checksum-sha1", "a9993e364706816aba3e25717850c26c9cd0d89d")];
    let response = ann.request("PUT", &file("1.0.0", ".jar"), &headers, String::new()).await;
    assert_eq!(response.status, 404, "which makes Artifactory's clients send the bytes");
    assert_eq!(check(&app).await.live, Vec::<String>::new());
}

#[tokio::test]
async fn signatures_have_checksums_and_checksums_have_none() {
    let (_app, ann) = private().await;
    // A signature may come before what it signs.
    publish(&ann, &file("1.0.0", ".jar.asc"), "-----BEGIN PGP SIGNATURE-----").await;
    publish(&ann, &file("1.0.0", ".jar"), jar("1.0.0")).await;
    publish(&ann, &file("1.0.0", ".pom"), pom("1.0.0")).await;
    for (kind, sum) in sums(b"-----BEGIN PGP SIGNATURE-----") {
        assert_eq!(put(&ann, &file("1.0.0", &format!(".jar.asc.{kind}")), sum.clone()).await.status, 200);
        assert_eq!(ann.get(&file("1.0.0", &format!(".jar.asc.{kind}"))).await.text(), sum);
    }
    for end in [".jar.sha1.md5", ".jar.sha1.asc", ".jar.md5.sha512"] {
        assert_eq!(put(&ann, &file("1.0.0", end), "x").await.status, 400, "{end}");
    }
    assert_eq!(put(&ann, &format!("{}.sha1.md5", artifact_metadata()), "x").await.status, 400);
}

#[tokio::test]
async fn checksum_files_are_small() {
    let (_app, ann) = private().await;
    assert_eq!(put(&ann, &file("1.0.0", ".jar.sha1"), vec![b' '; 5_000]).await.status, 413);
}

/// Ivy asks for each file with `HEAD` before it sends it, and publishes nothing if one is there.
#[tokio::test]
async fn checksums_made_here_do_not_keep_ivy_from_sending_its_own() {
    let (_app, ann) = private().await;
    publish_version(&ann, "1.0.0").await;
    let path = file("1.0.0", ".jar.sha1");
    let ivy = [("user-agent", "Apache Ivy/2.5.1")];
    assert_eq!(ann.request("HEAD", &path, &ivy, "").await.status, 404);
    assert_eq!(ann.get_with(&path, &ivy).await.status, 200);
    assert_eq!(ann.request("HEAD", &file("1.0.0", ".jar"), &ivy, "").await.status, 200);
    assert_eq!(ann.head(&path).await.status, 200);
}

/// Whoever waits for `100 Continue` and is refused must not use the connection again: its body is unread.
#[tokio::test]
async fn a_refusal_before_the_body_closes_the_connection() {
    let (app, ann) = private().await;
    let waits = [("expect", "100-continue")];
    let path = file("1.0.0", ".jar");
    let refused = app.anonymous().request("PUT", &path, &waits, jar("1.0.0")).await;
    assert_eq!((refused.status, refused.header("connection")), (401, "close"));
    let taken = ann.request("PUT", &path, &waits, jar("1.0.0")).await;
    assert_eq!((taken.status, taken.header("connection")), (201, ""));
}
