//! The npm registry.

use std::collections::BTreeMap;
use std::io::Read as _;

use axum::http::{Method, header};
use axum::response::Response;
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use granary_model::Timestamp;
use granary_publish::digests::Digests;
use serde_json::{Map, Value, json};

use super::answers::{File, document, json};
use super::signing::Signer;
use super::{BEGINNING, FakeUpstream, SeenRequest};
use crate::npm::NpmPackage;

/// Media type of the abbreviated document.
const ABBREVIATED: &str = "application/vnd.npm.install-v1+json";

/// What the public registry leaves in the abbreviated document of a version. `libc` is not among it, which is why npm
/// and pnpm ask for the full one.
const KEPT: [&str; 16] = [
    "name",
    "version",
    "deprecated",
    "dependencies",
    "optionalDependencies",
    "devDependencies",
    "bundleDependencies",
    "peerDependencies",
    "peerDependenciesMeta",
    "bin",
    "directories",
    "dist",
    "engines",
    "os",
    "cpu",
    "funding",
];

/// What a package has from the version that was published last.
const OF_PACKAGE: [&str; 8] =
    ["description", "homepage", "keywords", "repository", "author", "bugs", "license", "contributors"];

/// The registry.
#[derive(Debug, Default)]
pub(super) struct Npm {
    packages: BTreeMap<String, Package>,
    /// By their paths.
    tarballs: BTreeMap<String, File>,
    /// By `name@version`.
    attestations: BTreeMap<String, Value>,
    /// In place of the key that versions are signed with.
    keys: Option<Value>,
    advisories: Map<String, Value>,
    signer: Signer,
}

#[derive(Debug)]
struct Package {
    document: Value,
    changed: Timestamp,
}

impl Npm {
    pub(super) fn answer(&self, request: &SeenRequest, path: &str) -> Response {
        let is_read = matches!(request.method, Method::GET | Method::HEAD);
        if path == "-/npm/v1/security/advisories/bulk" && request.method == Method::POST {
            self.advise(request)
        } else if !is_read {
            json(405, &json!({ "error": "Method not allowed" }))
        } else if path == "-/npm/v1/keys" {
            json(200, &self.keys.clone().unwrap_or_else(|| self.signer.keys()))
        } else if path == "-/v1/search" {
            self.search(&request.query())
        } else if let Some(of) = path.strip_prefix("-/npm/v1/attestations/") {
            self.attestations.get(of).map_or_else(not_found, |attestations| json(200, attestations))
        } else if path.contains("/-/") {
            let tarball = self.tarballs.get(path);
            tarball.map_or_else(not_found, |file| file.answer(request, "application/octet-stream"))
        } else {
            self.packages.get(path).map_or_else(not_found, |package| package.answer(request))
        }
    }

    fn advise(&self, request: &SeenRequest) -> Response {
        let question = match request.header(header::CONTENT_ENCODING) {
            Some("gzip") => {
                let mut plain = Vec::new();
                let read = MultiGzDecoder::new(request.body.as_ref()).read_to_end(&mut plain);
                read.map(|_| plain).unwrap_or_default()
            }
            _ => request.body.to_vec(),
        };
        let Ok(question) = serde_json::from_slice::<Map<String, Value>>(&question) else {
            return json(400, &json!({ "error": "Bad request" }));
        };
        let known = self.advisories.iter().filter(|(name, _)| question.contains_key(*name));
        let known: Map<String, Value> = known.map(|(name, value)| (name.clone(), value.clone())).collect();
        json(200, &known.into())
    }

    fn search(&self, query: &BTreeMap<String, String>) -> Response {
        let text = query.get("text").map_or("", String::as_str);
        let number = |name: &str, default| query.get(name).and_then(|n| n.parse().ok()).unwrap_or(default);
        let found: Vec<_> = self.packages.iter().filter(|(name, _)| name.contains(text)).collect();
        let page = found.iter().skip(number("from", 0)).take(number("size", 20));
        let objects: Vec<Value> = page.map(|(name, package)| package.hit(name)).collect();
        let time = self.packages.values().map(|package| package.changed).max().unwrap_or(BEGINNING);
        json(200, &json!({ "objects": objects, "total": found.len(), "time": time.to_string() }))
    }

    /// Changes a package, whose document says when.
    fn change(&mut self, name: &str, now: Timestamp, change: impl FnOnce(&mut Value)) {
        let package = self.packages.get_mut(name).unwrap_or_else(|| panic!("there is no package {name}"));
        change(&mut package.document);
        package.touch(now);
        if let Some(modified) = package.document.pointer_mut("/time/modified") {
            *modified = package.changed.to_string().into();
        }
    }
}

impl Package {
    /// Makes it changed at a moment, or after the last change where a test has dated that later.
    fn touch(&mut self, now: Timestamp) {
        self.changed = now.max(self.changed.plus_millis(1000));
    }

    fn answer(&self, request: &SeenRequest) -> Response {
        if prefers_abbreviated(request.header(header::ACCEPT).unwrap_or_default()) {
            document(request, &abbreviated(&self.document), self.changed, ABBREVIATED)
        } else {
            document(request, &self.document, self.changed, "application/json")
        }
    }

