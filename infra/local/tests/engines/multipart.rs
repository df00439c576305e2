use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};

use super::support::{BUCKET, Setup};

const MIB: usize = 1024 * 1024;

async fn create(setup: &Setup, key: &str) -> String {
    let create = setup.s3.create_multipart_upload().bucket(BUCKET).key(key).content_type("application/zip");
    create.checksum_algorithm(ChecksumAlgorithm::Sha256).send().await.unwrap().upload_id.unwrap()
}

async fn part(setup: &Setup, key: &str, id: &str, number: i32, body: Vec<u8>) -> CompletedPart {
    let upload = setup.s3.upload_part().bucket(BUCKET).key(key).upload_id(id).part_number(number);
    let upload = upload.checksum_algorithm(ChecksumAlgorithm::Sha256);
    let answer = upload.body(ByteStream::from(body)).send().await.unwrap();
    CompletedPart::builder()
        .part_number(number)
        .set_e_tag(answer.e_tag)
        .set_checksum_sha256(answer.checksum_sha256)
        .build()
}

fn complete(
    setup: &Setup,
    key: &str,
    id: &str,
    parts: Vec<CompletedPart>,
) -> aws_sdk_s3::operation::complete_multipart_upload::builders::CompleteMultipartUploadFluentBuilder {
    let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
    setup.s3.complete_multipart_upload().bucket(BUCKET).key(key).upload_id(id).multipart_upload(parts)
}

#[tokio::test]
async fn parts_become_one_object_even_over_a_restart() {
    let setup = Setup::new().await;
    let id = create(&setup, "staging/big").await;
    let first = part(&setup, "staging/big", &id, 1, vec![1; 5 * MIB]).await;
    let setup = setup.reopen();
    let second = part(&setup, "staging/big", &id, 2, vec![2; 5 * MIB]).await;
    let third = part(&setup, "staging/big", &id, 7, vec![3; 10]).await;
    let answer = complete(&setup, "staging/big", &id, vec![first, second, third]).send().await.unwrap();
    assert!(answer.e_tag.unwrap().ends_with("-3\""));
    assert!(answer.checksum_sha256.unwrap().ends_with("-3"));

    let read = setup.s3.get_object().bucket(BUCKET).key("staging/big").send().await.unwrap();
    assert_eq!(read.content_type.as_deref(), Some("application/zip"));
    let bytes = read.body.collect().await.unwrap().into_bytes();
    assert!(bytes == [vec![1; 5 * MIB], vec![2; 5 * MIB], vec![3; 10]].concat());
    assert_eq!(std::fs::read_dir(setup.folder.path().join("objects/uploads")).unwrap().count(), 0);
    let again = complete(&setup, "staging/big", &id, vec![]).send().await.unwrap_err();
    assert_eq!(again.as_service_error().unwrap().code(), Some("NoSuchUpload"));
}

#[tokio::test]
async fn uploads_that_cannot_be_completed_say_why_and_stay() {
    let setup = Setup::new().await;
    let id = create(&setup, "a").await;
    let small = part(&setup, "a", &id, 1, vec![1; 10]).await;
    let last = part(&setup, "a", &id, 2, vec![2; 10]).await;
    let missing = CompletedPart::builder().part_number(9).e_tag("x").build();
    for (parts, code) in [
        (vec![small.clone(), last.clone()], "EntityTooSmall"),
        (vec![last.clone(), small.clone()], "InvalidPartOrder"),
        (vec![missing], "InvalidPart"),
    ] {
        let refused = complete(&setup, "a", &id, parts).send().await.unwrap_err();
        assert_eq!(refused.as_service_error().unwrap().code(), Some(code));
    }
    let other_key = complete(&setup, "b", &id, vec![small.clone()]).send().await.unwrap_err();
    assert_eq!(other_key.as_service_error().unwrap().code(), Some("NoSuchUpload"));
    setup.s3.put_object().bucket(BUCKET).key("a").send().await.unwrap();
    let taken = complete(&setup, "a", &id, vec![small.clone()]).if_none_match("*").send().await.unwrap_err();
    assert_eq!(taken.as_service_error().unwrap().code(), Some("PreconditionFailed"));
    complete(&setup, "a", &id, vec![small]).send().await.unwrap();
}

