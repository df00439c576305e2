//! Signed releases, with a certificate that only the test's users trust.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use granary_tests::api::Visibility;
use granary_tests::certificates::{Authority, certificate_to_der, key_to_der};
use granary_tests::swift::project::Library;
use granary_tests::swift::{Swift, resolved};
use serde_json::json;

use super::{HELLO, Stage};

/// Where the author's key and certificates are, and the folder of roots that a user trusts.
struct Signer {
    key: PathBuf,
    certificate: PathBuf,
    root: PathBuf,
}

impl Signer {
    /// A new one, with its files in the place of `swift`, which sees no others.
    async fn new(swift: &Swift) -> Result<Self> {
        let folder = swift.place().path("signing");
        let authority = Authority::new(&folder).await?;
        let identity = authority.code_signer("Acme").await?;
        let signer = Self {
            key: folder.join("key.der"),
            certificate: folder.join("certificate.der"),
            root: folder.join("root.der"),
        };
        key_to_der(&identity.key, &signer.key).await?;
        certificate_to_der(&identity.certificate, &signer.certificate).await?;
        certificate_to_der(&authority.certificate(), &signer.root).await?;
        Ok(signer)
    }

    /// Publishes, signed.
    async fn publish(&self, swift: &Swift, library: &Library, id: &str, version: &str) -> Result<()> {
        let project = swift.library(&format!("signed-{id}-{version}"), library)?;
        let [key, certificate, root] =
            [&self.key, &self.certificate, &self.root].map(|path| path.display().to_string());
        let options = ["--private-key-path", &key, "--cert-chain-paths", &certificate, &root];
        swift.publish(&project, id, version, &options).await?.success()?;
        Ok(())
    }

    /// SwiftPM of a user who takes only what is signed by somebody under one of these roots.
    async fn strict_user(stage: &Stage, roots: &[&Self]) -> Result<Swift> {
        let user = stage.swift_with(&stage.read_token().await?).await?;
        let folder = user.place().path("roots");
        std::fs::create_dir(&folder)?;
        for (number, signer) in roots.iter().enumerate() {
            std::fs::copy(&signer.root, folder.join(format!("{number}.der")))?;
        }
        user.configure(|configuration| {
            configuration["security"] = json!({"default": {"signing": {
                "onUnsigned": "error",
                "onUntrustedCertificate": "error",
                "trustedRootCertificatesPath": folder,
                "includeDefaultTrustedRootCertificates": false,
            }}});
        })?;
        Ok(user)
    }
}

/// Signed by the author, checked by the user: archive and both manifests.
#[tokio::test]
async fn signed_release_is_taken_by_strict_users() -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let author = stage.swift().await?;
    let signer = Signer::new(&author).await?;
    let library = Library { newer_manifest: true, metadata: Some(r#"{"description": "Größe"}"#), ..HELLO };
    signer.publish(&author, &library, "acme.hello", "1.0.0").await?;
    let release = stage.registry.document("acme/hello/1.0.0").await?;
    let signing = &release["resources"][0]["signing"];
    ensure!(signing["signatureFormat"] == "cms-1.0.0", "{release}");
    ensure!(signing["signatureBase64Encoded"].as_str().context("no signature")?.len() > 500, "{release}");

    let user = Signer::strict_user(&stage, &[&signer]).await?;
    let program = user.program("program", "id: \"acme.hello\", from: \"1.0.0\"", "acme.hello", "Hello")?;
    user.build(&program).await?.success()?.without(&["is not signed", "not trusted"])?;
    ensure!(resolved(&program)? == ["acme.hello 1.0.0"]);
    ensure!(user.output(&program).await? == "hello (5.9)");
    Ok(())
}

/// What nobody signed, or somebody unknown, is not taken by a user who says so.
#[tokio::test]
async fn unsigned_and_unknown_are_refused_by_strict_users() -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let author = stage.swift().await?;
    stage.published(&author, &HELLO, "acme.unsigned", "1.0.0").await?;
    let signer = Signer::new(&author).await?;
    signer.publish(&author, &HELLO, "acme.unknown", "1.0.0").await?;
    let somebody_else = stage.swift().await?;
    let other = Signer::new(&somebody_else).await?;
    let user = Signer::strict_user(&stage, &[&other]).await?;
    for (name, words) in [("unsigned", "is not signed"), ("unknown", "is not trusted")] {
        let id = format!("acme.{name}");
        let program = user.program(name, &format!("id: \"{id}\", from: \"1.0.0\""), &id, "Hello")?;
        user.resolve(&program).await?.failure(&[words])?;
    }
    Ok(())
}
