use aws_sdk_sqs::types::{
    DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName, QueueAttributeName,
    SendMessageBatchRequestEntry,
};

use super::support::Setup;

async fn queue(setup: &Setup, name: &str) -> String {
    setup.sqs.create_queue().queue_name(name).send().await.unwrap().queue_url.unwrap()
}

async fn send(setup: &Setup, url: &str, body: &str) {
    setup.sqs.send_message().queue_url(url).message_body(body).send().await.unwrap();
}

async fn receive(setup: &Setup, url: &str, wait_seconds: i32) -> Vec<Message> {
    let receive = setup.sqs.receive_message().queue_url(url).max_number_of_messages(10);
    let receive = receive.message_system_attribute_names(MessageSystemAttributeName::All);
    receive.wait_time_seconds(wait_seconds).send().await.unwrap().messages.unwrap_or_default()
}

async fn release(setup: &Setup, url: &str, message: &Message, seconds: i32) {
    let change = setup.sqs.change_message_visibility().queue_url(url).visibility_timeout(seconds);
    change.set_receipt_handle(message.receipt_handle.clone()).send().await.unwrap();
}

fn bodies(messages: &[Message]) -> Vec<&str> {
    messages.iter().filter_map(Message::body).collect()
}

#[tokio::test]
async fn a_message_is_hidden_when_received_and_gone_when_deleted() {
    let setup = Setup::new().await;
    let url = queue(&setup, "granary-events").await;
    assert_eq!(url, "http://sqs.local/000000000000/granary-events");
    let found = setup.sqs.get_queue_url().queue_name("granary-events").send().await.unwrap();
    assert_eq!(found.queue_url.as_deref(), Some(url.as_str()));
    send(&setup, &url, "one").await;
    let first = receive(&setup, &url, 0).await;
    assert_eq!(bodies(&first), ["one"]);
    assert_eq!(first[0].md5_of_body.as_deref(), Some("f97c5d29941bfb1b2fdab0874906ab82"));
    assert!(receive(&setup, &url, 0).await.is_empty());
    release(&setup, &url, &first[0], 0).await;
    let second = receive(&setup, &url, 0).await;
    let count = &second[0].attributes.as_ref().unwrap()[&MessageSystemAttributeName::ApproximateReceiveCount];
    assert_eq!(count, "2");
    let delete = setup.sqs.delete_message().queue_url(&url);
    delete.set_receipt_handle(second[0].receipt_handle.clone()).send().await.unwrap();
    let attributes =
        setup.sqs.get_queue_attributes().queue_url(&url).attribute_names(QueueAttributeName::All);
    let attributes = attributes.send().await.unwrap().attributes.unwrap();
    for name in [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        QueueAttributeName::ApproximateNumberOfMessagesDelayed,
    ] {
        assert_eq!(attributes[&name], "0", "{name}");
    }
}

#[tokio::test]
async fn a_message_that_is_not_deleted_comes_back_after_its_time() {
    let setup = Setup::new().await;
    let url = queue(&setup, "events").await;
    send(&setup, &url, "one").await;
    let receive_briefly = setup.sqs.receive_message().queue_url(&url).visibility_timeout(1);
    assert_eq!(receive_briefly.send().await.unwrap().messages().len(), 1);
    assert!(receive(&setup, &url, 0).await.is_empty());
    assert_eq!(bodies(&receive(&setup, &url, 20).await), ["one"]);
}

#[tokio::test]
async fn a_delayed_message_arrives_later() {
    let setup = Setup::new().await;
    let url = queue(&setup, "events").await;
    let send = setup.sqs.send_message().queue_url(&url).message_body("later").delay_seconds(1);
    send.send().await.unwrap();
    assert!(receive(&setup, &url, 0).await.is_empty());
    assert_eq!(bodies(&receive(&setup, &url, 20).await), ["later"]);
}

#[tokio::test]
async fn a_waiting_receive_gets_the_message_that_arrives() {
    let setup = Setup::new().await;
    let url = queue(&setup, "events").await;
    let (received, ()) = tokio::join!(receive(&setup, &url, 20), async {
        tokio::task::yield_now().await;
        send(&setup, &url, "one").await;
    });
    assert_eq!(bodies(&received), ["one"]);
}

#[tokio::test]
async fn what_nobody_can_deal_with_goes_to_the_dead_letters() {
    let setup = Setup::new().await;
    let url = queue(&setup, "events").await;
    send(&setup, &url, "poison").await;
    for _ in 0..5 {
        let messages = receive(&setup, &url, 0).await;
        assert_eq!(bodies(&messages), ["poison"]);
        release(&setup, &url, &messages[0], 0).await;
    }
    assert!(receive(&setup, &url, 0).await.is_empty());
    let dead = receive(&setup, "http://sqs.local/000000000000/events-dead", 0).await;
    assert_eq!(bodies(&dead), ["poison"]);

    queue(&setup, "graveyard").await;
    let policy =
        r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:graveyard","maxReceiveCount":1}"#;
    let create =
        setup.sqs.create_queue().queue_name("strict").attributes(QueueAttributeName::RedrivePolicy, policy);
    let url = create.send().await.unwrap().queue_url.unwrap();
    send(&setup, &url, "once").await;
    let messages = receive(&setup, &url, 0).await;
    release(&setup, &url, &messages[0], 0).await;
    assert!(receive(&setup, &url, 0).await.is_empty());
    assert_eq!(bodies(&receive(&setup, "http://sqs.local/000000000000/graveyard", 0).await), ["once"]);
}

#[tokio::test]
async fn batches_are_sent_received_and_deleted() {
    let setup = Setup::new().await;
    let url = queue(&setup, "events").await;
    let entry = |n: usize| {
        SendMessageBatchRequestEntry::builder()
            .id(n.to_string())
            .message_body(format!("message {n}"))
            .build()
            .unwrap()
    };
    let send = |count: usize| {
        setup
            .sqs
            .send_message_batch()
            .queue_url(&url)
            .set_entries(Some((0..count).map(entry).collect()))
            .send()
    };
    assert_eq!(send(10).await.unwrap().successful.len(), 10);
    assert!(send(11).await.is_err());
    let messages = receive(&setup, &url, 0).await;
    assert_eq!(messages.len(), 10);
    let entries = messages.iter().enumerate().map(|(n, message)| {
        let entry = DeleteMessageBatchRequestEntry::builder().id(n.to_string());
        entry.set_receipt_handle(message.receipt_handle.clone()).build().unwrap()
    });
    let delete = setup.sqs.delete_message_batch().queue_url(&url).set_entries(Some(entries.collect()));
    assert_eq!(delete.send().await.unwrap().successful.len(), 10);
}

#[tokio::test]
async fn a_queue_that_is_not_there_is_named_as_the_reason() {
    let setup = Setup::new().await;
    let refused =
        setup.sqs.send_message().queue_url("http://sqs.local/0/none").message_body("x").send().await;
    assert!(refused.unwrap_err().as_service_error().unwrap().is_queue_does_not_exist());
}
