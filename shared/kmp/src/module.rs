//! Gradle's module metadata: what of a library there is for which platform.
//!
//! The root module of a library lists a variant for each platform, and says of most that they are in another module. The
//! format is that of Gradle Module Metadata 1.1; what is not known of it is left alone.

use granary_model::kmp::AppleTarget;
use granary_model::maven::{ArtifactId, GroupId, MavenVersion};
use granary_model::{Error, Result};
use granary_publish::{JsonLimits, parse_json};
use granary_storage::rows::Outputs;
use serde::Deserialize;

/// Longest document, in bytes. Large libraries have some hundred kilobytes.
pub const LIMIT: usize = 4 * 1024 * 1024;

/// What the module of a library offers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Module {
    /// Its variant for JavaScript, if there is one.
    pub js: Option<Place>,
    /// Its variants for those of Apple's systems that can be built for.
    pub apple: Vec<(AppleTarget, Place)>,
}

/// In which module a variant is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// `groupId`.
    pub group: GroupId,
    /// `artifactId`.
    pub artifact: ArtifactId,
    /// Version.
    pub version: MavenVersion,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    format_version: Option<String>,
    component: Option<Component>,
    #[serde(default)]
    variants: Vec<Variant>,
}

#[derive(Deserialize)]
struct Component {
    group: String,
    module: String,
    version: String,
}

#[derive(Deserialize)]
struct Variant {
    #[serde(default)]
    attributes: serde_json::Map<String, serde_json::Value>,
    #[serde(rename = "available-at")]
    available_at: Option<Component>,
}

impl Variant {
    fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).and_then(serde_json::Value::as_str).unwrap_or_default()
    }
}

/// What platforms are called.
const PLATFORM: &str = "org.jetbrains.kotlin.platform.type";

/// Which target of Kotlin/Native a variant is for.
const NATIVE_TARGET: &str = "org.jetbrains.kotlin.native.target";

/// What a variant is for.
const USAGE: &str = "org.gradle.usage";

impl Module {
    /// Reads a module's metadata.
    ///
    /// # Errors
    /// `BadRequest` if it is none, or has coordinates that cannot be.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let value = parse_json(bytes, JsonLimits::default())?;
        let refuse = |why: String| Error::BadRequest(format!("the module metadata cannot be used: {why}"));
        let document: Document = serde_json::from_value(value).map_err(|e| refuse(e.to_string()))?;
        if !document.format_version.as_deref().is_some_and(|version| version.starts_with("1.")) {
            return Err(refuse("it is not in version 1 of the format".into()));
        }
        let own = document.component.ok_or_else(|| refuse("it names no component".into()))?;
        let own = Place::of(&own)?;
        let mut module = Self::default();
        for variant in &document.variants {
            let place = match &variant.available_at {
                Some(component) => Place::of(component)?,
                None => own.clone(),
            };
            match variant.attribute(PLATFORM) {
                "js" if is_library(variant) => {
                    module.js.get_or_insert(place);
                }
                "native" if is_library(variant) => {
                    let target = AppleTarget::of_konan(variant.attribute(NATIVE_TARGET));
                    let is_known = |target| module.apple.iter().any(|(known, _)| *known == target);
                    if let Some(target) = target.filter(|target| !is_known(*target)) {
                        module.apple.push((target, place));
                    }
                }
                _ => {}
            }
        }
        Ok(module)
    }

    /// Why what is wanted cannot be made of the library; `None` if it can.
    pub fn lacks(&self, outputs: &Outputs) -> Option<String> {
        if outputs.npm_wanted().is_some() && self.js.is_none() {
            return Some(
                "the library has no variant for JavaScript, so there can be no npm package of it".into(),
            );
        }
        outputs.swift_wanted()?;
        let has = |target: &AppleTarget| self.apple.iter().any(|(known, _)| known == target);
        let missing: Vec<&str> = outputs
            .apple_targets
            .iter()
            .filter(|target| !has(target))
            .map(|target| target.as_str())
            .collect();
        if !missing.is_empty() {
            return Some(format!("the library has no variant for {}", missing.join(", ")));
        }
        self.apple.is_empty().then(|| {
            "the library has no variant for any of Apple's systems that can be built for, so there can be no Swift package of it"
                .into()
        })
    }

    /// The targets that a Swift package is built for: those that are wanted, or all that there are if none is named. Empty
    /// if no Swift package is wanted.
    pub fn targets(&self, outputs: &Outputs) -> Vec<AppleTarget> {
        match outputs.swift_wanted() {
            None => Vec::new(),
            Some(_) if outputs.apple_targets.is_empty() => {
                self.apple.iter().map(|(target, _)| *target).collect()
            }
            Some(_) => outputs.apple_targets.clone(),
        }
    }

    /// The modules that have to be there for what is wanted, each once.
    pub fn needed(&self, outputs: &Outputs) -> Vec<&Place> {
        let wants_all = outputs.apple_targets.is_empty();
        let js = self.js.iter().filter(|_| outputs.npm_wanted().is_some());
        let apple = self
            .apple
            .iter()
            .filter(|(target, _)| {
                outputs.swift_wanted().is_some() && (wants_all || outputs.apple_targets.contains(target))
            })
            .map(|(_, place)| place);
        let mut needed: Vec<&Place> = Vec::new();
        for place in js.chain(apple) {
            if !needed.contains(&place) {
                needed.push(place);
            }
        }
        needed
    }
}

