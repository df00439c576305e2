//! The Lambda function of `/v1/licenses`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    granary_http::lambda::run(granary_licenses::router()).await
}
