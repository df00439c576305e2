//! JSON from strangers, checked before it becomes a value.
//!
//! `serde_json` alone accepts what clients read in different ways (two equal keys: the first or the
//! last?) and what costs more memory than it is worth. Everything here goes through one byte scanner
//! first, which refuses deep nesting, floods of keys, equal keys in one object, lone surrogates, invalid
//! UTF-8, raw control characters, endless numbers and anything after the document.

mod scanner;
mod text;

use granary_model::{Error, Result};
use serde_json::Value;

pub(crate) use scanner::{Frame, Scanner, Sink};

/// What a JSON document may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonLimits {
    /// Bytes of the document.
    pub bytes: usize,
    /// Objects and arrays inside one another.
    pub depth: usize,
    /// Keys of all objects together.
    pub keys: usize,
}

impl Default for JsonLimits {
    /// 1 MiB, 64 levels, 100,000 keys: more than any honest request body needs.
    fn default() -> Self {
        Self { bytes: 1024 * 1024, depth: 64, keys: 100_000 }
    }
}

/// Parses a whole document.
///
/// Over the byte limit it answers [`Error::TooLarge`]; anything else that cannot be accepted is an
/// [`Error::BadRequest`] which begins with `invalid JSON` and says what and where.
pub fn parse_json(bytes: &[u8], limits: JsonLimits) -> Result<Value> {
    if bytes.len() > limits.bytes {
        return Err(Error::TooLarge(format!(
            "the JSON document is over the limit of {} bytes",
            limits.bytes
        )));
    }
    let mut scanner = Scanner::new(limits.depth);
    scanner.feed(bytes, &mut Checked { keys: limits.keys })?;
    scanner.finish()?;
    value_of(bytes)
}

/// Makes a value of bytes that went through the scanner.
pub(crate) fn value_of(scanned: &[u8]) -> Result<Value> {
    // What is left to refuse is a number that no 64-bit float can hold, such as 1e999.
    serde_json::from_slice(scanned).map_err(|error| Error::BadRequest(format!("invalid JSON: {error}")))
}

/// The error of a document with more keys than allowed.
pub(crate) fn too_many_keys(limit: usize) -> Error {
    Error::BadRequest(format!("invalid JSON: more than {limit} keys"))
}

/// A client's text as an error message may show it: one line, escaped, at most 100 characters.
pub(crate) fn shown(text: &str) -> String {
    let short: String = text.chars().take(100).collect();
    let dots = if short.len() < text.len() { "..." } else { "" };
    format!("{}{dots}", short.escape_debug())
}

/// Only counts keys; the bytes are at hand already.
struct Checked {
    keys: usize,
}

impl Sink for Checked {
    fn raw(&mut self, _bytes: &[u8]) -> Result<()> {
        Ok(())
    }

    fn key(&mut self, _depth: usize, _key: &str, count: usize) -> Result<()> {
        if count > self.keys { Err(too_many_keys(self.keys)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(bytes: &[u8]) -> String {
        match parse_json(bytes, JsonLimits::default()) {
            Err(Error::BadRequest(text)) => {
                assert!(text.starts_with("invalid JSON"), "{text}");
                text
            }
            other => panic!("{}: {other:?}", String::from_utf8_lossy(bytes)),
        }
    }

    #[test]
    fn good_documents_are_what_serde_json_says() {
        for text in [
            "{}",
            "[]",
            " \"1.0.0\"\n",
            "0",
            "-0.5e-3",
            "1E+2 ",
            "12345678901234567890123456789012345678.5",
            "null",
            "[true,false , null]",
            r#"{"a":{"b":[{"c":"\ud83d\ude00\u00e9\/\\\"\b\f\n\r\t"}]},"A":"é😀","":1}"#,
            r#"[{"a":1},{"a":1}]"#,
        ] {
            let expected: Value = serde_json::from_str(text).unwrap();
            assert_eq!(parse_json(text.as_bytes(), JsonLimits::default()).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn bad_documents_are_refused_with_the_reason() {
        let deep = "[".repeat(65) + &"]".repeat(65);
        let digits = "1".repeat(41);
        let fraction = format!("0.{}", "1".repeat(40));
        for (text, reason) in [
            ("", "ends too early"),
            ("{", "ends too early"),
            (r#"{"a""#, "ends too early"),
            (r#""abc"#, "ends too early"),
            ("-", "ends too early"),
            ("1.", "ends too early"),
            ("tru", "ends too early"),
            ("trux", "unexpected"),
            ("01", "after the document"),
            ("[01]", "unexpected"),
            ("1.e5", "unexpected"),
            ("+1", "unexpected"),
            (".5", "unexpected"),
            ("NaN", "unexpected"),
            ("{a:1}", "unexpected"),
            (r#"{"a":1,}"#, "unexpected"),
            ("[1,]", "unexpected"),
            ("[1 2]", "unexpected"),
            ("[1}", "unexpected"),
            (r#"{"a" 1}"#, "unexpected"),
            ("{} {}", "after the document"),
            ("1 x", "after the document"),
            ("\u{feff}{}", "unexpected"),
            ("// x\n{}", "unexpected"),
            (deep.as_str(), "more than 64 levels"),
            (digits.as_str(), "40 digits"),
            (fraction.as_str(), "40 digits"),
            ("1e999", "number out of range"),
            ("\"a\nb\"", "control character"),
            (r#""\x""#, "escape"),
            (r#""\u12g4""#, "escape"),
            (r#""\ud800""#, "surrogate"),
            (r#""\ud800a""#, "surrogate"),
            (r#""\ud800\n""#, "surrogate"),
            (r#""\ud800\ud800""#, "surrogate"),
            (r#""\udc00\ud800""#, "surrogate"),
            (r#"{"a":1,"a":2}"#, "the key 'a' twice"),
            (r#"{"a":1,"b":{"c":{"x":1},"d":1,"c":2}}"#, "the key 'c' twice"),
            (r#"{"a":1,"\u0061":2}"#, "the key 'a' twice"),
        ] {
            let said = refused(text.as_bytes());
            assert!(said.contains(reason), "{text}: {said}");
        }
    }

    #[test]
    fn invalid_utf8_is_refused() {
        for bytes in
            [&b"\"\xff\""[..], b"\"\xc0\xaf\"", b"\"\xe2\x82\"", b"\"\xed\xa0\x80\"", b"\"\xf5\x80\x80\x80\""]
        {
            assert!(refused(bytes).contains("UTF-8"));
        }
    }

    #[test]
    fn limits_are_exact() {
        let limits = JsonLimits { bytes: 20, depth: 2, keys: 2 };
        assert!(parse_json(br#"{"a":[],"b":{}}     "#, limits).is_ok());
        assert!(matches!(parse_json(br#"{"a":[],"b":{}}      "#, limits), Err(Error::TooLarge(_))));
        assert!(parse_json(b"[[[]]]", limits).unwrap_err().to_string().contains("2 levels"));
        assert!(parse_json(br#"{"a":1,"b":{"c":1}}"#, limits).unwrap_err().to_string().contains("2 keys"));
    }

    #[test]
    fn the_place_of_a_fault_is_given() {
        assert!(refused(br#"{"a": x}"#).contains("at byte 6"));
        assert!(refused(b"\"ab\x01\"").contains("at byte 3"));
    }
}
