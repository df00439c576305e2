//! Where a run of the suite happens: on the embedded engines, or on those whose addresses are in the environment.

use std::collections::HashMap;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sqs::types::QueueAttributeName;
use granary_local::engines::Engines;
use granary_model::{Ids, RandomIds};
use granary_storage::{Embedded, Names, Storage};
use tempfile::TempDir;
use tokio::net::TcpListener;

/// Tables, a bucket and queues of one test.
pub(crate) struct Place {
    pub(crate) storage: Storage,
    /// The table's own client, for what [`Storage`] relies on and does not offer.
    pub(crate) dynamodb: aws_sdk_dynamodb::Client,
    sqs: aws_sdk_sqs::Client,
    _folder: Option<TempDir>,
}

impl Place {
    /// With nothing.
    pub(crate) async fn without() -> Self {
        Engine::of_this_run("DYNAMODB").await.place(false).await
    }

    /// With the three tables.
    pub(crate) async fn tables() -> Self {
        let place = Self::without().await;
        place.storage.create_tables().await.unwrap();
        place
    }

    /// With the bucket. Presigned addresses work.
    pub(crate) async fn bucket() -> Self {
        let place = Engine::of_this_run("S3").await.place(false).await;
        place.storage.create_bucket().await.unwrap();
        place
    }

    /// With the queue and the one for what cannot be handled. A message that is not acknowledged comes back after a
    /// second.
    pub(crate) async fn queues() -> Self {
        Engine::of_this_run("SQS").await.place(true).await
    }

    /// The text and the reason of the messages that were put aside.
    pub(crate) async fn put_aside(&self) -> HashMap<String, String> {
        let url = self.storage.names().dead_letters_queue.clone().unwrap();
        let receive = self.sqs.receive_message().queue_url(url).max_number_of_messages(10);
        let received = receive.message_attribute_names("All").send().await.unwrap();
        let messages = received.messages.unwrap_or_default().into_iter();
        messages
            .map(|message| {
                let mut attributes = message.message_attributes.unwrap_or_default();
                (message.body.unwrap(), attributes.remove("reason").unwrap().string_value.unwrap())
            })
            .collect()
    }
}

/// What answers in this run.
enum Engine {
    Embedded { folder: TempDir, engines: Engines, s3_public: String },
    Remote(Box<SdkConfig>),
}

impl Engine {
    async fn of_this_run(service: &str) -> Self {
        if variable("GRANARY_CONTRACT").is_some_and(|engine| !engine.is_empty()) {
            // Without an address the SDK would go to AWS. (A table is looked at in any case.)
            for service in ["DYNAMODB", service] {
                let own = format!("AWS_ENDPOINT_URL_{service}");
                let is_given = ["AWS_ENDPOINT_URL", &own].into_iter().any(|name| variable(name).is_some());
                assert!(is_given, "neither AWS_ENDPOINT_URL nor {own} says where to run");
            }
            return Self::Remote(Box::new(aws_config::load_defaults(BehaviorVersion::v2026_01_12()).await));
        }
        let folder = TempDir::new().unwrap();
        let engines = Engines::open(folder.path()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let s3_public = format!("http://{}", listener.local_addr().unwrap());
        let serving = engines.clone();
        tokio::spawn(async move { serving.serve_s3(listener, std::future::pending()).await });
        Self::Embedded { folder, engines, s3_public }
    }

    async fn place(self, with_queues: bool) -> Place {
        let (dynamodb, sqs) = (self.dynamodb(), self.sqs());
        // Other tests use the same engines at the same time, so every place has names of its own. Nothing is removed:
        // the engines are thrown away.
        let mut id = [0_u8; 8];
        RandomIds.fill(&mut id);
        let id = format!("contract-{:016x}", u64::from_be_bytes(id));
        let mut names = Names {
            registry: format!("{id}-registry"),
            ephemeral: format!("{id}-ephemeral"),
            counters: format!("{id}-counters"),
            bucket: id.clone(),
            ..Names::embedded()
        };
        if with_queues {
            names.events_queue = create_queue(&sqs, &format!("{id}-events")).await;
            names.dead_letters_queue = Some(create_queue(&sqs, &format!("{id}-left")).await);
        }
        let (storage, folder) = match self {
            Self::Remote(_) => (Storage::aws(names).await, None),
            Self::Embedded { folder, engines, s3_public } => {
                let credentials = engines.s3_credentials();
                let storage = Storage::embedded(Embedded {
                    dynamodb: engines.dynamodb(),
                    s3: engines.s3(),
                    sqs: engines.sqs(),
                    access_key: credentials.access_key().into(),
                    secret_key: credentials.secret_key().into(),
                    s3_public_endpoint: s3_public,
                    names,
                    kept: Some(engines.kept_rows()),
                });
                (storage, Some(folder))
            }
        };
        Place { storage, dynamodb, sqs, _folder: folder }
    }

    fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        match self {
            Self::Remote(shared) => aws_sdk_dynamodb::Client::new(shared),
            Self::Embedded { engines, .. } => {
                let config = aws_sdk_dynamodb::Config::builder()
                    .behavior_version(BehaviorVersion::v2026_01_12())
                    .region(Region::new("us-east-1"))
                    .allow_no_auth()
                    .endpoint_url("http://dynamodb.local")
                    .http_client(engines.dynamodb());
                aws_sdk_dynamodb::Client::from_conf(config.build())
            }
        }
    }

    fn sqs(&self) -> aws_sdk_sqs::Client {
        match self {
            Self::Remote(shared) => aws_sdk_sqs::Client::new(shared),
            Self::Embedded { engines, .. } => {
                let config = aws_sdk_sqs::Config::builder()
                    .behavior_version(BehaviorVersion::v2026_01_12())
                    .region(Region::new("us-east-1"))
                    .allow_no_auth()
                    .endpoint_url("http://sqs.local")
                    .http_client(engines.sqs());
                aws_sdk_sqs::Client::from_conf(config.build())
            }
        }
    }
}

async fn create_queue(sqs: &aws_sdk_sqs::Client, name: &str) -> String {
    let create = sqs.create_queue().queue_name(name).attributes(QueueAttributeName::VisibilityTimeout, "1");
    create.send().await.unwrap().queue_url.unwrap()
}

#[expect(clippy::disallowed_methods, reason = "it says where the suite runs, and configures no function")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
