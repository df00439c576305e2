//! A JSON grammar checker that is fed in pieces and keeps nothing but the keys of open objects.

use std::collections::HashSet;

use granary_model::{Error, Result};

use super::shown;
use super::text::{Fault, TextReader};

/// Digits a number may have. The longest that JavaScript writes has 17.
const MAX_DIGITS: usize = 40;

/// What the scanner reports to.
pub(crate) trait Sink {
    /// Bytes of the document that stay in it, in order. For a string that is taken out its two quotes.
    fn raw(&mut self, bytes: &[u8]) -> Result<()>;

    /// A key, its depth (1 in the outermost object) and how many keys there were so far, this one included.
    fn key(&mut self, depth: usize, key: &str, count: usize) -> Result<()>;

    /// Whether the string value that begins here is to be taken out of the document.
    fn takes(&mut self, _path: &[Frame]) -> Result<bool> {
        Ok(false)
    }

    /// Text of the string being taken out, without escapes.
    fn taken(&mut self, _text: &[u8]) -> Result<()> {
        Ok(())
    }

    /// The end of the string being taken out.
    fn taken_end(&mut self) -> Result<()> {
        Ok(())
    }
}

/// An object or array that is still open.
pub(crate) enum Frame {
    /// An object, the keys it had so far, and the one whose value is being read.
    Object {
        /// All keys so far.
        seen: HashSet<String>,
        /// The current key.
        key: String,
    },
    /// An array.
    Array,
}

impl Frame {
    /// The key whose value is being read, if this is an object.
    pub(crate) fn key(&self) -> Option<&str> {
        match self {
            Self::Object { key, .. } => Some(key),
            Self::Array => None,
        }
    }
}

/// The state of a document that has been read so far.
pub(crate) struct Scanner {
    state: State,
    frames: Vec<Frame>,
    key: Vec<u8>,
    keys: usize,
    depth_limit: usize,
    position: u64,
}

enum State {
    Value,
    FirstKey,
    NextKey,
    Colon,
    FirstElement,
    AfterValue,
    Text(Role, TextReader),
    Number(Number, usize),
    Literal(&'static [u8]),
    Done,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Key,
    Value,
    Taken,
}

#[derive(Clone, Copy)]
enum Number {
    Minus,
    Zero,
    Integer,
    Point,
    Fraction,
    E,
    Sign,
    Exponent,
}

impl Number {
    fn next(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::Minus, b'0') => Self::Zero,
            (Self::Minus, b'1'..=b'9') | (Self::Integer, b'0'..=b'9') => Self::Integer,
            (Self::Zero | Self::Integer, b'.') => Self::Point,
            (Self::Point | Self::Fraction, b'0'..=b'9') => Self::Fraction,
            (Self::Zero | Self::Integer | Self::Fraction, b'e' | b'E') => Self::E,
            (Self::E, b'+' | b'-') => Self::Sign,
            (Self::E | Self::Sign | Self::Exponent, b'0'..=b'9') => Self::Exponent,
            _ => return None,
        })
    }

    fn may_end(self) -> bool {
        matches!(self, Self::Zero | Self::Integer | Self::Fraction | Self::Exponent)
    }
}

impl Scanner {
    /// A scanner at the start of a document, with the number of levels it may have.
    pub(crate) fn new(depth_limit: usize) -> Self {
        Self { state: State::Value, frames: Vec::new(), key: Vec::new(), keys: 0, depth_limit, position: 0 }
    }

    /// Takes the next bytes of the document.
    pub(crate) fn feed(&mut self, bytes: &[u8], sink: &mut impl Sink) -> Result<()> {
        let mut at = 0;
        // Where the bytes begin that have not been handed on as raw yet.
        let mut raw_from = 0;
        while let Some(&byte) = bytes.get(at) {
            if matches!(self.state, State::Text(..)) {
                let rest = bytes.get(at..).unwrap_or_default();
                let (role, count, ended) = self.text(rest, at, sink)?;
                at += count;
                if role == Role::Taken {
                    raw_from = if ended { at - 1 } else { at };
                }
                continue;
            }
            if self.step(byte, at)? {
                at += 1;
            }
            if let State::Text(role @ Role::Value, _) = &mut self.state
                && sink.takes(&self.frames)?
            {
                *role = Role::Taken;
                sink.raw(bytes.get(raw_from..at).unwrap_or_default())?;
                raw_from = at;
            }
        }
        self.position += bytes.len() as u64;
        sink.raw(bytes.get(raw_from..).unwrap_or_default())
    }

    /// Ends the document.
    pub(crate) fn finish(&self) -> Result<()> {
        match self.state {
            State::Done => Ok(()),
            State::Number(number, _) if self.frames.is_empty() && number.may_end() => Ok(()),
            _ => Err(self.invalid("the document ends too early", 0)),
        }
    }

    /// Bytes held back: keys of open objects and a key that is being read.
    #[cfg(test)]
    pub(crate) fn buffered(&self) -> usize {
        let seen = |frame: &Frame| match frame {
            Frame::Object { seen, key } => key.capacity() + seen.iter().map(String::capacity).sum::<usize>(),
            Frame::Array => 0,
        };
        self.key.capacity() + self.frames.iter().map(seen).sum::<usize>()
    }

