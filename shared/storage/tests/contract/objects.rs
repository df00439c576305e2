//! Blobs and documents.

use std::time::Duration;

use futures::future::join_all;
use futures::stream::{self, StreamExt as _};
use granary_model::PackageType;
use granary_storage::{ObjectKey, PackageKey, PutOutcome, Upload};
use reqwest::StatusCode;

use crate::place::Place;
use crate::{digest, noise, repo};

#[tokio::test]
async fn blobs_are_stored_once_and_checked() {
    let place = Place::bucket().await;
    let storage = &place.storage;
    let bytes = b"some bytes".to_vec();
    let blob = digest(&bytes);
    let puts = (0..8).map(|_| {
        let (storage, bytes) = (storage.clone(), bytes.clone());
        async move { storage.put_blob(blob, &Upload::Memory(bytes.into())).await.unwrap() }
    });
    let outcomes = join_all(puts).await;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == PutOutcome::Created).count(), 1);
    assert_eq!(storage.get_object(&ObjectKey::Blob(blob)).await.unwrap().unwrap(), bytes);
    assert_eq!(storage.blob_size(blob).await.unwrap(), Some(10));
    let wrong = storage.put_blob(digest(b"other"), &Upload::Memory(bytes.into())).await;
    assert!(wrong.is_err(), "the digest does not fit");
    assert_eq!(storage.blob_size(digest(b"other")).await.unwrap(), None);
    let path = ObjectKey::Blob(blob).path();
    assert_eq!(storage.list_objects("blobs/", None).await.unwrap(), [path.as_str()]);
    storage.delete_object(&path).await.unwrap();
    storage.delete_object(&path).await.unwrap();
    assert_eq!(storage.get_object(&ObjectKey::Blob(blob)).await.unwrap(), None);
}

fn document(name: &str, rev: u64) -> ObjectKey {
    let package = PackageKey { repo: repo(), kind: PackageType::Raw, name: name.into() };
    ObjectKey::Document { package, repo_uid: "u1".into(), rev, variant: "f.v1".into() }
}

#[tokio::test]
async fn a_stream_is_stored_as_it_is_and_only_with_its_digest() {
    let place = Place::bucket().await;
    let storage = &place.storage;
    let bytes = noise(3_000_000);
    let upload = || {
        let bytes = bytes.clone();
        Upload::stream(move || reqwest::Body::from(bytes.clone()), 3_000_000)
    };
    assert!(storage.put_blob(digest(b"other"), &upload()).await.is_err());
    assert_eq!(storage.blob_size(digest(b"other")).await.unwrap(), None);
    assert_eq!(storage.put_blob(digest(&bytes), &upload()).await.unwrap(), PutOutcome::Created);
    assert_eq!(storage.put_blob(digest(&bytes), &upload()).await.unwrap(), PutOutcome::Existed);
    assert!(storage.get_object(&ObjectKey::Blob(digest(&bytes))).await.unwrap().unwrap() == bytes);
    let nothing = Upload::Memory(bytes::Bytes::new());
    assert_eq!(storage.put_blob(digest(b""), &nothing).await.unwrap(), PutOutcome::Created);
    assert_eq!(storage.blob_size(digest(b"")).await.unwrap(), Some(0));
    assert_eq!(storage.get_object(&ObjectKey::Blob(digest(b""))).await.unwrap().unwrap(), b"".as_slice());
}

