//! Maven with a single mirror.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};
use granary_tests::api::Visibility;
use granary_tests::maven::{self, Maven, Version, plugins};
use granary_tests::server::Server;
use granary_tests::upstream::Upstream;
use serde_json::json;

use super::{HERE, add_upstream, check_kept_private};

/// One test per Maven.
macro_rules! suite {
    ($($name:ident = $version:ident,)*) => {
        $(
            #[tokio::test]
            async fn $name() -> anyhow::Result<()> {
                single_mirror(maven::$version).await
            }
        )*
    };
}

suite! {
    maven_3_8 = MAVEN_3_8,
    maven_3_9 = MAVEN_3_9,
    maven_4 = MAVEN_4,
}

/// Where the private artifact is in a repository, without its version.
const PRIVATE: &str = "com/acme/greeting";

/// The private artifact, which needs a public library.
const PRIVATE_POM: &str = "\
<project xmlns=\"http://maven.apache.org/POM/4.0.0\">
  <modelVersion>4.0.0</modelVersion>
  <groupId>com.acme</groupId>
  <artifactId>greeting</artifactId>
  <version>@VERSION@</version>
  <dependencies>
    <dependency><groupId>com.example</groupId><artifactId>demo-app</artifactId><version>1.0</version></dependency>
  </dependencies>
</project>
";

/// An application that uses both, and takes whatever is the newest of the private one.
const APPLICATION_POM: &str = "\
<project xmlns=\"http://maven.apache.org/POM/4.0.0\">
  <modelVersion>4.0.0</modelVersion>
  <groupId>com.acme</groupId>
  <artifactId>application</artifactId>
  <version>1</version>
  <properties>
    <maven.compiler.release>17</maven.compiler.release>
    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
  </properties>
  <dependencies>
    <dependency><groupId>com.acme</groupId><artifactId>greeting</artifactId><version>[1.0,)</version></dependency>
  </dependencies>
  <build>
    <pluginManagement>
@PLUGINS@
    </pluginManagement>
  </build>
</project>
";

/// `com.example.core` is the public library's module, and the private artifact has a copy of it under its own coordinates: what
/// is in a jar is nothing to a repository.
const APPLICATION: &str = "\
package com.acme;
public final class Application {
  public static void main(String[] args) throws Exception {
    Class<?>[] used = {com.example.core.Core.class, com.example.app.App.class};
    System.out.println(used.length);
  }
}
";

/// A library is deployed to a public registry, a second process, and an artifact that needs it to a private repository, whose
/// upstreams are that registry and a repository with all that Maven itself needs. A Maven that knows the private repository
/// alone, as the mirror of everything, compiles an application. It gets the private artifact's own newest version although the
/// public registry has a newer one, and compiles it again when both are gone.
async fn single_mirror(version: Version) -> Result<()> {
    let mut public = Server::start_with(&[HERE]).await?;
    let shelf = public.admin()?.create_maven_repo("shelf", Visibility::Public).await?;
    let author = Maven::new(version, shelf.url(), shelf.token())?;
    let library = author.library("library", "1.0")?;
    author.deploy(&library).await?.success()?;
    let jar = fs::read(library.join("core/target/demo-core-1.0.jar"))?;
    let private_file = |number: &str, kind: &str| format!("{PRIVATE}/{number}/greeting-{number}.{kind}");
    for number in ["1.0", "99.0"] {
        let pom = PRIVATE_POM.replace("@VERSION@", number);
        shelf.deploy(&private_file(number, "jar"), &jar).await?;
        shelf.deploy(&private_file(number, "pom"), pom.as_bytes()).await?;
    }
    let mut central = Upstream::with_files(&plugins()?).await?;

    let server = Server::start_with(&[HERE]).await?;
    let admin = server.admin()?;
    let repo = admin.create_maven_repo("mixed", Visibility::Private).await?;
    for (name, url) in [("public", shelf.url()), ("central", central.url())] {
        add_upstream(&admin, "mixed", &json!({"name": name, "packageType": "maven", "url": url})).await?;
    }
    repo.deploy(&private_file("1.0", "jar"), &jar).await?;
    repo.deploy(&private_file("1.0", "pom"), PRIVATE_POM.replace("@VERSION@", "1.0").as_bytes()).await?;

    let user = Maven::with_mirror(version, repo.url(), repo.token())?;
    let project = application(&user)?;
    user.run(&project, &["compile"]).await?.success()?;
    check_compiled(&user, &project, version)?;
    let asked = central.asked().await?;
    check_kept_private(&asked, &["com/acme", "mixed"])?;
    for wrong in [private_file("99.0", "pom"), private_file("99.0", "jar")] {
        ensure!(repo.status(&wrong).await? == 404, "{wrong} is there");
    }

    public.kill().await?;
    central.end().await?;
    user.forget()?;
    fs::remove_dir_all(project.join("target"))?;
    user.run(&project, &["compile"]).await?.success()?;
    check_compiled(&user, &project, version)
}

fn application(user: &Maven) -> Result<std::path::PathBuf> {
    let project = user.place().project("application")?;
    fs::write(project.join("pom.xml"), user.filled(APPLICATION_POM)?)?;
    let sources = project.join("src/main/java/com/acme");
    fs::create_dir_all(&sources)?;
    fs::write(sources.join("Application.java"), APPLICATION)?;
    Ok(project)
}

/// The application is there, and all that it is made of came through the mirror.
fn check_compiled(user: &Maven, project: &Path, version: Version) -> Result<()> {
    ensure!(project.join("target/classes/com/acme/Application.class").exists(), "nothing was compiled");
    let jars = [
        "com/acme/greeting/1.0/greeting-1.0.jar",
        "com/example/demo-app/1.0/demo-app-1.0.jar",
        "com/example/demo-core/1.0/demo-core-1.0.jar",
    ];
    for jar in jars {
        let jar = user.local(jar);
        ensure!(jar.exists(), "there is no {}", jar.display());
        let origins = fs::read_to_string(jar.with_file_name("_remote.repositories"))?;
        let line = format!("{}>granary=", jar.file_name().unwrap_or_default().to_string_lossy());
        ensure!(origins.contains(&line), "Maven {} has it from elsewhere: {origins}", version.major);
    }
    ensure!(!user.local("com/acme/greeting/99.0").exists(), "the public one was fetched");
    Ok(())
}
