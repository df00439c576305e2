use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use proptest::prelude::*;
use std::io::Read as _;

use super::*;

const SMALL: BodyLimits = BodyLimits {
    publish_metadata: 1000,
    packument: 2000,
    publish_keys: 10,
    packument_keys: 20,
    tarball: 100,
    bundle: 50,
    attachments: 2,
};

fn parse_with(limits: BodyLimits, pieces: &[&[u8]]) -> Result<PublishBody> {
    let mut parser = PublishBodyParser::new(limits);
    for piece in pieces {
        parser.feed(piece)?;
    }
    parser.finish()
}

fn parse(text: &str) -> Result<PublishBody> {
    parse_with(BodyLimits::default(), &[text.as_bytes()])
}

fn bytes_of(content: &Content) -> Vec<u8> {
    match content {
        Content::Bundle(text) => text.clone().into_bytes(),
        Content::Tarball(spool, digests) => {
            let mut bytes = Vec::new();
            spool.reader().read_to_end(&mut bytes).unwrap();
            assert_eq!(*digests, Digests::of(&bytes));
            bytes
        }
    }
}

fn with_data(data: &str) -> String {
    format!(r#"{{"name":"n","_attachments":{{"n-1.0.0.tgz":{{"data":"{data}"}}}}}}"#)
}

fn refused(result: Result<PublishBody>) -> String {
    match result {
        Err(Error::BadRequest(text) | Error::TooLarge(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_publish_with_provenance_is_taken_apart() {
    let bundle = r#"{"a":"\"é\""}"#;
    let text = format!(
        r#"{{"name":"@s/n","_attachments":{{"@s\/n-1.0.0.tgz":{{"content_type":"application/octet-stream",
            "data":"{}","length":3}},"@s/n-1.0.0.sigstore":{{"data":{},"content_type":"x"}}}},"access":null}}"#,
        STANDARD.encode("abc"),
        Value::from(bundle),
    );
    let body = parse(&text).unwrap();
    assert_eq!(Value::from(body.metadata), serde_json::json!({"name": "@s/n", "access": null}));
    assert!(body.has_attachments);
    let [tarball, provenance] = body.attachments.as_slice() else { panic!("two attachments") };
    assert_eq!(tarball.name, "@s/n-1.0.0.tgz");
    assert_eq!(tarball.content_type.as_deref(), Some("application/octet-stream"));
    assert_eq!(tarball.declared_length, Some(3));
    assert_eq!(bytes_of(&tarball.content), b"abc");
    assert!(matches!(&provenance.content, Content::Bundle(text) if text == bundle));
    assert_eq!(provenance.declared_length, None);
}

