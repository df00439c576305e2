//! Text of XML files in the encodings that POMs have.

/// How far the XML declaration is looked for, in bytes.
const DECLARATION: usize = 200;

/// The characters of Windows-1252 where it differs from Latin-1: 0x80 to 0x9F.
const WINDOWS_1252: &str = "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ";

/// The text of an XML file. `None` if it is in an encoding that is not known here.
///
/// Bytes that do not fit the encoding become replacement characters: old POMs are in Latin-1 without saying so,
/// and what is read from them is ASCII all the same.
pub(super) fn decode(bytes: &[u8]) -> Option<String> {
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => return Some(String::from_utf8_lossy(rest).into_owned()),
        [0xff, 0xfe, 0, 0, ..] => return None,
        [0xfe, 0xff, rest @ ..] => return Some(utf16(rest, u16::from_be_bytes)),
        [0xff, 0xfe, rest @ ..] => return Some(utf16(rest, u16::from_le_bytes)),
        [0, b'<', 0, _, ..] => return Some(utf16(bytes, u16::from_be_bytes)),
        [b'<', 0, _, 0, ..] => return Some(utf16(bytes, u16::from_le_bytes)),
        _ => {}
    }
    match declared(bytes).as_deref() {
        // A file that says UTF-16 in single bytes is not in UTF-16.
        None | Some("utf-8" | "utf8" | "us-ascii" | "ascii" | "utf-16") => {
            Some(String::from_utf8_lossy(bytes).into_owned())
        }
        Some("iso-8859-1" | "iso8859-1" | "iso_8859-1" | "latin1" | "latin-1") => {
            Some(bytes.iter().copied().map(char::from).collect())
        }
        Some("windows-1252" | "cp1252") => Some(bytes.iter().copied().map(windows_1252).collect()),
        Some(_) => None,
    }
}

/// The encoding that the XML declaration names, in small letters.
fn declared(bytes: &[u8]) -> Option<String> {
    let beginning = bytes.get(..DECLARATION).unwrap_or(bytes);
    let text = String::from_utf8_lossy(beginning);
    let (declaration, _) = text.strip_prefix("<?xml")?.split_once("?>")?;
    let (_, value) = declaration.split_once("encoding")?;
    let value = value.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let (name, _) = value.get(1..)?.split_once(quote)?;
    Some(name.trim().to_ascii_lowercase())
}

fn windows_1252(byte: u8) -> char {
    let place = byte.checked_sub(0x80).filter(|place| *place < 0x20);
    place.and_then(|place| WINDOWS_1252.chars().nth(usize::from(place))).unwrap_or(char::from(byte))
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let (pairs, _) = bytes.as_chunks::<2>();
    char::decode_utf16(pairs.iter().map(|pair| unit(*pair)))
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "<?xml version='1.0' encoding='ENC'?><project><name>Größe €</name></project>";

    fn text(encoding: &str) -> String {
        TEXT.replace("ENC", encoding)
    }

    #[test]
    fn encodings_are_told_apart() {
        for encoding in ["UTF-8", "utf8", "utf-16"] {
            assert_eq!(decode(text(encoding).as_bytes()).unwrap(), text(encoding));
        }
        let marked = [b"\xef\xbb\xbf", text("UTF-8").as_bytes()].concat();
        assert_eq!(decode(&marked).unwrap(), text("UTF-8"));
        let little: Vec<u8> = text("UTF-16").encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text("UTF-16").encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [&little, &big, &[&[0xff, 0xfe], &*little].concat(), &[&[0xfe, 0xff], &*big].concat()] {
            assert_eq!(decode(bytes).unwrap(), text("UTF-16"));
        }
    }

    #[test]
    fn one_byte_encodings() {
        let latin: Vec<u8> = text("ISO-8859-1")
            .replace('€', "")
            .chars()
            .map(|c| u8::try_from(u32::from(c)).unwrap())
            .collect();
        assert_eq!(decode(&latin).unwrap(), text("ISO-8859-1").replace('€', ""));
        let windows: Vec<u8> = text("Windows-1252")
            .chars()
            .map(|c| if c == '€' { 0x80 } else { u8::try_from(u32::from(c)).unwrap() })
            .collect();
        assert_eq!(decode(&windows).unwrap(), text("Windows-1252"));
        assert_eq!((windows_1252(0x9f), windows_1252(0xa0), windows_1252(b'a')), ('Ÿ', '\u{a0}', 'a'));
        // Latin-1 that says nothing, or claims to be UTF-8.
        for declaration in ["", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"] {
            let bytes = [declaration.as_bytes(), b"<project>\xfc</project>"].concat();
            assert!(decode(&bytes).unwrap().ends_with("<project>\u{fffd}</project>"));
        }
    }

    #[test]
    fn unknown_encodings_are_not_guessed() {
        for bytes in
            [text("Shift_JIS").into_bytes(), text("EBCDIC").into_bytes(), b"\xff\xfe\0\0<\0\0\0".to_vec()]
        {
            assert_eq!(decode(&bytes), None);
        }
        assert_eq!(decode(b"").unwrap(), "");
    }
}
