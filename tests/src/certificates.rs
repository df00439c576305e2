//! Certificates made by OpenSSL for one test: an authority that nobody else trusts, and what it signs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

/// All that OpenSSL needs to be told; what is in a certificate is said on the command line.
const CONFIGURATION: &str = "[req]\ndistinguished_name = name\n[name]\n";

/// How long a certificate holds.
const DAYS: &str = "30";

/// A certificate authority with P-256 keys, in a folder of its own.
#[derive(Debug)]
pub struct Authority {
    folder: PathBuf,
}

/// A certificate and its key, as files.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Certificate, PEM.
    pub certificate: PathBuf,
    /// Private key, PEM.
    pub key: PathBuf,
}

impl Authority {
    /// A new authority that keeps its files in `folder`, which is created.
    ///
    /// # Errors
    /// When OpenSSL is missing or fails.
    pub async fn new(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        fs::write(folder.join("openssl.cnf"), CONFIGURATION)?;
        let authority = Self { folder: folder.to_owned() };
        let extensions = [
            "basicConstraints=critical,CA:TRUE",
            "keyUsage=critical,keyCertSign",
            "subjectKeyIdentifier=hash",
        ];
        authority.make("authority", "/CN=Granary test authority", &extensions, false).await?;
        Ok(authority)
    }

    /// Its own certificate, PEM: what a client has to trust.
    pub fn certificate(&self) -> PathBuf {
        self.folder.join("authority.pem")
    }

    /// A certificate for the server that clients reach as `localhost`.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub async fn server(&self) -> Result<Identity> {
        self.leaf("server", "/CN=localhost", &["extendedKeyUsage=serverAuth", "subjectAltName=DNS:localhost"])
            .await
    }

    /// A certificate for signing code, in the name of `person`.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub async fn code_signer(&self, person: &str) -> Result<Identity> {
        self.leaf("signer", &format!("/CN={person}"), &["extendedKeyUsage=critical,codeSigning"]).await
    }

    async fn leaf(&self, name: &str, subject: &str, extensions: &[&str]) -> Result<Identity> {
        let common = ["basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature"];
        self.make(name, subject, &[&common, extensions].concat(), true).await
    }

    /// Makes a key and a certificate, signed by the authority or by itself.
    async fn make(&self, name: &str, subject: &str, extensions: &[&str], signed: bool) -> Result<Identity> {
        let identity = Identity {
            certificate: self.folder.join(format!("{name}.pem")),
            key: self.folder.join(format!("{name}.key")),
        };
        let mut command = openssl(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
        command.args(["-sha256", "-nodes", "-days", DAYS, "-subj", subject, "-config"]);
        command.arg(self.folder.join("openssl.cnf"));
        command.arg("-keyout").arg(&identity.key).arg("-out").arg(&identity.certificate);
        for extension in extensions {
            command.args(["-addext", extension]);
        }
        if signed {
            command.arg("-CA").arg(self.certificate()).arg("-CAkey").arg(self.folder.join("authority.key"));
        }
        finish(command).await?;
        Ok(identity)
    }
}

/// Writes a PEM certificate as DER.
///
/// # Errors
/// When OpenSSL fails.
pub async fn certificate_to_der(pem: &Path, der: &Path) -> Result<()> {
    let mut command = openssl(["x509", "-outform", "DER", "-in"]);
    command.arg(pem).arg("-out").arg(der);
    finish(command).await
}

/// Writes a PEM private key as PKCS #8 in DER, not encrypted.
///
/// # Errors
/// When OpenSSL fails.
pub async fn key_to_der(pem: &Path, der: &Path) -> Result<()> {
    let mut command = openssl(["pkcs8", "-topk8", "-nocrypt", "-outform", "DER", "-in"]);
    command.arg(pem).arg("-out").arg(der);
    finish(command).await
}

fn openssl<const COUNT: usize>(arguments: [&str; COUNT]) -> Command {
    let mut command = Command::new("openssl");
    command.args(arguments).env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin");
    command
}

async fn finish(mut command: Command) -> Result<()> {
    let output =
        command.kill_on_drop(true).output().await.context("openssl is missing: run scripts/clients")?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
