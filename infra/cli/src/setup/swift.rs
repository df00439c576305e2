//! Swift's package manager, which has commands for its settings.

use crate::failure::{Failure, Result};
use crate::setup::{Recipe, Target};

/// The token is given in the environment, so that it does not end in the history of the shell.
pub(super) fn recipe(target: &Target<'_>) -> Result<Recipe> {
    let address = target.address("/api/swift");
    let scope = match target.scope {
        Some(scope) => format!(" --scope {}", checked(scope)?),
        None => String::new(),
    };
    let plain = target.server.is_plain();
    let insecure = if plain { " --allow-insecure-http" } else { "" };
    let mut recipe = Recipe::default();
    recipe.by_hand(
        "In the folder of the package (or with --global, for all of yours):",
        format!("swift package-registry set{insecure}{scope} {address}\n"),
    );
    if plain {
        recipe.by_hand(
            "Swift logs in over https only. Without it, Swift 6.3.2 and newer take the token from a variable:",
            format!("export SWIFTPM_REGISTRY_TOKEN={}\n", target.token_text()),
        );
    } else {
        recipe.by_hand(
            "Once, to keep the token:",
            format!("swift package-registry login {address} --token {}\n", target.token_text()),
        );
    }
    Ok(recipe)
}

fn checked(scope: &str) -> Result<&str> {
    let fits = !scope.is_empty() && scope.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !fits {
        return Err(Failure::usage(format!("'{scope}' is no scope")).next("Write it like --scope acme"));
    }
    Ok(scope)
}
