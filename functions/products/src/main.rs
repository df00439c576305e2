//! The Lambda function of `/api/product`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    granary_http::lambda::run(granary_products::router()).await
}
