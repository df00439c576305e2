//! What the fake answers when nothing goes wrong.

use std::collections::BTreeMap;

use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use granary_model::Timestamp;
use http::request::Parts;
use http_body_util::Full;
use hyper::Response;
use serde_json::{Value, json};

use super::mishaps::Doing;
use super::{APP, Age, Asked, FakeGithub, FakeRun, REPOSITORY, TOKEN, TOKEN_MILLIS};

impl FakeGithub {
    pub(super) fn answer(&self, asked: &Asked, parts: &Parts, body: &[u8]) -> Response<Full<Bytes>> {
        let path = parts.uri.path();
        if let Some(file) = path.strip_prefix("/files/") {
            let found = self.state().files.get(file).cloned();
            return found
                .map_or_else(|| refuse(404, "no such file"), |bytes| Response::new(Full::new(bytes)));
        }
        if self.inner.age != Age::Present && asked.version != "2022-11-28" {
            return refuse(400, "this version of the interface is not supported");
        }
        let is_of_app = matches!(asked.doing, Doing::Installation | Doing::Token);
        let is_let_in =
            if is_of_app { self.is_app(&asked.credential) } else { self.is_known(&asked.credential) };
        if !is_let_in {
            return refuse(401, "Bad credentials");
        }
        let number = || path.split('/').find_map(|part| part.parse::<u64>().ok()).unwrap_or(0);
        match asked.doing {
            Doing::Dispatch if path.contains("/workflows/kmp-build.yml/") => self.start_run(body),
            Doing::List => self.list(parts.uri.query().unwrap_or_default()),
            Doing::Look => {
                let found = self.state().runs.iter().find(|run| run.id == number()).cloned();
                found.map_or_else(|| refuse(404, "Not Found"), |run| reply(200, &self.run_json(&run)))
            }
            Doing::Cancel => {
                let mut state = self.state();
                let Some(run) = state.runs.iter_mut().find(|run| run.id == number()) else {
                    return refuse(404, "Not Found");
                };
                if run.status == "completed" {
                    return refuse(409, "Cannot cancel a workflow run that is completed.");
                }
                (run.status, run.conclusion, run.is_cancelled) = ("completed", Some("cancelled"), true);
                reply(202, &json!({}))
            }
            Doing::Installation if path == format!("/repos/{REPOSITORY}/installation") => {
                reply(200, &json!({ "id": 99 }))
            }
            Doing::Token if path == "/app/installations/99/access_tokens" => self.make_token(body),
            _ => refuse(404, "Not Found"),
        }
    }

    fn start_run(&self, body: &[u8]) -> Response<Full<Bytes>> {
        let body: Value = serde_json::from_slice(body).unwrap();
        let known = ["ref", "inputs", "return_run_details"];
        let is_known = |name: &String| {
            known.contains(&name.as_str()) && !(self.inner.age == Age::Oldest && name == "return_run_details")
        };
        if !body.as_object().unwrap().keys().all(is_known) {
            return refuse(422, "Invalid request. return_run_details is not a permitted key.");
        }
        if body["ref"] != "main" {
            return refuse(422, "No ref found");
        }
        let inputs: BTreeMap<String, String> = serde_json::from_value(body["inputs"].clone()).unwrap();
        let created_at = self.now();
        let mut state = self.state();
        let run = FakeRun {
            id: 1000 + state.runs.len() as u64,
            input: inputs["build_id"].clone(),
            inputs,
            status: "queued",
            conclusion: None,
            is_cancelled: false,
            created_at,
        };
        state.runs.push(run.clone());
        drop(state);
        let tells = self.inner.age == Age::Present || body["return_run_details"] == true;
        if !tells {
            return Response::builder().status(204).body(Full::default()).unwrap();
        }
        let described = self.run_json(&run);
        reply(
            200,
            &json!({ "workflow_run_id": run.id, "run_url": described["url"], "html_url": described["html_url"] }),
        )
    }

    /// Newest first, a hundred at most, those since a moment.
    fn list(&self, query: &str) -> Response<Full<Bytes>> {
        let query: BTreeMap<&str, &str> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        let since = query.get("created").and_then(|text| text.strip_prefix("%3E%3D"));
        let since = since.and_then(Timestamp::parse_rfc3339).expect("a search since a moment");
        let page: usize = query.get("page").map_or(1, |page| page.parse().unwrap());
        let state = self.state();
        let runs: Vec<FakeRun> =
            state.runs.iter().rev().filter(|run| run.created_at >= since).cloned().collect();
        drop(state);
        let shown: Vec<Value> =
            runs.iter().skip((page - 1) * 100).take(100).map(|run| self.run_json(run)).collect();
        reply(200, &json!({ "total_count": runs.len(), "workflow_runs": shown }))
    }

    fn make_token(&self, body: &[u8]) -> Response<Full<Bytes>> {
        let body: Value = serde_json::from_slice(body).unwrap();
        if body != json!({ "repositories": ["builds"], "permissions": { "actions": "write" } }) {
            return refuse(422, "more than is needed");
        }
        let end = self.now().plus_millis(TOKEN_MILLIS);
        let mut state = self.state();
        let token = format!("ghs_token{:04}", state.tokens.len());
        state.tokens.push((token.clone(), end));
        reply(201, &json!({ "token": token, "expires_at": end.rfc3339_seconds() }))
    }

    /// Makes the App's tokens worthless.
    pub fn revoke_tokens(&self) {
        self.state().tokens.clear();
    }

    fn is_known(&self, credential: &str) -> bool {
        let now = self.now();
        credential == TOKEN
            || self.state().tokens.iter().any(|(token, end)| token == credential && now < *end)
    }

    /// Whether this is the App's word, signed by its key and good now.
    fn is_app(&self, word: &str) -> bool {
        let Some((signed, signature)) = word.rsplit_once('.') else { return false };
        let Ok(signature) = URL_SAFE_NO_PAD.decode(signature) else { return false };
        let key = self.key().public_key();
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.as_ref());
        if key.verify(signed.as_bytes(), &signature).is_err() {
            return false;
        }
        let claims = signed.split('.').nth(1).unwrap_or_default();
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
        let (begin, end) = (claims["iat"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
        let now = self.now().seconds();
        claims["iss"] == APP && begin <= now && now < end && end - begin <= 600
    }
}

fn reply(status: u16, body: &Value) -> Response<Full<Bytes>> {
    Response::builder().status(status).body(Full::new(body.to_string().into())).unwrap()
}

fn refuse(status: u16, message: &str) -> Response<Full<Bytes>> {
    reply(status, &json!({ "message": message }))
}
