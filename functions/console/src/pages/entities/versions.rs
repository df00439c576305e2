//! One version of an entity, made the active one and deleted.

use askama::Template;
use axum::extract::Path;
use axum::http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::model::Version;
use super::{after, api};
use crate::back::Problem;
use crate::form::Submitted;
use crate::page::{PageError, PageResult, Shell, see};
use crate::pages::products::Holder;
use crate::text::cut;
use crate::visit::{SignedIn, Visit};

/// How much of a `package.json` is shown, in characters.
const PACKAGE_JSON: usize = 20_000;

#[derive(Deserialize)]
struct Answer {
    version: Version,
}

#[derive(Template)]
#[template(path = "entity_version.html")]
struct VersionPage {
    shell: Shell,
    holder: Holder,
    entity: String,
    version: Version,
    /// Whether it is asked if the deletion is meant.
    asks: bool,
    problem: Option<String>,
}

impl VersionPage {
    async fn read(visit: &Visit, entity: &str, version: &str) -> Result<Self, PageError> {
        let found = visit.get::<Answer>(&api(entity, &["versions", version])).await;
        Ok(Self {
            shell: visit.shell("artifacts"),
            holder: Holder::of(visit),
            entity: entity.to_owned(),
            version: found.map_err(|problem| visit.failed(problem))?.version,
            asks: false,
            problem: None,
        })
    }

    async fn asking(
        visit: &Visit,
        entity: &str,
        version: &str,
        problem: Option<&Problem>,
    ) -> Result<Self, PageError> {
        let page = Self::read(visit, entity, version).await?;
        Ok(Self { asks: true, problem: problem.map(|problem| problem.message.clone()), ..page })
    }

    /// Its `package.json` with line breaks, the beginning of it if it is long.
    fn package_json(&self) -> Option<String> {
        let json = Some(&self.version.package_json).filter(|json| !json.is_null())?;
        Some(cut(&format!("{json:#}"), PACKAGE_JSON))
    }

    fn entity_page(&self) -> String {
        self.holder.page(&["entities", &self.entity])
    }

    fn page(&self) -> String {
        self.holder.page(&["entities", &self.entity, "versions", &self.version.name])
    }

    fn deletion(&self) -> String {
        self.holder.page(&["entities", &self.entity, "versions", &self.version.name, "delete"])
    }

    fn activation(&self) -> String {
        self.holder.page(&["entities", &self.entity, "activate"])
    }
}

/// `GET /ui/artifacts/entities/{entity}/versions/{version}`.
pub(super) async fn show_version(
    SignedIn(visit): SignedIn,
    Path((entity, version)): Path<(String, String)>,
) -> PageResult {
    let page = VersionPage::read(&visit, &entity, &version).await?;
    visit.page(&page)
}

/// `POST /ui/artifacts/entities/{entity}/activate`: makes a version the active one.
pub(super) async fn activate(Path(entity): Path<String>, Submitted { visit, form }: Submitted) -> PageResult {
    let body = json!({ "versionId": form.text("version") });
    let path = api(&entity, &["versions", "active"]);
    let changed = visit.ask::<Value>(Method::PUT, &path, None, Some(&body)).await;
    after(&visit, &entity, changed, "activated").await
}

/// `GET /ui/artifacts/entities/{entity}/versions/{version}/delete`: asks whether it is meant.
pub(super) async fn ask_to_delete(
    SignedIn(visit): SignedIn,
    Path((entity, version)): Path<(String, String)>,
) -> PageResult {
    let page = VersionPage::asking(&visit, &entity, &version, None).await?;
    visit.page(&page)
}

/// `POST /ui/artifacts/entities/{entity}/versions/{version}/delete`.
pub(super) async fn delete_version(
    Path((entity, version)): Path<(String, String)>,
    Submitted { visit, .. }: Submitted,
) -> PageResult {
    let path = api(&entity, &["versions", &version]);
    match visit.ask::<Value>(Method::DELETE, &path, None, None).await {
        Ok(_) => Ok(see(&Holder::of(&visit).done(&visit, &["entities", &entity], "deleted"))),
        Err(problem) if problem.is_about_input() => {
            let page = VersionPage::asking(&visit, &entity, &version, Some(&problem)).await?;
            visit.again(&problem, &page)
        }
        Err(problem) => Err(visit.failed(problem)),
    }
}
