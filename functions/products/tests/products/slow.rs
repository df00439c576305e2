//! Bodies that take their time: a right that is gone meanwhile does not count any more.

use axum::body::Body;
use bytes::Bytes;
use futures::SinkExt as _;
use futures::channel::mpsc;
use granary_testing::TestResponse;
use granary_testing::products::{ApiCaller, ProductForm};
use serde_json::json;

use crate::consistency::Checks as _;
use crate::{NAME, empty, json_error, stocked, stocked_with, text_error};

/// Sends a large file as a version, half of it after something else has happened.
async fn halting(caller: &ApiCaller, version: &str, meanwhile: impl Future<Output = ()>) -> TestResponse {
    let form = ProductForm::default().text("product", NAME).text("version", version);
    let form = form.file("a", &vec![7; 300_000]);
    let content_type = form.content_type();
    let bytes = form.body();
    let (first, second) = (bytes[..150_000].to_vec(), bytes[150_000..].to_vec());
    let (mut sender, receiver) = mpsc::channel::<Result<Bytes, std::io::Error>>(1);
    let headers = [("content-type", content_type.as_str())];
    let uploading = caller.request("POST", "/api/product/upload", &headers, Body::from_stream(receiver));
    let sending = async {
        sender.send(Ok(first.into())).await.unwrap();
        // The channel takes these only when the body has been read so far.
        for _ in 0..2 {
            sender.send(Ok(Bytes::new())).await.unwrap();
        }
        meanwhile.await;
        // Whoever has been refused takes no more.
        let _refused = sender.send(Ok(second.into())).await;
        drop(sender);
    };
    let (response, ()) = futures::join!(uploading, sending);
    response
}

/// What happens while a file is on its way.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Meanwhile {
    Nothing,
    RightTaken,
    TokenPruned,
    ProductRemade,
}

#[tokio::test]
async fn what_was_true_when_an_upload_began_need_not_be_when_it_ends() {
    for (meanwhile, slow) in [
        (Meanwhile::Nothing, true),
        (Meanwhile::RightTaken, true),
        (Meanwhile::RightTaken, false),
        (Meanwhile::TokenPruned, true),
        (Meanwhile::TokenPruned, false),
        (Meanwhile::ProductRemade, true),
        (Meanwhile::ProductRemade, false),
    ] {
        let (app, admin) = stocked().await;
        let plain = app.register(&admin, false).await;
        empty(&admin.grant(NAME, plain.secret(), &json!({ "upload": true })).await, 201);
        let response = halting(&plain, "1", async {
            match meanwhile {
                Meanwhile::Nothing => {}
                Meanwhile::RightTaken => {
                    empty(&admin.grant(NAME, plain.secret(), &json!({ "download": true })).await, 201);
                }
                Meanwhile::TokenPruned => {
                    empty(&admin.delete(&format!("/api/prune/{}", plain.secret())).await, 204);
                }
                Meanwhile::ProductRemade => {
                    empty(&admin.delete(&format!("/api/product/delete/{NAME}")).await, 204);
                    empty(&admin.create(NAME).await, 201);
                }
            }
            if slow {
                app.clock.advance_millis(3_000);
            }
        })
        .await;
        match (meanwhile, slow) {
            (Meanwhile::Nothing, _) => empty(&response, 201),
            (Meanwhile::RightTaken, _) | (Meanwhile::ProductRemade, true) => {
                text_error(&response, 403, "permission denied");
            }
            (Meanwhile::TokenPruned, true) => json_error(&response, 401, "Invalid api token"),
            // It is found out when the version is committed: the product does not list the token any more.
            (Meanwhile::TokenPruned, false) => text_error(&response, 403, "permission denied"),
            (Meanwhile::ProductRemade, false) => json_error(&response, 400, "Product not found"),
        }
        let kept = admin.fetch(NAME).await.json()["versions"].as_object().unwrap().len();
        assert_eq!(kept, usize::from(meanwhile == Meanwhile::Nothing), "{meanwhile:?} {slow}");
    }
}

/// Room that is made while a file is on its way is there for it.
#[tokio::test]
async fn room_that_is_made_meanwhile_counts() {
    let (app, admin) = stocked_with(|config| config.repo_quota = Some(400_000)).await;
    empty(&admin.upload(NAME, "0", &vec![1; 200_000]).await, 201);
    let response = halting(&admin, "1", async {
        empty(&admin.delete(&format!("/api/product/delete/{NAME}/0")).await, 204);
    });
    empty(&response.await, 201);
    let response = halting(&admin, "2", async {}).await;
    let words =
        "the quota of product 'my-lib' (400000 bytes) would be exceeded; delete versions or raise the quota";
    text_error(&response, 403, words);
    app.check_product("ann", NAME).await;
}
