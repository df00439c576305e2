//! An OpenAPI document as pages show it: families of operations.

use serde_json::{Map, Value};

/// Answers that mean the same everywhere, and are explained once.
const COMMON: [&str; 7] = ["400", "401", "403", "404", "409", "413", "503"];

/// How deep references are followed.
const MAX_REFERENCES: usize = 8;

/// What pages show.
#[derive(Debug)]
pub(super) struct Document {
    /// What it says about all of it.
    pub(super) description: String,
    /// In the order of the document.
    pub(super) families: Vec<Family>,
    /// What the answers mean that are the same everywhere.
    pub(super) common: Vec<Answer>,
}

/// Operations that belong together: those with one tag.
#[derive(Debug)]
pub(super) struct Family {
    /// The tag.
    pub(super) name: String,
    /// What it is about.
    pub(super) description: String,
    /// In the order of the document.
    pub(super) operations: Vec<Operation>,
}

/// One operation.
#[derive(Debug, Default)]
pub(super) struct Operation {
    /// Its id, which is the id of its element as well.
    pub(super) id: String,
    /// In capitals.
    pub(super) method: String,
    /// With its parameters in braces.
    pub(super) path: String,
    /// One line.
    pub(super) summary: String,
    /// More than that.
    pub(super) description: String,
    /// What whoever asks has to bring along.
    pub(super) access: Access,
    /// In the path, the query or the headers.
    pub(super) parameters: Vec<Field>,
    /// What is sent.
    pub(super) body: Option<Body>,
    /// Answers of its own.
    pub(super) answers: Vec<Answer>,
    /// Statuses of those that mean the same everywhere.
    pub(super) common: Vec<String>,
    /// Whether it answers with bytes to be saved, itself or from elsewhere.
    pub(super) is_download: bool,
}

/// Operations that no API token opens. The document cannot say so: an ID token is a `Bearer` as well.
const IN_PERSON: [(&str, &str); 7] = [
    ("get", "/api/auth/token"),
    ("post", "/api/auth/token"),
    ("delete", "/api/auth/token"),
    ("get", "/api/auth/sessions"),
    ("delete", "/api/auth/sessions"),
    ("get", "/api/auth/audit"),
    ("post", "/api/orgs/{org}/tokens"),
];

/// Credentials that an operation takes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// A token; none for reading what is public.
    #[default]
    TokenOrPublic,
    /// A token.
    Token,
    /// A token as `Bearer` only.
    Bearer,
    /// An ID token, or the session of a browser: whoever asks is there in person.
    Person,
    /// A token of the product interface, or of the registry.
    Product,
    /// None.
    Nothing,
}

impl Access {
    /// In words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::TokenOrPublic => "Takes a token; what is public needs none.",
            Self::Token => "Takes a token.",
            Self::Bearer => "Takes a token, as Bearer only.",
            Self::Person => "Takes an ID token, or the sign-in of a browser.",
            Self::Product => "Takes a token in X-Api-Token.",
            Self::Nothing => "Takes no credentials.",
        }
    }
}

/// A parameter, or a member of what is sent.
#[derive(Debug, Default)]
pub(super) struct Field {
    pub(super) name: String,
    /// `path`, `query`, `header`; empty for members of a body.
    pub(super) place: String,
    pub(super) is_required: bool,
    /// In words: `string`, `array of string`, `one of a, b`.
    pub(super) kind: String,
    pub(super) description: String,
}

/// What is sent.
#[derive(Debug, Default)]
pub(super) struct Body {
    /// Its media type.
    pub(super) media: String,
    pub(super) fields: Vec<Field>,
    /// An example, as JSON in lines.
    pub(super) example: Option<Value>,
}

/// An answer.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// Its status, or `default`.
    pub(super) status: String,
    pub(super) description: String,
    /// Members of its body, in words.
    pub(super) fields: Vec<Field>,
}

impl Document {
    /// From the document.
    pub(super) fn new(document: &Value) -> Self {
        let reader = Reader { document };
        let mut families: Vec<Family> = list(document, "tags")
            .iter()
            .map(|tag| Family {
                name: text(tag, "name"),
                description: text(tag, "description"),
                operations: Vec::new(),
            })
            .collect();
        for (path, item) in members(document.get("paths")) {
            for (method, operation) in members(Some(item)) {
                if !METHODS.contains(&method.as_str()) {
                    continue;
                }
                let tag = list(operation, "tags").first().and_then(Value::as_str).unwrap_or("other");
                let read = reader.operation(path, method, operation);
                match families.iter_mut().find(|family| family.name == tag) {
                    Some(family) => family.operations.push(read),
                    None => families.push(Family {
                        name: tag.to_owned(),
                        description: String::new(),
                        operations: vec![read],
                    }),
                }
            }
        }
        families.retain(|family| !family.operations.is_empty());
        let responses = document.pointer("/components/responses");
        let common = COMMON.iter().filter_map(|status| Some(reader.answer(status, responses?.get(status)?)));
        Self {
            description: document
                .pointer("/info/description")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            common: common.collect(),
            families,
        }
    }

