//! The Lambda function of the console. Its pages ask the same families that answer the API, in the same process.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let api = granary_accounts::router()
        .merge(granary_repos::router())
        .merge(granary_licenses::router())
        .merge(granary_consumers::router())
        .merge(granary_products::router())
        .merge(granary_entities::router())
        .merge(granary_kmp_api::router());
    granary_http::lambda::run(granary_console::router(api)).await
}
