//! Products with curl, in the words of their documentation.

use anyhow::{Context, Result, ensure};
use granary_tests::curl::Curl;
use granary_tests::instance::Instance;
use granary_tests::seller::Seller;
use granary_tests::told::Told;
use serde_json::{Value, json};

mod access;
mod concurrency;
mod downloads;
mod seed;
mod statuses;
mod two_steps;

/// A registry, and curl with a tenant's own tokens. Nothing else is in the tenant.
pub(crate) struct Stage {
    pub(crate) instance: Instance,
    pub(crate) curl: Curl,
    /// A Granary token that may do everything with what is the tenant's.
    pub(crate) owner: String,
    /// A product token of an administrator.
    pub(crate) admin: String,
}

impl Stage {
    pub(crate) async fn new() -> Result<Self> {
        let instance = Instance::new().await?;
        let (owner, curl) = (owner_of(&instance, "builder").await?, Curl::new()?);
        let mut stage = Self { instance, curl, owner, admin: String::new() };
        stage.admin = stage.register(&stage.owner, true).await?;
        Ok(stage)
    }

    /// Runs a line with the administrator's token.
    pub(crate) async fn told(&self, line: &str) -> Result<Told> {
        self.told_as(&self.admin, line).await
    }

    /// Runs a line with another token.
    pub(crate) async fn told_as(&self, token: &str, line: &str) -> Result<Told> {
        self.curl.told(self.instance.url(), &[("TOKEN", token)], line).await
    }

    /// A new token, by the right of another one.
    pub(crate) async fn register(&self, by: &str, admin: bool) -> Result<String> {
        let line = format!("{} -d '{{\"admin\": {admin}}}'", put("/api/register"));
        self.told_as(by, &line).await?.text("201")
    }

    /// Makes a product with the administrator's token.
    pub(crate) async fn create(&self, name: &str) -> Result<()> {
        let line = format!("{} -d '{{\"name\": \"{name}\"}}'", put("/api/product/create"));
        self.told(&line).await?.empty("201")
    }

    /// A new token with some of the flags for a product, such as `["upload"]`.
    pub(crate) async fn token_for(&self, product: &str, flags: &[&str]) -> Result<String> {
        let token = self.register(&self.admin, false).await?;
        self.give(product, &token, flags).await?.empty("201")?;
        Ok(token)
    }

    /// Sets what a token may do with a product.
    pub(crate) async fn give(&self, product: &str, token: &str, flags: &[&str]) -> Result<Told> {
        let flag = |name: &str| flags.contains(&name);
        let permissions = json!({
            "maintainer": flag("maintainer"), "download": flag("download"),
            "upload": flag("upload"), "delete": flag("delete"),
        });
        let body = json!({"product": product, "token": token, "permissions": permissions});
        self.told(&format!("{} -d '{body}'", put("/api/product/modify/addToken"))).await
    }

    /// Sends a file of the folder by the form.
    pub(crate) async fn upload(&self, token: &str, product: &str, version: &str, file: &str) -> Result<Told> {
        self.told_as(token, &form(product, version, file)).await
    }

    /// What is told of a product.
    pub(crate) async fn product(&self, name: &str) -> Result<Value> {
        self.told(&get(&format!("/api/product/fetch/{name}"))).await?.document("200")
    }

    /// Downloads a version into the file `answer` and gives its bytes.
    pub(crate) async fn download(&self, token: &str, product: &str, version: &str) -> Result<Vec<u8>> {
        let line = get(&format!("/api/product/download/{product}/{version}")) + " -L -o answer";
        self.told_as(token, &line).await?.expect("200")?;
        self.curl.read("answer")
    }
}

/// A token that may do everything with what is a user's.
pub(crate) async fn owner_of(instance: &Instance, user: &str) -> Result<String> {
    let seller = Seller::new(&instance.admin()?, instance.url(), &instance.name(user)).await?;
    Ok(seller.api().token().to_owned())
}

/// The line that asks for a path.
pub(crate) fn get(path: &str) -> String {
    format!("curl \"$BASE{path}\" -H \"X-Api-Token: $TOKEN\"")
}

/// The line that sends a document to a path, but for the document.
pub(crate) fn send(method: &str, path: &str) -> String {
    format!(
        "curl -X {method} \"$BASE{path}\" -H \"X-Api-Token: $TOKEN\" -H \"Content-Type: application/json\""
    )
}

pub(crate) fn put(path: &str) -> String {
    send("PUT", path)
}

pub(crate) fn delete(path: &str) -> String {
    format!("curl -X DELETE \"$BASE{path}\" -H \"X-Api-Token: $TOKEN\"")
}

/// The line that uploads a file of the folder.
pub(crate) fn form(product: &str, version: &str, file: &str) -> String {
    format!(
        "curl \"$BASE/api/product/upload\" -H \"X-Api-Token: $TOKEN\" -F \"product={product}\" \
         -F \"version={version}\" -F \"file=@\\\"{file}\\\"\""
    )
}

/// The versions of a product.
fn versions(product: &Value) -> Result<Vec<&str>> {
    let versions = product["versions"].as_object().with_context(|| format!("no versions: {product}"))?;
    ensure!(product["tokens"].is_object(), "no tokens: {product}");
    Ok(versions.keys().map(String::as_str).collect())
}
