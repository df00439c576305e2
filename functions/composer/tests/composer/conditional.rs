//! Conditional requests by date.

use granary_storage::rows::LicenceConstraint;
use granary_testing::{Actor, TestResponse};

use crate::support::{REPO, TOOL, at, selling, shop};

async fn since(actor: &Actor, date: &str) -> TestResponse {
    actor.get_with(&at("p2/acme/tool.json"), &[("if-modified-since", date)]).await
}

async fn date(actor: &Actor) -> String {
    actor.get(&at("p2/acme/tool.json")).await.header("last-modified").to_owned()
}

#[tokio::test]
async fn the_same_date_is_304_and_every_other_one_is_the_document() {
    let (app, ann) = selling(&["1.0.0"]).await;
    let known = date(&ann).await;
    assert!(!known.is_empty());
    let same = since(&ann, &known).await;
    assert_eq!((same.status, same.body.len()), (304, 0));
    assert_eq!(same.header("last-modified"), known);
    for other in ["Mon, 01 Jan 2035 00:00:00 GMT", "Mon, 01 Jan 2001 00:00:00 GMT", "nonsense", ""] {
        assert_eq!(since(&ann, other).await.status, 200, "{other}");
    }
    // Both documents, and HEAD.
    assert_eq!(
        ann.get_with(&at("p2/acme/tool~dev.json"), &[("if-modified-since", &known)]).await.status,
        304
    );
    app.publish_composer(REPO, TOOL, &["1.0.1"]).await;
    assert_eq!(since(&ann, &known).await.status, 200);
}

#[tokio::test]
async fn a_tag_works_as_well_and_decides_alone() {
    let (_app, ann) = selling(&["1.0.0"]).await;
    let document = ann.get(&at("p2/acme/tool.json")).await;
    let (tag, date) = (document.header("etag"), document.header("last-modified"));
    let ask = async |tag: &str| {
        let headers = [("if-none-match", tag), ("if-modified-since", date)];
        ann.get_with(&at("p2/acme/tool.json"), &headers).await.status
    };
    assert_eq!(ask(tag).await, 304);
    assert_eq!(ask("\"other\"").await, 200);
}

#[tokio::test]
async fn changes_within_a_second_are_all_seen() {
    let (app, ann) = shop().await;
    app.clock.advance_millis(3_600_000);
    app.publish_composer(REPO, TOOL, &["1.0.0"]).await;
    for moment in [0, 1, 998, 1_000, 2_999] {
        app.clock.advance_millis(moment);
        assert_eq!(date(&ann).await, "", "no date while another change may share its second");
    }
    app.clock.advance_millis(1);
    assert_eq!(date(&ann).await, "", "a millisecond too early");
    app.clock.advance_millis(1);
    let known = date(&ann).await;
    assert_eq!(since(&ann, &known).await.status, 304);
    app.publish_composer(REPO, TOOL, &["1.0.1"]).await;
    let fresh = since(&ann, &known).await;
    assert_eq!((fresh.status, fresh.header("last-modified")), (200, ""));
    app.clock.advance_millis(60_000);
    assert_ne!(date(&ann).await, known);
}

#[tokio::test]
async fn the_date_of_another_credential_is_good_for_nothing() {
    let (app, ann) = selling(&["1.0.0", "2.0.0"]).await;
    let range = |range: &str| {
        let range = range.to_owned();
        move |row: &mut granary_storage::rows::LicenceRow| row.constraint = LicenceConstraint::Version(range)
    };
    let one = app.licence("ann", &[TOOL], range("1.*")).await.actor;
    let two = app.licence("ann", &[TOOL], range("2.*")).await.actor;
    let all = app.licence("ann", &[TOOL], |_| ()).await.actor;
    app.clock.advance_millis(60_000);
    let actors = [ann, one, two, all];
    let mut dates = Vec::new();
    for actor in &actors {
        dates.push(date(actor).await);
    }
    for (at, actor) in actors.iter().enumerate() {
        for (of, date) in dates.iter().enumerate() {
            let status = since(actor, date).await.status;
            assert_eq!(status, if at == of { 304 } else { 200 }, "{at} with the date of {of}");
        }
    }
}

#[tokio::test]
async fn the_date_moves_with_the_grants() {
    let (app, _ann) = selling(&["1.0.0", "2.0.0"]).await;
    let mut licence = app.licence("ann", &[TOOL], |_| ()).await;
    let customer = licence.actor.clone();
    app.clock.advance_millis(60_000);
    let known = date(&customer).await;
    assert_eq!(since(&customer, &known).await.status, 304);
    app.change_licence(&mut licence, |row| row.constraint = LicenceConstraint::Version("1.*".into())).await;
    assert_eq!(since(&customer, &known).await.status, 200);
    app.clock.advance_millis(60_000);
    assert_eq!(since(&customer, &known).await.status, 200);
    let narrowed = date(&customer).await;
    assert_eq!(since(&customer, &narrowed).await.status, 304);
    app.change_licence(&mut licence, |row| row.suspended = true).await;
    for date in [known, narrowed] {
        let refused = since(&customer, &date).await;
        assert_eq!(refused.status, 403);
        assert_eq!(refused.json()["code"], "LICENSE_SUSPENDED");
    }
}
