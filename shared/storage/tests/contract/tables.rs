//! How the tables are made.

use aws_sdk_dynamodb::types::TimeToLiveStatus;

use crate::place::Place;

#[tokio::test]
async fn tables_are_made_once_and_rows_of_one_of_them_expire() {
    let place = Place::tables().await;
    place.storage.create_tables().await.unwrap();
    place.storage.check_table().await.unwrap();
    let names = place.storage.names();
    for (table, expiry) in
        [(&names.ephemeral, Some("expires_at")), (&names.registry, None), (&names.counters, None)]
    {
        let answer = place.dynamodb.describe_time_to_live().table_name(table).send().await.unwrap();
        let description = answer.time_to_live_description.unwrap();
        let is_on = matches!(
            description.time_to_live_status,
            Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)
        );
        assert_eq!(is_on, expiry.is_some(), "{table}");
        assert_eq!(description.attribute_name.as_deref().filter(|_| is_on), expiry);
    }
}

#[tokio::test]
async fn a_table_that_is_not_there_is_an_error_not_an_empty_one() {
    let place = Place::without().await;
    assert!(place.storage.check_table().await.is_err());
    assert!(place.storage.get::<crate::Row>(&crate::token_of("a")).await.is_err());
    assert!(place.storage.list_all::<crate::Row>(&crate::token_of("a"), "").await.is_err());
    assert!(place.storage.batch_get::<crate::Row>(&[crate::token_of("a")]).await.is_err());
}
