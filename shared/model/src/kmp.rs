//! Kotlin Multiplatform: which versions build themselves, what they are called elsewhere, and Apple's targets.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::maven::MavenVersion;
use crate::npm::{NpmName, NpmVersion};
use crate::role::ladder_text;

/// Words that make a version a pre-release: those of the documentation, and those that are common besides.
const PRE_RELEASE: [&str; 14] = [
    "alpha",
    "beta",
    "rc",
    "dev",
    "snapshot",
    "eap",
    "experimental",
    "cr",
    "preview",
    "pre",
    "milestone",
    "nightly",
    "canary",
    "incubating",
];

/// Letters that make one together with the number behind them: `1.0-M2`, `1.0a1`, `1.0b3`.
const NUMBERED: [&str; 3] = ["m", "a", "b"];

/// Whether a version is none that builds by itself: whole words count, so `1.0-device` and `1.0.0-march` are stable.
pub fn is_pre_release(version: &str) -> bool {
    let tokens = tokens(version);
    tokens.iter().enumerate().any(|(at, token)| {
        let word = token.to_ascii_lowercase();
        let is_numbered =
            || tokens.get(at + 1).is_some_and(|next| next.starts_with(|c: char| c.is_ascii_digit()));
        PRE_RELEASE.contains(&word.as_str()) || (NUMBERED.contains(&word.as_str()) && is_numbered())
    })
}

/// Runs of letters and runs of digits; whatever else there is only parts them. A part that ends with a separator is not
/// joined with what follows it: `m.1` has an empty text in between.
fn tokens(version: &str) -> Vec<&str> {
    let kind = |c: char| match c {
        c if c.is_ascii_alphabetic() => 1,
        c if c.is_ascii_digit() => 2,
        _ => 0,
    };
    let mut tokens = Vec::new();
    let mut rest = version;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| kind(c) != kind(first)).unwrap_or(rest.len());
        let (token, behind) = rest.split_at(end);
        tokens.push(if kind(first) == 0 { "" } else { token });
        rest = behind;
    }
    tokens
}

/// The version that npm and Swift know a Maven version by: itself if it is a semantic version, with zeros where one or two
/// numbers stand alone (`1.1` is `1.1.0`, `2-rc1` is `2.0.0-rc1`).
///
/// # Errors
/// `BadRequest` for everything else: another order would be a lie.
pub fn semantic_version(version: &MavenVersion) -> Result<NpmVersion> {
    let text = version.as_str();
    let (core, qualifier) = match text.split_once('-') {
        Some((core, qualifier)) => (core, Some(qualifier)),
        None => (text, None),
    };
    let filled = match core.split('.').count() {
        1 => format!("{core}.0.0"),
        2 => format!("{core}.0"),
        _ => core.to_owned(),
    };
    let filled = match qualifier {
        Some(qualifier) => format!("{filled}-{qualifier}"),
        None => filled,
    };
    let refused = || {
        Error::BadRequest(format!(
            "the version '{text}' cannot be built: npm and Swift take semantic versions such as 1.2.3 or 1.2.3-rc.1, and this \
             is none"
        ))
    };
    // npm would drop build metadata, and two versions would become one.
    if filled.contains('+') {
        return Err(refused());
    }
    filled.parse().map_err(|_| refused())
}

/// Name of an npm package that is built here.
///
/// Such a package is new, and npm is stricter with new ones than [`NpmName`] is: no upper case, and no part that begins with
/// `_`. The scripts that build have the same rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNpmName(pub NpmName);

impl FromStr for NewNpmName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let name: NpmName = text.parse()?;
        let has_upper = text.bytes().any(|b| b.is_ascii_uppercase());
        let begins_old = name.scope().into_iter().chain([name.base()]).any(|part| part.starts_with('_'));
        if has_upper || begins_old {
            return Err(Error::BadRequest(format!(
                "'{text}' cannot be the name of a new npm package: use small letters, digits, '-', '.', '_' and '~', and begin \
                 neither the scope nor the name with '_'"
            )));
        }
        Ok(Self(name))
    }
}

/// A coordinate of a library that is watched: the `GroupId` or `ArtifactId` in it, which does not begin with `-`.
///
/// Programs are called with it, and would take it for an option of theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coordinate<T>(pub T);

impl<T: FromStr<Err = Error>> FromStr for Coordinate<T> {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parsed = text.parse()?;
        if text.starts_with('-') {
            return Err(Error::BadRequest(format!(
                "'{text}' begins with '-', as an option of a program does: no library that is called so can be built"
            )));
        }
        Ok(Self(parsed))
    }
}

/// A target of Kotlin/Native for Apple's systems, by the name that Gradle has for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppleTarget(usize);

