//! `/ui/repos/{repo}/{type}/{name}`: what a package is, how to get it, and who may see it.

mod aside;
mod chart;
mod details;
mod download;
mod list;
pub(crate) mod snippets;

use askama::Template;
use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use granary_http::AppState;

use crate::address::{path, tail, with_query};
use crate::back::Problem;
use crate::markdown;
use crate::page::{PageResult, Shell};
use crate::pages::repos::{KINDS, Repo};
use crate::visit::Visit;

use chart::{Chart, Downloads};
use details::{Details, Shown};
use list::Part;
use snippets::{Client, Place, Snippet, Wanted};

/// Versions on one page.
const VERSIONS: &str = "50";

/// Files on one page. Each brings its digests along.
const FILES: usize = 40;

/// Dependencies on one page.
const DEPENDENCIES: usize = 100;

/// Days of the picture of downloads.
const DAYS: &str = "30";

/// The routes of this part.
pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route("/ui/repos/{repo}/{kind}/{*name}", get(show_package))
        .route("/ui/repos/{repo}/files/{kind}/{*name}", get(download::download))
        .route(
            "/ui/repos/{repo}/quarantine/{kind}/{*name}",
            get(aside::show_quarantine).post(aside::put_aside),
        )
        .route("/ui/repos/{repo}/release/{kind}/{*name}", get(aside::show_quarantine).post(aside::let_go))
        .route("/ui/repos/{repo}/origins/{kind}/{*name}", get(aside::show_origin).post(aside::make_ours))
}

/// A part of the page. Which one is in the query: `tab`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tab {
    Readme,
    SetUp,
    Versions,
    Files,
    Dependencies,
}

impl Tab {
    const ALL: [Self; 5] = [Self::Readme, Self::SetUp, Self::Versions, Self::Files, Self::Dependencies];

    /// What it is called in the address.
    fn key(self) -> &'static str {
        match self {
            Self::Readme => "readme",
            Self::SetUp => "setup",
            Self::Versions => "versions",
            Self::Files => "files",
            Self::Dependencies => "dependencies",
        }
    }

    /// What it is called on the page.
    fn name(self) -> &'static str {
        match self {
            Self::Readme => "Read me",
            Self::SetUp => "Set up",
            Self::Versions => "Versions",
            Self::Files => "Files",
            Self::Dependencies => "Dependencies",
        }
    }

    /// The one that is asked for; otherwise the README, or without one how to install.
    fn of(visit: &Visit, details: &Details) -> Self {
        let asked = visit.query("tab");
        let found = Self::ALL.into_iter().find(|tab| Some(tab.key()) == asked.as_deref());
        let has_readme = details.version.as_ref().is_some_and(|version| version.readme.is_some());
        found.unwrap_or(if has_readme { Self::Readme } else { Self::SetUp })
    }
}

/// A README as it is shown.
enum Readme {
    /// Sanitised HTML.
    Html(String),
    /// Text.
    Plain(String),
}

#[derive(Template)]
#[template(path = "package.html")]
struct PackagePage {
    shell: Shell,
    repo: Repo,
    kind: String,
    details: Details,
    /// The version that the address names.
    asked: Option<String>,
    tab: Tab,
    readme: Option<Readme>,
    /// Whether there is more of the README than is shown, and whether a link may show it.
    is_cut: bool,
    is_whole: bool,
    chart: Option<Chart>,
    size: Option<String>,
    install_line: Option<String>,
    install_note: Option<String>,
    clients: Vec<Client>,
    jobs: Vec<Snippet>,
    files: Part<details::File>,
    dependencies: Part<details::Dependency>,
    first: Option<String>,
    next: Option<String>,
}

impl PackagePage {
    /// Path of the page below the registry's address.
    fn page(&self) -> String {
        page_of(&self.repo.id, &self.kind, &self.details.package.name)
    }

    /// Path of a part of the page, for the same version.
    fn tab(&self, tab: Tab) -> String {
        with_query(&self.page(), &[("tab", Some(tab.key())), ("version", self.asked.as_deref())])
    }

