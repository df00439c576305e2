//! The server under test, as a process of its own.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;
use url::Url;

use crate::api::Api;
use crate::settings;

/// How long a start may take. Far above the bound the product has, which the benchmark holds it to.
const START: Duration = Duration::from_mins(5);

/// What the ready line begins with.
pub(crate) const READY: &str = "Granary is ready at ";

/// A running server with a data folder of its own. Dropping it kills the process and removes the folder.
#[derive(Debug)]
pub struct Server {
    folder: TempDir,
    url: String,
    listen: SocketAddr,
    public_url: Option<String>,
    variables: Vec<(String, String)>,
    child: Child,
}

impl Server {
    /// Starts a server on free ports with empty data.
    ///
    /// # Errors
    /// When the program is missing or does not get ready.
    pub async fn start() -> Result<Self> {
        Self::start_with(&[]).await
    }

    /// Starts a server on free ports with empty data and these variables in its environment, which is else nearly empty.
    ///
    /// # Errors
    /// When the program is missing or does not get ready.
    pub async fn start_with(variables: &[(&str, &str)]) -> Result<Self> {
        let mut server = Self::open(SocketAddr::from(([127, 0, 0, 1], 0)), None, variables).await?;
        let port = Url::parse(&server.url)?.port().context("the public address has no port")?;
        server.listen.set_port(port);
        Ok(server)
    }

    /// Starts a server with empty data at `listen`, which others reach as `public_url`.
    ///
    /// # Errors
    /// When the program is missing or does not get ready, and when the suites are to use a registry that runs already:
    /// who needs a process of its own has no business there.
    pub async fn start_behind(listen: SocketAddr, public_url: Option<&str>) -> Result<Self> {
        Self::open(listen, public_url, &[]).await
    }

    async fn open(listen: SocketAddr, public_url: Option<&str>, variables: &[(&str, &str)]) -> Result<Self> {
        ensure!(
            settings::attachment()?.is_none(),
            "this needs a process of its own, and GRANARY_URL names a registry that runs already"
        );
        let folder = tempfile::Builder::new().prefix("granary-server-").tempdir()?;
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let variables: Vec<(String, String)> = variables.iter().map(owned).collect();
        let (child, url) = launch(folder.path(), listen, public_url, &variables).await?;
        Ok(Self { folder, url, listen, public_url: public_url.map(Into::into), variables, child })
    }

    /// The public address, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The process's id.
    pub fn process_id(&self) -> Option<u32> {
        self.child.id()
    }

    /// What the server has logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(log_file(self.folder.path())).unwrap_or_default()
    }

    /// Ends the process as a power cut would: it gets no chance to finish anything.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub async fn kill(&mut self) -> Result<()> {
        self.child.kill().await.context("kill -9")
    }

    /// Tells the process to end, waits until it has, and checks that it was content with it.
    ///
    /// # Errors
    /// When it does not end, or says that something was wrong.
    pub async fn stop(&mut self) -> Result<()> {
        let id = self.process_id().context("the server has ended")?.to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status().await.context("kill -TERM")?;
        ensure!(told.success(), "kill -TERM: {told}");
        let ended = timeout(START, self.child.wait()).await.context("the server did not end")??;
        ensure!(ended.success(), "the server ended with {ended}:\n{}", self.log());
        Ok(())
    }

    /// Kills the process under its workers once there has been `enough`, and gives what they report: each ends when
    /// its connection breaks.
    ///
    /// # Errors
    /// When a worker fails, or ends before the kill.
    pub async fn kill_under<R: 'static>(
        &mut self,
        mut workers: JoinSet<Result<R>>,
        enough: &Notify,
    ) -> Result<Vec<R>> {
        tokio::select! {
            () = enough.notified() => {}
            Some(early) = workers.join_next() => {
                early??;
                bail!("a worker ended before the kill:\n{}", self.log());
            }
        }
        self.kill().await?;
        let mut reports = Vec::new();
        while let Some(report) = workers.join_next().await {
            reports.push(report??);
        }
        Ok(reports)
    }

    /// Starts it again, with the same data and at the same address.
    ///
    /// # Errors
    /// When it does not get ready, or announces another address.
    pub async fn restart(&mut self) -> Result<()> {
        let public_url = self.public_url.as_deref();
        let (child, url) = launch(self.folder.path(), self.listen, public_url, &self.variables).await?;
        self.child = child;
        ensure!(url == self.url, "the server moved from {} to {url}", self.url);
        Ok(())
    }

    /// The management interface, as the administrator that the first start creates.
    ///
    /// # Errors
    /// When the administrator's token cannot be read.
    pub fn admin(&self) -> Result<Api> {
        let file = data(self.folder.path()).join("admin-token");
        let token = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        Api::new(&self.url, token.trim())
    }

    /// Bytes of all files that the server keeps.
    ///
    /// # Errors
    /// When they cannot be looked at.
    pub fn stored_bytes(&self) -> Result<u64> {
        let (mut folders, mut bytes) = (vec![data(self.folder.path())], 0);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                let metadata = entry.metadata()?;
                if metadata.is_dir() {
                    folders.push(entry.path());
                } else {
                    bytes += metadata.len();
                }
            }
        }
        Ok(bytes)
    }

    /// The most memory the process has had resident so far, in bytes, without the pages of its program: of a debug build those
    /// are 60 MB, of a release a third of that.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn peak_memory(&self) -> Result<u64> {
        let id = self.process_id().context("the server has ended")?;
        let status = fs::read_to_string(format!("/proc/{id}/status"))?;
        let bytes = |name: &str| -> Result<u64> {
            let line =
                status.lines().find(|line| line.starts_with(name)).with_context(|| format!("no {name}"))?;
            let kibibytes: u64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
            Ok(kibibytes * 1024)
        };
        Ok(bytes("VmHWM:")?.saturating_sub(bytes("RssFile:")?))
    }
}

fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

fn log_file(folder: &Path) -> PathBuf {
    folder.join("server.log")
}

/// Starts the program and waits for the ready line.
async fn launch(
    folder: &Path,
    listen: SocketAddr,
    public_url: Option<&str>,
    variables: &[(String, String)],
) -> Result<(Child, String)> {
    let program = settings::server_program();
    ensure!(
        program.exists(),
        "{} is missing: run cargo build --release, or set GRANARY_BIN",
        program.display()
    );
    let log = File::options().create(true).append(true).open(log_file(folder))?;
    let mut child = Command::new(&program)
        .args(["--listen", &listen.to_string(), "--s3-listen", "127.0.0.1:0"])
        .args(public_url.iter().flat_map(|url| ["--public-url", url]))
        .arg("--data")
        .arg(data(folder))
        .current_dir(folder)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let url = wait_until_ready(&mut child, READY).await.with_context(|| logged(folder))?;
    Ok((child, url))
}

/// Waits for the line that begins with `ready` and names the address, and keeps reading from then on.
pub(crate) async fn wait_until_ready(child: &mut Child, ready: &str) -> Result<String> {
    let mut lines = BufReader::new(child.stdout.take().context("no stdout")?).lines();
    let address = async {
        while let Some(line) = lines.next_line().await? {
            if let Some(url) = line.trim().strip_prefix(ready) {
                return Ok(url.trim_end_matches('/').to_owned());
            }
        }
        bail!("the server ended before it was ready")
    };
    let url = timeout(START, address).await.context("the server did not get ready")??;
    // Read on, so that the server never writes into a full or closed pipe.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Ok(url)
}

fn logged(folder: &Path) -> String {
    fs::read_to_string(log_file(folder)).unwrap_or_default()
}
