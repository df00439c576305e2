//! What curl is told: the status and the kind of an answer beside its body.

use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::curl::Curl;
use crate::outcome::Outcome;

/// What makes curl say status and media type beside what it would say anyway.
const ASKED: &str = "curl -s -w '%{stderr}%{http_code} %{content_type}'";

/// An answer as curl has it.
#[derive(Debug, Clone)]
pub struct Told {
    /// Status.
    pub status: String,
    /// Media type; empty if there is none.
    pub kind: String,
    /// Body, unless the line has saved it.
    pub body: String,
    outcome: Outcome,
}

impl Curl {
    /// Runs a line that begins with `curl`, as users are given it. `$BASE` is the server's address, and the variables have
    /// the rest. curl itself must succeed.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn told(&self, base: &str, variables: &[(&str, &str)], line: &str) -> Result<Told> {
        let rest =
            line.strip_prefix("curl ").with_context(|| format!("'{line}' does not begin with curl"))?;
        let outcome = self.run_with(base, variables, &format!("{ASKED} {rest}")).await?.success()?;
        let (status, kind) =
            outcome.stderr.split_once(' ').with_context(|| format!("no status: {outcome}"))?;
        Ok(Told { status: status.into(), kind: kind.into(), body: outcome.stdout.clone(), outcome })
    }
}

impl Told {
    /// Itself with this status.
    ///
    /// # Errors
    /// When it is another one.
    pub fn expect(self, status: &str) -> Result<Self> {
        ensure!(self.status == status, "not {status}: {self}");
        Ok(self)
    }

    /// The document with this status.
    ///
    /// # Errors
    /// When it is another status, or no JSON.
    pub fn document(self, status: &str) -> Result<Value> {
        let told = self.expect(status)?;
        ensure!(told.kind.starts_with("application/json"), "no JSON: {told}");
        serde_json::from_str(&told.body).with_context(|| format!("no JSON: {told}"))
    }

    /// An error as JSON, whose text has one of these words.
    ///
    /// # Errors
    /// When it is another status, no such document, or another text.
    pub fn refused(self, status: &str, words: &str) -> Result<Value> {
        let shown = self.to_string();
        let document = self.document(status)?;
        let error = document["error"].as_str().with_context(|| format!("no error: {shown}"))?;
        ensure!(document["code"].is_string(), "no code: {shown}");
        ensure!(error.contains(words), "'{words}' is not said: {shown}");
        Ok(document)
    }

    /// The text with this status; a line end behind it is nobody's business.
    ///
    /// # Errors
    /// When it is another status, or no plain text.
    pub fn text(self, status: &str) -> Result<String> {
        let told = self.expect(status)?;
        ensure!(told.kind.starts_with("text/plain"), "no text: {told}");
        Ok(told.body.trim_end_matches('\n').to_owned())
    }

    /// Checks that it has this status and no body.
    ///
    /// # Errors
    /// When it is another status, or there is a body.
    pub fn empty(self, status: &str) -> Result<()> {
        let told = self.expect(status)?;
        ensure!(told.body.is_empty(), "a body: {told}");
        Ok(())
    }
}

/// The line that sends a file of the folder to the address that is this member of what a registry answered, with the headers
/// beside it.
///
/// # Errors
/// When there is no address.
pub fn signed_put(answer: &Value, member: &str, file: &str) -> Result<String> {
    let url = answer[member].as_str().with_context(|| format!("no {member}: {answer}"))?;
    ensure!(answer["method"] == "PUT", "no method: {answer}");
    let headers = answer["headers"].as_object().with_context(|| format!("no headers: {answer}"))?;
    let mut line = format!("curl -X PUT -T '{file}' '{url}'");
    for (name, value) in headers {
        let value = value.as_str().with_context(|| format!("{name} is no text: {answer}"))?;
        write!(line, " -H '{name}: {value}'")?;
    }
    Ok(line)
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.outcome.fmt(f)
    }
}
