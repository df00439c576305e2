//! Configuration of the functions, each setting with its variable, meaning and default.

mod kmp;

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use granary_model::{Error, Result, UserId};
use granary_storage::Names;
use granary_upstream::seal::Keys;

use crate::cdn::Cdn;

/// Largest request that Lambda hands over, in bytes.
const FUNCTION_BODY: u64 = 6_000_000;

/// How long a function waits for a file of an upstream.
const FUNCTION_PATIENCE: Duration = Duration::from_secs(24);

/// Settings that every function shares.
#[derive(Debug, Clone)]
pub struct Config {
    /// `GRANARY_PUBLIC_URL`: where clients reach the registry, without a trailing slash. It stands in
    /// every document, so it must not change under published lock files.
    pub public_url: String,
    /// `GRANARY_ADMINS`: comma-separated user ids that administer the whole instance.
    pub instance_admins: Vec<UserId>,
    /// `GRANARY_OIDC_ISSUER`: the identity provider. The one-process server has one of its own.
    pub oidc_issuer: String,
    /// `GRANARY_OIDC_AUDIENCE`: `aud` that ID tokens must have. Default `granary`.
    pub oidc_audience: String,
    /// `GRANARY_OIDC_CLIENT_SECRET`: secret for the code exchange of a sign-in, where the provider wants
    /// one.
    pub oidc_client_secret: Option<String>,
    /// `GRANARY_SESSION_HOURS`: how long a sign-in by browser lasts, from 1 to 720. Default 12.
    pub session_lifetime: Duration,
    /// `GRANARY_MAX_BODY_BYTES`: largest request body; 0 for none. Lambda takes 6 MB, so the functions
    /// default to 6,000,000 and the one-process server to none.
    pub max_body: Option<u64>,
    /// `GRANARY_MAX_FILE_BYTES`: largest single file. Default 5 GB, which is what one S3 PUT takes.
    pub max_file: u64,
    /// `GRANARY_REPO_QUOTA_BYTES`: most that one repository may hold; 0 (the default) for no limit.
    pub repo_quota: Option<u64>,
    /// `GRANARY_CACHE_BYTES`: memory for index documents. Default 64 MiB.
    pub cache_bytes: u64,
    /// `GRANARY_PRESIGN_SECONDS`: how long a download address works, at most 300. Default 300.
    pub presign_lifetime: Duration,
    /// `GRANARY_CDN_URL`, `GRANARY_CDN_KEY_ID` and `GRANARY_CDN_PRIVATE_KEY`: a distribution of CloudFront in front
    /// of the bucket, which redirects go to instead. All three or none.
    pub cdn: Option<Arc<Cdn>>,
    /// `GRANARY_UPSTREAM_TIMEOUT`: seconds that an upstream may take for a document, from 1 to 25. Default 20.
    pub upstream_patience: Duration,
    /// `GRANARY_SECRET_KEY`: what credentials of upstreams are sealed with.
    pub secret_keys: Keys,
    /// How long an upstream may take for a file; `None` for what is right for the deployment. Tests are less patient.
    pub upstream_file_patience: Option<Duration>,
    /// Settings of the pipeline for Kotlin Multiplatform.
    pub kmp: granary_kmp::Settings,
}

impl Config {
    /// Defaults for a registry at this address, with its own identity provider.
    pub fn local(public_url: &str) -> Self {
        let public_url = public_url.trim_end_matches('/').to_owned();
        Self {
            oidc_issuer: format!("{public_url}/_idp"),
            kmp: granary_kmp::Settings::local(&public_url),
            public_url,
            instance_admins: Vec::new(),
            oidc_audience: "granary".into(),
            oidc_client_secret: None,
            session_lifetime: Duration::from_hours(12),
            max_body: None,
            max_file: 5_000_000_000,
            repo_quota: None,
            cache_bytes: 64 * 1024 * 1024,
            presign_lifetime: Duration::from_mins(5),
            cdn: None,
            upstream_patience: granary_upstream::Settings::default().patience,
            secret_keys: Keys::default(),
            upstream_file_patience: None,
        }
    }

    /// Settings of asking upstreams that follow from these.
    pub fn upstream_settings(&self) -> granary_upstream::Settings {
        let settings = granary_upstream::Settings {
            allow_private: self.kmp.allow_private_sources,
            keys: self.secret_keys.clone(),
            patience: self.upstream_patience,
            max_file: self.max_file,
            quota: self.repo_quota,
            ..granary_upstream::Settings::default()
        };
        // Where bodies are limited, a gateway gives up after half a minute.
        let of_deployment = self.max_body.map_or(settings.file_patience, |_| FUNCTION_PATIENCE);
        let file_patience = self.upstream_file_patience.unwrap_or(of_deployment);
        granary_upstream::Settings { file_patience, ..settings }
    }

    /// Reads the environment of a function.
    ///
    /// # Errors
    /// Names the variable that is missing or cannot be read.
    pub fn from_env() -> Result<Self> {
        Self::of_deployment(&required("GRANARY_PUBLIC_URL")?, Some(FUNCTION_BODY))
    }

    /// Reads the environment of whatever serves a deployment. `max_body` is the largest body where no variable says
    /// so.
    ///
    /// # Errors
    /// Names the variable that is missing or cannot be read.
    pub fn of_deployment(public_url: &str, max_body: Option<u64>) -> Result<Self> {
        let mut config = Self::local(public_url);
        config.oidc_issuer = required("GRANARY_OIDC_ISSUER")?;
        config.max_body = max_body;
        config.apply_env()?;
        Ok(config)
    }

