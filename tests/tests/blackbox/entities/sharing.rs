//! Shares and the stores of organisations.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::{Push, Stage, delete, get, ids, send};

const VERSION: &str = "2026.11.30-120000";

impl Stage {
    /// Shares an entity and gives the answer.
    async fn share(&self, token: &str, entity: &str, emails: &[String]) -> Result<Value> {
        let told = self
            .post_as(token, &format!("/api/entities/{entity}/shares"), &json!({"emails": emails}))
            .await?;
        ensure!(matches!(told.status.as_str(), "200" | "201"), "{told}");
        Ok(serde_json::from_str(&told.body)?)
    }

    /// Puts an entity into a store, and gives the answer.
    async fn publish(&self, organization: &str, entity: &str, public: bool) -> Result<()> {
        let body = json!({"entityId": entity, "isPublic": public});
        let told = self.post(&format!("/api/organizations/{organization}/store"), &body).await?;
        ensure!(matches!(told.status.as_str(), "200" | "201"), "{told}");
        Ok(())
    }
}

fn shares(list: &Value) -> Vec<&Value> {
    list["shares"].as_array().into_iter().flatten().collect()
}

/// Addresses in any case, twice, of nobody and of oneself.
#[tokio::test]
async fn addresses() -> Result<()> {
    let stage = Stage::new().await?;
    let app = stage.entity("app", "my-app").await?;
    let friend = stage.user("friend").await?;
    let (email, nobody) = (stage.email("friend"), stage.email("nobody"));
    let answer =
        stage.share(&stage.author, &app, &[email.to_uppercase(), email.clone(), nobody.clone()]).await?;
    ensure!(shares(&answer).len() == 1 && answer["not_found"] == json!([nobody]), "{answer}");
    let again = stage.share(&stage.author, &app, std::slice::from_ref(&email)).await?;
    ensure!(shares(&again).is_empty() && again["already_had_access"] == json!([email]), "{again}");
    for path in ["/api/entities/shared-with-me", "/api/entities/shared-with-me?type=app"] {
        ensure!(
            stage.told_as(&friend, &get(path)).await?.document("200")?.to_string().contains(&app),
            "{path}"
        );
    }
    let other = stage.told_as(&friend, &get("/api/entities/shared-with-me?type=service")).await?;
    ensure!(!other.document("200")?.to_string().contains(&app));
    for body in [
        json!({}),
        json!({"emails": []}),
        json!({"emails": "friend"}),
        json!({"emails": [7]}),
        json!({"emails": ["no address"]}),
        json!({"emails": [stage.email("friend")], "other": 1}),
        json!({"emails": vec![stage.email("friend"); 101]}),
    ] {
        let told = stage.post(&format!("/api/entities/{app}/shares"), &body).await?;
        told.refused("400", "").with_context(|| body.to_string())?;
    }
    Ok(())
}

/// A share is taken back by whoever made it or owns the entity, and by nobody else.
#[tokio::test]
async fn whose_share_it_is() -> Result<()> {
    let stage = Stage::new().await?;
    let app = stage.entity("app", "my-app").await?;
    let [second, friend] = [stage.user("second").await?, stage.user("friend").await?];
    let body = json!({"userId": stage.instance.name("second")});
    stage.post(&format!("/api/entities/{app}/publishers"), &body).await?.expect("201")?;
    let by_author = stage.share(&stage.author, &app, &[stage.email("friend")]).await?;
    let id = shares(&by_author).first().context("no share")?["id"].as_str().context("no id")?.to_owned();
    let path = format!("/api/entities/{app}/shares");

    // The friend sees what concerns them, both publishers see all.
    for token in [&stage.author, &second, &friend] {
        let listed = stage.told_as(token, &get(&path)).await?.document("200")?;
        ensure!(shares(&listed).len() == 1, "{listed}");
    }
    for token in [&second, &friend] {
        stage.told_as(token, &delete(&format!("{path}/{id}"))).await?.refused("403", "")?;
    }
    stage.told(&delete(&format!("{path}/{id}"))).await?.empty("204")?;
    stage.told(&delete(&format!("{path}/{id}"))).await?.refused("404", "")?;
    stage.told(&delete(&format!("{path}/nothing"))).await?.refused("404", "")?;

    // The owner takes back what the other publisher has made.
    let by_second = stage.share(&second, &app, &[stage.email("friend")]).await?;
    let id = shares(&by_second).first().context("no share")?["id"].as_str().context("no id")?.to_owned();
    stage.told(&delete(&format!("{path}/{id}"))).await?.empty("204")?;
    stage.told_as(&friend, &get(&format!("/api/entities/{app}"))).await?.refused("404", "")?;
    Ok(())
}

