//! New entities.

use askama::Template;
use axum::http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::model::Entity;
use crate::form::{Form, Submitted};
use crate::page::{PageResult, Shell, see};
use crate::pages::products::Holder;
use crate::visit::{SignedIn, Visit};

/// What an entity can be, with the words for it.
const KINDS: [(&str, &str); 3] = [
    ("app", "an application"),
    ("service", "a service that others need"),
    ("chat_extension", "a chat extension"),
];

#[derive(Deserialize)]
struct Made {
    entity: Entity,
}

#[derive(Template)]
#[template(path = "entity_new.html")]
struct NewPage {
    shell: Shell,
    holder: Holder,
    kinds: [(&'static str, &'static str); KINDS.len()],
    kind: String,
    slug: String,
    name: String,
    description: String,
    problem: Option<String>,
}

impl NewPage {
    fn new(visit: &Visit, form: &Form, problem: Option<String>) -> Self {
        let text = |name| form.text(name).to_owned();
        Self {
            shell: visit.shell("artifacts"),
            holder: Holder::of(visit),
            kinds: KINDS,
            kind: text("type"),
            slug: text("slug"),
            name: text("name"),
            description: text("description"),
            problem,
        }
    }

    fn action(&self) -> String {
        self.holder.page(&["entities", "new"])
    }

    fn overview(&self) -> String {
        self.holder.page(&[])
    }
}

/// `GET /ui/artifacts/entities/new`.
pub(super) async fn show_form(SignedIn(visit): SignedIn) -> PageResult {
    visit.page(&NewPage::new(&visit, &Form::default(), None))
}

/// `POST /ui/artifacts/entities/new`.
pub(super) async fn create_entity(Submitted { visit, form }: Submitted) -> PageResult {
    let holder = Holder::of(&visit);
    let mut body = json!({ "type": form.text("type"), "slug": form.text("slug"), "name": form.text("name") });
    let more = [("description", form.given("description")), ("org_slug", holder.org.as_deref())];
    if let Some(fields) = body.as_object_mut() {
        let more = more.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Value::from(value?))));
        fields.extend(more);
    }
    match visit.ask::<Made>(Method::POST, "/api/entities", None, Some(&body)).await {
        Ok(Made { entity }) => Ok(see(&holder.done(&visit, &["entities", &entity.id], "created"))),
        Err(problem) if problem.is_about_input() => {
            visit.again(&problem, &NewPage::new(&visit, &form, Some(problem.message.clone())))
        }
        Err(problem) => Err(visit.failed(problem)),
    }
}
