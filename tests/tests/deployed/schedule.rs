//! The schedules call functions with tasks that those know.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use granary_tests::aws::{Aws, Reply};
use granary_tests::settings::deployed;
use reqwest::Method;
use serde_json::{Value, json};

/// Calls a function, which is named as the variables of a deployment name it.
pub(crate) async fn invoke(function: &str, task: &Value) -> Result<Reply> {
    let name = deployed(&format!("GRANARY_STACK_{function}"))?;
    Aws::deployer()?
        .rest("lambda", Method::POST, &format!("/2015-03-31/functions/{name}/invocations"), Some(task))
        .await?
        .success()
}

/// The functions that have schedules.
const SCHEDULED: [&str; 3] = ["EVENTSFUNCTION", "KMPPOLLERFUNCTION", "KMPBUILDERFUNCTION"];

/// What is deployed as schedules, called once.
#[tokio::test]
async fn every_task_is_done() -> Result<()> {
    let deployer = Aws::deployer()?;
    // Another suite deploys a stack of its own.
    let function = deployed("GRANARY_STACK_EVENTSFUNCTION")?;
    let (stack, _) =
        function.split_once("-EventsFunction").context("a function that is not called like it")?;
    let path = format!("/schedules?NamePrefix={stack}-");
    let listed = deployer.rest("scheduler", Method::GET, &path, None).await?.success()?.json()?;
    let schedules = listed["Schedules"].as_array().context("no schedules")?;
    let mut called = BTreeSet::new();
    for schedule in schedules {
        let name = schedule["Name"].as_str().context("no name")?;
        let path = format!("/schedules/{name}");
        let whole = deployer.rest("scheduler", Method::GET, &path, None).await?.success()?.json()?;
        let target = whole["Target"]["Arn"].as_str().context("no target")?;
        let input: Value = serde_json::from_str(whole["Target"]["Input"].as_str().context("no input")?)?;
        ensure!(whole["State"] == "ENABLED", "{whole}");
        for function in SCHEDULED {
            if target.ends_with(&format!(":{}", deployed(&format!("GRANARY_STACK_{function}"))?)) {
                let done = invoke(function, &input).await?;
                // A function that fails is answered by what it failed of.
                ensure!(done.json()?["errorMessage"].is_null(), "{name}: {done:?}");
                called.insert((function, input["task"].as_str().unwrap_or_default().to_owned()));
            }
        }
    }
    let tasks = [
        ("EVENTSFUNCTION", "sweep"),
        ("EVENTSFUNCTION", "sweep-blobs"),
        ("EVENTSFUNCTION", "sweep-uploads"),
        ("KMPBUILDERFUNCTION", "sweep"),
        ("KMPPOLLERFUNCTION", "tick"),
    ];
    ensure!(
        called == tasks.map(|(function, task)| (function, task.to_owned())).into(),
        "{called:?} {listed}"
    );
    ensure!(schedules.len() == tasks.len(), "{listed}");
    Ok(())
}

/// A task that nobody knows fails, and does not pass for another one. Nor does that of another function.
#[tokio::test]
async fn an_unknown_task_fails() -> Result<()> {
    for (function, task) in [
        ("EVENTSFUNCTION", "sweep-everything"),
        ("EVENTSFUNCTION", "tick"),
        ("KMPPOLLERFUNCTION", "sweep"),
        ("KMPPOLLERFUNCTION", "admin-token"),
        ("KMPBUILDERFUNCTION", "tick"),
        ("KMPBUILDERFUNCTION", "admin-token"),
    ] {
        let failed = invoke(function, &json!({"task": task})).await?;
        ensure!(failed.json()?["errorMessage"].is_string(), "{function} {task}: {failed:?}");
    }
    Ok(())
}
