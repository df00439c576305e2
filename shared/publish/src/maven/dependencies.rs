//! What a POM says that its artifact needs.

use std::collections::HashMap;

use granary_model::Result;
use granary_model::maven::Coordinates;

use super::pom::cut;
use super::xml::{Visitor, walk};

/// Most dependencies that are read of a POM.
const MAX_DEPENDENCIES: usize = 2_000;

/// Longest text that is read of one, in characters. Values of properties are cut to it as well, so that filling them in
/// makes nothing large.
const MAX_TEXT: usize = 300;

/// How deep values of properties name other properties.
const ROUNDS: usize = 3;

/// A dependency of a POM.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PomDependency {
    /// `groupId`.
    pub group: String,
    /// `artifactId`.
    pub artifact: String,
    /// `version`, a range or what `dependencyManagement` of the same POM says. `None`: a parent or an imported POM says it.
    pub version: Option<String>,
    /// `scope`; Maven takes `compile` where there is none.
    pub scope: Option<String>,
    /// Whether those who use the artifact do not get it.
    pub optional: bool,
}

/// Reads the dependencies of the POM of an artifact, with the properties that the POM has itself filled in. None if it is
/// in an unknown encoding.
///
/// # Errors
/// `BadRequest` for what is no POM.
pub fn read_dependencies(coordinates: &Coordinates, pom: &[u8]) -> Result<Vec<PomDependency>> {
    let mut read = Read::default();
    if !walk("the POM", pom, "project", &mut read)? {
        return Ok(Vec::new());
    }
    let Coordinates { group, artifact, version } = coordinates;
    for (name, value) in
        [("groupId", group.as_str()), ("artifactId", artifact.as_str()), ("version", version.as_str())]
    {
        for prefix in ["project.", "pom.", ""] {
            read.properties.entry(format!("{prefix}{name}")).or_insert_with(|| value.to_owned());
        }
    }
    Ok(read.finish())
}

/// What is read while a POM is walked through.
#[derive(Debug, Default)]
struct Read {
    properties: HashMap<String, String>,
    current: PomDependency,
    found: Vec<PomDependency>,
    managed: Vec<PomDependency>,
}

impl Visitor for Read {
    fn element(&mut self, path: &[String], text: &str) {
        let path: Vec<&str> = path.iter().skip(1).map(String::as_str).collect();
        match path.as_slice() {
            ["properties", name] => {
                self.properties.insert((*name).to_owned(), cut(text, MAX_TEXT).unwrap_or_default());
            }
            ["parent", "version"] => {
                let value = cut(text, MAX_TEXT).unwrap_or_default();
                self.properties.insert("project.parent.version".into(), value);
            }
            ["dependencies", "dependency"] => keep(&mut self.found, &mut self.current),
            ["dependencyManagement", "dependencies", "dependency"] => {
                keep(&mut self.managed, &mut self.current);
            }
            ["dependencies", "dependency", member]
            | ["dependencyManagement", "dependencies", "dependency", member] => self.set(member, text),
            _ => {}
        }
    }
}

fn keep(list: &mut Vec<PomDependency>, current: &mut PomDependency) {
    let read = std::mem::take(current);
    if list.len() < MAX_DEPENDENCIES && !read.group.is_empty() && !read.artifact.is_empty() {
        list.push(read);
    }
}

impl Read {
    fn set(&mut self, member: &str, text: &str) {
        let text = cut(text, MAX_TEXT);
        match member {
            "groupId" => self.current.group = text.unwrap_or_default(),
            "artifactId" => self.current.artifact = text.unwrap_or_default(),
            "version" => self.current.version = text,
            "scope" => self.current.scope = text,
            "optional" => self.current.optional = text.as_deref() == Some("true"),
            _ => {}
        }
    }

    fn finish(mut self) -> Vec<PomDependency> {
        let properties = std::mem::take(&mut self.properties);
        let managed: HashMap<(String, String), PomDependency> = std::mem::take(&mut self.managed)
            .into_iter()
            .map(|dependency| filled(dependency, &properties))
            .map(|dependency| ((dependency.group.clone(), dependency.artifact.clone()), dependency))
            .collect();
        let with_managed = |mut dependency: PomDependency| {
            if let Some(managed) = managed.get(&(dependency.group.clone(), dependency.artifact.clone())) {
                dependency.version = dependency.version.or_else(|| managed.version.clone());
                dependency.scope = dependency.scope.or_else(|| managed.scope.clone());
            }
            dependency
        };
        self.found.into_iter().map(|dependency| with_managed(filled(dependency, &properties))).collect()
    }
}

fn filled(dependency: PomDependency, properties: &HashMap<String, String>) -> PomDependency {
    let fill = |text: String| fill(text, properties);
    PomDependency {
        group: fill(dependency.group),
        artifact: fill(dependency.artifact),
        version: dependency.version.map(fill),
        scope: dependency.scope.map(fill),
        optional: dependency.optional,
    }
}

