use serde_json::json;

use super::*;

fn facts(manifest: &Value) -> TarballFacts {
    TarballFacts {
        manifest: object(manifest),
        readme: None,
        readme_filename: None,
        file_count: 1,
        unpacked_size: 1,
        has_shrinkwrap: false,
        has_binding_gyp: false,
        bin_files: Vec::new(),
        root: "package".into(),
    }
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

/// The stored form of a package with one field.
fn stored(field: &str, value: Value) -> Value {
    let mut manifest = json!({"name": "@s/n", "version": "1.0.0"});
    manifest[field] = value;
    stored_manifest(&facts(&manifest), &Map::new()).into()
}

fn check(manifest: &Value, name: &str, version: &str) -> Result<()> {
    check_manifest(&facts(manifest), &name.parse().unwrap(), &version.parse().unwrap())
}

#[test]
fn name_and_version_must_be_the_published_ones() {
    let manifest = json!({"name": "@s/n", "version": "1.0.0+build.7"});
    check(&manifest, "@s/n", "1.0.0").unwrap();
    check(&manifest, "@s/n", "1.0.0+other").unwrap();
    check(&json!({"name": "n", "version": " v1.0.0 "}), "n", "1.0.0").unwrap();
    for (name, version) in [("@s/m", "1.0.0"), ("n", "1.0.0"), ("@s/n", "1.0.1"), ("@s/n", "1.0.0-build.7")] {
        let text = check(&manifest, name, version).unwrap_err().to_string();
        let (packed, published) = if name == "@s/n" { ("1.0.0+build.7", version) } else { ("@s/n", name) };
        assert!(
            text.starts_with("the tarball") && text.contains(packed) && text.contains(published),
            "{text}"
        );
    }
    assert!(check(&json!({"name": "N", "version": "1.0.0"}), "n", "1.0.0").is_err());
    assert!(check(&json!({"name": "n", "version": "one"}), "n", "1.0.0").is_err());
}

#[test]
fn programs_stay_inside() {
    let bin = |bin: Value| check(&json!({"name": "n", "version": "1.0.0", "bin": bin}), "n", "1.0.0");
    for good in [
        json!("./a.js"),
        json!({"x": "bin/a.js", "@s/y": "b"}),
        json!(["bin/a"]),
        json!(null),
        json!({"x": 1}),
    ] {
        bin(good).unwrap();
    }
    for bad in [
        json!("../a.js"),
        json!("/etc/passwd"),
        json!({"x": "bin/../../a"}),
        json!({"x": "bin/.."}),
        json!({"x": "..\\a"}),
        json!({"x": "C:\\a"}),
        json!({"x": "a\n"}),
        json!({"../x": "a"}),
        json!({"/usr/bin/x": "a"}),
        json!(["../a"]),
    ] {
        let text = bin(bad.clone()).unwrap_err().to_string();
        assert!(text.contains("outside of the package"), "{bad}: {text}");
    }
    for folder in ["../bin", "/bin", "a/../..", "c:/bin"] {
        let manifest = json!({"name": "n", "version": "1.0.0", "directories": {"bin": folder}});
        assert!(check(&manifest, "n", "1.0.0").is_err(), "{folder}");
    }
}

#[test]
fn the_tarball_decides_and_the_client_adds_little() {
    let packed = json!({
        "name": "n", "version": "1.0.0+b", "dependencies": {"a": "1"}, "scripts": {"test": "x"}, "custom": 1,
        "publishConfig": {"access": "public"}, "_secret": 1, "dist": {"tarball": "x"}, "deprecated": "no",
        "readme": "long", "hasInstallScript": false, "maintainers": [], "__proto__": {"x": 1},
        "engines": {"node": ">=20", "__proto__": 1}
    });
    let submitted = json!({
        "name": "m", "version": "2.0.0", "dependencies": {"evil": "1"}, "scripts": {"install": "evil"},
        "bin": {"ls": "evil"}, "hasInstallScript": true, "_hasShrinkwrap": true, "_id": "m@2.0.0",
        "_nodeVersion": "24.0.0", "_npmVersion": "11.0.0", "gitHead": "0123", "readmeFilename": "README.md",
        "_resolved": "file:///home/ann/n.tgz", "_from": "file:n.tgz", "_integrity": "x", "integrity": "x",
        "shasum": "x", "readme": "x", "dist": {}, "_attachments": {}, "os": ["win32"]
    });
    let mut facts = facts(&packed);
    facts.readme_filename = Some("readme.md".into());
    let stored = stored_manifest(&facts, &object(&submitted));
    assert_eq!(
        Value::from(stored),
        json!({
            "name": "n", "version": "1.0.0", "dependencies": {"a": "1"}, "scripts": {"test": "x"}, "custom": 1,
            "publishConfig": {"access": "public"}, "engines": {"node": ">=20"}, "_nodeVersion": "24.0.0",
            "_npmVersion": "11.0.0", "gitHead": "0123", "readmeFilename": "README.md", "_id": "n@1.0.0"
        })
    );
    let hostile = json!({"gitHead": 7, "_nodeVersion": "x".repeat(65), "readmeFilename": "../../x"});
    let stored = stored_manifest(&facts, &object(&hostile));
    assert_eq!(stored.get("readmeFilename"), Some(&json!("readme.md")));
    assert!(!stored.contains_key("gitHead") && !stored.contains_key("_nodeVersion"));
}

#[test]
fn bin_becomes_an_object_of_clean_paths() {
    for (bin, expected) in [
        (json!("./bin/a.js"), json!({"n": "bin/a.js"})),
        (json!("a.js"), json!({"n": "a.js"})),
        (json!(["bin/a.js", "b"]), json!({"a.js": "bin/a.js", "b": "b"})),
        (json!({"x": ".//bin\\a.js", "@s/y": "b", "z": 1}), json!({"x": "bin/a.js", "y": "b"})),
        (json!({"x": "../a", "y": "b"}), json!({"y": "b"})),
        (json!({}), Value::Null),
        (json!({"x": "."}), Value::Null),
        (json!(""), Value::Null),
        (json!(false), Value::Null),
        (json!(3), Value::Null),
    ] {
        assert_eq!(stored("bin", bin.clone()).get("bin").unwrap_or(&Value::Null), &expected, "{bin}");
    }
    let mut facts = facts(&json!({"name": "n", "version": "1.0.0", "directories": {"bin": "./bin"}}));
    assert_eq!(bin_directory_of(&facts.manifest).as_deref(), Some("bin"));
    facts.bin_files = vec!["bin/a.js".into(), "bin/deep/b".into()];
    let stored = stored_manifest(&facts, &Map::new());
    assert_eq!(stored["bin"], json!({"a.js": "bin/a.js", "b": "bin/deep/b"}));
    assert_eq!(stored["directories"], json!({"bin": "./bin"}));
    facts.manifest.insert("bin".into(), "c".into());
    assert_eq!(bin_directory_of(&facts.manifest), None);
}

#[test]
fn fields_take_the_forms_clients_send() {
    for (field, packed, expected) in [
        (
            "author",
            json!("Ann <a@b.c> (http://x)"),
            json!({"name": "Ann", "email": "a@b.c", "url": "http://x"}),
        ),
        ("author", json!("Ann"), json!({"name": "Ann"})),
        ("author", json!({"name": "Ann", "mail": "a@b.c"}), json!({"name": "Ann", "email": "a@b.c"})),
        ("contributors", json!(["Bob (http://y)"]), json!([{"name": "Bob", "url": "http://y"}])),
        ("repository", json!("github:a/b"), json!({"type": "git", "url": "github:a/b"})),
        ("repository", json!({"type": "svn", "url": "x"}), json!({"type": "svn", "url": "x"})),
        ("bugs", json!("http://x/@y"), json!({"url": "http://x/@y"})),
        ("bugs", json!("a@b.c"), json!({"email": "a@b.c"})),
        ("funding", json!("http://x"), json!({"url": "http://x"})),
        ("funding", json!(["http://x", {"url": "y"}]), json!(["http://x", {"url": "y"}])),
        ("keywords", json!("a, b c,d"), json!(["a", "b c", "d"])),
        ("keywords", json!(["a", 1, ""]), json!(["a"])),
        ("keywords", json!({}), Value::Null),
        ("description", json!({"a": 1}), Value::Null),
        ("homepage", json!(1), Value::Null),
        ("dependencies", json!({"a": "1", "b": 2}), json!({"a": "1"})),
        (
            "dependencies",
            json!(["a@^1", "@s/b@2", "@s/c", "d"]),
            json!({"a": "^1", "@s/b": "2", "@s/c": "", "d": ""}),
        ),
        ("devDependencies", json!(7), Value::Null),
        ("peerDependencies", json!([]), json!({})),
        ("optionalDependencies", json!({"a": "1"}), json!({"a": "1"})),
        ("scripts", json!({"a": "x", "b": 1}), json!({"a": "x"})),
        ("scripts", json!("x"), Value::Null),
        ("license", json!("MIT"), json!("MIT")),
        (
            "exports",
            json!({".": [{"import": "./a.mjs"}, "./a.js"]}),
            json!({".": [{"import": "./a.mjs"}, "./a.js"]}),
        ),
    ] {
        assert_eq!(
            stored(field, packed.clone()).get(field).unwrap_or(&Value::Null),
            &expected,
            "{field}: {packed}"
        );
    }
    // An optional dependency is not copied into the others; npm stopped doing so.
    assert!(stored("optionalDependencies", json!({"a": "1"})).get("dependencies").is_none());
}

#[test]
fn bundles_are_lists_under_one_spelling() {
    let bundle = |field: &str, value: Value| {
        let manifest = json!({"name": "n", "version": "1.0.0", "dependencies": {"a": "1"},
            "optionalDependencies": {"o": "1"}, field: value});
        let stored = stored_manifest(&facts(&manifest), &Map::new());
        assert!(!stored.contains_key("bundledDependencies"));
        (stored.get("bundleDependencies").cloned(), stored["dependencies"].clone())
    };
    let own = json!({"a": "1"});
    assert_eq!(bundle("bundleDependencies", json!(true)), (Some(json!(["a"])), own.clone()));
    assert_eq!(bundle("bundledDependencies", json!(["a", 1])), (Some(json!(["a"])), own.clone()));
    assert_eq!(bundle("bundledDependencies", json!({"a": "9"})), (Some(json!(["a"])), own.clone()));
    assert_eq!(bundle("bundleDependencies", json!(["o"])), (Some(json!(["o"])), own.clone()));
    assert_eq!(bundle("bundleDependencies", json!(["b"])), (Some(json!(["b"])), json!({"a": "1", "b": "*"})));
    assert_eq!(bundle("bundleDependencies", json!(false)), (None, own));
}

#[test]
fn install_scripts_are_announced() {
    let run = |fields: Value, gyp: bool| {
        let mut manifest = json!({"name": "n", "version": "1.0.0"});
        manifest.as_object_mut().unwrap().extend(object(&fields));
        let mut facts = facts(&manifest);
        facts.has_binding_gyp = gyp;
        facts.has_shrinkwrap = gyp;
        let stored = stored_manifest(&facts, &Map::new());
        assert_eq!(stored.contains_key("_hasShrinkwrap"), gyp);
        (
            stored.get("hasInstallScript") == Some(&json!(true)),
            stored.get("scripts").cloned().unwrap_or_default(),
        )
    };
    assert_eq!(run(json!({}), false), (false, Value::Null));
    assert!(!run(json!({"scripts": {"test": "x", "prepare": "y", "install": ""}}), false).0);
    for script in ["preinstall", "install", "postinstall"] {
        assert!(run(json!({"scripts": {script: "x"}}), false).0, "{script}");
    }
    assert_eq!(run(json!({}), true), (true, json!({"install": "node-gyp rebuild"})));
    assert_eq!(run(json!({"scripts": {"preinstall": "x"}}), true), (true, json!({"preinstall": "x"})));
    assert_eq!(run(json!({"gypfile": false}), true), (false, Value::Null));
}

#[test]
fn the_abbreviated_form_has_what_an_install_needs() {
    let manifest = json!({"name": "n", "version": "1.0.0", "dependencies": {"a": "1"}, "scripts": {"install": "x"},
        "description": "long", "libc": ["glibc"], "bin": "x", "_npmVersion": "1", "_id": "n@1.0.0"});
    let mut facts = facts(&manifest);
    facts.has_shrinkwrap = true;
    let short = abbreviated(&stored_manifest(&facts, &Map::new()));
    assert_eq!(
        Value::from(short),
        json!({"name": "n", "version": "1.0.0", "dependencies": {"a": "1"}, "libc": ["glibc"],
            "bin": {"n": "x"}, "hasInstallScript": true, "_hasShrinkwrap": true})
    );
}
