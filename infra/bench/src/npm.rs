//! npm packages to publish.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use granary_publish::digests::Digests;
use serde_json::json;

/// Modification time of the files in tarballs, as npm sets it: the same package gives the same bytes.
const MODIFIED: u64 = 499_162_500;

/// The publish body of a version, as npm sends it. Its tarball has about `size` bytes.
pub(crate) fn publish_body(name: &str, version: &str, size: usize) -> anyhow::Result<Vec<u8>> {
    let mut manifest = json!({
        "name": name,
        "version": version,
        "description": "A package that is published to be measured",
        "license": "MIT",
        "main": "index.js",
        "keywords": ["benchmark", "package"],
        "repository": { "type": "git", "url": "git+https://git.example.com/bench/package.git" },
        "scripts": { "build": "tsc -p .", "test": "node --test" },
        "dependencies": { "chalk": "^5.3.0", "commander": "^12.1.0", "semver": "^7.6.3" },
        "devDependencies": { "typescript": "~5.6.0", "@types/node": "^22.0.0", "eslint": "^9.0.0" },
    });
    let packed = tarball(&[
        ("package.json", serde_json::to_vec_pretty(&manifest)?),
        ("index.js", format!("module.exports = '{name}@{version}';\n").into_bytes()),
        ("data.bin", noise(size)),
    ])?;
    let digests = Digests::of(&packed);
    if let Some(members) = manifest.as_object_mut() {
        members.insert("_id".into(), format!("{name}@{version}").into());
        let integrity = format!("sha512-{}", digests.sha512.base64());
        members.insert("dist".into(), json!({ "integrity": integrity, "shasum": digests.sha1.to_string() }));
    }
    let body = json!({
        "_id": name,
        "name": name,
        "dist-tags": { "latest": version },
        "versions": { version: manifest },
        "access": null,
        "_attachments": { format!("{name}-{version}.tgz"): {
            "content_type": "application/octet-stream",
            "data": STANDARD.encode(&packed),
            "length": packed.len(),
        }},
    });
    Ok(serde_json::to_vec(&body)?)
}

/// Bytes that do not compress, always the same.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x0139_408d_cbbf_7a44_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..length).map(|_| next()).collect()
}

/// A gzip'd tarball of these files below `package/`.
fn tarball(files: &[(&str, Vec<u8>)]) -> std::io::Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(MODIFIED);
        builder.append_data(&mut header, format!("package/{name}"), content.as_slice())?;
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&builder.into_inner()?)?;
    encoder.finish()
}
