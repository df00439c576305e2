//! The Lambda function of `/packages`, `/versions`, `/consumers` and `/permissions`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    granary_http::lambda::run(granary_consumers::router()).await
}
