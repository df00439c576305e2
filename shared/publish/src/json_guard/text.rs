//! The inside of one JSON string.

use granary_model::Error;

/// Why the text of a string cannot go on.
pub(super) enum Fault {
    /// The text is wrong, at this index of the bytes fed.
    Bad(&'static str, usize),
    /// Whoever receives the text has had enough.
    Receiver(Error),
}

/// Reads a string from after its opening quote, across any chunk boundaries.
#[derive(Debug, Default)]
pub(super) struct TextReader {
    escape: Escape,
    /// The high half of a surrogate pair whose low half must come next.
    high: Option<u16>,
    /// Bytes of a UTF-8 sequence that is not complete yet.
    sequence: [u8; 4],
    have: usize,
    need: usize,
}

#[derive(Debug, Default, Clone, Copy)]
enum Escape {
    #[default]
    None,
    Backslash,
    Hex {
        digits: u8,
        value: u16,
    },
}

const LONE_SURROGATE: &str = "half of a surrogate pair";

impl TextReader {
    /// Takes bytes until the closing quote, handing on the text without its escapes.
    ///
    /// Answers how many bytes it took, closing quote included, and whether the string has ended.
    pub(super) fn feed(
        &mut self,
        bytes: &[u8],
        mut receive: impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<(usize, bool), Fault> {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            if self.is_plain() {
                let run = rest.iter().position(|&byte| is_special(byte)).unwrap_or(rest.len());
                if let Some(plain) = rest.get(..run).filter(|plain| !plain.is_empty()) {
                    receive(plain).map_err(Fault::Receiver)?;
                    at += run;
                }
            }
            let Some(&byte) = bytes.get(at) else { break };
            let ended = self.step(byte, &mut receive).map_err(|fault| match fault {
                Fault::Bad(why, _) => Fault::Bad(why, at),
                receiver @ Fault::Receiver(_) => receiver,
            })?;
            at += 1;
            if ended {
                return Ok((at, true));
            }
        }
        Ok((at, false))
    }

    fn is_plain(&self) -> bool {
        matches!(self.escape, Escape::None) && self.high.is_none() && self.need == 0
    }

    /// Takes one byte; true if it was the closing quote.
    fn step(
        &mut self,
        byte: u8,
        receive: &mut impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<bool, Fault> {
        let bad = |why| Err(Fault::Bad(why, 0));
        if self.need > 0 {
            return self.continue_sequence(byte, receive).map(|()| false);
        }
        match self.escape {
            Escape::None if self.high.is_some() && byte != b'\\' => return bad(LONE_SURROGATE),
            Escape::None => match byte {
                b'"' => return Ok(true),
                b'\\' => self.escape = Escape::Backslash,
                0x00..=0x1f => return bad("a control character in a string"),
                0xc2..=0xdf => self.begin_sequence(byte, 2),
                0xe0..=0xef => self.begin_sequence(byte, 3),
                0xf0..=0xf4 => self.begin_sequence(byte, 4),
                0x80..=0xff => return bad("invalid UTF-8"),
                _ => receive(&[byte]).map_err(Fault::Receiver)?,
            },
            Escape::Backslash => {
                if byte == b'u' {
                    self.escape = Escape::Hex { digits: 0, value: 0 };
                    return Ok(false);
                }
                if self.high.is_some() {
                    return bad(LONE_SURROGATE);
                }
                let Some(plain) = unescaped(byte) else { return bad("an unknown escape") };
                self.escape = Escape::None;
                receive(&[plain]).map_err(Fault::Receiver)?;
            }
            Escape::Hex { digits, value } => {
                let Some(digit) = char::from(byte).to_digit(16).and_then(|digit| u16::try_from(digit).ok())
                else {
                    return bad("an unfinished \\u escape");
                };
                let value = value << 4 | digit;
                if digits < 3 {
                    self.escape = Escape::Hex { digits: digits + 1, value };
                } else {
                    self.escape = Escape::None;
                    self.code_unit(value, receive)?;
                }
            }
        }
        Ok(false)
    }

    fn code_unit(
        &mut self,
        unit: u16,
        receive: &mut impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<(), Fault> {
        let units = match self.high.take() {
            Some(high) => [high, unit],
            None if (0xd800..0xdc00).contains(&unit) => {
                self.high = Some(unit);
                return Ok(());
            }
            None => [unit, 0],
        };
        let decoded = char::decode_utf16(units).next().and_then(Result::ok);
        // A pair decodes to one character beyond the basic plane; a high half before anything else to none.
        let Some(character) = decoded else { return Err(Fault::Bad(LONE_SURROGATE, 0)) };
        receive(character.encode_utf8(&mut [0; 4]).as_bytes()).map_err(Fault::Receiver)
    }

    fn begin_sequence(&mut self, byte: u8, need: usize) {
        self.sequence = [byte, 0, 0, 0];
        self.have = 1;
        self.need = need;
    }

    fn continue_sequence(
        &mut self,
        byte: u8,
        receive: &mut impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<(), Fault> {
        if let Some(slot) = self.sequence.get_mut(self.have) {
            *slot = byte;
        }
        self.have += 1;
        if !(0x80..0xc0).contains(&byte) {
            return Err(Fault::Bad("invalid UTF-8", 0));
        }
        if self.have < self.need {
            return Ok(());
        }
        let sequence = self.sequence.get(..self.need).unwrap_or_default();
        if std::str::from_utf8(sequence).is_err() {
            return Err(Fault::Bad("invalid UTF-8", 0));
        }
        receive(sequence).map_err(Fault::Receiver)?;
        self.need = 0;
        Ok(())
    }
}

fn is_special(byte: u8) -> bool {
    byte == b'"' || byte == b'\\' || !(0x20..0x80).contains(&byte)
}

fn unescaped(byte: u8) -> Option<u8> {
    Some(match byte {
        b'"' | b'\\' | b'/' => byte,
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        _ => return None,
    })
}
