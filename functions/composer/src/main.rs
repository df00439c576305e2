//! The Composer family as a Lambda function.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    granary_http::lambda::run(granary_composer::router()).await
}
