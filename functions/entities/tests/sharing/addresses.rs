//! Who is found by an e-mail address: only whoever the identity provider has verified last.

use granary_storage::rows::EmailRow;

use super::*;

/// Claims of an ID token as the provider makes it at this moment, with these about the address.
fn claims(app: &TestApp, user: &str, about: &Value) -> Value {
    let (config, now) = (app.state().config(), app.state().now().seconds());
    let mut claims = json!({
        "iss": config.oidc_issuer, "aud": config.oidc_audience, "sub": user, "iat": now, "exp": now + 36_000,
    });
    for (name, value) in about.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

/// Signs in with these claims and gives whoever has the token.
async fn sign_in(app: &TestApp, user: &str, about: Value) -> Actor {
    let actor = app.token(&app.issuer.id_token(&claims(app, user, &about)));
    expect(&actor.get(WITH_ME).await, 200, &[]);
    actor
}

fn verified(email: &str) -> Value {
    json!({ "email": email, "email_verified": true })
}

/// Who would get what is shared with an address.
async fn found(app: &TestApp, ann: &Actor, id: &str, email: &str) -> Option<String> {
    let response = share(ann, id, &[email]).await;
    let body = response.json();
    let share = body["shares"].get(0)?;
    expect(&response, 201, &[]);
    let user = share["user_id"].as_str().unwrap().to_owned();
    // Nobody signs in here: a test's users have other addresses.
    let entry = Key::SharedWith(user.parse().unwrap(), id.to_owned());
    assert!(app.state().storage().get::<EntityRef>(&entry).await.unwrap().is_some());
    expect(&ann.delete(&share_of(id, share["id"].as_str().unwrap())).await, 204, &[]);
    Some(user)
}

#[tokio::test]
async fn an_address_that_nobody_has_verified_finds_nobody() {
    let (app, ann, id) = shelf().await;
    for (n, about) in [
        json!({ "email": "victim@example.com" }),
        json!({ "email": "victim@example.com", "email_verified": false }),
        json!({ "email": "victim@example.com", "email_verified": "false" }),
        json!({ "email": "victim@example.com", "email_verified": null }),
        json!({ "email": "victim@example.com", "email_verified": 1 }),
        json!({ "email": "victim@example.com", "email_verified": {} }),
        json!({ "email_verified": true }),
        json!({ "email": "no address", "email_verified": true }),
        json!({ "email": "", "email_verified": true }),
    ]
    .into_iter()
    .enumerate()
    {
        sign_in(&app, &format!("attacker{n}"), about.clone()).await;
        let response = share(&ann, &id, &["victim@example.com"]).await;
        expect(&response, 200, &[]);
        assert_eq!(response.json()["not_found"], json!(["victim@example.com"]), "{about}");
    }
    // The victim is found, whatever was said before, and stays found whatever is said afterwards.
    for about in
        [verified("victim@example.com"), json!({ "email": "Victim@example.com", "email_verified": "true" })]
    {
        sign_in(&app, "victim", about).await;
        app.clock.advance_millis(1000);
        sign_in(&app, "attacker", json!({ "email": "victim@example.com" })).await;
        assert_eq!(found(&app, &ann, &id, "victim@example.com").await.as_deref(), Some("victim"));
    }
}

#[tokio::test]
async fn case_does_not_count_but_no_letter_is_taken_for_another_one() {
    let (app, ann, id) = shelf().await;
    sign_in(&app, "kate", verified("Kate.Lee@Example.COM")).await;
    let response = share(&ann, &id, &[" kATE.lee@example.com ", "KATE.LEE@EXAMPLE.COM"]).await;
    expect(&response, 201, &[]);
    assert_eq!(column(&response.json()["shares"], "email"), ["kate.lee@example.com"]);
    let again = share(&ann, &id, &["KATE.lee@example.com"]).await;
    assert_eq!(again.json()["already_had_access"], json!(["kate.lee@example.com"]));

    // Lower case of the Kelvin sign is a k, of a dotted capital I almost an i.
    app.clock.advance_millis(1000);
    sign_in(&app, "attacker", verified("\u{212a}ate.Lee@example.com")).await;
    sign_in(&app, "attacker2", verified("sam@EXAMPLE\u{212a}.com")).await;
    assert_eq!(found(&app, &ann, &id, "kate.lee@example.com").await, None, "kate has it already");
    assert_eq!(found(&app, &ann, &id, "\u{212a}ate.lee@example.com").await.as_deref(), Some("attacker"));
    assert_eq!(found(&app, &ann, &id, "sam@examplek.com").await, None);
}

#[tokio::test]
async fn a_user_with_another_address_is_not_found_by_the_old_one() {
    let (app, ann, id) = shelf().await;
    sign_in(&app, "lee", verified("old@example.com")).await;
    assert_eq!(found(&app, &ann, &id, "old@example.com").await.as_deref(), Some("lee"));
    app.clock.advance_millis(1000);
    sign_in(&app, "lee", verified("new@example.com")).await;
    assert_eq!(found(&app, &ann, &id, "old@example.com").await, None);
    assert_eq!(found(&app, &ann, &id, "new@example.com").await.as_deref(), Some("lee"));
    let old: Option<EmailRow> =
        app.state().storage().get(&Key::UserEmail("old@example.com".into())).await.unwrap();
    assert_eq!(old, None);
    for about in [
        json!({ "email": "new@example.com", "email_verified": false }),
        verified("new@example.com"),
        json!({}),
    ] {
        app.clock.advance_millis(1000);
        sign_in(&app, "lee", about.clone()).await;
        let expected = (about == verified("new@example.com")).then(|| "lee".to_owned());
        assert_eq!(found(&app, &ann, &id, "new@example.com").await, expected, "{about}");
    }
}

/// Of two users with one address, the provider's last word counts, whatever is asked in which order and by which process.
#[tokio::test]
async fn the_latest_word_of_the_provider_counts() {
    let (app, ann, id) = shelf().await;
    let email = "desk@example.com";
    let first = sign_in(&app, "first", verified(email)).await;
    app.clock.advance_millis(1000);
    let second = sign_in(&app, "second", verified(email)).await;
    assert_eq!(found(&app, &ann, &id, email).await.as_deref(), Some("second"));
    // An old token is good for its user still, but not for the address.
    for process in [&app, &app.restarted()] {
        for actor in [&first, &second, &first] {
            expect(&process.token(actor.secret()).get(WITH_ME).await, 200, &[]);
            assert_eq!(found(&app, &ann, &id, email).await.as_deref(), Some("second"));
        }
    }
    app.clock.advance_millis(1000);
    sign_in(&app, "first", verified(email)).await;
    assert_eq!(found(&app, &ann, &id, email).await.as_deref(), Some("first"));
    // Whoever has lost it does not take it along.
    app.clock.advance_millis(1000);
    sign_in(&app, "second", verified("other@example.com")).await;
    assert_eq!(found(&app, &ann, &id, email).await.as_deref(), Some("first"));
}

/// Somebody who once had an address keeps a token of that time.
#[tokio::test]
async fn an_old_token_brings_no_old_address_back() {
    let (app, ann, id) = shelf().await;
    let old = sign_in(&app, "mallory", verified("boss@example.com")).await;
    app.clock.advance_millis(1000);
    sign_in(&app, "mallory", verified("mallory@example.com")).await;
    for process in [&app, &app.restarted()] {
        expect(&process.token(old.secret()).get(WITH_ME).await, 200, &[]);
        assert_eq!(found(&app, &ann, &id, "boss@example.com").await, None);
        assert_eq!(found(&app, &ann, &id, "mallory@example.com").await.as_deref(), Some("mallory"));
    }
    let me = app.user("mallory").get("/api/auth/me").await.json();
    assert_eq!(me["user"]["uid"], "mallory");
}

/// A provider's clock may be ahead, or it may not say when.
#[tokio::test]
async fn the_moment_of_a_token_is_what_the_registry_can_check() {
    let (app, ann, id) = shelf().await;
    let email = "desk@example.com";
    let late =
        json!({ "email": email, "email_verified": true, "iat": app.state().now().seconds() + 1_000_000_000 });
    sign_in(&app, "ahead", late).await;
    assert_eq!(found(&app, &ann, &id, email).await.as_deref(), Some("ahead"));
    app.clock.advance_millis(1000);
    sign_in(&app, "later", verified(email)).await;
    assert_eq!(found(&app, &ann, &id, email).await.as_deref(), Some("later"));
    for (n, iat) in [json!(null), json!(-5), json!(0.5), json!("now"), json!(0)].into_iter().enumerate() {
        sign_in(&app, "vague", json!({ "email": email, "email_verified": true, "iat": iat })).await;
        assert_eq!(found(&app, &ann, &id, email).await.as_deref(), Some("later"));
        let own = format!("own{n}@example.com");
        sign_in(&app, "vague", json!({ "email": own, "email_verified": true, "iat": iat })).await;
        assert_eq!(found(&app, &ann, &id, &own).await.as_deref(), Some("vague"), "{iat}");
    }
}

/// A row that was left behind leads to a profile that says otherwise.
#[tokio::test]
async fn the_profile_decides_not_the_index() {
    let (app, ann, id) = shelf().await;
    let stale = EmailRow { user: "bob".parse().unwrap(), issued_at: 0 };
    for email in ["boss@example.com", "eve@example.com"] {
        app.state().storage().put(&Key::UserEmail(email.into()), &stale).await.unwrap();
        assert_eq!(found(&app, &ann, &id, email).await, None, "{email}");
    }
    // The next token of whoever has it puts it right.
    app.clock.advance_millis(1000);
    app.known_user("eve").await;
    assert_eq!(found(&app, &ann, &id, "eve@example.com").await.as_deref(), Some("eve"));
}

/// Requests that arrive with different tokens of one user, and of two users, at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tokens_in_any_order_come_to_the_same_end() {
    let (app, ann, id) = shelf().await;
    let start = app.state().now().seconds();
    for round in 0..10_i64 {
        let email = format!("desk{round}@example.com");
        let token = |user: &str, email: &str, at: i64| {
            let about = json!({ "email": email, "email_verified": true, "iat": start - 100 + at });
            app.token(&app.issuer.id_token(&claims(&app, user, &about)))
        };
        let (one, two) = (format!("one{round}"), format!("two{round}"));
        let actors = [
            token(&one, &email, 1),
            token(&two, &email, 2),
            token(&one, &email, 3),
            token(&one, &format!("left{round}@example.com"), 2),
            token(&two, &format!("gone{round}@example.com"), 1),
        ];
        let calls = actors.map(|actor| tokio::spawn(async move { actor.get(WITH_ME).await.status }));
        for call in calls {
            assert_eq!(call.await.unwrap(), 200);
        }
        assert_eq!(found(&app, &ann, &id, &email).await, Some(one), "{round}");
        for email in [format!("left{round}@example.com"), format!("gone{round}@example.com")] {
            assert_eq!(found(&app, &ann, &id, &email).await, None, "{email}");
        }
    }
}

/// A profile is written as far as the store lets it, and the next request goes on.
#[tokio::test]
async fn a_sign_in_that_breaks_off_is_taken_up_again() {
    use granary_testing::Mishap;
    for mishap in Mishap::ALL {
        for n in 1..=4 {
            let (app, ann, id) = shelf().await;
            sign_in(&app, "lee", verified("old@example.com")).await;
            app.clock.advance_millis(1000);
            let token = app.issuer.id_token(&claims(&app, "lee", &verified("new@example.com")));
            let actor = app.token(&token);
            // The profile; the old address, the profile, the new address.
            app.suffer(n, mishap, async move { actor.get("/api/auth/me").await }).await;
            assert_eq!(found(&app, &ann, &id, "old@example.com").await.filter(|user| user != "lee"), None);
            expect(&app.restarted().token(&token).get(WITH_ME).await, 200, &[]);
            assert_eq!(found(&app, &ann, &id, "old@example.com").await, None, "{mishap:?} {n}");
            assert_eq!(
                found(&app, &ann, &id, "new@example.com").await.as_deref(),
                Some("lee"),
                "{mishap:?} {n}"
            );
        }
    }
}
