use std::collections::BTreeSet;
use std::io::Read as _;

use flate2::read::GzDecoder;
use granary_model::PackageType;
use granary_storage::PackageKey;
use granary_storage::rows::{QuarantineRow, UpstreamHead, UpstreamPlace, UpstreamRow};
use serde_json::{Value, json};

use super::*;
use crate::documents::Source;
use crate::npm::packument::Packuments;

const DAY: i64 = 86_400_000;

fn at(days: i64) -> Timestamp {
    Timestamp::from_millis(days * DAY)
}

fn name() -> NpmName {
    "left-pad".parse().unwrap()
}

/// A document with these versions, each published a day after the one before.
fn document(versions: &[&str]) -> Value {
    let mut manifests = serde_json::Map::new();
    let mut time = json!({ "created": at(1).to_string(), "modified": at(9).to_string() });
    for (day, version) in (1..).zip(versions) {
        time[*version] = at(day).to_string().into();
        manifests.insert((*version).into(), manifest(version));
    }
    json!({
        "_id": "left-pad",
        "_rev": "7-theirs",
        "name": "left-pad",
        "dist-tags": { "latest": versions.last(), "old": versions.first() },
        "versions": manifests,
        "time": time,
        "description": "pads \u{fffd} \"left\"",
        "readme": "# left",
    })
}

fn manifest(version: &str) -> Value {
    json!({
        "name": "left-pad",
        "version": version,
        "dependencies": { "a": "^1.0.0" },
        "scripts": { "postinstall": "node x", "test": "y" },
        "_npmUser": { "name": "ann" },
        "dist": {
            "tarball": format!("https://registry.example.com/left-pad/-/left-pad-{version}.tgz"),
            "integrity": format!("sha512-{version}"),
            "shasum": "aa".repeat(20),
            "fileCount": 3,
            "signatures": [{ "keyid": "k", "sig": format!("s-{version}") }],
        },
    })
}

fn source(as_of: Timestamp, cooldown_days: u16) -> Source {
    let place = UpstreamPlace::Remote { url: "https://registry.example.com/".into() };
    let mut row = UpstreamRow::new("public".parse().unwrap(), "u1".into(), PackageType::Npm, place, at(0));
    row.cooldown_days = cooldown_days;
    let policy = Policy::of_upstream(&row, PackageType::Npm, "left-pad", &[]);
    let upstream = UpstreamHead {
        name: row.name,
        uid: "u1".into(),
        checked_at: 0,
        fetched_at: as_of.millis(),
        document: "d".into(),
        etag: None,
        last_modified: None,
        failing: None,
        gone: false,
        removed: BTreeSet::new(),
        as_of: as_of.millis(),
        next_at: None,
        policy: policy.fingerprint(),
    };
    let head =
        HeadRow { rev: 3, name: "left-pad".into(), upstream: Some(Box::new(upstream)), ..HeadRow::default() };
    let package =
        PackageKey { repo: "libs".parse().unwrap(), kind: PackageType::Npm, name: "left-pad".into() };
    Source { policy: Some(policy.into()), ..Source::whole(package, "r1".into(), head) }
}

