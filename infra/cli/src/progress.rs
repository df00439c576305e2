//! One bar for the bytes of a whole command.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// A progress bar on standard error, or none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress(Option<ProgressBar>);

impl Progress {
    /// No bar.
    pub(crate) fn hidden() -> Self {
        Self(None)
    }

    /// A bar of `total` bytes. It has no colour, so there is nothing for `NO_COLOR` to switch off.
    pub(crate) fn shown(total: u64, verb: &'static str) -> Self {
        let bar = ProgressBar::new(total).with_prefix(verb);
        let template = "{prefix} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec} {eta} {wide_msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(Some(bar))
    }

    /// `bytes` more are done.
    pub(crate) fn forward(&self, bytes: u64) {
        if let Some(bar) = &self.0 {
            bar.inc(bytes);
        }
    }

    /// `bytes` have to be done again.
    pub(crate) fn back(&self, bytes: u64) {
        if let Some(bar) = &self.0 {
            bar.dec(bytes);
        }
    }

    /// What is being done beside moving bytes.
    pub(crate) fn note(&self, text: &str) {
        if let Some(bar) = &self.0 {
            bar.set_message(text.to_owned());
        }
    }

    /// Takes the bar off the screen.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
