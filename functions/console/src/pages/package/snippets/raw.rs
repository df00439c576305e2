//! Plain files, with curl.

use super::{Client, Place, Snippet, Wanted, run, word};
use crate::address::segment;

/// The command that fetches a file.
pub(super) fn fetch(place: Place<'_>, wanted: Wanted<'_>) -> String {
    let (name, version) = (segment(wanted.name), segment(wanted.version));
    let file = wanted.file.map_or_else(|| "FILE".to_owned(), file_segment);
    let address = word(&format!("{}{name}/{version}/{file}", place.address("/api/raw")));
    // The name in the address has codes in it, which curl would keep.
    let name = word(wanted.file.unwrap_or("FILE"));
    if place.is_private {
        return format!("curl -fL -o {name} {address} \\\n  -H \"Authorization: Bearer $GRANARY_TOKEN\"");
    }
    format!("curl -fL -o {name} {address}")
}

/// A name of a file in an address. Brackets may stand there, and read better than their codes.
fn file_segment(name: &str) -> String {
    segment(name).replace("%28", "(").replace("%29", ")")
}

pub(super) fn install(place: Place<'_>, wanted: Wanted<'_>) -> Vec<Client> {
    vec![Client {
        name: "curl",
        note: None,
        snippets: vec![run("raw-fetch", "Download", fetch(place, wanted))],
    }]
}

pub(super) fn publish(place: Place<'_>) -> Vec<Snippet> {
    vec![
        run(
            "raw-put",
            "Publish a file; package and version are made with their first one",
            put(place, "1.0.0"),
        ),
        place.push("raw", "Or one of any size", "build/image.iso", &["--package image", "--version 1.0.0"]),
    ]
}

pub(super) fn ci_publish(place: Place<'_>) -> Vec<String> {
    vec![put(place, "\"$VERSION\"")]
}

fn put(place: Place<'_>, version: &str) -> String {
    format!(
        "curl -f -X PUT {}my-tool/{version}/my-tool-linux-amd64 \\\n  -H \"Authorization: Bearer $GRANARY_TOKEN\" \
         --data-binary @my-tool-linux-amd64",
        place.address("/api/raw")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_get_their_own_name() {
        let place = Place { public_url: "https://r.example", repo: "libs", is_private: false };
        let wanted = |file| Wanted { name: "tool", version: "1.0", file };
        assert_eq!(
            fetch(place, wanted(Some("it's é.txt"))),
            r"curl -fL -o 'it'\''s é.txt' https://r.example/api/raw/libs/tool/1.0/it%27s%20%C3%A9.txt"
        );
        assert_eq!(
            fetch(place, wanted(Some("tool.zip"))),
            "curl -fL -o tool.zip https://r.example/api/raw/libs/tool/1.0/tool.zip"
        );
        assert!(fetch(place, wanted(None)).starts_with("curl -fL -o FILE "));
    }
}
