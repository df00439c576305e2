use std::collections::HashMap;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, KeysAndAttributes, Put,
    PutRequest, ReturnValue, ReturnValuesOnConditionCheckFailure, ScalarAttributeType,
    TimeToLiveSpecification, TransactGetItem, TransactWriteItem, Update, WriteRequest,
};

use super::support::Setup;

const TABLE: &str = "granary-registry";

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn row(pk: &str, sk: &str, revision: i64) -> HashMap<String, AttributeValue> {
    HashMap::from([("pk".into(), text(pk)), ("sk".into(), text(sk)), ("rev".into(), number(revision))])
}

fn key(pk: &str, sk: &str) -> HashMap<String, AttributeValue> {
    HashMap::from([("pk".into(), text(pk)), ("sk".into(), text(sk))])
}

async fn with_table() -> Setup {
    let setup = Setup::new().await;
    let mut create = setup.dynamodb.create_table().table_name(TABLE).billing_mode(BillingMode::PayPerRequest);
    for (name, kind) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
        let attribute =
            AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
        let schema = KeySchemaElement::builder().attribute_name(name).key_type(kind);
        create = create.attribute_definitions(attribute.build().unwrap()).key_schema(schema.build().unwrap());
    }
    create.send().await.unwrap();
    setup
}

async fn put(setup: &Setup, item: HashMap<String, AttributeValue>) {
    setup.dynamodb.put_item().table_name(TABLE).set_item(Some(item)).send().await.unwrap();
}

async fn get(setup: &Setup, pk: &str, sk: &str) -> Option<HashMap<String, AttributeValue>> {
    setup.dynamodb.get_item().table_name(TABLE).set_key(Some(key(pk, sk))).send().await.unwrap().item
}

#[tokio::test]
async fn what_is_written_is_read_even_after_a_restart() {
    let setup = with_table().await;
    put(&setup, row("a", "1", 7)).await;
    // More reads than there are connections: each has to see what the writing one committed.
    for _ in 0..20 {
        assert_eq!(get(&setup, "a", "1").await, Some(row("a", "1", 7)));
    }
    let setup = setup.reopen();
    assert_eq!(get(&setup, "a", "1").await, Some(row("a", "1", 7)));
    assert_eq!(get(&setup, "a", "2").await, None);
    let described = setup.dynamodb.describe_table().table_name(TABLE).send().await.unwrap();
    assert_eq!(described.table.unwrap().table_name.as_deref(), Some(TABLE));
}

#[tokio::test]
async fn a_folder_is_used_by_one_process() {
    let setup = Setup::new().await;
    let refusal = granary_local::engines::Engines::open(setup.folder.path()).unwrap_err();
    assert!(refusal.to_string().contains("in use"), "{refusal}");
}

