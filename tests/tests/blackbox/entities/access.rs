//! Who may have a version: publishers, users it is shared with, members of an organisation, everybody.

use anyhow::{Context, Result, ensure};
use granary_tests::package::noise;
use serde_json::{Value, json};

use super::{Push, Stage, delete, get, ids, send};

const VERSION: &str = "2026.11.30-120000";

impl Stage {
    /// Makes a user a member of an organisation.
    async fn join(&self, organization: &str, user: &str) -> Result<()> {
        let body = json!({"userId": self.instance.name(user), "role": "member"});
        let told = self.post(&format!("/api/orgs/{organization}/members"), &body).await?;
        ensure!(told.status.starts_with('2'), "{told}");
        Ok(())
    }

    async fn is_denied(&self, token: &str, entity: &str) -> Result<()> {
        for path in ["", "/details", "/versions", "/versions/active", "/publishers", "/shares"] {
            let told = self.told_as(token, &get(&format!("/api/entities/{entity}{path}"))).await?;
            told.refused("404", "").with_context(|| path.to_owned())?;
        }
        ensure!(self.download_status(token, entity, VERSION).await? == "404");
        Ok(())
    }
}

/// Each of the four classes has it from the moment it is given until it is taken away, and no longer.
#[tokio::test]
async fn four_classes() -> Result<()> {
    let stage = Stage::new().await?;
    let app = stage.entity("app", "my-app").await?;
    let bytes = noise("package", 50_000);
    stage.push(&app, Push::new(VERSION, "sources", &bytes).active()).await?;
    let [friend, colleague, stranger] =
        [stage.user("friend").await?, stage.user("colleague").await?, stage.user("stranger").await?];
    for token in [&friend, &colleague, &stranger] {
        stage.is_denied(token, &app).await?;
    }
    ensure!(stage.download(&stage.author, &app, VERSION).await? == bytes);

    // A direct share.
    let body = json!({"emails": [stage.email("friend"), stage.email("nobody"), stage.email("author")]});
    let shared = stage.post(&format!("/api/entities/{app}/shares"), &body).await?;
    ensure!(shared.status == "201" || shared.status == "200", "{shared}");
    let shared: Value = serde_json::from_str(&shared.body)?;
    ensure!(shared["not_found"] == json!([stage.email("nobody")]), "{shared}");
    ensure!(shared["already_had_access"] == json!([stage.email("author")]), "{shared}");
    let share = shared["shares"][0]["id"].as_str().context("no share")?.to_owned();
    ensure!(stage.download(&friend, &app, VERSION).await? == bytes);
    let mine = stage.told_as(&friend, &get("/api/entities/shared-with-me")).await?.document("200")?;
    ensure!(mine.to_string().contains(&app), "{mine}");
    let given = stage.told(&get("/api/entities/shares")).await?.document("200")?;
    ensure!(given.to_string().contains(&app), "{given}");

    // The store of an organisation, and then everybody.
    let organization = stage.organization("acme").await?;
    stage.join(&organization, "colleague").await?;
    let store = format!("/api/organizations/{organization}/store");
    let published = stage.post(&store, &json!({"entityId": app})).await?;
    ensure!(published.status.starts_with('2'), "{published}");
    ensure!(stage.download(&colleague, &app, VERSION).await? == bytes);
    ensure!(ids(&stage.told_as(&colleague, &get(&store)).await?.document("200")?) == [&app]);
    stage.is_denied(&stranger, &app).await?;
    ensure!(ids(&stage.told_as(&stranger, &get(&store)).await?.document("200")?).is_empty());
    let published = stage.post(&store, &json!({"entityId": app, "isPublic": true})).await?;
    ensure!(published.status.starts_with('2'), "{published}");
    ensure!(stage.download(&stranger, &app, VERSION).await? == bytes);
    ensure!(ids(&stage.told_as(&stranger, &get(&store)).await?.document("200")?) == [&app]);
    stage.told_as(&stranger, &get(&format!("{store}/{app}"))).await?.document("200")?;

    // Who may have it may not change it.
    for token in [&friend, &colleague, &stranger] {
        cannot_publish(&stage, token, &app).await?;
    }

    // Back again, in the same order.
    let unpublish = format!("{} -d '{}'", send("DELETE", &store), json!({"entityId": app}));
    stage.told(&unpublish).await?.empty("204")?;
    for token in [&colleague, &stranger] {
        stage.is_denied(token, &app).await?;
    }
    ensure!(stage.download(&friend, &app, VERSION).await? == bytes);
    stage.told(&delete(&format!("/api/entities/{app}/shares/{share}"))).await?.empty("204")?;
    stage.is_denied(&friend, &app).await?;
    let mine = stage.told_as(&friend, &get("/api/entities/shared-with-me")).await?.document("200")?;
    ensure!(!mine.to_string().contains(&app), "{mine}");
    ensure!(stage.download(&stage.author, &app, VERSION).await? == bytes);
    Ok(())
}

