//! Gradle: a repository in the build, credentials in `gradle.properties` of the user.

use crate::failure::Result;
use crate::setup::edit::FileEdit;
use crate::setup::{Recipe, Target, lines};

/// Gradle finds the credentials of a repository by its name.
pub(super) fn recipe(target: &Target<'_>) -> Result<Recipe> {
    let name = repository_name(target.repo);
    let settings = vec![
        (format!("{name}Username"), "token".to_owned()),
        (format!("{name}Password"), target.token_text().to_owned()),
    ];
    let path = target.surroundings.gradle_home.join("gradle.properties");
    let change = |before: &str| Ok(lines::set(before, &settings));
    let mut recipe = Recipe::default();
    recipe.edits.push(FileEdit::of(path, true, lines::text(&settings), change)?);
    let insecure = if target.server.is_plain() { "        isAllowInsecureProtocol = true\n" } else { "" };
    let repository = format!(
        "repositories {{\n    maven {{\n        name = \"{name}\"\n        url = uri(\"{}\")\n{insecure}        \
         credentials(PasswordCredentials::class)\n    }}\n}}\n",
        target.address("/api/maven")
    );
    recipe.by_hand("To resolve, in build.gradle.kts (Gradle 6.6 or newer):", &*repository);
    let publishing: String = repository.lines().flat_map(|line| ["    ", line, "\n"]).collect();
    recipe.by_hand(
        "To publish, in build.gradle.kts, with the plugin maven-publish:",
        format!("publishing {{\n{publishing}}}\n"),
    );
    Ok(recipe)
}

/// `granary` and the words of the repository's name, as properties are spelled: `granaryMyLibs`.
fn repository_name(repo: &str) -> String {
    let mut name = "granary".to_owned();
    for word in repo.split('-') {
        let mut letters = word.chars();
        name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(letters.as_str());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_properties() {
        assert_eq!(repository_name("my-libs"), "granaryMyLibs");
        assert_eq!(repository_name("a--b2"), "granaryAB2");
    }
}
