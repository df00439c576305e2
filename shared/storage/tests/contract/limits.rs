//! What a table takes and what it refuses. The registry stays below all of this; should it ever not, the answer is an
//! error and nothing is written, not half a row.

use granary_storage::Key;
use serde::{Deserialize, Serialize};

use crate::place::Place;
use crate::{Row, any, row, token_of};

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Large {
    #[serde(with = "serde_bytes")]
    facts: Vec<u8>,
}

/// A row of exactly this many bytes as DynamoDB counts them: names and values of all attributes.
fn large(key: &Key, bytes: usize) -> Large {
    let others = "pk".len() + key.pk().len() + "sk".len() + key.sk().len() + "facts".len();
    Large { facts: vec![7; bytes - others] }
}

#[tokio::test]
async fn a_row_holds_400_kib() {
    let place = Place::tables().await;
    let storage = &place.storage;
    let (fits, too_large) = (large(&token_of("a"), 409_600), large(&token_of("b"), 409_601));
    storage.put(&token_of("a"), &fits).await.unwrap();
    assert_eq!(storage.get::<Large>(&token_of("a")).await.unwrap(), Some(fits));
    assert!(storage.put(&token_of("b"), &too_large).await.is_err());
    assert!(storage.put_new(&token_of("b"), &too_large).await.is_err());
    assert_eq!(storage.get::<Large>(&token_of("b")).await.unwrap(), None);
}

#[tokio::test]
async fn keys_have_1_to_2048_and_1_to_1024_bytes() {
    let place = Place::tables().await;
    let storage = &place.storage;
    // Bytes, not characters.
    let (pk, sk) = (format!("x{}", "é".repeat(1020)), "é".repeat(512));
    assert_eq!((any(&pk, "").pk().len(), sk.len()), (2048, 1024));
    let longest = any(&pk, &sk);
    storage.put(&longest, &row(1, "")).await.unwrap();
    assert_eq!(storage.get::<Row>(&longest).await.unwrap(), Some(row(1, "")));
    assert_eq!(storage.list_all::<Row>(&longest, &sk).await.unwrap().len(), 1);
    for key in [any(&format!("{pk}x"), "s"), any("p", &format!("{sk}x")), any("p", "")] {
        // A row that cannot be there is not there, whoever asks for it; but it is no place to write to.
        assert_eq!(storage.get::<Row>(&key).await.unwrap(), None);
        assert_eq!(storage.take::<Row>(&key).await.unwrap(), None);
        storage.delete(&key).await.unwrap();
        assert_eq!(storage.batch_get::<Row>(std::slice::from_ref(&key)).await.unwrap(), [None]);
        assert_eq!(
            storage.batch_get(&[key.clone(), longest.clone()]).await.unwrap(),
            [None, Some(row(1, ""))]
        );
        assert!(storage.put(&key, &row(1, "")).await.is_err());
        assert!(storage.put_new(&key, &row(1, "")).await.is_err());
        assert!(storage.add(&key, "n", 1).await.is_err());
    }
    assert!(storage.list_all::<Row>(&any(&format!("{pk}x"), ""), "s").await.unwrap().is_empty());
    assert!(storage.list_all::<Row>(&longest, &format!("{sk}x")).await.unwrap().is_empty());
    assert!(storage.list::<Row>(&longest, "", Some(&format!("{sk}x")), 1).await.is_err());
}

#[tokio::test]
async fn a_query_has_no_empty_condition() {
    use aws_sdk_dynamodb::types::AttributeValue::S;
    let place = Place::tables().await;
    let query = |pk: &str, sk: &str| {
        let query = place.dynamodb.query().table_name(&place.storage.names().registry);
        let query = query.key_condition_expression("pk = :pk AND begins_with(sk, :sk)");
        let query = query.expression_attribute_values(":pk", S(pk.into()));
        query.expression_attribute_values(":sk", S(sk.into())).send()
    };
    assert!(query("p", "s").await.is_ok());
    assert!(query("p", "").await.is_err());
    assert!(query("", "s").await.is_err());
}

/// The attributes of rows have names that DynamoDB would take for words of its own.
#[tokio::test]
async fn reserved_words_stand_for_themselves_nowhere() {
    use aws_sdk_dynamodb::types::AttributeValue::S;
    let place = Place::tables().await;
    let update = |update: &str, condition: &str, word: Option<&str>| {
        let call = place.dynamodb.update_item().table_name(&place.storage.names().registry);
        let call = call.key("pk", S("p".into())).key("sk", S("s".into()));
        let call = call.update_expression(update).condition_expression(condition);
        let call = call.expression_attribute_values(":x", S("x".into()));
        call.set_expression_attribute_names(word.map(|word| [("#w".to_owned(), word.to_owned())].into()))
            .send()
    };
    for word in ["status", "size", "user", "bytes"] {
        let (set, condition) = (format!("SET {word} = :x"), format!("attribute_not_exists({word})"));
        assert!(update(&set, "attribute_not_exists(other)", None).await.is_err(), "{set}");
        assert!(update("SET other = :x", &condition, None).await.is_err(), "{condition}");
        assert!(update("SET #w = :x", "attribute_not_exists(#w)", Some(word)).await.is_ok(), "{word}");
    }
}
