//! `granary serve`: everything in one process.

mod aws;

use std::convert::Infallible;
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use axum::serve::ListenerExt as _;
use granary_auth::{HttpKeys, KeySource, OidcVerifier, StaticKeys};
use granary_http::{ApiError, AppState, Config};
use granary_model::{Error, RandomIds, SystemClock};
use tokio::net::TcpListener;
use tower::{Service, ServiceExt as _};

use crate::app;
use crate::config::{LogFormat, ServeOptions};
use crate::engines::Engines;
use crate::first_start::{FirstToken, ensure_admin, first_steps, secret_keys};
use crate::identity::IdentityProvider;
use crate::tasks;

/// Serves until the process is told to end.
///
/// # Errors
/// An address or the data folder is in use, the configuration cannot be used, or AWS does not answer.
pub async fn serve(options: ServeOptions) -> anyhow::Result<()> {
    if options.aws { aws::serve(options).await } else { serve_alone(options).await }
}

/// Serves from a data folder.
async fn serve_alone(options: ServeOptions) -> anyhow::Result<()> {
    let listener = bind(options.listen, "--listen").await?;
    let s3_listener = bind(options.s3_listen, "--s3-listen").await?;
    let address = listener.local_addr()?;
    let s3_address = s3_listener.local_addr()?;
    let public_url = options.registry_address(address);
    let s3_public = options.storage_address(s3_address);

    let engines = Engines::open(&options.data)?;
    granary_publish::spool::keep_in(&options.data.join("spool"))?;
    let mut config = Config::local(&public_url);
    config.instance_admins = vec!["admin".parse()?];
    config.apply_env()?;
    if config.secret_keys.is_empty() {
        config.secret_keys = secret_keys(&options.data)?;
    }
    let own_provider = config.oidc_issuer == format!("{}/_idp", config.public_url);
    let provider = own_provider
        .then(|| {
            IdentityProvider::open(&options.data, &config.public_url, Arc::new(SystemClock)).map(Arc::new)
        })
        .transpose()?;
    let keys = match &provider {
        Some(provider) => KeySource::Static(StaticKeys::new(provider.jwks_json())?),
        None => KeySource::Http(HttpKeys::new(&config.oidc_issuer)?),
    };
    let oidc = OidcVerifier::new(&config.oidc_issuer, &config.oidc_audience, keys);
    let storage = app::storage(&engines, &s3_public, None);
    storage.create_missing().await?;
    let state = app::state(config, storage, oidc, Arc::new(SystemClock), Arc::new(RandomIds));
    if let Err(error) = granary_kmp_builder::keep_in(&state, &options.data.join("kmp-builds")) {
        tracing::warn!(%error, "what builds of an earlier process have left could not be removed");
    }
    let new_token = ensure_admin(&state, &options.data).await?;

    let mut routes = app::routes();
    match provider {
        // Whoever reaches it signs in as anybody, so nobody but this machine may reach it. A public address of
        // another host means that a proxy lets others in.
        Some(provider) if address.ip().is_loopback() && is_this_machine(&public_url) => {
            routes = routes.merge(provider.router().with_state(()));
        }
        Some(_) => tracing::warn!(
            "the built-in sign-in is off, because others than this machine can reach the registry: set \
             GRANARY_OIDC_ISSUER to your identity provider"
        ),
        None => {}
    }
    let app = granary_http::serve(routes, state.clone());
    let _tasks = tasks::spawn(&state, &engines);
    tokio::spawn(tasks::catch_up(state.clone()));
    let s3 = tokio::spawn({
        let engines = engines.clone();
        async move { engines.serve_s3(s3_listener, shutdown()).await }
    });
    announce(&state, &options, new_token.as_ref());
    tokio::select! {
        ended = run(listener, settled(app, engines.clone())) => ended?,
        // Whoever supervises the process starts it again, which is all that helps.
        lost = engines.lost() => return Err(lost),
    }
    s3.await??;
    tasks::finish(&state).await;
    Ok(())
}

/// Starts logging to standard error; standard output is for the ready line.
pub fn init_logs(options: &ServeOptions) {
    let filter = tracing_subscriber::EnvFilter::new(options.log_filter());
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match options.log_format {
        LogFormat::Json => subscriber.json().flatten_event(true).with_current_span(false).init(),
        LogFormat::Text => subscriber.compact().init(),
    }
}

async fn bind(address: SocketAddr, flag: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address}; choose another address with {flag} (port 0: any free one)")
    })
}

/// Has answers wait until nothing that they tell of can get lost. The log, which is written before, does not tell of it.
fn settled<S>(
    app: S,
    engines: Engines,
) -> impl Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send
where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send,
{
    app.and_then(move |response: Response| {
        let engines = engines.clone();
        async move {
            if let Err(error) = engines.settled().await {
                return Ok(ApiError::from(Error::Unavailable(error.to_string())).into_response());
            }
            Ok(response)
        }
    })
}

async fn run<S>(listener: TcpListener, app: S) -> anyhow::Result<()>
where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static,
{
    let listener = listener.tap_io(|stream| {
        // Without it the end of a large answer waits for the client to confirm what came before. Failing only costs time.
        let _ignored = stream.set_nodelay(true);
    });
    axum::serve(listener, tower::make::Shared::new(app))
        .with_graceful_shutdown(shutdown())
        .await
        .context("the server stopped")
}

/// Whether an address is that of this machine itself.
fn is_this_machine(address: &str) -> bool {
    let parsed = url::Url::parse(address);
    match parsed.as_ref().ok().and_then(url::Url::host) {
        Some(url::Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Says that the server is ready, and on the first start what to do with it.
#[expect(clippy::print_stdout, reason = "the ready line is part of the program's interface")]
fn announce(state: &AppState, options: &ServeOptions, new_token: Option<&FirstToken>) {
    let public_url = &state.config().public_url;
    if let Some(FirstToken { user, token }) = new_token {
        println!("First start: made the user '{user}' with the token {token}\n");
        println!("{}", first_steps(public_url, &options.data));
    }
    println!("Granary is ready at {public_url}");
}

/// Resolves when the process is told to end.
async fn shutdown() {
    let interrupt = tokio::signal::ctrl_c();
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = interrupt => {}
        () = terminate => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn answers_leave_when_what_they_tell_of_is_safe() {
        let folder = tempfile::tempdir().unwrap();
        let engines = Engines::open(folder.path()).unwrap();
        let app = tower::service_fn(|_: Request| async { Ok::<_, Infallible>(Response::default()) });
        let app = settled(app, engines.clone());
        let ask = || app.clone().oneshot(Request::default());
        assert_eq!(ask().await.unwrap().status(), 200);
        engines.settling().begin();
        let mut answer = Box::pin(ask());
        assert!(futures::poll!(&mut answer).is_pending());
        engines.settling().settled();
        assert_eq!(answer.await.unwrap().status(), 200);

        engines.settling().begin();
        let waiting = ask();
        engines.settling().lost();
        assert_eq!(waiting.await.unwrap().status(), 503);
        assert!(engines.settled().await.is_err());
        assert!(engines.lost().await.to_string().contains("disk"));
    }

    #[test]
    fn only_addresses_of_this_machine_keep_the_built_in_sign_in() {
        for here in ["http://localhost:8080", "http://127.0.0.1:1", "http://[::1]:8080", "http://LOCALHOST"] {
            assert!(is_this_machine(here), "{here}");
        }
        for beyond in
            ["https://packages.example", "http://192.0.2.1:8080", "http://localhost.example", "x", ""]
        {
            assert!(!is_this_machine(beyond), "{beyond}");
        }
    }
}
