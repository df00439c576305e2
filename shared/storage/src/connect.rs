//! Building the SDK clients: against AWS, or against engines plugged in underneath.

use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::retry::RetryPartition;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::timeout::TimeoutConfig;

use crate::kept::KeptRows;
use crate::policy::Policy;
use crate::{Inner, Storage};

/// How long opening connections ahead of the first request may take: starting a function is limited as well.
const WARM_UP: Duration = Duration::from_secs(2);

/// Names of the tables, the bucket and the queues.
#[derive(Debug, Clone)]
pub struct Names {
    /// Table of everything that lasts.
    pub registry: String,
    /// Table of what expires by itself.
    pub ephemeral: String,
    /// Table of download counts.
    pub counters: String,
    /// Bucket of blobs and index documents.
    pub bucket: String,
    /// URL of the queue of outbox events.
    pub events_queue: String,
    /// URL of the queue of watched libraries, for whom it concerns.
    pub kmp_poll_queue: Option<String>,
    /// URL of the queue of builds, for whom it concerns.
    pub kmp_build_queue: Option<String>,
    /// URL of the queue for messages that cannot be handled, for whom it concerns.
    pub dead_letters_queue: Option<String>,
}

impl Names {
    /// The names that the one-process server uses.
    pub fn embedded() -> Self {
        Self {
            registry: "granary-registry".into(),
            ephemeral: "granary-ephemeral".into(),
            counters: "granary-counters".into(),
            bucket: "granary".into(),
            events_queue: "http://sqs.local/000000000000/granary-events".into(),
            kmp_poll_queue: Some("http://sqs.local/000000000000/granary-kmp-poll".into()),
            kmp_build_queue: Some("http://sqs.local/000000000000/granary-kmp-build".into()),
            dead_letters_queue: Some("http://sqs.local/000000000000/granary-dead-letters".into()),
        }
    }
}

/// What a [`Storage`] over embedded engines is made of.
#[derive(Debug, Clone)]
pub struct Embedded {
    /// Answers DynamoDB requests.
    pub dynamodb: SharedHttpClient,
    /// Answers S3 requests.
    pub s3: SharedHttpClient,
    /// Answers SQS requests.
    pub sqs: SharedHttpClient,
    /// Access key that the S3 engine knows.
    pub access_key: String,
    /// Secret of that key.
    pub secret_key: String,
    /// Where other programs reach the S3 engine, such as `http://127.0.0.1:8081`.
    pub s3_public_endpoint: String,
    /// The names to use.
    pub names: Names,
    /// Rows in memory, told by the engine of each write; `None` where each read is to reach the engine.
    pub kept: Option<Arc<KeptRows>>,
}

impl Storage {
    /// Connects to engines in this process. No retries: an engine that fails once fails again.
    pub fn embedded(embedded: Embedded) -> Self {
        Self::over_engines(embedded, &Policy::engine(), &Policy::engine())
    }

    /// Connects to engines in this process as if they were AWS: with its retries and limits. For tests.
    pub fn rehearsal(embedded: Embedded) -> Self {
        Self::over_engines(embedded, &Policy::store(), &Policy::queue())
    }

