use std::collections::HashMap;
use std::fmt::Debug;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, Delete, MetadataDirective, ObjectIdentifier};
use bytes::Bytes;

use super::support::{BUCKET, Setup};

async fn put(setup: &Setup, key: &str, body: impl Into<Bytes>) {
    let put = setup.s3.put_object().bucket(BUCKET).key(key);
    put.body(ByteStream::from(body.into())).send().await.unwrap();
}

async fn get(setup: &Setup, key: &str) -> Option<Bytes> {
    match setup.s3.get_object().bucket(BUCKET).key(key).send().await {
        Ok(output) => Some(output.body.collect().await.unwrap().into_bytes()),
        Err(error) => {
            assert!(error.as_service_error().unwrap().is_no_such_key(), "{error:?}");
            None
        }
    }
}

fn code<E: ProvideErrorMetadata + Debug, R: Debug>(error: &SdkError<E, R>) -> String {
    error
        .as_service_error()
        .and_then(ProvideErrorMetadata::code)
        .unwrap_or_else(|| panic!("{error:?}"))
        .to_owned()
}

#[tokio::test]
async fn an_object_comes_back_with_all_that_was_said_of_it() {
    let setup = Setup::new().await;
    let put = setup.s3.put_object().bucket(BUCKET).key("documents/u/npm/@s/n/1.full");
    let written = put
        .body(ByteStream::from_static(b"hello"))
        .content_type("application/json")
        .content_encoding("gzip")
        .cache_control("max-age=60")
        .content_disposition("attachment; filename=\"a.tgz\"")
        .metadata("note", "a word")
        .send()
        .await
        .unwrap();
    assert_eq!(written.e_tag.as_deref(), Some("\"5d41402abc4b2a76b9719d911017c592\""));

    let setup = setup.reopen();
    let read = setup.s3.get_object().bucket(BUCKET).key("documents/u/npm/@s/n/1.full").send().await.unwrap();
    assert_eq!(read.content_type.as_deref(), Some("application/json"));
    assert_eq!(read.content_encoding.as_deref(), Some("gzip"));
    assert_eq!(read.cache_control.as_deref(), Some("max-age=60"));
    assert_eq!(read.content_disposition.as_deref(), Some("attachment; filename=\"a.tgz\""));
    assert_eq!(read.metadata, Some(HashMap::from([("note".into(), "a word".into())])));
    assert_eq!(read.content_length, Some(5));
    assert_eq!(read.e_tag.as_deref(), Some("\"5d41402abc4b2a76b9719d911017c592\""));
    assert_eq!(read.body.collect().await.unwrap().into_bytes(), "hello");

    let head = setup.s3.head_object().bucket(BUCKET).key("documents/u/npm/@s/n/1.full").send().await.unwrap();
    assert_eq!(head.content_length, Some(5));
    assert_eq!(head.content_type.as_deref(), Some("application/json"));
    let missing = setup.s3.head_object().bucket(BUCKET).key("none").send().await.unwrap_err();
    assert!(missing.as_service_error().unwrap().is_not_found(), "{missing:?}");
}

