//! `/ui/orgs`: organisations.

mod members;
mod settings;

use std::collections::BTreeMap;

use askama::Template;
use axum::Router;
use axum::extract::Path;
use axum::http::Method;
use axum::routing::get;
use granary_http::AppState;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::address::path;
use crate::back::Problem;
use crate::form::{Form, Submitted};
use crate::page::{PageError, PageResult, Shell, see};
use crate::pages::audit::AuditLog;
use crate::pages::dashboard::{Repo, own_repos};
use crate::pages::leave;
use crate::pages::part::Part;
use crate::pages::tokens::{self, Holder, TokenList};
use crate::visit::{SignedIn, Visit};

/// The routes of this part.
pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route("/ui/orgs", get(show_orgs).post(create_org))
        .route("/ui/orgs/{org}", get(show_org))
        .route("/ui/orgs/{org}/members", get(members::show_members).post(members::set_member))
        .route("/ui/orgs/{org}/members/remove", get(leave).post(members::remove_member))
        .route("/ui/orgs/{org}/tokens", get(show_tokens).post(create_token))
        .route("/ui/orgs/{org}/tokens/revoke", get(leave).post(revoke_token))
        .route("/ui/orgs/{org}/settings", get(settings::show_settings).post(settings::rename_org))
        .route("/ui/orgs/{org}/delete", get(leave).post(settings::delete_org))
        .route("/ui/orgs/{org}/audit", get(show_audit))
}

/// An organisation as its members see it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Org {
    /// What it is called in addresses.
    pub(crate) slug: String,
    /// Name to show.
    pub(crate) name: String,
    /// Roles by users.
    members: BTreeMap<String, String>,
    pub(crate) created_at: String,
}

impl Org {
    /// The role of whoever looks.
    pub(crate) fn role(&self, visit: &Visit) -> &str {
        match visit.user() {
            Some(user) if user.instance_admin => "owner",
            Some(user) => self.members.get(&user.uid).map_or("member", String::as_str),
            None => "member",
        }
    }

    /// Whether whoever looks administers it.
    pub(crate) fn is_administered(&self, visit: &Visit) -> bool {
        matches!(self.role(visit), "admin" | "owner")
    }
}

#[derive(Deserialize)]
struct Orgs {
    orgs: Vec<Org>,
}

#[derive(Deserialize)]
struct OneOrg {
    org: Org,
}

/// The organisations of whoever looks.
pub(crate) async fn orgs_of(visit: &Visit) -> Result<Vec<Org>, Problem> {
    Ok(visit.get::<Orgs>("/api/orgs").await?.orgs)
}

/// What all pages of an organisation have.
struct OrgPart {
    slug: String,
    name: String,
    /// Role of whoever looks.
    role: String,
    /// Whether to show what is for administrators.
    is_admin: bool,
    /// The tab that the page is.
    tab: &'static str,
}

impl OrgPart {
    /// Reads the organisation that a page is about.
    async fn read(visit: &Visit, slug: &str, tab: &'static str) -> Result<(Self, Org), PageError> {
        let found = visit.get::<OneOrg>(&path(&["api", "orgs", slug])).await;
        let org = found.map_err(|problem| visit.failed(problem))?.org;
        let part = Self {
            slug: org.slug.clone(),
            name: org.name.clone(),
            role: org.role(visit).to_owned(),
            is_admin: org.is_administered(visit),
            tab,
        };
        Ok((part, org))
    }

    fn is_owner(&self) -> bool {
        self.role == "owner"
    }
}

#[derive(Template)]
#[template(path = "orgs.html")]
struct OrgsPage {
    shell: Shell,
    orgs: Part<(Org, String)>,
    slug: String,
    name: String,
    problem: Option<Problem>,
}

impl OrgsPage {
    async fn read(visit: &Visit, form: &Form, problem: Option<Problem>) -> Result<Self, PageError> {
        let orgs = orgs_of(visit).await.map_err(|problem| visit.failed(problem))?;
        let with_role = |org: Org| {
            let role = org.role(visit).to_owned();
            (org, role)
        };
        Ok(Self {
            shell: visit.shell("orgs"),
            orgs: Part::of(visit, orgs.into_iter().map(with_role).collect(), "/ui/orgs"),
            slug: form.text("slug").to_owned(),
            name: form.text("name").to_owned(),
            problem,
        })
    }
}

