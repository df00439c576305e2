//! A seller's whole day with curl, in the words of the interface's documentation, and a customer at the end of it.

use anyhow::{Context, Result, ensure};
use granary_tests::composer::library::Library;
use granary_tests::composer::{Composer, locked};
use granary_tests::curl::Curl;
use granary_tests::instance::Instance;
use granary_tests::seller::{Seller, announcement};
use serde_json::{Value, json};

/// The keys of the documentation's consumers.
const PUBLIC: &str = "zPMmf9HhaOPwuGsFMMSC2adhEa3uifRatarQv49UgDai3LzJr1RYyPWfjuKl";
const PRIVATE: &str = "XzVTo8rLAvOffhh1Y3LQ8JFTIA1ds2TkEQzbsZZQ2A7bCNpgm8i7y4I59ofO";

/// Members of the four documents.
const PACKAGE: &[&str] = &["id", "name", "description", "status", "created_at", "updated_at"];
const VERSION: &[&str] = &["id", "package_id", "name", "filename", "status", "created_at", "updated_at"];
const CONSUMER: &[&str] = &["id", "email", "public_key", "private_key", "created_at", "updated_at"];
const PERMISSION: &[&str] = &["id", "consumer_id", "package_id", "version", "created_at", "updated_at"];

/// A registry, and curl with the token of a seller who has nothing yet.
struct Desk {
    instance: Instance,
    seller: Seller,
    curl: Curl,
}

impl Desk {
    async fn new() -> Result<Self> {
        let instance = Instance::new().await?;
        let seller = Seller::new(&instance.admin()?, instance.url(), &instance.name("seller")).await?;
        Ok(Self { instance, seller, curl: Curl::new()? })
    }

    /// A request with these arguments of curl; gives the status and the document, or null.
    async fn ask(&self, arguments: &str) -> Result<(String, Value)> {
        let line =
            format!("curl -s -w '%{{stderr}}%{{http_code}}' -H \"Authorization: Bearer $TOKEN\" {arguments}");
        let outcome =
            self.curl.run(self.instance.url(), self.seller.api().token(), &line).await?.success()?;
        let document = if outcome.stdout.is_empty() { Value::Null } else { outcome.json()? };
        Ok((outcome.stderr, document))
    }

    /// `METHOD path`, with a body if there is one: it must be answered with this status and, if members are named,
    /// a document that has them.
    async fn expect(
        &self,
        request: &str,
        body: Option<&str>,
        status: &str,
        members: &[&str],
    ) -> Result<Value> {
        let (method, path) = request.split_once(' ').context("no method")?;
        let body = body.map(|body| format!(" -H 'Content-Type: application/json' -d '{body}'"));
        let (code, document) =
            self.ask(&format!("-X {method} \"$BASE{path}\"{}", body.unwrap_or_default())).await?;
        ensure!(code == status, "{request}: {code}, not {status}: {document}");
        if let Some(list) = document.as_array() {
            for one in list {
                check(request, one, members)?;
            }
        } else if !members.is_empty() {
            check(request, &document, members)?;
        } else {
            ensure!(document.is_null(), "{request}: {document}");
        }
        Ok(document)
    }

    /// A list that must have these ids.
    async fn list(&self, path: &str, ids: &[u64], members: &[&str]) -> Result<Value> {
        let list = self.expect(&format!("GET {path}"), None, "200", members).await?;
        let found = list.as_array().with_context(|| format!("no array: {list}"))?;
        let found: Vec<u64> = found.iter().filter_map(|one| one["id"].as_u64()).collect();
        ensure!(found == ids, "{path}: {list}");
        Ok(list)
    }

    /// The repository that was made for the packages.
    async fn repo(&self) -> Result<String> {
        let (_, repos) = self.ask("\"$BASE/api/repos\"").await?;
        let only = repos["repos"].as_array().map(Vec::as_slice);
        let Some([repo]) = only else { anyhow::bail!("not one repository: {repos}") };
        Ok(repo["id"].as_str().context("no id")?.to_owned())
    }
}

/// Checks that a document has these members, with texts of time in the form `YYYY-MM-DD HH:MM:SS`.
fn check(what: &str, document: &Value, members: &[&str]) -> Result<()> {
    for member in members {
        let value = &document[member];
        let right = match *member {
            "id" | "package_id" | "consumer_id" => value.is_u64(),
            "status" => value == 0 || value == 1,
            "created_at" | "updated_at" => value.as_str().is_some_and(|text| {
                let shape = |(at, letter): (usize, char)| match at {
                    4 | 7 => letter == '-',
                    10 => letter == ' ',
                    13 | 16 => letter == ':',
                    _ => letter.is_ascii_digit(),
                };
                text.len() == 19 && text.chars().enumerate().all(shape)
            }),
            _ => value.is_string(),
        };
        ensure!(right, "{what}: '{member}' is {value} in {document}");
    }
    Ok(())
}

