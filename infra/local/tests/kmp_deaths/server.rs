//! The program, as a process that can be killed.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// How long a start may take: the machine may stand still for a minute.
const PATIENCE: Duration = Duration::from_mins(10);

/// A running server. Dropping it kills the process and removes its data.
pub(super) struct Server {
    folder: TempDir,
    variables: Vec<(String, String)>,
    child: Child,
    url: String,
}

impl Server {
    /// Starts it on free ports with empty data and these variables.
    pub(super) async fn start(variables: &[(&str, String)]) -> Self {
        let folder = TempDir::new().unwrap();
        let owned = |(name, value): &(&str, String)| ((*name).to_owned(), value.clone());
        let variables: Vec<(String, String)> = variables.iter().map(owned).collect();
        let (child, url) = launch(&folder, &variables, "127.0.0.1:0").await;
        Self { folder, variables, child, url }
    }

    /// Its address, which stays the same, without a slash at the end.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The token of its administrator.
    pub(super) fn token(&self) -> String {
        fs::read_to_string(self.folder.path().join("data/admin-token")).unwrap().trim().to_owned()
    }

    /// What it has logged.
    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// Ends the process as a power cut would (`kill -9`), and starts it again with the same data.
    pub(super) async fn die_and_return(&mut self) {
        self.child.kill().await.unwrap();
        let address = self.url.trim_start_matches("http://").replace("localhost", "127.0.0.1");
        let (child, url) = launch(&self.folder, &self.variables, &address).await;
        self.child = child;
        assert_eq!(url, self.url);
    }
}

/// Starts the program and waits until it says that it is ready.
async fn launch(folder: &TempDir, variables: &[(String, String)], listen: &str) -> (Child, String) {
    let log = fs::File::options().create(true).append(true).open(folder.path().join("log")).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_granary"))
        .args(["--listen", listen, "--s3-listen", "127.0.0.1:0", "--data"])
        .arg(folder.path().join("data"))
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while let Some(line) = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap() {
        if let Some(url) = line.trim().strip_prefix("Granary is ready at ") {
            let url = url.trim_end_matches('/').to_owned();
            // Read on, so that the server never writes into a closed pipe.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return (child, url);
        }
    }
    panic!("it ended before it was ready:\n{}", fs::read_to_string(folder.path().join("log")).unwrap());
}
