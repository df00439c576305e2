//! Maven repositories: which Maven is taken through which scenario, and everything else that speaks to them.

use anyhow::{Context, Result};
use granary_tests::api::{Api, Visibility};
use granary_tests::instance::Instance;
use granary_tests::maven::project::pom;
use granary_tests::maven::repository::MavenRepository;
use granary_tests::maven::{self, Maven, Version};
use granary_tests::package::noise;

mod access;
mod concurrency;
mod content;
mod gradle;
mod ivy;
mod licences;
mod plugins;
mod releases;
mod snapshots;
mod versions;

/// A token that was never given to anybody, of the right form.
const WRONG_TOKEN: &str = "art_000000000000000000000000000000000000";

/// One module per Maven; in it, one test per scenario.
macro_rules! suite {
    ($client:ident, $version:ident) => {
        mod $client {
            suite!($version, {
                access::public_needs_no_token,
                access::read_token_resolves_and_does_not_deploy,
                access::wrong_token_is_refused,
                content::large_jar_and_latin_1_pom,
                licences::covered_versions_resolve,
                plugins::found_by_prefix,
                releases::built_deployed_and_resolved,
                snapshots::newest_is_resolved,
                versions::range_release_and_latest,
            });
        }
    };
    ($version:ident, { $($family:ident::$scenario:ident,)* }) => {
        $(
            #[tokio::test]
            async fn $scenario() -> anyhow::Result<()> {
                super::$family::$scenario(super::maven::$version).await
            }
        )*
    };
}

suite!(maven_3_8, MAVEN_3_8);
suite!(maven_3_9, MAVEN_3_9);
suite!(maven_4, MAVEN_4);

/// A registry with one Maven repository.
struct Stage {
    /// Held: dropping it ends its server.
    instance: Instance,
    /// Name of the repository.
    name: String,
    admin: Api,
    repo: MavenRepository,
}

impl Stage {
    async fn new(visibility: Visibility) -> Result<Self> {
        let instance = Instance::new().await?;
        let (admin, name) = (instance.admin()?, instance.name("jvm"));
        let repo = admin.create_maven_repo(&name, visibility).await?;
        Ok(Self { instance, name, admin, repo })
    }

    /// A Maven with the owner's token.
    fn maven(&self, version: Version) -> Result<Maven> {
        Maven::new(version, self.repo.url(), self.repo.token())
    }

    /// A token of the repository that may only read.
    async fn read_token(&self) -> Result<String> {
        self.admin.sign_in("admin").await?.repo_token(&self.name, &["read"]).await
    }

    /// Deploys `com.example:artifact` over plain HTTP and returns the bytes of its jar.
    async fn deploy(&self, artifact: &str, version: &str) -> Result<Vec<u8>> {
        let bytes = jar(artifact, version);
        let path = path(artifact, version);
        self.repo.deploy(&format!("{path}.jar"), &bytes).await?;
        self.repo.deploy(&format!("{path}.pom"), pom(artifact, version).as_bytes()).await?;
        Ok(bytes)
    }
}

/// Bytes that pass for a jar of `com.example:artifact`: only what opens it would notice.
fn jar(artifact: &str, version: &str) -> Vec<u8> {
    noise(&format!("{artifact}:{version}"), 3_000)
}

/// Where the files of `com.example:artifact` are, without their extension.
pub(crate) fn path(artifact: &str, version: &str) -> String {
    format!("com/example/{artifact}/{version}/{artifact}-{version}")
}

/// Reads a file that must be there.
fn read(path: &std::path::Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("there is no {}", path.display()))
}
