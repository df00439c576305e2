//! The key pair that signs requests to the S3 engine.

use std::fmt;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use granary_model::{Ids as _, RandomIds};
use serde::{Deserialize, Serialize};

/// An access key and its secret, made once for a data folder.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct S3Credentials {
    access_key: String,
    secret_key: String,
}

impl S3Credentials {
    /// The public half.
    pub fn access_key(&self) -> &str {
        &self.access_key
    }

    /// The secret half.
    pub fn secret_key(&self) -> &str {
        &self.secret_key
    }

    /// Reads the credentials of a data folder, and makes them if there are none.
    pub(crate) fn load_or_create(data: &Path) -> anyhow::Result<Self> {
        let path = data.join("s3-credentials.json");
        match std::fs::read(&path) {
            Ok(text) => {
                serde_json::from_slice(&text).with_context(|| format!("cannot read {}", path.display()))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let made = Self::random();
                // A temporary file of this kind has mode 0600, and moving it keeps that.
                let mut file = tempfile::NamedTempFile::new_in(data)?;
                file.write_all(&serde_json::to_vec_pretty(&made)?)?;
                file.as_file().sync_all()?;
                file.persist(&path).with_context(|| format!("cannot write {}", path.display()))?;
                Ok(made)
            }
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    fn random() -> Self {
        let mut bytes = [0_u8; 30];
        RandomIds.fill(&mut bytes);
        let (access, secret) = bytes.split_at(10);
        Self { access_key: format!("GRANARY{}", hex::encode_upper(access)), secret_key: hex::encode(secret) }
    }
}

impl fmt::Debug for S3Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Credentials").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_once_and_only_for_the_owner() {
        let folder = tempfile::tempdir().unwrap();
        let first = S3Credentials::load_or_create(folder.path()).unwrap();
        let second = S3Credentials::load_or_create(folder.path()).unwrap();
        assert_eq!(first.secret_key(), second.secret_key());
        assert!(!format!("{first:?}").contains(first.secret_key()));
        let other = tempfile::tempdir().unwrap();
        assert_ne!(S3Credentials::load_or_create(other.path()).unwrap().secret_key(), first.secret_key());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = folder.path().join("s3-credentials.json").metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
