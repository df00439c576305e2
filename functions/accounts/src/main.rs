//! The Lambda function of `/api/auth` and `/api/orgs`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    granary_http::lambda::run(granary_accounts::router()).await
}
