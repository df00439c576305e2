//! What [`granary_storage::Storage`] promises to those above it, and what it relies on below.
//!
//! Each test is written once. It runs on the engines of the one-process server or, with `GRANARY_CONTRACT` set, on
//! those whose addresses are in `AWS_ENDPOINT_URL` and, for a service of its own, in `AWS_ENDPOINT_URL_DYNAMODB`,
//! `_S3` and `_SQS`; `scripts/contract` starts such engines. Where they differ from each other and from AWS is in
//! docs/DATA-MODEL.md.
//!
//! A module needs either tables (`rows`, `bulk`, `lists`, `limits`, `selling`, and with transactions `transactions`, `changes`,
//! `tables`), a bucket (`objects`, `staging`) or queues (`queues`): so an engine that has less can run what it has.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod bulk;
mod changes;
mod limits;
mod lists;
mod objects;
mod place;
mod queues;
mod rows;
mod selling;
mod staging;
mod tables;
mod transactions;

use granary_model::{PackageType, RepoId, Sha256, Timestamp};
use granary_storage::rows::{VersionRow, VersionStatus};
use granary_storage::{Commit, Key, PackageKey, Subject};
use serde::{Deserialize, Serialize};
use sha2::Digest as _;

const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Row {
    rev: u64,
    text: String,
}

fn row(rev: u64, text: &str) -> Row {
    Row { rev, text: text.into() }
}

fn token_of(id: &str) -> Key {
    Key::TokenOf(Subject::User("ann".parse().unwrap()), id.into())
}

/// A row of any partition and sort key; the partition key has `AUDIT##` besides.
fn any(partition: &str, sort: &str) -> Key {
    Key::Audit(partition.into(), String::new(), sort.into())
}

fn repo() -> RepoId {
    "libs".parse().unwrap()
}

fn package() -> PackageKey {
    PackageKey { repo: repo(), kind: PackageType::Maven, name: "g:a".into() }
}

fn version(size: u64, file_count: u64) -> VersionRow {
    VersionRow {
        version: "1".into(),
        status: VersionStatus::Live,
        published_at: NOW,
        publisher: "ann".into(),
        deprecated: None,
        files: Vec::new(),
        size,
        file_count,
        complete: false,
        hidden: false,
        fetched: None,
        facts: Vec::new(),
    }
}

fn digest(bytes: &[u8]) -> Sha256 {
    Sha256::from_bytes(sha2::Sha256::digest(bytes).into())
}

/// Bytes that differ from each other.
fn noise(length: usize) -> Vec<u8> {
    (0..length).map(|n| u8::try_from((n * 7 + n / 251) % 256).unwrap_or_default()).collect()
}

fn refused(commit: Commit) -> (&'static str, Option<Row>) {
    match commit {
        Commit::Done => panic!("it should have been refused"),
        Commit::Refused(refusal) => (refusal.label, refusal.existing().unwrap()),
    }
}

fn is_done(commit: &Commit) -> bool {
    matches!(commit, Commit::Done)
}
