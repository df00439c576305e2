//! Every answer that is no success, seen from outside.

use anyhow::{Context, Result, ensure};
use granary_tests::wire::Connection;
use serde_json::json;
use url::Url;

use super::{Stage, delete, form, get, put, send, versions};

/// A token that nobody has.
const UNKNOWN: &str = "5f0e8a52-7d7c-4c0f-9a3e-2f6f6f1f6f1f";

/// Without a token, and with one that nobody has: nothing is answered.
#[tokio::test]
async fn without_a_token() -> Result<()> {
    let stage = Stage::new().await?;
    let (own, fetch) = (&stage.admin, format!("/api/fetch/{UNKNOWN}"));
    stage.curl.write("a.bin", b"a")?;
    let lines = [
        get("/api/health"),
        put("/api/register") + " -d '{}'",
        get(&fetch),
        delete(&format!("/api/prune/{own}")),
        get("/api/product/access"),
        get("/api/product/list"),
        get("/api/tokens"),
        put("/api/product/create") + " -d '{\"name\": \"my-lib\"}'",
        get("/api/product/fetch/my-lib"),
        delete("/api/product/delete/my-lib"),
        put("/api/product/modify/addToken") + " -d '{}'",
        send("DELETE", "/api/product/modify/deleteVersion") + " -d '{}'",
        send("DELETE", "/api/product/modify/deleteToken") + " -d '{}'",
        form("my-lib", "1", "a.bin"),
        get("/api/product/download/my-lib/1"),
        delete("/api/product/delete/my-lib/1"),
        send("POST", "/api/product/upload-url") + " -d '{}'",
        send("POST", "/api/product/confirm") + " -d '{}'",
    ];
    for line in lines {
        let bare = line.replace("-H \"X-Api-Token: $TOKEN\"", "");
        let refused = stage.told_as("", &bare).await?.refused("401", "Authorization header missing");
        refused.with_context(|| bare.clone())?;
        let empty = line.replace("X-Api-Token: $TOKEN", "X-Api-Token;");
        let refused = stage.told_as("", &empty).await?.refused("401", "Authorization header missing");
        refused.with_context(|| empty.clone())?;
        for token in [UNKNOWN, "not a token", &stage.admin.to_uppercase()] {
            let refused = stage.told_as(token, &line).await?.refused("401", "Invalid api token");
            refused.with_context(|| format!("{token}: {line}"))?;
        }
    }
    Ok(())
}

/// What only administrators do, and what a token of the registry needs for it.
#[tokio::test]
async fn tokens() -> Result<()> {
    let stage = Stage::new().await?;
    let plain = stage.register(&stage.admin, false).await?;
    let register = put("/api/register");
    for (line, words) in [
        (format!("{register} -d '{{}}'"), "Only admin allowed to register new tokens"),
        (delete(&format!("/api/prune/{}", stage.admin)), "Only admin allowed to prune an api token"),
        (get("/api/tokens"), "Only admin allowed to list tokens"),
    ] {
        ensure!(stage.told_as(&plain, &line).await?.text("401")? == words, "{line}");
    }
    stage.told(&register).await?.refused("400", "Missing request body")?;
    for body in ["{", "7", "[]", "{\"admin\": \"yes\"}"] {
        stage.told(&format!("{register} -d '{body}'")).await?.refused("400", "")?;
    }
    let made = stage.told(&format!("{register} -d '{{}}'")).await?.text("201")?;
    let fetched = stage.told(&get(&format!("/api/fetch/{made}"))).await?.document("200")?;
    ensure!(fetched["admin"] == false, "{fetched}");
    for unknown in [UNKNOWN, "nothing"] {
        stage.told(&get(&format!("/api/fetch/{unknown}"))).await?.refused("400", "")?;
        stage.told(&delete(&format!("/api/prune/{unknown}"))).await?.refused("400", "")?;
    }
    stage.told(&delete("/api/prune")).await?.text("400")?;
    if !stage.instance.is_behind_gateway() {
        // The gateway leads what ends with a slash nowhere.
        stage.told(&delete("/api/prune/")).await?.text("400")?;
    }

    // A token of the registry without the scope for it, and one of another kind of access.
    let reader = stage.instance.admin()?.sign_in(&stage.instance.name("builder")).await?;
    let reader = reader.account_token(&["read"]).await?;
    stage.told_as(&reader, &get("/api/product/access")).await?.refused("403", "scope")?;
    let bearer = "curl \"$BASE/api/product/list\" -H \"Authorization: Bearer $TOKEN\"";
    ensure!(stage.told_as(&stage.owner, bearer).await?.document("200")? == json!([]));
    // A product token is no token of the registry.
    stage.told_as(&stage.admin, bearer).await?.expect("401")?;
    stage.told_as(&stage.admin, &bearer.replace("/api/product/list", "/api/repos")).await?.expect("401")?;
    Ok(())
}

