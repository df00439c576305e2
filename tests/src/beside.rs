//! `granary serve --aws`: a process over the stores of a deployment, beside its functions.

use std::process::Stdio;

use anyhow::{Context, Result};
use tokio::process::Child;

use crate::server::{READY, wait_until_ready};
use crate::settings::{deployed, server_program};
use crate::workplace::Workplace;

/// The variables that say which stores, with what they are called here.
const STORES: [(&str, &str); 10] = [
    ("GRANARY_REGISTRY_TABLE", "GRANARY_STACK_REGISTRYTABLE"),
    ("GRANARY_EPHEMERAL_TABLE", "GRANARY_STACK_EPHEMERALTABLE"),
    ("GRANARY_COUNTERS_TABLE", "GRANARY_STACK_COUNTERSTABLE"),
    ("GRANARY_BUCKET", "GRANARY_STACK_BUCKET"),
    ("GRANARY_EVENTS_QUEUE_URL", "GRANARY_STACK_EVENTSQUEUEURL"),
    ("GRANARY_KMP_POLL_QUEUE_URL", "GRANARY_STACK_KMPPOLLQUEUEURL"),
    ("GRANARY_KMP_BUILD_QUEUE_URL", "GRANARY_STACK_KMPBUILDQUEUEURL"),
    ("GRANARY_PUBLIC_URL", "GRANARY_URL"),
    ("GRANARY_OIDC_ISSUER", "GRANARY_IDP"),
    ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL"),
];

/// A running one. Dropping it ends it.
#[derive(Debug)]
pub struct Beside {
    url: String,
    /// Held: dropping it kills the process.
    _child: Child,
    /// Held: its data are in it.
    _place: Workplace,
}

impl Beside {
    /// Starts it on a free port, over the stores of the deployment that the environment names.
    ///
    /// # Errors
    /// When nothing is deployed, or it does not get ready.
    pub async fn start() -> Result<Self> {
        let place = Workplace::new()?;
        let folder = place.path("projects");
        let mut command = place.command(server_program(), &folder);
        for (variable, here) in STORES {
            command.env(variable, deployed(here)?);
        }
        for variable in ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
            command.env(variable, deployed(variable)?);
        }
        for variable in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"] {
            command.env_remove(variable);
        }
        command
            .env("GRANARY_OIDC_AUDIENCE", "granary")
            .env("GRANARY_ADMINS", "admin")
            .env("GRANARY_LOG", "warn");
        command.args(["serve", "--aws", "--listen", "127.0.0.1:0", "--data"]).arg(place.path("tmp"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().context("cannot start granary serve --aws")?;
        let url = wait_until_ready(&mut child, READY).await?;
        Ok(Self { url, _child: child, _place: place })
    }

    /// Its address, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }
}