/// Names of Gradle, the compiler's name, and what modules end with: those that the build project can build. Libraries may
/// have older ones (`iosArm32`), which no compiler makes any more.
const TARGETS: [(&str, &str, &str); 13] = [
    ("iosArm64", "ios_arm64", "iosarm64"),
    ("iosSimulatorArm64", "ios_simulator_arm64", "iossimulatorarm64"),
    ("iosX64", "ios_x64", "iosx64"),
    ("macosArm64", "macos_arm64", "macosarm64"),
    ("macosX64", "macos_x64", "macosx64"),
    ("tvosArm64", "tvos_arm64", "tvosarm64"),
    ("tvosSimulatorArm64", "tvos_simulator_arm64", "tvossimulatorarm64"),
    ("tvosX64", "tvos_x64", "tvosx64"),
    ("watchosArm32", "watchos_arm32", "watchosarm32"),
    ("watchosArm64", "watchos_arm64", "watchosarm64"),
    ("watchosDeviceArm64", "watchos_device_arm64", "watchosdevicearm64"),
    ("watchosSimulatorArm64", "watchos_simulator_arm64", "watchossimulatorarm64"),
    ("watchosX64", "watchos_x64", "watchosx64"),
];

impl AppleTarget {
    /// The target that the compiler calls by this name, if it is one of Apple's.
    pub fn of_konan(name: &str) -> Option<Self> {
        TARGETS.iter().position(|(_, konan, _)| *konan == name).map(Self)
    }

    fn row(self) -> (&'static str, &'static str, &'static str) {
        TARGETS.get(self.0).copied().unwrap_or(("", "", ""))
    }

    /// The name that Gradle has for it, such as `iosArm64`.
    pub fn as_str(self) -> &'static str {
        self.row().0
    }

    /// The name that the compiler and Gradle's module metadata have for it, such as `ios_arm64`.
    pub fn konan(self) -> &'static str {
        self.row().1
    }

    /// What the artifacts of its modules end with, such as `iosarm64`.
    pub fn suffix(self) -> &'static str {
        self.row().2
    }
}

impl FromStr for AppleTarget {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let known = TARGETS.iter().position(|(name, _, _)| *name == text);
        known.map(Self).ok_or_else(|| {
            let names: Vec<&str> = TARGETS.iter().map(|(name, _, _)| *name).collect();
            let shown: String = text.chars().take(40).collect();
            Error::BadRequest(format!(
                "unknown target '{}'; use some of: {}",
                shown.escape_debug(),
                names.join(", ")
            ))
        })
    }
}

impl fmt::Display for AppleTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for AppleTarget {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for AppleTarget {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// How far a build has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BuildStatus {
    /// The version was found and does not build by itself.
    Discovered,
    /// It waits to be handed to whoever builds it.
    Pending,
    /// It was handed over, and has not begun.
    Queued,
    /// It is being built.
    Building,
    /// Its packages are published.
    Success,
    /// It has failed.
    Failed,
}

ladder_text!(
    BuildStatus, "status",
    Discovered => "discovered", Pending => "pending", Queued => "queued", Building => "building",
    Success => "success", Failed => "failed"
);

impl BuildStatus {
    /// All of them, in the order in which a build passes through them.
    pub const ALL: [Self; 6] =
        [Self::Discovered, Self::Pending, Self::Queued, Self::Building, Self::Success, Self::Failed];

    /// Whether somebody has to go on with it.
    pub const fn is_under_way(self) -> bool {
        matches!(self, Self::Pending | Self::Queued | Self::Building)
    }

