//! Whole sessions of SwiftPM 5.9, 6.0 and 6.3, byte for byte as they send them, with their demands on every
//! answer.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail, ensure};
use granary_tests::api::Visibility;
use granary_tests::package::noise;
use granary_tests::swift::client::demands::{self, ManifestLink};
use granary_tests::swift::client::{Client, Form, Media, Version};
use granary_tests::swift::project::{Library, write, zip};
use granary_tests::wire::{Answer, Connection};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use url::Url;

use super::{HELLO, Stage, WRONG_TOKEN};

mod publishing;
mod reading;
mod refusals;

/// One module per version; in it, one test per scenario.
macro_rules! suite {
    ($client:ident, $version:ident) => {
        mod $client {
            suite!($version, {
                publishing::abandoned,
                publishing::published_once,
                publishing::signed,
                publishing::without_waiting,
                reading::availability_and_identifiers,
                reading::large_archive,
                reading::logged_in_and_resolved,
                reading::withdrawn_and_unusual_versions,
                refusals::anonymous_and_unknown,
                refusals::reading_only,
                refusals::unknown_names,
                refusals::unusable_contents,
            });
        }
    };
    ($version:ident, { $($family:ident::$scenario:ident,)* }) => {
        $(
            #[tokio::test]
            async fn $scenario() -> anyhow::Result<()> {
                super::$family::$scenario(granary_tests::swift::client::$version).await
            }
        )*
    };
}

suite!(swift_5_9, SWIFT_5_9);
suite!(swift_6_0, SWIFT_6_0);
suite!(swift_6_3, SWIFT_6_3);

/// One run of one version: requests one after the other, on one connection as long as the server keeps it.
struct Session {
    client: Client,
    repo: String,
    server: SocketAddr,
    /// Whether bodies are read before they are refused.
    gateway: bool,
    connection: Option<Connection>,
    turn: usize,
}

impl Session {
    /// A session with this token, if any, in the repository of the stage.
    fn new(stage: &Stage, version: Version, token: Option<&str>) -> Self {
        let server = stage.secured.front().server();
        let host = format!("localhost:{}", server.port());
        let client = Client { version, host, token: token.map(Into::into) };
        let gateway = stage.secured.instance().is_behind_gateway();
        Self { client, repo: stage.repo.clone(), server, gateway, connection: None, turn: 0 }
    }

    /// A session with the owner's token.
    fn owner(stage: &Stage, version: Version) -> Self {
        Self::new(stage, version, Some(stage.admin.token()))
    }

    /// A path below the registry, which SwiftPM writes without a slash at the end.
    fn path(&self, below: &str) -> String {
        format!("/api/swift/{}{below}", self.repo)
    }

    /// Asks for something below the registry.
    async fn get(&mut self, below: &str, media: Media) -> Result<Answer> {
        self.turn += 1;
        let head = self.client.get(&self.path(below), media, self.turn);
        self.exchange(&head).await
    }

    async fn login(&mut self) -> Result<Answer> {
        let head = self.client.login(&self.path(""));
        self.exchange(&head).await
    }

    async fn availability(&mut self) -> Result<Answer> {
        let head = self.client.availability(&self.path("/availability"));
        self.exchange(&head).await
    }

    /// Sends a request without a body.
    async fn exchange(&mut self, head: &str) -> Result<Answer> {
        let mut connection = self.connected().await?;
        connection.send(head.as_bytes()).await?;
        let answer = connection.answer(false).await.with_context(|| head.to_owned())?;
        self.keep(connection, &answer);
        Ok(answer)
    }

    /// Publishes. The body is sent when the server says so, and not at all when it answers before.
    async fn publish(&mut self, release: &str, form: &Form) -> Result<Answer> {
        let mut connection = self.publishing(release, form).await?;
        let mut answer = connection.answer(false).await?;
        if answer.status == 100 {
            connection.send(&form.bytes()).await?;
            answer = connection.answer(false).await?;
            self.keep(connection, &answer);
        }
        Ok(answer)
    }

    /// Publishes what is refused by what its head says, and gives the refusal. A server refuses it before the body
    /// is sent; a gateway has the body sent first.
    async fn refused(&mut self, release: &str, form: &Form) -> Result<Answer> {
        if self.gateway {
            return self.publish(release, form).await;
        }
        self.publishing(release, form).await?.answer(false).await
    }