    /// Path of the page of another version.
    fn version(&self, version: &str) -> String {
        with_query(&self.page(), &[("version", Some(version))])
    }

    /// Path of another page of a list.
    fn part(&self, number: Option<usize>) -> Option<String> {
        let number = number?.to_string();
        let parameters = [
            ("tab", Some(self.tab.key())),
            ("version", self.asked.as_deref()),
            ("page", Some(number.as_str())),
        ];
        Some(with_query(&self.page(), &parameters))
    }

    fn whole(&self) -> String {
        let parameters =
            [("tab", Some(Tab::Readme.key())), ("version", self.asked.as_deref()), ("whole", Some("1"))];
        with_query(&self.page(), &parameters)
    }

    /// Packages of the repository that have a word.
    fn keyword(&self, word: &str) -> String {
        with_query(&self.repo.page(""), &[("text", Some(word))])
    }

    fn set_up(&self) -> String {
        self.tab(Tab::SetUp)
    }

    /// Path of the download of a file of the version that is shown.
    fn download(&self, file: &details::File) -> String {
        let version = self.details.version.as_ref().map_or("", |version| version.version.as_str());
        download::address(&self.repo.id, &self.kind, &self.details.package.name, version, &file.name)
    }

    /// Path of the page on which the version that is shown, or the package, is put into quarantine.
    fn quarantine(&self, version: Option<&str>) -> String {
        let page = aside::page_of(&self.repo.id, "quarantine", &self.kind, &self.details.package.name);
        with_query(&page, &[("version", version)])
    }

    /// Path of the page on which its name is made the repository's own.
    fn ours(&self) -> String {
        aside::page_of(&self.repo.id, "origins", &self.kind, &self.details.package.name)
    }

    /// Whether the bytes of the version that is shown are at its upstream only.
    fn is_elsewhere(&self) -> bool {
        self.details.version.as_ref().is_some_and(Shown::is_elsewhere)
    }

    /// Whether the viewer decides who gets it.
    fn is_administered(&self) -> bool {
        self.repo.is_administered() && self.details.package.is_here()
    }

    fn all_files(&self) -> String {
        self.tab(Tab::Files)
    }

    /// The parts that there are: path, name, and whether it is the one that is shown.
    fn tabs(&self) -> Vec<(String, String, bool)> {
        let has_readme = self.details.version.as_ref().is_some_and(|version| version.readme.is_some());
        let is_there = |tab: Tab| match tab {
            Tab::Readme => has_readme,
            Tab::Dependencies => no_dependencies(&self.kind).is_none(),
            _ => true,
        };
        let tabs = Tab::ALL.into_iter().filter(|tab| is_there(*tab) || self.tab == *tab);
        let name = |tab: Tab| match tab {
            Tab::Versions => format!("{} ({})", tab.name(), self.details.package.version_count),
            _ => tab.name().to_owned(),
        };
        tabs.map(|tab| (self.tab(tab), name(tab), tab == self.tab)).collect()
    }

    /// Why no dependencies are shown.
    fn without_dependencies(&self) -> &'static str {
        no_dependencies(&self.kind).unwrap_or("This version names no dependencies.")
    }

    /// Whether what is shown is not the latest version.
    fn is_older(&self, version: &Shown) -> bool {
        self.details.package.latest_version.as_ref().is_some_and(|latest| *latest != version.version)
    }
}

/// Why nothing is known of the dependencies of any package of a type.
fn no_dependencies(kind: &str) -> Option<&'static str> {
    match kind {
        "swift" => Some("The dependencies of a Swift package stand in its Package.swift."),
        "raw" => Some("Plain files have no dependencies."),
        _ => None,
    }
}

/// Path of the page of a package below the registry's address.
fn page_of(repo: &str, kind: &str, name: &str) -> String {
    format!("{}/{}", path(&["ui", "repos", repo, kind]), tail(name))
}