    /// Whether it can be begun again by hand.
    pub const fn may_retry(self) -> bool {
        matches!(self, Self::Discovered | Self::Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maven::{ArtifactId, GroupId};

    #[test]
    fn pre_releases_are_told_by_whole_words() {
        for pre in [
            "1.0.0-alpha01",
            "1.0.0-beta.2",
            "2.0-RC",
            "1.9.0-RC2",
            "1.0-M1",
            "2.1.0-dev-123",
            "1.0-SNAPSHOT",
            "1.7.20-eap-5",
            "1.0.0-experimental",
            "1.0rc1",
            "1.0.0-cr1",
            "3.0-preview",
            "1.0a1",
            "1.0.0-b3",
            // Any separator or none, any case, anywhere.
            "1.0.0-ALPHA",
            "1.0.0.Beta1",
            "1.0.0_rc_2",
            "1.0.0+dev",
            "1.0.0-m2",
            "1.0.0.M10",
            "1.0.0-jre-alpha1",
            "alpha",
            "2.0.0dev",
            "1.0-milestone-1",
            "1.0-pre.1",
            "1.0-nightly.20261125",
            "1.0-canary",
            "1.0-incubating",
        ] {
            assert!(is_pre_release(pre), "{pre}");
        }
        for stable in [
            "1.0.0",
            "2.0.0-jre",
            "1.0-android",
            "31.1-jre",
            "1.0.0-native-mt",
            "1.0-device",
            "1.0-march",
            "1.0.0-Final",
            "1.0.0-m",
            "1.0-prefix",
            // Words that only begin or end like one.
            "1.0-alphabet",
            "1.0-betamax",
            "1.0-rcx",
            "1.0-arc",
            "1.0-developer",
            "1.0-snapshots",
            "1.0-teepee",
            "1.0-march2",
            "1.0-am1",
            "1.0-m.1",
            "1.0-a",
            "1.0-b",
            "1.0.0.RELEASE",
            "1.0.0.Final",
            "1.0.0-GA",
            "1.0-sp1",
            "2026.11.25",
            "",
        ] {
            assert!(!is_pre_release(stable), "{stable}");
        }
    }

    #[test]
    fn versions_become_semantic_or_are_refused() {
        let made = |text: &str| semantic_version(&text.parse().unwrap());
        for (maven, expected) in [
            ("1", "1.0.0"),
            ("1.1", "1.1.0"),
            ("1.2.3", "1.2.3"),
            ("1.0.0-alpha01", "1.0.0-alpha01"),
            ("2-rc1", "2.0.0-rc1"),
            ("1.9.0-RC2", "1.9.0-RC2"),
        ] {
            assert_eq!(made(maven).unwrap().as_str(), expected, "{maven}");
        }
        for refused in ["1.0.0.Final", "2024.1.2.3", "1.02", "1.0rc1", "1.0.0-01", "1.0.0+a", "v1", "final"] {
            assert!(matches!(made(refused), Err(Error::BadRequest(_))), "{refused}");
        }
    }

    #[test]
    fn new_npm_names_are_those_that_npm_takes_for_new_packages() {
        for good in ["lib", "@apps/lib", "a_b.c~d", "-x", "~x", "0", "@a_b/c_", "a..b"] {
            assert_eq!(good.parse::<NewNpmName>().unwrap().0.as_str(), good);
        }
        for bad in
            ["JSONStream", "@Apps/lib", "@apps/Lib", "@apps/_lib", "_lib", "@_apps/lib", "", "a b", "-"]
        {
            assert!(matches!(bad.parse::<NewNpmName>(), Err(Error::BadRequest(_))), "{bad}");
        }
    }

    #[test]
    fn coordinates_are_no_options() {
        for good in ["com.example", "a-b", "a"] {
            assert_eq!(good.parse::<Coordinate<GroupId>>().unwrap().0.as_str(), good);
        }
        for bad in ["--help", "-x", "-", "a b"] {
            assert!(matches!(bad.parse::<Coordinate<GroupId>>(), Err(Error::BadRequest(_))), "{bad}");
            assert!(matches!(bad.parse::<Coordinate<ArtifactId>>(), Err(Error::BadRequest(_))), "{bad}");
        }
    }

    /// What is taken here can be built.
    #[test]
    fn targets_are_those_of_the_build_project() {
        let folder = format!("{}/../../infra/github/build", env!("CARGO_MANIFEST_DIR"));
        let read = |name: &str| std::fs::read_to_string(format!("{folder}/{name}")).unwrap();
        let (gradle, scripts) = (read("swift/build.gradle.kts"), read("src/swift-package.mjs"));
        for (name, konan, _) in TARGETS {
            assert!(gradle.contains(&format!("\"{name}\" -> {name}()")), "{name}");
            assert!(scripts.contains(&format!("{name}: ['{konan}',")), "{name}");
        }
        assert_eq!(gradle.matches("\" -> ").count(), TARGETS.len());
        assert!("iosArm32".parse::<AppleTarget>().is_err());
        assert_eq!(AppleTarget::of_konan("ios_arm32"), None);
    }

    #[test]
    fn targets_have_three_names() {
        let target: AppleTarget = "iosSimulatorArm64".parse().unwrap();
        assert_eq!((target.konan(), target.suffix()), ("ios_simulator_arm64", "iossimulatorarm64"));
        assert_eq!(serde_json::to_string(&target).unwrap(), "\"iosSimulatorArm64\"");
        for (name, _, _) in TARGETS {
            assert_eq!(name.parse::<AppleTarget>().unwrap().as_str(), name);
        }
        let message = "linuxX64".parse::<AppleTarget>().unwrap_err().to_string();
        assert!(message.contains("linuxX64") && message.contains("macosArm64"), "{message}");
    }
}
