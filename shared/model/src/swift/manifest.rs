//! Manifests and the versions of the tools they are for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// A version of Swift's tools. `5`, `5.9` and `5.9.0` are the same or not by what stands behind it, so missing
/// numbers are zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ToolsVersion([u32; 3]);

impl ToolsVersion {
    /// What a manifest declares: `// swift-tools-version:5.9`, in any case and with any blanks.
    ///
    /// Clients read it from the first line that is not blank, and if there is something else, from the first
    /// later line that has it; but there they accept only 6.0 and newer.
    pub fn declared(manifest: &str) -> Declared {
        let mut lines = manifest.lines().filter(|line| !line.trim().is_empty());
        let first = lines.next().and_then(declaration);
        let found = first.map(Declared::Version).or_else(|| lines.find_map(declaration).map(Self::below));
        found.unwrap_or(Declared::Nothing)
    }

    /// What a declaration below the first line comes to.
    fn below(self) -> Declared {
        if self >= Self([6, 0, 0]) { Declared::Version(self) } else { Declared::Misplaced(self) }
    }

    /// The text with as many numbers as matter: `5.9` for 5.9.0.
    pub fn short(&self) -> String {
        let [major, minor, patch] = self.0;
        if patch == 0 { format!("{major}.{minor}") } else { self.to_string() }
    }
}

/// What is found of a version in a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Declared {
    /// It is for this version.
    Version(ToolsVersion),
    /// It declares this version below its first line, where no client accepts one before 6.0.
    Misplaced(ToolsVersion),
    /// There is no declaration.
    Nothing,
}

/// What a declaration begins with, behind the slashes.
const LABEL: &str = "swift-tools-version:";

/// The version in a line that is a declaration.
fn declaration(line: &str) -> Option<ToolsVersion> {
    let line = line.trim().strip_prefix("//")?.trim_start();
    let label = line.get(..LABEL.len()).filter(|label| label.eq_ignore_ascii_case(LABEL))?;
    let version = line.get(label.len()..)?.split(';').next()?.trim();
    // A pre-release such as `5.9-dev` counts as its version. One number alone is none.
    version.split('-').next()?.parse().ok().filter(|_| version.contains('.'))
}

impl FromStr for ToolsVersion {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let invalid = || {
            let shown: String = text.chars().take(40).collect();
            Error::BadRequest(format!("'{}' is not a version of Swift such as 5.9", shown.escape_debug()))
        };
        let mut numbers = [0_u32; 3];
        let mut parts = text.split('.');
        for (index, number) in numbers.iter_mut().enumerate() {
            match parts.next() {
                Some(part) if !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()) => {
                    *number = part.parse().map_err(|_| invalid())?;
                }
                None if index > 0 => break,
                _ => return Err(invalid()),
            }
        }
        if parts.next().is_some() {
            return Err(invalid());
        }
        Ok(Self(numbers))
    }
}

impl fmt::Display for ToolsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.0;
        write!(f, "{major}.{minor}.{patch}")
    }
}

impl TryFrom<String> for ToolsVersion {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<ToolsVersion> for String {
    fn from(version: ToolsVersion) -> Self {
        version.to_string()
    }
}

/// Name of a manifest: `Package.swift`, or one for a version of Swift such as `Package@swift-5.9.swift`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ManifestName {
    /// The version that the name is for.
    pub swift: Option<ToolsVersion>,
    text: String,
}

impl ManifestName {
    /// The name without a version.
    pub const MAIN: &'static str = "Package.swift";

    /// Reads a file name; `None` if it is not that of a manifest.
    pub fn parse(file: &str) -> Option<Self> {
        if file == Self::MAIN {
            return Some(Self { swift: None, text: file.into() });
        }
        let version = file.strip_prefix("Package@swift-")?.strip_suffix(".swift")?;
        Some(Self { swift: Some(version.parse().ok()?), text: file.into() })
    }

    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The name to announce it by. A client before 6.1 does not find its own placeholder for a name with a
    /// single number.
    pub fn announced(&self) -> String {
        match self.swift {
            Some(version)
                if !self
                    .text
                    .trim_start_matches("Package@swift-")
                    .trim_end_matches(".swift")
                    .contains('.') =>
            {
                format!("Package@swift-{}.swift", version.short())
            }
            _ => self.text.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> ToolsVersion {
        text.parse().unwrap()
    }

    #[test]
    fn missing_numbers_are_zeros() {
        assert_eq!(version("5"), version("5.0.0"));
        assert_eq!(version("5.9"), version("5.9.0"));
        assert!(version("5.10") > version("5.9.2"));
        assert_eq!((version("5").short(), version("5.9.2").short()), ("5.0".into(), "5.9.2".into()));
        for bad in ["", "5.", ".5", "5.9.0.0", "v5", "5-9", "+5", "99999999999"] {
            assert!(bad.parse::<ToolsVersion>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_declaration_is_found_wherever_a_client_finds_it() {
        use Declared::{Misplaced, Nothing, Version};
        for (text, expected) in [
            ("// swift-tools-version:5.9\nimport PackageDescription", Version(version("5.9"))),
            ("//swift-tools-version:4.2", Version(version("4.2"))),
            ("\n  \n//  Swift-Tools-Version: 5.3 ; some other text\r\n", Version(version("5.3"))),
            ("// swift-tools-version:5.9-dev\n", Version(version("5.9"))),
            ("// Copyright\n//\n\n// swift-tools-version: 6.0\nlet x = 1", Version(version("6.0"))),
            ("/*\n Licence without stars\n*/\n// swift-tools-version:6.1", Version(version("6.1"))),
            ("import PackageDescription\n// swift-tools-version:6.0\n", Version(version("6.0"))),
            ("// Copyright\n// swift-tools-version:5.7\n", Misplaced(version("5.7"))),
            ("\u{feff}// swift-tools-version:5.5.1\n", Nothing),
            ("/// swift-tools-version:5.9\n", Nothing),
            ("// swift-tools-version:5\n", Nothing),
            ("// swift-tools-version:next\n", Nothing),
            ("", Nothing),
        ] {
            assert_eq!(ToolsVersion::declared(text), expected, "{text}");
        }
    }

    #[test]
    fn names_of_manifests() {
        assert_eq!(ManifestName::parse("Package.swift").unwrap().swift, None);
        assert_eq!(ManifestName::parse("Package@swift-5.9.swift").unwrap().swift, Some(version("5.9")));
        for other in [
            "package.swift",
            "Package@swift-.swift",
            "Package@swift-5.9.swift.bak",
            "Package@swift-x.swift",
            "P.swift",
        ] {
            assert!(ManifestName::parse(other).is_none(), "{other}");
        }
        let announced = |file: &str| ManifestName::parse(file).unwrap().announced();
        assert_eq!(announced("Package@swift-5.swift"), "Package@swift-5.0.swift");
        assert_eq!(announced("Package@swift-5.9.swift"), "Package@swift-5.9.swift");
        assert_eq!(announced("Package.swift"), "Package.swift");
    }
}
