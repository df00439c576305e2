//! Calls to the services behind a deployed registry, signed by curl.

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};

use crate::maven::repository::texts;
use crate::settings::deployed;
use crate::workplace::Workplace;

/// Somebody who may call AWS.
#[derive(Debug, Clone)]
pub struct Aws {
    endpoint: String,
    region: String,
    key: String,
    secret: String,
    session: Option<String>,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Status.
    pub status: u16,
    /// Body.
    pub body: String,
}

impl Aws {
    /// Whoever deployed the registry.
    ///
    /// # Errors
    /// When nothing was deployed.
    pub fn deployer() -> Result<Self> {
        Ok(Self {
            endpoint: deployed("AWS_ENDPOINT_URL")?,
            region: deployed("AWS_REGION")?,
            key: deployed("AWS_ACCESS_KEY_ID")?,
            secret: deployed("AWS_SECRET_ACCESS_KEY")?,
            session: None,
        })
    }

    /// A function, as far as its role goes. The deployer is allowed to take that role, besides the function.
    ///
    /// # Errors
    /// When there is no such role.
    pub async fn role(&self, name: &str) -> Result<Self> {
        let role = self.query("iam", &[("Action", "GetRole"), ("RoleName", name)]).await?.success()?;
        let arn = texts(&role.body, "Arn").into_iter().next().context("a role without an ARN")?;
        let account = arn.split(':').nth(4).context("an ARN without an account")?;
        let trusted =
            json!({"AWS": format!("arn:aws:iam::{account}:root"), "Service": "lambda.amazonaws.com"});
        let statement = json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": trusted});
        let policy = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
        let update =
            [("Action", "UpdateAssumeRolePolicy"), ("RoleName", name), ("PolicyDocument", policy.as_str())];
        self.query("iam", &update).await?.success()?;
        let assume = [("Action", "AssumeRole"), ("RoleArn", arn.as_str()), ("RoleSessionName", "suites")];
        let assumed = self.query("sts", &assume).await?.success()?.body;
        let only = |element: &str| texts(&assumed, element).into_iter().next().context("no credentials");
        Ok(Self {
            key: only("AccessKeyId")?,
            secret: only("SecretAccessKey")?,
            session: Some(only("SessionToken")?),
            ..self.clone()
        })
    }

    /// Calls `DynamoDB`.
    ///
    /// # Errors
    /// When curl fails.
    pub async fn dynamodb(&self, action: &str, body: &Value) -> Result<Reply> {
        self.json("dynamodb", &format!("DynamoDB_20120810.{action}"), body).await
    }

    /// Calls SQS.
    ///
    /// # Errors
    /// When curl fails.
    pub async fn sqs(&self, action: &str, body: &Value) -> Result<Reply> {
        self.json("sqs", &format!("AmazonSQS.{action}"), body).await
    }

    async fn json(&self, service: &str, target: &str, body: &Value) -> Result<Reply> {
        let headers = [format!("X-Amz-Target: {target}"), "Content-Type: application/x-amz-json-1.0".into()];
        self.call(service, Method::POST, "/", &headers, Some(&body.to_string())).await
    }

    /// Calls a service whose actions are paths, S3 or Lambda for two.
    ///
    /// # Errors
    /// When curl fails.
    pub async fn rest(
        &self,
        service: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Reply> {
        let headers = ["Content-Type: application/json".into()];
        self.call(service, method, path, &headers, body.map(ToString::to_string).as_deref()).await
    }

    /// Calls a service that takes forms.
    async fn query(&self, service: &str, fields: &[(&str, &str)]) -> Result<Reply> {
        let version = if service == "iam" { "2010-05-08" } else { "2011-06-15" };
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields).append_pair("Version", version);
        let headers = ["Content-Type: application/x-www-form-urlencoded".into()];
        self.call(service, Method::POST, "/", &headers, Some(&form.finish())).await
    }

    async fn call(
        &self,
        service: &str,
        method: Method,
        path: &str,
        headers: &[String],
        body: Option<&str>,
    ) -> Result<Reply> {
        let place = Workplace::new()?;
        let mut command = place.command("/usr/bin/curl", &place.path("projects"));
        command.args(["-sS", "--path-as-is", "-w", "\n%{http_code}", "-X", method.as_str()]);
        command.args(["--aws-sigv4", &format!("aws:amz:{}:{service}", self.region)]);
        command.args(["--user", &format!("{}:{}", self.key, self.secret)]);
        for header in headers {
            command.args(["-H", header]);
        }
        if let Some(session) = &self.session {
            command.args(["-H", &format!("X-Amz-Security-Token: {session}")]);
        }
        if let Some(body) = body {
            command.args(["--data-raw", body]);
        }
        command.arg(format!("{}{path}", self.endpoint));
        let outcome = place.run(command).await?.success()?;
        let (body, status) = outcome.stdout.rsplit_once('\n').context("curl says no status")?;
        Ok(Reply { status: status.parse()?, body: body.to_owned() })
    }
}

impl Reply {
    /// Itself when the service did as it was told.
    ///
    /// # Errors
    /// When it did not.
    pub fn success(self) -> Result<Self> {
        ensure!((200..300).contains(&self.status), "{} {}", self.status, self.body);
        Ok(self)
    }

    /// Whether the caller's rights do not reach that far. With them, something that is not there is not found.
    pub fn is_refused(&self) -> bool {
        matches!(self.status, 400 | 403) && self.body.contains("AccessDenied")
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// When it is none.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.body).with_context(|| format!("{} {}", self.status, self.body))
    }
}