async fn show_orgs(SignedIn(visit): SignedIn) -> PageResult {
    let page = OrgsPage::read(&visit, &Form::default(), None).await?;
    visit.page(&page)
}

async fn create_org(Submitted { visit, form }: Submitted) -> PageResult {
    let body = json!({ "slug": form.text("slug"), "name": form.given("name") });
    match visit.ask::<OneOrg>(Method::POST, "/api/orgs", None, Some(&body)).await {
        Ok(made) => {
            let base = visit.shell("").base;
            Ok(see(&format!("{base}{}?done=created", path(&["ui", "orgs", &made.org.slug]))))
        }
        Err(problem) if problem.is_about_input() => {
            let page = OrgsPage::read(&visit, &form, Some(problem.clone())).await?;
            visit.again(&problem, &page)
        }
        Err(problem) => Err(visit.failed(problem)),
    }
}

#[derive(Template)]
#[template(path = "org.html")]
struct OrgPage {
    shell: Shell,
    org: OrgPart,
    repos: Part<Repo>,
    created_at: String,
}

async fn show_org(SignedIn(visit): SignedIn, Path(slug): Path<String>) -> PageResult {
    let (org, row) = OrgPart::read(&visit, &slug, "repositories").await?;
    let mut repos = own_repos(&visit).await.map_err(|problem| visit.failed(problem))?;
    repos.retain(|repo| repo.org_slug.as_deref() == Some(&org.slug));
    let repos = Part::of(&visit, repos, &path(&["ui", "orgs", &slug]));
    visit.page(&OrgPage { shell: visit.shell("orgs"), org, repos, created_at: row.created_at })
}

fn holder(slug: &str) -> Holder {
    Holder {
        api: path(&["api", "orgs", slug, "tokens"]),
        page: path(&["ui", "orgs", slug, "tokens"]),
        purpose: "Tokens of the organisation (org_) reach all of its repositories. They belong to no person, so they go on \
                  working when somebody leaves: they are for builds and servers.",
    }
}

#[derive(Template)]
#[template(path = "org_tokens.html")]
struct OrgTokens {
    shell: Shell,
    org: OrgPart,
    tokens: TokenList,
}

async fn show_tokens(SignedIn(visit): SignedIn, Path(slug): Path<String>) -> PageResult {
    let (org, _) = OrgPart::read(&visit, &slug, "tokens").await?;
    let tokens = TokenList::read(&visit, holder(&slug)).await.map_err(|problem| visit.failed(problem))?;
    visit.page(&OrgTokens { shell: visit.shell("orgs"), org, tokens })
}

async fn create_token(Path(slug): Path<String>, Submitted { visit, form }: Submitted) -> PageResult {
    let (org, _) = OrgPart::read(&visit, &slug, "tokens").await?;
    let tokens = TokenList::create(&visit, holder(&slug), &form).await;
    let tokens = tokens.map_err(|problem| visit.failed(problem))?;
    let problem = tokens.problem.clone();
    TokenList::answer(problem.as_ref(), &visit, &OrgTokens { shell: visit.shell("orgs"), org, tokens })
}

async fn revoke_token(Path(slug): Path<String>, submitted: Submitted) -> PageResult {
    tokens::revoke(&submitted, &holder(&slug)).await
}

#[derive(Template)]
#[template(path = "org_audit.html")]
struct OrgAudit {
    shell: Shell,
    org: OrgPart,
    audit: AuditLog,
}

async fn show_audit(SignedIn(visit): SignedIn, Path(slug): Path<String>) -> PageResult {
    let (org, _) = OrgPart::read(&visit, &slug, "audit").await?;
    let api = path(&["api", "orgs", &slug, "audit"]);
    let audit = AuditLog::read(&visit, &api, &path(&["ui", "orgs", &slug, "audit"])).await;
    let audit = audit.map_err(|problem| visit.failed(problem))?;
    visit.page(&OrgAudit { shell: visit.shell("orgs"), org, audit })
}

/// An answer of which only matters that it is none of an error.
type Done = Result<Value, Problem>;
