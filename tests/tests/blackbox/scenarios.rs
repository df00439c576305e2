//! What a client is taken through, each scenario on a server of its own.

use anyhow::Result;
use granary_tests::api::{Api, Visibility};
use granary_tests::package::Package;
use granary_tests::registry::Registry;
use granary_tests::sandbox::Sandbox;
use granary_tests::server::Server;
use granary_tests::tool::Tool;

pub(crate) mod access;
pub(crate) mod login;
pub(crate) mod maintaining;
pub(crate) mod publishing;
pub(crate) mod reading;

/// Name of the repository in every scenario.
const REPO: &str = "demo";

/// A server with one repository, and a client configured for it as its owner.
struct Stage {
    /// Held: dropping it ends the server.
    server: Server,
    admin: Api,
    registry: Registry,
    client: Sandbox,
}

impl Stage {
    async fn new(tool: Tool, visibility: Visibility) -> Result<Self> {
        let server = Server::start().await?;
        let admin = server.admin()?;
        let registry = admin.create_repo(REPO, visibility).await?;
        let client = Sandbox::configured(tool, registry.url(), registry.token())?;
        Ok(Self { server, admin, registry, client })
    }

    /// The folder of a package that is ready to be published.
    fn folder(&self, package: &Package) -> Result<std::path::PathBuf> {
        write(&self.client, package)
    }

    /// Publishes a package with the client.
    async fn publish(&self, package: &Package) -> Result<()> {
        self.client.publish(&self.folder(package)?, &[]).await?.success()?;
        Ok(())
    }

    /// Another sandbox of the same client, with this token.
    fn other(&self, token: Option<&str>) -> Result<Sandbox> {
        Sandbox::configured(self.client.tool, self.registry.url(), token)
    }
}

/// Writes a package into a project folder of `client`.
pub(crate) fn write(client: &Sandbox, package: &Package) -> Result<std::path::PathBuf> {
    let name = format!("{}-{}", package.name.replace('/', "-"), package.version);
    let folder = client.project(&name, &package.manifest())?;
    package.write_to(&folder)?;
    Ok(folder)
}
