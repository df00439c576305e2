//! The Lambda function of `/api/entities`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    granary_http::lambda::run(granary_entities::router()).await
}
