//! The tables, bucket and queues of the one-process server. On AWS the template makes them.

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TimeToLiveSpecification,
};
use granary_model::{Error, Result};

use crate::Storage;
use crate::retry::store_error;

impl Storage {
    /// Makes whatever is missing of the tables, the bucket and the queues. Safe to repeat.
    pub async fn create_missing(&self) -> Result<()> {
        self.create_tables().await?;
        self.create_bucket().await?;
        self.create_queues().await
    }

    /// Makes the tables that are missing.
    pub async fn create_tables(&self) -> Result<()> {
        let names = &self.inner.names;
        for table in [&names.registry, &names.ephemeral, &names.counters] {
            self.create_table(table).await?;
        }
        let expiry = TimeToLiveSpecification::builder()
            .attribute_name("expires_at")
            .enabled(true)
            .build()
            .map_err(|e| Error::internal("describing the expiry", e))?;
        // Refused where it is on already, which is as good.
        let _ignored = self
            .inner
            .dynamodb
            .update_time_to_live()
            .table_name(&names.ephemeral)
            .time_to_live_specification(expiry)
            .send()
            .await;
        Ok(())
    }

    /// Makes the bucket if it is missing.
    pub async fn create_bucket(&self) -> Result<()> {
        let bucket = &self.inner.names.bucket;
        if self.inner.s3.head_bucket().bucket(bucket).send().await.is_err() {
            let create = self.inner.s3.create_bucket().bucket(bucket).send().await;
            create.map_err(|e| store_error("creating the bucket", &e))?;
        }
        Ok(())
    }

    async fn create_queues(&self) -> Result<()> {
        let names = &self.inner.names;
        let others = [&names.kmp_poll_queue, &names.kmp_build_queue, &names.dead_letters_queue];
        for url in std::iter::once(&names.events_queue).chain(others.into_iter().flatten()) {
            let queue = url.rsplit('/').next().unwrap_or(url);
            let create = self.inner.sqs.create_queue().queue_name(queue).send().await;
            create.map_err(|e| store_error("creating a queue", &e))?;
        }
        Ok(())
    }

    async fn create_table(&self, name: &str) -> Result<()> {
        if self.inner.dynamodb.describe_table().table_name(name).send().await.is_ok() {
            return Ok(());
        }
        let mut create =
            self.inner.dynamodb.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
        for (attribute, kind) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
            let definition = AttributeDefinition::builder()
                .attribute_name(attribute)
                .attribute_type(ScalarAttributeType::S)
                .build();
            let schema = KeySchemaElement::builder().attribute_name(attribute).key_type(kind).build();
            create = create
                .attribute_definitions(definition.map_err(|e| Error::internal("describing a table", e))?)
                .key_schema(schema.map_err(|e| Error::internal("describing a table", e))?);
        }
        create.send().await.map_err(|e| store_error("creating a table", &e))?;
        Ok(())
    }

    /// Whether the main table answers.
    pub async fn check_table(&self) -> Result<()> {
        self.inner
            .dynamodb
            .get_item()
            .table_name(&self.inner.names.registry)
            .key("pk", crate::item::text("HEALTH"))
            .key("sk", crate::item::text("HEALTH"))
            .send()
            .await
            .map(|_| ())
            .map_err(|e| store_error("checking the table", &e))
    }

    /// Whether the bucket answers.
    pub async fn check_bucket(&self) -> Result<()> {
        self.inner
            .s3
            .head_bucket()
            .bucket(&self.inner.names.bucket)
            .send()
            .await
            .map(|_| ())
            .map_err(|e| store_error("checking the bucket", &e))
    }

    /// Whether the queue answers.
    pub async fn check_queue(&self) -> Result<()> {
        self.inner
            .sqs
            .get_queue_attributes()
            .queue_url(&self.inner.names.events_queue)
            .send()
            .await
            .map(|_| ())
            .map_err(|e| store_error("checking the queue", &e))
    }
}
