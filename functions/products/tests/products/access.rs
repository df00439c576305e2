//! Every combination of rights against every action.

use granary_testing::products::ApiCaller;
use granary_testing::{TestApp, TestResponse};
use serde_json::{Value, json};

use crate::{NAME, json_error, store, text_error};

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Who {
    Admin,
    /// Listed with these rights: maintainer, download, upload, delete.
    Listed([bool; 4]),
    Unlisted,
}

impl Who {
    fn all() -> Vec<Self> {
        let flags = (0..16_u8).map(|bits| Self::Listed([1, 2, 4, 8].map(|bit| bits & bit != 0)));
        flags.chain([Self::Admin, Self::Unlisted]).collect()
    }

    /// Whether any of the rights that permit an action is there, in the order of [`Who::Listed`].
    fn may(self, counting: [bool; 4]) -> bool {
        match self {
            Self::Admin => true,
            Self::Unlisted => false,
            Self::Listed(has) => has.into_iter().zip(counting).any(|(has, counts)| has && counts),
        }
    }
}

#[track_caller]
fn check(response: &TestResponse, allowed: Option<u16>, is_text: bool, what: &str) {
    match allowed {
        Some(status) => assert_eq!(response.status, status, "{what}: {}", response.text()),
        None if is_text => text_error(response, 403, "permission denied"),
        None => json_error(response, 403, "permission denied"),
    }
}

/// A product with a version for each action that removes one, and somebody with these rights.
async fn prepared(app: &TestApp, admin: &ApiCaller, name: &str, who: Who) -> ApiCaller {
    assert_eq!(admin.create(name).await.status, 201);
    for version in ["kept", "one", "two"] {
        assert_eq!(admin.upload(name, version, version.as_bytes()).await.status, 201);
    }
    let caller = app.register(admin, who == Who::Admin).await;
    if let Who::Listed([maintainer, download, upload, delete]) = who {
        let flags =
            json!({ "maintainer": maintainer, "download": download, "upload": upload, "delete": delete });
        assert_eq!(admin.grant(name, caller.secret(), &flags).await.status, 201);
    }
    caller
}

#[tokio::test]
async fn rights_do_not_imply_each_other() {
    let (app, admin) = store().await;
    let other = app.register(&admin, false).await;
    for (index, who) in Who::all().into_iter().enumerate() {
        let name = format!("{NAME}-{index}");
        let what = format!("{who:?}");
        let caller = prepared(&app, &admin, &name, who).await;
        let granted = |allowed: bool, status: u16| allowed.then_some(status);

        let sees = who != Who::Unlisted;
        check(&caller.fetch(&name).await, granted(sees, 200), true, &what);
        let uploads = who.may([false, false, true, false]);
        check(&caller.upload(&name, "new", b"new").await, granted(uploads, 201), true, &what);
        check(&caller.announce(&name, "newer", b"newer").await, granted(uploads, 200), false, &what);
        let downloads = who.may([false, true, false, false]);
        check(&caller.download(&name, "kept").await, granted(downloads, 200), true, &what);
        let path = format!("/api/product/delete/{name}/one");
        let deletes = who.may([false, false, false, true]);
        check(&caller.delete(&path).await, granted(deletes, 204), true, &what);
        let body = json!({ "product": name, "version": "two" });
        let removed = caller.json("DELETE", "/api/product/modify/deleteVersion", &body).await;
        let removes = who.may([true, false, false, true]);
        check(&removed, granted(removes, 200), false, &what);

        let maintains = who.may([true, false, false, false]);
        let given = caller.grant(&name, other.secret(), &json!({ "download": true })).await;
        check(&given, granted(maintains, 201), false, &what);
        let shown = admin.fetch(&name).await.json();
        assert_eq!(shown["tokens"].get(other.hash()).is_some(), maintains, "{what}");
        let body = json!({ "product": name, "token": other.secret() });
        let taken = caller.json("DELETE", "/api/product/modify/deleteToken", &body).await;
        check(&taken, granted(maintains, 204), false, &what);

        let shown: Value = admin.fetch(&name).await.json();
        for (version, is_there) in
            [("kept", true), ("new", uploads), ("newer", false), ("one", !deletes), ("two", !removes)]
        {
            assert_eq!(shown["versions"].get(version).is_some(), is_there, "{what} {version}");
        }
        let deleted = caller.delete(&format!("/api/product/delete/{name}")).await;
        check(&deleted, granted(maintains, 204), false, &what);
        assert_eq!(admin.fetch(&name).await.status, if maintains { 404 } else { 200 }, "{what}");
    }
}

#[tokio::test]
async fn a_right_is_gone_at_once() {
    let (app, admin) = store().await;
    let caller = prepared(&app, &admin, NAME, Who::Listed([true; 4])).await;
    let upload = crate::sent(&caller, "3", b"three").await;
    assert_eq!(admin.grant(NAME, caller.secret(), &json!({ "maintainer": true })).await.status, 201);
    text_error(&caller.upload(NAME, "4", b"four").await, 403, "permission denied");
    text_error(&caller.download(NAME, "kept").await, 403, "permission denied");
    json_error(&caller.confirm(&upload).await, 403, "permission denied");
    assert_eq!(admin.grant(NAME, caller.secret(), &json!({ "upload": true })).await.status, 201);
    assert_eq!(caller.confirm(&upload).await.status, 201);
    let prune = admin.delete(&format!("/api/prune/{}", caller.secret())).await;
    assert_eq!(prune.status, 204);
    json_error(&caller.fetch(NAME).await, 401, "Invalid api token");
    json_error(&caller.upload(NAME, "4", b"four").await, 401, "Invalid api token");
    assert!(admin.fetch(NAME).await.json()["tokens"].get(caller.hash()).is_none());
}