    /// The family of a tag.
    pub(super) fn family(&self, name: &str) -> Option<&Family> {
        self.families.iter().find(|family| family.name == name)
    }
}

/// Members of a path that are operations.
const METHODS: [&str; 7] = ["get", "head", "put", "post", "patch", "delete", "options"];

struct Reader<'a> {
    document: &'a Value,
}

impl<'a> Reader<'a> {
    fn operation(&self, path: &str, method: &str, operation: &'a Value) -> Operation {
        let mut read = Operation {
            id: text(operation, "operationId"),
            method: method.to_uppercase(),
            path: path.to_owned(),
            summary: text(operation, "summary"),
            description: text(operation, "description"),
            access: if IN_PERSON.contains(&(method, path)) { Access::Person } else { self.access(operation) },
            parameters: list(operation, "parameters").iter().map(|one| self.parameter(one)).collect(),
            body: operation.get("requestBody").and_then(|body| self.body(body)),
            ..Operation::default()
        };
        for (status, answer) in members(operation.get("responses")) {
            if COMMON.contains(&status.as_str()) && answer.get("$ref").is_some() {
                read.common.push(status.clone());
            } else {
                read.answers.push(self.answer(status, answer));
            }
        }
        read.is_download = method == "get" && read.access != Access::Nothing && is_download(operation);
        read.answers.sort_by(|one, other| one.status.cmp(&other.status));
        read.common.sort();
        read
    }

    fn access(&self, operation: &Value) -> Access {
        let security = operation.get("security").or_else(|| self.document.get("security"));
        let schemes = security.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let takes = |name: &str| schemes.iter().any(|scheme| scheme.get(name).is_some());
        let is_open = schemes.iter().any(|scheme| members(Some(scheme)).next().is_none());
        match (schemes.is_empty(), takes("productToken"), is_open, takes("basic")) {
            (true, ..) => Access::Nothing,
            (_, true, ..) => Access::Product,
            (_, _, true, _) => Access::TokenOrPublic,
            (_, _, _, true) => Access::Token,
            _ => Access::Bearer,
        }
    }

    /// What a reference leads to, or the value itself.
    fn resolved(&self, value: &'a Value) -> &'a Value {
        let mut value = value;
        for _ in 0..MAX_REFERENCES {
            let target = value.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#'));
            match target.and_then(|path| self.document.pointer(path)) {
                Some(found) => value = found,
                None => break,
            }
        }
        value
    }

    fn parameter(&self, parameter: &'a Value) -> Field {
        let parameter = self.resolved(parameter);
        Field {
            name: text(parameter, "name"),
            place: text(parameter, "in"),
            is_required: parameter.get("required") == Some(&Value::Bool(true)),
            kind: parameter.get("schema").map(|schema| self.kind(schema)).unwrap_or_default(),
            description: text(parameter, "description"),
        }
    }

    fn body(&self, body: &'a Value) -> Option<Body> {
        let (media, content) = members(self.resolved(body).get("content")).next()?;
        Some(Body {
            media: media.clone(),
            fields: content.get("schema").map(|schema| self.fields(schema)).unwrap_or_default(),
            example: content.get("example").cloned(),
        })
    }

    fn answer(&self, status: &str, answer: &'a Value) -> Answer {
        let answer = self.resolved(answer);
        let content = members(answer.get("content")).next().map(|(_, content)| content);
        let schema = content.and_then(|content| content.get("schema"));
        // What an error looks like is the same everywhere.
        let schema = schema.filter(|_| status.starts_with('2'));
        Answer {
            status: status.to_owned(),
            description: text(answer, "description"),
            fields: schema.map(|schema| self.fields(schema)).unwrap_or_default(),
        }
    }

    /// Members of an object, or of the entries of a list.
    fn fields(&self, schema: &'a Value) -> Vec<Field> {
        let mut schema = self.resolved(schema);
        if let Some(items) = schema.get("items") {
            schema = self.resolved(items);
        }
        let parts = list(schema, "allOf");
        if !parts.is_empty() {
            return parts.iter().flat_map(|part| self.fields(part)).collect();
        }
        let required = list(schema, "required");
        let members = members(schema.get("properties"));
        members
            .map(|(name, member)| Field {
                name: name.clone(),
                place: String::new(),
                is_required: required.iter().any(|one| one.as_str() == Some(name)),
                kind: self.kind(member),
                description: text(self.resolved(member), "description"),
            })
            .collect()
    }

    /// A type in words.
    fn kind(&self, schema: &'a Value) -> String {
        let name = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
        let schema = self.resolved(schema);
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            let values: Vec<_> = values
                .iter()
                .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
                .collect();
            return format!("one of {}", values.join(", "));
        }
        if let Some(items) = schema.get("items") {
            return format!("array of {}", self.kind(items));
        }
        let kind = match schema.get("type") {
            Some(Value::String(kind)) => kind.clone(),
            Some(Value::Array(kinds)) => {
                kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or ")
            }
            _ => String::new(),
        };
        match (name, text(schema, "format")) {
            (Some(name), _) if kind.is_empty() || kind == "object" => name.to_owned(),
            (_, format) if !format.is_empty() => format!("{kind} ({format})"),
            _ => kind,
        }
    }
}

