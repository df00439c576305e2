//! Raw HTML in Markdown, in pieces. This is no parser of HTML: what it finds goes through the sanitiser.

/// A piece of raw HTML.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// What is between tags, with its entities and without `<`.
    Text(&'a str),
    /// A start tag: its name, one of [`NAMES`], and its attributes.
    Start(&'static str, Attributes<'a>),
    /// An end tag.
    End(&'static str),
}

/// Attributes as they stand there: entities are not read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Attributes<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Attributes<'a> {
    /// The value of an attribute.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }
}

/// Elements of which tags are found; other tags are left out, and what is between them stays.
const NAMES: [&str; 52] = [
    "a",
    "abbr",
    "b",
    "blockquote",
    "br",
    "caption",
    "cite",
    "code",
    "dd",
    "del",
    "details",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "mark",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "samp",
    "small",
    "span",
    "strong",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "u",
    "ul",
    "var",
];

/// Elements of which not even the content is for people.
const SILENT: [&str; 14] = [
    "iframe",
    "math",
    "noembed",
    "noframes",
    "noscript",
    "object",
    "plaintext",
    "script",
    "select",
    "style",
    "svg",
    "template",
    "textarea",
    "title",
];

/// The pieces of a text.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut scanner = Scanner { rest: text, pieces: Vec::new() };
    while scanner.step() {}
    scanner.pieces
}

struct Scanner<'a> {
    rest: &'a str,
    pieces: Vec<Piece<'a>>,
}

impl<'a> Scanner<'a> {
    /// Reads on; gives whether there may be more.
    fn step(&mut self) -> bool {
        let Some((text, rest)) = self.rest.split_once('<') else {
            self.text(self.rest);
            return false;
        };
        self.text(text);
        self.rest = rest;
        if let Some(rest) = rest.strip_prefix("!--") {
            return self.go_behind(rest, "-->");
        }
        if rest.starts_with(['!', '?']) {
            return self.go_behind(rest, ">");
        }
        if let Some(rest) = rest.strip_prefix('/') {
            let name = name(rest);
            self.pieces.extend(known(name).map(Piece::End));
            return self.go_behind(rest, ">");
        }
        if rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return self.start();
        }
        self.text("&lt;");
        true
    }

    fn text(&mut self, text: &'a str) {
        if !text.is_empty() {
            self.pieces.push(Piece::Text(text));
        }
    }

    /// Goes on behind a mark. Without it there is nothing more.
    fn go_behind(&mut self, text: &'a str, mark: &str) -> bool {
        match text.split_once(mark) {
            Some((_, rest)) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn start(&mut self) -> bool {
        let name = name(self.rest);
        let Some((attributes, rest)) = attributes(self.rest.get(name.len()..).unwrap_or_default()) else {
            return false;
        };
        self.rest = rest;
        if SILENT.iter().any(|silent| silent.eq_ignore_ascii_case(name)) {
            return self.go_behind_end(name);
        }
        self.pieces.extend(known(name).map(|name| Piece::Start(name, attributes)));
        true
    }

    /// Goes on behind the end tag of an element.
    fn go_behind_end(&mut self, element: &str) -> bool {
        let mut text = self.rest;
        while let Some((_, rest)) = text.split_once("</") {
            if name(rest).eq_ignore_ascii_case(element) {
                return self.go_behind(rest, ">");
            }
            text = rest;
        }
        false
    }
}

/// The name that a text begins with.
fn name(text: &str) -> &str {
    let end = text.find(|c: char| c.is_ascii_whitespace() || "/>".contains(c)).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

fn known(name: &str) -> Option<&'static str> {
    NAMES.into_iter().find(|known| known.eq_ignore_ascii_case(name))
}

/// The attributes at the beginning of a text, and what is behind the `>` that ends them; none without one.
fn attributes(text: &str) -> Option<(Attributes<'_>, &str)> {
    let mut found = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if let Some(rest) = rest.strip_prefix('>') {
            return Some((Attributes(found), rest));
        }
        let end = rest.find(|c: char| c.is_ascii_whitespace() || "/>=".contains(c))?;
        // An equals sign at the beginning is part of the name, by the rules of HTML; nobody means it.
        let (name, behind) = rest.split_at_checked(end.max(1))?;
        let (value, behind) = match behind.trim_start().strip_prefix('=') {
            Some(behind) => value(behind.trim_start())?,
            None => ("", behind),
        };
        found.push((name, value));
        rest = behind;
    }
}

/// The value at the beginning of a text, and what is behind it.
fn value(text: &str) -> Option<(&str, &str)> {
    for quote in ['"', '\''] {
        if let Some(rest) = text.strip_prefix(quote) {
            return rest.split_once(quote);
        }
    }
    text.split_at_checked(text.find(|c: char| c.is_ascii_whitespace() || c == '>')?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_text_are_told_apart() {
        let found = pieces("a<B x=1 y='2>' z>b</b ><!-- <i> -->&amp; 1 < 2<Script>x</y>z</script>c<blink>d");
        let shown: Vec<String> = found
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => (*text).to_owned(),
                Piece::Start(name, attributes) => format!("[{name} {:?}]", attributes.get("Y")),
                Piece::End(name) => format!("[/{name}]"),
            })
            .collect();
        assert_eq!(shown.concat(), "a[b Some(\"2>\")]b[/b]&amp; 1 &lt; 2cd");
    }

    #[test]
    fn what_never_ends_is_left_out() {
        for text in ["<a href=\"x", "<a", "<!--", "</a", "<script>", "<svg><a></a>", "<a =", "<a ="] {
            assert_eq!(
                pieces(text)
                    .iter()
                    .filter(|piece| matches!(piece, Piece::Start(..) | Piece::Text(_)))
                    .count(),
                0,
                "{text}"
            );
        }
        assert_eq!(pieces("<a =\u{e9}=b>").len(), 1);
    }
}
