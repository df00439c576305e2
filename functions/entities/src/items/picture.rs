//! What counts as the picture of an icon.

use std::fmt::Display;
use std::str::FromStr;

use granary_model::{Error, Result};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// What every PNG begins with.
const PNG_SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// The first chunk: its length, which is always 13, and its name.
const PNG_HEADER: &[u8] = b"\x00\x00\x00\x0dIHDR";

/// Deepest nesting of elements in an SVG.
const MAX_DEPTH: usize = 256;

/// Format of an icon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Picture {
    /// A PNG.
    Png,
    /// An SVG, which may have scripts in it: it must only be served where they cannot run.
    Svg,
}

impl Picture {
    /// Name that an icon is kept under.
    pub(super) const fn file_name(self) -> &'static str {
        match self {
            Self::Png => "icon.png",
            Self::Svg => "icon.svg",
        }
    }

    /// By the name that an icon is kept under.
    pub(super) fn of_file(name: &str) -> Option<Self> {
        [Self::Png, Self::Svg].into_iter().find(|picture| picture.file_name() == name)
    }

    /// Media type.
    pub(super) const fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Svg => "image/svg+xml",
        }
    }

    /// Checks that bytes are of the format, as far as their beginning (PNG) or structure (SVG) tells.
    ///
    /// # Errors
    /// `BadRequest` that says what is wrong.
    pub(super) fn check(self, bytes: &[u8]) -> Result<()> {
        let wrong = match self {
            Self::Png => check_png(bytes),
            Self::Svg => check_svg(bytes),
        };
        wrong.map_err(|why| {
            Error::BadRequest(format!("icon_path: what was uploaded is no {}: {why}", self.file_name()))
        })
    }
}

impl FromStr for Picture {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "png" => Ok(Self::Png),
            "svg" => Ok(Self::Svg),
            _ => Err(Error::BadRequest("it is 'svg' or 'png'".into())),
        }
    }
}

fn check_png(bytes: &[u8]) -> Result<(), String> {
    let header = bytes.strip_prefix(PNG_SIGNATURE).ok_or("it does not begin with the signature of a PNG")?;
    let header = header.strip_prefix(PNG_HEADER).ok_or("its first chunk is no IHDR")?;
    let cut = "it ends within its first chunk";
    let (width, rest) = header.split_first_chunk::<4>().ok_or(cut)?;
    let (height, rest) = rest.split_first_chunk::<4>().ok_or(cut)?;
    // The rest of the chunk and its checksum.
    if rest.len() < 9 {
        return Err(cut.into());
    }
    if u32::from_be_bytes(*width) == 0 || u32::from_be_bytes(*height) == 0 {
        return Err("it has no size".into());
    }
    Ok(())
}

fn check_svg(bytes: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8")?;
    let broken = |error: &dyn Display| format!("it is not well-formed XML ({error})");
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let (mut depth, mut has_root) = (0_usize, false);
    loop {
        match reader.read_event().map_err(|error| broken(&error))? {
            Event::Start(start) => {
                open(&start, depth, &mut has_root)?;
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(format!("its elements are nested more than {MAX_DEPTH} deep"));
                }
            }
            Event::Empty(start) => open(&start, depth, &mut has_root)?,
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::Text(text) if depth == 0 && !text.trim().is_empty() => {
                return Err("there is text outside of its root element".into());
            }
            Event::CData(_) | Event::GeneralRef(_) if depth == 0 => {
                return Err("there is text outside of its root element".into());
            }
            Event::Eof if depth > 0 => return Err("it ends in the middle".into()),
            Event::Eof if !has_root => return Err("it has no element".into()),
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}

/// Looks at an element that begins at this depth.
fn open(start: &BytesStart<'_>, depth: usize, has_root: &mut bool) -> Result<(), String> {
    if depth == 0 {
        if *has_root || start.local_name().into_inner() != "svg" {
            return Err("it must have one root element 'svg'".into());
        }
        *has_root = true;
    }
    for attribute in start.attributes() {
        attribute.map_err(|error| format!("it is not well-formed XML ({error})"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
        [PNG_SIGNATURE, PNG_HEADER, &size, &[8, 6, 0, 0, 0], &[0; 4]].concat()
    }

    #[test]
    fn pngs_begin_as_they_must() {
        let good = png(1, 1);
        Picture::Png.check(&good).unwrap();
        let cut = good.get(..good.len() - 1).unwrap();
        for bad in [b"".as_slice(), b"\x89PNG", b"GIF89a", cut, &png(0, 1), &png(1, 0), b"<svg/>"] {
            let error = Picture::Png.check(bad).unwrap_err();
            assert!(error.to_string().contains("icon.png"), "{error}");
        }
    }

    #[test]
    fn svgs_are_xml_with_that_root() {
        for good in [
            "<svg/>",
            "\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\"><g/></svg>\n",
            "<!-- made by hand --><!DOCTYPE svg><svg:svg xmlns:svg='x'><svg:path d='M0 0'/>ü &amp;</svg:svg>",
            "<svg><script>alert(1)</script></svg>",
        ] {
            Picture::Svg.check(good.as_bytes()).unwrap();
        }
        let deep = format!("<svg>{}", "<g>".repeat(MAX_DEPTH));
        for bad in [
            "",
            "svg",
            "<html/>",
            "<svg>",
            "<svg></g></svg>",
            "<svg/><svg/>",
            "<svg/>text",
            "text<svg/>",
            "<svg a=1/>",
            "<svg a='1' a='2'/>",
            "<html><svg/></html>",
            &deep,
        ] {
            let error = Picture::Svg.check(bad.as_bytes()).unwrap_err();
            assert!(error.to_string().contains("icon.svg"), "{bad}: {error}");
        }
        Picture::Svg.check(b"<svg>\xff</svg>").unwrap_err();
        Picture::Svg.check(&png(1, 1)).unwrap_err();
    }

    #[test]
    fn formats_have_names() {
        for picture in [Picture::Png, Picture::Svg] {
            assert_eq!(Picture::of_file(picture.file_name()), Some(picture));
        }
        assert_eq!(Picture::of_file("icon.gif"), None);
        "gif".parse::<Picture>().unwrap_err();
    }
}
