//! Who may do what: four flags that do not imply each other, administrators, and other people's tokens.

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::{Stage, delete, form, get, owner_of, put, send};

/// Every flag alone, none, and an administrator, against everything that can be done with a product.
#[tokio::test]
async fn each_flag_alone() -> Result<()> {
    let stage = Stage::new().await?;
    stage.create("my-lib").await?;
    stage.curl.write("a.bin", b"bytes")?;
    let other = stage.register(&stage.admin, false).await?;
    for flag in ["", "maintainer", "upload", "download", "delete", "admin"] {
        let token = match flag {
            "admin" => stage.register(&stage.admin, true).await?,
            flag => stage.token_for("my-lib", &[flag]).await?,
        };
        let may = |flags: &[&str]| flag == "admin" || flags.contains(&flag);
        stage.upload(&stage.admin, "my-lib", &format!("x-{flag}"), "a.bin").await?.empty("201")?;
        stage.upload(&stage.admin, "my-lib", &format!("y-{flag}"), "a.bin").await?.empty("201")?;
        let grant = json!({"product": "my-lib", "token": other, "permissions": {"download": true}});
        let revoke = json!({"product": "my-lib", "token": other});
        let remove = json!({"product": "my-lib", "version": format!("y-{flag}")});
        let announce = json!({
            "product": "my-lib", "version": format!("z-{flag}"), "file_name": "a.bin", "size": 5,
            "sha256": "277089d91c0bdf4f2e6862ba7e4a07605119431f5d13f726dd352b06f1b206a9",
        });
        for (line, granted, status, denied) in [
            (get("/api/product/fetch/my-lib"), true, "200", "403"),
            (form("my-lib", &format!("new-{flag}"), "a.bin"), may(&["upload"]), "201", "403"),
            (
                format!("{} -d '{announce}'", send("POST", "/api/product/upload-url")),
                may(&["upload"]),
                "200",
                "403",
            ),
            (get(&format!("/api/product/download/my-lib/x-{flag}")), may(&["download"]), "200", "403"),
            (
                format!("{} -d '{remove}'", send("DELETE", "/api/product/modify/deleteVersion")),
                may(&["maintainer", "delete"]),
                "200",
                "403",
            ),
            (delete(&format!("/api/product/delete/my-lib/x-{flag}")), may(&["delete"]), "204", "403"),
            (
                format!("{} -d '{grant}'", put("/api/product/modify/addToken")),
                may(&["maintainer"]),
                "201",
                "403",
            ),
            (
                format!("{} -d '{revoke}'", send("DELETE", "/api/product/modify/deleteToken")),
                may(&["maintainer"]),
                "204",
                "403",
            ),
            (get("/api/tokens"), may(&[]), "200", "401"),
        ] {
            let told = stage.told_as(&token, &line).await?;
            told.expect(if granted { status } else { denied }).with_context(|| format!("{flag}: {line}"))?;
        }
        let listed = stage.told_as(&token, &get("/api/product/access")).await?.document("200")?;
        // An administrator is listed nowhere.
        ensure!(listed == if flag == "admin" { json!([]) } else { json!(["my-lib"]) }, "{flag}: {listed}");
    }
    for (flag, status) in [("upload", "403"), ("download", "403"), ("delete", "403"), ("maintainer", "204")] {
        let token = stage.token_for("my-lib", &[flag]).await?;
        stage.told_as(&token, &delete("/api/product/delete/my-lib")).await?.expect(status)?;
    }
    Ok(())
}

/// The words for whoever lacks a right, where the documentation has them.
#[tokio::test]
async fn words_of_a_denial() -> Result<()> {
    let stage = Stage::new().await?;
    stage.create("my-lib").await?;
    stage.curl.write("a.bin", b"bytes")?;
    stage.upload(&stage.admin, "my-lib", "1", "a.bin").await?.empty("201")?;
    let stranger = stage.register(&stage.admin, false).await?;
    for line in [
        get("/api/product/fetch/my-lib"),
        form("my-lib", "2", "a.bin"),
        get("/api/product/download/my-lib/1"),
        delete("/api/product/delete/my-lib/1"),
    ] {
        ensure!(stage.told_as(&stranger, &line).await?.text("403")? == "permission denied", "{line}");
    }
    let body =
        json!({"product": "my-lib", "version": "1", "token": stranger, "permissions": {"upload": true}});
    for line in [
        format!("{} -d '{body}'", put("/api/product/modify/addToken")),
        format!("{} -d '{body}'", send("DELETE", "/api/product/modify/deleteToken")),
        format!("{} -d '{body}'", send("DELETE", "/api/product/modify/deleteVersion")),
        delete("/api/product/delete/my-lib"),
    ] {
        stage.told_as(&stranger, &line).await?.refused("403", "")?;
    }
    ensure!(stage.download(&stage.admin, "my-lib", "1").await? == b"bytes");
    Ok(())
}

