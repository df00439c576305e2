//! `Link` headers, in the form that SwiftPM's own parser understands: it cuts them at every comma and semicolon.

use axum::http::HeaderValue;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// What would end an address, or begin another link, in a publisher's own address.
const DELIMITERS: &AsciiSet = &CONTROLS.add(b',').add(b';').add(b'<').add(b'>').add(b'"').add(b' ');

/// Longest header, in bytes: API Gateway takes 10,240 for all of them.
const MAX_HEADER: usize = 6_000;

/// Links in the making.
#[derive(Debug, Default)]
pub(crate) struct Links(Vec<String>);

impl Links {
    /// Adds a link to an address.
    pub(crate) fn add(&mut self, url: &str, relation: &str) {
        self.0.push(format!("<{}>; rel=\"{relation}\"", utf8_percent_encode(url, DELIMITERS)));
    }

    /// Adds a manifest for another version of Swift.
    pub(crate) fn alternate(&mut self, url: &str, file: &str, tools: &str) {
        self.0.push(format!(
            "<{url}>; rel=\"alternate\"; filename=\"{file}\"; swift-tools-version=\"{tools}\""
        ));
    }

    /// The header, if there are any links, of as many as fit.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        let mut text = String::new();
        for link in &self.0 {
            if text.len() + link.len() > MAX_HEADER {
                break;
            }
            if !text.is_empty() {
                text.push_str(", ");
            }
            text.push_str(link);
        }
        if text.is_empty() { None } else { HeaderValue::from_str(&text).ok() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_can_be_smuggled_into_a_header() {
        let mut links = Links::default();
        assert!(links.header().is_none());
        links.add("https://example.com/a,b;c>\"\r\nX: y é", "canonical");
        for _ in 0..3 {
            links.add(&format!("https://example.com/{}", "x".repeat(6_000)), "alternate");
        }
        assert_eq!(
            links.header().unwrap(),
            "<https://example.com/a%2Cb%3Bc%3E%22%0D%0AX:%20y%20%C3%A9>; rel=\"canonical\""
        );
    }
}
