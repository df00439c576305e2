//! One product: its versions, and which tokens may do what with it.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::Path;
use axum::http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Holder;
use crate::address::path;
use crate::back::Problem;
use crate::form::{Form, Submitted, wrong};
use crate::page::{PageError, PageResult, Shell, see};
use crate::pages::kmp::Slice;
use crate::visit::{SignedIn, Visit};

/// Versions and tokens on a page.
const VERSIONS: usize = 50;
const TOKENS: usize = 30;

/// What a token can be allowed, with what it means.
const RIGHTS: [(&str, &str); 4] = [
    ("download", "download versions"),
    ("upload", "upload versions"),
    ("delete", "delete versions"),
    ("maintainer", "change which tokens may what, and delete the product"),
];

/// A product as the interface describes it.
#[derive(Debug, Deserialize)]
struct Product {
    name: String,
    /// By the SHA-256 of the token.
    tokens: BTreeMap<String, BTreeMap<String, bool>>,
    versions: BTreeMap<String, Version>,
}

#[derive(Debug, Deserialize)]
struct Version {
    path: String,
    checksum: String,
}

impl Version {
    /// The name of its file.
    fn file(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}

#[derive(Template)]
#[template(path = "product.html")]
struct ProductPage {
    shell: Shell,
    holder: Holder,
    name: String,
    versions: Slice<(String, Version)>,
    tokens: Slice<(String, Vec<String>)>,
    rights: [(&'static str, &'static str); RIGHTS.len()],
    /// The rights that were checked in the form.
    checked: Vec<String>,
    problem: Option<String>,
}

impl ProductPage {
    async fn read(visit: &Visit, name: &str, problem: Option<&Problem>) -> Result<Self, PageError> {
        let holder = Holder::of(visit);
        let path = path(&["api", "product", "fetch", name]);
        let found = holder.ask::<Product>(visit, Method::GET, &path, None).await;
        let product = found.map_err(|problem| visit.failed(problem))?;
        let allowed = |rights: BTreeMap<String, bool>| {
            rights.into_iter().filter(|(_, is_on)| *is_on).map(|(name, _)| name).collect()
        };
        let tokens: Vec<(String, Vec<String>)> =
            product.tokens.into_iter().map(|(hash, rights)| (hash, allowed(rights))).collect();
        Ok(Self {
            shell: visit.shell("artifacts"),
            holder,
            name: product.name,
            versions: Slice::new(
                product.versions.into_iter().collect(),
                visit.query("versions").as_deref(),
                VERSIONS,
            ),
            tokens: Slice::new(tokens, visit.query("tokens").as_deref(), TOKENS),
            rights: RIGHTS,
            checked: vec!["download".into()],
            problem: problem.map(|problem| problem.message.clone()),
        })
    }

    fn at(&self, rest: &str) -> String {
        self.holder.page(&["products", &self.name, rest])
    }

    fn deletion(&self, version: &str) -> String {
        self.holder.page(&["products", &self.name, "delete", version])
    }

    fn turned(&self, parameter: &str, number: &str) -> String {
        self.holder.page_with(&["products", &self.name], &[(parameter, Some(number))])
    }

