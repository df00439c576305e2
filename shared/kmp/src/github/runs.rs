//! Runs of the workflow: started, found again, watched, and cancelled.

use std::collections::BTreeMap;

use granary_model::Timestamp;
use granary_storage::rows::BuildRow;
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Call, GithubClient, Ordering, Refusal, Trouble};

/// How far GitHub's clock may be behind where runs are looked for, in milliseconds.
const SKEW_MILLIS: i64 = 5 * 60_000;

/// Most pages of a hundred runs that are looked at.
const MOST_PAGES: usize = 10;

/// What the title of every run begins with.
const TITLE: &str = "kmp ";

/// What a run is told to be of: a build and its attempt. Neither has a dot in it.
pub fn run_input(build: &BuildRow) -> String {
    format!("{}.{}", build.id, build.attempt)
}

/// The title of the run of a build's present attempt, by which it is found if GitHub's answer was lost.
pub fn run_title(build: &BuildRow) -> String {
    format!("{TITLE}{}", run_input(build))
}

/// Which build and which of its attempts a run with this title is of.
pub fn run_of_title(title: &str) -> Option<(&str, u32)> {
    let (id, attempt) = title.strip_prefix(TITLE)?.split_once('.')?;
    let is_id =
        !id.is_empty() && id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    Some((id, attempt.parse().ok()?)).filter(|_| is_id)
}

/// A run as GitHub describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its number.
    pub id: u64,
    /// Its address, for people.
    pub url: Option<String>,
    /// How far it is.
    pub state: RunState,
    /// Its title, which says which build and attempt it is of.
    pub title: String,
    /// When it began.
    pub started_at: Option<Timestamp>,
}

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunState {
    /// It has not begun.
    Waiting,
    /// It is at work.
    Running,
    /// It is over, with this conclusion of GitHub's, such as `failure`.
    Over(String),
}

#[derive(Deserialize)]
struct Described {
    id: u64,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    conclusion: Option<String>,
    #[serde(default)]
    html_url: Option<String>,
    #[serde(default)]
    display_title: Option<String>,
    #[serde(default)]
    run_started_at: Option<String>,
}

impl From<Described> for Run {
    fn from(described: Described) -> Self {
        let state = match described.status.as_deref() {
            Some("completed") => RunState::Over(word(described.conclusion.as_deref())),
            Some("in_progress") => RunState::Running,
            _ => RunState::Waiting,
        };
        Self {
            id: described.id,
            url: described.html_url.filter(|url| is_address(url)),
            state,
            title: described.display_title.unwrap_or_default(),
            started_at: described.run_started_at.and_then(|text| Timestamp::parse_rfc3339(&text)),
        }
    }
}

/// A conclusion as it may be shown.
fn word(conclusion: Option<&str>) -> String {
    let is_word = |text: &&str| {
        !text.is_empty() && text.len() <= 40 && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
    };
    conclusion.filter(is_word).unwrap_or("unknown").to_owned()
}

/// Whether an address may be shown as one of a run.
fn is_address(url: &str) -> bool {
    let scheme = url.starts_with("https://") || url.starts_with("http://");
    scheme && url.len() <= 500 && !url.contains(|c: char| c.is_whitespace() || c.is_control())
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    workflow_runs: Vec<Described>,
}

/// What a dispatch is answered with by newer servers.
#[derive(Deserialize)]
struct Started {
    workflow_run_id: u64,
    #[serde(default)]
    html_url: Option<String>,
}

impl Refusal {
    fn is_of_body(&self) -> bool {
        matches!(self.status, StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY)
    }
}

impl GithubClient {
    fn workflow(&self) -> String {
        format!("/repos/{}/actions/workflows/{}", self.settings.repository, self.settings.workflow)
    }

