//! A registry behind a TLS front.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use anyhow::{Context, Result};
use reqwest::{Certificate, Client};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;

use crate::certificates::Authority;
use crate::front::Front;
use crate::instance::{Instance, loopback};
use crate::settings::{self, Attachment};

/// A registry, the TLS front before it, and the authority that its clients have to trust.
#[derive(Debug)]
pub struct Secured {
    instance: Instance,
    entrance: Arc<Entrance>,
}

/// A front and its certificates.
#[derive(Debug)]
struct Entrance {
    front: Front,
    authority: Authority,
    /// Held: the certificates are in it.
    _folder: TempDir,
}

/// A deployed registry knows one address of itself, so all suites share one front there.
static SHARED: OnceCell<Arc<Entrance>> = OnceCell::const_new();

/// What the shared front runs on: the runtime of a test ends with it.
static KEEPER: LazyLock<std::io::Result<Runtime>> = LazyLock::new(Runtime::new);

impl Secured {
    /// The registry that the environment names, or a server with empty data.
    ///
    /// # Errors
    /// When the server cannot be started, or OpenSSL is missing.
    pub async fn new() -> Result<Self> {
        if let Some(attachment) = settings::attachment()? {
            let entrance = SHARED.get_or_try_init(|| shared(attachment.clone())).await?;
            return Ok(Self { instance: Instance::shared(attachment), entrance: Arc::clone(entrance) });
        }
        let folder = folder()?;
        let authority = Authority::new(folder.path()).await?;
        let front = Front::open(&authority.server().await?).await?;
        let instance = Instance::behind(&front).await?;
        Ok(Self { instance, entrance: Arc::new(Entrance { front, authority, _folder: folder }) })
    }

    /// The registry, without the front.
    pub fn instance(&self) -> &Instance {
        &self.instance
    }

    /// The front.
    pub fn front(&self) -> &Front {
        &self.entrance.front
    }

    /// The file with the certificate that clients have to trust.
    pub fn certificates(&self) -> PathBuf {
        self.entrance.authority.certificate()
    }

    /// An HTTP client that trusts it.
    ///
    /// # Errors
    /// When the certificate cannot be read.
    pub fn http(&self) -> Result<Client> {
        let certificate = Certificate::from_pem(&std::fs::read(self.certificates())?)?;
        Ok(Client::builder().no_proxy().tls_certs_only([certificate]).build()?)
    }
}

/// The front of a deployed registry, at the address that it takes for its own.
async fn shared(attachment: Attachment) -> Result<Arc<Entrance>> {
    let url = attachment.tls_url.context("GRANARY_TLS_URL is not set: SwiftPM needs a TLS front")?;
    let port = loopback(&url)?.port();
    let server = loopback(&attachment.url)?;
    let folder = folder()?;
    let authority = Authority::new(folder.path()).await?;
    let identity = authority.server().await?;
    let keeper = KEEPER.as_ref().map_err(|error| anyhow::anyhow!("no runtime: {error}"))?;
    let front = keeper.spawn(async move { Front::open_at(port, &identity, server).await }).await??;
    Ok(Arc::new(Entrance { front, authority, _folder: folder }))
}

fn folder() -> Result<TempDir> {
    Ok(tempfile::Builder::new().prefix("granary-tls-").tempdir()?)
}
