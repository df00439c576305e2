//! The platform refuses each function what is not its business.

use anyhow::{Result, ensure};
use granary_tests::aws::{Aws, Reply};
use granary_tests::instance::Instance;
use granary_tests::settings::deployed;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// The functions.
const FAMILIES: [&str; 13] = [
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
    "EVENTS",
];

/// Those that publish nothing and delete nothing, so that nothing follows from what they do.
const QUIET: [&str; 2] = ["COMPOSER", "LICENSES"];

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
        ("REPOS", &[], &[]),
        ("NPM", published, &[]),
        ("MAVEN", published, &[]),
        ("SWIFT", published, &[]),
        ("RAW", published, &[]),
        ("COMPOSER", published, &[]),
        ("LICENSES", &[], &[]),
        ("CONSUMERS", &[blobs, staging], &[staging]),
        ("PRODUCTS", &[blobs, staging], &[blobs, staging]),
        ("ENTITIES", &[blobs, staging], &[blobs, staging]),
        ("UPLOADS", &[blobs, staging], &[blobs, staging]),
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

/// The consumer alone takes messages, and nobody else puts any aside; nobody calls a function.
#[tokio::test]
async fn queues_and_functions() -> Result<()> {
    let (events, dead) = (stack("EVENTSQUEUEURL")?, stack("DEADLETTERSURL")?);
    for family in FAMILIES {
        let function = function(family).await?;
        let consumer = family == "EVENTS";
        for (queue, action, body, allowed) in [
            // Allowed, and refused for its size and not for who asks: nothing is sent.
            (&events, "SendMessage", json!({"MessageBody": ""}), !QUIET.contains(&family)),
            (&dead, "SendMessage", json!({"MessageBody": ""}), consumer),
            (&events, "DeleteMessage", json!({"ReceiptHandle": "nothing"}), consumer),
            (&dead, "ReceiveMessage", json!({}), false),
            (&events, "PurgeQueue", json!({}), false),
        ] {
            let mut request = body;
            request["QueueUrl"] = queue.as_str().into();
            let reply = function.sqs(action, &request).await?;
            ensure!(reply.is_refused() != allowed, "{family} {action} {queue}: {reply:?}");
        }
        let path = format!("/2015-03-31/functions/{}/invocations", stack("EVENTSFUNCTION")?);
        let task = json!({"task": "sweep"});
        let called = function.rest("lambda", Method::POST, &path, Some(&task)).await?;
        ensure!(called.is_refused(), "{family} calls a function: {called:?}");
    }
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
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    for (number, path) in [
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
        &format!("/api/uploads/{id}"),
    ]
    .into_iter()
    .enumerate()
    {
        let user = admin.sign_in(&instance.name(&format!("new{number}"))).await?;
        let (status, answer) = user.send(Method::GET, path, None).await?;
        ensure!(!status.is_server_error() && status != StatusCode::UNAUTHORIZED, "{path}: {status} {answer}");
    }
    Ok(())
}