/// Checks that a document has what `expected` has.
fn agrees(document: &Value, expected: &Value) -> Result<()> {
    for (name, value) in expected.as_object().context("no object")? {
        ensure!(document[name] == *value, "'{name}' is not {value}: {document}");
    }
    Ok(())
}

/// Every operation on packages and versions, both ways to send a file, and a customer who installs.
#[tokio::test]
async fn packages_versions_and_a_customer() -> Result<()> {
    let desk = Desk::new().await?;
    let first = r#"{"name":"vendor\/first","description":"Package description 1","status":1}"#;
    let made = desk.expect("POST /packages", Some(first), "201", PACKAGE).await?;
    agrees(
        &made,
        &json!({"id": 1, "name": "vendor/first", "description": "Package description 1", "status": 1}),
    )?;
    let second = r#"{"name":"vendor\/second","description":"Package description 2","status":0}"#;
    let made = desk.expect("POST /packages", Some(second), "201", PACKAGE).await?;
    agrees(&made, &json!({"id": 2, "status": 0}))?;
    desk.list("/packages", &[1, 2], PACKAGE).await?;
    agrees(&desk.expect("GET /packages/2", None, "200", PACKAGE).await?, &made)?;
    for method in ["PUT", "PATCH"] {
        let request = format!("{method} /packages/2");
        let changed = desk.expect(&request, Some(&second.replace("on 2", "on 3")), "201", PACKAGE).await?;
        agrees(&changed, &json!({"id": 2, "description": "Package description 3", "status": 0}))?;
    }

    // The first version in two steps, the second at once.
    let archive = Library::new("vendor/first", "8.7.2").archive().await?;
    let mut body = json!({"name": "8.7.2", "filename": "438411134.zip", "status": 1});
    body["size"] = announcement(&archive)["size"].clone();
    body["sha256"] = announcement(&archive)["sha256"].clone();
    let made = desk.expect("POST /versions/package/1", Some(&body.to_string()), "201", VERSION).await?;
    agrees(
        &made,
        &json!({"id": 1, "package_id": 1, "name": "8.7.2", "filename": "438411134.zip", "status": 1}),
    )?;
    desk.curl.write("438411134.zip", &archive)?;
    let headers = made["upload_headers"].as_object().into_iter().flatten();
    let headers =
        headers.map(|(name, value)| format!(" -H '{name}: {}'", value.as_str().unwrap_or_default()));
    let (address, headers) =
        (made["upload_url"].as_str().context("no upload_url")?, headers.collect::<String>());
    let line = format!("curl -sS --fail-with-body -X PUT --data-binary @438411134.zip{headers} '{address}'");
    desk.curl.run("", "", &line).await?.success()?;
    let confirm = made["confirm_url"].as_str().context("no confirm_url")?;
    let confirm = confirm.strip_prefix(desk.instance.url()).unwrap_or(confirm);
    let confirmed = desk.expect(&format!("POST {confirm}"), None, "200", VERSION).await?;
    ensure!(confirmed["upload_url"].is_null(), "{confirmed}");

    let body = r#"{"name":"4.0.9","filename":"481047020.zip","status":0}"#;
    let made = desk.expect("POST /versions/package/1", Some(body), "201", VERSION).await?;
    agrees(&made, &json!({"id": 2, "package_id": 1, "status": 0}))?;
    desk.curl.write("481047020.zip", &Library::new("vendor/first", "4.0.9").archive().await?)?;
    let line = "-X PUT \"$BASE/versions/2\" -H 'Content-Type: application/zip' --data-binary @481047020.zip";
    let (status, answer) = desk.ask(line).await?;
    ensure!(status == "200", "{status} {answer}");
    // It is published already, so there is nothing left to confirm, and no harm in it.
    agrees(&desk.expect("POST /versions/2/confirm", None, "200", VERSION).await?, &answer)?;
    desk.list("/versions/package/1", &[1, 2], VERSION).await?;
    let got = desk.expect("GET /versions/2", None, "200", VERSION).await?;
    agrees(
        &got,
        &json!({"id": 2, "package_id": 1, "name": "4.0.9", "filename": "481047020.zip", "status": 0}),
    )?;

    // A customer, by the pair of keys that the seller has chosen.
    let (public, private) = (desk.instance.name(PUBLIC), desk.instance.name(PRIVATE));
    let body = json!({"email": "one@example.com", "public_key": public, "private_key": private}).to_string();
    desk.expect("POST /consumers", Some(&body), "201", CONSUMER).await?;
    for version in ["8.*", "4.*"] {
        let body = json!({"consumer_id": 1, "package_id": 1, "version": version}).to_string();
        desk.expect("POST /permissions", Some(&body), "201", PERMISSION).await?;
    }
    let url = format!("{}/composer/{}", desk.instance.url(), desk.repo().await?);
    let composer = Composer::new(&url, Some((&public, &private)))?;
    let project = composer.project("app", &[("vendor/first", "*")])?;
    composer.update(&project).await?.success()?;
    ensure!(locked(&project)? == ["vendor/first 8.7.2"], "{:?}", locked(&project)?);
    composer.check_installed(&project, &Library::new("vendor/first", "8.7.2")).await?;
    composer.require(&project, "vendor/first:4.*").await?.failure(&["vendor/first"])?;
    for method in ["PUT", "PATCH"] {
        let body = r#"{"name":"4.0.9","filename":"481047020.zip","status":1}"#;
        let changed = desk.expect(&format!("{method} /versions/2"), Some(body), "200", VERSION).await?;
        agrees(&changed, &json!({"id": 2, "status": 1}))?;
    }
    composer.require(&project, "vendor/first:4.*").await?.success()?;
    composer.check_installed(&project, &Library::new("vendor/first", "4.0.9")).await?;

    desk.expect("DELETE /versions/2", None, "204", &[]).await?;
    desk.list("/versions/package/1", &[1], VERSION).await?;
    composer.forget(&project)?;
    composer.install(&project).await?.failure(&["404", "could not be downloaded"])?;
    desk.expect("DELETE /packages/1", None, "204", &[]).await?;
    desk.list("/packages", &[2], PACKAGE).await?;
    desk.list("/consumers/1/packages", &[], PACKAGE).await?;
    Ok(())
}

