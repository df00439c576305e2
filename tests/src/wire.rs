//! HTTP by hand: exactly these bytes are sent, and the answer is taken as it comes.
//!
//! A library would put its own order and spelling of the header fields in place of a client's.

use std::io::Read;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use flate2::read::GzDecoder;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long an answer may take. Generous: two cores may be building something else.
const PATIENCE: Duration = Duration::from_mins(1);

/// A connection to the server.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<TcpStream>,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Header fields in their order, with their spelling.
    pub fields: Vec<(String, String)>,
    /// Body, without its content encoding.
    pub body: Vec<u8>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens there.
    pub async fn open(address: SocketAddr) -> Result<Self> {
        Ok(Self { stream: BufReader::new(TcpStream::connect(address).await?) })
    }

    /// Sends bytes.
    ///
    /// # Errors
    /// When the connection is broken.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.get_mut().write_all(bytes).await.context("the server closed the connection")
    }

    /// Reads one answer. `bodiless` says that it has no body whatever its header says, as one to `HEAD`.
    ///
    /// # Errors
    /// When it does not come in time, or is no HTTP.
    pub async fn answer(&mut self, bodiless: bool) -> Result<Answer> {
        timeout(PATIENCE, self.read(bodiless)).await.context("no answer")?
    }

    /// Whether the server has closed the connection, or does so now.
    ///
    /// # Errors
    /// When it goes on sending, or neither sends nor closes.
    pub async fn ended(&mut self) -> Result<()> {
        let mut byte = [0];
        let read =
            timeout(PATIENCE, self.stream.read(&mut byte)).await.context("the connection stays open")?;
        // Closed with or without what was still to be read.
        ensure!(read.unwrap_or(0) == 0, "the server goes on");
        Ok(())
    }

    async fn read(&mut self, bodiless: bool) -> Result<Answer> {
        let status_line = self.line().await?;
        let status = status_line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
        let status: u16 = status.with_context(|| format!("'{status_line}' is no HTTP"))?.parse()?;
        let mut fields = Vec::new();
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').with_context(|| format!("'{line}' is no field"))?;
            fields.push((name.to_owned(), value.trim().to_owned()));
        }
        let mut answer = Answer { status, fields, body: Vec::new() };
        if !bodiless && status >= 200 && status != 204 && status != 304 {
            answer.body = decoded(&answer, self.body(&answer).await?)?;
        }
        Ok(answer)
    }

    async fn body(&mut self, answer: &Answer) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        if let Some(length) = answer.field("content-length") {
            body.resize(length.parse()?, 0);
            self.stream.read_exact(&mut body).await.context("the body is cut off")?;
            return Ok(body);
        }
        match answer.field("transfer-encoding") {
            Some("chunked") => {}
            Some(other) => bail!("what is {other}?"),
            None => {
                self.stream.read_to_end(&mut body).await?;
                return Ok(body);
            }
        }
        loop {
            let size = usize::from_str_radix(&self.line().await?, 16)?;
            let from = body.len();
            body.resize(from + size, 0);
            self.stream.read_exact(body.get_mut(from..).unwrap_or_default()).await?;
            ensure!(self.line().await?.is_empty(), "a chunk is longer than it says");
            if size == 0 {
                return Ok(body);
            }
        }
    }

    async fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        let count = self.stream.read_line(&mut line).await?;
        ensure!(count > 0, "the server closed the connection");
        let line = line.strip_suffix("\r\n").with_context(|| format!("'{line}' does not end in CR LF"))?;
        Ok(line.to_owned())
    }
}

/// A body without its content encoding.
fn decoded(answer: &Answer, body: Vec<u8>) -> Result<Vec<u8>> {
    match answer.field("content-encoding") {
        None => Ok(body),
        Some("gzip") => {
            let mut plain = Vec::new();
            GzDecoder::new(body.as_slice()).read_to_end(&mut plain)?;
            Ok(plain)
        }
        Some(other) => bail!("what is {other}?"),
    }
}

impl Answer {
    /// The first header field of this name, in whatever case.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Every header field of this name, in whatever case.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let same = self.fields.iter().filter(move |(other, _)| other.eq_ignore_ascii_case(name));
        same.map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// When it is none.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("no JSON: {self}"))
    }

    /// Itself when it has this status.
    ///
    /// # Errors
    /// When it has another.
    pub fn expect(self, status: u16) -> Result<Self> {
        ensure!(self.status == status, "{status} was expected: {self}");
        Ok(self)
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "HTTP/1.1 {}", self.status)?;
        for (name, value) in &self.fields {
            writeln!(f, "{name}: {value}")?;
        }
        write!(f, "\n{}", String::from_utf8_lossy(&self.body))
    }
}