    fn hit(&self, name: &str) -> Value {
        let version = &self.document["dist-tags"]["latest"];
        let manifest = &self.document["versions"][version.as_str().unwrap_or_default()];
        let score =
            json!({ "final": 1.0, "detail": { "quality": 1.0, "popularity": 1.0, "maintenance": 1.0 } });
        json!({
            "package": {
                "name": name, "version": version, "description": manifest["description"],
                "keywords": manifest.get("keywords").cloned().unwrap_or_else(|| json!([])),
                "date": self.document["time"][version.as_str().unwrap_or_default()],
                "links": { "npm": format!("https://npm.example/package/{name}") },
                "publisher": { "username": "ann", "email": "ann@example.com" },
                "maintainers": [{ "username": "ann", "email": "ann@example.com" }],
            },
            "score": score, "searchScore": 1.0,
        })
    }
}

impl FakeUpstream {
    /// Publishes a version, which gets its tag; `latest` is the first one's in any case.
    pub fn publish(&self, package: &NpmPackage) {
        let now = self.world().tick();
        self.add(package, now, &now.to_string());
    }

    /// Publishes a version at a time in RFC 3339, which is shown as it is given.
    pub fn publish_at(&self, package: &NpmPackage, time: &str) {
        let now = self.world().tick();
        let at = Timestamp::parse_rfc3339(time).expect("a time in RFC 3339");
        self.add(package, now.max(at), time);
    }

    fn add(&self, package: &NpmPackage, now: Timestamp, time: &str) {
        let NpmPackage { name, version, tag, .. } = package;
        let npm_url = self.npm_url();
        let mut world = self.world();
        let npm = &mut world.npm;
        let tarball = Bytes::from(package.tarball());
        let manifest = manifest(package, &tarball, &npm_url, &npm.signer);
        npm.tarballs.insert(tarball_path(name, version), File { bytes: tarball, modified: now.http_date() });
        npm.packages.entry(name.clone()).or_insert_with(|| Package {
            document: json!({
                "_id": name, "_rev": "1-0", "name": name, "dist-tags": { "latest": version }, "versions": {},
                "time": { "created": time, "modified": time }, "maintainers": maintainers(),
            }),
            changed: BEGINNING,
        });
        npm.change(name, now, |document| {
            for member in OF_PACKAGE {
                if let Some(value) = manifest.get(member) {
                    document[member] = value.clone();
                }
            }
            if let Some((file, readme)) = package.files.iter().find(|(name, _)| name == "README.md") {
                document["readme"] = String::from_utf8_lossy(readme).into();
                document["readmeFilename"] = file.as_str().into();
            }
            document["dist-tags"][tag] = version.as_str().into();
            document["time"][version] = time.into();
            document["versions"][version] = manifest;
        });
    }

    /// Makes a dist-tag point at a version.
    pub fn tag(&self, name: &str, tag: &str, version: &str) {
        self.change(name, |document| document["dist-tags"][tag] = version.into());
    }

    /// Deprecates a version; an empty text takes that back.
    pub fn deprecate(&self, name: &str, version: &str, text: &str) {
        self.change(name, |document| {
            let manifest = document["versions"][version].as_object_mut().expect("a version that is there");
            if text.is_empty() {
                manifest.shift_remove("deprecated");
            } else {
                manifest.insert("deprecated".into(), text.into());
            }
        });
    }

    /// Takes a version out of the document, and its tarball away.
    ///
    /// Its tags go with it, and `latest` to the version before it. Its time stays, as it does at the public registry.
    pub fn unpublish(&self, name: &str, version: &str) {
        self.change(name, |document| {
            let versions = document["versions"].as_object_mut().expect("versions");
            versions.shift_remove(version).expect("a version that is there");
            let last = versions.keys().next_back().cloned();
            let tags = document["dist-tags"].as_object_mut().expect("dist-tags");
            let was_latest = tags.get("latest").is_some_and(|latest| latest == version);
            tags.retain(|_, tagged| tagged != version);
            tags.extend(last.filter(|_| was_latest).map(|last| ("latest".to_owned(), last.into())));
        });
        self.world().npm.tarballs.remove(&tarball_path(name, version));
    }

    /// Takes a package away with all its tarballs.
    pub fn remove(&self, name: &str) {
        let mut world = self.world();
        world.npm.packages.remove(name).expect("a package that is there");
        let folder = format!("{name}/-/");
        world.npm.tarballs.retain(|path, _| !path.starts_with(&folder));
    }

    /// Makes anything of the full document, which the abbreviated one is made of.
    pub fn edit(&self, name: &str, change: impl FnOnce(&mut Value)) {
        // The change may ask the fake about something.
        let mut document =
            self.world().npm.packages.get(name).expect("a package that is there").document.clone();
        change(&mut document);
        let mut world = self.world();
        let now = world.tick();
        let package = world.npm.packages.get_mut(name).expect("a package that is there");
        package.document = document;
        package.touch(now);
    }