async fn cannot_publish(stage: &Stage, token: &str, app: &str) -> Result<()> {
    let version = json!({"version": "2026.11.30-130000", "source_hash": "a".repeat(40)});
    let entity = format!("/api/entities/{app}");
    let stranger = stage.instance.name("stranger");
    for line in [
        format!("{} -d '{version}'", send("POST", &format!("{entity}/versions/upload-url"))),
        format!("{} -d '{}'", send("PUT", &entity), json!({"name": "changed"})),
        format!(
            "{} -d '{}'",
            send("PUT", &format!("{entity}/versions/active")),
            json!({"versionId": VERSION})
        ),
        format!("{} -d '{}'", send("POST", &format!("{entity}/publishers")), json!({"userId": stranger})),
        format!(
            "{} -d '{}'",
            send("POST", &format!("{entity}/shares")),
            json!({"emails": [stage.email("stranger")]})
        ),
        delete(&format!("{entity}/versions/{VERSION}")),
        delete(&entity),
    ] {
        let told = stage.told_as(token, &line).await?;
        told.refused("403", "").with_context(|| line.clone())?;
    }
    Ok(())
}

/// Publishers are made and unmade, but for the last one.
#[tokio::test]
async fn publishers() -> Result<()> {
    let stage = Stage::new().await?;
    let app = stage.entity("app", "my-app").await?;
    let second = stage.user("second").await?;
    let publishers = format!("/api/entities/{app}/publishers");
    let (author, other) = (stage.instance.name("author"), stage.instance.name("second"));
    stage.told(&delete(&format!("{publishers}/{author}"))).await?.refused("409", "")?;
    let added = stage.post(&publishers, &json!({"userId": other})).await?;
    ensure!(added.status.starts_with('2'), "{added}");
    let check = stage.told_as(&second, &get(&format!("{publishers}/{other}"))).await?.document("200")?;
    ensure!(check["is_publisher"] == true, "{check}");
    ensure!(ids(&stage.told_as(&second, &get("/api/entities")).await?.document("200")?) == [&app]);

    // They can do what the first one can, and take it from them.
    let line = format!("{} -d '{}'", send("PUT", &format!("/api/entities/{app}")), json!({"name": "Ours"}));
    let changed = stage.told_as(&second, &line).await?.document("200")?;
    ensure!(changed["entity"]["name"] == "Ours", "{changed}");
    stage.told_as(&second, &delete(&format!("{publishers}/{author}"))).await?.empty("204")?;
    stage.told(&get(&format!("/api/entities/{app}"))).await?.refused("404", "")?;
    ensure!(ids(&stage.told(&get("/api/entities")).await?.document("200")?).is_empty());
    Ok(())
}

/// What is kept from somebody is answered in the words of what does not exist.
#[tokio::test]
async fn hidden_is_unknown() -> Result<()> {
    let stage = Stage::new().await?;
    let app = stage.entity("app", "my-app").await?;
    stage.push(&app, Push::new(VERSION, "sources", b"package")).await?;
    let stranger = stage.user("stranger").await?;
    let unknown = "0192a1b2-0000-7000-8000-000000000000";
    for path in
        ["", "/details", "/icon", "/versions", "/versions/active", "/publishers", "/versions/x/download"]
    {
        let mut told = Vec::new();
        for id in [app.as_str(), unknown] {
            let answer = stage.told_as(&stranger, &get(&format!("/api/entities/{id}{path}"))).await?;
            told.push(answer.refused("404", "")?.to_string().replace(id, "?"));
        }
        ensure!(told.first() == told.last(), "{path}: told apart: {told:?}");
    }
    let bare = get(&format!("/api/entities/{app}")).replace(" -H \"Authorization: Bearer $TOKEN\"", "");
    stage.told(&bare).await?.refused("401", "")?;
    stage.told_as("nonsense", &get(&format!("/api/entities/{app}"))).await?.refused("401", "")?;
    Ok(())
}

/// An organisation's entity belongs to its administrators and its tokens, whoever made it.
#[tokio::test]
async fn entities_of_organizations() -> Result<()> {
    let stage = Stage::new().await?;
    let organization = stage.organization("acme").await?;
    let member = stage.user("member").await?;
    stage.join(&organization, "member").await?;
    let body = json!({
        "type": "service", "slug": stage.instance.name("ours"), "name": "Ours", "org_slug": organization,
    });
    stage.post_as(&member, "/api/entities", &body).await?.refused("403", "")?;
    let made = stage.post("/api/entities", &body).await?.document("201")?;
    let id = made["entity"]["id"].as_str().context("no id")?.to_owned();
    let path = format!("/api/orgs/{organization}/tokens");
    let token = stage.post(&path, &json!({"name": "ci", "scopes": ["write"]})).await?.document("201")?;
    let token = token["rawToken"].as_str().context("no token")?.to_owned();

    let push = Push::new(VERSION, "sources", b"package");
    let steps = format!("/api/entities/{id}/versions");
    let begun = stage.post_as(&token, &format!("{steps}/upload-url"), &push.announcement()).await?;
    let begun = begun.document("200")?;
    stage.put(&begun, push.package).await?;
    let body = json!({
        "storage_path": begun["package"]["storage_path"], "version": VERSION,
        "source_hash": super::hash("sources"), "file_size_bytes": push.package.len(),
    });
    stage.post_as(&token, &format!("{steps}/confirm"), &body).await?.document("201")?;
    ensure!(stage.download(&token, &id, VERSION).await? == push.package);
    ensure!(ids(&stage.told_as(&token, &get("/api/entities")).await?.document("200")?) == [&id]);
    Ok(())
}
