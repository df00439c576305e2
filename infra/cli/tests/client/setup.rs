//! Settings of package managers.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::registry::{Registry, TOKEN};
use super::user::User;

const TOOLS: [&str; 5] = ["npm", "maven", "gradle", "swift", "composer"];

#[tokio::test]
async fn nothing_is_written_and_no_token_is_shown_unless_asked_for() {
    let registry = Registry::start().await;
    let user = User::of(&registry);
    for tool in TOOLS {
        for option in ["", " --dry-run"] {
            let ended = user.run(&format!("setup {tool} -r libs{option}")).await;
            assert_eq!(ended.code, 0, "{ended:?}");
            assert!(ended.output.contains("<token>") && !ended.output.contains(TOKEN), "{tool}: {ended:?}");
        }
        let shown = user.run(&format!("setup {tool} -r libs --show-token")).await;
        assert!(shown.output.contains(TOKEN), "{tool}: {shown:?}");
    }
    assert_eq!(fs::read_dir(user.home("")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(&user.surroundings.working_folder).unwrap().count(), 0);
    assert_eq!(registry.count(""), 0);
}

#[tokio::test]
async fn files_with_tokens_are_private_and_a_second_time_changes_nothing() {
    let registry = Registry::start().await;
    let user = User::of(&registry);
    for (tool, path) in [
        ("npm", ".npmrc"),
        ("maven", ".m2/settings.xml"),
        ("gradle", ".gradle/gradle.properties"),
        ("composer", ".config/composer/auth.json"),
    ] {
        let ended = user.run(&format!("setup {tool} -r libs --write")).await;
        assert_eq!(ended.code, 0, "{ended:?}");
        assert!(!ended.output.contains(TOKEN) && ended.output.contains("made "), "{tool}: {ended:?}");
        let path = user.home(path);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(TOKEN), "{tool}: {text}");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{tool}");
        let again = user.run(&format!("setup {tool} -r libs --write")).await;
        assert!(again.output.contains("unchanged") && !again.output.contains("changed    "), "{again:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

#[tokio::test]
async fn npm_keeps_the_token_out_of_the_project_and_other_lines_stay() {
    let registry = Registry::start().await;
    let user = User::of(&registry);
    let project = user.write(".npmrc", b"save-exact=true\n@acme:registry=http://old/\n");
    fs::write(user.home(".npmrc"), "//other/:_authToken=x\n").unwrap();
    fs::set_permissions(user.home(".npmrc"), fs::Permissions::from_mode(0o644)).unwrap();
    let shown = user.run("setup npm -r libs --scope @acme --dry-run").await.output;
    assert!(
        shown.contains("- @acme:registry=http://old/") && shown.contains(":_authToken=<token>"),
        "{shown}"
    );
    let ended = user.run("setup npm -r libs --scope @acme --write").await;
    let address = format!("{}/api/npm/libs/", registry.url);
    assert_eq!(fs::read_to_string(&project).unwrap(), format!("save-exact=true\n@acme:registry={address}\n"));
    let place = address.trim_start_matches("http:");
    let own = fs::read_to_string(user.home(".npmrc")).unwrap();
    assert_eq!(own, format!("//other/:_authToken=x\n{place}:_authToken={TOKEN}\n"));
    assert_eq!(fs::metadata(user.home(".npmrc")).unwrap().permissions().mode() & 0o777, 0o600);
    let backup = fs::read_to_string(user.home(".npmrc.granary-backup")).unwrap();
    assert_eq!(backup, "//other/:_authToken=x\n", "{ended:?}");
}

#[tokio::test]
async fn settings_that_cannot_be_merged_are_shown_and_stay() {
    let registry = Registry::start().await;
    let user = User::of(&registry);
    fs::create_dir(user.home(".m2")).unwrap();
    fs::write(user.home(".m2/settings.xml"), "<settings><servers/></settings>").unwrap();
    let ended = user.run("setup maven -r libs --write").await;
    assert!(ended.output.contains("does not dare") && ended.output.contains("<token>"), "{ended:?}");
    assert_eq!(fs::read_to_string(user.home(".m2/settings.xml")).unwrap(), "<settings><servers/></settings>");
}

#[tokio::test]
async fn writing_takes_a_token_and_names_are_checked() {
    let registry = Registry::start().await;
    let mut user = User::of(&registry);
    for line in ["setup npm -r a/b", "setup npm -r libs --scope a/b", "setup swift -r libs --scope a;b"] {
        let ended = user.run(line).await;
        assert_eq!(ended.code, 2, "{line}: {ended:?}");
    }
    user.surroundings.token = None;
    let ended = user.run("setup npm -r libs --write").await;
    assert_eq!(ended.code, 4, "{ended:?}");
    let shown = user.run("setup npm -r libs").await;
    assert!(shown.code == 0 && shown.output.contains("granary login"), "{shown:?}");
}
