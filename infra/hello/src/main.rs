//! The smallest Lambda function over HTTP: what `scripts/bench-start` measures the others against.

use lambda_http::{Body, Error, Request, Response, run, service_fn, tracing};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    run(service_fn(hello)).await
}

async fn hello(_request: Request) -> Result<Response<Body>, Error> {
    Ok(Response::builder().header("content-type", "text/plain").body("hello".into())?)
}