/// A text with properties filled in. What the POM does not say itself stays as it is written.
fn fill(mut text: String, properties: &HashMap<String, String>) -> String {
    for _ in 0..ROUNDS {
        let mut out = String::new();
        let mut rest = text.as_str();
        while let Some((before, name, after)) = next_property(rest) {
            out.push_str(before);
            match properties.get(name) {
                Some(value) => out.push_str(value),
                None => out.push_str(rest.get(before.len()..rest.len() - after.len()).unwrap_or_default()),
            }
            rest = after;
        }
        out.push_str(rest);
        let out: String = out.chars().take(MAX_TEXT).collect();
        if out == text {
            break;
        }
        text = out;
    }
    text
}

/// The next `${name}`: what stands before it, the name, and what comes after.
fn next_property(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once("${")?;
    let (name, after) = rest.split_once('}')?;
    Some((before, name, after))
}

#[cfg(test)]
mod tests {
    use granary_model::Error;

    use super::*;

    fn read(inside: &str) -> Vec<PomDependency> {
        let coordinates = Coordinates {
            group: "com.example".parse().unwrap(),
            artifact: "lib".parse().unwrap(),
            version: "2.1".parse().unwrap(),
        };
        read_dependencies(&coordinates, format!("<project>{inside}</project>").as_bytes()).unwrap()
    }

    fn dependency(group: &str, artifact: &str, version: Option<&str>, scope: Option<&str>) -> PomDependency {
        PomDependency {
            group: group.into(),
            artifact: artifact.into(),
            version: version.map(str::to_owned),
            scope: scope.map(str::to_owned),
            optional: false,
        }
    }

    #[test]
    fn dependencies_with_their_properties_and_what_is_managed() {
        let found = read(
            "<parent><groupId>p</groupId><version>7</version></parent>\
             <properties><kotlin>2.2.0</kotlin><nested>${kotlin}-x</nested></properties>\
             <dependencyManagement><dependencies>\
               <dependency><groupId>m</groupId><artifactId>m</artifactId><version>${nested}</version><scope>test</scope>\
               </dependency>\
               <dependency><groupId>unused</groupId><artifactId>u</artifactId><version>1</version></dependency>\
             </dependencies></dependencyManagement>\
             <dependencies>\
               <dependency><groupId>a</groupId><artifactId>b</artifactId><version>${kotlin}</version></dependency>\
               <dependency><groupId>m</groupId><artifactId>m</artifactId></dependency>\
               <dependency><groupId>${project.groupId}</groupId><artifactId>core</artifactId>\
                 <version>${project.version}</version><scope>runtime</scope><optional>true</optional>\
                 <exclusions><exclusion><groupId>no</groupId><artifactId>no</artifactId></exclusion></exclusions></dependency>\
               <dependency><groupId>p</groupId><artifactId>q</artifactId><version>${project.parent.version}</version></dependency>\
               <dependency><groupId>x</groupId><artifactId>y</artifactId><version>[1,${unknown})</version></dependency>\
               <dependency><groupId>bom</groupId><artifactId>z</artifactId></dependency>\
               <dependency><artifactId>nobody's</artifactId></dependency>\
             </dependencies>\
             <profiles><profile><dependencies><dependency><groupId>i</groupId><artifactId>j</artifactId></dependency>\
             </dependencies></profile></profiles>\
             <build><plugins><plugin><dependencies><dependency><groupId>k</groupId><artifactId>l</artifactId></dependency>\
             </dependencies></plugin></plugins></build>",
        );
        let own = PomDependency {
            optional: true,
            ..dependency("com.example", "core", Some("2.1"), Some("runtime"))
        };
        assert_eq!(
            found,
            [
                dependency("a", "b", Some("2.2.0"), None),
                dependency("m", "m", Some("2.2.0-x"), Some("test")),
                own,
                dependency("p", "q", Some("7"), None),
                dependency("x", "y", Some("[1,${unknown})"), None),
                dependency("bom", "z", None, None),
            ]
        );
    }

    #[test]
    fn properties_that_name_themselves_end_and_large_ones_stay_small() {
        let big = "x".repeat(100_000);
        let found = read(&format!(
            "<properties><a>${{b}}${{b}}</a><b>${{a}}${{a}}</b><c>{big}</c></properties><dependencies>\
             <dependency><groupId>${{a}}</groupId><artifactId>{}</artifactId><version>${{</version></dependency>\
             </dependencies>",
            "${c}".repeat(1_000)
        ));
        let [one] = found.as_slice() else { panic!("{found:?}") };
        assert!(one.group.chars().count() <= MAX_TEXT && one.artifact.chars().count() == MAX_TEXT);
        assert_eq!(one.version.as_deref(), Some("${"));
    }

    #[test]
    fn what_is_no_pom_is_refused() {
        let coordinates = Coordinates {
            group: "g".parse().unwrap(),
            artifact: "a".parse().unwrap(),
            version: "1".parse().unwrap(),
        };
        for bad in ["", "<html/>", "<project>", "<!DOCTYPE p [<!ENTITY a \"b\">]><project>&a;</project>"] {
            assert!(
                matches!(read_dependencies(&coordinates, bad.as_bytes()), Err(Error::BadRequest(_))),
                "{bad}"
            );
        }
    }
}
