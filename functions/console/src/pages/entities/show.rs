//! One entity, changed and deleted.

use askama::Template;
use axum::extract::Path;
use axum::http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::model::{Details, Entity, Publication, Publisher, Share, Version};
use super::{after, api};
use crate::address::with_query;
use crate::back::Problem;
use crate::form::{Submitted, wrong};
use crate::page::{PageError, PageResult, Shell, see};
use crate::pages::dashboard::{Org, own_orgs};
use crate::pages::kmp::Slice;
use crate::pages::products::Holder;
use crate::visit::{SignedIn, Visit};

/// Versions on a page, and publishers and shares.
const VERSIONS: usize = 25;
const PEOPLE: usize = 30;

#[derive(Template)]
#[template(path = "entity.html")]
pub(super) struct EntityPage {
    shell: Shell,
    holder: Holder,
    entity: Entity,
    versions: Vec<Version>,
    /// The version before which the list goes on.
    older: Option<String>,
    access: String,
    publishers: Slice<Publisher>,
    shares: Slice<Share>,
    stores: Vec<Publication>,
    dependencies: Vec<String>,
    /// Organisations whose stores it may be published to.
    orgs: Vec<Org>,
    /// What stands in the field for another publisher.
    pub(super) new_publisher: String,
    /// What stands in the field for addresses to share it with.
    pub(super) new_shares: String,
    problem: Option<String>,
}

#[derive(Deserialize)]
struct Older {
    versions: Vec<Version>,
    next: Option<String>,
}

impl EntityPage {
    pub(super) async fn read(visit: &Visit, id: &str, problem: Option<&Problem>) -> Result<Self, PageError> {
        let failed = |problem| visit.failed(problem);
        let details: Details = visit.get(&api(id, &["details"])).await.map_err(failed)?;
        let (mut versions, mut is_cut) = (details.versions, details.versions_truncated);
        if let Some(before) = visit.query("before") {
            let list = with_query(&api(id, &["versions"]), &[("cursor", Some(&before))]);
            let older: Older = visit.get(&list).await.map_err(failed)?;
            (versions, is_cut) = (older.versions, older.next.is_some());
        }
        is_cut |= versions.len() > VERSIONS;
        versions.truncate(VERSIONS);
        Ok(Self {
            shell: visit.shell("artifacts"),
            holder: Holder::of(visit),
            entity: details.entity,
            older: versions.last().filter(|_| is_cut).map(|last| last.name.clone()),
            versions,
            access: details.access,
            publishers: Slice::new(details.publishers, visit.query("publishers").as_deref(), PEOPLE),
            shares: Slice::new(details.shares, visit.query("shares").as_deref(), PEOPLE),
            stores: details.stores,
            dependencies: details.dependencies,
            orgs: own_orgs(visit).await.map_err(failed)?,
            new_publisher: String::new(),
            new_shares: String::new(),
            problem: problem.map(|problem| problem.message.clone()),
        })
    }

    /// Whether to offer what publishers may do.
    fn is_publisher(&self) -> bool {
        self.access == "publisher"
    }

    /// By what whoever looks has it, in words.
    fn standing(&self) -> &'static str {
        match self.access.as_str() {
            "publisher" => "You publish it.",
            "share" => "It is shared with you.",
            "org_store" => "It is in the store of an organisation of yours.",
            _ => "It is in the public store of an organisation.",
        }
    }

    fn at(&self, rest: &str) -> String {
        let entity = ["entities", &self.entity.id];
        if rest.is_empty() {
            self.holder.page(&entity)
        } else {
            self.holder.page(&[&entity[..], &[rest]].concat())
        }
    }

    fn version_page(&self, version: &str) -> String {
        self.holder.page(&["entities", &self.entity.id, "versions", version])
    }

    fn turned(&self, parameter: &str, value: &str) -> String {
        self.holder.page_with(&["entities", &self.entity.id], &[(parameter, Some(value))])
    }

    fn overview(&self) -> String {
        self.holder.page(&[])
    }
}

/// `GET /ui/artifacts/entities/{entity}?before=&publishers=&shares=`.
pub(super) async fn show_entity(SignedIn(visit): SignedIn, Path(id): Path<String>) -> PageResult {
    let page = EntityPage::read(&visit, &id, None).await?;
    visit.page(&page)
}

/// `POST /ui/artifacts/entities/{entity}`: changes its name and description.
pub(super) async fn change_entity(
    Path(id): Path<String>,
    Submitted { visit, form }: Submitted,
) -> PageResult {
    let body = json!({ "name": form.text("name"), "description": form.text("description") });
    match visit.ask::<Value>(Method::PUT, &api(&id, &[]), None, Some(&body)).await {
        Err(problem) if problem.is_about_input() => {
            let mut page = EntityPage::read(&visit, &id, Some(&problem)).await?;
            // What was filled in stays.
            form.text("name").clone_into(&mut page.entity.name);
            page.entity.description = form.given("description").map(str::to_owned);
            visit.again(&problem, &page)
        }
        changed => after(&visit, &id, changed, "saved").await,
    }
}

#[derive(Template)]
#[template(path = "entity_delete.html")]
struct DeletePage {
    shell: Shell,
    holder: Holder,
    entity: Entity,
    problem: Option<String>,
}

impl DeletePage {
    async fn read(visit: &Visit, id: &str, problem: Option<&Problem>) -> Result<Self, PageError> {
        let EntityPage { shell, holder, entity, problem, .. } = EntityPage::read(visit, id, problem).await?;
        Ok(Self { shell, holder, entity, problem })
    }

    fn entity_page(&self) -> String {
        self.holder.page(&["entities", &self.entity.id])
    }

    fn action(&self) -> String {
        self.holder.page(&["entities", &self.entity.id, "delete"])
    }
}

/// `GET /ui/artifacts/entities/{entity}/delete`: asks for its short name.
pub(super) async fn ask_to_delete(SignedIn(visit): SignedIn, Path(id): Path<String>) -> PageResult {
    let page = DeletePage::read(&visit, &id, None).await?;
    visit.page(&page)
}

/// `POST /ui/artifacts/entities/{entity}/delete`.
pub(super) async fn delete_entity(
    Path(id): Path<String>,
    Submitted { visit, form }: Submitted,
) -> PageResult {
    let page = DeletePage::read(&visit, &id, None).await?;
    let deleted = if form.text("name") == page.entity.slug {
        visit.ask::<Value>(Method::DELETE, &api(&id, &[]), None, None).await
    } else {
        Err(wrong(&format!("Type {} to delete it. Nothing was deleted.", page.entity.slug)))
    };
    match deleted {
        Ok(_) => Ok(see(&page.holder.done(&visit, &[], "deleted"))),
        Err(problem) if problem.is_about_input() => {
            visit.again(&problem, &DeletePage { problem: Some(problem.message.clone()), ..page })
        }
        Err(problem) => Err(visit.failed(problem)),
    }
}
