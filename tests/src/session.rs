//! A client that asks questions, answered as a person would: by what it shows, not by the clock.

use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::outcome::Outcome;

/// How long a client may take for one step. Generous: two cores may be building something else.
pub const PATIENCE: Duration = Duration::from_mins(3);

/// How often the output is looked at while waiting for words.
const GLANCE: Duration = Duration::from_millis(20);

/// A running client.
#[derive(Debug)]
pub struct Session {
    command: String,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Stream,
    stderr: Stream,
    seen: usize,
}

#[derive(Debug)]
struct Stream {
    text: Arc<Mutex<String>>,
    reader: JoinHandle<()>,
}

impl Session {
    /// Starts `command` with all three streams connected; it is killed when the session is dropped.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn start(mut command: Command) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let shown = show(&command);
        let mut child = command.spawn().with_context(|| format!("cannot start {shown}"))?;
        let stdin = child.stdin.take();
        let stdout = Stream::follow(child.stdout.take().context("no stdout")?);
        let stderr = Stream::follow(child.stderr.take().context("no stderr")?);
        Ok(Self { command: shown, child, stdin, stdout, stderr, seen: 0 })
    }

    /// Waits until `words` appear on standard output behind what was waited for before.
    ///
    /// # Errors
    /// When they do not come in time or the client ends first.
    pub async fn wait_for(&mut self, words: &str) -> Result<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let ended = self.child.try_wait()?.is_some();
            let text = self.stdout.so_far();
            let fresh = text.get(self.seen..).unwrap_or_default();
            if let Some(at) = fresh.find(words) {
                self.seen += at + words.len();
                return Ok(text);
            }
            if ended || Instant::now() > deadline {
                bail!(
                    "'{words}' did not come from $ {}\n--- stdout\n{text}\n--- stderr\n{}",
                    self.command,
                    self.stderr.so_far()
                );
            }
            sleep(GLANCE).await;
        }
    }

    /// Types a line.
    ///
    /// # Errors
    /// When the client no longer reads.
    pub async fn type_line(&mut self, line: &str) -> Result<()> {
        let stdin = self.stdin.as_mut().context("the input is closed")?;
        stdin.write_all(format!("{line}\n").as_bytes()).await?;
        stdin.flush().await?;
        Ok(())
    }

    /// Closes the input and waits for the end.
    ///
    /// # Errors
    /// When the client does not end in time.
    pub async fn finish(mut self) -> Result<Outcome> {
        self.stdin = None;
        self.ended().await
    }

    /// Waits for the end with the input still open: some clients take its end for an abort.
    ///
    /// # Errors
    /// When the client does not end in time.
    pub async fn ended(mut self) -> Result<Outcome> {
        let Ok(status) = timeout(PATIENCE, self.child.wait()).await else {
            bail!(
                "no end of $ {}\n--- stdout\n{}\n--- stderr\n{}",
                self.command,
                self.stdout.so_far(),
                self.stderr.so_far()
            );
        };
        let code = status?.code();
        Ok(Outcome {
            command: self.command,
            code,
            stdout: self.stdout.whole().await,
            stderr: self.stderr.whole().await,
        })
    }
}

impl Stream {
    fn follow(mut source: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let sink = Arc::clone(&text);
        let reader = tokio::spawn(async move {
            let mut buffer = vec![0; 16 * 1024];
            while let Ok(count @ 1..) = source.read(&mut buffer).await {
                let piece = String::from_utf8_lossy(buffer.get(..count).unwrap_or_default());
                sink.lock().unwrap_or_else(PoisonError::into_inner).push_str(&piece);
            }
        });
        Self { text, reader }
    }

    fn so_far(&self) -> String {
        self.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Everything, once the client has ended. A grandchild that keeps the stream open is not waited for.
    async fn whole(&mut self) -> String {
        let _ = timeout(Duration::from_secs(2), &mut self.reader).await;
        self.so_far()
    }
}

fn show(command: &Command) -> String {
    let command = command.as_std();
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}