    fn over_engines(embedded: Embedded, store: &Policy, queue: &Policy) -> Self {
        let Embedded { dynamodb, s3, sqs, access_key, secret_key, s3_public_endpoint, names, kept } =
            embedded;
        let credentials = Credentials::new(access_key, secret_key, None, None, "granary-embedded");
        let region = "us-east-1";
        // The SDK's budget of retries is one per process, and there may be many registries in a test.
        let partition = RetryPartition::custom("granary-embedded").build();
        let dynamodb = aws_sdk_dynamodb::Config::builder()
            .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::v2026_01_12())
            .region(aws_sdk_dynamodb::config::Region::new(region))
            // The engine is in this process: there is nobody to sign for.
            .allow_no_auth()
            .endpoint_url("http://dynamodb.local")
            .http_client(dynamodb)
            .retry_config(store.retries.clone())
            .retry_partition(partition.clone())
            .timeout_config(store.timeouts.clone())
            .stalled_stream_protection(aws_sdk_dynamodb::config::StalledStreamProtectionConfig::disabled())
            .build();
        let s3_config = |endpoint: String| {
            aws_sdk_s3::Config::builder()
                .behavior_version(aws_sdk_s3::config::BehaviorVersion::v2026_01_12())
                .region(aws_sdk_s3::config::Region::new(region))
                .endpoint_url(endpoint)
                .force_path_style(true)
                .response_checksum_validation(aws_sdk_s3::config::ResponseChecksumValidation::WhenRequired)
                .retry_config(store.retries.clone())
                .retry_partition(partition.clone())
                .timeout_config(store.timeouts.clone())
                .stalled_stream_protection(aws_sdk_s3::config::StalledStreamProtectionConfig::disabled())
        };
        // Its addresses are for other programs, which have to prove where they got them.
        let s3_public = s3_config(s3_public_endpoint).credentials_provider(credentials);
        let s3_public = s3_public.http_client(s3.clone()).build();
        let s3 = s3_config("http://s3.local".into()).allow_no_auth().http_client(s3).build();
        let sqs = aws_sdk_sqs::Config::builder()
            .behavior_version(aws_sdk_sqs::config::BehaviorVersion::v2026_01_12())
            .region(aws_sdk_sqs::config::Region::new(region))
            .allow_no_auth()
            .endpoint_url("http://sqs.local")
            .http_client(sqs)
            .retry_config(queue.retries.clone())
            .retry_partition(partition)
            .timeout_config(queue.timeouts.clone())
            // Waiting for a message is not stalling.
            .stalled_stream_protection(aws_sdk_sqs::config::StalledStreamProtectionConfig::disabled())
            .build();
        Self::from_clients(
            aws_sdk_dynamodb::Client::from_conf(dynamodb),
            aws_sdk_s3::Client::from_conf(s3),
            aws_sdk_s3::Client::from_conf(s3_public),
            aws_sdk_sqs::Client::from_conf(sqs),
            names,
            kept,
            store.timeouts.has_timeouts(),
        )
    }

    /// Connects to AWS with the region and credentials of the environment, and opens the connections
    /// ahead of the first request: start-up runs on burst CPU, the first request may not.
    pub async fn aws(names: Names) -> Self {
        let (store, queue) = (Policy::store(), Policy::queue());
        let shared = aws_config::defaults(aws_config::BehaviorVersion::v2026_01_12())
            .retry_config(store.retries)
            .timeout_config(store.timeouts)
            .load()
            .await;
        let s3 = aws_sdk_s3::Client::new(&shared);
        let sqs = aws_sdk_sqs::config::Builder::from(&shared)
            .retry_config(queue.retries)
            .timeout_config(queue.timeouts)
            .build();
        let storage = Self::from_clients(
            aws_sdk_dynamodb::Client::new(&shared),
            s3.clone(),
            s3,
            aws_sdk_sqs::Client::from_conf(sqs),
            names,
            None,
            true,
        );
        // Whatever it answers: the handshake is what counts.
        let _ignored = tokio::time::timeout(WARM_UP, storage.check_table()).await;
        storage
    }

    fn from_clients(
        dynamodb: aws_sdk_dynamodb::Client,
        s3: aws_sdk_s3::Client,
        s3_public: aws_sdk_s3::Client,
        sqs: aws_sdk_sqs::Client,
        names: Names,
        kept: Option<Arc<KeptRows>>,
        limited: bool,
    ) -> Self {
        Self { inner: Arc::new(Inner { dynamodb, s3, s3_public, sqs, names, kept, limited }) }
    }

    /// Limits of a call that is not like the others; none where there are none at all.
    pub(crate) fn limits(&self, limits: TimeoutConfig) -> TimeoutConfig {
        if self.inner.limited { limits } else { TimeoutConfig::disabled() }
    }

    /// The names in use.
    pub fn names(&self) -> &Names {
        &self.inner.names
    }
}
