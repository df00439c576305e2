//! The platform refuses each function what is not its business.

use anyhow::{Result, ensure};
use granary_tests::aws::{Aws, Reply};
use granary_tests::instance::Instance;
use granary_tests::settings::deployed;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// The functions.
const FAMILIES: [&str; 17] = [
    "ACCOUNTS",
    "REPOS",
    "NPM",
    "MAVEN",
    "SWIFT",
    "RAW",
    "COMPOSER",
    "LICENSES",
    "CONSUMERS",
    "PRODUCTS",
    "ENTITIES",
    "UPLOADS",
    "KMP",
    "KMPPOLLER",
    "KMPBUILDER",
    "CONSOLE",
    "EVENTS",
];

/// Those that publish nothing and delete nothing, so that nothing follows from what they do.
const QUIET: [&str; 3] = ["COMPOSER", "LICENSES", "KMPPOLLER"];

/// The functions that nobody but a schedule, a queue or an operator calls.
const CALLED: [(&str, &str); 3] =
    [("EVENTSFUNCTION", "sweep"), ("KMPPOLLERFUNCTION", "tick"), ("KMPBUILDERFUNCTION", "sweep")];

/// A token of a build that nobody has; its last letters are the checksum that tokens have.
const STRAY: &str = "bld_StrayStrayStrayStrayStrayStray2XQIXk";

/// The tables.
const TABLES: [&str; 3] = ["REGISTRYTABLE", "EPHEMERALTABLE", "COUNTERSTABLE"];

/// What the function of a family is.
async fn function(family: &str) -> Result<Aws> {
    Aws::deployer()?.role(&deployed(&format!("GRANARY_STACK_{family}ROLE"))?).await
}

fn stack(name: &str) -> Result<String> {
    deployed(&format!("GRANARY_STACK_{name}"))
}

/// The key of a row that is not there.
fn key() -> Value {
    json!({"pk": {"S": "nothing"}, "sk": {"S": "nothing"}})
}

async fn object(caller: &Aws, method: Method, key: &str) -> Result<Reply> {
    caller.rest("s3", method, &format!("/{}/{key}", stack("BUCKET")?), None).await
}

/// Nobody scans a table, and everybody reads the registry's.
#[tokio::test]
async fn nobody_scans() -> Result<()> {
    for family in FAMILIES {
        let function = function(family).await?;
        let own = json!({"TableName": stack("REGISTRYTABLE")?, "Key": key()});
        function.dynamodb("GetItem", &own).await?.success()?;
        for table in TABLES {
            let scan = function.dynamodb("Scan", &json!({"TableName": stack(table)?})).await?;
            ensure!(scan.is_refused(), "{family} scans {table}: {scan:?}");
        }
    }
    Ok(())
}

/// Each function reads and removes those objects that it has to do with. One that is not there is not found, if it may
/// be looked for.
#[tokio::test]
async fn prefixes_of_the_bucket() -> Result<()> {
    let (blobs, documents, staging) = ("blobs/nothing", "documents/nothing", "staging/nothing");
    let published: &[&str] = &[blobs, documents];
    for (family, read, removed) in [
        ("ACCOUNTS", [].as_slice(), [].as_slice()),
        ("REPOS", published, &[]),
        // What an upstream said before is removed by whoever has asked it again.
        ("NPM", published, &[documents]),
        ("MAVEN", published, &[documents]),
        ("SWIFT", published, &[]),
        ("RAW", published, &[]),
        ("COMPOSER", published, &[]),
        ("LICENSES", &[], &[]),
        ("CONSUMERS", &[blobs, staging], &[staging]),
        ("PRODUCTS", &[blobs, staging], &[blobs, staging]),
        ("ENTITIES", &[blobs, staging], &[blobs, staging]),
        ("UPLOADS", &[blobs, staging], &[blobs, staging]),
        ("KMP", &[blobs, staging], &[staging]),
        ("KMPPOLLER", &[blobs], &[]),
        ("CONSOLE", published, &[staging]),
        ("KMPBUILDER", &[blobs, staging], &[blobs, staging]),
        ("EVENTS", &[blobs, documents, staging], &[blobs, documents, staging]),
    ] {
        let function = function(family).await?;
        for place in [blobs, documents, staging, "elsewhere"] {
            let got = object(&function, Method::GET, place).await?;
            let fits = if read.contains(&place) { got.status == 404 } else { got.is_refused() };
            ensure!(fits, "{family} reads {place}: {got:?}");
            let gone = object(&function, Method::DELETE, place).await?;
            ensure!(gone.is_refused() != removed.contains(&place), "{family} removes {place}: {gone:?}");
        }
    }
    Ok(())
}

