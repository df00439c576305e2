//! The schedule calls the consumer with tasks that it knows.

use anyhow::{Context, Result, ensure};
use granary_tests::aws::{Aws, Reply};
use granary_tests::settings::deployed;
use reqwest::Method;
use serde_json::{Value, json};

async fn invoke(task: &Value) -> Result<Reply> {
    let path = format!("/2015-03-31/functions/{}/invocations", deployed("GRANARY_STACK_EVENTSFUNCTION")?);
    Aws::deployer()?.rest("lambda", Method::POST, &path, Some(task)).await?.success()
}

/// What is deployed as schedules, called once.
#[tokio::test]
async fn every_task_is_done() -> Result<()> {
    let deployer = Aws::deployer()?;
    let listed = deployer.rest("scheduler", Method::GET, "/schedules", None).await?.success()?.json()?;
    let schedules = listed["Schedules"].as_array().context("no schedules")?;
    ensure!(schedules.len() == 3, "{listed}");
    for schedule in schedules {
        let name = schedule["Name"].as_str().context("no name")?;
        let path = format!("/schedules/{name}");
        let whole = deployer.rest("scheduler", Method::GET, &path, None).await?.success()?.json()?;
        let input: Value = serde_json::from_str(whole["Target"]["Input"].as_str().context("no input")?)?;
        let done = invoke(&input).await?;
        // A function that fails is answered by what it failed of.
        ensure!(done.json()?["errorMessage"].is_null(), "{name}: {done:?}");
    }
    Ok(())
}

/// A task that nobody knows fails, and does not pass for another one.
#[tokio::test]
async fn an_unknown_task_fails() -> Result<()> {
    let failed = invoke(&json!({"task": "sweep-everything"})).await?;
    ensure!(failed.json()?["errorMessage"].is_string(), "{failed:?}");
    Ok(())
}