    /// Gives out other bytes than the document says.
    pub fn replace_tarball(&self, name: &str, version: &str, bytes: Vec<u8>) {
        let mut world = self.world();
        let modified = world.tick().http_date();
        let file = File { bytes: Bytes::from(bytes), modified };
        world.npm.tarballs.insert(tarball_path(name, version), file);
    }

    /// Gives out attestations of a version (`{"attestations": [..]}`), and says in its `dist` where they are.
    pub fn attest(&self, name: &str, version: &str, attestations: Value) {
        let url = format!("{}/-/npm/v1/attestations/{}@{version}", self.npm_url(), name.replace('/', "%2f"));
        let kinds = attestations["attestations"].as_array().into_iter().flatten();
        let kind = kinds
            .filter_map(|attestation| attestation["predicateType"].as_str())
            .find(|kind| kind.starts_with("https://slsa.dev/provenance/"))
            .unwrap_or("https://slsa.dev/provenance/v1");
        let shown = json!({ "url": url, "provenance": { "predicateType": kind } });
        self.change(name, |document| document["versions"][version]["dist"]["attestations"] = shown);
        self.world().npm.attestations.insert(format!("{name}@{version}"), attestations);
    }

    /// What is answered to who asks for the keys of signatures; otherwise it is the key that versions are signed with.
    pub fn set_keys(&self, keys: Value) {
        self.world().npm.keys = Some(keys);
    }

    /// Advisories by names of packages. Only those of packages that are asked about are answered.
    pub fn set_advisories(&self, answer: Value) {
        let Value::Object(answer) = answer else { panic!("advisories are by names: {answer}") };
        self.world().npm.advisories = answer;
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let mut world = self.world();
        let now = world.tick();
        world.npm.change(name, now, change);
    }
}

fn not_found() -> Response {
    json(404, &json!({ "error": "Not found" }))
}

fn maintainers() -> Value {
    json!([{ "name": "ann", "email": "ann@example.com" }])
}

/// The path of a tarball in the registry.
fn tarball_path(name: &str, version: &str) -> String {
    let base = name.rsplit('/').next().unwrap_or(name);
    format!("{name}/-/{base}-{version}.tgz")
}

/// What the registry makes of a manifest.
fn manifest(package: &NpmPackage, tarball: &[u8], npm_url: &str, signer: &Signer) -> Value {
    let NpmPackage { name, version, .. } = package;
    let digests = Digests::of(tarball);
    let integrity = digests.integrity();
    let own = serde_json::to_vec_pretty(&package.manifest).unwrap().len();
    let others: usize = package.files.iter().map(|(_, content)| content.len()).sum();
    let has_shrinkwrap = package.files.iter().any(|(name, _)| name == "npm-shrinkwrap.json");
    let mut manifest = package.manifest.clone();
    manifest["_id"] = format!("{name}@{version}").into();
    manifest["dist"] = json!({
        "integrity": integrity, "shasum": digests.sha1.to_string(),
        "tarball": format!("{npm_url}/{}", tarball_path(name, version)),
        "fileCount": package.files.len() + 1, "unpackedSize": own + others,
        "signatures": signer.signatures(name, version, &integrity),
    });
    manifest["_npmUser"] = maintainers()[0].clone();
    manifest["maintainers"] = maintainers();
    manifest["_npmVersion"] = "10.9.2".into();
    manifest["_nodeVersion"] = "22.14.0".into();
    manifest["_hasShrinkwrap"] = has_shrinkwrap.into();
    manifest
}

/// The document that most clients install from. What a test has made unreadable stays as it is.
fn abbreviated(full: &Value) -> Value {
    let Some(full) = full.as_object() else { return full.clone() };
    let mut document: Map<String, Value> = ["name", "dist-tags", "versions"]
        .into_iter()
        .filter_map(|member| Some((member.to_owned(), full.get(member)?.clone())))
        .collect();
    let modified = full.get("time").and_then(|time| time.get("modified"));
    document.extend(modified.map(|modified| ("modified".to_owned(), modified.clone())));
    let versions = document.get_mut("versions").and_then(Value::as_object_mut);
    for manifest in versions.into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut) {
        let has_script = |script| manifest.get("scripts").is_some_and(|all| all.get(script).is_some());
        let has_scripts = ["preinstall", "install", "postinstall"].into_iter().any(has_script);
        let has_shrinkwrap = manifest.get("_hasShrinkwrap") == Some(&true.into());
        manifest.retain(|member, _| KEPT.contains(&member.as_str()));
        for (flag, is_set) in [("hasInstallScript", has_scripts), ("_hasShrinkwrap", has_shrinkwrap)] {
            if is_set {
                manifest.insert(flag.into(), true.into());
            }
        }
    }
    document.into()
}

/// Whether `Accept` prefers the abbreviated document.
fn prefers_abbreviated(accept: &str) -> bool {
    let quality = |wanted: &str| {
        accept.split(',').find_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let is_it = parts.next() == Some(wanted);
            let quality =
                parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse().ok());
            quality.filter(|_| is_it)
        })
    };
    let of_abbreviated: f32 = quality(ABBREVIATED).unwrap_or(0.0);
    of_abbreviated > 0.0 && of_abbreviated >= quality("application/json").unwrap_or(0.0)
}
