use super::demands::*;
use super::*;
use crate::wire::Answer;

fn answer(status: u16, fields: &[(&str, &str)], body: &str) -> Answer {
    let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Answer { status, fields, body: body.into() }
}

fn json(body: &str) -> Answer {
    answer(200, &[("Content-Version", "1"), ("Content-Type", "application/json")], body)
}

fn client(token: Option<&str>) -> Client {
    Client { version: SWIFT_6_0, host: "localhost:1".into(), token: token.map(Into::into) }
}

#[test]
fn requests_are_as_recorded() {
    assert_eq!(
        client(Some("art_abc")).login("/r"),
        "POST /r HTTP/1.1\r\nHost: localhost:1\r\nAccept: */*\r\nAccept-Encoding: deflate, gzip, br, zstd\r\n\
         User-Agent: SwiftPackageManager/6.0.3\r\nAuthorization: Bearer art_abc\r\n\
         Connection: keep-alive\r\nAccept-Language: en\r\nContent-Length: 0\r\n\r\n"
    );
    assert_eq!(
        client(None).get("/r/mona/lib", Media::Json, 1),
        "GET /r/mona/lib HTTP/1.1\r\nHost: localhost:1\r\nAccept-Encoding: deflate, gzip, br, zstd\r\n\
         User-Agent: SwiftPackageManager/6.0.3\r\nAccept: application/vnd.swift.registry.v1+json\r\n\
         Connection: keep-alive\r\nAccept-Language: en\r\n\r\n"
    );
    let form = Form {
        boundary: "B".into(),
        signature: Some(b"s".to_vec()),
        ..Form::new(b"PK".to_vec(), Some("{}"))
    };
    assert!(
        client(None)
            .publish("/r/a/b/1.0.0", &form, 0)
            .contains("\r\nX-Swift-Package-Signature-Format: cms-1.0.0\r\n")
    );
    let disposition = "Content-Disposition: form-data; name=";
    assert_eq!(
        String::from_utf8(form.bytes()).unwrap(),
        format!(
            "--B\r\n{disposition}\"source-archive\"\r\nContent-Type: application/zip\r\n\
             Content-Transfer-Encoding: binary\r\n\r\nPK\r\n\
             --B\r\n{disposition}\"source-archive-signature\"\r\nContent-Type: application/octet-stream\r\n\
             Content-Transfer-Encoding: binary\r\n\r\ns\r\n\
             --B\r\n{disposition}\"metadata\"\r\nContent-Type: application/json\r\n\
             Content-Transfer-Encoding: quoted-printable\r\n\r\n{{}}\r\n--B--\r\n"
        )
    );
}

#[test]
fn version_and_type_are_exact() {
    assert!(check_success(&json("{}"), Media::Json).is_ok());
    let with = |version: &str, content_type: &str| {
        check_success(
            &answer(200, &[("content-version", version), ("content-type", content_type)], ""),
            Media::Json,
        )
    };
    assert!(with("1", "application/json; charset=utf-8").is_ok());
    for (version, content_type) in [
        ("1.0", "application/json"),
        ("1, 1", "application/json"),
        ("1", "application/jsonx"),
        ("1", "text/json"),
    ] {
        assert!(with(version, content_type).is_err(), "{version} {content_type}");
    }
    assert!(check_success(&answer(200, &[("content-type", "application/json")], ""), Media::Json).is_err());
}

#[test]
fn problems_are_read() {
    let fields = [("content-version", "1"), ("content-type", "application/problem+json")];
    assert_eq!(problem(&answer(409, &fields, r#"{"detail":"taken"}"#), 409).unwrap(), "taken");
    assert!(problem(&answer(409, &fields, r#"{"title":"taken"}"#), 409).is_err());
    assert!(problem(&answer(409, &fields[..1], r#"{"detail":"taken"}"#), 409).is_err());
    let basic = [fields[0], fields[1], ("www-authenticate", "Basic realm=\"x\"")];
    assert!(problem(&answer(401, &basic, r#"{"detail":"who?"}"#), 401).is_err());
}

#[test]
fn lists_and_metadata_are_decoded_strictly() {
    let list =
        r#"{"releases":{"1.0.0":{"url":"u"},"0.9.0":{"problem":{"status":410,"detail":"gone"}},"2.0.0":{}}}"#;
    let mut available = releases(&json(list)).unwrap();
    available.sort();
    assert_eq!(available, ["1.0.0", "2.0.0"]);
    assert!(releases(&json(r#"{"releases":{"1.0.0":{"problem":{"status":410}}}}"#)).is_err());
    let release = |more: &str| {
        let resources = r#"[{"name":"source-archive","type":"application/zip","checksum":"ab"}]"#;
        checksum(&json(&format!(r#"{{"id":"a.b","version":"1.0.0","resources":{resources}{more}}}"#)))
    };
    assert_eq!(release("").unwrap(), "ab");
    assert!(release(r#","publishedAt":"2026-02-16T14:30:00Z""#).is_ok());
    for broken in [
        r#","publishedAt":"2026-02-16T14:30:00.000Z""#,
        r#","publishedAt":"2026-02-16T14:30:00+00:00""#,
        r#","metadata":{"author":{"email":"x"}}"#,
        r#","metadata":{"author":{"name":"x","organization":{}}}"#,
        r#","metadata":{"originalPublicationTime":"2026-02-16"}"#,
    ] {
        assert!(release(broken).is_err(), "{broken}");
    }
}

#[test]
fn links_are_read_simply() {
    let with = |link: &str| {
        answer(200, &[("content-version", "1"), ("content-type", "text/x-swift"), ("Link", link)], "")
    };
    let one = r#"<http://h/P?swift-version=5.9>; rel="alternate"; filename="Package@swift-5.9.swift"; swift-tools-version="5.9""#;
    let expected = ManifestLink { filename: "Package@swift-5.9.swift".into(), tools_version: "5.9".into() };
    assert_eq!(
        manifest_links(&with(&format!("<http://h/x>; rel=\"canonical\", {one}"))).unwrap(),
        [expected]
    );
    assert!(manifest_links(&with(&format!("{one}, {one}"))).is_err());
    assert!(manifest_links(&with(&one.replace("version=\"5.9\"", "version=\"5\""))).is_err());
    let pages = with(r#"<http://h/1>; rel="latest-version", <http://h/2>; rel="next""#);
    assert_eq!(links(&pages, "next"), ["http://h/2"]);
    assert!(links(&pages, "prev").is_empty());
}
