//! Plugging an engine into the SDK as its HTTP client.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

/// Something that answers the SDK's requests.
pub(crate) trait Engine: Send + Sync + 'static {
    /// The service's name, for debugging.
    const NAME: &'static str;

    /// Answers one request. An error is what a broken connection would be.
    fn answer(
        self: Arc<Self>,
        request: HttpRequest,
    ) -> impl Future<Output = Result<HttpResponse, ConnectorError>> + Send + 'static;
}

/// An HTTP client that hands every request to the engine.
pub(crate) fn client<E: Engine>(engine: Arc<E>) -> SharedHttpClient {
    from_connector(SharedHttpConnector::new(EngineConnector(engine)))
}

/// An HTTP client that hands every request to the connector, whatever the settings: there are no
/// connections to set up, so timeouts of connections mean nothing.
pub(crate) fn from_connector(connector: SharedHttpConnector) -> SharedHttpClient {
    SharedHttpClient::new(InProcess(connector))
}

#[derive(Debug)]
struct InProcess(SharedHttpConnector);

impl HttpClient for InProcess {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        self.0.clone()
    }
}

struct EngineConnector<E>(Arc<E>);

impl<E: Engine> fmt::Debug for EngineConnector<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EngineConnector").field(&E::NAME).finish()
    }
}

impl<E: Engine> HttpConnector for EngineConnector<E> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(Arc::clone(&self.0).answer(request))
    }
}