/// Every operation on consumers and permissions.
#[tokio::test]
async fn consumers_and_permissions() -> Result<()> {
    let desk = Desk::new().await?;
    for name in ["vendor/first", "vendor/second"] {
        let body = json!({"name": name, "description": "Package description", "status": 1}).to_string();
        desk.expect("POST /packages", Some(&body), "201", PACKAGE).await?;
    }
    let (public, private) = (desk.instance.name(PUBLIC), desk.instance.name(PRIVATE));
    let keys = json!({"email": "one@example.com", "public_key": public, "private_key": private});
    let made = desk.expect("POST /consumers", Some(&keys.to_string()), "201", CONSUMER).await?;
    agrees(&made, &keys)?;
    agrees(&made, &json!({"id": 1}))?;
    for (email, id) in [("one@example.com", 2), ("two@example.com", 3)] {
        let body = json!({"email": email}).to_string();
        let made = desk.expect("POST /consumers", Some(&body), "201", CONSUMER).await?;
        agrees(&made, &json!({"id": id, "email": email}))?;
        for key in ["public_key", "private_key"] {
            let key = made[key].as_str().unwrap_or_default();
            ensure!(key.len() == 60 && key.chars().all(|letter| letter.is_ascii_alphanumeric()), "{made}");
        }
    }
    desk.list("/consumers", &[1, 2, 3], CONSUMER).await?;
    desk.list("/consumers/email/one@example.com", &[1, 2], CONSUMER).await?;
    desk.list("/consumers/email/One%40Example.com", &[1, 2], CONSUMER).await?;
    desk.list("/consumers/email/nobody@example.com", &[], CONSUMER).await?;
    agrees(&desk.expect("GET /consumers/1", None, "200", CONSUMER).await?, &keys)?;
    for (method, ending) in [("PUT", "u12"), ("PATCH", "u13")] {
        let key = format!("{public}{ending}");
        let body = json!({"email": "one@example.com", "public_key": key, "private_key": private}).to_string();
        let changed = desk.expect(&format!("{method} /consumers/1"), Some(&body), "200", CONSUMER).await?;
        agrees(&changed, &json!({"id": 1, "public_key": key, "private_key": private}))?;
    }

    for (id, version) in [(1, "5.*"), (2, "4.*")] {
        let body = json!({"consumer_id": 1, "package_id": 2, "version": version});
        let made = desk.expect("POST /permissions", Some(&body.to_string()), "201", PERMISSION).await?;
        agrees(&made, &body)?;
        agrees(&made, &json!({"id": id}))?;
    }
    let list = desk.list("/permissions/consumer/1/package/2", &[1, 2], PERMISSION).await?;
    ensure!(desk.list("/consumers/1/packages/2", &[1, 2], PERMISSION).await? == list);
    desk.list("/permissions/consumer/1/package/1", &[], PERMISSION).await?;
    desk.list("/consumers/1/packages", &[2], PACKAGE).await?;
    for (method, version) in [("PUT", "9.*"), ("PATCH", "8.*")] {
        let body = json!({"consumer_id": 1, "package_id": 1, "version": version});
        let request = format!("{method} /permissions/2");
        let changed = desk.expect(&request, Some(&body.to_string()), "200", PERMISSION).await?;
        agrees(&changed, &body)?;
        agrees(&desk.expect("GET /permissions/2", None, "200", PERMISSION).await?, &body)?;
    }
    desk.list("/consumers/1/packages", &[1, 2], PACKAGE).await?;

    desk.expect("DELETE /permissions/2", None, "204", &[]).await?;
    desk.list("/permissions/consumer/1/package/1", &[], PERMISSION).await?;
    desk.expect("DELETE /consumers/1", None, "204", &[]).await?;
    desk.list("/consumers", &[2, 3], CONSUMER).await?;
    for gone in ["/permissions/1", "/permissions/2", "/consumers/1", "/packages/3", "/versions/1"] {
        let (status, answer) = desk.ask(&format!("\"$BASE{gone}\"")).await?;
        ensure!(status == "404" && answer["error"].is_string(), "{gone}: {status} {answer}");
    }
    Ok(())
}