/// What is answered about products that are not there, with names that cannot be, and bodies that say nothing.
#[tokio::test]
async fn products() -> Result<()> {
    let stage = Stage::new().await?;
    stage.create("my-lib").await?;
    let create = put("/api/product/create");
    stage.told(&format!("{create} -d '{{\"name\": \"my-lib\"}}'")).await?.refused("400", "already exists")?;
    stage.told(&format!("{create} -d '{{\"name\": \"\"}}'")).await?.refused("400", "name is required")?;
    stage.told(&format!("{create} -d '{{}}'")).await?.refused("400", "name")?;
    for name in ["../x", "a/b", "a b", "-a", ".hidden", "%2e%2e", "größe", &"a".repeat(201)] {
        let body = json!({"name": name});
        stage.told(&format!("{create} -d '{body}'")).await?.refused("400", "invalid name")?;
    }
    // Nobody is given rights by whoever makes a product: the body's tokens are not looked at.
    let body = json!({"name": "given", "tokens": {UNKNOWN: {"maintainer": true}}});
    stage.told(&format!("{create} -d '{body}'")).await?.empty("201")?;
    ensure!(stage.product("given").await?["tokens"].as_object().is_some_and(|tokens| tokens.len() == 1));

    let unknown = stage.told(&get("/api/product/fetch/unknown")).await?;
    ensure!(unknown.text("404")? == "Product not found");
    stage.told(&delete("/api/product/delete/unknown")).await?.refused("404", "")?;
    stage.told(&delete("/api/product/delete/")).await?.text("400")?;

    let add = put("/api/product/modify/addToken");
    let permissions = json!({"download": true});
    for (body, status, words) in [
        (json!({"product": "unknown", "token": stage.admin, "permissions": permissions}), "404", ""),
        (
            json!({"product": "my-lib", "token": UNKNOWN, "permissions": permissions}),
            "400",
            "token not found",
        ),
        (json!({"product": "my-lib", "token": stage.admin}), "400", "permissions"),
        (json!({"product": "my-lib", "permissions": permissions}), "400", "token"),
        (json!({"token": stage.admin, "permissions": permissions}), "400", "product"),
    ] {
        stage.told(&format!("{add} -d '{body}'")).await?.refused(status, words)?;
    }
    for action in ["deleteVersion", "deleteToken"] {
        let path = format!("/api/product/modify/{action}");
        ensure!(stage.told(&(put(&path) + " -d '{}'")).await?.text("405")? == "Method Not Allowed");
        let body = json!({"product": "unknown", "version": "1", "token": stage.admin});
        stage.told(&format!("{} -d '{body}'", send("DELETE", &path))).await?.refused("404", "")?;
        let absent = json!({"product": "my-lib", "version": "1", "token": UNKNOWN});
        let told = stage.told(&format!("{} -d '{absent}'", send("DELETE", &path))).await?;
        told.expect(if action == "deleteVersion" { "200" } else { "204" })?;
    }
    let remove = send("DELETE", "/api/product/modify/addToken") + " -d '{}'";
    ensure!(stage.told(&remove).await?.text("405")? == "Method Not Allowed");
    for method in ["PUT", "DELETE"] {
        let line = send(method, "/api/product/modify/x") + " -d '{}'";
        stage.told(&line).await?.refused("400", "unknown action: x")?;
    }
    for line in [
        send("POST", "/api/product/create") + " -d '{\"name\": \"posted\"}'",
        send("POST", "/api/register") + " -d '{}'",
        put("/api/product/upload") + " -d '{}'",
        send("POST", "/api/health") + " -d '{}'",
    ] {
        stage.told(&line).await?.refused("405", "")?;
    }
    ensure!(stage.told(&get("/api/product/list")).await?.document("200")? == json!(["given", "my-lib"]));
    Ok(())
}