fn render(document: &Value, source: &Source) -> (Value, Value) {
    let text = document.to_string();
    let packument = ForeignPackument::read(text.as_bytes(), &name(), at(1000)).unwrap();
    let documents = Packuments::new("https://granary.example").foreign_documents(source, &packument).unwrap();
    let plain = |gzip: &[u8]| {
        let mut text = String::new();
        GzDecoder::new(gzip).read_to_string(&mut text).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    (plain(&documents[0]), plain(&documents[1]))
}

#[test]
fn both_forms_come_from_the_full_document() {
    let theirs = document(&["1.0.0", "1.1.0"]);
    let (full, abbreviated) = render(&theirs, &source(at(1000), 0));
    let mut expected = theirs["versions"]["1.1.0"].clone();
    expected["dist"]["tarball"] = "https://granary.example/api/npm/libs/-/tarball/left-pad/1.1.0".into();
    assert_eq!(full["versions"]["1.1.0"], expected, "nothing but the address is changed");
    assert_eq!(full["time"], theirs["time"]);
    assert_eq!(full["dist-tags"], theirs["dist-tags"]);
    for field in ["description", "readme", "name", "_id"] {
        assert_eq!(full[field], theirs[field], "{field}");
    }
    assert_ne!(full["_rev"], theirs["_rev"]);
    assert_eq!(full.get("policyRestrictions"), None);
    let version = &abbreviated["versions"]["1.1.0"];
    assert_eq!(version["dist"], expected["dist"]);
    assert_eq!(version["hasInstallScript"], true);
    assert_eq!((version.get("scripts"), version.get("_npmUser")), (None, None));
    assert_eq!(abbreviated["time"], theirs["time"]);
    assert_eq!(abbreviated.get("readme"), None);
}

#[test]
fn what_is_too_young_is_not_there_and_said_to_be() {
    let theirs = document(&["1.0.0", "1.1.0", "2.0.0-rc.1", "1.2.0"]);
    // On day 9 what was published on day 4 is two days short of seven.
    let (full, abbreviated) = render(&theirs, &source(at(9), 7));
    for document in [&full, &abbreviated] {
        let versions: Vec<&String> = document["versions"].as_object().unwrap().keys().collect();
        assert_eq!(versions, ["1.0.0", "1.1.0"]);
        assert_eq!(document["dist-tags"], json!({ "latest": "1.1.0", "old": "1.0.0" }));
        assert_eq!(document["time"].get("1.2.0"), None);
        let restricted = &document["policyRestrictions"];
        assert!(restricted["versions"].get("1.2.0").is_some());
        assert!(restricted["message"].as_str().unwrap().contains("7 days"), "{restricted}");
    }
    let (later, _) = render(&theirs, &source(at(11), 7));
    assert_eq!(later["dist-tags"]["latest"], "1.2.0");
}

#[test]
fn latest_falls_back_to_the_highest_below_it() {
    let mut theirs = document(&["1.0.0", "1.1.0", "1.2.0-rc.1", "2.0.0", "1.2.0"]);
    theirs["versions"]["1.1.0"]["deprecated"] = "no".into();
    // 2.0.0 is old enough but was never the latest.
    let (full, _) = render(&theirs, &source(at(11), 7));
    assert_eq!(full["dist-tags"]["latest"], "1.0.0", "not the deprecated one, nor a pre-release");
    let packument = theirs.to_string();
    let packument = ForeignPackument::read(packument.as_bytes(), &name(), at(1000)).unwrap();
    let young = source(at(11), 7);
    assert_eq!(packument.index.next_at(young.policy.as_deref().unwrap(), at(11)), Some(at(12)));
    assert_eq!(packument.index.next_at(young.policy.as_deref().unwrap(), at(12)), None);
}

#[test]
fn a_quarantine_of_all_leaves_nothing() {
    let mut source = source(at(1000), 0);
    let row = QuarantineRow { reason: "odd".into(), by: "user:ann".into(), at: at(0) };
    let mut head = HeadRow::clone(&source.head);
    head.quarantine.insert("*".into(), row);
    source.head = head.into();
    let (full, _) = render(&document(&["1.0.0"]), &source);
    assert_eq!((&full["versions"], &full["dist-tags"]), (&json!({}), &json!({})));
    assert!(full["policyRestrictions"]["message"].as_str().unwrap().contains("quarantine: odd"));
}

#[test]
fn what_is_no_version_is_left_out() {
    let mut theirs = document(&["1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0"]);
    theirs["versions"]["not-a-version"] = manifest("not-a-version");
    theirs["versions"]["1.1.0"]["name"] = "other".into();
    theirs["versions"]["1.2.0"]["version"] = "9.9.9".into();
    theirs["versions"]["1.3.0"]["dist"] = json!(7);
    theirs["versions"]["1.4.0"]["dist"]["tarball"] = Value::Null;
    let (full, _) = render(&theirs, &source(at(1000), 0));
    let versions: Vec<&String> = full["versions"].as_object().unwrap().keys().collect();
    assert_eq!(versions, ["1.0.0"]);
    assert_eq!(full["dist-tags"]["latest"], "1.0.0", "the tag of a version that is left out is moved");
}

#[test]
fn other_documents_are_refused() {
    let other = document(&["1.0.0"])
        .to_string()
        .replace("\"name\":\"left-pad\",\"dist-tags\"", "\"name\":\"x\",\"dist-tags\"");
    for bad in [
        "<html>not found</html>",
        "",
        "[]",
        "{}",
        r#"{"name":"left-pad","versions":[]}"#,
        r#"{"name":"left-pad","versions":{}} trailing"#,
        r#"{"name":"Left-Pad","versions":{}}"#,
        other.as_str(),
    ] {
        let error = ForeignPackument::read(bad.as_bytes(), &name(), at(0)).unwrap_err();
        assert!(matches!(error, Error::Unprocessable(_)), "{bad}: {error}");
    }
    ForeignPackument::read(b"{\"name\":\"left-pad\xff\"}", &name(), at(0)).unwrap_err();
    let none = ForeignPackument::read(br#"{"name":"left-pad"}"#, &name(), at(0)).unwrap();
    assert!(none.index.versions.is_empty(), "a package of which everything was unpublished");
}

#[test]
fn times_in_the_future_are_now() {
    let mut theirs = document(&["1.0.0"]);
    theirs["time"]["1.0.0"] = at(5000).to_string().into();
    let text = theirs.to_string();
    let packument = ForeignPackument::read(text.as_bytes(), &name(), at(1000)).unwrap();
    assert_eq!(packument.index.get("1.0.0").unwrap().published, at(1000));
}

fn merged(new: &Value, known: Option<&Value>, now: Timestamp) -> Merged {
    let (new, known) = (new.to_string(), known.map(ToString::to_string));
    let new = ForeignPackument::read(new.as_bytes(), &name(), now).unwrap();
    let known = known.as_ref().map(|text| ForeignPackument::read(text.as_bytes(), &name(), now).unwrap());
    merge(&new, known.as_ref(), &std::collections::BTreeSet::new())
}

#[test]
fn what_was_said_first_of_bytes_stays() {
    let known = document(&["1.0.0", "1.1.0"]);
    let mut new = document(&["1.0.0", "1.1.0", "1.2.0"]);
    assert_eq!(merged(&new, Some(&known), at(1000)).text, None, "a new version is no reason to write anew");
    new["versions"]["1.0.0"]["dist"]["integrity"] = "sha512-evil".into();
    new["versions"]["1.0.0"]["deprecated"] = "x".into();
    let merged = merged(&new, Some(&known), at(1000));
    assert_eq!(merged.changed.len(), 1);
    assert_eq!(merged.changed[0].version, "1.0.0");
    let text: Value = serde_json::from_str(&merged.text.unwrap()).unwrap();
    assert_eq!(text["versions"]["1.0.0"], known["versions"]["1.0.0"]);
    assert_eq!(text["versions"]["1.2.0"], new["versions"]["1.2.0"]);
    assert_eq!(text["time"], new["time"]);
    assert_eq!(text["readme"], new["readme"]);
}

#[test]
fn a_version_without_a_time_is_as_old_as_it_is_known() {
    let mut known = document(&["1.0.0"]);
    known["time"] = json!({});
    let first = merged(&known, None, at(5)).text.unwrap();
    let first: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(first["time"]["1.0.0"], at(5).to_string());
    let mut new = document(&["1.0.0", "1.1.0"]);
    new.as_object_mut().unwrap().remove("time");
    let second: Value = serde_json::from_str(&merged(&new, Some(&first), at(8)).text.unwrap()).unwrap();
    assert_eq!(second["time"], json!({ "1.0.0": at(5).to_string(), "1.1.0": at(8).to_string() }));
}

#[test]
fn a_time_that_is_none_or_has_not_come_yet_is_said_once() {
    let mut odd = document(&["1.0.0", "1.1.0"]);
    odd["time"]["1.0.0"] = at(5000).to_string().into();
    odd["time"]["1.1.0"] = "soon".into();
    let first: Value = serde_json::from_str(&merged(&odd, None, at(8)).text.unwrap()).unwrap();
    assert_eq!(
        (&first["time"]["1.0.0"], &first["time"]["1.1.0"]),
        (&at(8).to_string().into(), &at(8).to_string().into())
    );
    let mut newer = odd.clone();
    newer["readme"] = "changed".into();
    let second: Value = serde_json::from_str(&merged(&newer, Some(&first), at(20)).text.unwrap()).unwrap();
    assert_eq!(second["time"]["1.0.0"], at(8).to_string(), "it does not begin anew");
}

#[test]
fn of_a_version_that_stands_there_twice_the_last_counts() {
    let once = document(&["1.0.0", "2.0.0"]).to_string();
    let other = manifest("1.0.0").to_string().replace("sha512-1.0.0", "sha512-other");
    let twice = once.replacen("\"versions\":{", &format!("\"versions\":{{\"1.0.0\":{other},"), 1);
    let (once, twice) = (read_document(&once), read_document(&twice));
    assert_eq!(twice.index.versions, once.index.versions);
    for version in ["1.0.0", "2.0.0"] {
        assert_eq!(twice.index.get(version), once.index.get(version));
        assert_eq!(twice.manifest(version).unwrap().get(), once.manifest(version).unwrap().get());
    }
}

fn read_document(text: &str) -> ForeignPackument<'_> {
    ForeignPackument::read(text.as_bytes(), &name(), at(1000)).unwrap()
}

/// Versions of a long document, and tags. It has ten times as many times that are of no version, before the others.
const LONG: usize = 10_000;

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect::<Vec<_>>().join(",")
}

