//! Objects that clients send to the bucket themselves.

use std::collections::BTreeSet;

use granary_model::{Error, Md5, Sha1};
use granary_storage::staging::{SignedPut, StagedPart, staging_path};
use granary_storage::{ObjectKey, Storage, Upload};
use reqwest::{Response, StatusCode};

use crate::place::Place;
use crate::{digest, noise};

const MIB: usize = 1024 * 1024;

async fn send(put: &SignedPut, body: Vec<u8>) -> Response {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    // The length is sent by the client itself.
    let headers = put.headers.iter().filter(|(name, _)| name != "content-length");
    let request = headers.fold(client.put(&put.url), |request, (name, value)| request.header(name, value));
    request.body(body).send().await.unwrap()
}

/// Stages bytes and gives their `ETag`.
async fn staged(storage: &Storage, path: &str, bytes: &[u8]) -> String {
    let put = storage.presign_upload(path, bytes.len() as u64, digest(bytes)).await.unwrap();
    let answer = send(&put, bytes.to_vec()).await;
    assert_eq!(answer.status(), StatusCode::OK);
    answer.headers().get("etag").unwrap().to_str().unwrap().to_owned()
}

fn others() -> (Sha1, Md5) {
    (Sha1::from_bytes([1; 20]), Md5::from_bytes([2; 16]))
}

#[tokio::test]
async fn a_presigned_upload_takes_only_the_bytes_that_were_announced() {
    let place = Place::bucket().await;
    let storage = &place.storage;
    let (path, bytes) = (staging_path("session", 0), noise(100_000));
    let put = storage.presign_upload(&path, 100_000, digest(&bytes)).await.unwrap();
    let mut other = bytes.clone();
    other.reverse();
    assert_eq!(send(&put, other).await.status(), StatusCode::BAD_REQUEST, "another digest");
    assert_eq!(send(&put, noise(99_999)).await.status(), StatusCode::FORBIDDEN, "another length");
    let bare = SignedPut { headers: Vec::new(), ..put.clone() };
    let unsigned = send(&bare, noise(100_001)).await;
    assert!(!unsigned.status().is_success(), "another length, and no header");
    assert_eq!(storage.object_size(&path).await.unwrap(), None);
    for _ in 0..2 {
        assert_eq!(send(&put, bytes.clone()).await.status(), StatusCode::OK, "repeating it is no matter");
    }
    let mut object = storage.open_object(&path).await.unwrap().unwrap();
    assert_eq!(object.size, 100_000);
    let mut read = Vec::new();
    while let Some(chunk) = object.next().await.unwrap() {
        read.extend_from_slice(&chunk);
    }
    assert!(read == bytes);
}

#[tokio::test]
async fn parts_of_objects_are_read() {
    let place = Place::bucket().await;
    let storage = &place.storage;
    let (path, bytes) = (staging_path("session", 0), noise(10_000));
    staged(storage, &path, &bytes).await;
    assert_eq!(storage.read_range(&path, 10, 5).await.unwrap(), bytes.get(10..15).unwrap());
    assert_eq!(storage.read_range(&path, 9_990, 100).await.unwrap(), bytes.get(9_990..).unwrap());
    assert!(storage.read_range(&path, 10_000, 1).await.is_err(), "behind its end");
    let part = storage.open_part(&path, 0, 9).await.unwrap().unwrap();
    assert_eq!(part.size, 10);
    assert!(storage.open_part("staging/none/0", 0, 9).await.unwrap().is_none());
    assert!(storage.open_object("staging/none/0").await.unwrap().is_none());
    assert_eq!(storage.object_size("staging/none/0").await.unwrap(), None);
    assert!(matches!(storage.read_range("staging/none/0", 0, 1).await, Err(Error::Unavailable(_))));
}

#[tokio::test]
async fn parts_are_joined_to_an_object() {
    let place = Place::bucket().await;
    let storage = &place.storage;
    let path = staging_path("session", 1);
    let id = storage.create_multipart(&path).await.unwrap();
    assert_eq!(storage.list_parts(&path, &id).await.unwrap(), Some(Vec::new()));
    let bytes = noise(5 * MIB + 10);
    let (first, second) = bytes.split_at(5 * MIB);
    for (number, part) in [(2, second), (1, first)] {
        let put = storage.presign_part(&path, &id, number, part.len() as u64).await.unwrap();
        let short = send(&put, noise(part.len() - 1)).await;
        assert_eq!(short.status(), StatusCode::FORBIDDEN, "another length");
        assert_eq!(send(&put, part.to_vec()).await.status(), StatusCode::OK);
    }
    let parts = storage.list_parts(&path, &id).await.unwrap().unwrap();
    let sizes: Vec<(i32, u64)> = parts.iter().map(|part| (part.number, part.size)).collect();
    assert_eq!(sizes, [(1, first.len() as u64), (2, second.len() as u64)]);

    let wrong: Vec<StagedPart> =
        parts.iter().map(|part| StagedPart { etag: "\"0123\"".into(), ..part.clone() }).collect();
    assert!(!storage.complete_multipart(&path, &id, &wrong).await.unwrap(), "replaced since");
    assert_eq!(storage.object_size(&path).await.unwrap(), None);
    assert!(storage.complete_multipart(&path, &id, &parts).await.unwrap());
    let object = storage.open_object(&path).await.unwrap().unwrap();
    assert!(object.etag.trim_end_matches('"').ends_with("-2"), "{}", object.etag);
    assert!(storage.read_range(&path, 0, u64::MAX / 2).await.unwrap() == bytes);
    assert_eq!(storage.list_parts(&path, &id).await.unwrap(), None);
    assert!(storage.adopt_blob(&path, &object.etag, digest(&bytes), others()).await.unwrap());
    assert!(storage.get_object(&ObjectKey::Blob(digest(&bytes))).await.unwrap().unwrap() == bytes);
}