#[tokio::test]
async fn keys_that_could_mean_something_to_a_file_system_are_only_keys() {
    let setup = Setup::new().await;
    let keys = [
        "a",
        "A",
        "a/b",
        "a//b",
        "a/",
        "../../../outside",
        "..",
        "a%2fb",
        "a b+c",
        "ü/ß",
        "x/./y",
        ".hidden",
    ];
    for key in keys {
        put(&setup, key, key.to_owned()).await;
    }
    for key in keys {
        assert_eq!(get(&setup, key).await.as_deref(), Some(key.as_bytes()), "{key}");
    }
    let listed = setup.s3.list_objects_v2().bucket(BUCKET).send().await.unwrap();
    let mut expected: Vec<&str> = keys.into();
    expected.sort_unstable();
    let listed: Vec<&str> = listed.contents().iter().filter_map(|object| object.key()).collect();
    assert_eq!(listed, expected);
    let mut outside = std::fs::read_dir(setup.folder.path().parent().unwrap()).unwrap();
    assert!(!outside.any(|entry| entry.unwrap().file_name().to_string_lossy().starts_with("outside")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_writers_of_a_new_object_one_wins() {
    let setup = Setup::new().await;
    let writers = (0..50).map(|index| {
        let client = setup.s3.clone();
        tokio::spawn(async move {
            let body = format!("writer {index} ").repeat(1 + index * 100);
            let put = client.put_object().bucket(BUCKET).key("blobs/sha256/ab/cd").if_none_match("*");
            let result = put.body(ByteStream::from(body.clone().into_bytes())).send().await;
            match result {
                Ok(_) => Some(body),
                Err(error) => {
                    assert_eq!(code(&error), "PreconditionFailed");
                    assert_eq!(error.raw_response().unwrap().status().as_u16(), 412);
                    None
                }
            }
        })
    });
    let mut winners = Vec::new();
    for writer in writers.collect::<Vec<_>>() {
        winners.extend(writer.await.unwrap());
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(get(&setup, "blobs/sha256/ab/cd").await.as_deref(), Some(winners[0].as_bytes()));
    let staging = setup.folder.path().join("objects/staging");
    assert_eq!(std::fs::read_dir(staging).unwrap().count(), 0);
}

#[tokio::test]
async fn if_match_replaces_only_what_was_seen() {
    let setup = Setup::new().await;
    put(&setup, "a", "one").await;
    let etag = setup.s3.head_object().bucket(BUCKET).key("a").send().await.unwrap().e_tag.unwrap();
    let replace = |etag: &str, body: &'static [u8]| {
        setup
            .s3
            .put_object()
            .bucket(BUCKET)
            .key("a")
            .if_match(etag)
            .body(ByteStream::from_static(body))
            .send()
    };
    replace(&etag, b"two").await.unwrap();
    assert_eq!(code(&replace(&etag, b"three").await.unwrap_err()), "PreconditionFailed");
    assert_eq!(get(&setup, "a").await.unwrap(), "two");
    let absent = setup.s3.put_object().bucket(BUCKET).key("none").if_match(etag).send().await.unwrap_err();
    assert_eq!(code(&absent), "NoSuchKey");
}

#[tokio::test]
async fn reads_of_ranges_and_with_conditions() {
    let setup = Setup::new().await;
    let large: Vec<u8> = (0..600_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    for (key, content) in [("small", &large[..1000]), ("large", &large[..])] {
        put(&setup, key, content.to_vec()).await;
        for (range, wanted) in [
            ("bytes=10-19", &content[10..20]),
            ("bytes=900-", &content[900..]),
            ("bytes=-5", &content[content.len() - 5..]),
        ] {
            let read = setup.s3.get_object().bucket(BUCKET).key(key).range(range).send().await.unwrap();
            let length = i64::try_from(wanted.len()).unwrap();
            assert_eq!(read.content_length, Some(length));
            assert!(read.content_range.unwrap().ends_with(&format!("/{}", content.len())));
            assert!(read.body.collect().await.unwrap().into_bytes() == wanted);
        }
        let beyond =
            setup.s3.get_object().bucket(BUCKET).key(key).range("bytes=9000000-").send().await.unwrap_err();
        assert_eq!(code(&beyond), "InvalidRange");
        assert!(get(&setup, key).await.unwrap() == content);
        let etag = setup.s3.head_object().bucket(BUCKET).key(key).send().await.unwrap().e_tag.unwrap();
        let known =
            setup.s3.get_object().bucket(BUCKET).key(key).if_none_match(etag).send().await.unwrap_err();
        assert_eq!(known.raw_response().unwrap().status().as_u16(), 304);
    }
}

#[tokio::test]
async fn bytes_that_do_not_match_their_checksums_are_not_taken() {
    let setup = Setup::new().await;
    let put = || setup.s3.put_object().bucket(BUCKET).key("a").body(ByteStream::from_static(b"hello"));
    let wrong_sha =
        put().checksum_sha256("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").send().await.unwrap_err();
    assert_eq!(code(&wrong_sha), "BadDigest");
    let wrong_md5 = put().content_md5("AAAAAAAAAAAAAAAAAAAAAA==").send().await.unwrap_err();
    assert_eq!(code(&wrong_md5), "BadDigest");
    assert_eq!(get(&setup, "a").await, None);

    let right = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=";
    let written = put().checksum_sha256(right).content_md5("XUFAKrxLKna5cZ2REBfFkg==").send().await.unwrap();
    assert_eq!(written.checksum_sha256.as_deref(), Some(right));
    let head = setup.s3.head_object().bucket(BUCKET).key("a");
    let head = head.checksum_mode(aws_sdk_s3::types::ChecksumMode::Enabled).send().await.unwrap();
    assert_eq!(head.checksum_sha256.as_deref(), Some(right));
}

/// A body from a file is sent in chunks, with its checksum behind it.
#[tokio::test]
async fn checksums_behind_a_streamed_body_are_checked_and_kept() {
    let setup = Setup::new().await;
    let file = setup.folder.path().join("upload");
    let content = vec![7_u8; 3 * 1024 * 1024 + 11];
    std::fs::write(&file, &content).unwrap();
    let put = setup.s3.put_object().bucket(BUCKET).key("big").checksum_algorithm(ChecksumAlgorithm::Sha256);
    let written = put.body(ByteStream::from_path(&file).await.unwrap()).send().await.unwrap();
    assert!(written.checksum_sha256.is_some(), "{written:?}");
    let read = setup.s3.get_object().bucket(BUCKET).key("big").send().await.unwrap();
    assert_eq!(read.content_encoding, None);
    assert!(read.body.collect().await.unwrap().into_bytes() == content);
}

#[tokio::test]
async fn lists_come_in_pages() {
    let setup = Setup::new().await;
    let keys: Vec<String> = (0..25).map(|n| format!("list/{:02}/file-{n}", n % 7)).collect();
    for key in &keys {
        put(&setup, key, "x").await;
    }
    put(&setup, "other", "x").await;
    let mut expected = keys.clone();
    expected.sort();
    let mut found = Vec::new();
    let mut token = None;
    for _ in 0..10 {
        let list = setup.s3.list_objects_v2().bucket(BUCKET).prefix("list/").max_keys(4);
        let page = list.set_continuation_token(token).send().await.unwrap();
        assert!(page.contents().iter().all(|object| object.size == Some(1)));
        found.extend(page.contents().iter().filter_map(|object| object.key.clone()));
        token = page.next_continuation_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(found, expected);
    let list = setup.s3.list_objects_v2().bucket(BUCKET).prefix("list/").start_after(&expected[9]);
    let page = list.send().await.unwrap();
    assert_eq!(page.contents().first().unwrap().key.as_ref(), Some(&expected[10]));
    assert_eq!(page.key_count, Some(15));
}

#[tokio::test]
async fn objects_are_copied_with_or_without_their_metadata() {
    let setup = Setup::new().await;
    let put = setup.s3.put_object().bucket(BUCKET).key("staging/a b").content_type("text/plain");
    put.body(ByteStream::from_static(b"hello")).send().await.unwrap();
    let copy =
        |key: &str| setup.s3.copy_object().bucket(BUCKET).key(key).copy_source("granary/staging/a%20b");
    copy("same").send().await.unwrap();
    let replaced = copy("other").content_type("text/html").metadata_directive(MetadataDirective::Replace);
    let etag = replaced.send().await.unwrap().copy_object_result.unwrap().e_tag;
    assert_eq!(etag.as_deref(), Some("\"5d41402abc4b2a76b9719d911017c592\""));
    for (key, content_type) in [("same", "text/plain"), ("other", "text/html")] {
        let head = setup.s3.head_object().bucket(BUCKET).key(key).send().await.unwrap();
        assert_eq!(head.content_type.as_deref(), Some(content_type));
        assert_eq!(get(&setup, key).await.unwrap(), "hello");
    }
    let missing =
        setup.s3.copy_object().bucket(BUCKET).key("c").copy_source("granary/none").send().await.unwrap_err();
    assert_eq!(code(&missing), "NoSuchKey");
}

#[tokio::test]
async fn deleting_removes_and_repeating_it_is_no_matter() {
    let setup = Setup::new().await;
    for key in ["a", "b/c", "b/d"] {
        put(&setup, key, "x").await;
    }
    for _ in 0..2 {
        setup.s3.delete_object().bucket(BUCKET).key("a").send().await.unwrap();
    }
    let objects = ["b/c", "b/d", "none"].map(|key| ObjectIdentifier::builder().key(key).build().unwrap());
    let delete = Delete::builder().set_objects(Some(objects.into())).build().unwrap();
    let deleted = setup.s3.delete_objects().bucket(BUCKET).delete(delete).send().await.unwrap();
    assert_eq!(deleted.deleted().len(), 3);
    assert!(deleted.errors().is_empty());
    for key in ["a", "b/c", "b/d"] {
        assert_eq!(get(&setup, key).await, None);
    }
    assert_eq!(std::fs::read_dir(setup.folder.path().join("objects/buckets/granary")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_named_as_the_reason() {
    let setup = Setup::new().await;
    setup.s3.head_bucket().bucket(BUCKET).send().await.unwrap();
    let missing = setup.s3.head_bucket().bucket("none").send().await.unwrap_err();
    assert!(missing.as_service_error().unwrap().is_not_found(), "{missing:?}");
    let get = setup.s3.get_object().bucket("none").key("a").send().await.unwrap_err();
    assert_eq!(code(&get), "NoSuchBucket");
    let put = setup.s3.put_object().bucket("none").key("a").send().await.unwrap_err();
    assert_eq!(code(&put), "NoSuchBucket");
}

/// An object's file is there whole or not at all: a writer that dies leaves something in `staging` only, and
/// that is removed at the next start.
#[tokio::test]
async fn half_written_files_are_never_objects() {
    let setup = Setup::new().await;
    let staging = setup.folder.path().join("objects/staging");
    std::fs::write(staging.join("half"), b"half of an obj").unwrap();
    let setup = setup.reopen();
    assert_eq!(std::fs::read_dir(staging).unwrap().count(), 0);
    let listed = setup.s3.list_objects_v2().bucket(BUCKET).send().await.unwrap();
    assert_eq!(listed.key_count, Some(0));
}

/// The files below a folder whose name contains a text.
fn files_named(folder: &std::path::Path, text: &str) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_named(&path, text));
        } else if path.to_string_lossy().contains(text) {
            found.push(path);
        }
    }
    found
}

/// Nobody waits until a document is on the disk, so a power cut can leave a part of one.
#[tokio::test]
async fn a_damaged_document_is_not_there_and_can_be_put_again() {
    let setup = Setup::new().await;
    let key = "documents/u/npm/a/1.f";
    for _ in 0..2 {
        put(&setup, key, "one").await;
        assert_eq!(get(&setup, key).await.unwrap(), "one");
        let files = files_named(setup.folder.path(), "1.f");
        assert_eq!(files.len(), 1, "{files:?}");
        let mut other = std::fs::read(&files[0]).unwrap();
        other[0] = b'x';
        for left in [other, Vec::new()] {
            std::fs::write(&files[0], left).unwrap();
            assert_eq!(get(&setup, key).await, None);
        }
    }
}

#[tokio::test]
async fn one_damaged_object_does_not_hide_the_others() {
    let setup = Setup::new().await;
    put(&setup, "a/damaged", "one").await;
    put(&setup, "a/whole", "two").await;
    let files = files_named(setup.folder.path(), "damaged");
    assert_eq!(files.len(), 1, "{files:?}");
    std::fs::write(&files[0], b"x").unwrap();
    let listed = setup.s3.list_objects_v2().bucket(BUCKET).prefix("a/").send().await.unwrap();
    let keys: Vec<&str> = listed.contents().iter().filter_map(|object| object.key()).collect();
    assert_eq!(keys, ["a/damaged", "a/whole"]);
    assert!(setup.s3.get_object().bucket(BUCKET).key("a/damaged").send().await.is_err());
    setup.s3.delete_object().bucket(BUCKET).key("a/damaged").send().await.unwrap();
    assert_eq!(get(&setup, "a/whole").await.unwrap(), "two");
}

/// Inside the process nothing is signed, and the library takes apart only what is: chunks would be stored as they came.
#[tokio::test]
async fn an_unsigned_stream_is_stored_as_it_is_or_not_at_all() {
    let setup = Setup::new().await;
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(aws_sdk_s3::config::BehaviorVersion::latest())
        .region(aws_sdk_s3::config::Region::new("us-east-1"))
        .allow_no_auth()
        .endpoint_url("http://s3.local")
        .force_path_style(true)
        .retry_config(aws_sdk_s3::config::retry::RetryConfig::disabled())
        .http_client(setup.engines.s3());
    let unsigned = aws_sdk_s3::Client::from_conf(config.build());
    let bytes = vec![7_u8; 300_000];
    let file = setup.folder.path().join("stream");
    std::fs::write(&file, &bytes).unwrap();
    let stream = || async { ByteStream::from_path(&file).await.unwrap() };
    let put = || unsigned.put_object().bucket(BUCKET);
    if put().key("chunks").body(stream().await).send().await.is_ok() {
        assert_eq!(get(&setup, "chunks").await.unwrap(), bytes);
    } else {
        assert_eq!(get(&setup, "chunks").await, None);
    }
    put().key("memory").body(ByteStream::from(bytes.clone())).send().await.unwrap();
    assert_eq!(get(&setup, "memory").await.unwrap(), bytes);
    let framed = put().key("framed").body(stream().await).content_encoding("aws-chunked").send().await;
    assert!(framed.is_err(), "{framed:?}");
    assert_eq!(get(&setup, "framed").await, None);
}