/// Whether a variant has the library itself, not its sources or documentation. Published variants of a platform are there
/// twice, for compiling against and for running.
fn is_library(variant: &Variant) -> bool {
    matches!(variant.attribute(USAGE), "kotlin-api" | "kotlin-runtime")
}

impl Place {
    fn of(component: &Component) -> Result<Self> {
        Ok(Self {
            group: component.group.parse()?,
            artifact: component.module.parse()?,
            version: component.version.parse()?,
        })
    }

    /// Path of its module metadata, relative to the repository.
    pub fn path(&self) -> String {
        let Self { group, artifact, version } = self;
        format!("{}/{artifact}/{version}/{artifact}-{version}.module", group.directory())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn variant(platform: &str, usage: &str, target: Option<&str>, module: Option<&str>) -> Value {
        let mut variant = json!({ "name": "x", "attributes": { PLATFORM: platform, USAGE: usage } });
        if let Some(target) = target {
            variant["attributes"][NATIVE_TARGET] = json!(target);
        }
        if let Some(module) = module {
            variant["available-at"] =
                json!({ "url": "../../x", "group": "com.example", "module": module, "version": "1.1.0" });
        }
        variant
    }

    fn library() -> Value {
        json!({
            "formatVersion": "1.1",
            "component": { "group": "com.example", "module": "lib", "version": "1.1.0", "attributes": {} },
            "variants": [
                variant("common", "kotlin-metadata", None, None),
                variant("js", "kotlin-api", None, Some("lib-js")),
                variant("js", "kotlin-runtime", None, Some("lib-js")),
                variant("native", "kotlin-api", Some("ios_arm64"), Some("lib-iosarm64")),
                variant("native", "kotlin-api", Some("linux_x64"), Some("lib-linuxx64")),
                variant("native", "kotlin-sources", Some("macos_arm64"), Some("lib-macosarm64")),
            ],
        })
    }

    fn read(value: &Value) -> Result<Module> {
        Module::read(value.to_string().as_bytes())
    }

    fn outputs(npm: bool, swift: bool, targets: &[&str]) -> Outputs {
        Outputs {
            npm: Some("@acme/lib".parse().unwrap()),
            swift: Some("acme.lib".parse().unwrap()),
            enable_npm: npm,
            enable_swift: swift,
            apple_targets: targets.iter().map(|target| target.parse().unwrap()).collect(),
        }
    }

    #[test]
    fn variants_are_found_where_they_are() {
        let module = read(&library()).unwrap();
        assert_eq!(module.js.as_ref().unwrap().path(), "com/example/lib-js/1.1.0/lib-js-1.1.0.module");
        let targets: Vec<&str> = module.apple.iter().map(|(target, _)| target.as_str()).collect();
        assert_eq!(targets, ["iosArm64"], "neither Linux nor sources");
        let needed = |outputs: &Outputs| module.needed(outputs).len();
        assert_eq!(needed(&outputs(true, true, &[])), 2);
        assert_eq!(needed(&outputs(true, false, &[])), 1);
    }

    #[test]
    fn without_targets_all_are_built_that_can_be() {
        let mut all = library();
        let more = [
            variant("native", "kotlin-api", Some("ios_arm32"), Some("lib-iosarm32")),
            variant("native", "kotlin-api", Some("macos_x64"), Some("lib-macosx64")),
        ];
        all["variants"].as_array_mut().unwrap().extend(more);
        let module = read(&all).unwrap();
        let targets = |outputs: &Outputs| -> Vec<&str> {
            module.targets(outputs).into_iter().map(AppleTarget::as_str).collect()
        };
        assert_eq!(targets(&outputs(true, true, &[])), ["iosArm64", "macosX64"]);
        assert_eq!(targets(&outputs(true, true, &["macosX64"])), ["macosX64"]);
        assert!(targets(&outputs(true, false, &["macosX64"])).is_empty());
        assert!(targets(&outputs(true, false, &[])).is_empty());
        let mut old = library();
        old["variants"] = json!([variant("native", "kotlin-api", Some("ios_arm32"), Some("lib-iosarm32"))]);
        let lacks = read(&old).unwrap().lacks(&outputs(false, true, &[])).unwrap();
        assert!(lacks.contains("Apple"), "{lacks}");
    }

    #[test]
    fn what_is_missing_is_named() {
        let module = read(&library()).unwrap();
        assert_eq!(module.lacks(&outputs(true, true, &["iosArm64"])), None);
        let missing = module.lacks(&outputs(true, true, &["iosArm64", "macosArm64"])).unwrap();
        assert!(missing.contains("macosArm64") && !missing.contains("iosArm64"), "{missing}");
        let nothing = Module::default();
        assert!(nothing.lacks(&outputs(true, false, &[])).unwrap().contains("JavaScript"));
        assert!(nothing.lacks(&outputs(false, true, &[])).unwrap().contains("Apple"));
        assert_eq!(nothing.lacks(&outputs(false, false, &[])), None);
    }

    #[test]
    fn what_is_no_module_is_refused() {
        let mut other = library();
        other["formatVersion"] = json!("2.0");
        let mut evil = library();
        evil["variants"][1]["available-at"]["module"] = json!("../../etc");
        let mut nameless = library();
        nameless["component"] = Value::Null;
        for bad in [json!([]), json!({}), other, evil, nameless] {
            assert!(matches!(read(&bad), Err(Error::BadRequest(_))), "{bad}");
        }
    }
}
