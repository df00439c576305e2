//! Maven: `~/.m2/settings.xml`.

use quick_xml::Reader;
use quick_xml::events::Event;

use crate::failure::Result;
use crate::setup::edit::FileEdit;
use crate::setup::{Recipe, Target};

/// Credentials and repository go into the user's settings; where to deploy to goes into the project's POM.
pub(super) fn recipe(target: &Target<'_>) -> Result<Recipe> {
    let id = format!("granary-{}", target.repo);
    let address = target.address("/api/maven");
    let parts = Parts::new(&id, &address, target.token_text());
    let path = target.surroundings.home.join(".m2/settings.xml");
    let mut recipe = Recipe::default();
    let before = crate::private_file::read(&path)?;
    match parts.merged(before.as_deref().unwrap_or_default()) {
        Some(after) => {
            recipe.edits.push(FileEdit { path, private: true, before, after, snippet: parts.whole() });
        }
        None => recipe.by_hand(
            format!(
                "{} is laid out in a way this command does not dare to change. Put into it:",
                path.display()
            ),
            parts.whole(),
        ),
    }
    recipe.by_hand(
        "To deploy, in the project's pom.xml:",
        format!(
            "<distributionManagement>\n  <repository>\n    <id>{id}</id>\n    <url>{address}</url>\n  \
             </repository>\n  <snapshotRepository>\n    <id>{id}</id>\n    <url>{address}</url>\n  \
             </snapshotRepository>\n</distributionManagement>\n"
        ),
    );
    if target.server.is_plain() && !target.server.is_local() {
        recipe.by_hand(
            "Maven from 3.8.1 on blocks repositories without TLS on other machines:",
            "give the registry an https address",
        );
    }
    Ok(recipe)
}

