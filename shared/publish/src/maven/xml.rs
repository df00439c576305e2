//! Reading small XML files within limits.

use granary_model::{Error, Result};
use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};

use super::encoding::decode;

/// Deepest nesting of elements.
const MAX_DEPTH: usize = 64;

/// What a reader of XML sees: the path of an element that ends, without namespaces, and the text in it.
pub(super) trait Visitor {
    /// An element ends. `path` begins with the root; `text` is without the space around it.
    fn element(&mut self, path: &[String], text: &str);
}

/// Reads an XML file. `false` if it is in an encoding that is not known, and then nothing was read.
///
/// # Errors
/// `BadRequest` for a file that is not well-formed, is nested too deep, has another root than `root`, or has a
/// document type: entities are never expanded, but those that every XML file knows.
pub(super) fn walk(what: &str, bytes: &[u8], root: &str, visitor: &mut impl Visitor) -> Result<bool> {
    let Some(text) = decode(bytes) else { return Ok(false) };
    let refuse = |why: &str| Error::BadRequest(format!("{what} cannot be used: {why}"));
    let broken = |error: &dyn std::fmt::Display| refuse(&format!("it is not well-formed XML ({error})"));
    let mut reader = Reader::from_str(&text);
    let (mut path, mut texts): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    let mut has_root = false;
    loop {
        let event = reader.read_event().map_err(|error| broken(&error))?;
        match event {
            Event::Start(ref start) | Event::Empty(ref start) => {
                let name = start.local_name().into_inner().to_owned();
                if path.is_empty() {
                    if has_root || name != root {
                        return Err(refuse(&format!("it must have one root element '{root}'")));
                    }
                    has_root = true;
                }
                if path.len() >= MAX_DEPTH {
                    return Err(refuse(&format!("its elements are nested more than {MAX_DEPTH} deep")));
                }
                path.push(name);
                texts.push(String::new());
                if matches!(event, Event::Empty(_)) {
                    leave(&mut path, &mut texts, visitor);
                }
            }
            Event::End(_) => leave(&mut path, &mut texts, visitor),
            Event::Text(part) => append(&mut texts, &part.xml10_content()),
            Event::CData(part) => append(&mut texts, &part.xml10_content()),
            Event::GeneralRef(reference) => append(&mut texts, &resolved(&reference)),
            Event::DocType(_) => return Err(refuse("it has a document type (<!DOCTYPE ..>)")),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    if !path.is_empty() {
        return Err(refuse("it ends in the middle"));
    }
    if !has_root {
        return Err(refuse(&format!("it must have one root element '{root}'")));
    }
    Ok(true)
}

fn leave(path: &mut Vec<String>, texts: &mut Vec<String>, visitor: &mut impl Visitor) {
    if let Some(text) = texts.pop() {
        visitor.element(path, text.trim());
    }
    path.pop();
}

fn append(texts: &mut [String], text: &str) {
    if let Some(last) = texts.last_mut() {
        last.push_str(text);
    }
}

/// What a reference stands for. One that only a document type could explain stays as it is: POMs of old have
/// `&oslash;` and Maven reads them.
fn resolved(reference: &BytesRef<'_>) -> String {
    if let Ok(Some(c)) = reference.resolve_char_ref() {
        return c.into();
    }
    let name = reference.xml10_content();
    match &*name {
        "lt" => "<".into(),
        "gt" => ">".into(),
        "amp" => "&".into(),
        "apos" => "'".into(),
        "quot" => "\"".into(),
        other => format!("&{other};"),
    }
}

/// A text safe to stand in XML.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // XML 1.0 has no way to write other control characters, nor these two.
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Seen(Vec<(String, String)>);

    impl Visitor for Seen {
        fn element(&mut self, path: &[String], text: &str) {
            self.0.push((path.join("/"), text.to_owned()));
        }
    }

    fn read(text: &str) -> Result<Vec<(String, String)>> {
        let mut seen = Seen::default();
        assert!(walk("the file", text.as_bytes(), "r", &mut seen)?);
        Ok(seen.0)
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn elements_with_their_text() {
        let text = "<?xml version=\"1.0\"?><!-- c --><x:r xmlns:x='y'><a> 1 <!-- c -->&amp;\n<![CDATA[<2>]]></a><b/><c>\
                    <a>&#65;&#x42;&oslash;</a></c></x:r>\n";
        let expected =
            pairs(&[("r/a", "1 &\n<2>"), ("r/b", ""), ("r/c/a", "AB&oslash;"), ("r/c", ""), ("r", "")]);
        assert_eq!(read(text).unwrap(), expected);
    }

    #[test]
    fn hostile_and_broken_files_are_refused() {
        let deep = |depth: usize| format!("<r>{}{}</r>", "<a>".repeat(depth), "</a>".repeat(depth));
        assert!(read(&deep(MAX_DEPTH - 1)).is_ok());
        let bomb = "<!DOCTYPE r [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><r>&b;</r>";
        let external = "<!DOCTYPE r SYSTEM \"file:///etc/passwd\"><r/>";
        for (text, why) in [
            (deep(MAX_DEPTH).as_str(), "deep"),
            (bomb, "document type"),
            (external, "document type"),
            ("<r><a></r>", "well-formed"),
            ("<r><a>", "middle"),
            ("<r", "well-formed"),
            ("<s/>", "root element 'r'"),
            ("<r/><r/>", "root element 'r'"),
            ("", "root element 'r'"),
            ("plain text", "root element 'r'"),
            ("</r>", "well-formed"),
        ] {
            let error = read(text).unwrap_err();
            assert!(
                matches!(error, Error::BadRequest(_)) && error.to_string().contains(why),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn an_unknown_encoding_is_no_error() {
        let text = b"<?xml version='1.0' encoding='Shift_JIS'?><!DOCTYPE r><r>";
        let mut seen = Seen::default();
        assert!(!walk("the file", text, "r", &mut seen).unwrap());
        assert!(seen.0.is_empty());
    }

    #[test]
    fn text_is_escaped() {
        assert_eq!(escaped("a<b>&c\u{1}\"é"), "a&lt;b&gt;&amp;c \"é");
    }
}