    /// Sends the head of a publish.
    async fn publishing(&mut self, release: &str, form: &Form) -> Result<Connection> {
        self.turn += 1;
        let head = self.client.publish(&self.path(release), form, self.turn);
        let mut connection = self.connected().await?;
        connection.send(head.as_bytes()).await?;
        Ok(connection)
    }

    async fn connected(&mut self) -> Result<Connection> {
        match self.connection.take() {
            Some(connection) => Ok(connection),
            None => Connection::open(self.server).await,
        }
    }

    fn keep(&mut self, connection: Connection, answer: &Answer) {
        if answer.field("connection").is_none_or(|value| !value.eq_ignore_ascii_case("close")) {
            self.connection = Some(connection);
        }
    }

    /// Publishes an archive and checks that SwiftPM would report a success.
    async fn published(&mut self, release: &str, archive: &[u8]) -> Result<()> {
        let answer = self.publish(release, &Form::new(archive.to_vec(), None)).await?.expect(201)?;
        demands::check_version(&answer)
    }

    /// The versions that can be had.
    async fn releases(&mut self, package: &str) -> Result<Vec<String>> {
        let answer = self.get(package, Media::Json).await?;
        if !self.client.version.follows_pages {
            ensure!(demands::links(&answer, "next").is_empty(), "it would miss the next page: {answer}");
        }
        demands::releases(&answer)
    }

    /// The checksum of the archive, asked for before each file by those versions that do not remember it.
    async fn checksum(&mut self, release: &str) -> Result<String> {
        demands::checksum(&self.get(release, Media::Json).await?)
    }

    async fn checksum_again(&mut self, release: &str, known: &str) -> Result<()> {
        if !self.client.version.remembers_metadata {
            ensure!(self.checksum(release).await? == known, "the checksum has changed");
        }
        Ok(())
    }

    /// The text of the first manifest, and the others that it names.
    async fn manifest(&mut self, release: &str) -> Result<(String, Vec<ManifestLink>)> {
        let answer = self.get(&format!("{release}/Package.swift"), Media::Swift).await?;
        let links = demands::manifest_links(&answer)?;
        Ok((String::from_utf8(answer.body)?, links))
    }

    /// The text of another manifest. It is asked for by its tools version, always in three numbers.
    async fn other_manifest(&mut self, release: &str, link: &ManifestLink) -> Result<String> {
        let mut tools = link.tools_version.clone();
        if tools.matches('.').count() == 1 {
            tools.push_str(".0");
        }
        let answer =
            self.get(&format!("{release}/Package.swift?swift-version={tools}"), Media::Swift).await?;
        demands::check_success(&answer, Media::Swift)?;
        Ok(String::from_utf8(answer.body)?)
    }

    /// The archive, checked against its checksum.
    async fn archive(&mut self, release: &str, checksum: &str) -> Result<Vec<u8>> {
        let mut answer = self.get(&format!("{release}.zip"), Media::Zip).await?;
        if answer.status == 303 {
            answer = self.redirected(&answer).await?;
        }
        // Not the version of the protocol: an object store does not know it.
        ensure!(answer.status == 200, "{answer}");
        ensure!(answer.field("content-version").is_none_or(|version| version == "1"));
        ensure!(answer.field("content-type") == Some("application/zip"), "{:?}", answer.fields);
        ensure!(hex::encode(Sha256::digest(&answer.body)) == checksum, "{release} has other bytes");
        Ok(answer.body)
    }

    /// Goes where it is sent. Versions before 6.2.3 take `Authorization` along, which an object store refuses.
    async fn redirected(&mut self, answer: &Answer) -> Result<Answer> {
        let target = Url::parse(answer.field("location").with_context(|| format!("no Location: {answer}"))?)?;
        ensure!(target.scheme() == "http", "{target} is not reachable by hand");
        let host = format!("{}:{}", target.host_str().unwrap_or_default(), target.port().unwrap_or(80));
        let token = self.client.token.clone().filter(|_| self.client.version.takes_token_along);
        let there = Client { host: host.clone(), token, ..self.client.clone() };
        let address = host.parse().with_context(|| format!("{host} is no address"))?;
        let path = format!("{}?{}", target.path(), target.query().unwrap_or_default());
        let mut connection = Connection::open(address).await?;
        connection.send(there.get(&path, Media::Zip, self.turn).as_bytes()).await?;
        connection.answer(false).await
    }
}
