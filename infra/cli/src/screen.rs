//! What the commands say.

use std::io::Write;

/// Standard output and standard error of a command.
///
/// Output that cannot be written is given up without a word: the reader has gone away, and the work that is
/// under way matters more.
pub struct Screen {
    output: Box<dyn Write + Send>,
    errors: Box<dyn Write + Send>,
    /// Nothing but problems is said.
    quiet: bool,
    /// Standard output belongs to one JSON document.
    json: bool,
}

impl std::fmt::Debug for Screen {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Screen")
            .field("quiet", &self.quiet)
            .field("json", &self.json)
            .finish_non_exhaustive()
    }
}

impl Screen {
    /// Speaks to these two.
    pub fn new(output: impl Write + Send + 'static, errors: impl Write + Send + 'static) -> Self {
        Self { output: Box::new(output), errors: Box::new(errors), quiet: false, json: false }
    }

    /// Speaks to the standard output and standard error of this process.
    pub fn of_this_process() -> Self {
        Self::new(std::io::stdout(), std::io::stderr())
    }

    /// From now on only what `quiet` and `json` leave is said.
    pub(crate) fn restrict(&mut self, quiet: bool, json: bool) {
        self.quiet = quiet;
        self.json = json;
    }

    /// Whether standard output belongs to one JSON document.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Whether progress may be shown.
    pub(crate) fn may_draw(&self) -> bool {
        !self.quiet && !self.json
    }

    /// A result, in a line of standard output.
    pub(crate) fn say(&mut self, line: &str) {
        if !self.quiet && !self.json {
            write_line(&mut self.output, line);
        }
    }

    /// The JSON document.
    pub(crate) fn document(&mut self, document: &serde_json::Value) {
        write_line(&mut self.output, &format!("{document:#}"));
    }

    /// A remark, in a line of standard error.
    pub(crate) fn remark(&mut self, line: &str) {
        if !self.quiet && !self.json {
            write_line(&mut self.errors, line);
        }
    }

    /// A problem, in a line of standard error. It is always said.
    pub(crate) fn problem(&mut self, line: &str) {
        write_line(&mut self.errors, line);
    }

    /// The question before an answer is typed, without a line end.
    pub(crate) fn ask(&mut self, question: &str) {
        let _ = write!(self.errors, "{question}");
        let _ = self.errors.flush();
    }
}

fn write_line(target: &mut Box<dyn Write + Send>, line: &str) {
    let _ = writeln!(target, "{line}");
    let _ = target.flush();
}