/// Whether the answer is a file: not JSON, or one that may be kept elsewhere.
fn is_download(operation: &Value) -> bool {
    let answer = |status| operation.get("responses").and_then(|answers| answers.get(status));
    let Some(done) = answer("200") else { return false };
    let mut media = members(done.get("content")).map(|(media, _)| media).peekable();
    let is_elsewhere = answer("302").is_some() || answer("303").is_some();
    match media.peek() {
        Some(_) => media.all(|media| media != "application/json"),
        None => is_elsewhere,
    }
}

/// A text in pieces, each with whether it stands between backticks.
pub(super) fn pieces(text: &str) -> Vec<(bool, &str)> {
    if text.matches('`').count() % 2 == 1 {
        return vec![(false, text)];
    }
    let parts = text.split('`').enumerate().map(|(number, part)| (number % 2 == 1, part));
    parts.filter(|(_, part)| !part.is_empty()).collect()
}

fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn members(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flat_map(Map::iter)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn backticks_are_code() {
        assert_eq!(pieces("see `a`, `b`"), [(false, "see "), (true, "a"), (false, ", "), (true, "b")]);
        assert_eq!(pieces("`a"), [(false, "`a")]);
        assert!(pieces("").is_empty());
    }

    #[test]
    fn what_is_saved_and_who_is_asked_for() {
        let bytes = json!({ "content": { "application/octet-stream": {} } });
        let list = json!({ "content": { "application/json": {} } });
        let document = Document::new(&json!({
            "security": [{ "bearer": [] }],
            "paths": {
                "/bytes": { "get": { "responses": { "200": bytes } }, "head": { "responses": { "200": bytes } } },
                "/elsewhere": { "get": { "responses": { "200": {}, "302": {} } } },
                "/list": { "get": { "responses": { "200": list, "302": {} } } },
                "/page": { "get": { "security": [], "responses": { "200": {}, "303": {} } } },
                "/api/orgs/{org}/tokens": { "get": { "responses": {} }, "post": { "responses": {} } },
            },
        }));
        let operations = &document.family("other").unwrap().operations;
        let saved: Vec<_> =
            operations.iter().filter(|one| one.is_download).map(|one| one.path.as_str()).collect();
        assert_eq!(saved, ["/bytes", "/elsewhere"]);
        let persons: Vec<_> = operations.iter().filter(|one| one.access == Access::Person).collect();
        assert_eq!(persons.iter().map(|one| one.method.as_str()).collect::<Vec<_>>(), ["POST"]);
    }

    #[test]
    fn operations_say_what_they_take_and_answer() {
        let document = Document::new(&json!({
            "security": [{ "bearer": [] }, { "basic": [] }, {}],
            "tags": [{ "name": "a", "description": "About a" }, { "name": "none" }],
            "paths": { "/x/{y}": {
                "put": {
                    "operationId": "put_x", "summary": "Put", "tags": ["a"], "security": [{ "bearer": [] }],
                    "parameters": [{ "$ref": "#/components/parameters/y" }],
                    "requestBody": { "content": { "application/json": {
                        "schema": { "$ref": "#/components/schemas/X" }, "example": { "n": 1 } } } },
                    "responses": { "404": { "$ref": "#/components/responses/404" }, "200": { "description": "Done" } },
                },
                "get": { "operationId": "get_x", "tags": ["b"], "responses": {} },
            } },
            "components": {
                "parameters": { "y": { "name": "y", "in": "path", "required": true, "schema": { "type": "string" } } },
                "responses": { "404": { "description": "Not there" } },
                "schemas": {
                    "X": { "type": "object", "required": ["n"], "properties": {
                        "n": { "type": "integer", "format": "int64" }, "o": { "$ref": "#/components/schemas/X" },
                        "s": { "type": "array", "items": { "$ref": "#/components/schemas/E" } } } },
                    "E": { "enum": ["p", "q"] },
                },
            },
        }));
        let names: Vec<_> = document.families.iter().map(|family| family.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        let put = &document.family("a").unwrap().operations[0];
        assert_eq!((put.method.as_str(), put.path.as_str(), put.access), ("PUT", "/x/{y}", Access::Bearer));
        assert_eq!((put.parameters[0].name.as_str(), put.parameters[0].is_required), ("y", true));
        let body = put.body.as_ref().unwrap();
        let kinds: Vec<_> = body
            .fields
            .iter()
            .map(|field| (field.name.as_str(), field.kind.as_str(), field.is_required))
            .collect();
        assert_eq!(
            kinds,
            [("n", "integer (int64)", true), ("o", "X", false), ("s", "array of one of p, q", false)]
        );
        assert_eq!((put.common.as_slice(), put.answers.len()), (["404".to_owned()].as_slice(), 1));
        assert_eq!(document.family("b").unwrap().operations[0].access, Access::TokenOrPublic);
        assert_eq!((document.common.len(), document.common[0].description.as_str()), (1, "Not there"));
    }
}
