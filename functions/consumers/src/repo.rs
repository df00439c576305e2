//! Which repository a new package for sale is in.

use granary_http::AppState;
use granary_http::new_repo::{RepoHome, store_new_repo};
use granary_http::seller::Seller;
use granary_model::{Error, PackageType, RepoId, Result};
use granary_storage::rows::RepoRow;
use granary_storage::{Key, Subject};

use crate::input::{documented, field};

/// Longest part of a new repository's name that comes from its owner's.
const MAX_STEM: usize = 40;

/// How many names are tried for a new repository.
const NAMES: u32 = 20;

/// Finds the repository: the token's own, the one that is named, or the seller's only one of that protocol. Who sells
/// Composer packages and has none gets one.
///
/// # Errors
/// `BadRequest` that names `repo_id` if it has to be said.
pub(crate) async fn find(
    state: &AppState,
    seller: &Seller,
    named: Option<RepoId>,
    kind: PackageType,
) -> Result<RepoId> {
    if let Subject::Repo(own) = &seller.tenant.subject {
        if named.is_some_and(|named| named != *own) {
            return Err(Error::BadRequest(format!("repo_id: the token is of the repository '{own}' alone")));
        }
        return Ok(own.clone());
    }
    if let Some(named) = named {
        return Ok(named);
    }
    let mut repos = seller.repos(state).await?;
    repos.retain(|repo| repo.package_types.contains(&kind));
    match repos.as_slice() {
        [only] => Ok(only.id.clone()),
        [] if kind == PackageType::Composer => create(state, seller).await,
        [] => Err(Error::BadRequest(format!(
            "repo_id: you have no repository for {kind} packages; make one first"
        ))),
        several => {
            let names: Vec<&str> = several.iter().take(20).map(|repo| repo.id.as_str()).collect();
            let names = names.join(", ");
            Err(Error::BadRequest(format!(
                "repo_id: you have several repositories for {kind} packages; name one of {names}"
            )))
        }
    }
}

/// Makes a private repository for Composer packages, named after the seller.
async fn create(state: &AppState, seller: &Seller) -> Result<RepoId> {
    // By whom it is for, not by who asks: a person may act for an organisation.
    let (stem, org) = match &seller.tenant.subject {
        Subject::Org(slug) => (slug.to_string(), Some(slug.as_str())),
        Subject::User(id) => (stem(id.as_str()), None),
        Subject::Repo(_) => return Err(Error::internal("making a repository", "a seller that is one")),
    };
    for number in 1..=NAMES {
        let name = if number == 1 { format!("{stem}-composer") } else { format!("{stem}-composer-{number}") };
        let id: RepoId = name.parse()?;
        let mut row = RepoHome::find(state, &seller.caller, org).await?.new_repo(state, id.clone());
        row.package_types.insert(PackageType::Composer);
        row.description = Some("Composer packages for sale".into());
        match store_new_repo(state, &seller.caller, &row).await {
            Ok(()) => return Ok(id),
            Err(Error::Conflict(_)) => {}
            Err(error) => return Err(documented(error)),
        }
        // Of several requests at the same time one makes it, and the others find it made.
        let taken: Option<RepoRow> = state.storage().get(&Key::Repo(id.clone())).await?;
        let ours = |row: &RepoRow| {
            !row.deleting && seller.tenant.covers(row) && row.package_types.contains(&PackageType::Composer)
        };
        if taken.as_ref().is_some_and(ours) {
            return Ok(id);
        }
    }
    let why =
        Error::BadRequest("all names for a new repository are taken; make one yourself and name it".into());
    Err(field("repo_id", why))
}

/// What a repository's name can have of a user's id, which may be any text.
fn stem(text: &str) -> String {
    let mut stem = String::new();
    for c in text.chars() {
        let c = c.to_ascii_lowercase();
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            stem.push(c);
        } else if !stem.is_empty() && !stem.ends_with('-') {
            stem.push('-');
        }
        if stem.len() == MAX_STEM {
            break;
        }
    }
    let stem = stem.trim_end_matches('-');
    if stem.is_empty() { "seller".into() } else { stem.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_the_seller() {
        let long = "a".repeat(200);
        for (text, expected) in [
            ("ann", "ann"),
            ("Ann.Lee@example.com", "ann-lee-example-com"),
            ("auth0|12 34", "auth0-12-34"),
            ("--__", "seller"),
            ("äöü", "seller"),
            (long.as_str(), &long[..MAX_STEM]),
        ] {
            assert_eq!(stem(text), expected);
            assert!(format!("{}-composer-20", stem(text)).parse::<RepoId>().is_ok(), "{text}");
        }
    }
}
