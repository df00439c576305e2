//! Requests at the same time.

use futures::future::join_all;
use granary_publish::digests::Digests;

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

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_many_gets_the_slug() {
    let app = TestApp::new().await;
    let users = ["u0", "u1", "u2", "u3"];
    for user in users {
        app.known_user(user).await;
    }
    let calls = (0..20).map(|n| {
        let user = app.user(users[n % 4]);
        async move { user.post_json(PATH, &plain("wanted")).await }
    });
    let answers = at_once(calls).await;
    assert_eq!((count(&answers, 201), count(&answers, 409)), (1, 19));
    let winner = answers.iter().find(|answer| answer.status == 201).unwrap().json();
    check(&app, winner["entity"]["id"].as_str().unwrap(), &users).await;
    let mut all = 0;
    for user in users {
        all += listed(&app, user).await.len();
    }
    assert_eq!(all, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_slug_that_is_freed_is_taken_by_one() {
    let (app, ann, id) = shelf().await;
    let calls =
        (0..20).map(|n| {
            let (ann, path) = (ann.clone(), at(&id));
            async move {
                if n == 0 { ann.delete(&path).await } else { ann.post_json(PATH, &plain("my-app")).await }
            }
        });
    let answers = at_once(calls).await;
    assert_eq!(count(&answers, 204), 1);
    let made = count(&answers, 201);
    assert!(made <= 1 && made + count(&answers, 409) == 19, "{answers:?}");
    if let Some(made) = answers.iter().find(|answer| answer.status == 201) {
        check(&app, made.json()["entity"]["id"].as_str().unwrap(), &["ann"]).await;
    }
    assert_eq!(listed(&app, "ann").await.len(), made);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn changes_of_one_entity_lose_nothing() {
    let (app, ann, id) = shelf().await;
    let users: Vec<String> = (0..10).map(|n| format!("user-{n}")).collect();
    for user in &users {
        app.known_user(user).await;
    }
    let adding = (0..20).map(|n| {
        let (ann, path, user) = (ann.clone(), at(&id), users[n / 2].clone());
        async move {
            if n % 2 == 0 {
                ann.post_json(&format!("{path}/publishers"), &json!({ "userId": user })).await
            } else {
                ann.put_json(&path, &json!({ "name": format!("name {n}") })).await
            }
        }
    });
    let answers = at_once(adding).await;
    assert_eq!((count(&answers, 201), count(&answers, 200)), (10, 10), "{answers:?}");
    let row = row(&app, &id).await;
    assert_eq!((row.publishers.len(), row.rev), (11, 21));
    let known: Vec<&str> = users.iter().map(String::as_str).chain(["ann"]).collect();
    check(&app, &id, &known).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn publishers_who_remove_each_other_leave_one() {
    let (app, ann, id) = shelf().await;
    let users = ["ann", "u0", "u1", "u2", "u3", "u4"];
    for user in &users[1..] {
        app.known_user(user).await;
        ann.post_json(&format!("{}/publishers", at(&id)), &json!({ "userId": user })).await;
    }
    // Each one removes the next, all around.
    let calls = (0..users.len()).map(|n| {
        let (user, next) = (app.user(users[n]), users[(n + 1) % users.len()]);
        let path = format!("{}/publishers/{next}", at(&id));
        async move { user.delete(&path).await }
    });
    let answers = at_once(calls).await;
    let removed = count(&answers, 204);
    // Whoever was removed first could not remove anybody any more.
    assert!((1..users.len()).contains(&removed), "{answers:?}");
    assert_eq!(removed + count(&answers, 404), users.len(), "{answers:?}");
    assert_eq!(row(&app, &id).await.publishers.len(), users.len() - removed);
    check(&app, &id, &users).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_last_two_publishers_cannot_both_leave() {
    for _ in 0..5 {
        let (app, ann, id) = shelf().await;
        let bob = app.known_user("bob").await;
        ann.post_json(&format!("{}/publishers", at(&id)), &json!({ "userId": "bob" })).await;
        let calls = [(ann, "ann"), (bob, "bob")].into_iter().map(|(actor, user)| {
            let path = format!("{}/publishers/{user}", at(&id));
            async move { actor.delete(&path).await }
        });
        let answers = at_once(calls).await;
        assert_eq!((count(&answers, 204), count(&answers, 409)), (1, 1), "{answers:?}");
        check(&app, &id, &["ann", "bob"]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_icons_that_replace_each_other_one_is_kept() {
    let (app, ann, id) = shelf().await;
    let icons: Vec<Vec<u8>> = (0..6).map(|n| png(&n.to_string())).collect();
    let mut paths = Vec::new();
    for icon in &icons {
        paths.push(sent_icon(&ann, "my-app", "png", icon).await);
    }
    let calls = paths.into_iter().map(|icon| {
        let (ann, path) = (ann.clone(), at(&id));
        async move { ann.put_json(&path, &json!({ "icon_path": icon })).await }
    });
    let answers = at_once(calls).await;
    assert_eq!(count(&answers, 200), icons.len(), "{answers:?}");
    let kept = row(&app, &id).await.icon.unwrap().sha256;
    for icon in &icons {
        let digest = Digests::of(icon).sha256;
        assert_eq!(holders(&app, digest).await, u64::from(digest == kept), "{digest}");
    }
    app.settle().await;
    app.clock.advance_millis(2 * 3_600_000);
    app.sweep().await;
    assert_eq!(app.blobs().await, [kept.to_string()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_changed_while_it_is_deleted_is_deleted() {
    let (app, ann, id) = shelf().await;
    app.known_user("bob").await;
    let calls = (0..20).map(|n| {
        let (ann, path) = (ann.clone(), at(&id));
        async move {
            match n {
                10 => ann.delete(&path).await,
                n if n % 2 == 0 => {
                    ann.post_json(&format!("{path}/publishers"), &json!({ "userId": "bob" })).await
                }
                _ => ann.put_json(&path, &json!({ "name": format!("name {n}") })).await,
            }
        }
    });
    let answers = at_once(calls).await;
    assert_eq!(count(&answers, 204), 1, "{answers:?}");
    assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 201 | 204 | 404)), "{answers:?}");
    assert!(row(&app, &id).await.deleting);
    assert!(listed(&app, "ann").await.is_empty() && listed(&app, "bob").await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_revoked_meanwhile_changes_nothing() {
    let (app, ann, id) = shelf().await;
    let token = app.account_token("ann", &["write"]).await;
    let maker = token.clone();
    let making =
        held(&app, "TransactWriteItems", async move { maker.post_json(PATH, &plain("other")).await }).await;
    revoke(&ann).await;
    expect(&making.await.unwrap(), 401, &["revoked"]);
    let token = app.account_token("ann", &["write"]).await;
    let path = at(&id);
    let changing =
        held(&app, "TransactWriteItems", async move { token.put_json(&path, &json!({ "name": "x" })).await })
            .await;
    revoke(&ann).await;
    expect(&changing.await.unwrap(), 401, &["revoked"]);
    assert_eq!(row(&app, &id).await.name, "my-app");
    assert_eq!(listed(&app, "ann").await.len(), 1);
}

/// Revokes all tokens of a user.
async fn revoke(session: &Actor) {
    let tokens = session.get("/api/auth/token").await.json();
    for token in tokens["tokens"].as_array().unwrap() {
        let id = token["id"].as_str().unwrap();
        let path = format!("/api/auth/token?tokenId={id}");
        let revoked = session.delete(&path).await;
        assert!(revoked.status < 300, "{}", revoked.text());
    }
}