/// What cannot be: each is 400 and names the field; without a token, and with one that may only read, nothing can.
#[tokio::test]
async fn refusals() -> Result<()> {
    let desk = Desk::new().await?;
    let body = r#"{"name":"vendor\/first","description":"Package description 1","status":1}"#;
    desk.expect("POST /packages", Some(body), "201", PACKAGE).await?;
    desk.expect("POST /consumers", Some(r#"{"email":"one@example.com"}"#), "201", CONSUMER).await?;
    let long = format!(r#"{{"consumer_id":1,"package_id":1,"version":"{}"}}"#, "1.*||".repeat(2000));
    for (path, body, field) in [
        ("/packages", r#"{"name":"vendor\/first"}"#, "name"),
        ("/packages", r#"{"name":"no vendor"}"#, "name"),
        ("/packages", r#"{"name":"vendor\/other","status":2}"#, "status"),
        ("/versions/package/1", r#"{"name":"not a version"}"#, "name"),
        ("/versions/package/1", r#"{"name":"1.0.0","filename":"..\/x.zip"}"#, "filename"),
        ("/consumers", r#"{"email":"nowhere"}"#, "email"),
        ("/consumers", r#"{"email":"one@example.com","public_key":"short"}"#, "public_key"),
        ("/permissions", r#"{"consumer_id":1,"package_id":1,"version":"not a range"}"#, "version"),
        ("/permissions", long.as_str(), "version"),
        ("/permissions", r#"{"consumer_id":1,"package_id":9,"version":"*"}"#, "package_id"),
        ("/permissions", r#"{"consumer_id":9,"package_id":1,"version":"*"}"#, "consumer_id"),
    ] {
        desk.curl.write("body.json", body.as_bytes())?;
        let line = format!("\"$BASE{path}\" -H 'Content-Type: application/json' -d @body.json");
        let (status, answer) = desk.ask(&line).await?;
        let told = answer["error"].as_str().is_some_and(|error| error.contains(field));
        ensure!(status == "400" && told, "{path} {}: {status} {answer}", body.get(..80).unwrap_or(body));
    }
    let reader = desk.seller.api().sign_in(desk.seller.user()).await?.account_token(&["read"]).await?;
    for path in ["/packages", "/consumers", "/packages/1", "/versions/package/1", "/consumers/1/packages"] {
        for (token, expected) in [("", "401"), (reader.as_str(), "403")] {
            let line = format!(
                "curl -s -o /dev/null -w '%{{http_code}}' ${{TOKEN:+-H \"Authorization: Bearer $TOKEN\"}} \"$BASE{path}\""
            );
            let status = desk.curl.run(desk.instance.url(), token, &line).await?.success()?.stdout;
            ensure!(status == expected, "{path}: {status}, not {expected}");
        }
    }
    Ok(())
}
