//! READMEs: Markdown of strangers as HTML that can do nothing.
//!
//! What a package brings along is untrusted. The Markdown is parsed, what has no place on a page of ours is taken out of it
//! ([`filter`]), and the HTML that comes of it goes through a sanitiser that keeps a short list of elements and nothing of
//! their attributes but addresses of the web. Images are not loaded: whoever offers a package has no business with the
//! addresses of those who read about it.

mod filter;
mod raw_html;

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};
use pulldown_cmark::{Options, Parser, html};

use filter::filtered;

/// Most bytes of a README that are read.
const MAX_SOURCE: usize = 200_000;

/// Bytes of HTML after which a README is cut on the page of its package.
const SHORT: usize = 60_000;

/// Bytes of HTML after which even the whole of it ends: Markdown can be written that grows when it is rendered, and the
/// sanitiser takes longer than in proportion for a long text full of entities.
const LONG: usize = 400_000;

/// Elements in a line.
const INLINE: [&str; 21] = [
    "a", "abbr", "b", "cite", "code", "del", "em", "i", "ins", "kbd", "mark", "q", "s", "samp", "small",
    "span", "strong", "sub", "sup", "u", "var",
];

/// Elements that hold others. There is one `h1` on a page, and it is not the README's.
const BLOCK: [&str; 27] = [
    "blockquote",
    "caption",
    "dd",
    "details",
    "div",
    "dl",
    "dt",
    "figcaption",
    "figure",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "li",
    "ol",
    "p",
    "pre",
    "summary",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "ul",
];

/// Elements without content.
const VOID: [&str; 2] = ["br", "hr"];

/// A README, ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rendered {
    /// Sanitised HTML.
    pub(crate) html: String,
    /// Whether there is more.
    pub(crate) is_cut: bool,
}

/// Markdown as HTML. Unless `whole`, it ends at the end of a block after some 60 kB.
pub(crate) fn render(source: &str, whole: bool) -> Rendered {
    let (source, is_long) = head(source, MAX_SOURCE);
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let (events, is_cut) = filtered(Parser::new_ext(source, options), if whole { LONG } else { SHORT });
    let mut text = String::new();
    html::push_html(&mut text, events.into_iter());
    Rendered { html: SANITISER.clean(&text).to_string(), is_cut: is_cut || is_long }
}

/// Text that is no Markdown, and whether there is more. It is not HTML yet.
pub(crate) fn plain(source: &str, whole: bool) -> (&str, bool) {
    head(source, if whole { MAX_SOURCE } else { SHORT })
}

/// The first bytes of a text, whole characters.
fn head(text: &str, most: usize) -> (&str, bool) {
    let end = text.floor_char_boundary(most);
    (text.get(..end).unwrap_or_default(), end < text.len())
}

/// What everything goes through at the end, whatever it came from.
static SANITISER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::empty();
    builder
        .tags(INLINE.into_iter().chain(BLOCK).chain(VOID).collect())
        .clean_content_tags(HashSet::from([
            "script", "style", "title", "template", "noscript", "svg", "math",
        ]))
        .tag_attributes(HashMap::from([
            ("a", HashSet::from(["href", "title"])),
            ("ol", HashSet::from(["start"])),
        ]))
        .generic_attributes(HashSet::new())
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .url_relative(UrlRelative::Deny)
        .link_rel(Some("nofollow noopener noreferrer"))
        .strip_comments(true)
        // What is wider than the page scrolls, by the keyboard too.
        .set_tag_attribute_value("pre", "tabindex", "0")
        .set_tag_attribute_value("table", "tabindex", "0");
    builder
});

#[cfg(test)]
mod tests;
