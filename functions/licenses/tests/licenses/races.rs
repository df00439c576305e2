//! Sellers who do the same thing at the same time.

use futures::future::join_all;
use granary_storage::rows::LicenceRow;
use granary_storage::{Key, Storage};
use granary_testing::tenant_of;

use super::*;

async fn at_once<F>(calls: impl Iterator<Item = F>) -> Vec<TestResponse>
where
    F: Future<Output = TestResponse> + Send + 'static,
{
    join_all(calls.map(tokio::spawn)).await.into_iter().map(Result::unwrap).collect()
}

fn count(answers: &[TestResponse], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

/// Every licence is in the list and under its key, the same in both places.
async fn consistent(storage: &Storage, user: &str) -> Vec<LicenceRow> {
    let rows: Vec<LicenceRow> =
        storage.list_all(&Key::Licence(tenant_of(user), String::new()), "LICENCE#").await.unwrap();
    for row in &rows {
        let by_key: LicenceRow =
            storage.get(&Key::LicenceKey(row.key.licence_hash())).await.unwrap().unwrap();
        assert_eq!(&by_key, row);
    }
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_many_gets_the_key() {
    let (app, _) = shop().await;
    let mut body = plain(&[]);
    body["key"] = "wanted-by-all".into();
    let calls = (0..20).map(|n| {
        let (seller, body) = (app.user(&format!("user{}", n % 4)), body.clone());
        async move { seller.post_json(PATH, &body).await }
    });
    let answers = at_once(calls).await;
    assert_eq!((count(&answers, 201), count(&answers, 400)), (1, 19));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn changes_of_one_licence_come_one_after_the_other() {
    let (app, ann) = shop().await;
    let licence = create(&ann, &plain(&["pad"])).await;
    let calls = (0..20).map(|n| {
        let (ann, path, mut body) = (ann.clone(), at(&licence), body_of(&licence));
        body["key"] = format!("key-number-{}", n % 5).into();
        body["name"] = format!("{n}").into();
        async move { ann.put_json(&path, &body).await }
    });
    let answers = at_once(calls).await;
    assert_eq!(count(&answers, 200), 20, "{:?}", answers.iter().map(TestResponse::text).collect::<Vec<_>>());
    let rows = consistent(app.state().storage(), "ann").await;
    assert_eq!((rows.len(), rows[0].rev), (1, 21));
    // Of all the keys that it has had, the last one works.
    let old =
        std::iter::once(text(&licence, "key").to_owned()).chain((0..5).map(|n| format!("key-number-{n}")));
    for key in old {
        let status = app.token(&key).get("/api/npm/libs/-/whoami").await.status;
        assert_eq!(status, if key == rows[0].key.expose() { 200 } else { 401 }, "{key}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_deletion_among_changes_is_final() {
    let (app, ann) = shop().await;
    for round in 0..5 {
        let licence = create(&ann, &plain(&["pad"])).await;
        let calls = (0..8).map(|n| {
            let (ann, path, mut body) = (ann.clone(), at(&licence), body_of(&licence));
            body["key"] = format!("key-{round}-number-{n}").into();
            async move { if n == 4 { ann.delete(&path).await } else { ann.put_json(&path, &body).await } }
        });
        let answers = at_once(calls).await;
        assert_eq!(count(&answers, 204), 1);
        assert_eq!(count(&answers, 200) + count(&answers, 404), 7);
        for n in 0..8 {
            let key = format!("key-{round}-number-{n}");
            assert_eq!(app.token(&key).get("/api/npm/libs/-/whoami").await.status, 401, "{key}");
        }
    }
    assert!(consistent(app.state().storage(), "ann").await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_licences_do_not_take_each_others_keys() {
    let (app, ann) = shop().await;
    let [first, second] = [create(&ann, &plain(&[])).await, create(&ann, &plain(&[])).await];
    let calls = [(&first, &second), (&second, &first)].map(|(licence, other)| {
        let (ann, path, mut body) = (ann.clone(), at(licence), body_of(licence));
        body["key"] = other["key"].clone();
        async move { ann.put_json(&path, &body).await }
    });
    let answers = at_once(calls.into_iter()).await;
    assert_eq!(count(&answers, 400), 2, "a key is free once its licence has another one");
    assert_eq!(consistent(app.state().storage(), "ann").await.len(), 2);
}
