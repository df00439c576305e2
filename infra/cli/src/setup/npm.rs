//! npm, and what reads its `.npmrc`: pnpm, Yarn 1, Bun.

use crate::failure::{Failure, Result};
use crate::setup::edit::FileEdit;
use crate::setup::{Recipe, Target, lines};

/// The registry stands in the project, where it may be committed; the token stands in the user's own file.
pub(super) fn recipe(target: &Target<'_>) -> Result<Recipe> {
    let address = target.address("/api/npm");
    let key = match target.scope {
        Some(scope) => format!("{}:registry", checked(scope)?),
        None => "registry".to_owned(),
    };
    let project = vec![(key, address)];
    // npm looks the token up by address without scheme, and the slash at the end counts.
    let place = format!("//{}/api/npm/{}/:_authToken", target.server.without_scheme(), target.repo);
    let user = vec![(place, target.token_text().to_owned())];
    let mut recipe = Recipe::default();
    for (path, private, settings) in [
        (target.surroundings.working_folder.join(".npmrc"), false, &project),
        (target.surroundings.home.join(".npmrc"), true, &user),
    ] {
        let change = |before: &str| Ok(lines::set(before, settings));
        let snippet = lines::text(settings);
        // In the home folder both are one file.
        match recipe.edits.iter_mut().find(|edit: &&mut FileEdit| edit.path == path) {
            Some(edit) => {
                edit.after = lines::set(&edit.after, settings);
                edit.snippet.push_str(&snippet);
                edit.private |= private;
            }
            None => recipe.edits.push(FileEdit::of(path, private, snippet, change)?),
        }
    }
    Ok(recipe)
}

fn checked(scope: &str) -> Result<String> {
    let name = scope.strip_prefix('@').unwrap_or(scope);
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    if name.is_empty() || !name.bytes().all(fits) {
        return Err(Failure::usage(format!("'{scope}' is no scope")).next("Write it like --scope @acme"));
    }
    Ok(format!("@{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_checked() {
        assert_eq!(checked("@acme").unwrap(), "@acme");
        assert_eq!(checked("acme").unwrap(), "@acme");
        for bad in ["", "@", "@a/b", "@a\nx=y", "@a="] {
            assert!(checked(bad).is_err(), "{bad:?}");
        }
    }
}