/// What one tenant has does not exist for another one: names, tokens, bytes.
#[tokio::test]
async fn tenants_do_not_see_each_other() -> Result<()> {
    let stage = Stage::new().await?;
    stage.create("my-lib").await?;
    stage.curl.write("a.bin", b"bytes")?;
    stage.upload(&stage.admin, "my-lib", "1", "a.bin").await?.empty("201")?;
    let neighbour = owner_of(&stage.instance, "neighbour").await?;
    let neighbour = stage.register(&neighbour, true).await?;
    let as_neighbour = |line: String| {
        let (stage, neighbour) = (&stage, &neighbour);
        async move { stage.told_as(neighbour, &line).await }
    };

    for list in ["access", "list"] {
        let listed = as_neighbour(get(&format!("/api/product/{list}"))).await?.document("200")?;
        ensure!(listed == json!([]), "{listed}");
    }
    // In the same words as what nobody has.
    for name in ["my-lib", "unknown"] {
        let fetched = as_neighbour(get(&format!("/api/product/fetch/{name}"))).await?;
        ensure!(fetched.text("404")? == "Product not found");
        let got = as_neighbour(get(&format!("/api/product/download/{name}/1"))).await?;
        ensure!(got.text("400")? == "Product not found");
        as_neighbour(delete(&format!("/api/product/delete/{name}"))).await?.expect("404")?;
        as_neighbour(form(name, "2", "a.bin")).await?.refused("400", "Product not found")?;
    }
    let known = as_neighbour(get(&format!("/api/fetch/{}", stage.admin))).await?.refused("400", "")?;
    let unknown = get("/api/fetch/5f0e8a52-7d7c-4c0f-9a3e-2f6f6f1f6f1f");
    ensure!(as_neighbour(unknown).await?.refused("400", "")?["error"] == known["error"], "{known}");
    as_neighbour(delete(&format!("/api/prune/{}", stage.admin))).await?.refused("400", "")?;
    let tokens = as_neighbour(get("/api/tokens")).await?.document("200")?;
    ensure!(tokens.as_array().is_some_and(|tokens| tokens.len() == 1), "{tokens}");

    // The name is free there, and a token of here can be given nothing there.
    let create = put("/api/product/create") + " -d '{\"name\": \"my-lib\"}'";
    as_neighbour(create).await?.empty("201")?;
    let grant = json!({"product": "my-lib", "token": stage.admin, "permissions": {"download": true}});
    let grant = format!("{} -d '{grant}'", put("/api/product/modify/addToken"));
    as_neighbour(grant).await?.refused("400", "token not found")?;
    ensure!(stage.download(&stage.admin, "my-lib", "1").await? == b"bytes");
    Ok(())
}

/// A token that is pruned is nobody's from that moment on, and in no product's map any more.
#[tokio::test]
async fn pruned_tokens() -> Result<()> {
    let stage = Stage::new().await?;
    for name in ["one", "two"] {
        stage.create(name).await?;
    }
    let token = stage.token_for("one", &["download"]).await?;
    stage.give("two", &token, &["maintainer", "upload"]).await?.empty("201")?;
    let hash = stage.told_as(&token, &get(&format!("/api/fetch/{token}"))).await?.document("200")?;
    let hash = hash["token"].as_str().context("no hash")?.to_owned();
    ensure!(stage.product("two").await?["tokens"][&hash]["upload"] == true);

    stage.told(&delete(&format!("/api/prune/{token}"))).await?.empty("204")?;
    stage.told_as(&token, &get("/api/product/access")).await?.refused("401", "Invalid api token")?;
    for name in ["one", "two"] {
        let product = stage.product(name).await?;
        ensure!(product["tokens"][&hash].is_null(), "{product}");
    }
    stage.told(&delete(&format!("/api/prune/{token}"))).await?.refused("400", "")?;
    Ok(())
}
