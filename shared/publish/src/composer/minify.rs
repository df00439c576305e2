//! The minified form of metadata, `composer/2.0`.
//!
//! The first version stands there in full. Each of the next ones has only what differs from the one before it, and
//! [`UNSET`] for what it has no more.

use serde_json::{Map, Value};

/// The value of a member that a version has no more. No version may have this text as a value of its own.
pub const UNSET: &str = "__unset";

/// A version as the metadata have it.
pub type Version = Map<String, Value>;

/// Makes the minified form, version by version: only the one before is kept.
#[derive(Debug, Default)]
pub struct Minifier {
    before: Option<Version>,
}

impl Minifier {
    /// The minified form of the next version.
    pub fn next(&mut self, version: Version) -> Version {
        let minified = match &self.before {
            None => version.clone(),
            Some(before) => difference(before, &version),
        };
        self.before = Some(version);
        minified
    }
}

fn difference(before: &Version, version: &Version) -> Version {
    let changed = version.iter().filter(|(name, value)| before.get(*name) != Some(value));
    let mut difference: Version = changed.map(|(name, value)| (name.clone(), value.clone())).collect();
    let gone = before.keys().filter(|name| !version.contains_key(*name));
    difference.extend(gone.map(|name| (name.clone(), Value::from(UNSET))));
    difference
}

/// The minified form of versions in their order.
pub fn minify(versions: impl IntoIterator<Item = Version>) -> Vec<Version> {
    let mut minifier = Minifier::default();
    versions.into_iter().map(|version| minifier.next(version)).collect()
}

/// The versions of a minified form, as clients expand it.
pub fn expand(minified: &[Version]) -> Vec<Version> {
    let mut current = Version::new();
    let mut versions = Vec::with_capacity(minified.len());
    for difference in minified {
        for (name, value) in difference {
            if value == UNSET {
                current.shift_remove(name);
            } else {
                current.insert(name.clone(), value.clone());
            }
        }
        versions.push(current.clone());
    }
    versions
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn versions(list: Value) -> Vec<Version> {
        serde_json::from_value(list).unwrap()
    }

    #[test]
    fn the_example_of_the_library() {
        let source = versions(json!([
            { "name": "foo/bar", "version": "2.0.0", "version_normalized": "2.0.0.0", "type": "library",
              "scripts": { "foo": ["bar"] }, "license": ["MIT"] },
            { "name": "foo/bar", "version": "1.2.0", "version_normalized": "1.2.0.0", "type": "library",
              "license": ["GPL"], "homepage": "https://example.org" },
            { "name": "foo/bar", "version": "1.0.0", "version_normalized": "1.0.0.0", "type": "library",
              "license": ["GPL"] },
            { "name": "foo/bar", "version": "0.1.0", "version_normalized": "0.1.0.0", "type": "library",
              "license": ["GPL"] },
        ]));
        let minified = versions(json!([
            { "name": "foo/bar", "version": "2.0.0", "version_normalized": "2.0.0.0", "type": "library",
              "scripts": { "foo": ["bar"] }, "license": ["MIT"] },
            { "version": "1.2.0", "version_normalized": "1.2.0.0", "license": ["GPL"],
              "homepage": "https://example.org", "scripts": "__unset" },
            { "version": "1.0.0", "version_normalized": "1.0.0.0", "homepage": "__unset" },
            { "version": "0.1.0", "version_normalized": "0.1.0.0" },
        ]));
        assert_eq!(minify(source.clone()), minified);
        assert_eq!(expand(&minified), source);
        assert!(minify([]).is_empty() && expand(&[]).is_empty());
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (0..3_u8).prop_map(Value::from),
            "[a-b_]{0,2}".prop_map(Value::from),
        ];
        leaf.prop_recursive(2, 6, 3, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                proptest::collection::vec(("[a-c]", inner), 0..3)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    fn version() -> impl Strategy<Value = Version> {
        // Few names and values, so that versions have much in common. No member is "__unset": publishing refuses it.
        proptest::collection::vec(("[a-e]", value()), 0..5).prop_map(|members| members.into_iter().collect())
    }

    proptest! {
        #[test]
        fn expanding_gives_back_what_was_minified(source in proptest::collection::vec(version(), 0..8)) {
            let minified = minify(source.clone());
            prop_assert_eq!(minified.len(), source.len());
            prop_assert_eq!(expand(&minified), source);
        }
    }
}
