//! Asking for a token.

use std::io::{BufRead as _, Read as _};
use std::process::{Command, Stdio};

use crate::failure::{Failure, Kind, Result};
use crate::screen::Screen;
use crate::secret::Secret;

/// More than any token has.
const LONGEST: u64 = 64 * 1024;

/// Asks a person at the terminal. Nothing that is typed is shown.
///
/// # Errors
/// When the terminal cannot be made silent, nothing usable is typed, or Ctrl-C is pressed.
pub(crate) async fn ask(screen: &mut Screen) -> Result<Secret> {
    let silence = Silence::begin()?;
    screen.ask("Token: ");
    let line = tokio::select! {
        line = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            std::io::stdin().lock().read_line(&mut line).map(|_| line)
        }) => line,
        _ = tokio::signal::ctrl_c() => {
            drop(silence);
            return Err(Failure::new(Kind::Interrupted, "interrupted"));
        }
    };
    drop(silence);
    screen.ask("\n");
    match line {
        Ok(Ok(line)) => usable(&line),
        Ok(Err(error)) => Err(Failure::failed(format!("the token cannot be read: {error}"))),
        Err(error) => Err(Failure::failed(format!("the token cannot be read: {error}"))),
    }
}

/// Reads what is piped in.
///
/// # Errors
/// When there is nothing usable.
pub(crate) async fn read_pipe() -> Result<Secret> {
    let read = tokio::task::spawn_blocking(|| {
        let mut text = String::new();
        std::io::stdin().lock().take(LONGEST).read_to_string(&mut text).map(|_| text)
    });
    match read.await {
        Ok(Ok(text)) => usable(&text),
        _ => Err(Failure::usage("standard input cannot be read as text")),
    }
}

fn usable(text: &str) -> Result<Secret> {
    Secret::new(text).ok_or_else(|| {
        let message = if text.trim().is_empty() { "no token was given" } else { "that is no token" };
        Failure::usage(message).next("Pipe it in (granary login SERVER < token-file) or say --token TOKEN")
    })
}

/// A terminal that does not show what is typed, until this is dropped.
struct Silence {
    /// The terminal's settings before, in the form that `stty` reads back.
    before: String,
}

impl Silence {
    /// `stty` is on every Unix; switching the echo off without it takes unsafe code.
    fn begin() -> Result<Self> {
        let refuse = || {
            Failure::failed("this terminal cannot hide what is typed")
                .next("Pipe the token in: granary login SERVER < token-file")
        };
        let known = Command::new("stty").arg("-g").stdin(Stdio::inherit()).output().map_err(|_| refuse())?;
        let before = String::from_utf8(known.stdout).map_err(|_| refuse())?.trim().to_owned();
        let silent = Command::new("stty").arg("-echo").status().is_ok_and(|status| status.success());
        if known.status.success() && silent { Ok(Self { before }) } else { Err(refuse()) }
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        let _ = Command::new("stty").arg(&self.before).status();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_token_is_refused_with_a_way_out() {
        assert_eq!(usable("art_x\n").unwrap().expose(), "art_x");
        for (text, message) in [("\n", "no token was given"), ("a b", "that is no token")] {
            let failure = usable(text).unwrap_err();
            assert_eq!((failure.message.as_str(), failure.kind), (message, Kind::Usage));
            assert!(failure.next.unwrap().contains("--token"));
        }
    }
}
