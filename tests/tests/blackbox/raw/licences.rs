//! Customers with the key of a licence, as Bearer token and as password.

use anyhow::{Result, ensure};
use granary_tests::curl::Curl;
use granary_tests::instance::Instance;
use granary_tests::outcome::Outcome;
use granary_tests::package::noise;
use granary_tests::seller::Seller;
use serde_json::json;

/// What the licence covers is downloaded, small and large, with either form of the key; what it does not is as if
/// nobody had uploaded it; and a customer changes nothing.
#[tokio::test]
async fn covered_versions_download() -> Result<()> {
    let instance = Instance::new().await?;
    let seller = Seller::new(&instance.admin()?, instance.url(), &instance.name("seller")).await?;
    let repo = instance.name("shop");
    seller.create(&repo, &["raw"]).await?;
    let curl = Curl::new()?;
    let base = format!("{}/api/raw/{repo}", instance.url());
    let run = async |token: &str, arguments: &str| -> Result<Outcome> {
        let line = format!("curl -s -L -w '%{{stderr}}%{{http_code}}' {arguments}");
        curl.run(&base, token, &line).await?.success()
    };
    let bearer = "-H \"Authorization: Bearer $TOKEN\"";
    for (file, size) in [
        ("tool/1.0.0/tool.bin", 300_000),
        ("tool/1.5.0/tool.bin", 4_000),
        ("tool/2.0.0/tool.bin", 4_000),
        ("other/1.0.0/tool.bin", 10),
    ] {
        curl.write("file", &noise(file, size))?;
        let sent = run(seller.api().token(), &format!("{bearer} -T file \"$BASE/{file}\"")).await?;
        ensure!(sent.stderr == "201", "{sent}");
    }
    let limit = json!({"constraint": {"type": "version", "value": "<2.0.0"}});
    let key = seller.licence(&["tool"], limit).await?.key;

    for login in [bearer, "-u \"anybody:$TOKEN\""] {
        for (file, size) in [("tool/1.0.0/tool.bin", 300_000), ("tool/1.5.0/tool.bin", 4_000)] {
            let got = run(&key, &format!("{login} -o got \"$BASE/{file}\"")).await?;
            ensure!(got.stderr == "200" && curl.read("got")? == noise(file, size), "{got}");
        }
        let list = run(&key, &format!("{login} \"$BASE/tool\"")).await?;
        let facts = list.json()?;
        ensure!(facts["latestVersion"] == "1.5.0" && !list.stdout.contains("2.0.0"), "{list}");
        for (known, unknown) in [
            ("tool/2.0.0/tool.bin", "tool/3.0.0/tool.bin"),
            ("other/1.0.0/tool.bin", "ether/1.0.0/tool.bin"),
            ("other", "ether"),
        ] {
            let one = run(&key, &format!("{login} \"$BASE/{known}\"")).await?;
            let two = run(&key, &format!("{login} \"$BASE/{unknown}\"")).await?;
            ensure!(one.stderr == "404" && two.stderr == "404", "{one} {two}");
            let same = one.stdout.replace("2.0.0", "3.0.0").replace("other", "ether");
            ensure!(same == two.stdout, "told apart: {one} {two}");
        }
    }
    curl.write("file", b"changed")?;
    for arguments in ["-T file \"$BASE/tool/1.0.0/more.bin\"", "-X DELETE \"$BASE/tool/1.0.0/tool.bin\""] {
        let refused = run(&key, &format!("{bearer} {arguments}")).await?;
        ensure!(refused.stderr == "403", "{refused}");
    }
    Ok(())
}
