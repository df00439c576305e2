//! A licence as forms have it.

use granary_model::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::back::Problem;
use crate::form::{Form, wrong};
use crate::text::day;

/// A licence as the interface shows it.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Licence {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) key: String,
    pub(super) constraint: Constraint,
    pub(super) on_expiry: Option<String>,
    pub(super) suspended: bool,
    pub(super) meta: Map<String, Value>,
    pub(super) packages: Vec<String>,
    pub(super) created_at: i64,
    pub(super) updated_at: i64,
}

/// The limit of a licence.
#[derive(Clone, Deserialize)]
pub(super) struct Constraint {
    #[serde(rename = "type")]
    kind: String,
    value: Option<Value>,
}

impl Licence {
    /// The moment at which it ends, if it has a date.
    fn until(&self) -> Option<Timestamp> {
        let millis = self.constraint.value.as_ref().and_then(Value::as_i64);
        millis.filter(|_| self.constraint.kind == "date").map(Timestamp::from_millis)
    }

    fn range(&self) -> Option<&str> {
        self.constraint.value.as_ref().and_then(Value::as_str)
    }

    fn on_expiry(&self) -> &str {
        self.on_expiry.as_deref().unwrap_or("revoke")
    }

    /// Its limit in words.
    pub(super) fn limit(&self) -> String {
        if let Some(until) = self.until() {
            let until = crate::text::minute(&until.to_string());
            return match self.on_expiry() {
                "revoke" => format!("until {until}; then the key opens nothing"),
                "allow" => format!("{until} is noted; the key goes on opening everything"),
                _ => format!("what was published until {until}, for good"),
            };
        }
        self.range().map_or_else(|| "all versions".into(), |range| format!("versions {range}"))
    }

    /// The body that replaces it by itself, but for whether it is suspended.
    pub(super) fn with_state(&self, suspended: bool) -> Value {
        let constraint = match &self.constraint.value {
            Some(value) => json!({ "type": self.constraint.kind, "value": value }),
            None => json!({ "type": self.constraint.kind }),
        };
        json!({
            "name": self.name,
            "key": self.key,
            "constraint": constraint,
            "onExpiry": self.on_expiry(),
            "suspended": suspended,
            "meta": self.meta,
            "packages": self.packages,
        })
    }
}

/// What the form holds, as it was filled in.
#[derive(Clone)]
pub(super) struct LicenceForm {
    pub(super) name: String,
    pub(super) key: String,
    /// `none`, `date` or `version`.
    pub(super) kind: String,
    /// A day such as `2027-12-31`.
    pub(super) until: String,
    pub(super) range: String,
    pub(super) on_expiry: String,
    pub(super) suspended: bool,
    /// Text, or a JSON object.
    pub(super) meta: String,
    /// Names, one a line.
    pub(super) packages: String,
}

impl LicenceForm {
    pub(super) fn empty() -> Self {
        Self {
            name: String::new(),
            key: String::new(),
            kind: "none".into(),
            until: String::new(),
            range: String::new(),
            on_expiry: "revoke".into(),
            suspended: false,
            meta: String::new(),
            packages: String::new(),
        }
    }

    pub(super) fn of(form: &Form) -> Self {
        let text = |name| form.text(name).to_owned();
        Self {
            name: text("name"),
            key: text("key"),
            kind: text("kind"),
            until: text("until"),
            range: text("range"),
            on_expiry: text("onExpiry"),
            suspended: form.is_checked("suspended"),
            meta: form.text("meta").replace("\r\n", "\n"),
            packages: text("packages"),
        }
    }

    pub(super) fn from_licence(licence: &Licence) -> Self {
        let meta = &licence.meta;
        Self {
            name: licence.name.clone(),
            key: licence.key.clone(),
            kind: licence.constraint.kind.clone(),
            until: licence.until().map_or_else(String::new, |until| day(&until.to_string()).to_owned()),
            range: licence.range().unwrap_or_default().to_owned(),
            on_expiry: licence.on_expiry().to_owned(),
            suspended: licence.suspended,
            meta: if meta.is_empty() { String::new() } else { pretty(meta) },
            packages: licence.packages.join("\n"),
        }
    }

    /// What the interface is asked. `before` is the licence that is replaced: a date that was not touched keeps its time of
    /// day.
    pub(super) fn request(&self, before: Option<&Licence>) -> Result<Value, Problem> {
        let constraint = match self.kind.as_str() {
            "date" => json!({ "type": "date", "value": self.end(before)?.millis() }),
            "version" => json!({ "type": "version", "value": self.range }),
            other => json!({ "type": other }),
        };
        let packages: Vec<&str> =
            self.packages.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let is_new = before.is_none();
        if self.key.is_empty() && !is_new {
            return Err(wrong("Key: say the key, or keep the one that was there"));
        }
        if packages.is_empty() && is_new {
            return Err(wrong("Packages: name at least one that the key is to open"));
        }
        // A new one gets the key that the interface makes, where none is said.
        let key = Some(&self.key).filter(|key| !key.is_empty());
        Ok(json!({
            "name": self.name,
            "key": key,
            "constraint": constraint,
            "onExpiry": self.on_expiry,
            "suspended": self.suspended,
            "meta": self.notes()?,
            "packages": packages,
        }))
    }

