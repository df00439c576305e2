//! `/ui/repos/{repo}/members`: who may read and write.

use askama::Template;
use axum::extract::Path;
use axum::http::Method;
use serde::de::IgnoredAny;
use serde_json::json;

use super::{Repo, RepoName, api_of, page_of};
use crate::address::with_query;
use crate::back::Problem;
use crate::form::Submitted;
use crate::page::{PageResult, Shell, see};
use crate::pages::member::{Member, Members};
use crate::pages::part::Part;
use crate::visit::{SignedIn, Visit};

/// Roles, lowest first, with what they mean.
pub(crate) const ROLES: [(&str, &str); 4] = [
    ("read", "read: list and install"),
    ("write", "write: publish as well"),
    ("admin", "admin: settings, members and tokens as well"),
    ("owner", "owner: delete the repository as well"),
];

/// What the form for another member holds.
#[derive(Debug, Clone, Default)]
struct MemberForm {
    user: String,
    role: String,
}

#[derive(Template)]
#[template(path = "repo_members.html")]
struct MembersPage {
    shell: Shell,
    repo: Repo,
    members: Part<Member>,
    form: MemberForm,
    /// The one who shall be removed, once that is confirmed.
    doomed: Option<Member>,
    problem: Option<String>,
}

impl MembersPage {
    async fn new(visit: &Visit, repo: &str, form: MemberForm) -> Result<Self, Problem> {
        let all = visit.get::<Members>(&api_of(repo, "members")).await?.members;
        let doomed =
            visit.query("remove").and_then(|uid| all.iter().find(|member| member.uid == uid).cloned());
        let members = Part::of(visit, all, &page_of(repo, "members"));
        let repo = Repo::read(visit, repo).await?;
        Ok(Self { shell: visit.shell("home"), repo, members, form, doomed, problem: None })
    }

    /// Whether it is whoever looks.
    fn is_viewer(&self, member: &Member) -> bool {
        self.shell.user.as_ref().is_some_and(|user| user.uid == member.uid)
    }

    /// Path of the page that asks whether a member shall be removed.
    fn doom(&self, member: &Member) -> String {
        with_query(&self.repo.page("members"), &[("remove", Some(&member.uid))])
    }
}

/// `GET /ui/repos/{repo}/members`: for those who belong to it.
pub(super) async fn show_members(SignedIn(visit): SignedIn, Path(repo): RepoName) -> PageResult {
    let form = MemberForm { user: String::new(), role: "read".into() };
    let page = MembersPage::new(&visit, &repo, form).await.map_err(|problem| visit.failed(problem))?;
    visit.page(&page)
}

/// `POST /ui/repos/{repo}/members`: adds a member or changes a member's role.
pub(super) async fn set_member(Path(repo): RepoName, submitted: Submitted) -> PageResult {
    let Submitted { visit, form } = submitted;
    let form = MemberForm { user: form.text("userId").to_owned(), role: form.text("role").to_owned() };
    let body = json!({ "userId": form.user, "role": form.role });
    let set: Result<IgnoredAny, _> =
        visit.ask(Method::POST, &api_of(&repo, "members"), None, Some(&body)).await;
    changed(&visit, &repo, set, form).await
}

/// `POST /ui/repos/{repo}/members/remove`: removes a member, or whoever asks.
pub(super) async fn remove_member(Path(repo): RepoName, submitted: Submitted) -> PageResult {
    let Submitted { visit, form } = submitted;
    let user = form.text("userId");
    let path = with_query(&api_of(&repo, "members"), &[("userId", Some(user))]);
    let removed: Result<IgnoredAny, _> = visit.ask(Method::DELETE, &path, None, None).await;
    if removed.is_ok() && visit.user().is_some_and(|viewer| viewer.uid == user) {
        return Ok(see(&format!("{}/ui?done=member", visit.shell("").base)));
    }
    changed(&visit, &repo, removed, MemberForm { role: "read".into(), ..MemberForm::default() }).await
}

async fn changed(
    visit: &Visit,
    repo: &str,
    result: Result<IgnoredAny, Problem>,
    form: MemberForm,
) -> PageResult {
    match result {
        Ok(_) => Ok(see(&format!("{}{}?done=member", visit.shell("").base, page_of(repo, "members")))),
        Err(problem) if problem.is_about_input() => {
            let page = MembersPage::new(visit, repo, form).await;
            let mut page = page.map_err(|problem| visit.failed(problem))?;
            page.problem = Some(problem.message.clone());
            visit.again(&problem, &page)
        }
        Err(problem) => Err(visit.failed(problem)),
    }
}