/// The pieces of the settings, each with the section it belongs to.
struct Parts {
    id: String,
    sections: [(&'static str, String); 3],
}

impl Parts {
    fn new(id: &str, address: &str, token: &str) -> Self {
        let (token, address) = (escaped(token), escaped(address));
        let server = format!(
            "    <server>\n      <id>{id}</id>\n      <username>token</username>\n      \
             <password>{token}</password>\n    </server>\n"
        );
        let repository = |element: &str| {
            format!(
                "        <{element}>\n          <id>{id}</id>\n          <url>{address}</url>\n          \
                 <releases><enabled>true</enabled></releases>\n          \
                 <snapshots><enabled>true</enabled></snapshots>\n        </{element}>\n"
            )
        };
        let profile = format!(
            "    <profile>\n      <id>{id}</id>\n      <repositories>\n{}      </repositories>\n      \
             <pluginRepositories>\n{}      </pluginRepositories>\n    </profile>\n",
            repository("repository"),
            repository("pluginRepository")
        );
        let active = format!("    <activeProfile>{id}</activeProfile>\n");
        let sections = [("servers", server), ("profiles", profile), ("activeProfiles", active)];
        Self { id: id.to_owned(), sections }
    }

    fn marked(&self, section: &str, content: &str) -> String {
        let (begin, end) = self.marks(section);
        format!("{begin}{content}{end}")
    }

    fn marks(&self, section: &str) -> (String, String) {
        let name = format!("{} {section}", self.id);
        (
            format!("    <!-- begin of {name}, written by granary setup -->\n"),
            format!("    <!-- end of {name} -->\n"),
        )
    }

    /// A settings file with nothing else.
    fn whole(&self) -> String {
        let mut text = "<settings>\n".to_owned();
        for (section, content) in &self.sections {
            text.extend(["  <", *section, ">\n", &self.marked(section, content), "  </", *section, ">\n"]);
        }
        text.push_str("</settings>\n");
        text
    }

    /// The settings with these pieces in them; `None` where it is not certain that the result means what it
    /// should.
    fn merged(&self, before: &str) -> Option<String> {
        if before.trim().is_empty() {
            return Some(self.whole());
        }
        let mut text = before.to_owned();
        for (section, content) in &self.sections {
            text = self.with_section(&text, section, content)?;
        }
        let found = sections(&text)?;
        let all =
            self.sections.iter().all(|(section, _)| found.iter().filter(|name| name == section).count() == 1);
        all.then_some(text)
    }

    fn with_section(&self, text: &str, section: &str, content: &str) -> Option<String> {
        let (begin, end) = self.marks(section);
        let marked = self.marked(section, content);
        if let Some((head, rest)) = text.split_once(&begin) {
            let (_, tail) = rest.split_once(&end)?;
            return Some(format!("{head}{marked}{tail}"));
        }
        // Something of this name that the user wrote: two of them would be ambiguous.
        if text.contains(&format!(">{}<", self.id)) && !text.contains("written by granary setup") {
            return None;
        }
        let present = sections(text)?.iter().filter(|name| name.as_str() == section).count();
        let (closing, inserted) = match present {
            0 => ("</settings>".to_owned(), format!("  <{section}>\n{marked}  </{section}>\n")),
            1 => (format!("</{section}>"), marked),
            _ => return None,
        };
        let at = only_place(text, &closing)?;
        // Before the indentation of the closing tag, if that is all there is in its line.
        let line = text.get(..at)?.rfind('\n').map_or(0, |end| end + 1);
        let indented = text.get(line..at)?.trim().is_empty();
        let (head, tail) = text.split_at_checked(if indented { line } else { at })?;
        let gap = if indented { "" } else { "\n" };
        Some(format!("{head}{gap}{inserted}{tail}"))
    }
}

/// Where a closing tag stands, if it stands in one place only; comments count too.
fn only_place(text: &str, closing: &str) -> Option<usize> {
    let mut places = text.match_indices(closing).map(|(at, _)| at);
    match (places.next(), places.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}

/// Names of the elements right below `<settings>`; `None` for what is no well-formed settings file, or has an
/// element that is empty (`<servers/>`), which has no closing tag to write before.
fn sections(text: &str) -> Option<Vec<String>> {
    let mut reader = Reader::from_str(text);
    let (mut depth, mut names, mut ended) = (0_usize, Vec::new(), false);
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                let name = start.local_name().as_ref().to_owned();
                match depth {
                    0 if name != "settings" || ended => return None,
                    1 => names.push(name),
                    _ => {}
                }
                depth += 1;
            }
            Event::Empty(_) if depth <= 1 => return None,
            Event::End(_) => {
                depth = depth.checked_sub(1)?;
                ended |= depth == 0;
            }
            Event::DocType(_) => return None,
            Event::Eof => return (ended && depth == 0).then_some(names),
            _ => {}
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(token: &str) -> Parts {
        Parts::new("granary-libs", "http://localhost:8080/api/maven/libs/", token)
    }

    #[test]
    fn a_new_file_has_everything() {
        let text = parts("t").merged("").unwrap();
        assert_eq!(sections(&text).unwrap(), ["servers", "profiles", "activeProfiles"]);
        assert!(text.contains("<password>t</password>"));
    }

    #[test]
    fn it_is_merged_into_what_there_is_and_replaced_the_next_time() {
        let before = "<?xml version=\"1.0\"?>\n<settings xmlns=\"http://maven.apache.org/SETTINGS/1.2.0\">\n  \
            <!-- <server><id>example</id></server> -->\n  <localRepository>x</localRepository>\n  <servers>\n    \
            <server><id>mine</id></server>\n  </servers>\n</settings>\n";
        let once = parts("one").merged(before).unwrap();
        assert!(once.contains("<id>mine</id>") && once.contains("<localRepository>x</localRepository>"));
        assert_eq!(once.matches("<servers>").count(), 1);
        assert_eq!(parts("one").merged(&once).unwrap(), once, "a second time changes nothing");
        let again = parts("two").merged(&once).unwrap();
        assert_eq!(again, once.replace("one</password>", "two</password>"));
    }

    #[test]
    fn two_repositories_stand_side_by_side() {
        let once = parts("one").merged("").unwrap();
        let other = Parts::new("granary-other", "http://x/", "t").merged(&once).unwrap();
        assert_eq!(other.matches("<server>").count(), 2);
        assert_eq!(other.matches("<activeProfile>").count(), 2);
        assert_eq!(parts("one").merged(&other).unwrap(), other);
    }

    #[test]
    fn one_line_files_are_merged_too() {
        let text = parts("t").merged("<settings><servers></servers></settings>").unwrap();
        assert_eq!(sections(&text).unwrap(), ["servers", "profiles", "activeProfiles"]);
    }

    #[test]
    fn what_is_not_certain_is_left_alone() {
        for before in [
            "<settings>",
            "<other></other>",
            "<settings/>",
            "<settings><servers/></settings>",
            "<settings><servers></servers><servers></servers></settings>",
            "<settings><servers></servers><!-- </servers> --></settings>",
            "<settings><servers><server><id>granary-libs</id></server></servers></settings>",
            "<!DOCTYPE a><settings></settings>",
        ] {
            assert_eq!(parts("t").merged(before), None, "{before}");
        }
    }
}
