//! The events of a Markdown parser without those that have no place on a page of ours.

use pulldown_cmark::{CowStr, Event, HeadingLevel, LinkType, Tag, TagEnd};

use super::raw_html::{Piece, pieces};
use super::{BLOCK, INLINE};

/// Deepest nesting that is kept; deeper elements are left out, and what is in them stays. Parsing HTML takes time for every
/// element that is open.
const MAX_DEPTH: usize = 30;

/// How far beyond the limit a block may go on before it is cut in the middle.
const TOLERANCE: usize = 20_000;

/// The events that are left, and whether they end before the document does. `limit` is in bytes of HTML.
pub(super) fn filtered<'a>(events: impl Iterator<Item = Event<'a>>, limit: usize) -> (Vec<Event<'a>>, bool) {
    let mut filter =
        Filter { kept: Vec::new(), open: Vec::new(), block: None, size: 0, most: limit + TOLERANCE };
    for event in events {
        let ends_block = matches!(&event, Event::End(end) if is_block(*end));
        filter.take(event);
        if filter.size > filter.most || (filter.size > limit && ends_block) {
            filter.close_until(0);
            return (filter.kept, true);
        }
    }
    filter.close_until(0);
    (filter.kept, false)
}

/// Something that has begun.
enum Open {
    /// An element of Markdown that was kept.
    Kept(TagEnd),
    /// One that was left out.
    LeftOut,
    /// An element of raw HTML.
    Raw(&'static str),
}

struct Filter<'a> {
    kept: Vec<Event<'a>>,
    open: Vec<Open>,
    /// The lines of the block of raw HTML that is being read.
    block: Option<String>,
    /// About how many bytes of HTML the kept events are.
    size: usize,
    /// The size at which all ends, even in the middle of a block.
    most: usize,
}

impl<'a> Filter<'a> {
    fn take(&mut self, event: Event<'a>) {
        match event {
            Event::Start(Tag::HtmlBlock) => self.block = Some(String::new()),
            Event::End(TagEnd::HtmlBlock) => {
                let text = self.block.take().unwrap_or_default();
                self.raw(&text, true);
            }
            Event::Html(text) => match &mut self.block {
                Some(block) => block.push_str(&text),
                None => self.raw(&text, true),
            },
            Event::InlineHtml(text) => self.raw(&text, false),
            Event::Start(tag) => self.start(tag),
            Event::End(_) => self.end(),
            Event::TaskListMarker(done) => {
                self.keep(Event::Text(if done { "☑ ".into() } else { "☐ ".into() }));
            }
            Event::Text(_) | Event::Code(_) | Event::SoftBreak | Event::HardBreak | Event::Rule => {
                self.keep(event);
            }
            // Of extensions that are off.
            Event::FootnoteReference(_) | Event::InlineMath(_) | Event::DisplayMath(_) => {}
        }
    }

    fn keep(&mut self, event: Event<'a>) {
        let cost = match &event {
            Event::Text(text) | Event::Code(text) | Event::Html(text) => {
                // Those that are written as entities.
                let tags = if matches!(event, Event::Code(_)) { 13 } else { 0 };
                tags + text.len() + 5 * text.bytes().filter(|byte| b"&<>\"".contains(byte)).count()
            }
            Event::Start(Tag::Link { dest_url, title, .. }) => 3 * dest_url.len() + 2 * title.len() + 60,
            _ => 9,
        };
        let room = self.most.saturating_sub(self.size);
        self.size += cost;
        self.kept.push(match event {
            Event::Text(text) if cost > room => Event::Text(beginning(&text, room / 6).into()),
            Event::Code(text) if cost > room => Event::Code(beginning(&text, room / 6).into()),
            event => event,
        });
    }

    fn start(&mut self, tag: Tag<'a>) {
        let is_image = matches!(tag, Tag::Image { .. });
        let tag = self.changed(tag).filter(|_| self.open.len() < MAX_DEPTH);
        match tag {
            Some(tag) => {
                self.open.push(Open::Kept(tag.to_end()));
                self.keep(Event::Start(tag));
            }
            None => self.open.push(Open::LeftOut),
        }
        if is_image {
            self.keep(Event::Text("Image: ".into()));
        }
    }

