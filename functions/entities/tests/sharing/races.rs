//! Many at the same time.

use futures::future::join_all;

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

/// Asks for a share in a task of its own.
fn sharing(actor: &Actor, id: &str, user: &str) -> impl Future<Output = TestResponse> + Send + use<> {
    let (actor, id, email) = (actor.clone(), id.to_owned(), format!("{user}@example.com"));
    async move { share(&actor, &id, &[&email]).await }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_share_is_lost_while_others_are_made_and_taken_back() {
    let (app, ann, id) = shelf().await;
    for n in 0..12 {
        app.known_user(&format!("old{n}")).await;
        app.known_user(&format!("new{n}")).await;
    }
    let mut old = Vec::new();
    for n in 0..12 {
        old.push(shared(&ann, &id, &format!("old{n}")).await);
    }
    let calls = (0..24).map(|n| {
        let (ann, id, gone) = (ann.clone(), id.clone(), share_of(&id, &old[n / 2]));
        let adding = sharing(&ann, &id, &format!("new{}", n / 2));
        async move { if n % 2 == 0 { adding.await } else { ann.delete(&gone).await } }
    });
    let answers = at_once(calls).await;
    assert_eq!((count(&answers, 201), count(&answers, 204)), (12, 12));
    let row = row(&app, &id).await;
    let users: BTreeSet<&str> = row.shares.values().map(|share| share.user.as_str()).collect();
    let expected: Vec<String> = (0..12).map(|n| format!("new{n}")).collect();
    assert_eq!(users, expected.iter().map(String::as_str).collect());
    for n in 0..12 {
        for (kind, is_there) in [("old", false), ("new", true)] {
            let user = format!("{kind}{n}");
            let key = Key::SharedWith(user.parse().unwrap(), id.clone());
            let listed: Option<EntityRef> = app.state().storage().get(&key).await.unwrap();
            assert_eq!(listed.is_some(), is_there, "{user}");
            assert_eq!(asked(&app.user(&user), &id).await, if is_there { 200 } else { 404 }, "{user}");
        }
    }
    assert_eq!(ids(&ann, BY_ME).await, [id.as_str()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_user_gets_one_share() {
    let (app, ann, id) = shelf().await;
    let answers = at_once((0..20).map(|_| sharing(&ann, &id, "sam"))).await;
    assert_eq!((count(&answers, 201), count(&answers, 200)), (1, 19));
    let already = |answer: &&TestResponse| answer.json()["already_had_access"] == json!(["sam@example.com"]);
    assert_eq!(answers.iter().filter(already).count(), 19);
    let share = row(&app, &id).await.shares.keys().next().unwrap().clone();
    consistent(&app, &id, &[]).await;
    let calls = (0..20).map(|_| {
        let (ann, path) = (ann.clone(), share_of(&id, &share));
        async move { ann.delete(&path).await }
    });
    let answers = at_once(calls).await;
    assert_eq!((count(&answers, 204), count(&answers, 404)), (1, 19));
    consistent(&app, &id, &[]).await;
}

/// The row of the list goes with the last share that somebody has made, and not before.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn lists_of_who_shares_are_right_at_the_end() {
    let (app, ann, id) = shelf().await;
    for round in 0..5 {
        let (one, other) = (shared(&ann, &id, "sam").await, shared(&ann, &id, "bob").await);
        let calls = (0..3).map(|n| {
            let (ann, one, other) = (ann.clone(), share_of(&id, &one), share_of(&id, &other));
            let adding = sharing(&ann, &id, "eve");
            async move {
                match n {
                    0 => ann.delete(&one).await,
                    1 => ann.delete(&other).await,
                    _ => adding.await,
                }
            }
        });
        let answers = at_once(calls).await;
        assert_eq!((count(&answers, 204), count(&answers, 201)), (2, 1), "{round}");
        consistent(&app, &id, &[]).await;
        let left = row(&app, &id).await.shares.keys().next().unwrap().clone();
        expect(&ann.delete(&share_of(&id, &left)).await, 204, &[]);
        consistent(&app, &id, &[]).await;
        assert!(ids(&ann, BY_ME).await.is_empty());
    }
}

/// Whoever stops being a publisher meanwhile either has shared before, or has not.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_publisher_who_is_removed_shares_nothing_any_more() {
    let (app, ann, id) = shelf().await;
    let publishers = format!("/api/entities/{id}/publishers");
    let bob = app.user("bob");
    for round in 0..5 {
        expect(&ann.post_json(&publishers, &json!({ "userId": "bob" })).await, 201, &[]);
        let calls = (0..4).map(|n| {
            let (ann, path) = (ann.clone(), format!("{publishers}/bob"));
            let adding = sharing(&bob, &id, ["sam", "eve", "bob", "ann"][n]);
            async move { if n == 2 { ann.delete(&path).await } else { adding.await } }
        });
        let answers = at_once(calls).await;
        assert_eq!(count(&answers, 204), 1, "{round}");
        assert_eq!(count(&answers, 500) + count(&answers, 503), 0);
        assert_eq!(share(&bob, &id, &["sam@example.com"]).await.status, 404);
        consistent(&app, &id, &[]).await;
        for share in row(&app, &id).await.shares.keys() {
            expect(&ann.delete(&share_of(&id, share)).await, 204, &[]);
        }
    }
}

/// Nothing gets into the store of an organisation that is gone: either the deletion comes first, or it finds the entity.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn publishing_beside_the_end_of_an_organisation() {
    let (app, ann, id) = shelf().await;
    for round in 0..5 {
        app.org("ann", "shop", &[("mia", "member")]).await;
        let calls = (0..4).map(|n| {
            let (ann, id) = (ann.clone(), id.clone());
            async move {
                if n == 1 {
                    ann.delete("/api/orgs/shop").await
                } else {
                    publish(&ann, "shop", &id, n == 2).await
                }
            }
        });
        let answers = at_once(calls).await;
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        assert!(statuses.iter().all(|status| matches!(status, 200 | 201 | 404)), "{round}: {statuses:?}");
        assert_eq!(answers[1].status, 200, "{}", answers[1].text());
        for user in ["mia", "eve"] {
            assert_eq!(asked(&app.user(user), &id).await, 404, "{round}");
        }
        app.settle().await;
        app.org("ann", "shop", &[("mia", "member")]).await;
        assert!(ids(&app.user("mia"), &store_of("shop")).await.is_empty(), "{round}");
        assert_eq!(asked(&app.user("mia"), &id).await, 404);
        expect(&ann.delete("/api/orgs/shop").await, 200, &[]);
        app.settle().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_entities_into_one_store() {
    let (app, ann, _) = shelf().await;
    app.org("ann", "shop", &[("mia", "member")]).await;
    let mut made = BTreeSet::new();
    for n in 0..20 {
        made.insert(new_entity(&ann, "app", &format!("app-{n}")).await);
    }
    let calls = made.clone().into_iter().map(|id| {
        let ann = ann.clone();
        async move { publish(&ann, "shop", &id, false).await }
    });
    assert_eq!(count(&at_once(calls).await, 201), 20);
    let listed: BTreeSet<String> = ids(&app.user("mia"), &store_of("shop")).await.into_iter().collect();
    assert_eq!(listed, made);
    let calls = made.clone().into_iter().enumerate().map(|(n, id)| {
        let ann = ann.clone();
        async move {
            if n % 2 == 0 {
                withdraw(&ann, "shop", &id).await
            } else {
                publish(&ann, "shop", &id, true).await
            }
        }
    });
    let answers = at_once(calls).await;
    assert_eq!((count(&answers, 204), count(&answers, 200)), (10, 10));
    let odd: Vec<String> = made.iter().skip(1).step_by(2).cloned().collect();
    assert_eq!(ids(&app.user("eve"), &store_of("shop")).await, odd);
    for id in &made {
        consistent(&app, id, &["shop"]).await;
    }
}
