//! Customers with the key of a licence as their token.

use anyhow::{Context, Result, ensure};
use granary_tests::instance::Instance;
use granary_tests::package::Package;
use granary_tests::registry::Registry;
use granary_tests::sandbox::Sandbox;
use granary_tests::seller::{Licence, Seller};
use granary_tests::tool::Tool;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::write;

/// What the licence is for.
const PAID: &str = "plain-paid";

/// What it is not for.
const OTHER: &str = "plain-other";

/// What each client prints when there is no such version.
const NO_SUCH_VERSION: &[&str] =
    &["no matching version", "couldn't find any versions", "no candidates found", "no version matching"];

/// A seller's repository with two packages, and a licence for the versions of one below 2.0.0.
struct Shop {
    /// Held: dropping it ends its server.
    _instance: Instance,
    seller: Seller,
    registry: Registry,
    licence: Licence,
    tool: Tool,
}

impl Shop {
    async fn new(tool: Tool) -> Result<Self> {
        let instance = Instance::new().await?;
        let seller = Seller::new(&instance.admin()?, instance.url(), &instance.name("seller")).await?;
        let registry =
            seller.api().create_repo(&instance.name("shop"), granary_tests::api::Visibility::Private).await?;
        for (version, tags) in
            [("1.0.0", ["latest", "old"]), ("1.1.0", ["latest", "fine"]), ("2.0.0", ["latest", "new"])]
        {
            registry.publish(&Package::new(PAID, version), &tags).await?.accepted()?;
        }
        registry.publish(&Package::new(OTHER, "1.0.0"), &["latest"]).await?.accepted()?;
        let limit = json!({"constraint": {"type": "version", "value": "<2.0.0"}});
        let licence = seller.licence(&[PAID], limit).await?;
        Ok(Self { _instance: instance, seller, registry, licence, tool })
    }

    /// A customer's client.
    fn customer(&self) -> Result<Sandbox> {
        self.client(&self.licence.key)
    }

    fn client(&self, token: &str) -> Result<Sandbox> {
        Sandbox::configured(self.tool, self.registry.url(), Some(token))
    }

    /// The registry as the customer sees it.
    fn seen(&self) -> Registry {
        self.registry.with_token(Some(&self.licence.key))
    }
}

/// The newest version that the licence covers is installed, also from the lock file alone; a newer one is as unknown as
/// one that was never published.
pub(crate) async fn covered_versions_install(tool: Tool) -> Result<()> {
    let shop = Shop::new(tool).await?;
    let customer = shop.customer()?;
    let project = customer.consumer("customer", &[(PAID, "*")])?;
    customer.install(&project).await?.success()?;
    Package::new(PAID, "1.1.0").check_installed(&project)?;
    customer.forget_downloads(&project)?;
    customer.install_locked(&project).await?.success()?;
    Package::new(PAID, "1.1.0").check_installed(&project)?;
    let project = customer.consumer("newer", &[(PAID, "2.0.0")])?;
    customer.install(&project).await?.failure(NO_SUCH_VERSION)?;
    ensure!(Package::new(PAID, "2.0.0").check_installed(&project).is_err(), "it is installed");
    Ok(())
}

/// Nothing that a client shows or the registry answers tells what is not licensed from what does not exist, not even
/// where its cache still has what its owner's token got.
pub(crate) async fn uncovered_is_as_unknown(tool: Tool) -> Result<()> {
    let shop = Shop::new(tool).await?;
    let customer = shop.client(shop.seller.api().token())?;
    let project = customer.consumer("owner", &[(PAID, "2.0.0")])?;
    customer.install(&project).await?.success()?;
    customer.view(&project, PAID).await?.success()?.says("2.0.0")?;

    customer.configure(shop.registry.url(), Some(&shop.licence.key))?;
    let project = customer.consumer("customer", &[])?;
    let shown = customer.view(&project, PAID).await?.success()?;
    let facts = shown.json()?;
    ensure!(facts["versions"] == json!(["1.0.0", "1.1.0"]), "{shown}");
    ensure!(facts["dist-tags"] == json!({"latest": "1.1.0", "old": "1.0.0", "fine": "1.1.0"}), "{shown}");
    shown.without(&["2.0.0"])?;
    let found = customer.run(&project, &["search", "plain-", "--json"]).await?.success()?;
    let hits: Vec<String> = found
        .json()?
        .as_array()
        .context("no list")?
        .iter()
        .map(|hit| format!("{} {}", hit["name"], hit["version"]))
        .collect();
    ensure!(hits == [format!("\"{PAID}\" \"1.1.0\"")], "{found}");

    for (known, unknown) in [
        ("plain-paid@2.0.0", "plain-paid@3.0.0"),
        ("plain-paid@new", "plain-paid@odd"),
        (OTHER, "plain-ether"),
    ] {
        let add = match tool.manager {
            granary_tests::tool::Manager::Pnpm => "add",
            _ => "install",
        };
        let (one, other) =
            (customer.run(&project, &[add, known]).await?, customer.run(&project, &[add, unknown]).await?);
        let word = |name: &str| name.rsplit('@').next().unwrap_or(name).to_owned();
        one.same_failure(&word(known), &other, &word(unknown))?;
    }
    for (known, unknown) in [
        (format!("{PAID}/-/{PAID}-2.0.0.tgz"), format!("{PAID}/-/{PAID}-3.0.0.tgz")),
        (format!("{OTHER}/-/{OTHER}-1.0.0.tgz"), "plain-ether/-/plain-ether-1.0.0.tgz".into()),
        (OTHER.into(), "plain-ether".into()),
    ] {
        let (one, other) = (ask(&shop, &known).await?, ask(&shop, &unknown).await?);
        ensure!(
            one.0 == StatusCode::NOT_FOUND && other.0 == StatusCode::NOT_FOUND,
            "{known}: {one:?} {other:?}"
        );
        let same = one.1.replace(OTHER, "plain-ether").replace("2.0.0", "3.0.0");
        ensure!(same == other.1, "told apart: {one:?} {other:?}");
    }
    Ok(())
}