#[tokio::test]
async fn an_aborted_upload_leaves_nothing() {
    let setup = Setup::new().await;
    let id = create(&setup, "a").await;
    part(&setup, "a", &id, 1, vec![1; 10]).await;
    let abort = || setup.s3.abort_multipart_upload().bucket(BUCKET).key("a").upload_id(&id).send();
    abort().await.unwrap();
    assert_eq!(std::fs::read_dir(setup.folder.path().join("objects/uploads")).unwrap().count(), 0);
    assert_eq!(abort().await.unwrap_err().as_service_error().unwrap().code(), Some("NoSuchUpload"));
    let late = setup.s3.upload_part().bucket(BUCKET).key("a").upload_id("../../buckets").part_number(1);
    assert_eq!(late.send().await.unwrap_err().as_service_error().unwrap().code(), Some("NoSuchUpload"));
}

#[tokio::test]
async fn parts_that_arrived_are_listed_in_pages() {
    let setup = Setup::new().await;
    let id = create(&setup, "staging/big").await;
    let list = |after: Option<&str>, limit: i32| {
        let list = setup.s3.list_parts().bucket(BUCKET).key("staging/big").upload_id(&id).max_parts(limit);
        list.set_part_number_marker(after.map(str::to_owned)).send()
    };
    assert!(list(None, 10).await.unwrap().parts().is_empty());
    for (number, size) in [(3, 30), (1, 10), (12, 12), (3, 33)] {
        part(&setup, "staging/big", &id, number, vec![1; size]).await;
    }
    let first = list(None, 2).await.unwrap();
    let found = |parts: &[aws_sdk_s3::types::Part]| -> Vec<(i32, i64)> {
        parts.iter().map(|part| (part.part_number.unwrap(), part.size.unwrap())).collect()
    };
    assert_eq!(found(first.parts()), [(1, 10), (3, 33)]);
    assert_eq!((first.is_truncated, first.next_part_number_marker.as_deref()), (Some(true), Some("3")));
    assert!(first.parts()[0].e_tag.as_deref().unwrap().starts_with('"'));
    let second = list(Some("3"), 2).await.unwrap();
    assert_eq!(found(second.parts()), [(12, 12)]);
    assert_eq!(second.is_truncated, Some(false));
    let other = setup.s3.list_parts().bucket(BUCKET).key("other").upload_id(&id).send().await.unwrap_err();
    assert_eq!(other.as_service_error().unwrap().code(), Some("NoSuchUpload"));
}

#[tokio::test]
async fn uploads_under_way_are_listed_in_pages() {
    let setup = Setup::new().await;
    let mut expected = Vec::new();
    for key in ["staging/b", "staging/a", "staging/a", "other/a"] {
        let id = create(&setup, key).await;
        if key.starts_with("staging/") {
            expected.push((key.to_owned(), id));
        }
    }
    expected.sort();
    let mut found = Vec::new();
    let (mut key, mut id) = (None, None);
    for _ in 0..4 {
        let list = setup.s3.list_multipart_uploads().bucket(BUCKET).prefix("staging/").max_uploads(1);
        let page = list.set_key_marker(key).set_upload_id_marker(id).send().await.unwrap();
        for upload in page.uploads() {
            assert!(upload.initiated().is_some());
            found.push((upload.key.clone().unwrap(), upload.upload_id.clone().unwrap()));
        }
        (key, id) = (page.next_key_marker, page.next_upload_id_marker);
        if page.is_truncated != Some(true) {
            break;
        }
    }
    assert_eq!(found, expected);
    let (key, id) = &found[0];
    setup.s3.abort_multipart_upload().bucket(BUCKET).key(key).upload_id(id).send().await.unwrap();
    let left = setup.s3.list_multipart_uploads().bucket(BUCKET).send().await.unwrap();
    assert_eq!(left.uploads().len(), 3);
}