    /// Starts the workflow: its run's number and address, if GitHub says them. It is never called a second time here,
    /// except where GitHub has refused the first one for how it was said.
    ///
    /// # Errors
    /// With `Unknown`, a run may have been started.
    pub async fn dispatch(
        &self,
        inputs: &BTreeMap<&'static str, String>,
        now: Timestamp,
    ) -> std::result::Result<Option<(u64, Option<String>)>, Trouble> {
        let path = format!("{}/dispatches", self.workflow());
        let git_ref = &self.settings.git_ref;
        let body = json!({ "ref": git_ref, "inputs": inputs });
        // Without this, the older version says nothing about the run.
        let older = json!({ "ref": git_ref, "inputs": inputs, "return_run_details": true });
        let call = Call { older_body: Some(&older), ..Call::post(&path, &body) };
        let answered = match self.admitted(&call, now).await? {
            // Servers of one's own may not know that field.
            Err(refusal) if self.is_older.load(Ordering::Relaxed) && refusal.is_of_body() => {
                self.admitted(&Call::post(&path, &body), now).await?
            }
            other => other,
        };
        let answered = answered.map_err(Refusal::trouble)?;
        // Accepted, whatever the body is.
        let started = answered.read::<Started>().ok();
        Ok(started.map(|run| (run.workflow_run_id, run.html_url.filter(|url| is_address(url)))))
    }

    /// A run of a build's attempt that was started at about this moment or later.
    ///
    /// # Errors
    /// Whatever keeps it from being known.
    pub async fn find_run(
        &self,
        title: &str,
        since: Timestamp,
        now: Timestamp,
    ) -> std::result::Result<Option<Run>, Trouble> {
        let since = since.plus_millis(-SKEW_MILLIS).rfc3339_seconds();
        for page in 1..=MOST_PAGES {
            let path = format!(
                "{}/runs?event=workflow_dispatch&created=%3E%3D{since}&per_page=100&page={page}",
                self.workflow()
            );
            let runs = self.call(&Call::get(&path), now).await?.read::<Page>()?.workflow_runs;
            let is_last = runs.len() < 100;
            let found = runs.into_iter().map(Run::from).find(|run| run.title == title);
            if found.is_some() || is_last {
                return Ok(found);
            }
        }
        Err(Trouble::Unknown("there are too many runs of the workflow to find one among them".into()))
    }

    /// A run, if there is one with this number.
    ///
    /// # Errors
    /// Whatever keeps it from being known.
    pub async fn get_run(&self, id: u64, now: Timestamp) -> std::result::Result<Option<Run>, Trouble> {
        let path = format!("/repos/{}/actions/runs/{id}", self.settings.repository);
        match self.admitted(&Call::get(&path), now).await? {
            Ok(answered) => Ok(Some(answered.read::<Described>()?.into())),
            Err(refusal) if refusal.status == StatusCode::NOT_FOUND => Ok(None),
            Err(refusal) => Err(refusal.trouble()),
        }
    }

    /// Cancels a run. One that is over is left as it is.
    ///
    /// # Errors
    /// It may go on.
    pub async fn cancel(&self, id: u64, now: Timestamp) -> std::result::Result<(), Trouble> {
        let path = format!("/repos/{}/actions/runs/{id}/cancel", self.settings.repository);
        match self.admitted(&Call::post(&path, &Value::Null), now).await? {
            Err(refusal) if refusal.status != StatusCode::CONFLICT => Err(refusal.trouble()),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_say_build_and_attempt() {
        assert_eq!(run_of_title("kmp 0190-ab.12"), Some(("0190-ab", 12)));
        for other in
            ["", "kmp", "kmp 0190", "kmp .1", "kmp a.b", "kmp a/b.1", "kmp a.1.2", "CI kmp a.1", "kmp a.-1"]
        {
            assert_eq!(run_of_title(other), None, "{other}");
        }
    }

    #[test]
    fn only_words_and_addresses_are_shown() {
        let run = |value: Value| Run::from(serde_json::from_value::<Described>(value).unwrap());
        let evil =
            run(json!({ "id": 1, "status": "completed", "conclusion": "<b>", "html_url": "javascript:1" }));
        assert_eq!((evil.state, evil.url), (RunState::Over("unknown".into()), None));
        let waiting = run(json!({ "id": 1, "status": "requested", "html_url": "https://github.example/1" }));
        assert_eq!(waiting.state, RunState::Waiting);
        assert!(waiting.url.is_some());
    }
}
