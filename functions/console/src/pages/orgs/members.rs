//! `/ui/orgs/{org}/members`: who belongs to an organisation, in which role.

use askama::Template;
use axum::extract::Path;
use axum::http::Method;
use serde_json::json;

use super::{Done, OrgPart};
use crate::address::{path, with_query};
use crate::back::Problem;
use crate::form::{Form, Submitted};
use crate::page::{PageError, PageResult, Shell, see};
use crate::pages::member::{Member, Members};
use crate::pages::part::Part;
use crate::visit::{SignedIn, Visit};

/// Roles, and what they mean.
const ROLES: [(&str, &str); 3] = [
    ("member", "sees the organisation, and has in its repositories what they give"),
    ("admin", "administers all repositories, members, tokens and what is sold"),
    ("owner", "may delete the organisation as well"),
];

#[derive(Template)]
#[template(path = "org_members.html")]
struct MembersPage {
    shell: Shell,
    org: OrgPart,
    members: Part<Member>,
    /// The one that shall be removed, once that is confirmed.
    doomed: Option<Member>,
    user_id: String,
    role: String,
    problem: Option<Problem>,
}

impl MembersPage {
    async fn read(
        visit: &Visit,
        slug: &str,
        form: &Form,
        problem: Option<Problem>,
    ) -> Result<Self, PageError> {
        let (org, _) = OrgPart::read(visit, slug, "members").await?;
        let found = visit.get::<Members>(&path(&["api", "orgs", slug, "members"])).await;
        let members = found.map_err(|problem| visit.failed(problem))?.members;
        let doomed = visit.query("remove");
        let doomed = doomed.and_then(|uid| members.iter().find(|member| member.uid == uid).cloned());
        let members = Part::of(visit, members, &path(&["ui", "orgs", slug, "members"]));
        let role = form.given("role").unwrap_or("member").to_owned();
        let user_id = form.text("userId").to_owned();
        let shell = visit.shell("orgs");
        Ok(Self { shell, org, members, doomed, user_id, role, problem })
    }

    fn is_self(&self, member: &Member) -> bool {
        self.shell.user.as_ref().is_some_and(|user| user.uid == member.uid)
    }

    fn removal(&self, member: &Member) -> String {
        with_query(&path(&["ui", "orgs", &self.org.slug, "members"]), &[("remove", Some(&member.uid))])
    }
}

pub(super) async fn show_members(SignedIn(visit): SignedIn, Path(slug): Path<String>) -> PageResult {
    let page = MembersPage::read(&visit, &slug, &Form::default(), None).await?;
    visit.page(&page)
}

/// Adds a member, or changes the role of one.
pub(super) async fn set_member(Path(slug): Path<String>, Submitted { visit, form }: Submitted) -> PageResult {
    let body = json!({ "userId": form.text("userId"), "role": form.text("role") });
    let api = path(&["api", "orgs", &slug, "members"]);
    let done: Done = visit.ask(Method::POST, &api, None, Some(&body)).await;
    answer(&visit, &slug, &form, done, path(&["ui", "orgs", &slug, "members"]) + "?done=member").await
}

/// Removes a member, or whoever looks: then there is nothing more to look at.
pub(super) async fn remove_member(
    Path(slug): Path<String>,
    Submitted { visit, form }: Submitted,
) -> PageResult {
    let uid = form.text("userId");
    let api = with_query(&path(&["api", "orgs", &slug, "members"]), &[("userId", Some(uid))]);
    let done: Done = visit.ask(Method::DELETE, &api, None, None).await;
    let leaves = visit.user().is_some_and(|user| user.uid == uid && !user.instance_admin);
    let behind = if leaves {
        "/ui/orgs?done=left".into()
    } else {
        path(&["ui", "orgs", &slug, "members"]) + "?done=member"
    };
    answer(&visit, &slug, &Form::default(), done, behind).await
}

async fn answer(visit: &Visit, slug: &str, form: &Form, done: Done, behind: String) -> PageResult {
    match done {
        Ok(_) => Ok(see(&format!("{}{behind}", visit.shell("").base))),
        Err(problem) if problem.is_about_input() => {
            let page = MembersPage::read(visit, slug, form, Some(problem.clone())).await?;
            visit.again(&problem, &page)
        }
        Err(problem) => Err(visit.failed(problem)),
    }
}
