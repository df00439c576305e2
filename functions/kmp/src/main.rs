//! The Lambda function of /api/repos/{id}/kmp and /api/kmp.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    granary_http::lambda::run(granary_kmp_api::router()).await
}
