//! The engine on a port, for the programs that fetch from and send to presigned addresses.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::serve::ListenerExt as _;
use http::StatusCode;
use s3s::Body;
use tokio::net::TcpListener;

use crate::engines::s3::service::S3Engine;

/// Answers until `shutdown` resolves and the requests under way are done.
pub(crate) async fn serve(
    engine: Arc<S3Engine>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let router = Router::new().fallback(answer).with_state(engine);
    let listener = listener.tap_io(|stream| {
        // Only costs time when it fails.
        let _ignored = stream.set_nodelay(true);
    });
    axum::serve(listener, router).with_graceful_shutdown(shutdown).await?;
    Ok(())
}

async fn answer(State(engine): State<Arc<S3Engine>>, request: Request) -> Result<Response, Infallible> {
    let response = match engine.respond(request.map(Body::http_body_unsync)).await {
        Ok(response) => response.map(axum::body::Body::new),
        Err(error) => {
            tracing::error!(?error, "the S3 engine could not answer");
            let mut response = Response::new(axum::body::Body::empty());
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        }
    };
    Ok(response)
}