    /// Reads on in a string: its role, the bytes taken, and whether it has ended.
    fn text(&mut self, rest: &[u8], at: usize, sink: &mut impl Sink) -> Result<(Role, usize, bool)> {
        let State::Text(role, reader) = &mut self.state else { return Ok((Role::Value, 0, false)) };
        let role = *role;
        let key = &mut self.key;
        let read = match role {
            Role::Key => reader.feed(rest, |text| {
                key.extend_from_slice(text);
                Ok(())
            }),
            Role::Value => reader.feed(rest, |_| Ok(())),
            Role::Taken => reader.feed(rest, |text| sink.taken(text)),
        };
        let (count, ended) = read.map_err(|fault| match fault {
            Fault::Bad(why, index) => self.invalid(why, at + index),
            Fault::Receiver(error) => error,
        })?;
        if ended {
            match role {
                Role::Key => self.end_key(at, sink)?,
                Role::Value => self.end_value(),
                Role::Taken => {
                    sink.taken_end()?;
                    self.end_value();
                }
            }
        }
        Ok((role, count, ended))
    }

    /// Takes one byte outside of strings; false if it must be looked at again in the new state.
    fn step(&mut self, byte: u8, at: usize) -> Result<bool> {
        match &mut self.state {
            State::Number(number, digits) => {
                let Some(next) = number.next(byte) else {
                    if !number.may_end() {
                        return Err(self.unexpected(byte, at));
                    }
                    self.end_value();
                    return Ok(false);
                };
                *number = next;
                *digits += usize::from(byte.is_ascii_digit());
                if *digits > MAX_DIGITS {
                    return Err(self.invalid("a number with more than 40 digits", at));
                }
                return Ok(true);
            }
            State::Literal(rest) => {
                match rest.split_first() {
                    Some((&expected, left)) if expected == byte => *rest = left,
                    _ => return Err(self.unexpected(byte, at)),
                }
                if rest.is_empty() {
                    self.end_value();
                }
                return Ok(true);
            }
            _ if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') => return Ok(true),
            _ => {}
        }
        match (&self.state, byte) {
            (State::FirstKey | State::NextKey, b'"') => {
                self.key.clear();
                self.state = State::Text(Role::Key, TextReader::default());
            }
            (State::FirstKey, b'}') | (State::FirstElement, b']') => self.close(),
            (State::Colon, b':') => self.state = State::Value,
            (State::AfterValue, _) => match (self.frames.last(), byte) {
                (Some(Frame::Object { .. }), b',') => self.state = State::NextKey,
                (Some(Frame::Array), b',') => self.state = State::Value,
                (Some(Frame::Object { .. }), b'}') | (Some(Frame::Array), b']') => self.close(),
                _ => return Err(self.unexpected(byte, at)),
            },
            (State::Value | State::FirstElement, _) => self.begin_value(byte, at)?,
            (State::Done, _) => return Err(self.invalid("something after the document", at)),
            _ => return Err(self.unexpected(byte, at)),
        }
        Ok(true)
    }

    fn begin_value(&mut self, byte: u8, at: usize) -> Result<()> {
        self.state = match byte {
            b'{' => {
                self.open(Frame::Object { seen: HashSet::new(), key: String::new() }, at)?;
                State::FirstKey
            }
            b'[' => {
                self.open(Frame::Array, at)?;
                State::FirstElement
            }
            b'"' => State::Text(Role::Value, TextReader::default()),
            b'-' => State::Number(Number::Minus, 0),
            b'0' => State::Number(Number::Zero, 1),
            b'1'..=b'9' => State::Number(Number::Integer, 1),
            b't' => State::Literal(b"rue"),
            b'f' => State::Literal(b"alse"),
            b'n' => State::Literal(b"ull"),
            _ => return Err(self.unexpected(byte, at)),
        };
        Ok(())
    }

    fn open(&mut self, frame: Frame, at: usize) -> Result<()> {
        if self.frames.len() == self.depth_limit {
            return Err(self.invalid(&format!("more than {} levels of nesting", self.depth_limit), at));
        }
        self.frames.push(frame);
        Ok(())
    }

    fn close(&mut self) {
        self.frames.pop();
        self.end_value();
    }

    fn end_value(&mut self) {
        self.state = if self.frames.is_empty() { State::Done } else { State::AfterValue };
    }

    fn end_key(&mut self, at: usize, sink: &mut impl Sink) -> Result<()> {
        self.keys += 1;
        let text = String::from_utf8(std::mem::take(&mut self.key))
            .map_err(|_| self.invalid("invalid UTF-8", at))?;
        let depth = self.frames.len();
        sink.key(depth, &text, self.keys)?;
        if let Some(Frame::Object { seen, key }) = self.frames.last_mut() {
            if !seen.insert(text.clone()) {
                return Err(self.invalid(&format!("the key '{}' twice in one object", shown(&text)), at));
            }
            *key = text;
        }
        self.state = State::Colon;
        Ok(())
    }

    fn unexpected(&self, byte: u8, at: usize) -> Error {
        self.invalid(&format!("unexpected '{}'", byte.escape_ascii()), at)
    }

    fn invalid(&self, why: &str, at: usize) -> Error {
        Error::BadRequest(format!("invalid JSON: {why} at byte {}", self.position + at as u64))
    }
}