async fn show_package(visit: Visit, Path((repo, kind, name)): Path<(String, String, String)>) -> PageResult {
    if !KINDS.contains(&kind.as_str()) {
        let message = "There is no such page.".into();
        return Err(visit.failed(Problem { status: StatusCode::NOT_FOUND, message }));
    }
    let repo = Repo::read(&visit, &repo).await.map_err(|problem| visit.failed(problem))?;
    let of = |what| format!("{}/{}", path(&["api", "repos", &repo.id, what, &kind]), tail(&name));
    let (asked, cursor) = (visit.query("version"), visit.query("cursor"));
    let question = [("version", asked.as_deref()), ("limit", Some(VERSIONS)), ("cursor", cursor.as_deref())];
    let details: Details =
        visit.get(&with_query(&of("packages"), &question)).await.map_err(|problem| visit.failed(problem))?;
    let downloads: Option<Downloads> = visit
        .find(&with_query(&of("downloads"), &[("days", Some(DAYS))]))
        .await
        .map_err(|problem| visit.failed(problem))?;
    visit.page(&compose(&visit, repo, kind, details, downloads))
}

/// Puts together what the page shows.
fn compose(
    visit: &Visit,
    repo: Repo,
    kind: String,
    mut details: Details,
    downloads: Option<Downloads>,
) -> PackagePage {
    let shell = visit.shell(if repo.is_insider() { "home" } else { "discover" });
    let tab = Tab::of(visit, &details);
    let number = visit.query("page").and_then(|page| page.parse().ok()).unwrap_or(1);
    let is_whole = visit.query("whole").is_some();
    let size = details.size();
    let (mut files, mut dependencies) = (Vec::new(), Vec::new());
    let (mut readme, mut is_cut) = (None, false);
    let (mut install_line, mut install_note, mut clients, mut jobs) = (None, None, Vec::new(), Vec::new());
    // Nobody installs what nobody gets.
    let is_kept = details.version.as_ref().is_some_and(|version| version.kept().is_some());
    if let Some(version) = &mut details.version {
        let place = Place { public_url: &shell.public_url, repo: &repo.id, is_private: !repo.is_public() };
        let file = version.main_file().map(str::to_owned);
        let wanted = Wanted { name: &details.package.name, version: &version.version, file: file.as_deref() };
        if !is_kept {
            install_line = snippets::install_line(place, &kind, wanted);
            // It is about packages that are not here; those of an upstream are.
            let is_here = !details.package.is_from_upstream();
            install_note = snippets::install_note(&kind, wanted).filter(|_| is_here);
        }
        match tab {
            Tab::SetUp => {
                clients = snippets::install(place, &kind, wanted);
                jobs = snippets::install_in_ci(place, &kind, wanted);
            }
            Tab::Files => files.append(&mut version.files),
            Tab::Dependencies => dependencies.append(&mut version.dependencies),
            Tab::Readme => (readme, is_cut) = read(version, is_whole),
            Tab::Versions => {}
        }
    }
    let mut page = PackagePage {
        shell,
        repo,
        kind,
        asked: visit.query("version"),
        tab,
        readme,
        is_cut,
        is_whole,
        chart: downloads.map(Chart::new),
        size,
        install_line,
        install_note,
        clients,
        jobs,
        files: Part::of(files, number, FILES),
        dependencies: Part::of(dependencies, number, DEPENDENCIES),
        first: None,
        next: None,
        details,
    };
    let at = |cursor| {
        let parameters =
            [("tab", Some(Tab::Versions.key())), ("version", page.asked.as_deref()), ("cursor", cursor)];
        with_query(&page.page(), &parameters)
    };
    let first = visit.query("cursor").is_some().then(|| at(None));
    let next = page.details.next.as_deref().map(|next| at(Some(next)));
    (page.first, page.next) = (first, next);
    page
}

/// The README of a version, and whether there is more of it.
fn read(version: &Shown, is_whole: bool) -> (Option<Readme>, bool) {
    let Some(readme) = &version.readme else { return (None, false) };
    let (shown, is_cut) = if readme.format == "markdown" {
        let rendered = markdown::render(&readme.text, is_whole);
        (Readme::Html(rendered.html), rendered.is_cut)
    } else {
        let (text, is_cut) = markdown::plain(&readme.text, is_whole);
        (Readme::Plain(text.to_owned()), is_cut)
    };
    (Some(shown), is_cut || (is_whole && readme.truncated))
}
