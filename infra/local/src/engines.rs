//! Storage engines that answer the AWS SDK inside this process.
//!
//! Each engine is the SDK's HTTP client: what would leave for DynamoDB, S3 or SQS is answered here, so
//! the code above is the same as on AWS and no socket is between them. The S3 engine can also listen on
//! a port, because presigned addresses are fetched by other programs.

pub mod probe;
pub mod s3;

mod connector;
mod dynamo;
mod folder_lock;
mod folders;
mod json;
mod sqs;

use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use granary_storage::kept::KeptRows;
use tokio::net::TcpListener;

use crate::engines::dynamo::Dynamo;
use crate::engines::dynamo::settling::Settling;
use crate::engines::folder_lock::FolderLock;
use crate::engines::probe::{Probe, Service};
use crate::engines::s3::{S3Credentials, S3Engine};
use crate::engines::sqs::Sqs;

/// The three engines over one data folder. Cheap to clone.
#[derive(Clone)]
pub struct Engines {
    dynamo: Arc<Dynamo>,
    s3: Arc<S3Engine>,
    sqs: Arc<Sqs>,
    kept: Arc<KeptRows>,
    settling: Arc<Settling>,
    /// Held as long as any clone lives: two processes on one folder would delete each other's temporary
    /// files.
    _lock: Arc<FolderLock>,
}

impl Engines {
    /// Opens the engines of a data folder and makes the folder where it is missing.
    ///
    /// Fails if another process has the folder open, or if what is in it cannot be read.
    pub fn open(data: &Path) -> anyhow::Result<Self> {
        folders::create_all(data).with_context(|| format!("cannot make the folder {}", data.display()))?;
        let lock = FolderLock::take(data)?;
        let kept = Arc::<KeptRows>::default();
        let dynamo = Dynamo::open(&data.join("registry.sqlite"), Arc::clone(&kept))?;
        let settling = dynamo.settling();
        let s3 = S3Engine::open(data, Arc::clone(&settling))?;
        Ok(Self {
            dynamo: Arc::new(dynamo),
            s3: Arc::new(s3),
            sqs: Arc::new(Sqs::default()),
            kept,
            settling,
            _lock: Arc::new(lock),
        })
    }

    /// The HTTP client for the SDK's DynamoDB client.
    pub fn dynamodb(&self) -> SharedHttpClient {
        connector::client(Arc::clone(&self.dynamo))
    }

    /// The HTTP client for the SDK's S3 client.
    pub fn s3(&self) -> SharedHttpClient {
        connector::client(Arc::clone(&self.s3))
    }

    /// The HTTP client for the SDK's SQS client.
    pub fn sqs(&self) -> SharedHttpClient {
        connector::client(Arc::clone(&self.sqs))
    }

    /// Rows in memory, which the engine tells of each write: for a [`granary_storage::Storage`] over these engines.
    pub fn kept_rows(&self) -> Arc<KeptRows> {
        Arc::clone(&self.kept)
    }

    /// The same clients with every call going through a probe first.
    pub fn probed(&self, probe: &Probe) -> ProbedClients {
        ProbedClients {
            dynamodb: probe.wrap(Service::DynamoDb, self.dynamodb()),
            s3: probe.wrap(Service::S3, self.s3()),
            sqs: probe.wrap(Service::Sqs, self.sqs()),
        }
    }

    /// The only credentials that the S3 engine accepts. The other engines do not look at credentials.
    pub fn s3_credentials(&self) -> &S3Credentials {
        self.s3.credentials()
    }

    /// Answers S3 requests on a listener until `shutdown` resolves and the requests under way are done.
    pub async fn serve_s3(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> anyhow::Result<()> {
        s3::listener::serve(Arc::clone(&self.s3), listener, shutdown).await
    }

    /// Waits until nothing that has been read or written before this call can get lost any more. To be called before
    /// anything leaves the process that somebody may rely on.
    ///
    /// # Errors
    /// The disk has refused what was written. Nothing is written any more then, and the process has to end: what reached
    /// the disk is known only after a new start.
    pub async fn settled(&self) -> anyhow::Result<()> {
        Ok(self.settling.wait().await?)
    }

    /// For tests that stand in for the disk.
    #[cfg(test)]
    pub(crate) fn settling(&self) -> &Settling {
        &self.settling
    }

    /// Resolves when the disk has refused what was written.
    pub async fn lost(&self) -> anyhow::Error {
        self.settling.until_lost().await.into()
    }

    /// Removes the rows whose time to live has passed, and says how many there were. To be called every
    /// few minutes: expiry itself is checked by the code that reads the rows.
    pub async fn sweep_expired_rows(&self) -> anyhow::Result<usize> {
        self.dynamo.sweep_expired().await
    }
}

impl std::fmt::Debug for Engines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engines").finish_non_exhaustive()
    }
}

/// HTTP clients whose calls a [`Probe`] sees.
#[derive(Debug, Clone)]
pub struct ProbedClients {
    /// For the SDK's DynamoDB client.
    pub dynamodb: SharedHttpClient,
    /// For the SDK's S3 client.
    pub s3: SharedHttpClient,
    /// For the SDK's SQS client.
    pub sqs: SharedHttpClient,
}