/// The consumer of a queue alone takes messages, and nobody else puts any aside; those send some who have a reason to; nobody
/// calls a function.
#[tokio::test]
async fn queues_and_functions() -> Result<()> {
    let loud: Vec<&str> = FAMILIES.into_iter().filter(|family| !QUIET.contains(family)).collect();
    for family in FAMILIES {
        let function = function(family).await?;
        for (queue, dead, consumer, senders) in [
            ("EVENTSQUEUEURL", "DEADLETTERSURL", "EVENTS", loud.as_slice()),
            (
                "KMPPOLLQUEUEURL",
                "KMPPOLLDEADLETTERSURL",
                "KMPPOLLER",
                &["KMP", "KMPPOLLER", "CONSOLE", "EVENTS"],
            ),
            (
                "KMPBUILDQUEUEURL",
                "KMPBUILDDEADLETTERSURL",
                "KMPBUILDER",
                &["KMP", "KMPPOLLER", "KMPBUILDER", "CONSOLE"],
            ),
        ] {
            let is_consumer = family == consumer;
            for (queue, action, body, allowed) in [
                // Allowed, and refused for its size and not for who asks: nothing is sent.
                (queue, "SendMessage", json!({"MessageBody": ""}), senders.contains(&family)),
                (dead, "SendMessage", json!({"MessageBody": ""}), is_consumer),
                (queue, "DeleteMessage", json!({"ReceiptHandle": "nothing"}), is_consumer),
                (dead, "ReceiveMessage", json!({}), false),
                (queue, "PurgeQueue", json!({}), false),
            ] {
                let mut request = body;
                request["QueueUrl"] = stack(queue)?.into();
                let reply = function.sqs(action, &request).await?;
                ensure!(reply.is_refused() != allowed, "{family} {action} {queue}: {reply:?}");
            }
        }
        for (name, task) in CALLED {
            let path = format!("/2015-03-31/functions/{}/invocations", stack(name)?);
            let called = function.rest("lambda", Method::POST, &path, Some(&json!({"task": task}))).await?;
            ensure!(called.is_refused(), "{family} calls {name}: {called:?}");
        }
    }
    Ok(())
}

/// Whoever looks at other people's servers publishes nothing, and whoever answers jobs stores nothing for them.
#[tokio::test]
async fn only_the_builder_publishes_what_was_built() -> Result<()> {
    let update = json!({
        "TableName": stack("REGISTRYTABLE")?, "Key": key(),
        // Refused by its condition, if at all allowed: nothing is changed.
        "UpdateExpression": "SET nothing = :one", "ConditionExpression": "attribute_exists(pk)",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    });
    for (family, stores, counts) in
        [("KMPPOLLER", false, false), ("KMP", false, true), ("KMPBUILDER", true, true)]
    {
        let function = function(family).await?;
        let updated = function.dynamodb("UpdateItem", &update).await?;
        ensure!(updated.is_refused() != counts, "{family} counts: {updated:?}");
        for place in ["blobs/nothing", "staging/nothing", "documents/nothing"] {
            if !stores || place.starts_with("documents") {
                let put = object(&function, Method::PUT, place).await?;
                ensure!(put.is_refused(), "{family} stores {place}: {put:?}");
            }
        }
    }
    let expired = json!({"TableName": stack("EPHEMERALTABLE")?, "Item": key()});
    let put = function("KMPPOLLER").await?.dynamodb("PutItem", &expired).await?;
    ensure!(put.is_refused(), "the poller writes tokens: {put:?}");
    Ok(())
}

/// The hints of logins and uploads are for those who work with them, the counters for those who count.
#[tokio::test]
async fn rows_of_the_other_tables() -> Result<()> {
    for (family, logins, counters) in [
        ("ACCOUNTS", true, false),
        ("REPOS", false, false),
        ("NPM", true, false),
        ("MAVEN", false, false),
        ("SWIFT", false, false),
        ("RAW", false, false),
        ("COMPOSER", false, false),
        ("LICENSES", false, false),
        ("CONSUMERS", false, false),
        ("PRODUCTS", true, false),
        ("ENTITIES", true, false),
        ("UPLOADS", true, false),
        ("KMP", true, false),
        ("KMPPOLLER", true, false),
        ("KMPBUILDER", true, false),
        ("CONSOLE", true, false),
        ("EVENTS", true, true),
    ] {
        let function = function(family).await?;
        let get = json!({"TableName": stack("EPHEMERALTABLE")?, "Key": key()});
        let got = function.dynamodb("GetItem", &get).await?;
        ensure!(got.is_refused() != logins, "{family} reads what is for a while: {got:?}");
        let delete = json!({"TableName": stack("COUNTERSTABLE")?, "Key": key()});
        let deleted = function.dynamodb("DeleteItem", &delete).await?;
        ensure!(deleted.is_refused() != counters, "{family} removes counters: {deleted:?}");
    }
    Ok(())
}

/// Whoever comes with an ID token for the first time is written down by the function that they come to, whichever it is.
#[tokio::test]
async fn every_function_knows_who_has_signed_in() -> Result<()> {
    let instance = Instance::new().await?;
    let admin = instance.admin()?;
    for (number, path) in paths(&instance).iter().enumerate() {
        let user = admin.sign_in(&instance.name(&format!("new{number}"))).await?;
        let (status, answer) = user.send(Method::GET, path, None).await?;
        ensure!(!status.is_server_error() && status != StatusCode::UNAUTHORIZED, "{path}: {status} {answer}");
    }
    Ok(())
}

/// Tokens of builds are in another table than all others, and each function may look there.
#[tokio::test]
async fn every_function_knows_tokens_of_builds() -> Result<()> {
    let instance = Instance::new().await?;
    let stray = instance.admin()?.with_token(STRAY);
    for path in paths(&instance) {
        let (status, answer) = stray.send(Method::GET, &path, None).await?;
        ensure!(status == StatusCode::UNAUTHORIZED, "{path}: {status} {answer}");
    }
    Ok(())
}

/// One path of each function that is reached from outside.
fn paths(instance: &Instance) -> Vec<String> {
    [
        "/api/auth/me",
        "/api/repos",
        "/api/npm/none/left-pad",
        "/api/maven/none/com/example/app/1.0/app-1.0.pom",
        "/api/swift/none/mona/LinkedList",
        "/api/raw/none/tool/1.0.0/tool.txt",
        "/composer/none/packages.json",
        "/v1/licenses",
        "/consumers",
        "/api/product/access",
        "/api/entities",
        &format!("/api/organizations/{}/store", instance.name("none")),
        "/api/uploads/01890a5d-ac96-774b-bcce-b302099a8057",
        "/api/repos/none/kmp/builds",
    ]
    .map(str::to_owned)
    .into()
}
