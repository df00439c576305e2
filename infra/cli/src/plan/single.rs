//! Plans of the types whose files are named on the command line.

use std::collections::BTreeSet;

use crate::archive;
use crate::arguments::{ComposerArguments, NpmArguments, RawArguments, SwiftArguments};
use crate::failure::{Failure, Result};
use crate::plan::{Plan, PlannedVersion, own_name};
use crate::wire::{Coordinates, PackageType};

/// Each tarball is a version of its own.
pub(super) fn npm(arguments: &NpmArguments) -> Result<Plan> {
    let mut versions = Vec::new();
    for path in &arguments.files {
        let file = own_name(path)?;
        let identity = archive::identity(path)?;
        let coordinates = Coordinates {
            package_name: Some(identity.name),
            version: Some(identity.version),
            tag: arguments.tag.clone(),
            ..Coordinates::of(PackageType::Npm)
        };
        versions.push(PlannedVersion { coordinates, files: vec![file] });
    }
    Ok(Plan { versions, left_out: Vec::new() })
}

/// All files together are one version.
pub(super) fn raw(arguments: &RawArguments) -> Result<Plan> {
    let mut names = BTreeSet::new();
    let mut files = Vec::new();
    for path in &arguments.files {
        let file = own_name(path)?;
        if !names.insert(file.name.clone()) {
            return Err(Failure::usage(format!("two of the files are called {}", file.name))
                .next("A version has one file of each name: rename one of them"));
        }
        files.push(file);
    }
    let coordinates = Coordinates {
        package_name: Some(arguments.package.clone()),
        version: Some(arguments.package_version.clone()),
        description: arguments.description.clone(),
        ..Coordinates::of(PackageType::Raw)
    };
    Ok(one_version(coordinates, files))
}

/// One source archive.
pub(super) fn swift(arguments: &SwiftArguments) -> Result<Plan> {
    // A scope has no dot, so the first one is the border.
    let parts = arguments.id.split_once('.').filter(|(scope, name)| !scope.is_empty() && !name.is_empty());
    let Some((scope, name)) = parts else {
        return Err(Failure::usage(format!("--id '{}' is not of the form scope.name", arguments.id)));
    };
    let coordinates = Coordinates {
        package_name: Some(name.to_owned()),
        scope: Some(scope.to_owned()),
        version: Some(arguments.package_version.clone()),
        ..Coordinates::of(PackageType::Swift)
    };
    Ok(one_version(coordinates, vec![own_name(&arguments.file)?]))
}

/// One archive; the server reads the name from its `composer.json`.
pub(super) fn composer(arguments: &ComposerArguments) -> Result<Plan> {
    let coordinates =
        Coordinates { version: arguments.package_version.clone(), ..Coordinates::of(PackageType::Composer) };
    Ok(one_version(coordinates, vec![own_name(&arguments.file)?]))
}

fn one_version(coordinates: Coordinates, files: Vec<super::PlannedFile>) -> Plan {
    Plan { versions: vec![PlannedVersion { coordinates, files }], left_out: Vec::new() }
}
