use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use granary_local::engines::probe::{Fault, Service, Target};

use super::support::{BUCKET, Setup};

fn put(setup: &Setup, key: &str) -> aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder {
    setup.s3.put_object().bucket(BUCKET).key(key).body(ByteStream::from_static(b"x"))
}

#[tokio::test]
async fn calls_are_recorded_with_what_waits_for_what() {
    let setup = Setup::new().await;
    setup.probe.reset();
    put(&setup, "a").send().await.unwrap();
    setup.sqs.create_queue().queue_name("q").send().await.unwrap();
    let described = setup.dynamodb.describe_table().table_name("none").send().await;
    assert!(described.is_err());
    let calls = setup.probe.calls();
    let names: Vec<_> = calls.iter().map(|call| (call.service, call.operation.as_str())).collect();
    assert_eq!(
        names,
        [(Service::S3, "PutObject"), (Service::Sqs, "CreateQueue"), (Service::DynamoDb, "DescribeTable")]
    );
    assert_eq!(setup.probe.depth(), 3);

    setup.probe.reset();
    let table = || setup.dynamodb.describe_table().table_name("none").send();
    let _answers = tokio::join!(table(), table(), table());
    assert_eq!((setup.probe.count(), setup.probe.depth()), (3, 1));
}

#[tokio::test]
async fn a_refused_call_has_no_effect_and_a_lost_answer_has() {
    let setup = Setup::new().await;
    setup.probe.reset();
    setup.probe.inject(Target::operation(Service::S3, "PutObject", 2), Fault::Refuse);
    setup.probe.inject(Target::service(Service::S3, 4), Fault::LoseAnswer);
    put(&setup, "1").send().await.unwrap();
    assert!(put(&setup, "2").send().await.unwrap_err().as_service_error().is_none());
    put(&setup, "3").send().await.unwrap();
    assert!(put(&setup, "4").send().await.unwrap_err().as_service_error().is_none());
    put(&setup, "5").send().await.unwrap();
    let listed = setup.s3.list_objects_v2().bucket(BUCKET).send().await.unwrap();
    let keys: Vec<_> = listed.contents().iter().filter_map(|object| object.key()).collect();
    assert_eq!(keys, ["1", "3", "4", "5"]);
}

#[tokio::test]
async fn a_delayed_call_lets_others_pass() {
    let setup = Setup::new().await;
    setup.probe.reset();
    setup.probe.inject(Target::any(1), Fault::Delay(Duration::from_millis(200)));
    let (slow, fast) = tokio::join!(put(&setup, "slow").send(), put(&setup, "fast").send());
    slow.unwrap();
    fast.unwrap();
    let calls = setup.probe.calls();
    assert!(calls[1].ended < calls[0].ended, "{calls:?}");
}
