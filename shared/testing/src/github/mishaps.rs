//! What goes wrong between a client and GitHub.

use bytes::Bytes;
use http::request::Parts;
use http_body_util::Full;
use hyper::Response;

/// What a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Doing {
    /// Starting the workflow.
    Dispatch,
    /// Listing runs.
    List,
    /// Looking at a run.
    Look,
    /// Cancelling one.
    Cancel,
    /// Finding the App's installation.
    Installation,
    /// Making a token for it.
    Token,
    /// Anything else, such as files.
    Other,
}

impl Doing {
    pub(super) fn of(parts: &Parts) -> Self {
        let path = parts.uri.path();
        match path.rsplit('/').next().unwrap_or_default() {
            _ if path.starts_with("/files/") => Self::Other,
            "dispatches" => Self::Dispatch,
            "runs" => Self::List,
            "cancel" => Self::Cancel,
            "installation" => Self::Installation,
            "access_tokens" => Self::Token,
            _ if path.contains("/actions/runs/") => Self::Look,
            _ => Self::Other,
        }
    }
}

/// What happens to a call.
#[derive(Debug, Clone)]
pub enum Trick {
    /// It is answered so, and has no effect.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// It has its effect, and is answered so.
    ActAndAnswer(u16),
    /// The connection breaks, and it has no effect.
    Lose,
    /// It has its effect, and the connection breaks before the answer.
    ActAndLose,
    /// Nothing ever comes back, and it has no effect.
    Hang,
    /// It has its effect, and nothing ever comes back.
    ActAndHang,
    /// It has its effect, and the answer is none that can be read.
    ActAndBabble,
    /// Nothing special: takes the place of a trick where one call is to go through.
    None,
}

impl Trick {
    /// A plain refusal.
    pub fn status(status: u16) -> Self {
        Self::Answer(status, Vec::new(), r#"{"message":"made up by a test"}"#.into())
    }
}

pub(super) async fn perform(
    trick: Option<Trick>,
    act: impl Fn() -> Response<Full<Bytes>>,
) -> std::io::Result<Response<Full<Bytes>>> {
    let broken = || Err(std::io::Error::other("broken by a test"));
    match trick {
        None | Some(Trick::None) => Ok(act()),
        Some(Trick::Answer(status, headers, body)) => {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            Ok(response.body(Full::new(body.into())).unwrap())
        }
        Some(Trick::ActAndAnswer(status)) => {
            act();
            Ok(Response::builder().status(status).body(Full::default()).unwrap())
        }
        Some(Trick::Lose) => broken(),
        Some(Trick::ActAndLose) => {
            act();
            broken()
        }
        Some(Trick::Hang) => std::future::pending().await,
        Some(Trick::ActAndHang) => {
            act();
            std::future::pending().await
        }
        Some(Trick::ActAndBabble) => {
            let mut response = act();
            *response.body_mut() = Full::new("{\"workflow_run_id\":".into());
            Ok(response)
        }
    }
}
