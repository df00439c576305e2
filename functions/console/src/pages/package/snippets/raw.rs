//! Plain files, with curl.

use super::{Client, Place, Snippet, Wanted, run, word};
use crate::address::segment;

/// The command that fetches a file.
pub(super) fn fetch(place: Place<'_>, wanted: Wanted<'_>) -> String {
    let (name, version) = (segment(wanted.name), segment(wanted.version));
    let file = wanted.file.map_or_else(|| "FILE".to_owned(), file_segment);
    let address = word(&format!("{}{name}/{version}/{file}", place.address("/api/raw")));
    if place.is_private {
        return format!("curl -fLO {address} \\\n  -H \"Authorization: Bearer $GRANARY_TOKEN\"");
    }
    format!("curl -fLO {address}")
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
        run(
            "raw-push",
            "Or one of any size, with the granary program",
            format!("granary push raw build/image.iso --repo {} --package image --version 1.0.0", place.repo),
        ),
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
