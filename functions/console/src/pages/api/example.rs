//! An operation as a command of curl.

use serde_json::Value;

use super::document::{Access, Body, Operation};

/// The command. What has to be filled in is in capitals.
pub(super) fn command(public_url: &str, operation: &Operation) -> String {
    let mut address = format!("{}{}", public_url.trim_end_matches('/'), filled(&operation.path));
    let required = operation.parameters.iter().filter(|field| field.place == "query" && field.is_required);
    for (field, separator) in required.zip(std::iter::once('?').chain(std::iter::repeat('&'))) {
        address.extend([&separator.to_string(), &field.name, "=", &field.name.to_uppercase()]);
    }
    let mut lines = vec![match operation.method.as_str() {
        "GET" if operation.is_download => format!("curl -L -o FILE {}", quoted(&address)),
        "GET" => format!("curl {}", quoted(&address)),
        "HEAD" => format!("curl -I {}", quoted(&address)),
        method => format!("curl -X {method} {}", quoted(&address)),
    }];
    match operation.access {
        Access::Nothing => {}
        Access::Person => lines.push("-H \"Authorization: Bearer $ID_TOKEN\"".to_owned()),
        Access::Product => lines.push("-H \"X-Api-Token: $GRANARY_TOKEN\"".to_owned()),
        _ => lines.push("-H \"Authorization: Bearer $GRANARY_TOKEN\"".to_owned()),
    }
    if let Some(body) = &operation.body {
        lines.extend(sent(body));
    }
    lines.join(" \\\n  ")
}

/// How a body is sent.
fn sent(body: &Body) -> Vec<String> {
    if body.media == "multipart/form-data" {
        let fields = body.fields.iter().filter(|field| field.is_required || field.name == "file");
        return fields
            .map(|field| {
                let value = if field.kind.contains("binary") { "@FILE" } else { &field.name.to_uppercase() };
                format!("-F {}={value}", field.name)
            })
            .collect();
    }
    let media = format!("-H 'Content-Type: {}'", body.media);
    let data = match &body.example {
        Some(example) => format!("-d {}", quoted(&example.to_string())),
        None if body.media == "application/json" => skeleton(body),
        None => "--data-binary @FILE".to_owned(),
    };
    vec![media, data]
}

/// The members that have to be there.
fn skeleton(body: &Body) -> String {
    let required: Vec<_> = body.fields.iter().filter(|field| field.is_required).collect();
    if required.is_empty() {
        return "-d @body.json".to_owned();
    }
    let member = |name: &str, kind: &str| match kind.split(' ').next().unwrap_or_default() {
        "integer" | "number" => (name.to_owned(), Value::from(1)),
        "boolean" => (name.to_owned(), Value::from(true)),
        "array" => (name.to_owned(), kind.strip_prefix("array of ").and_then(first_of).into_iter().collect()),
        "one" => (name.to_owned(), first_of(kind).unwrap_or_default()),
        "string" => (name.to_owned(), Value::from(name.to_uppercase())),
        _ => (name.to_owned(), Value::Object(serde_json::Map::new())),
    };
    let body: serde_json::Map<_, _> = required.iter().map(|field| member(&field.name, &field.kind)).collect();
    format!("-d {}", quoted(&Value::Object(body).to_string()))
}

/// The first value of `one of a, b`.
fn first_of(kind: &str) -> Option<Value> {
    kind.strip_prefix("one of ")?.split(',').next().map(Value::from)
}

/// A path with its parameters in capitals.
fn filled(path: &str) -> String {
    let mut filled = String::new();
    let mut in_braces = false;
    for letter in path.chars() {
        match letter {
            '{' => in_braces = true,
            '}' => in_braces = false,
            '*' if in_braces => {}
            letter if in_braces => filled.extend(letter.to_uppercase()),
            letter => filled.push(letter),
        }
    }
    filled
}

/// A word of a command line.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::document::Field;
    use super::*;

    fn operation(method: &str, access: Access, body: Option<Body>) -> Operation {
        let url = Field { name: "url".into(), place: "query".into(), is_required: true, ..Field::default() };
        Operation {
            method: method.into(),
            path: "/api/{repo}/{*name}".into(),
            access,
            parameters: vec![url],
            body,
            ..Operation::default()
        }
    }

    fn field(name: &str, kind: &str) -> Field {
        Field { name: name.into(), kind: kind.into(), is_required: true, ..Field::default() }
    }

    #[test]
    fn commands_can_be_typed() {
        let get = operation("GET", Access::Nothing, None);
        assert_eq!(
            command("http://localhost:8080", &get),
            "curl 'http://localhost:8080/api/REPO/NAME?url=URL'"
        );
        let json = |example, fields| Body { media: "application/json".into(), example, fields };
        let post = operation("POST", Access::Token, Some(json(Some(json!({ "a": "it's" })), Vec::new())));
        assert_eq!(
            command("http://localhost:8080/", &post),
            "curl -X POST 'http://localhost:8080/api/REPO/NAME?url=URL' \\\n  -H \"Authorization: Bearer $GRANARY_TOKEN\" \\\n  \
             -H 'Content-Type: application/json' \\\n  -d '{\"a\":\"it'\\''s\"}'"
        );
        let fields = vec![
            field("e", "one of p, q"),
            field("f", "array of one of r, s"),
            field("l", "array of string"),
            field("n", "integer"),
            field("s", "string"),
        ];
        assert_eq!(
            sent(&json(None, fields)).last().unwrap(),
            r#"-d '{"e":"p","f":["r"],"l":[],"n":1,"s":"S"}'"#
        );
        let form = Body {
            media: "multipart/form-data".into(),
            fields: vec![field("file", "string (binary)"), field("product", "string")],
            example: None,
        };
        assert_eq!(sent(&form), ["-F file=@FILE", "-F product=PRODUCT"]);
        let saved = Operation { is_download: true, ..operation("GET", Access::Person, None) };
        assert_eq!(
            command("http://localhost:8080", &saved),
            "curl -L -o FILE 'http://localhost:8080/api/REPO/NAME?url=URL' \\\n  -H \"Authorization: Bearer $ID_TOKEN\""
        );
        let bytes = Body { media: "application/octet-stream".into(), ..Body::default() };
        assert_eq!(sent(&bytes).last().unwrap(), "--data-binary @FILE");
    }
}
