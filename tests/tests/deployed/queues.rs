//! Messages: the good ones are followed up, those that cannot be read are put aside.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use granary_tests::api::Visibility;
use granary_tests::aws::Aws;
use granary_tests::instance::Instance;
use granary_tests::package::Package;
use granary_tests::settings::deployed;
use serde_json::{Value, json};
use tokio::time::sleep;

/// How often something is looked for that is to come by itself, half a second apart.
const LOOKS: usize = 240;

/// A message that nobody can read ends in the queue of dead letters with its reason, and stands in nobody's way: what
/// was announced at the same time is done.
#[tokio::test]
async fn poison_is_put_aside() -> Result<()> {
    let instance = Instance::new().await?;
    let (admin, name) = (instance.admin()?, instance.name("gone"));
    let registry = admin.create_repo(&name, Visibility::Private).await?;
    registry.publish(&Package::new("plain-gone", "1.0.0"), &["latest"]).await?.accepted()?;

    let deployer = Aws::deployer()?;
    let events = deployed("GRANARY_STACK_EVENTSQUEUEURL")?;
    let poison = [format!("no JSON, {name}"), json!({"no": "event", "of": name}).to_string()];
    for body in &poison {
        let message = json!({"QueueUrl": events, "MessageBody": body});
        deployer.sqs("SendMessage", &message).await?.success()?;
    }
    admin.delete_repo(&name).await?;
    let mut found = Vec::new();
    for _ in 0..LOOKS {
        found.extend(put_aside(&deployer, "DEADLETTERSURL", &name).await?);
        // The name is free again once everything of the old repository is removed.
        let made = found.len() == poison.len() && admin.create_repo(&name, Visibility::Private).await.is_ok();
        if made {
            return check(&found, &poison);
        }
        sleep(Duration::from_millis(500)).await;
    }
    bail!("{} of {} messages were put aside: {found:?}", found.len(), poison.len());
}

/// Those of watched libraries and of builds likewise, each in a queue of its own. A message about something that is gone is
/// none: there is nothing to do.
#[tokio::test]
async fn poison_of_libraries_and_builds_is_put_aside() -> Result<()> {
    let deployer = Aws::deployer()?;
    let name = Instance::new().await?.name("poison");
    for (queue, dead, gone) in [
        ("KMPPOLLQUEUEURL", "KMPPOLLDEADLETTERSURL", json!({"repo": name, "id": "gone"})),
        ("KMPBUILDQUEUEURL", "KMPBUILDDEADLETTERSURL", json!({"repo": name, "build": "gone"})),
    ] {
        let poison = [format!("no JSON, {name}"), json!({"no": "place", "of": name}).to_string()];
        let queue = deployed(&format!("GRANARY_STACK_{queue}"))?;
        for body in std::iter::once(&gone.to_string()).chain(&poison) {
            let message = json!({"QueueUrl": queue, "MessageBody": body});
            deployer.sqs("SendMessage", &message).await?.success()?;
        }
        let mut found = Vec::new();
        for _ in 0..LOOKS {
            found.extend(put_aside(&deployer, dead, &name).await?);
            if found.len() >= poison.len() && is_empty(&deployer, &queue).await? {
                break;
            }
            sleep(Duration::from_millis(500)).await;
        }
        found.extend(put_aside(&deployer, dead, &name).await?);
        ensure!(found.len() == poison.len(), "{queue}: {found:?}");
        check(&found, &poison)?;
    }
    Ok(())
}

/// Whether nothing waits in a queue, and nobody is at work on anything of it.
async fn is_empty(deployer: &Aws, queue: &str) -> Result<bool> {
    let ask = json!({"QueueUrl": queue, "AttributeNames": ["All"]});
    let told = deployer.sqs("GetQueueAttributes", &ask).await?.success()?.json()?;
    let count = |name: &str| told["Attributes"][name].as_str() == Some("0");
    Ok(count("ApproximateNumberOfMessages") && count("ApproximateNumberOfMessagesNotVisible"))
}

/// Checks that messages were put aside as they were sent, and why.
fn check(found: &[Value], poison: &[String]) -> Result<()> {
    for message in found {
        let body = message["Body"].as_str().context("no body")?;
        ensure!(poison.iter().any(|sent| sent == body), "changed on the way: {message}");
        let reason = &message["MessageAttributes"]["reason"]["StringValue"];
        ensure!(reason.as_str().is_some_and(|reason| reason.contains("cannot be read")), "{message}");
    }
    Ok(())
}

/// Takes those messages out of a queue of dead letters that have `mark` in their body.
async fn put_aside(deployer: &Aws, dead: &str, mark: &str) -> Result<Vec<Value>> {
    let queue = deployed(&format!("GRANARY_STACK_{dead}"))?;
    let ask = json!({
        "QueueUrl": queue, "MaxNumberOfMessages": 10, "VisibilityTimeout": 1, "MessageAttributeNames": ["All"],
    });
    let received = deployer.sqs("ReceiveMessage", &ask).await?.success()?.json()?;
    let messages = received["Messages"].as_array().cloned().unwrap_or_default();
    let ours: Vec<Value> = messages
        .into_iter()
        .filter(|message| message["Body"].as_str().is_some_and(|body| body.contains(mark)))
        .collect();
    for message in &ours {
        let delete = json!({"QueueUrl": queue, "ReceiptHandle": message["ReceiptHandle"]});
        deployer.sqs("DeleteMessage", &delete).await?.success()?;
    }
    Ok(ours)
}

/// A message that ends the process each time it is tried is put aside by the queue itself.
#[tokio::test]
async fn the_queue_gives_up_by_itself() -> Result<()> {
    for (queue, dead, invisible) in [
        ("EVENTSQUEUEURL", "DEADLETTERSURL", "960"),
        ("KMPPOLLQUEUEURL", "KMPPOLLDEADLETTERSURL", "1800"),
        ("KMPBUILDQUEUEURL", "KMPBUILDDEADLETTERSURL", "5400"),
    ] {
        let ask =
            json!({"QueueUrl": deployed(&format!("GRANARY_STACK_{queue}"))?, "AttributeNames": ["All"]});
        let told = Aws::deployer()?.sqs("GetQueueAttributes", &ask).await?.success()?.json()?;
        let policy = told["Attributes"]["RedrivePolicy"].as_str().context("no policy")?;
        let policy: Value = serde_json::from_str(policy)?;
        let dead = deployed(&format!("GRANARY_STACK_{dead}"))?;
        let dead = dead.rsplit('/').next().unwrap_or_default();
        ensure!(policy["deadLetterTargetArn"].as_str().is_some_and(|arn| arn.ends_with(dead)), "{policy}");
        let most = &policy["maxReceiveCount"];
        let most = most.as_u64().or_else(|| most.as_str()?.parse().ok()).context("no count")?;
        ensure!((2..=10).contains(&most), "{policy}");
        ensure!(told["Attributes"]["VisibilityTimeout"] == invisible, "{queue}: {told}");
    }
    Ok(())
}
