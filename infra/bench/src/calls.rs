//! How many calls of the stores requests make.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use axum::body::Body;
use clap::Args;
use granary_local::engines::probe::Probe;
use granary_model::SystemClock;
use serde::{Deserialize, Serialize};

use crate::registry::{Client, Registry};
use crate::{Place, print};

/// Which requests to look at.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    place: Place,

    /// The requests: a JSON array of objects with `name`, `path` and, if need be, `headers`
    #[arg(value_name = "JSON")]
    requests: String,
}

/// A `GET` with the administrator's token.
#[derive(Debug, Deserialize)]
struct Wanted {
    /// What the result is called.
    name: String,
    /// Path and query.
    path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

/// The calls of one request.
#[derive(Debug, Serialize)]
struct Calls {
    /// The status of the answer.
    status: u16,
    /// The operations, in the order in which they began.
    operations: Vec<String>,
    /// How many of them waited for each other.
    in_sequence: usize,
}

/// The calls of a request in a process that remembers nothing, and of the same one once more.
#[derive(Debug, Serialize)]
struct Found {
    name: String,
    cold: Calls,
    warm: Calls,
}

/// Sends requests, each to a process of its own over the data folder, and prints what they did.
///
/// The calls are those that a function makes on AWS: rows that the one-process server keeps in memory are read as well.
pub(crate) async fn count(options: &Options) -> anyhow::Result<()> {
    let Options { place, requests } = options;
    let wanted: Vec<Wanted> = serde_json::from_str(requests).context("reading the requests")?;
    let registry = Registry::open(&place.data, &place.public_url, Arc::new(SystemClock)).await?;
    let mut found = Vec::with_capacity(wanted.len());
    for wanted in wanted {
        let probe = Probe::new();
        let client = registry.process(Some(&probe))?;
        let cold = calls(&client, &probe, &wanted).await?;
        let warm = calls(&client, &probe, &wanted).await?;
        found.push(Found { name: wanted.name, cold, warm });
    }
    print(serde_json::to_string(&found)?);
    Ok(())
}

async fn calls(client: &Client, probe: &Probe, wanted: &Wanted) -> anyhow::Result<Calls> {
    let headers: Vec<(&str, &str)> =
        wanted.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    probe.reset();
    let answer = client.try_send(("GET", &wanted.path), &headers, Body::empty()).await?;
    let operations = probe.calls().into_iter().map(|call| call.operation).collect();
    Ok(Calls { status: answer.status, operations, in_sequence: probe.depth() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tempfile::TempDir;

    use super::*;
    use crate::load::grow;

    #[tokio::test]
    async fn what_is_in_memory_is_not_read_again() {
        let folder = TempDir::new().unwrap();
        let clock = Arc::new(SystemClock);
        let registry = Registry::open(folder.path(), "http://localhost:8080", clock).await.unwrap();
        let owner = registry.process(None).unwrap();
        owner.make("/api/repos", &json!({ "name": "libs", "packageTypes": ["npm"] })).await.unwrap();
        grow(&owner, &"libs".parse().unwrap(), "versioned", 3).await.unwrap();
        let wanted = json!({ "name": "document", "path": "/api/npm/libs/versioned" });
        let wanted: Wanted = serde_json::from_value(wanted).unwrap();
        let probe = Probe::new();
        let client = registry.process(Some(&probe)).unwrap();
        let cold = calls(&client, &probe, &wanted).await.unwrap();
        assert_eq!((cold.status, cold.in_sequence), (200, 2));
        assert_eq!(cold.operations, ["BatchGetItem", "GetObject"]);
        let warm = calls(&client, &probe, &wanted).await.unwrap();
        assert_eq!((warm.status, warm.in_sequence), (200, 1));
        assert_eq!(warm.operations, ["BatchGetItem"]);
    }
}
