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