fn long_document(digest: &str) -> String {
    let dist = format!("{{\"tarball\":\"https://registry.example.com/x.tgz\",\"integrity\":\"{digest}\"}}");
    let versions = lines(LONG, |n| {
        format!("\"1.0.{n}\":{{\"name\":\"left-pad\",\"version\":\"1.0.{n}\",\"dist\":{dist}}}")
    });
    let (published, tags) = (at(1).to_string(), lines(LONG, |n| format!("\"tag{n}\":\"1.0.{n}\"")));
    let (others, times) = (
        lines(10 * LONG, |n| format!("\"other{n}\":0")),
        lines(LONG, |n| format!("\"1.0.{n}\":\"{published}\"")),
    );
    format!(
        "{{\"name\":\"left-pad\",\"dist-tags\":{{{tags}}},\"versions\":{{{versions}}},\
         \"time\":{{{others},{times}}}}}"
    )
}

/// Somebody else says how much there is of everything: looking through all of it for each version would take for ever.
#[test]
fn long_documents_are_looked_through_once() {
    let (known, new) = (long_document("sha512-a"), long_document("sha512-b"));
    let (known, new) = (read_document(&known), read_document(&new));
    let merged = merge(&new, Some(&known), &BTreeSet::new());
    assert_eq!((merged.changed.len(), merged.removed.len()), (LONG, 0));
    let text = merged.text.unwrap();
    assert!(text.contains("sha512-a") && !text.contains("sha512-b"), "what was said first stays");
    let source = source(at(1000), 0);
    let mut head = HeadRow::clone(&source.head);
    let row = QuarantineRow { reason: "odd".into(), by: "user:ann".into(), at: at(0) };
    head.quarantine.insert("1.0.0".into(), row);
    let seen = new.index.seen(&head, source.policy.as_deref().unwrap());
    assert_eq!(seen.versions.len(), LONG - 1);
    assert!(!seen.tags.contains_key("tag0") && seen.tags.contains_key("tag1"));
    assert_eq!(seen.tags.len(), LONG, "all but one, and the latest");
}

#[test]
fn removed_versions_are_named() {
    let merged = merged(&document(&["1.1.0"]), Some(&document(&["1.0.0", "1.1.0"])), at(9));
    assert_eq!(merged.removed, ["1.0.0"]);
}

#[test]
fn what_is_unpacked_is_bounded_and_whole() {
    let packed = stored::pack(b"{}").unwrap();
    assert_eq!(stored::unpack(&packed).unwrap(), b"{}");
    assert!(stored::unpack(&packed[..packed.len() - 3]).is_err());
    assert!(stored::unpack(b"{}").is_err());
}