/// Status and body of a path below the registry, for the customer.
async fn ask(shop: &Shop, path: &str) -> Result<(StatusCode, String)> {
    let request = shop.seller.api().http().get(format!("{}{path}", shop.registry.url()));
    let response = request.bearer_auth(&shop.licence.key).send().await?;
    Ok((response.status(), response.text().await?))
}

/// A lock file with a version that the licence does not cover installs nothing, and a customer publishes nothing.
pub(crate) async fn locked_and_not_covered(tool: Tool) -> Result<()> {
    let shop = Shop::new(tool).await?;
    let client = shop.client(shop.seller.api().token())?;
    let project = client.consumer("project", &[(PAID, "2.0.0")])?;
    client.install(&project).await?.success()?;
    client.configure(shop.registry.url(), Some(&shop.licence.key))?;
    client.forget_downloads(&project)?;
    client.install_locked(&project).await?.failure(&["404", "could not be verified"])?;
    ensure!(Package::new(PAID, "2.0.0").check_installed(&project).is_err(), "it was installed");

    let folder = write(&client, &Package::new("plain-intruder", "1.0.0"))?;
    client.publish(&folder, &[]).await?.failure(&["403", "forbidden"])?;
    ensure!(shop.registry.read("plain-intruder").await?.status == StatusCode::NOT_FOUND, "it was published");
    Ok(())
}

/// A licence that is suspended opens nothing from the next command on, and everything again when it is resumed; a new
/// key takes the place of the old one at once.
pub(crate) async fn suspended_resumed_and_replaced(tool: Tool) -> Result<()> {
    let shop = Shop::new(tool).await?;
    let customer = shop.customer()?;
    let project = customer.consumer("customer", &[(PAID, "*")])?;
    customer.install(&project).await?.success()?;

    shop.seller.change_licence(&shop.licence, json!({"suspended": true})).await?;
    customer.forget_downloads(&project)?;
    customer.install_locked(&project).await?.failure(&["403", "forbidden"])?;
    customer.view(&project, PAID).await?.failure(&["403", "suspended"])?;
    shop.seller.change_licence(&shop.licence, json!({"suspended": false})).await?;
    customer.install_locked(&project).await?.success()?;
    Package::new(PAID, "1.1.0").check_installed(&project)?;

    let key = format!("{}-2", shop.licence.key);
    shop.seller.change_licence(&shop.licence, json!({"key": key})).await?;
    customer.forget_downloads(&project)?;
    customer.install_locked(&project).await?.failure(&["401", "auth", "login"])?;
    customer.configure(shop.registry.url(), Some(&key))?;
    customer.install_locked(&project).await?.success()?;
    Package::new(PAID, "1.1.0").check_installed(&project)
}

/// A licence that ended: what was published until that very moment stays if it was sold that way, else nothing does.
pub(crate) async fn ended(tool: Tool) -> Result<()> {
    let shop = Shop::new(tool).await?;
    let end = shop.seller.created_at(&shop.licence).await?;
    shop.registry.publish(&Package::new(PAID, "1.2.0"), &["latest"]).await?.accepted()?;
    let constraint = json!({"type": "date", "value": end});
    let change = json!({"constraint": constraint, "onExpiry": "restrict"});
    shop.seller.change_licence(&shop.licence, change).await?;
    let packument = shop.seen().packument(PAID).await?;
    let versions: Vec<&String> = packument["versions"].as_object().context("no versions")?.keys().collect();
    ensure!(versions == ["1.0.0", "1.1.0", "2.0.0"], "{packument}");
    let times = packument["time"].as_object().context("no times")?;
    ensure!(!times.contains_key("1.2.0"), "{packument}");

    let customer = shop.customer()?;
    let project = customer.consumer("customer", &[(PAID, "^1.0.0")])?;
    customer.install(&project).await?.success()?;
    Package::new(PAID, "1.1.0").check_installed(&project)?;
    shop.seller.change_licence(&shop.licence, json!({"onExpiry": "revoke"})).await?;
    customer.forget_downloads(&project)?;
    customer.install(&project).await?.failure(&["403", "forbidden"])?;
    let answer = shop.seen().read(PAID).await?;
    ensure!(answer.status == StatusCode::FORBIDDEN, "{answer:?}");
    let answer: Value = serde_json::from_str(&answer.body)?;
    ensure!(answer["code"] == "LICENSE_EXPIRED", "{answer}");
    Ok(())
}
