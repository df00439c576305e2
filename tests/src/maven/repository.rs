//! A Maven repository over plain HTTP: what the suites check the clients against.

use anyhow::{Context, Result, ensure};
use md5::Md5;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use crate::registry::Answer;

/// A repository, with or without a token.
#[derive(Debug, Clone)]
pub struct MavenRepository {
    url: String,
    token: Option<String>,
    http: Client,
}

impl MavenRepository {
    /// The repository at `url`, which ends with a slash.
    pub fn new(url: &str, token: Option<&str>, http: Client) -> Self {
        Self { url: url.into(), token: token.map(Into::into), http }
    }

    /// Its address, with a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its token.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    fn authorised(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.token {
            Some(token) => request.basic_auth("token", Some(token)),
            None => request,
        }
    }

    /// Uploads a file.
    ///
    /// # Errors
    /// When the server cannot be reached or the connection breaks.
    pub async fn put(&self, path: &str, bytes: Vec<u8>) -> Result<Answer> {
        let request = self.http.put(format!("{}{path}", self.url)).body(bytes);
        let response = self.authorised(request).send().await?;
        Ok(Answer { status: response.status(), body: response.text().await? })
    }

    /// Uploads a file and then its SHA-1, as every client does.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses one of them.
    pub async fn deploy(&self, path: &str, bytes: &[u8]) -> Result<()> {
        self.put(path, bytes.to_vec()).await?.accepted().with_context(|| path.to_owned())?;
        let sum = hex::encode(Sha1::digest(bytes));
        self.put(&format!("{path}.sha1"), sum.into()).await?.accepted().with_context(|| path.to_owned())?;
        Ok(())
    }

    /// Asks for a file and follows a redirect.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn get(&self, path: &str) -> Result<Response> {
        Ok(self.authorised(self.http.get(format!("{}{path}", self.url))).send().await?)
    }

    /// The status that a file is answered with.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn status(&self, path: &str) -> Result<StatusCode> {
        Ok(self.get(path).await?.status())
    }

    /// A file's bytes.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn bytes(&self, path: &str) -> Result<Vec<u8>> {
        let response = self.get(path).await?;
        let status = response.status();
        let bytes = response.bytes().await?.to_vec();
        ensure!(status == StatusCode::OK, "{path}: {status} {}", String::from_utf8_lossy(&bytes));
        Ok(bytes)
    }

    /// Checks that a file is served with exactly these bytes, and with checksums that fit.
    ///
    /// # Errors
    /// When it is not.
    pub async fn check_serves(&self, path: &str, expected: &[u8]) -> Result<()> {
        let served = self.bytes(path).await?;
        ensure!(served == expected, "{path} has other bytes: {} of {}", served.len(), expected.len());
        self.check_sums(path, expected).await
    }

    async fn check_sums(&self, path: &str, bytes: &[u8]) -> Result<()> {
        let sums = [
            ("md5", hex::encode(Md5::digest(bytes))),
            ("sha1", hex::encode(Sha1::digest(bytes))),
            ("sha256", hex::encode(Sha256::digest(bytes))),
            ("sha512", hex::encode(Sha512::digest(bytes))),
        ];
        for (kind, expected) in sums {
            let served = self.bytes(&format!("{path}.{kind}")).await?;
            let served = String::from_utf8_lossy(&served);
            ensure!(served.trim() == expected, "{path}.{kind} says {served}, not {expected}");
        }
        Ok(())
    }

    /// An artifact's `maven-metadata.xml`, checked against its checksums.
    ///
    /// # Errors
    /// When there is none.
    pub async fn metadata(&self, directory: &str) -> Result<String> {
        let path = format!("{directory}/maven-metadata.xml");
        let bytes = self.bytes(&path).await?;
        self.check_sums(&path, &bytes).await?;
        Ok(String::from_utf8(bytes)?)
    }

    /// The versions of an artifact, in the order of its metadata.
    ///
    /// # Errors
    /// When there is no metadata.
    pub async fn versions(&self, directory: &str) -> Result<Vec<String>> {
        let metadata = self.metadata(directory).await?;
        let list = texts(&metadata, "versions").into_iter().next().unwrap_or_default();
        Ok(texts(&list, "version"))
    }
}

/// The content of every element of this name, without looking at what it is in.
pub fn texts(document: &str, element: &str) -> Vec<String> {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    let pieces = document.split(&open).skip(1);
    pieces.filter_map(|piece| Some(piece.split_once(&close)?.0.trim().to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_elements() {
        let document =
            "<a><version>1</version><versions><version>2</version> <version> 3</version></versions>";
        assert_eq!(texts(document, "version"), ["1", "2", "3"]);
        let list = texts(document, "versions");
        assert_eq!(texts(&list.concat(), "version"), ["2", "3"]);
        assert!(texts(document, "release").is_empty());
    }
}