#[tokio::test]
async fn documents_are_replaced_and_kept_apart_by_names_of_any_kind() {
    let place = Place::bucket().await;
    let storage = &place.storage;
    let names = [
        "@s/n",
        "a b",
        "a+b",
        "a%2Fb",
        "a%20b",
        "a~b",
        "(a),b!$=",
        "g.h:a_b-c",
        "é",
        "😀",
        "A",
        "a",
        "a//b",
        "a?b",
        "a#b",
        "a&b=c",
        "a'b",
        "a\"b",
        "a<b>",
        "-",
        "..a",
        "a.",
        "a*b",
        "a;b",
        "a\\b",
        "a|b",
    ];
    for round in ["first", "second"] {
        for name in names {
            storage.put_document(&document(name, 1), format!("{round} {name}").into()).await.unwrap();
        }
    }
    for name in names {
        let found = storage.get_object(&document(name, 1)).await.unwrap();
        assert_eq!(found.as_deref(), Some(format!("second {name}").as_bytes()), "{name}");
    }
    let mut paths: Vec<String> = names.iter().map(|name| document(name, 1).path()).collect();
    paths.sort_unstable();
    assert_eq!(storage.list_objects("documents/u1/", None).await.unwrap(), paths);
    assert_eq!(storage.list_objects("documents/u1/raw/a/", None).await.unwrap().len(), 2, "`a` and `a//b`");
    for path in &paths {
        storage.delete_object(path).await.unwrap();
    }
    assert!(storage.list_objects("", None).await.unwrap().is_empty());
}

#[tokio::test]
async fn more_than_a_thousand_objects_are_listed_in_pages() {
    let place = Place::bucket().await;
    let storage = &place.storage;
    let puts = (0..1005).map(|rev| async move {
        let key = document("many", rev);
        storage.put_document(&key, "x".into()).await.unwrap();
    });
    stream::iter(puts).buffer_unordered(16).collect::<Vec<()>>().await;
    let mut expected: Vec<String> = (0..1005).map(|rev| document("many", rev).path()).collect();
    expected.sort_unstable();
    let first = storage.list_objects("documents/", None).await.unwrap();
    assert_eq!(first.len(), 1000);
    let second = storage.list_objects("documents/", first.last().map(String::as_str)).await.unwrap();
    assert_eq!([first, second].concat(), expected);
    let behind = storage.list_objects("documents/", expected.last().map(String::as_str)).await.unwrap();
    assert!(behind.is_empty());
}

#[tokio::test]
async fn anybody_fetches_a_presigned_blob() {
    let place = Place::bucket().await;
    let storage = &place.storage;
    let bytes = noise(300_000);
    let blob = digest(&bytes);
    storage.put_blob(blob, &Upload::Memory(bytes.clone().into())).await.unwrap();
    let disposition = r#"attachment; filename="a b+c.zip"; filename*=UTF-8''%C3%A9.zip"#;
    let minute = Duration::from_mins(1);
    let url = storage.presign_blob(blob, "application/x-tar", Some(disposition), minute).await.unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let get = || client.get(&url).header("user-agent", "curl/8").header("accept-encoding", "gzip");
    let whole = get().send().await.unwrap();
    assert_eq!(whole.status(), StatusCode::OK);
    let header = |name: &str| whole.headers().get(name).unwrap().to_str().unwrap().to_owned();
    assert_eq!(
        (header("content-type"), header("content-disposition")),
        ("application/x-tar".into(), disposition.into())
    );
    assert_eq!(header("content-length"), "300000");
    let etag = header("etag");
    assert!(whole.bytes().await.unwrap() == bytes);
    let part = get().header("range", "bytes=299990-").send().await.unwrap();
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.headers().get("content-range").unwrap(), "bytes 299990-299999/300000");
    assert_eq!(part.bytes().await.unwrap(), bytes.get(299_990..).unwrap());
    let known = get().header("if-none-match", etag).send().await.unwrap();
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    let forged = url.replace("application%2Fx-tar", "text%2Fhtml");
    assert_ne!(forged, url);
    assert_eq!(client.get(forged).send().await.unwrap().status(), StatusCode::FORBIDDEN);
    assert_eq!(client.put(&url).body("x").send().await.unwrap().status(), StatusCode::FORBIDDEN);
    let missing = storage.presign_blob(digest(b"missing"), "text/plain", None, minute).await.unwrap();
    assert_eq!(client.get(missing).send().await.unwrap().status(), StatusCode::NOT_FOUND);
}
