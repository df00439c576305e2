//! People in a manifest: `Ann <ann@example.test> (https://example.test)` and the object it stands for.

use serde_json::{Map, Value};

/// Brings a person into the form of an object with `name`, `email` and `url`; anything else stays.
pub(super) fn normalize(person: &mut Value) {
    match person {
        Value::String(text) => *person = parse(text).into(),
        Value::Object(fields) => {
            for (old, new) in [("mail", "email"), ("web", "url")] {
                if let Some(value) = fields.shift_remove(old) {
                    fields.entry(new).or_insert(value);
                }
            }
        }
        _ => {}
    }
}

fn parse(text: &str) -> Map<String, Value> {
    let name = text.split(['(', '<']).next().map(str::trim).filter(|name| !name.is_empty());
    let parts = [("name", name), ("email", between(text, '<', '>')), ("url", between(text, '(', ')'))];
    parts.into_iter().filter_map(|(field, value)| Some((field.to_owned(), value?.into()))).collect()
}

/// What stands between the brackets, if they are there and hold something.
fn between(text: &str, open: char, close: char) -> Option<&str> {
    let (_, after) = text.split_once(open)?;
    let (inside, _) = after.split_once(close)?;
    Some(inside).filter(|inside| !inside.is_empty())
}
