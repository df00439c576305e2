//! The settings of an upstream as a form has them.

use serde_json::{Map, Value, json};

use super::Upstream;
use crate::back::Problem;
use crate::form::{Form, wrong};

/// What was filled in.
#[derive(Debug, Clone, Default)]
pub(super) struct UpstreamForm {
    pub(super) name: String,
    pub(super) kind: String,
    /// The address of a registry, or the name of a repository here.
    pub(super) url: String,
    pub(super) repo: String,
    /// Only ever on their way in.
    token: String,
    username: String,
    password: String,
    forget: bool,
    pub(super) owned: String,
    pub(super) names: String,
    pub(super) fresh: String,
    pub(super) cooldown: String,
    pub(super) except: String,
    pub(super) files: String,
    pub(super) removed: String,
    pub(super) hosts: String,
    pub(super) anonymous: bool,
    pub(super) search: bool,
}

impl UpstreamForm {
    /// A new one.
    pub(super) fn empty() -> Self {
        Self { files: "store".into(), removed: "refuse".into(), ..Self::default() }
    }

    /// What was sent.
    pub(super) fn of(form: &Form) -> Self {
        let text = |name: &str| form.text(name).to_owned();
        Self {
            name: text("name"),
            kind: text("packageType"),
            url: text("url"),
            repo: text("repoId"),
            token: text("token"),
            username: text("username"),
            password: text("password"),
            forget: form.is_checked("forget"),
            owned: text("owned"),
            names: text("names"),
            fresh: text("fresh"),
            cooldown: text("cooldown"),
            except: text("except"),
            files: text("files"),
            removed: text("removed"),
            hosts: text("hosts"),
            anonymous: form.is_checked("anonymous"),
            search: form.is_checked("search"),
        }
    }

    /// The settings that an upstream has.
    pub(super) fn as_is(upstream: &Upstream) -> Self {
        Self {
            name: upstream.name.clone(),
            kind: upstream.kind.clone(),
            url: upstream.url.clone().unwrap_or_default(),
            repo: upstream.repo_id.clone().unwrap_or_default(),
            owned: upstream.owned.join("\n"),
            names: upstream.names.join("\n"),
            fresh: upstream.fresh_seconds.to_string(),
            cooldown: upstream.cooldown_days.to_string(),
            except: upstream.cooldown_except.join("\n"),
            files: upstream.files.clone(),
            removed: upstream.removed.clone(),
            hosts: upstream.file_hosts.join("\n"),
            anonymous: upstream.anonymous,
            search: upstream.search,
            ..Self::default()
        }
    }

    /// The request that makes it.
    pub(super) fn creation(&self) -> Result<Value, Problem> {
        let mut body = self.settings()?;
        body.insert("packageType".into(), json!(self.kind));
        for (field, value) in [("url", &self.url), ("repoId", &self.repo)] {
            if !value.is_empty() {
                body.insert(field.into(), json!(value));
            }
        }
        Ok(body.into())
    }

    /// The request that makes an upstream what the form says. Where it is, is only said if that changes: then nothing of what
    /// came from it counts any more.
    pub(super) fn changes(&self, upstream: &Upstream) -> Result<Value, Problem> {
        let mut body = self.settings()?;
        let before = [&upstream.url, &upstream.repo_id].map(|text| text.clone().unwrap_or_default());
        for (field, value, before) in [("url", &self.url, &before[0]), ("repoId", &self.repo, &before[1])] {
            if !value.is_empty() && value != before {
                body.insert(field.into(), json!(value));
            }
        }
        if self.forget && !body.contains_key("credential") {
            body.insert("credential".into(), Value::Null);
        }
        Ok(body.into())
    }

    fn settings(&self) -> Result<Map<String, Value>, Problem> {
        let lines = |text: &str| -> Vec<String> {
            text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
        };
        let mut body = Map::new();
        for (field, list) in [
            ("owned", &self.owned),
            ("names", &self.names),
            ("cooldownExcept", &self.except),
            ("fileHosts", &self.hosts),
        ] {
            body.insert(field.into(), json!(lines(list)));
        }
        for (field, text) in [("name", &self.name), ("files", &self.files), ("removed", &self.removed)] {
            if !text.is_empty() {
                body.insert(field.into(), json!(text));
            }
        }
        for (field, text, what) in [
            ("freshSeconds", &self.fresh, "How long documents are fresh"),
            ("cooldownDays", &self.cooldown, "The cooldown"),
        ] {
            if !text.is_empty() {
                let number: u32 =
                    text.parse().map_err(|_| wrong(&format!("{what} is a whole number, not '{text}'.")))?;
                body.insert(field.into(), json!(number));
            }
        }
        body.insert("anonymous".into(), json!(self.anonymous));
        body.insert("search".into(), json!(self.search));
        let given = [&self.token, &self.username, &self.password].map(|text| !text.is_empty());
        match given {
            [false, false, false] => {}
            [true, false, false] => {
                body.insert("credential".into(), json!({ "token": self.token }));
            }
            [false, true, true] => {
                let credential = json!({ "username": self.username, "password": self.password });
                body.insert("credential".into(), credential);
            }
            _ => return Err(wrong("Give either a token, or a user name with its password.")),
        }
        Ok(body)
    }
}
