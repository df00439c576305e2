//! A registry that other programs reach.

use axum::body::Body;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tower::ServiceExt as _;

use crate::app::TestApp;

impl TestApp {
    /// Answers on a listener until the test is over. The public address has to be where that is.
    pub fn serve_on(&self, listener: TcpListener) {
        let app = self.app.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let app = app.clone();
                let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                    app.clone().oneshot(request.map(Body::new))
                });
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                // A client that goes away is none of the test's business.
                tokio::spawn(async move { connection.await.ok() });
            }
        });
    }
}
