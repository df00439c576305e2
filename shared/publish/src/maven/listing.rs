//! Reading the `maven-metadata.xml` of somebody else's repository.

use std::collections::HashSet;

use granary_model::maven::MavenVersion;
use granary_model::{Error, Result};

use super::xml::{Visitor, walk};

/// The versions that a document lists, in its order and each once. What cannot be a version here is left out.
///
/// # Errors
/// `BadRequest` for what is no such document.
pub fn read_versions(bytes: &[u8]) -> Result<Vec<MavenVersion>> {
    let mut listed = Listed::default();
    if !walk("maven-metadata.xml", bytes, "metadata", &mut listed)? {
        // No versions would look as if there were none.
        return Err(Error::BadRequest(
            "maven-metadata.xml cannot be used: it is in an encoding that is not known".into(),
        ));
    }
    Ok(listed.versions)
}

#[derive(Default)]
struct Listed {
    versions: Vec<MavenVersion>,
    /// Somebody else says how many there are: looking through them for each would take for ever.
    known: HashSet<String>,
}

impl Visitor for Listed {
    fn element(&mut self, path: &[String], text: &str) {
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        if names != ["metadata", "versioning", "versions", "version"] {
            return;
        }
        if let Ok(version) = text.parse::<MavenVersion>()
            && self.known.insert(version.to_string())
        {
            self.versions.push(version);
        }
    }
}

#[cfg(test)]
mod tests {
    use granary_model::Error;

    use super::*;

    fn texts(xml: &str) -> Vec<String> {
        read_versions(xml.as_bytes()).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn versions_are_those_of_the_list() {
        let xml = "<?xml version=\"1.0\"?><metadata><groupId>a</groupId><version>9</version><versioning><latest>3</latest>\
                   <versions><version> 1.0 </version><version>2.0-rc1</version><version>1.0</version><version>../x</version>\
                   <version/></versions></versioning></metadata>";
        assert_eq!(texts(xml), ["1.0", "2.0-rc1"]);
        assert!(texts("<metadata/>").is_empty());
    }

    /// As many as fit into what is read of somebody else's: with a look through the list for each, this would take minutes.
    #[test]
    fn a_long_list_is_read_once() {
        let versions: Vec<String> = (0..50_000).map(|at| format!("<version>1.{at}</version>")).collect();
        let versions = versions.concat();
        let xml = format!(
            "<metadata><versioning><versions>{versions}{versions}</versions></versioning></metadata>"
        );
        assert_eq!(read_versions(xml.as_bytes()).unwrap().len(), 50_000);
    }

    #[test]
    fn what_is_no_list_is_refused() {
        let bomb = "<!DOCTYPE m [<!ENTITY a \"aa\"><!ENTITY b \"&a;&a;\">]><metadata>&b;</metadata>";
        let strange = "<?xml version='1.0' encoding='Shift_JIS'?><metadata/>";
        for bad in ["", "<html></html>", "<metadata>", "{}", bomb, strange] {
            assert!(matches!(read_versions(bad.as_bytes()), Err(Error::BadRequest(_))), "{bad}");
        }
    }
}
