//! Engines in a temporary folder, and SDK clients over them.

use std::net::SocketAddr;

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use granary_local::engines::Engines;
use granary_local::engines::probe::Probe;
use tempfile::TempDir;
use tokio::net::TcpListener;

pub(super) const BUCKET: &str = "granary";

/// Engines with clients.
pub(super) struct Setup {
    pub(super) folder: TempDir,
    pub(super) engines: Engines,
    pub(super) probe: Probe,
    pub(super) dynamodb: aws_sdk_dynamodb::Client,
    pub(super) s3: aws_sdk_s3::Client,
    pub(super) sqs: aws_sdk_sqs::Client,
}

impl Setup {
    /// Fresh engines with a bucket.
    pub(super) async fn new() -> Self {
        let setup = Self::open(tempfile::tempdir().unwrap());
        setup.s3.create_bucket().bucket(BUCKET).send().await.unwrap();
        setup
    }

    /// Engines over a folder that may have been used before.
    pub(super) fn open(folder: TempDir) -> Self {
        let engines = Engines::open(folder.path()).unwrap();
        let probe = Probe::new();
        let clients = engines.probed(&probe);
        let dynamodb = aws_sdk_dynamodb::Config::builder()
            .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::latest())
            .region(aws_sdk_dynamodb::config::Region::new("us-east-1"))
            .credentials_provider(credentials(&engines))
            .retry_config(aws_sdk_dynamodb::config::retry::RetryConfig::disabled())
            .endpoint_url("http://dynamodb.local")
            .http_client(clients.dynamodb)
            .build();
        let sqs = aws_sdk_sqs::Config::builder()
            .behavior_version(aws_sdk_sqs::config::BehaviorVersion::latest())
            .region(aws_sdk_sqs::config::Region::new("us-east-1"))
            .credentials_provider(credentials(&engines))
            .retry_config(aws_sdk_sqs::config::retry::RetryConfig::disabled())
            .endpoint_url("http://sqs.local")
            .http_client(clients.sqs)
            .build();
        Self {
            dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb),
            s3: s3_client(&engines, "http://s3.local", clients.s3),
            sqs: aws_sdk_sqs::Client::from_conf(sqs),
            folder,
            engines,
            probe,
        }
    }

    /// The same folder after a restart.
    pub(super) fn reopen(self) -> Self {
        let Self { folder, engines, dynamodb, s3, sqs, .. } = self;
        drop((engines, dynamodb, s3, sqs));
        Self::open(folder)
    }

    /// Starts the S3 listener, and returns its address and a client that presigns for it. The listener ends
    /// with the test's runtime.
    pub(super) async fn listen(&self) -> (SocketAddr, aws_sdk_s3::Client) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let engines = self.engines.clone();
        tokio::spawn(async move { engines.serve_s3(listener, std::future::pending()).await });
        (address, s3_client(&self.engines, &format!("http://{address}"), self.engines.s3()))
    }
}

fn credentials(engines: &Engines) -> Credentials {
    let pair = engines.s3_credentials();
    Credentials::new(pair.access_key(), pair.secret_key(), None, None, "test")
}

fn s3_client(engines: &Engines, endpoint: &str, http: SharedHttpClient) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(aws_sdk_s3::config::BehaviorVersion::latest())
        .region(aws_sdk_s3::config::Region::new("us-east-1"))
        .credentials_provider(credentials(engines))
        .retry_config(aws_sdk_s3::config::retry::RetryConfig::disabled())
        .endpoint_url(endpoint)
        .force_path_style(true)
        .http_client(http)
        .build();
    aws_sdk_s3::Client::from_conf(config)
}