#[tokio::test]
async fn an_upload_that_is_thrown_away_takes_nothing_more() {
    let place = Place::bucket().await;
    let storage = &place.storage;
    let path = staging_path("session", 2);
    let id = storage.create_multipart(&path).await.unwrap();
    let put = storage.presign_part(&path, &id, 1, 10).await.unwrap();
    assert_eq!(send(&put, noise(10)).await.status(), StatusCode::OK);
    let parts = storage.list_parts(&path, &id).await.unwrap().unwrap();
    for _ in 0..2 {
        storage.abort_multipart(&path, &id).await.unwrap();
    }
    assert_eq!(send(&put, noise(10)).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(storage.list_parts(&path, &id).await.unwrap(), None);
    assert!(!storage.complete_multipart(&path, &id, &parts).await.unwrap());
    assert_eq!(storage.object_size(&path).await.unwrap(), None);
}

#[tokio::test]
async fn uploads_under_way_are_found_until_they_end() {
    let place = Place::bucket().await;
    let storage = &place.storage;
    let mut open = BTreeSet::new();
    for n in 0..5 {
        let path = staging_path(&format!("session{}", n % 3), n);
        open.insert((path.clone(), storage.create_multipart(&path).await.unwrap()));
    }
    // Two of one path.
    let path = staging_path("session0", 0);
    open.insert((path.clone(), storage.create_multipart(&path).await.unwrap()));
    let elsewhere = storage.create_multipart("documents/x").await.unwrap();
    assert!(!elsewhere.is_empty());
    let (found, next) = storage.list_multiparts(None).await.unwrap();
    assert_eq!(next, None);
    assert_eq!(found.into_iter().map(|upload| (upload.path, upload.id)).collect::<BTreeSet<_>>(), open);
    for (path, id) in &open {
        storage.abort_multipart(path, id).await.unwrap();
    }
    assert!(storage.list_multiparts(None).await.unwrap().0.is_empty());
}

#[tokio::test]
async fn a_staged_object_becomes_a_blob_while_it_is_what_was_read() {
    let place = Place::bucket().await;
    let storage = &place.storage;
    let (path, bytes) = (staging_path("session", 0), noise(1000));
    let blob = digest(&bytes);
    assert!(!storage.adopt_blob(&path, "\"0123\"", blob, others()).await.unwrap(), "there is none");
    let etag = staged(storage, &path, &bytes).await;
    assert_eq!(storage.open_object(&path).await.unwrap().unwrap().etag, etag);
    assert!(!storage.adopt_blob(&path, "\"0123\"", blob, others()).await.unwrap(), "another one was read");
    assert_eq!(storage.blob_size(blob).await.unwrap(), None);
    for _ in 0..2 {
        assert!(storage.adopt_blob(&path, &etag, blob, others()).await.unwrap());
    }
    assert_eq!(storage.get_object(&ObjectKey::Blob(blob)).await.unwrap().unwrap(), bytes);
    // The bytes are in the bucket by themselves now.
    storage.delete_object(&path).await.unwrap();
    assert_eq!(storage.blob_size(blob).await.unwrap(), Some(1000));
    storage.put_blob(blob, &Upload::Memory(bytes.into())).await.unwrap();
}

#[tokio::test]
async fn a_copy_says_its_digest() {
    let place = Place::bucket().await;
    let storage = &place.storage;
    let (path, bytes) = (staging_path("session", 0), noise(1000));
    let etag = staged(storage, &path, &bytes).await;
    let wrong = storage.adopt_blob(&path, &etag, digest(b"other"), others()).await;
    assert!(matches!(wrong, Err(Error::Internal(_))), "{wrong:?}");
    assert_eq!(storage.blob_size(digest(b"other")).await.unwrap(), None, "it is removed again");
}
