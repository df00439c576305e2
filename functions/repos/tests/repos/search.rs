//! Looking for packages: in a repository, and everywhere.

use granary_model::{PackageType, Timestamp};
use granary_storage::rows::PackageEntry;
use granary_storage::{Key, PackageKey};
use granary_testing::TestApp;
use serde_json::json;

use super::settings::list_package;
use super::*;

/// Puts a package into the list of a repository.
async fn list(app: &TestApp, repo: &str, name: &str, description: &str, keywords: &[&str], versions: u64) {
    let key = PackageKey { repo: repo.parse().unwrap(), kind: PackageType::Npm, name: name.into() };
    let entry = PackageEntry {
        name: name.into(),
        latest: Some("1.0.0".into()),
        description: Some(description.into()),
        keywords: keywords.iter().map(|keyword| (*keyword).to_owned()).collect(),
        versions,
        updated_at: Timestamp::from_millis(0),
        publisher: "ann".into(),
    };
    app.state().storage().put(&Key::PackageOf(key), &entry).await.unwrap();
}

/// The names on all pages, and how many pages there are. `path` ends with `?` or `&`.
async fn names(actor: &Actor, path: &str) -> (Vec<String>, usize) {
    let (mut names, mut query) = (Vec::new(), String::new());
    for pages in 1..100 {
        let page = actor.get(&format!("{path}{query}")).await;
        expect(&page, 200);
        let entry = |package: &Value| {
            let name = package["name"].as_str().unwrap();
            package["repoId"].as_str().map_or_else(|| name.to_owned(), |repo| format!("{repo}:{name}"))
        };
        names.extend(page.json()["packages"].as_array().unwrap().iter().map(entry));
        let Some(next) = page.json()["next"].as_str().map(str::to_owned) else { return (names, pages) };
        query = format!("&cursor={next}");
    }
    panic!("it never ends");
}

#[tokio::test]
async fn a_repository_is_searched_by_text_and_type() {
    let app = TestApp::new().await;
    let ann = repo(&app, "ann", "libs").await;
    list(&app, "libs", "left-pad", "Pads TEXT", &["String"], 1).await;
    list(&app, "libs", "right-pad", "", &["größe"], 1).await;
    list(&app, "libs", "gone-pad", "", &[], 0).await;
    list_package(&app, "libs", PackageType::Raw, "Padding").await;
    let at = |query: &str| format!("/api/repos/libs/packages?{query}");
    for (query, expected) in [
        ("text=pad", vec!["left-pad", "right-pad", "Padding"]),
        ("text=%20PAD%20&type=", vec!["left-pad", "right-pad", "Padding"]),
        ("text=text", vec!["left-pad"]),
        ("text=STRING", vec!["left-pad"]),
        ("text=GR%C3%96SSE", vec![]),
        ("text=GR%C3%96%C3%9FE", vec!["right-pad"]),
        ("text=pad&type=raw", vec!["Padding"]),
        ("type=npm", vec!["left-pad", "right-pad"]),
        ("type=maven", vec![]),
        ("type=kmp", vec![]),
        ("text=about", vec!["Padding"]),
        ("text=%25", vec![]),
        ("text=", vec!["left-pad", "right-pad", "Padding"]),
    ] {
        assert_eq!(names(&ann, &at(query)).await.0, expected, "{query}");
        assert_eq!(names(&ann, &at(&format!("{query}&limit=1"))).await.0, expected, "{query}");
    }
    let page = ann.get(&at("text=pad&limit=2")).await;
    assert_eq!(column(&page, "packages", "name"), ["left-pad", "right-pad"]);
    let long = format!("text={}", "a".repeat(101));
    for (bad, word) in
        [(long.as_str(), "text"), ("type=cargo", "type"), ("type=npm&cursor=cmF3I3g", "cursor")]
    {
        let answer = ann.get(&at(bad)).await;
        expect(&answer, 400);
        assert!(answer.error().contains(word), "{bad}: {}", answer.error());
    }
    expect(&app.known_user("bob").await.get(&at("text=pad")).await, 404);
}