    /// What is kept with it: an object as it is, and any other text under one name.
    fn notes(&self) -> Result<Map<String, Value>, Problem> {
        if self.meta.is_empty() {
            return Ok(Map::new());
        }
        if !self.meta.starts_with('{') {
            return Ok([(NOTES.to_owned(), json!(self.meta))].into_iter().collect());
        }
        serde_json::from_str(&self.meta).map_err(|_| {
            wrong(
                "Notes: what begins with { has to be a JSON object such as {\"order\":\"4711\"}; other text is kept as it is",
            )
        })
    }

    /// The end of the day that was named.
    fn end(&self, before: Option<&Licence>) -> Result<Timestamp, Problem> {
        let kept = before.and_then(Licence::until).filter(|until| day(&until.to_string()) == self.until);
        if let Some(kept) = kept {
            return Ok(kept);
        }
        let end = || {
            let date: Date = self.until.parse().ok()?;
            let end = TimeZone::UTC.to_timestamp(date.at(23, 59, 59, 999_000_000)).ok()?;
            Some(Timestamp::from_millis(end.as_millisecond()))
        };
        end().ok_or_else(|| wrong("Until: a day such as 2027-12-31"))
    }
}

/// The name under which text is kept with a licence.
const NOTES: &str = "notes";

/// What is kept with a licence, to read and to write: text alone as it was written, everything else as JSON.
pub(super) fn pretty(meta: &Map<String, Value>) -> String {
    let text = meta.get(NOTES).and_then(Value::as_str).filter(|_| meta.len() == 1);
    // Only what the form takes back as the same text.
    let is_taken_back = |text: &str| {
        !text.is_empty() && text.trim() == text && !text.starts_with('{') && !text.contains('\r')
    };
    if let Some(text) = text.filter(|text| is_taken_back(text)) {
        return text.to_owned();
    }
    serde_json::to_string_pretty(meta).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn licence(constraint: &Value, on_expiry: Option<&str>) -> Licence {
        let mut licence = json!({
            "id": "1", "name": "A", "key": "12345-12345", "constraint": constraint, "suspended": false,
            "meta": { "b": 1, "a": 2 }, "packages": ["pad", "libs/pad"], "createdAt": 1, "updatedAt": 2,
        });
        if let Some(text) = on_expiry {
            licence["onExpiry"] = json!(text);
        }
        serde_json::from_value(licence).unwrap()
    }

    #[test]
    fn a_licence_goes_through_its_form_unchanged() {
        for (constraint, on_expiry) in [
            (json!({ "type": "none" }), None),
            (json!({ "type": "date", "value": 1_830_297_599_123_i64 }), Some("restrict")),
            (json!({ "type": "version", "value": "<2.0.0" }), Some("maintain")),
        ] {
            let before = licence(&constraint, on_expiry);
            let body = LicenceForm::from_licence(&before).request(Some(&before)).ok().unwrap();
            assert_eq!(body, before.with_state(false));
            assert_eq!(body["meta"].to_string(), "{\"b\":1,\"a\":2}");
        }
    }

    #[test]
    fn notes_are_text_or_an_object() {
        let kept = |meta: &str| LicenceForm { meta: meta.into(), ..LicenceForm::empty() }.notes();
        assert_eq!(kept("").ok().unwrap(), Map::new());
        for text in ["Order 4711\npaid", "[1]", "\"x\""] {
            let notes = kept(text).ok().unwrap();
            assert_eq!(Value::from(notes.clone()), json!({ "notes": text }));
            assert_eq!(pretty(&notes), text);
        }
        let object = kept("{\"notes\":\"a\",\"order\":1}").ok().unwrap();
        assert_eq!(Value::from(object.clone()), json!({ "notes": "a", "order": 1 }));
        // What the form would read as something else stays JSON.
        for notes in [json!(" a"), json!("{}"), json!(""), json!("a\r\nb"), json!(7)] {
            let mut meta = Map::new();
            meta.insert("notes".into(), notes);
            assert_eq!(kept(&pretty(&meta)).ok().unwrap(), meta);
        }
        assert!(kept("{\"order\":").is_err() && kept("{} x").is_err());
    }

    #[test]
    fn a_new_licence_names_packages() {
        let form = LicenceForm { name: "A".into(), packages: " \n".into(), ..LicenceForm::empty() };
        assert!(form.request(None).err().unwrap().message.starts_with("Packages:"));
        let body = LicenceForm { packages: "pad".into(), ..form }.request(None).ok().unwrap();
        assert_eq!((&body["name"], &body["key"]), (&json!("A"), &Value::Null));
    }

    #[test]
    fn a_day_ends_at_midnight() {
        let form = LicenceForm {
            kind: "date".into(),
            until: "2027-12-31".into(),
            packages: "pad".into(),
            ..LicenceForm::empty()
        };
        let body = form.request(None).ok().unwrap();
        assert_eq!(body["constraint"]["value"], 1_830_297_599_999_i64);
        for bad in ["", "2027-13-01", "31.12.2027", "9999-99-99"] {
            let form = LicenceForm { until: bad.into(), ..form.clone() };
            assert!(form.request(None).is_err(), "{bad}");
        }
    }

    #[test]
    fn limits_read_well() {
        let date = || json!({ "type": "date", "value": 1_830_297_599_999_i64 });
        assert_eq!(licence(&json!({ "type": "none" }), None).limit(), "all versions");
        assert_eq!(licence(&json!({ "type": "version", "value": "<2" }), None).limit(), "versions <2");
        assert_eq!(licence(&date(), None).limit(), "until 2027-12-31 23:59 UTC; then the key opens nothing");
        let kept = licence(&date(), Some("restrict")).limit();
        assert_eq!(kept, "what was published until 2027-12-31 23:59 UTC, for good");
    }
}
