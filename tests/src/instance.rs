//! The registry that a suite runs against: a server started for it alone, or one that all suites share.

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result, bail};
use url::Url;

use crate::api::Api;
use crate::front::Front;
use crate::server::Server;
use crate::settings::{self, Attachment};

/// A registry, and the names that are this suite's own in it.
#[derive(Debug)]
pub struct Instance {
    place: Place,
    suffix: String,
}

/// Where it is.
#[derive(Debug)]
enum Place {
    /// A process of this suite alone, which ends with it.
    Process(Box<Server>),
    /// A deployed registry, which other suites use at the same time.
    Shared(Attachment),
}

impl Instance {
    /// The registry that the environment names, or a server with empty data.
    ///
    /// # Errors
    /// When the server cannot be started.
    pub async fn new() -> Result<Self> {
        match settings::attachment()? {
            Some(attachment) => Ok(Self::shared(attachment)),
            None => Ok(Self::process(Server::start().await?)),
        }
    }

    /// A server with empty data behind a TLS front.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) async fn behind(front: &Front) -> Result<Self> {
        Ok(Self::process(Server::start_behind(front.server(), Some(&front.url())).await?))
    }

    fn process(server: Server) -> Self {
        Self { place: Place::Process(Box::new(server)), suffix: String::new() }
    }

    /// A part of a deployed registry.
    pub(crate) fn shared(attachment: Attachment) -> Self {
        // A hasher that no other one is like: the same suite may have been here before.
        let suffix = format!("-{:08x}", RandomState::new().hash_one(()) >> 32);
        Self { place: Place::Shared(attachment), suffix }
    }

    /// The public address, without a slash at the end.
    pub fn url(&self) -> &str {
        match &self.place {
            Place::Process(server) => server.url(),
            Place::Shared(attachment) => &attachment.url,
        }
    }

    /// A name for a repository or a user of this suite, which nothing else in the registry has.
    pub fn name(&self, stem: &str) -> String {
        format!("{stem}{}", self.suffix)
    }

    /// The management interface, as the administrator.
    ///
    /// # Errors
    /// When the administrator's token cannot be read.
    pub fn admin(&self) -> Result<Api> {
        match &self.place {
            Place::Process(server) => server.admin(),
            Place::Shared(attachment) => Api::new(&attachment.url, &attachment.admin_token),
        }
    }

    /// The process, for what can be seen of one only.
    ///
    /// # Errors
    /// When it is a deployed registry: such a suite cannot be run against one.
    pub fn server(&self) -> Result<&Server> {
        match &self.place {
            Place::Process(server) => Ok(server),
            Place::Shared(attachment) => bail!("{} is no process of this suite", attachment.url),
        }
    }

    /// Whether requests are read to their end before the registry sees them. A gateway does that, and answers
    /// `Expect` itself; a server can refuse a body before it is sent.
    pub fn is_behind_gateway(&self) -> bool {
        matches!(self.place, Place::Shared(_))
    }
}

/// The loopback address with the port of `url`.
///
/// # Errors
/// When it has none.
pub(crate) fn loopback(url: &str) -> Result<SocketAddr> {
    let port = Url::parse(url)?.port().with_context(|| format!("{url} names no port"))?;
    Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
}