#[tokio::test]
async fn everybody_finds_what_is_public_and_members_what_is_theirs() {
    let app = TestApp::new().await;
    let ann = make_repo(&app, "ann", "open", "public").await;
    make_repo(&app, "ann", "hidden", "private").await;
    let olga = org(&app, "olga", "acme", &[("mia", "member")]).await;
    let of_org = json!({ "name": "zoo", "packageTypes": ["npm"], "orgSlug": "acme" });
    expect(&olga.post_json("/api/repos", &of_org).await, 201);
    make_repo(&app, "bob", "bobs", "private").await;
    for repo in ["open", "hidden", "zoo", "bobs"] {
        list(&app, repo, "pad", "x", &[], 1).await;
        list(&app, repo, "other", "x", &[], 1).await;
    }
    member(&app, &ann, "hidden", "rita", "read").await;
    let hidden = repo_token(&app, &ann, "hidden", "read").await;
    let zoo = org_token(&app, &olga, "acme", "read").await;
    let account = app.account_token("ann", &["read"]).await;
    let search = "/api/search?text=pad";
    for (who, actor, expected) in [
        ("anonymous", app.anonymous(), vec!["open:pad"]),
        ("ann", ann.clone(), vec!["hidden:pad", "open:pad"]),
        ("ann's token", account, vec!["hidden:pad", "open:pad"]),
        ("rita", app.user("rita"), vec!["hidden:pad", "open:pad"]),
        ("bob", app.user("bob"), vec!["bobs:pad", "open:pad"]),
        ("olga", olga.clone(), vec!["open:pad", "zoo:pad"]),
        // Members of an organisation have no right in its repositories by that alone.
        ("mia", app.user("mia"), vec!["open:pad"]),
        ("hidden's token", hidden, vec!["hidden:pad", "open:pad"]),
        ("acme's token", zoo, vec!["open:pad", "zoo:pad"]),
        ("root", app.user("root"), vec!["open:pad"]),
    ] {
        assert_eq!(names(&actor, search).await.0, expected, "{who}");
        assert_eq!(names(&actor, &format!("{search}&limit=1")).await.0, expected, "{who}");
    }
    let page = app.anonymous().get(search).await.json();
    assert_eq!(
        page,
        json!({ "complete": true, "packages": [{
            "repoId": "open", "visibility": "public", "id": "npm:pad", "name": "pad", "packageType": "npm",
            "latestVersion": "1.0.0", "description": "x", "scope": null, "groupId": null, "artifactId": null,
            "downloadCount": 0, "versionCount": 1, "updatedAt": "1970-01-01T00:00:00.000Z",
        }] })
    );
    expect(&app.token(&format!("art_{}", "x".repeat(36))).get(search).await, 401);

    // What is taken away is not found any more.
    expect(&ann.delete("/api/repos/hidden/members?userId=rita").await, 200);
    assert_eq!(names(&app.user("rita"), search).await.0, ["open:pad"]);
    expect(&ann.patch_json("/api/repos/open", &json!({ "visibility": "private" })).await, 200);
    assert_eq!(names(&app.anonymous(), search).await.0, Vec::<String>::new());
    expect(&ann.patch_json("/api/repos/open", &json!({ "visibility": "public" })).await, 200);
    assert_eq!(names(&app.anonymous(), search).await.0, ["open:pad"]);
    expect(&ann.delete("/api/repos/open").await, 200);
    assert_eq!(names(&app.anonymous(), search).await.0, Vec::<String>::new());
    assert_eq!(names(&ann, search).await.0, ["hidden:pad"]);
}

#[tokio::test]
async fn a_cursor_opens_nothing() {
    let app = TestApp::new().await;
    let ann = make_repo(&app, "ann", "hidden", "private").await;
    make_repo(&app, "ann", "open", "public").await;
    for repo in ["hidden", "open"] {
        for name in ["a", "b"] {
            list(&app, repo, name, "", &[], 1).await;
        }
    }
    let page = ann.get("/api/search?limit=1").await.json();
    assert_eq!(page["packages"][0]["repoId"], "hidden");
    let cursor = page["next"].as_str().unwrap();
    assert_eq!(
        names(&ann, &format!("/api/search?cursor={cursor}")).await.0,
        ["hidden:b", "open:a", "open:b"]
    );
    let stolen = app.anonymous().get(&format!("/api/search?cursor={cursor}")).await;
    assert_eq!(column(&stolen, "packages", "repoId"), ["open", "open"]);
    // A place in a repository that is gone by now: the next one begins at its beginning.
    expect(&ann.delete("/api/repos/hidden").await, 200);
    assert_eq!(names(&ann, &format!("/api/search?cursor={cursor}")).await.0, ["open:a", "open:b"]);
    // `aGlkZGVu` is `hidden`, `I25wbSN4` is `#npm#x`.
    for bad in ["cursor=", "cursor=aGlkZGVu", "cursor=I25wbSN4", "cursor=%00", "limit=x", "type=cargo"] {
        expect(&app.anonymous().get(&format!("/api/search?{bad}")).await, 400);
    }
}

