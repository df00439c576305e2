//! What a shell would run stays text, and is refused where it comes in.

use anyhow::{Result, ensure};
use granary_tests::instance::Instance;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::Stage;

const TEXTS: [&str; 8] = ["x;id", "$(id)", "`id`", "x|id", "x'&id&'", "x\"\nid", "../../x", "x y"];

/// Coordinates, names and versions with metacharacters are 400 with the name of the field, and leave nothing behind.
#[tokio::test]
async fn metacharacters_are_refused() -> Result<()> {
    let instance = Instance::new().await?;
    let stage = Stage::shared(&instance).await?;
    let refused = async |path: &str, body: Value, field: &str| {
        let (status, answer) = stage.admin.send(Method::POST, &stage.path(path), Some(&body)).await?;
        ensure!(status == StatusCode::BAD_REQUEST, "{body}: {status} {answer}");
        ensure!(answer.contains(field), "{field} is not named: {body}: {answer}");
        anyhow::Ok(())
    };
    let id = stage.watch("greeter", &json!({})).await?;
    for text in TEXTS {
        for field in ["groupId", "artifactId", "npmPackageName", "swiftScope", "swiftName"] {
            let mut body = json!({
                "groupId": "com.example", "artifactId": "lib", "npmPackageName": "lib", "swiftScope": "acme",
                "swiftName": "lib",
            });
            body[field] = text.into();
            refused("watched", body, field).await?;
        }
        refused("builds", json!({"watchedPackageId": id, "version": text}), "version").await?;
    }
    let watched = stage.call(Method::GET, "watched", None).await?;
    ensure!(watched["watched"].as_array().is_some_and(|list| list.len() == 1), "{watched}");
    ensure!(stage.builds("").await?.is_empty());
    Ok(())
}
