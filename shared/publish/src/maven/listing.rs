//! Reading the `maven-metadata.xml` of somebody else's repository.

use granary_model::Result;
use granary_model::maven::MavenVersion;

use super::xml::{Visitor, walk};

/// The versions that a document lists, in its order and each once. What cannot be a version here is left out.
///
/// # Errors
/// `BadRequest` for what is no such document.
pub fn read_versions(bytes: &[u8]) -> Result<Vec<MavenVersion>> {
    let mut listed = Listed::default();
    walk("maven-metadata.xml", bytes, "metadata", &mut listed)?;
    Ok(listed.0)
}

#[derive(Default)]
struct Listed(Vec<MavenVersion>);

impl Visitor for Listed {
    fn element(&mut self, path: &[String], text: &str) {
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        if names != ["metadata", "versioning", "versions", "version"] {
            return;
        }
        if let Ok(version) = text.parse::<MavenVersion>()
            && !self.0.contains(&version)
        {
            self.0.push(version);
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

    #[test]
    fn what_is_no_list_is_refused() {
        let bomb = "<!DOCTYPE m [<!ENTITY a \"aa\"><!ENTITY b \"&a;&a;\">]><metadata>&b;</metadata>";
        for bad in ["", "<html></html>", "<metadata>", "{}", bomb] {
            assert!(matches!(read_versions(bad.as_bytes()), Err(Error::BadRequest(_))), "{bad}");
        }
    }
}
