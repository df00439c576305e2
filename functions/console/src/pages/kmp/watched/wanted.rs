//! What is to be made of a library, as the form has it.

use serde_json::{Value, json};

use super::Watched;
use crate::form::Form;

/// Targets for Apple's systems that can be built.
pub(super) const TARGETS: [&str; 13] = [
    "iosArm64",
    "iosSimulatorArm64",
    "iosX64",
    "macosArm64",
    "macosX64",
    "tvosArm64",
    "tvosSimulatorArm64",
    "tvosX64",
    "watchosArm32",
    "watchosArm64",
    "watchosDeviceArm64",
    "watchosSimulatorArm64",
    "watchosX64",
];

/// The fields of the form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) group: String,
    pub(super) artifact: String,
    pub(super) enable_npm: bool,
    pub(super) npm: String,
    pub(super) enable_swift: bool,
    pub(super) swift_scope: String,
    pub(super) swift_name: String,
    /// None for all that the library has.
    pub(super) targets: Vec<String>,
}

impl Default for Wanted {
    /// As the interface takes it when nothing is said.
    fn default() -> Self {
        let nothing = String::new;
        Self {
            group: nothing(),
            artifact: nothing(),
            enable_npm: true,
            npm: nothing(),
            enable_swift: true,
            swift_scope: nothing(),
            swift_name: nothing(),
            targets: Vec::new(),
        }
    }
}

impl Wanted {
    /// As it is now.
    pub(super) fn of(watched: &Watched) -> Self {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Self {
            group: watched.group_id.clone(),
            artifact: watched.artifact_id.clone(),
            enable_npm: watched.enable_npm,
            npm: text(&watched.npm_package_name),
            enable_swift: watched.enable_swift,
            swift_scope: text(&watched.swift_scope),
            swift_name: text(&watched.swift_name),
            targets: watched.apple_targets.clone(),
        }
    }

    /// As a form was sent.
    pub(super) fn sent(form: &Form) -> Self {
        let text = |name| form.text(name).to_owned();
        Self {
            group: text("groupId"),
            artifact: text("artifactId"),
            enable_npm: form.is_checked("enableNpm"),
            npm: text("npmPackageName"),
            enable_swift: form.is_checked("enableSwift"),
            swift_scope: text("swiftScope"),
            swift_name: text("swiftName"),
            targets: form.all("appleTargets").into_iter().map(str::to_owned).collect(),
        }
    }

    /// Whether a target is one of those that are chosen.
    pub(super) fn has(&self, target: &str) -> bool {
        self.targets.iter().any(|chosen| chosen == target)
    }

    /// The body for a change: fields that are empty have no value from then on.
    pub(super) fn outputs(&self) -> Value {
        let text = |text: &str| if text.is_empty() { Value::Null } else { text.into() };
        json!({
            "enableNpm": self.enable_npm, "npmPackageName": text(&self.npm),
            "enableSwift": self.enable_swift, "swiftScope": text(&self.swift_scope), "swiftName": text(&self.swift_name),
            "appleTargets": self.targets,
        })
    }

    /// The body for a new one.
    pub(super) fn with_coordinates(&self) -> Value {
        let mut body = self.outputs();
        if let Some(fields) = body.as_object_mut() {
            fields.insert("groupId".into(), self.group.as_str().into());
            fields.insert("artifactId".into(), self.artifact.as_str().into());
        }
        body
    }
}

#[cfg(test)]
mod tests {
    use granary_model::kmp::AppleTarget;

    use super::*;

    #[test]
    fn all_targets_that_can_be_built_are_offered() {
        let unknown = "none".parse::<AppleTarget>().unwrap_err().to_string();
        assert!(unknown.ends_with(&TARGETS.join(", ")), "{unknown}");
    }
}
