//! Lists that are longer than an answer.

use granary_storage::rows::{Publication, Share};

use super::*;

/// Puts copies of an entity into the lists of sam, of ann and of the store of `shop`, with descriptions of this length. Every
/// third is a service, and every third is public.
async fn copies(app: &TestApp, id: &str, number: usize, length: usize) -> Vec<String> {
    let (storage, row) = (app.state().storage(), row(app, id).await);
    let org: granary_storage::rows::OrgRow =
        storage.get(&Key::Org("shop".parse().unwrap())).await.unwrap().unwrap();
    let mut made = Vec::new();
    for n in 0..number {
        let id = format!("00000000-0000-7000-8000-{n:012}");
        let share = Share {
            user: "sam".parse().unwrap(),
            email: "sam@example.com".into(),
            created_by: "ann".parse().unwrap(),
            created_at: row.created_at,
        };
        let publication = Publication {
            org_uid: org.uid.clone(),
            public: n % 3 == 0,
            published_by: "user:ann".into(),
            published_at: row.created_at,
        };
        let copy = EntityRow {
            id: id.clone(),
            description: Some("x".repeat(length)),
            entity_type: if n % 3 == 1 { "service" } else { "app" }.parse().unwrap(),
            shares: [("share".to_owned(), share)].into(),
            stores: [("shop".parse().unwrap(), publication)].into(),
            ..row.clone()
        };
        storage.put(&Key::Entity(id.clone()), &copy).await.unwrap();
        let entry = EntityRef { id: id.clone() };
        storage.put(&Key::SharedWith("sam".parse().unwrap(), id.clone()), &entry).await.unwrap();
        storage.put(&Key::SharedBy("ann".parse().unwrap(), id.clone()), &entry).await.unwrap();
        let entry = StoreRef { id: id.clone(), public: n % 3 == 0 };
        storage.put(&Key::StoreEntry("shop".parse().unwrap(), id.clone()), &entry).await.unwrap();
        made.push(id);
    }
    made
}

/// Follows a list to its end: the ids, the number of pages, and the largest page in bytes.
async fn whole(actor: &Actor, path: &str) -> (Vec<String>, usize, usize) {
    let (mut all, mut largest, mut cursor) = (Vec::new(), 0, String::new());
    for page in 1..100 {
        let response = actor.get(&format!("{path}{cursor}")).await;
        expect(&response, 200, &[]);
        largest = largest.max(response.body.len());
        let body = response.json();
        all.extend(column(&body["entities"], "id"));
        match body["next"].as_str() {
            Some(next) => cursor = format!("{}cursor={next}", if path.contains('?') { "&" } else { "?" }),
            None => return (all, page, largest),
        }
    }
    panic!("the list never ends");
}

fn every_third(ids: &[String], rest: usize) -> Vec<String> {
    ids.iter().skip(rest).step_by(3).cloned().collect()
}

#[tokio::test]
async fn long_lists_come_in_pages() {
    let (app, ann, id) = shelf().await;
    app.org("olga", "shop", &[("mia", "member")]).await;
    let all = copies(&app, &id, 1100, 10).await;
    let (sam, mia, eve, store) = (app.user("sam"), app.user("mia"), app.user("eve"), store_of("shop"));
    for (actor, path) in [(&sam, WITH_ME), (&ann, BY_ME), (&mia, store.as_str())] {
        let (seen, pages, _) = whole(actor, path).await;
        assert_eq!((seen, pages), (all.clone(), 2), "{path}");
        let (seen, pages, _) = whole(actor, &format!("{path}?type=service")).await;
        assert_eq!((seen, pages), (every_third(&all, 1), 2), "{path}");
    }
    assert_eq!(whole(&eve, &store).await.0, every_third(&all, 0));
    // What a stranger does not get is not even read.
    app.probe.reset();
    expect(&eve.get(&format!("{store}?type=service")).await, 200, &[]);
    let reads = app.probe.calls().iter().filter(|call| call.operation == "BatchGetItem").count();
    assert!(reads <= 4, "{reads}");
}

#[tokio::test]
async fn a_page_fits_into_the_answer_of_a_function() {
    let (app, ann, id) = shelf().await;
    app.org("olga", "shop", &[("mia", "member")]).await;
    let all = copies(&app, &id, 120, 100_000).await;
    for (actor, path) in [(&app.user("sam"), WITH_ME), (&ann, BY_ME), (&app.user("mia"), &store_of("shop"))] {
        let (seen, pages, largest) = whole(actor, path).await;
        assert_eq!((seen, pages), (all.clone(), 3), "{path}");
        assert!(largest < 4_600_000, "{largest}");
    }
}