/// What is answered about versions, and nothing of a refused upload is there.
#[tokio::test]
async fn uploads() -> Result<()> {
    let stage = Stage::new().await?;
    stage.create("my-lib").await?;
    stage.curl.write("a.bin", b"bytes")?;
    let base = "curl \"$BASE/api/product/upload\" -H \"X-Api-Token: $TOKEN\"";
    for (parts, words) in [
        ("-F version=1 -F file=@a.bin", "product"),
        ("-F product=my-lib -F file=@a.bin", "version"),
        ("-F product=my-lib -F version=1", "file"),
        ("-F product=my-lib -F version=1 -F file=bytes", "file"),
        ("-F product=my-lib -F version=1 -F file=@a.bin -F file=@a.bin", "file"),
        ("-F product=my-lib -F version=1 -F version=2 -F file=@a.bin", "version"),
        ("-F product=../my-lib -F version=1 -F file=@a.bin", "invalid name"),
        ("-F product=my-lib -F version=1/2 -F file=@a.bin", "invalid name"),
        ("-F product=my-lib -F version=../1 -F file=@a.bin", "invalid name"),
        ("-F product=my-lib -F version= -F file=@a.bin", ""),
        ("-F product=my-lib -F version=1 -F 'file=@a.bin;filename=\"..\"'", ""),
        ("-F product=my-lib -F version=1 -F 'file=@a.bin;filename=\".\"'", ""),
        ("-F product=my-lib -F version=1 -F 'file=@a.bin;filename=\"a/\"'", ""),
        ("-F product=unknown -F version=1 -F file=@a.bin", "Product not found"),
        ("-H 'Content-Type: application/json' -d '{}'", "multipart"),
        ("-X POST", ""),
    ] {
        let line = format!("{base} {parts}");
        stage.told(&line).await?.refused("400", words).with_context(|| line.clone())?;
    }
    ensure!(versions(&stage.product("my-lib").await?)?.is_empty(), "something was stored");

    // The file may come first, and its folders are nobody's business.
    let first = "-F 'file=@a.bin;filename=\"../../etc/a.bin\"' -F version=1 -F product=my-lib";
    stage.told(&format!("{base} {first}")).await?.empty("201")?;
    let product = stage.product("my-lib").await?;
    ensure!(product["versions"]["1"]["path"] == "products/my-lib/1/a.bin", "{product}");

    stage.curl.write("a.bin", b"other")?;
    let again = stage.upload(&stage.admin, "my-lib", "1", "a.bin").await?;
    // That other bytes are there, and not these, must be what is told: whatever is sent first.
    let told = again.refused("400", "already uploaded")?;
    ensure!(!told.to_string().contains("this very file"), "{told}");
    let told = stage.told(&format!("{base} -F file=@a.bin -F version=1 -F product=my-lib")).await?;
    let told = told.refused("400", "already uploaded")?;
    ensure!(!told.to_string().contains("this very file"), "{told}");
    ensure!(stage.download(&stage.admin, "my-lib", "1").await? == b"bytes");
    stage.told(&delete("/api/product/delete/my-lib/1")).await?.empty("204")?;
    // A version is not used again.
    stage.upload(&stage.admin, "my-lib", "1", "a.bin").await?.refused("400", "")?;
    stage.curl.write("a.bin", b"bytes")?;
    stage.upload(&stage.admin, "my-lib", "1", "a.bin").await?.refused("400", "")?;

    for (product, version, words) in [
        ("unknown", "1", "Product not found"),
        ("my-lib", "1", "Version not found"),
        ("my-lib", "2", "Version not found"),
    ] {
        let path = format!("{product}/{version}");
        for line in
            [get(&format!("/api/product/download/{path}")), delete(&format!("/api/product/delete/{path}"))]
        {
            ensure!(stage.told(&line).await?.text("400")? == words, "{line}");
        }
    }
    Ok(())
}

/// Paths that could lead somewhere else lead nowhere.
#[tokio::test]
async fn unusual_paths() -> Result<()> {
    let stage = Stage::new().await?;
    stage.create("my-lib").await?;
    stage.curl.write("a.bin", b"the artifact")?;
    stage.upload(&stage.admin, "my-lib", "1", "a.bin").await?.empty("201")?;
    let port = Url::parse(stage.instance.url())?.port().context("no port")?;
    for path in [
        "my-lib/../my-lib/1",
        "my-lib/%2e%2e/1",
        "my-lib//1",
        "my-lib%2f1",
        "my-lib/1%00",
        "my-lib/1/a.bin",
        "%ff/1",
    ] {
        if path.contains("%2f") && stage.instance.is_behind_gateway() {
            // The gateway makes a slash of it, and two segments of one.
            continue;
        }
        let mut connection = Connection::open(([127, 0, 0, 1], port).into()).await?;
        let head = format!(
            "GET /api/product/download/{path} HTTP/1.1\r\nHost: localhost:{port}\r\nX-Api-Token: {}\r\n\r\n",
            stage.admin
        );
        connection.send(head.as_bytes()).await?;
        let answer = connection.answer(false).await?;
        ensure!(matches!(answer.status, 400 | 404), "{path} is answered with {answer}");
        ensure!(!answer.to_string().contains("the artifact"), "{path} is answered with {answer}");
    }
    Ok(())
}
