//! The readme of a package.

/// Bytes of a readme that are shown.
const LIMIT: usize = 64 * 1024;

/// Bytes to read of one: a character more, so that cutting at the limit cannot split one.
pub(super) const KEEP: usize = LIMIT + 4;

/// The best readme found so far.
#[derive(Default)]
pub(super) struct Readme {
    found: Option<(u8, String, String)>,
}

impl Readme {
    /// Whether a file at this path, relative to the package root, is a better readme than the one found.
    pub(super) fn wants(&self, path: &str) -> bool {
        let rank = rank(path);
        rank > self.found.as_ref().map_or(0, |(rank, ..)| *rank)
    }

    /// Takes the first [`KEEP`] bytes of a file.
    pub(super) fn set(&mut self, path: &str, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let (kept, _) = text.split_at(text.floor_char_boundary(LIMIT));
        self.found = Some((rank(path), path.into(), kept.into()));
    }

    /// The text and the file's name.
    pub(super) fn finish(self) -> (Option<String>, Option<String>) {
        self.found.map(|(_, path, text)| (text, path)).unzip()
    }
}

/// 0 for what is no readme; the higher the better, Markdown first, as npm chooses.
fn rank(path: &str) -> u8 {
    let lower = path.to_ascii_lowercase();
    match lower.strip_prefix("readme") {
        Some(".md") => 4,
        Some(".markdown" | ".mdown" | ".mkdn" | ".mkd") => 3,
        Some("") => 2,
        Some(".txt" | ".rst" | ".adoc" | ".asciidoc" | ".org" | ".text") => 1,
        _ => 0,
    }
}
