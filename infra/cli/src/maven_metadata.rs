//! The little of `maven-metadata.xml` that a push needs: the newest build of a snapshot version.

use quick_xml::Reader;
use quick_xml::events::Event;

/// A build of a snapshot version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Build {
    /// UTC time as `yyyyMMdd.HHmmss`; texts of this form sort by time.
    pub(crate) timestamp: String,
    /// Counts from 1.
    pub(crate) number: u64,
}

/// The newest build that the metadata of a snapshot version names.
///
/// `None` where it names none, and for text that is no such document: then the registry has no build yet.
pub(crate) fn newest_build(xml: &str) -> Option<Build> {
    let mut reader = Reader::from_str(xml);
    let mut path: Vec<String> = Vec::new();
    let (mut timestamp, mut number) = (None, None);
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => path.push(start.local_name().as_ref().to_owned()),
            Event::End(_) => {
                path.pop();
            }
            Event::Text(text) => {
                let names: Vec<&str> = path.iter().map(String::as_str).collect();
                let value = text.as_ref().trim().to_owned();
                match names.as_slice() {
                    ["metadata", "versioning", "snapshot", "timestamp"] => timestamp = Some(value),
                    ["metadata", "versioning", "snapshot", "buildNumber"] => number = value.parse().ok(),
                    _ => {}
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
    Some(Build { timestamp: timestamp.filter(|text| is_timestamp(text))?, number: number? })
}

/// Whether a text is a time in the form of snapshot file names: `yyyyMMdd.HHmmss`.
pub(crate) fn is_timestamp(text: &str) -> bool {
    text.len() == 15
        && text
            .bytes()
            .enumerate()
            .all(|(at, byte)| if at == 8 { byte == b'.' } else { byte.is_ascii_digit() })
}

/// A time in the form of snapshot file names.
pub(crate) fn timestamp(time: jiff::Timestamp) -> String {
    time.strftime("%Y%m%d.%H%M%S").to_string()
}

/// The second after a time in the form of snapshot file names.
pub(crate) fn second_after(text: &str) -> Option<String> {
    let time = jiff::civil::DateTime::strptime("%Y%m%d.%H%M%S", text).ok()?;
    let next = time.checked_add(jiff::Span::new().seconds(1)).ok()?;
    Some(next.strftime("%Y%m%d.%H%M%S").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const XML: &str = "<?xml version=\"1.0\"?>\n<metadata modelVersion=\"1.1.0\"><groupId>g</groupId>\
        <versioning><snapshot><timestamp>20261124.235959</timestamp><buildNumber>12</buildNumber></snapshot>\
        <snapshotVersions><snapshotVersion><updated>1</updated></snapshotVersion></snapshotVersions>\
        </versioning></metadata>";

    #[test]
    fn the_newest_build_is_found() {
        let build = newest_build(XML).unwrap();
        assert_eq!(build, Build { timestamp: "20261124.235959".into(), number: 12 });
        for other in ["", "no xml", "<metadata/>", "<metadata><versioning/></metadata>", "<a><b></a>"] {
            assert_eq!(newest_build(other), None, "{other}");
        }
        assert_eq!(newest_build(&XML.replace("12<", "x<")), None);
        assert_eq!(newest_build(&XML.replace("20261124.", "../../..")), None);
    }

    #[test]
    fn times_are_written_as_maven_does() {
        let time: jiff::Timestamp = "2026-01-02T03:04:05.9Z".parse().unwrap();
        assert_eq!(timestamp(time), "20260102.030405");
        assert!(is_timestamp("20260102.030405") && !is_timestamp("20260102-030405") && !is_timestamp(""));
        assert_eq!(second_after("20261231.235959").as_deref(), Some("20270101.000000"));
        assert_eq!(second_after("20261399.000000"), None);
    }
}