    fn has(&self, right: &str) -> bool {
        self.checked.iter().any(|checked| checked == right)
    }
}

/// `GET /ui/artifacts/products/{product}`.
pub(super) async fn show_product(SignedIn(visit): SignedIn, Path(name): Path<String>) -> PageResult {
    let page = ProductPage::read(&visit, &name, None).await?;
    visit.page(&page)
}

/// `POST /ui/artifacts/products/{product}/access`: says what a token may do, whatever it was allowed before.
pub(super) async fn give_access(
    Path(name): Path<String>,
    Submitted { visit, form }: Submitted,
) -> PageResult {
    let checked = form.all("right");
    let permissions: BTreeMap<&str, bool> = checked.iter().map(|right| (*right, true)).collect();
    let body = json!({ "product": name, "token": form.text("token"), "permissions": permissions });
    let changed = match require_token(&form) {
        Ok(()) => change(&visit, Method::PUT, "/api/product/modify/addToken", &body).await,
        Err(problem) => Err(problem),
    };
    let checked = checked.into_iter().map(str::to_owned).collect();
    after(&visit, &name, changed, Some(checked)).await
}

/// `POST /ui/artifacts/products/{product}/take`: takes a token from the product.
pub(super) async fn take_access(
    Path(name): Path<String>,
    Submitted { visit, form }: Submitted,
) -> PageResult {
    let body = json!({ "product": name, "token": form.text("token") });
    let changed = match require_token(&form) {
        Ok(()) => change(&visit, Method::DELETE, "/api/product/modify/deleteToken", &body).await,
        Err(problem) => Err(problem),
    };
    after(&visit, &name, changed, None).await
}

fn require_token(form: &Form) -> Result<(), Problem> {
    match form.given("token") {
        Some(_) => Ok(()),
        None => Err(wrong("Type the token itself. Its SHA-256 in the list only says which one it is.")),
    }
}

async fn change(visit: &Visit, method: Method, path: &str, body: &Value) -> Result<(), Problem> {
    Holder::of(visit).ask::<Value>(visit, method, path, Some(body)).await.map(|_| ())
}

async fn after(
    visit: &Visit,
    name: &str,
    changed: Result<(), Problem>,
    checked: Option<Vec<String>>,
) -> PageResult {
    match changed {
        Ok(()) => Ok(see(&Holder::of(visit).done(visit, &["products", name], "access"))),
        Err(problem) if problem.is_about_input() => {
            let page = ProductPage::read(visit, name, Some(&problem)).await?;
            let checked = checked.unwrap_or_else(|| page.checked.clone());
            visit.again(&problem, &ProductPage { checked, ..page })
        }
        Err(problem) => Err(visit.failed(problem)),
    }
}

#[derive(Template)]
#[template(path = "product_delete.html")]
struct DeletePage {
    shell: Shell,
    holder: Holder,
    product: String,
    /// None for the product as a whole.
    version: Option<String>,
    problem: Option<String>,
}

impl DeletePage {
    /// The question, if the product is there.
    async fn read(
        visit: &Visit,
        name: &str,
        version: Option<&str>,
        problem: Option<&Problem>,
    ) -> Result<Self, PageError> {
        let page = ProductPage::read(visit, name, problem).await?;
        let ProductPage { shell, holder, name: product, problem, .. } = page;
        Ok(Self { shell, holder, product, version: version.map(str::to_owned), problem })
    }

    fn product_page(&self) -> String {
        self.holder.page(&["products", &self.product])
    }

    fn action(&self) -> String {
        let product = ["products", &self.product, "delete"];
        match &self.version {
            Some(version) => self.holder.page(&[product.as_slice(), &[version]].concat()),
            None => self.holder.page(&product),
        }
    }
}

/// `GET /ui/artifacts/products/{product}/delete`: asks for its name.
pub(super) async fn ask_to_delete(SignedIn(visit): SignedIn, Path(name): Path<String>) -> PageResult {
    let page = DeletePage::read(&visit, &name, None, None).await?;
    visit.page(&page)
}

/// `GET /ui/artifacts/products/{product}/delete/{version}`: asks for its name.
pub(super) async fn ask_to_delete_version(
    SignedIn(visit): SignedIn,
    Path((name, version)): Path<(String, String)>,
) -> PageResult {
    let page = DeletePage::read(&visit, &name, Some(&version), None).await?;
    visit.page(&page)
}

/// `POST /ui/artifacts/products/{product}/delete`.
pub(super) async fn delete_product(
    Path(name): Path<String>,
    Submitted { visit, form }: Submitted,
) -> PageResult {
    delete(&visit, &form, &name, None).await
}

/// `POST /ui/artifacts/products/{product}/delete/{version}`.
pub(super) async fn delete_version(
    Path((name, version)): Path<(String, String)>,
    Submitted { visit, form }: Submitted,
) -> PageResult {
    delete(&visit, &form, &name, Some(&version)).await
}

async fn delete(visit: &Visit, form: &Form, name: &str, version: Option<&str>) -> PageResult {
    let holder = Holder::of(visit);
    let what = version.unwrap_or(name);
    let deleted = if form.text("name") == what {
        let path = path(&[&["api", "product", "delete", name], version.as_slice()].concat());
        holder.ask::<Value>(visit, Method::DELETE, &path, None).await
    } else {
        Err(wrong(&format!("Type {what} to delete it. Nothing was deleted.")))
    };
    match deleted {
        Ok(_) if version.is_some() => Ok(see(&holder.done(visit, &["products", name], "deleted"))),
        Ok(_) => Ok(see(&holder.done(visit, &[], "deleted"))),
        Err(problem) if problem.is_about_input() => {
            let page = DeletePage::read(visit, name, version, Some(&problem)).await?;
            visit.again(&problem, &page)
        }
        Err(problem) => Err(visit.failed(problem)),
    }
}
