//! The only crate that knows the AWS SDK: table keys and rows, object keys, queues.
//!
//! [`Storage`] is one handle to three tables, one bucket and the queues. Everything above it speaks of
//! rows, objects and messages; whether DynamoDB, S3 and SQS answer from AWS or from engines in the same
//! process is decided by the HTTP clients it is built with (see [`connect`]).

pub mod connect;
pub mod kept;
pub mod keys;
pub mod objects;
pub mod policy;
pub mod queue;
pub mod rows;
pub mod schema;
pub mod staging;
pub mod table;
pub mod transaction;

mod access;
mod accounts;
mod bulk;
mod item;
pub mod publishing;
mod retry;

use std::sync::Arc;

pub use access::{AccessRows, Identification, Wanted};
pub use connect::{Embedded, Names};
pub use item::Page;
pub use keys::{Key, PackageKey, Sequence, Subject, Tenant};
pub use objects::{ObjectKey, PutOutcome, Upload};
pub use queue::{Message, Queue};
pub use retry::credentials_refused;
pub use transaction::{Commit, Transaction};

/// Handle to the tables, the bucket and the queues. Cheap to clone.
#[derive(Clone)]
pub struct Storage {
    inner: Arc<Inner>,
}

struct Inner {
    dynamodb: aws_sdk_dynamodb::Client,
    s3: aws_sdk_s3::Client,
    /// Signs addresses that other programs fetch; differs from `s3` where the engine is embedded.
    s3_public: aws_sdk_s3::Client,
    sqs: aws_sdk_sqs::Client,
    names: Names,
    /// Rows in memory, where this process is the only one that writes.
    kept: Option<Arc<kept::KeptRows>>,
    /// Whether calls are given up after a while.
    limited: bool,
}

impl std::fmt::Debug for Storage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Storage").field("names", &self.inner.names).finish_non_exhaustive()
    }
}