    /// Applies the optional variables over what is set.
    pub fn apply_env(&mut self) -> Result<()> {
        if let Some(admins) = optional("GRANARY_ADMINS") {
            self.instance_admins = admins
                .split(',')
                .map(str::trim)
                .filter(|id| !id.is_empty())
                .map(str::parse)
                .collect::<Result<_>>()?;
        }
        if let Some(issuer) = optional("GRANARY_OIDC_ISSUER") {
            self.oidc_issuer = issuer;
        }
        if let Some(audience) = optional("GRANARY_OIDC_AUDIENCE") {
            self.oidc_audience = audience;
        }
        self.oidc_client_secret = optional("GRANARY_OIDC_CLIENT_SECRET").or(self.oidc_client_secret.take());
        if let Some(hours) = parsed::<u64>("GRANARY_SESSION_HOURS")? {
            self.session_lifetime = Duration::from_hours(hours.clamp(1, 720));
        }
        if let Some(bytes) = parsed::<u64>("GRANARY_MAX_BODY_BYTES")? {
            self.max_body = (bytes > 0).then_some(bytes);
        }
        if let Some(bytes) = parsed::<u64>("GRANARY_MAX_FILE_BYTES")? {
            self.max_file = bytes.min(5_000_000_000);
        }
        if let Some(bytes) = parsed::<u64>("GRANARY_REPO_QUOTA_BYTES")? {
            self.repo_quota = (bytes > 0).then_some(bytes);
        }
        if let Some(bytes) = parsed::<u64>("GRANARY_CACHE_BYTES")? {
            self.cache_bytes = bytes;
        }
        if let Some(seconds) = parsed::<u64>("GRANARY_PRESIGN_SECONDS")? {
            self.presign_lifetime = Duration::from_secs(seconds.clamp(1, 300));
        }
        if let Some(seconds) = parsed::<u64>("GRANARY_UPSTREAM_TIMEOUT")? {
            self.upstream_patience = Duration::from_secs(seconds.clamp(1, 25));
        }
        if let Some(keys) = optional("GRANARY_SECRET_KEY") {
            self.secret_keys = Keys::parse(&keys)?;
        }
        self.cdn = cdn_of(&CDN_VARIABLES.map(optional))?.map(Arc::new);
        kmp::apply(&mut self.kmp, &optional)
    }
}

/// What a distribution is described by.
const CDN_VARIABLES: [&str; 3] = ["GRANARY_CDN_URL", "GRANARY_CDN_KEY_ID", "GRANARY_CDN_PRIVATE_KEY"];

/// The distribution that three variables describe, if any of them is set.
fn cdn_of(values: &[Option<String>; 3]) -> Result<Option<Cdn>> {
    let missing = CDN_VARIABLES.iter().zip(values).find(|(_, value)| value.is_none());
    match (values, missing) {
        ([None, None, None], _) => Ok(None),
        ([Some(address), Some(key_id), Some(key)], _) => Cdn::new(address, key_id, key).map(Some),
        (_, missing) => {
            let name = missing.map_or("", |(name, _)| name);
            Err(Error::Internal(format!(
                "the variable {name} is not set, and the others of the distribution are"
            )))
        }
    }
}

/// Names of the tables, the bucket and the queues from the environment of a function.
pub fn names_from_env() -> Result<Names> {
    Ok(Names {
        registry: required("GRANARY_REGISTRY_TABLE")?,
        ephemeral: required("GRANARY_EPHEMERAL_TABLE")?,
        counters: required("GRANARY_COUNTERS_TABLE")?,
        bucket: required("GRANARY_BUCKET")?,
        events_queue: required("GRANARY_EVENTS_QUEUE_URL")?,
        kmp_poll_queue: optional("GRANARY_KMP_POLL_QUEUE_URL"),
        kmp_build_queue: optional("GRANARY_KMP_BUILD_QUEUE_URL"),
        dead_letters_queue: optional("GRANARY_DEAD_LETTERS_QUEUE_URL"),
    })
}

/// A variable, if it is set and not empty.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub fn optional(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn required(name: &str) -> Result<String> {
    optional(name).ok_or_else(|| Error::Internal(format!("the variable {name} is not set")))
}

fn parsed<T: FromStr>(name: &str) -> Result<Option<T>> {
    understood(name, optional(name))
}

/// What the value of a variable means.
fn understood<T: FromStr>(name: &str, value: Option<String>) -> Result<Option<T>> {
    value
        .map(|value| {
            value
                .parse()
                .map_err(|_| Error::Internal(format!("the variable {name} has no usable value: {value}")))
        })
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_is_described_whole_or_not_at_all() {
        assert!(cdn_of(&[None, None, None]).unwrap().is_none());
        let some = || Some("x".to_owned());
        for (values, named) in [
            ([some(), None, None], "GRANARY_CDN_KEY_ID"),
            ([None, some(), some()], "GRANARY_CDN_URL"),
            ([some(), some(), None], "GRANARY_CDN_PRIVATE_KEY"),
        ] {
            assert!(cdn_of(&values).unwrap_err().to_string().contains(named), "{named}");
        }
    }
}