#[tokio::test]
async fn a_failed_condition_gives_the_row_that_is_there() {
    let setup = with_table().await;
    put(&setup, row("a", "1", 7)).await;
    let put = setup.dynamodb.put_item().table_name(TABLE).set_item(Some(row("a", "1", 8)));
    let refused = put
        .condition_expression("attribute_not_exists(pk)")
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    match refused {
        aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(refused) => {
            assert_eq!(refused.item, Some(row("a", "1", 7)));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(get(&setup, "a", "1").await, Some(row("a", "1", 7)));
}

#[tokio::test]
async fn updates_return_what_they_made() {
    let setup = with_table().await;
    for expected in 1..=3 {
        let update = setup.dynamodb.update_item().table_name(TABLE).set_key(Some(key("a", "counter")));
        let updated = update
            .update_expression("ADD #n :one")
            .expression_attribute_names("#n", "value")
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::AllNew)
            .send()
            .await
            .unwrap();
        assert_eq!(updated.attributes.unwrap()["value"], number(expected));
    }
    let delete = setup.dynamodb.delete_item().table_name(TABLE).set_key(Some(key("a", "counter")));
    delete.send().await.unwrap();
    assert_eq!(get(&setup, "a", "counter").await, None);
}

#[tokio::test]
async fn a_cancelled_transaction_says_why_and_changes_nothing() {
    let setup = with_table().await;
    put(&setup, row("a", "head", 7)).await;
    let new = Put::builder()
        .table_name(TABLE)
        .set_item(Some(row("a", "new", 1)))
        .condition_expression("attribute_not_exists(pk)")
        .build()
        .unwrap();
    let head = Update::builder()
        .table_name(TABLE)
        .set_key(Some(key("a", "head")))
        .update_expression("SET rev = :next")
        .condition_expression("rev = :seen")
        .expression_attribute_values(":next", number(7))
        .expression_attribute_values(":seen", number(6))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .build()
        .unwrap();
    let refused = setup
        .dynamodb
        .transact_write_items()
        .transact_items(TransactWriteItem::builder().put(new).build())
        .transact_items(TransactWriteItem::builder().update(head).build())
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    let aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(
        refused,
    ) = refused
    else {
        panic!("{refused:?}")
    };
    let reasons = refused.cancellation_reasons.unwrap();
    assert_eq!(reasons[0].code.as_deref(), Some("None"));
    assert_eq!(reasons[1].code.as_deref(), Some("ConditionalCheckFailed"));
    assert_eq!(reasons[1].item, Some(row("a", "head", 7)));
    assert_eq!(get(&setup, "a", "new").await, None);
    assert_eq!(get(&setup, "a", "head").await, Some(row("a", "head", 7)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_transactions_on_one_row_each_number_is_taken_once() {
    let setup = with_table().await;
    put(&setup, row("a", "head", 0)).await;
    let attempts = (0..20).map(|index| {
        let client = setup.dynamodb.clone();
        tokio::spawn(async move {
            let put = Put::builder()
                .table_name(TABLE)
                .set_item(Some(row("a", "version", index)))
                .condition_expression("attribute_not_exists(pk)");
            let items = TransactWriteItem::builder().put(put.build().unwrap()).build();
            client.transact_write_items().transact_items(items).send().await.is_ok()
        })
    });
    let mut winners = 0;
    for attempt in attempts.collect::<Vec<_>>() {
        winners += usize::from(attempt.await.unwrap());
    }
    assert_eq!(winners, 1);
}

#[tokio::test]
async fn batches_and_transactions_read_and_write_many_rows() {
    let setup = with_table().await;
    let writes = (0..25_i64).map(|n| {
        let put = PutRequest::builder().set_item(Some(row("batch", &format!("{n:02}"), n))).build().unwrap();
        WriteRequest::builder().put_request(put).build()
    });
    let written =
        setup.dynamodb.batch_write_item().request_items(TABLE, writes.collect()).send().await.unwrap();
    assert!(written.unprocessed_items.unwrap_or_default().is_empty());

    let keys = KeysAndAttributes::builder()
        .keys(key("batch", "03"))
        .keys(key("batch", "missing"))
        .keys(key("batch", "24"))
        .build()
        .unwrap();
    let read = setup.dynamodb.batch_get_item().request_items(TABLE, keys).send().await.unwrap();
    let mut rows = read.responses.unwrap().remove(TABLE).unwrap();
    rows.sort_by_key(|row| row["sk"].as_s().unwrap().clone());
    assert_eq!(rows, [row("batch", "03", 3), row("batch", "24", 24)]);
    assert!(read.unprocessed_keys.unwrap_or_default().is_empty());

    let get = aws_sdk_dynamodb::types::Get::builder().table_name(TABLE).set_key(Some(key("batch", "07")));
    let item = TransactGetItem::builder().get(get.build().unwrap()).build();
    let read = setup.dynamodb.transact_get_items().transact_items(item).send().await.unwrap();
    assert_eq!(read.responses.unwrap()[0].item, Some(row("batch", "07", 7)));

    let query = setup.dynamodb.query().table_name(TABLE).key_condition_expression("pk = :pk AND sk > :after");
    let page = query
        .expression_attribute_values(":pk", text("batch"))
        .expression_attribute_values(":after", text("09"))
        .limit(10)
        .send()
        .await
        .unwrap();
    let revisions: Vec<_> = page.items.unwrap().iter().map(|row| row["rev"].clone()).collect();
    assert_eq!(revisions, (10..20).map(number).collect::<Vec<_>>());
    assert_eq!(page.last_evaluated_key, Some(key("batch", "19")));
}

#[tokio::test]
async fn scan_is_refused() {
    let setup = with_table().await;
    #[expect(clippy::disallowed_methods, reason = "to see it refused")]
    let refused = setup.dynamodb.scan().table_name(TABLE).send().await.unwrap_err();
    let refused = format!("{refused:?}");
    assert!(refused.contains("UnknownOperationException"), "{refused}");
}

#[tokio::test]
async fn rows_whose_time_has_passed_are_swept() {
    let setup = with_table().await;
    let specification =
        TimeToLiveSpecification::builder().attribute_name("expires_at").enabled(true).build().unwrap();
    let update = setup.dynamodb.update_time_to_live().table_name(TABLE);
    update.time_to_live_specification(specification).send().await.unwrap();
    for (sk, expires) in [("past", 1_000_000_000), ("future", 9_000_000_000)] {
        let mut item = row("a", sk, 1);
        item.insert("expires_at".into(), number(expires));
        put(&setup, item).await;
    }
    assert_eq!(setup.engines.sweep_expired_rows().await.unwrap(), 1);
    assert_eq!(get(&setup, "a", "past").await, None);
    assert!(get(&setup, "a", "future").await.is_some());
}
