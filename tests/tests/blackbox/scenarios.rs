//! What a client is taken through, each scenario in repositories of its own.

use anyhow::Result;
use granary_tests::api::{Api, Visibility};
use granary_tests::instance::Instance;
use granary_tests::package::Package;
use granary_tests::registry::Registry;
use granary_tests::sandbox::Sandbox;
use granary_tests::tool::Tool;

pub(crate) mod access;
pub(crate) mod licences;
pub(crate) mod login;
pub(crate) mod maintaining;
pub(crate) mod publishing;
pub(crate) mod reading;

/// A registry with one repository, and a client configured for it as its owner.
struct Stage {
    /// Held: dropping it ends its server.
    instance: Instance,
    /// Name of the repository.
    repo: String,
    admin: Api,
    registry: Registry,
    client: Sandbox,
}

impl Stage {
    async fn new(tool: Tool, visibility: Visibility) -> Result<Self> {
        let instance = Instance::new().await?;
        let (admin, repo) = (instance.admin()?, instance.name("demo"));
        let registry = admin.create_repo(&repo, visibility).await?;
        let client = Sandbox::configured(tool, registry.url(), registry.token())?;
        Ok(Self { instance, repo, admin, registry, client })
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

    /// A user with this role, and her account token with this scope.
    async fn member(&self, stem: &str, role: &str, scope: &str) -> Result<(String, String)> {
        let user = self.instance.name(stem);
        // Being seen once makes her a user.
        let token = self.admin.sign_in(&user).await?.account_token(&[scope]).await?;
        self.admin.add_member(&self.repo, &user, role).await?;
        Ok((user, token))
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
