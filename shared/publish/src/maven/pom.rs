//! Reading POMs.

use granary_model::maven::{Coordinates, MavenFile};
use granary_model::{Error, Result};

use super::facts::{License, MavenFacts};
use super::xml::{Visitor, walk};

/// Largest POM, in bytes.
pub const MAX_POM: usize = 1024 * 1024;

/// Most licences that are kept.
const MAX_LICENSES: usize = 20;

/// Longest name, packaging and licence, in characters.
const MAX_NAME: usize = 200;

/// Longest description and address, in characters.
const MAX_TEXT: usize = 2_000;

/// What is read of a POM while it is walked through.
#[derive(Debug, Default)]
struct Pom {
    group: Option<String>,
    artifact: Option<String>,
    version: Option<String>,
    parent_group: Option<String>,
    parent_version: Option<String>,
    facts: MavenFacts,
    license: License,
}

impl Visitor for Pom {
    fn element(&mut self, path: &[String], text: &str) {
        let path: Vec<&str> = path.iter().skip(1).map(String::as_str).collect();
        let whole = || Some(text.to_owned()).filter(|text| !text.is_empty());
        match path.as_slice() {
            ["groupId"] => self.group = whole(),
            ["artifactId"] => self.artifact = whole(),
            ["version"] => self.version = whole(),
            ["parent", "groupId"] => self.parent_group = whole(),
            ["parent", "version"] => self.parent_version = whole(),
            ["name"] => self.facts.name = cut(text, MAX_NAME),
            ["description"] => self.facts.description = cut(text, MAX_TEXT),
            ["packaging"] => self.facts.packaging = cut(text, MAX_NAME),
            ["url"] => self.facts.url = cut(text, MAX_TEXT),
            ["licenses", "license", "name"] => self.license.name = cut(text, MAX_NAME),
            ["licenses", "license", "url"] => self.license.url = cut(text, MAX_TEXT),
            ["licenses", "license"] => {
                let license = std::mem::take(&mut self.license);
                if license != License::default() && self.facts.licenses.len() < MAX_LICENSES {
                    self.facts.licenses.push(license);
                }
            }
            _ => {}
        }
    }
}

/// Reads the POM that is to be stored as `file`. Facts are empty if it is in an unknown encoding.
///
/// # Errors
/// `BadRequest` for a POM that is too large, cannot be read, or belongs somewhere else.
pub fn read_pom(file: &MavenFile, bytes: &[u8]) -> Result<MavenFacts> {
    let what = format!("the POM '{}'", file.name());
    if bytes.len() > MAX_POM {
        return Err(Error::BadRequest(format!("{what} is larger than {MAX_POM} bytes")));
    }
    let mut pom = Pom::default();
    if !walk(&what, bytes, "project", &mut pom)? {
        return Ok(MavenFacts::default());
    }
    pom.check(file, &what)?;
    let coordinates = file.coordinates();
    let mut facts = pom.facts;
    let licenses = facts.licenses.iter_mut().flat_map(|license| [&mut license.name, &mut license.url]);
    let texts = [&mut facts.name, &mut facts.description, &mut facts.url, &mut facts.packaging];
    for text in texts.into_iter().chain(licenses).flatten() {
        *text = filled_in(text, coordinates);
    }
    Ok(facts)
}

impl Pom {
    /// Refuses a POM of something else. What a build would have to work out first is not judged.
    fn check(&self, file: &MavenFile, what: &str) -> Result<()> {
        let Coordinates { group, artifact, version } = file.coordinates();
        let build = file.name().strip_prefix(artifact.as_str()).and_then(|rest| rest.strip_prefix('-'));
        let build = build.and_then(|rest| rest.strip_suffix(".pom")).unwrap_or("");
        let inherited = self.parent_version.as_ref().filter(|text| !text.starts_with(['[', '(']));
        let parts = [
            ("groupId", self.group.as_ref().or(self.parent_group.as_ref()), [group.as_str(), ""]),
            ("artifactId", self.artifact.as_ref(), [artifact.as_str(), ""]),
            ("version", self.version.as_ref().or(inherited), [version.as_str(), build]),
        ];
        for (name, said, expected) in parts {
            if let Some(said) = said.filter(|text| !text.contains("${") && !expected.contains(&text.as_str()))
            {
                let shown: String = said.chars().take(80).collect();
                return Err(Error::BadRequest(format!(
                    "{what} has the {name} '{}', but its path says '{}'",
                    shown.escape_debug(),
                    expected.first().copied().unwrap_or_default()
                )));
            }
        }
        Ok(())
    }
}

/// A text on one line, at most so long; `None` if there is nothing in it.
pub(super) fn cut(text: &str, most: usize) -> Option<String> {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    Some(line.chars().take(most).collect()).filter(|text: &String| !text.is_empty())
}

/// A text with the project's own coordinates filled in, the properties that names of projects use.
fn filled_in(text: &str, coordinates: &Coordinates) -> String {
    text.replace("${project.groupId}", coordinates.group.as_str())
        .replace("${project.artifactId}", coordinates.artifact.as_str())
        .replace("${project.version}", coordinates.version.as_str())
}

#[cfg(test)]
mod tests;