/// Who publishes into a store, and what is told of it.
#[tokio::test]
async fn stores() -> Result<()> {
    let stage = Stage::new().await?;
    let (app, service) = (stage.entity("app", "my-app").await?, stage.entity("service", "payments").await?);
    let organization = stage.organization("acme").await?;
    let stranger = stage.user("stranger").await?;
    let store = format!("/api/organizations/{organization}/store");
    stage.publish(&organization, &app, false).await?;
    stage.publish(&organization, &service, true).await?;
    let listed = stage.told(&get(&store)).await?.document("200")?;
    ensure!(ids(&listed).len() == 2, "{listed}");
    ensure!(ids(&stage.told(&get(&format!("{store}?type=app"))).await?.document("200")?) == [&app]);
    ensure!(ids(&stage.told_as(&stranger, &get(&store)).await?.document("200")?) == [&service]);
    stage.told_as(&stranger, &get(&format!("{store}/{service}"))).await?.document("200")?;
    stage.told_as(&stranger, &get(&format!("{store}/{app}"))).await?.refused("404", "")?;

    // From public to members only.
    stage.publish(&organization, &service, false).await?;
    ensure!(ids(&stage.told_as(&stranger, &get(&store)).await?.document("200")?).is_empty());
    stage.told_as(&stranger, &get(&format!("/api/entities/{service}"))).await?.refused("404", "")?;

    let body = json!({"entityId": app});
    let unknown = json!({"entityId": "0192a1b2-0000-7000-8000-000000000000"});
    stage.post_as(&stranger, &store, &body).await?.refused("404", "")?;
    stage.post(&store, &unknown).await?.refused("404", "")?;
    for wrong in [
        json!({}),
        json!({"entityId": 7}),
        json!({"entityId": app, "isPublic": "yes"}),
        json!({"entityId": app, "x": 1}),
    ] {
        stage.post(&store, &wrong).await?.refused("400", "").with_context(|| wrong.to_string())?;
    }
    let nowhere = format!("/api/organizations/{}/store", stage.instance.name("nowhere"));
    stage.told(&get(&nowhere)).await?.refused("404", "")?;
    stage.post(&nowhere, &body).await?.refused("404", "")?;
    stage.told(&get(&format!("{store}?type=program"))).await?.refused("400", "")?;

    let unpublish = |body: &Value| format!("{} -d '{body}'", send("DELETE", &store));
    stage.told(&unpublish(&body)).await?.empty("204")?;
    stage.told(&unpublish(&body)).await?.refused("404", "")?;
    ensure!(ids(&stage.told(&get(&store)).await?.document("200")?) == [&service]);
    Ok(())
}

/// Whoever leaves an organisation has nothing of its store any more; an organisation that is deleted gives nothing to anybody.
#[tokio::test]
async fn access_ends_with_membership() -> Result<()> {
    let stage = Stage::new().await?;
    let app = stage.entity("app", "my-app").await?;
    stage.push(&app, Push::new(VERSION, "sources", b"package")).await?;
    let organization = stage.organization("acme").await?;
    let [colleague, other] = [stage.user("colleague").await?, stage.user("other").await?];
    let members = format!("/api/orgs/{organization}/members");
    for user in ["colleague", "other"] {
        let body = json!({"userId": stage.instance.name(user), "role": "member"});
        let told = stage.post(&members, &body).await?;
        ensure!(told.status.starts_with('2'), "{told}");
    }
    stage.publish(&organization, &app, false).await?;
    for token in [&colleague, &other] {
        ensure!(stage.download(token, &app, VERSION).await? == b"package");
    }
    let leave = delete(&format!("{members}?userId={}", stage.instance.name("colleague")));
    let told = stage.told_as(&colleague, &leave).await?;
    ensure!(told.status.starts_with('2'), "{told}");
    ensure!(stage.download_status(&colleague, &app, VERSION).await? == "404");
    ensure!(stage.download_status(&other, &app, VERSION).await? == "200");
    let told = stage.told(&delete(&format!("/api/orgs/{organization}"))).await?;
    ensure!(told.status.starts_with('2'), "{told}");
    ensure!(stage.download_status(&other, &app, VERSION).await? == "404");
    ensure!(stage.download(&stage.author, &app, VERSION).await? == b"package");
    Ok(())
}
