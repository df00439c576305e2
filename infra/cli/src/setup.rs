//! `granary setup`: what a package manager has to be told.

mod composer;
mod edit;
mod gradle;
mod lines;
mod maven;
mod npm;
mod swift;

use std::path::PathBuf;

use crate::arguments::{SetupArguments, Tool};
use crate::credentials::{self, not_logged_in};
use crate::failure::Result;
use crate::screen::Screen;
use crate::secret::Secret;
use crate::server::Server;
use crate::setup::edit::FileEdit;
use crate::surroundings::Surroundings;

/// Stands where the token belongs while it is not shown.
const HIDDEN: &str = "<token>";

/// What is set up.
#[derive(Debug)]
pub(crate) struct Target<'a> {
    server: &'a Server,
    repo: &'a str,
    scope: Option<&'a str>,
    token: Option<&'a Secret>,
    surroundings: &'a Surroundings,
}

impl Target<'_> {
    /// The token, or what stands for it.
    fn token_text(&self) -> &str {
        self.token.map_or(HIDDEN, Secret::expose)
    }

    /// Address of the repository in a protocol whose routes begin with `prefix`; a slash at the end.
    fn address(&self, prefix: &str) -> String {
        self.server.at(&format!("{prefix}/{}/", self.repo))
    }
}

/// What has to be done for a package manager.
#[derive(Debug, Default)]
pub(crate) struct Recipe {
    /// Files that can be changed for the user.
    edits: Vec<FileEdit>,
    /// What the user has to do, as text.
    by_hand: Vec<Snippet>,
}

/// Text for the user to put somewhere or to run.
#[derive(Debug)]
struct Snippet {
    /// Where it belongs.
    title: String,
    /// The text.
    text: String,
}

impl Recipe {
    fn by_hand(&mut self, title: impl Into<String>, text: impl Into<String>) {
        self.by_hand.push(Snippet { title: title.into(), text: text.into() });
    }
}

/// Shows or writes the settings.
///
/// # Errors
/// When the arguments do not fit, there is no token to write, or a file cannot be read or written.
pub(crate) fn setup(
    arguments: &SetupArguments,
    surroundings: &Surroundings,
    screen: &mut Screen,
) -> Result<()> {
    check_repo(&arguments.repo)?;
    let (server, token) = credentials::find(surroundings, arguments.server.server.as_deref())?;
    if token.is_none() && (arguments.write || arguments.show_token) {
        return Err(not_logged_in(&server));
    }
    let target = Target {
        server: &server,
        repo: &arguments.repo,
        scope: arguments.scope.as_deref(),
        token: token.as_ref(),
        surroundings,
    };
    let recipe = match arguments.tool {
        Tool::Npm => npm::recipe(&target)?,
        Tool::Maven => maven::recipe(&target)?,
        Tool::Gradle => gradle::recipe(&target)?,
        Tool::Swift => swift::recipe(&target)?,
        Tool::Composer => composer::recipe(&target)?,
    };
    let hide = |text: &str| match &token {
        Some(token) if !arguments.show_token => text.replace(token.expose(), HIDDEN),
        _ => text.to_owned(),
    };
    for edit in &recipe.edits {
        if arguments.write {
            report_write(edit, screen)?;
        } else if arguments.dry_run {
            screen.say(&hide(&edit.difference()));
        } else {
            screen.say(&format!("In {}:\n", edit.path.display()));
            screen.say(&hide(&indented(&edit.snippet)));
        }
    }
    for snippet in &recipe.by_hand {
        screen.say(&format!("{}\n", snippet.title));
        screen.say(&hide(&indented(&snippet.text)));
    }
    close(&recipe, arguments, token.is_some(), screen);
    Ok(())
}

fn close(recipe: &Recipe, arguments: &SetupArguments, has_token: bool, screen: &mut Screen) {
    if arguments.write {
        if recipe.edits.is_empty() {
            screen.say("There is no file to write for this package manager: run the commands above.");
        }
        return;
    }
    if !recipe.edits.is_empty() && !arguments.dry_run {
        screen.say("With --write these files are changed for you; --dry-run shows how.");
    }
    if !arguments.show_token {
        let how = if has_token { "--show-token shows it" } else { "make one, then: granary login" };
        screen.say(&format!("{HIDDEN} stands for your token ({how})."));
    }
}

fn report_write(edit: &FileEdit, screen: &mut Screen) -> Result<()> {
    let path: PathBuf = edit.path.clone();
    match edit.apply()? {
        edit::Applied::Unchanged => screen.say(&format!("unchanged  {}", path.display())),
        edit::Applied::Made => screen.say(&format!("made       {}", path.display())),
        edit::Applied::Changed(backup) => {
            screen.say(&format!("changed    {} (before: {})", path.display(), backup.display()));
        }
    }
    Ok(())
}

fn indented(text: &str) -> String {
    let mut shown = String::new();
    for line in text.lines() {
        if !line.is_empty() {
            shown.push_str("    ");
        }
        shown.push_str(line);
        shown.push('\n');
    }
    shown
}

/// The name goes into addresses and files of other programs, where nothing else may slip in with it.
fn check_repo(name: &str) -> Result<()> {
    let fits = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if fits && !name.is_empty() {
        return Ok(());
    }
    Err(crate::failure::Failure::usage(format!("'{name}' is no name of a repository"))
        .next("It has lower-case letters, digits and hyphens"))
}
