//! Logging in and out.

use std::os::unix::fs::PermissionsExt as _;

use super::registry::{REPO_TOKEN, Registry, TOKEN};
use super::user::User;

async fn logged_out() -> (Registry, User) {
    let registry = Registry::start().await;
    let mut user = User::of(&registry);
    user.surroundings.token = None;
    (registry, user)
}

#[tokio::test]
async fn a_token_is_tried_kept_privately_used_and_forgotten() {
    let (registry, user) = logged_out().await;
    let file = user.write("a.txt", b"a");
    let push = format!("push raw {} -r libs -p p -v 1", file.display());
    let ended = user.run(&push).await;
    assert_eq!(ended.code, 4);
    assert!(ended.errors.contains(&format!("granary login {}", registry.url)), "{ended:?}");
    assert_eq!(registry.count(""), 0, "nothing is asked without a token");

    let ended = user.run_alone(&format!("login {}/ --token {TOKEN}", registry.url)).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(ended.output, format!("Logged in to {} as ann.\n", registry.url));
    let kept = user.home(".config/granary/credentials.json");
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&kept), mode(kept.parent().unwrap())), (0o600, 0o700));

    let ended = user.run_alone(&push).await;
    assert_eq!(ended.code, 0, "the server of the last login is meant: {ended:?}");
    for ended in [user.run_alone("logout").await, user.run_alone(&format!("logout {}", registry.url)).await] {
        assert_eq!(ended.code, 0, "{ended:?}");
    }
    assert!(!std::fs::read_to_string(&kept).unwrap().contains(TOKEN));
    assert_eq!(user.run(&push).await.code, 4);
}

#[tokio::test]
async fn a_token_that_is_not_accepted_is_not_kept() {
    let (registry, user) = logged_out().await;
    let ended = user.run_alone(&format!("login {} --token art_wrong", registry.url)).await;
    assert_eq!(ended.code, 4);
    assert!(!ended.errors.contains("art_wrong") && !ended.output.contains("art_wrong"));
    assert!(!user.home(".config/granary/credentials.json").exists());
}

#[tokio::test]
async fn tokens_of_repositories_can_be_kept() {
    let (registry, user) = logged_out().await;
    let ended = user.run_alone(&format!("login {} --token {REPO_TOKEN}", registry.url)).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.output.contains("a repository or an organisation"), "{ended:?}");
}

#[tokio::test]
async fn the_variable_wins_over_what_is_kept() {
    let (registry, mut user) = logged_out().await;
    user.run_alone(&format!("login {} --token {TOKEN}", registry.url)).await;
    user.surroundings.token = granary_cli::Secret::new("art_other");
    let file = user.write("a.txt", b"a");
    let ended = user.run(&format!("push raw {} -r libs -p p -v 1", file.display())).await;
    assert_eq!(ended.code, 4, "{ended:?}");
    assert!(ended.errors.contains("does not accept the token"), "{ended:?}");
}

#[tokio::test]
async fn a_damaged_file_is_said_so_without_quoting_it() {
    let (_registry, user) = logged_out().await;
    let kept = user.home(".config/granary/credentials.json");
    std::fs::create_dir_all(kept.parent().unwrap()).unwrap();
    std::fs::write(&kept, r#"{"servers":"art_secret"}"#).unwrap();
    let ended = user.run("push raw ~/x -r libs -p p -v 1").await;
    assert_eq!(ended.code, 1);
    assert!(ended.errors.contains("damaged") && !ended.errors.contains("art_secret"), "{ended:?}");
}