#[tokio::test]
async fn an_exact_name_comes_first_and_what_is_gone_not_at_all() {
    let app = TestApp::new().await;
    make_repo(&app, "ann", "aaa", "public").await;
    make_repo(&app, "ann", "bbb", "public").await;
    list(&app, "aaa", "a-pad", "", &[], 1).await;
    list(&app, "aaa", "b-pad", "", &[], 0).await;
    list(&app, "bbb", "a", "a pad", &[], 1).await;
    list(&app, "bbb", "pad", "", &[], 1).await;
    let anonymous = app.anonymous();
    assert_eq!(names(&anonymous, "/api/search?text=PAD").await.0, ["bbb:pad", "aaa:a-pad", "bbb:a"]);
    assert_eq!(names(&anonymous, "/api/search?").await.0, ["aaa:a-pad", "bbb:a", "bbb:pad"]);
}

#[tokio::test]
async fn many_repositories_are_searched_in_steps() {
    let app = TestApp::new().await;
    let ann = make_repo(&app, "ann", "r-000", "public").await;
    let row: Value = app.state().storage().get(&Key::Repo("r-000".parse().unwrap())).await.unwrap().unwrap();
    let mut expected = Vec::new();
    for n in 0..430 {
        let name = format!("r-{n:03}");
        let id: granary_model::RepoId = name.parse().unwrap();
        let mut row = row.clone();
        row["id"] = json!(name);
        let storage = app.state().storage();
        storage.put(&Key::Repo(id.clone()), &row).await.unwrap();
        storage.put(&Key::PublicRepo(id.clone()), &json!({ "id": name })).await.unwrap();
        if n % 40 == 7 {
            list(&app, &name, "pad", "", &[], 1).await;
            expected.push(format!("{name}:pad"));
        }
    }
    // A private one in between, which its member finds in its place.
    make_repo(&app, "ann", "r-399-own", "private").await;
    list(&app, "r-399-own", "pad", "", &[], 1).await;
    let first = app.anonymous().get("/api/search?text=pad").await.json();
    assert_eq!((&first["complete"], first["packages"].as_array().unwrap().len()), (&json!(false), 5));
    let (found, pages) = names(&app.anonymous(), "/api/search?text=pad").await;
    assert_eq!((&found, pages), (&expected, 3));
    assert_eq!(names(&app.anonymous(), "/api/search?text=pad&limit=2").await.0, expected);
    let at = expected.iter().position(|name| name.as_str() > "r-399-own").unwrap();
    expected.insert(at, "r-399-own:pad".into());
    for limit in [1, 3, 50] {
        let (found, _) = names(&ann, &format!("/api/search?text=pad&limit={limit}&type=npm")).await;
        assert_eq!(found, expected, "{limit}");
    }
}

#[tokio::test]
async fn large_repositories_are_searched_in_steps() {
    let app = TestApp::new().await;
    make_repo(&app, "ann", "large", "public").await;
    make_repo(&app, "ann", "small", "public").await;
    for n in 0..5_600 {
        list(&app, "large", &format!("n-{n:04}"), "", &[], 1).await;
    }
    list(&app, "large", "n-5599-pad", "", &[], 1).await;
    list(&app, "small", "pad", "", &[], 1).await;
    app.probe.reset();
    let first = app.anonymous().get("/api/search?text=pad").await.json();
    // Repositories, then their first pages at the same time, then the rest of 5,000 rows.
    assert!(app.probe.count() <= 12, "{:?}", app.probe.calls());
    assert_eq!((&first["complete"], &first["packages"]), (&json!(false), &json!([])));
    let both = vec!["small:pad".to_owned(), "large:n-5599-pad".into()];
    assert_eq!(names(&app.user("ann"), "/api/search?text=pad").await, (both.clone(), 2));
    // Nobody in particular looks at fewer rows with each request.
    assert_eq!(names(&app.anonymous(), "/api/search?text=pad").await, (both, 6));
    let (found, _) = names(&app.user("ann"), "/api/repos/large/packages?text=pad").await;
    assert_eq!(found, ["n-5599-pad"]);
    // Without a text, no more is read than is shown.
    app.probe.reset();
    let page = app.anonymous().get("/api/search").await.json();
    assert_eq!(page["packages"].as_array().unwrap().len(), 50);
    assert_eq!(page["complete"], true);
    assert!(app.probe.count() <= 6, "{:?}", app.probe.calls());
}