#[test]
fn a_body_without_attachments_is_metadata_alone() {
    let text = r#"{"versions":{"1.0.0":{"deprecated":"","dist":{"data":"x"}}},"data":"y"}"#;
    let body = parse(text).unwrap();
    assert!(!body.has_attachments && body.attachments.is_empty());
    assert_eq!(Value::from(body.metadata), serde_json::from_str::<Value>(text).unwrap());
    assert!(parse(r#"{"_attachments":{}}"#).unwrap().has_attachments);
}

#[test]
fn only_data_directly_in_an_attachment_is_taken() {
    let text = r#"{"a":{"_attachments":{"f":{"data":"not base64"}}},"_attachments":{"f":{"x":{"data":"%"},"data":"YQ=="}}}"#;
    let body = parse(text).unwrap();
    assert_eq!(body.metadata["a"]["_attachments"]["f"]["data"], "not base64");
    assert_eq!(bytes_of(&body.attachments[0].content), b"a");
}

#[test]
fn base64_in_every_tolerated_form() {
    let bytes: Vec<u8> = (0..=255).collect();
    let plain = STANDARD.encode(&bytes);
    let lines =
        plain.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect::<Vec<_>>();
    for data in [
        plain.clone(),
        plain.replace('/', r"\/"),
        plain.replace('A', r"\u0041"),
        lines.join(r"\r\n") + r"\n",
        format!(" {} ", lines.join(" ")),
        STANDARD_NO_PAD.encode(&bytes),
        plain.replace("==", "= ="),
    ] {
        assert_eq!(bytes_of(&parse(&with_data(&data)).unwrap().attachments[0].content), bytes, "{data}");
    }
    assert_eq!(bytes_of(&parse(&with_data("")).unwrap().attachments[0].content), b"");
}

#[test]
fn bad_base64_names_the_attachment() {
    for data in
        ["A", "QQ=", "QQ===", "QUI==", "Q=Q=", "=QQ", "QQ==QQ==", "Q-_Q", "QQ==x", "QR==", "é", "===="]
    {
        let text = refused(parse(&with_data(data)));
        assert!(text.contains("'n-1.0.0.tgz' is not valid base64"), "{data}: {text}");
    }
}

#[test]
fn what_is_refused_says_why() {
    let many = [0, 1, 2, 3, 4].map(|index| format!(r#""{index}":{{"data":""}},"#)).concat();
    for (text, reason) in [
        ("[]".into(), "must be a JSON object"),
        (r#""x""#.into(), "must be a JSON object"),
        (r#"{"_attachments":[]}"#.into(), "must be an object"),
        (r#"{"_attachments":null}"#.into(), "must be an object"),
        (r#"{"_attachments":{"f":{}}}"#.into(), "'f' has no string named 'data'"),
        (r#"{"_attachments":{"f":1}}"#.into(), "'f' has no string"),
        (r#"{"_attachments":{"f":{"data":null},"g":{"data":""}}}"#.into(), "'f' has no string"),
        (r#"{"_attachments":{"f":[{"data":""}]}}"#.into(), "'f' has no string"),
        (r#"{"_attachments":{"f":{"data":"","data":""}}}"#.into(), "the key 'data' twice"),
        (r#"{"_attachments":{"f":{"data":""}},"_attachments":{}}"#.into(), "the key '_attachments' twice"),
        (format!(r#"{{"_attachments":{{{many}"x":1}}}}"#), "at most 4 attachments"),
        (r#"{"_attachments":{"f":{"data":"QQ=="}}"#.into(), "ends too early"),
        (r#"{"_attachments":{"f":{"data":"QQ=="#.into(), "ends too early"),
        (r#"{"_attachments":{"f":{"data":"QQ=="}}} {}"#.into(), "after the document"),
        (r#"{"_attachments":{"f.sigstore":{"data":"\ud800"}}}"#.into(), "surrogate"),
        (with_data("QQ\n=="), "control character"),
    ] {
        let text: String = text;
        let said = refused(parse(&text));
        assert!(said.contains(reason), "{text}: {said}");
    }
}

#[test]
fn each_limit_is_named() {
    let small = |text: &str| parse_with(SMALL, &[text.as_bytes()]);
    let packument = |length: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(length));
    assert!(small(&packument(1900)).is_ok());
    assert!(refused(small(&packument(2000))).contains("2000 bytes"));
    let publish = format!(r#"{{"a":"{}","_attachments":{{}}}}"#, "x".repeat(1000));
    assert!(refused(small(&publish)).contains("1000 bytes"));
    let keys = |count: usize| (0..count).map(|key| format!(r#""{key}":1"#)).collect::<Vec<_>>().join(",");
    assert!(small(&format!("{{{}}}", keys(20))).is_ok());
    assert!(refused(small(&format!("{{{}}}", keys(21)))).contains("20 keys"));
    assert!(refused(small(&format!(r#"{{{},"_attachments":{{}}}}"#, keys(10)))).contains("10 keys"));
    assert!(small(&with_data(&STANDARD.encode([0; 100]))).is_ok());
    let said = refused(small(&with_data(&STANDARD.encode([0; 101]))));
    assert!(said.contains("n-1.0.0.tgz") && said.contains("100 bytes"), "{said}");
    let bundle =
        |length: usize| format!(r#"{{"_attachments":{{"s.sigstore":{{"data":"{}"}}}}}}"#, "x".repeat(length));
    assert!(small(&bundle(50)).is_ok());
    assert!(refused(small(&bundle(51))).contains("50 bytes"));
}

/// Feeds `count` times the same piece and answers the error, having checked memory after each.
fn flood(start: &str, piece: &[u8], count: usize, bound: usize) -> Result<()> {
    let mut parser = PublishBodyParser::new(BodyLimits::default());
    parser.feed(start.as_bytes())?;
    for _ in 0..count {
        parser.feed(piece)?;
        assert!(parser.buffered() < bound, "{} bytes held", parser.buffered());
    }
    Ok(())
}

#[test]
fn memory_is_bounded_whatever_comes() {
    const MIB: usize = 1024 * 1024;
    let attachment = r#"{"_attachments":{"f":{"data":""#;
    // 200 MB of tarball, most of it white space because hashing is slow without optimisation; the decoded
    // bytes go to a file.
    let piece = [b"QUJD".repeat(5_000), b" ".repeat(180_000)].concat();
    flood(attachment, &piece, 1000, 2 * MIB).unwrap();
    // The same of a bundle, of metadata, of white space and of one key.
    let bundle = r#"{"_attachments":{"f.sigstore":{"data":""#;
    assert!(refused_flood(flood(bundle, &b"x".repeat(200_000), 1000, 3 * MIB)).contains("1048576 bytes"));
    let publish = r#"{"_attachments":{},"x":""#;
    assert!(refused_flood(flood(publish, &b"x".repeat(200_000), 1000, 17 * MIB)).contains("8388608 bytes"));
    let packument = r#"{"x":1"#;
    assert!(
        refused_flood(flood(packument, &b" ".repeat(200_000), 1000, 129 * MIB)).contains("67108864 bytes")
    );
    assert!(refused_flood(flood(r#"{"_attachments":{"#, b"\"x", 2, MIB)).contains("unexpected"));
    let key = r#"{"_attachments":{},""#;
    assert!(refused_flood(flood(key, &b"x".repeat(200_000), 1000, 33 * MIB)).contains("8388608 bytes"));
}

fn refused_flood(result: Result<()>) -> String {
    match result {
        Err(Error::BadRequest(text) | Error::TooLarge(text)) => text,
        other => panic!("{other:?}"),
    }
}

/// Any JSON value, with keys that cannot repeat because a map holds them.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter_map("JSON has no infinity", |number| {
            serde_json::Number::from_f64(number).map(Value::Number)
        }),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Cuts bytes at the places given, each taken modulo the length.
fn cut<'a>(bytes: &'a [u8], places: &[usize]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = places.iter().map(|place| place % (bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn metadata_is_what_serde_json_reads(
        fields in prop::collection::btree_map("[a-z]{0,4}|é😀", any_json(), 0..8),
        tarball in prop::collection::vec(any::<u8>(), 0..200),
        places in prop::collection::vec(any::<usize>(), 0..12),
        pretty in any::<bool>(),
        position in any::<prop::sample::Index>(),
    ) {
        let mut fields: Vec<(String, Value)> = fields.into_iter().collect();
        let expected: Map<String, Value> = fields.iter().cloned().collect();
        let attachment = serde_json::json!({"f.tgz": {"data": STANDARD.encode(&tarball), "length": tarball.len()}});
        fields.insert(position.index(fields.len() + 1), ("_attachments".into(), attachment));
        let document = Value::Object(fields.into_iter().collect());
        let text = if pretty { serde_json::to_vec_pretty(&document) } else { serde_json::to_vec(&document) }.unwrap();
        // What serde_json makes of its own text, since printing floats and reading them may differ.
        let mut reread: Map<String, Value> = serde_json::from_slice(&text).unwrap();
        reread.shift_remove("_attachments");
        prop_assert_eq!(reread.len(), expected.len());
        for pieces in [cut(&text, &places), text.chunks(1).collect()] {
            let body = parse_with(BodyLimits::default(), &pieces).unwrap();
            prop_assert_eq!(&body.metadata, &reread);
            prop_assert_eq!(body.metadata.keys().collect::<Vec<_>>(), reread.keys().collect::<Vec<_>>());
            prop_assert_eq!(bytes_of(&body.attachments[0].content), tarball.clone());
            prop_assert_eq!(body.attachments[0].declared_length, Some(tarball.len() as u64));
        }
    }

    #[test]
    fn chunk_boundaries_never_decide(
        text in r#"(\{|\[|"[a-zé😀]?(\\u[dD][89a-f]00|\\n|\\/)?"|[0-9.eE+-]{1,3}|true|null|:|,|\}|\]| ){0,12}"#,
        places in prop::collection::vec(any::<usize>(), 0..6),
    ) {
        let whole = parse_with(BodyLimits::default(), &[text.as_bytes()]);
        let pieces = parse_with(BodyLimits::default(), &cut(text.as_bytes(), &places));
        prop_assert_eq!(
            whole.map(|body| body.metadata).map_err(|error| error.to_string()),
            pieces.map(|body| body.metadata).map_err(|error| error.to_string())
        );
        let guarded = crate::json_guard::parse_json(text.as_bytes(), crate::json_guard::JsonLimits::default());
        match serde_json::from_str::<Value>(&text) {
            // Whatever serde_json refuses, the guard refuses; the other way round only equal keys differ.
            Err(_) => prop_assert!(guarded.is_err()),
            Ok(value) => match guarded {
                Ok(guarded) => prop_assert_eq!(guarded, value),
                Err(error) => prop_assert!(error.to_string().contains("twice"), "{}", error),
            },
        }
    }
}