    /// A tag as it may stand here; none if only what is in it may.
    fn changed(&self, tag: Tag<'a>) -> Option<Tag<'a>> {
        match tag {
            Tag::Heading { level, .. } => {
                Some(Tag::Heading { level: lower(level), id: None, classes: Vec::new(), attrs: Vec::new() })
            }
            Tag::Link { link_type, dest_url, title, id } => {
                let dest_url = match link_type {
                    LinkType::Email => CowStr::from(format!("mailto:{dest_url}")),
                    _ => dest_url,
                };
                (leads_to_the_web(&dest_url) && !self.is_in_link()).then_some(Tag::Link {
                    link_type: LinkType::Inline,
                    dest_url,
                    title,
                    id,
                })
            }
            Tag::Image { dest_url, title, id, .. } => (is_https(&dest_url) && !self.is_in_link())
                .then_some(Tag::Link { link_type: LinkType::Inline, dest_url, title, id }),
            Tag::FootnoteDefinition(_) | Tag::MetadataBlock(_) => None,
            tag => Some(tag),
        }
    }

    fn is_in_link(&self) -> bool {
        self.open.iter().any(|open| matches!(open, Open::Kept(TagEnd::Link) | Open::Raw("a")))
    }

    /// The innermost element of Markdown ends, and raw HTML that was begun in it does as well.
    fn end(&mut self) {
        let at = self.open.iter().rposition(|open| !matches!(open, Open::Raw(_)));
        self.close_until(at.unwrap_or_default());
    }

    /// Closes what is open beyond the first `depth`.
    fn close_until(&mut self, depth: usize) {
        while self.open.len() > depth {
            match self.open.pop() {
                Some(Open::Kept(end)) => self.keep(Event::End(end)),
                Some(Open::Raw(name)) => self.keep(Event::Html(format!("</{name}>").into())),
                Some(Open::LeftOut) | None => {}
            }
        }
    }

    /// HTML in the Markdown: a block of its own, or a tag in a line. What is begun in a line ends with its block.
    fn raw(&mut self, text: &str, is_block: bool) {
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => self.keep(Event::Html(text.to_owned().into())),
                Piece::Start("br", _) => self.keep(Event::HardBreak),
                Piece::Start("hr", _) if is_block => self.keep(Event::Rule),
                Piece::Start("img", attributes) => {
                    self.raw_image(attributes.get("src"), attributes.get("alt"));
                }
                Piece::Start(name, attributes) => self.raw_start(name, attributes.get("href"), is_block),
                Piece::End(name) => self.raw_end(name),
            }
        }
        if is_block {
            while matches!(self.open.last(), Some(Open::Raw(name)) if INLINE.contains(name)) {
                self.close_until(self.open.len() - 1);
            }
        }
    }

    fn raw_start(&mut self, name: &str, href: Option<&str>, is_block: bool) {
        let blocks: &[&str] = if is_block { &BLOCK } else { &[] };
        let known = INLINE.iter().chain(blocks).find(|known| **known == lower_name(name));
        let Some(name) = known.filter(|_| self.open.len() < MAX_DEPTH) else { return };
        let tag = match href.filter(|href| leads_to_the_web(href)) {
            Some(href) if *name == "a" && !self.is_in_link() => format!("<a href=\"{}\">", attribute(href)),
            _ if *name == "a" => return,
            _ => format!("<{name}>"),
        };
        self.open.push(Open::Raw(name));
        self.keep(Event::Html(tag.into()));
    }

    fn raw_end(&mut self, name: &str) {
        let name = lower_name(name);
        // Raw HTML never ends an element of Markdown.
        for (at, open) in self.open.iter().enumerate().rev() {
            match open {
                Open::Raw(found) if *found == name => return self.close_until(at),
                Open::Raw(_) => {}
                Open::Kept(_) | Open::LeftOut => return,
            }
        }
    }

    /// An image as a link to it.
    fn raw_image(&mut self, source: Option<&str>, words: Option<&str>) {
        let words = attribute(words.unwrap_or_default());
        let text = match source.filter(|source| is_https(source) && !self.is_in_link()) {
            Some(source) => format!("<a href=\"{}\">Image: {words}</a>", attribute(source)),
            None => format!("Image: {words}"),
        };
        self.keep(Event::Html(text.into()));
    }
}

/// The first bytes of a text, whole characters.
fn beginning(text: &str, most: usize) -> String {
    text.get(..text.floor_char_boundary(most)).unwrap_or_default().to_owned()
}

/// Text of an attribute as it stood there, with its entities, between quotes.
fn attribute(text: &str) -> String {
    text.replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}

/// One level below, since the page has the first one.
fn lower(level: HeadingLevel) -> HeadingLevel {
    match level {
        HeadingLevel::H1 => HeadingLevel::H2,
        HeadingLevel::H2 => HeadingLevel::H3,
        HeadingLevel::H3 => HeadingLevel::H4,
        HeadingLevel::H4 => HeadingLevel::H5,
        HeadingLevel::H5 | HeadingLevel::H6 => HeadingLevel::H6,
    }
}

/// The same for raw HTML.
fn lower_name(name: &str) -> &str {
    match name {
        "h1" => "h2",
        "h2" => "h3",
        "h3" => "h4",
        "h4" => "h5",
        "h5" => "h6",
        name => name,
    }
}

fn leads_to_the_web(address: &str) -> bool {
    ["http://", "https://", "mailto:"].iter().any(|scheme| begins_with(address, scheme))
}

fn is_https(address: &str) -> bool {
    begins_with(address, "https://")
}

fn begins_with(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
}

fn is_block(end: TagEnd) -> bool {
    !matches!(
        end,
        TagEnd::Emphasis
            | TagEnd::Strong
            | TagEnd::Strikethrough
            | TagEnd::Link
            | TagEnd::Image
            | TagEnd::TableCell
    )
}
