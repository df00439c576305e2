//! The process ends in the middle of a build.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, bail, ensure};
use granary_tests::server::Server;
use serde_json::json;
use tokio::time::{Duration, sleep};

use super::{BY_HAND, check_greets, server, stage};
use crate::kmp::library::Libraries;
use crate::kmp::{LONGEST, Stage};

/// Pause between two looks at processes.
const GLANCE: Duration = Duration::from_millis(20);

/// A running process.
#[derive(Debug)]
struct Process {
    parent: u32,
    program: String,
}

/// A server whose compiler is at work, and what it has started.
async fn building() -> Result<(Server, Stage, Vec<u32>)> {
    let server = server(&BY_HAND).await?;
    let stage = stage(&server).await?;
    let [fixture, _] = Libraries::new()?;
    fixture.publish(&stage.maven, "words", "1.0.0").await?;
    fixture.publish(&stage.maven, "greeter", "1.0.0").await?;
    stage.watch("greeter", &json!({})).await?;
    stage.poll().await?;
    let root = server.process_id().context("the server has ended")?;
    for _ in 0..LONGEST.as_millis() / GLANCE.as_millis() {
        let all = processes()?;
        let started = started_by(&all, root);
        if started.iter().any(|id| all.get(id).is_some_and(|process| process.program == "java")) {
            return Ok((server, stage, started));
        }
        sleep(GLANCE).await;
    }
    bail!("no compiler was started: {:?}", stage.builds("").await?)
}

/// All processes of this machine, by their ids.
fn processes() -> Result<BTreeMap<u32, Process>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(id) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // One that has just ended has no such file any more.
        let Ok(text) = fs::read_to_string(format!("/proc/{id}/stat")) else { continue };
        let (head, rest) = text.rsplit_once(')').context("a process without a name")?;
        let program = head.split_once('(').map(|(_, name)| name.to_owned()).unwrap_or_default();
        let mut rest = rest.split_whitespace();
        let state = rest.next().unwrap_or_default();
        let parent =
            rest.next().and_then(|parent| parent.parse().ok()).context("a process without a parent")?;
        // What has ended and was not waited for runs no more.
        if state != "Z" {
            found.insert(id, Process { parent, program });
        }
    }
    Ok(found)
}

/// The processes that a process has started, and that those have.
fn started_by(all: &BTreeMap<u32, Process>, root: u32) -> Vec<u32> {
    let (mut found, mut from) = (Vec::new(), vec![root]);
    while let Some(parent) = from.pop() {
        let children = all.iter().filter(|(_, process)| process.parent == parent).map(|(id, _)| *id);
        for child in children {
            found.push(child);
            from.push(child);
        }
    }
    found
}

/// It begins again at the next start, and ends well.
async fn check_begins_again(server: &mut Server, stage: &Stage) -> Result<()> {
    server.restart().await?;
    stage.built("greeter", "1.0.0").await?;
    ensure!(stage.npm().versions("@acme/greeter").await?.len() == 1);
    check_greets(stage, "1.0.0").await
}

/// A power cut.
#[tokio::test]
async fn a_build_survives_kill() -> Result<()> {
    let (mut server, stage, _) = building().await?;
    server.kill().await?;
    check_begins_again(&mut server, &stage).await
}

/// The operator stops the server: it does not wait for the compiler, and what it has started ends with it.
#[tokio::test]
async fn a_build_survives_a_stop() -> Result<()> {
    let (mut server, stage, started) = building().await?;
    server.stop().await?;
    let mut left = started.clone();
    // They were killed; being gone takes a moment.
    for _ in 0..LONGEST.as_millis() / GLANCE.as_millis() {
        let all = processes()?;
        left.retain(|id| all.contains_key(id));
        if left.is_empty() {
            break;
        }
        sleep(GLANCE).await;
    }
    ensure!(left.is_empty(), "of {started:?} these still run: {left:?}");
    check_begins_again(&mut server, &stage).await
}
