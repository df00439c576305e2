//! Where sources may lead. What they answer otherwise is tested with the poller.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use granary_upstream::guard::{NOT_FOUND, PublicNames, redirects};

/// How long an answer may take: nothing here hangs.
const PATIENCE: Duration = Duration::from_secs(10);

const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

/// A server that answers each request with what a function makes of its path, and the number of connections that came.
async fn serve(address: &str, respond: impl Fn(&str) -> String + Send + 'static) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((address, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            count.fetch_add(1, Ordering::SeqCst);
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.unwrap();
            let text = String::from_utf8_lossy(&request[..length]).into_owned();
            let answer = respond(text.split(' ').nth(1).unwrap_or_default());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (port, connections)
}

fn document(text: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}", text.len())
}

fn redirect(to: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
}

/// Sources of which the first address may be anything, so that a server here can be it, and every other one has to be public.
fn strict_behind_the_first(names: PublicNames) -> Sources {
    let client = client(PATIENCE).redirect(redirects(false)).dns_resolver(Arc::new(names));
    Sources { client: client.build().unwrap(), allow_private: true }
}

async fn ask(sources: &Sources, url: &str) -> Answer {
    sources.get(&Url::parse(url).unwrap(), &Validators::default(), 1024, NOW).await
}

#[track_caller]
fn refused(answer: Answer) -> String {
    let Answer::Failed(why) = answer else { panic!("{answer:?}") };
    why
}

/// Names mean what a function says, one address each.
fn names(meaning: impl Fn(&str) -> &'static str + Send + Sync + 'static) -> PublicNames {
    PublicNames::by(move |name| Ok(vec![meaning(name).parse().unwrap()]), granary_upstream::guard::is_public)
}

#[tokio::test]
async fn redirects_lead_to_nothing_private() {
    let (inner, reached) = serve("127.0.0.1", |_| document("secret")).await;
    let (port, _) = serve("127.0.0.1", move |path| {
        redirect(&match path {
            "/v4" => format!("https://127.0.0.1:{inner}/"),
            "/v4-http" => format!("http://127.0.0.1:{inner}/"),
            "/decimal" => format!("https://2130706433:{inner}/"),
            "/octal" => format!("https://0177.0.0.1:{inner}/"),
            "/short" => format!("https://127.1:{inner}/"),
            "/unspecified" => format!("https://0.0.0.0:{inner}/"),
            "/metadata" => "https://169.254.169.254/latest/meta-data/".into(),
            "/metadata-http" => "http://169.254.169.254/latest/meta-data/".into(),
            "/v6" => format!("https://[::1]:{inner}/"),
            "/mapped" => format!("https://[::ffff:127.0.0.1]:{inner}/"),
            "/nat64" => format!("https://[64:ff9b::7f00:1]:{inner}/"),
            "/6to4" => format!("https://[2002:7f00:1::]:{inner}/"),
            "/localhost" => format!("https://localhost:{inner}/"),
            "/name" => format!("https://internal.example.com:{inner}/"),
            "/name-http" => format!("http://public.example.com:{inner}/"),
            "/credentials" => "https://user:secret@public.example.com/".into(),
            "/file" => "file:///etc/passwd".into(),
            other => panic!("{other}"),
        })
    })
    .await;
    let sources = strict_behind_the_first(names(|name| match name {
        "internal.example.com" => "10.0.0.1",
        _ => "1.1.1.1",
    }));
    for (path, word) in [
        ("v4", "private"),
        ("v4-http", "https"),
        ("decimal", "private"),
        ("octal", "private"),
        ("short", "private"),
        ("unspecified", "private"),
        ("metadata", "private"),
        ("metadata-http", "https"),
        ("v6", "private"),
        ("mapped", "private"),
        ("nat64", "private"),
        ("6to4", "private"),
        ("localhost", "private"),
        ("name", "private"),
        ("name-http", "https"),
        ("credentials", "credentials"),
        ("file", ""),
    ] {
        let why = refused(ask(&sources, &format!("http://127.0.0.1:{port}/{path}")).await);
        assert!(why.contains(word), "{path}: {why}");
        for secret in ["10.0.0.1", "internal.example", "169.254", &inner.to_string()] {
            assert!(!why.contains(secret), "{path}: {why}");
        }
    }
    assert_eq!(reached.load(Ordering::SeqCst), 0, "nobody was there");
}

#[tokio::test]
async fn five_redirects_are_followed_and_no_sixth() {
    let (port, connections) =
        serve("127.0.0.1", |path| match path.trim_start_matches('/').parse::<usize>() {
            Ok(0) => document("there"),
            Ok(left) => redirect(&format!("/{}", left - 1)),
            Err(_) => redirect("/again"),
        })
        .await;
    let sources = Sources::new(true, PATIENCE).unwrap();
    let at = |path: &str| format!("http://127.0.0.1:{port}/{path}");
    let Answer::Document(bytes, _) = ask(&sources, &at("5")).await else { panic!() };
    assert_eq!(bytes, "there");
    assert_eq!(refused(ask(&sources, &at("6")).await), "too many redirects");
    connections.store(0, Ordering::SeqCst);
    assert_eq!(refused(ask(&sources, &at("again")).await), "too many redirects");
    assert_eq!(connections.load(Ordering::SeqCst), 6);
}

#[tokio::test]
async fn the_first_address_has_to_be_public_as_well() {
    let (port, reached) = serve("127.0.0.1", |_| document("secret")).await;
    let sources = Sources::new(false, PATIENCE).unwrap();
    for (url, word) in [
        (format!("http://127.0.0.1:{port}/"), "https"),
        (format!("https://127.0.0.1:{port}/"), "GRANARY_ALLOW_PRIVATE_SOURCES"),
        (format!("https://[::ffff:127.0.0.1]:{port}/"), "GRANARY_ALLOW_PRIVATE_SOURCES"),
        (format!("https://localhost:{port}/"), "GRANARY_ALLOW_PRIVATE_SOURCES"),
        ("https://user@repo.example.com/".into(), "credentials"),
    ] {
        let why = refused(ask(&sources, &url).await);
        assert!(why.contains(word), "{url}: {why}");
    }
    assert_eq!(reached.load(Ordering::SeqCst), 0);
    // An operator may allow all of it, but credentials.
    let sources = Sources::new(true, PATIENCE).unwrap();
    assert!(matches!(ask(&sources, &format!("http://127.0.0.1:{port}/")).await, Answer::Document(..)));
    assert!(refused(ask(&sources, &format!("http://u:p@127.0.0.1:{port}/")).await).contains("credentials"));
}

/// A name that means something else each time that somebody asks: what was looked at is what is connected to.
#[tokio::test]
async fn a_name_that_changes_its_meaning_gains_nothing() {
    // Two machines of this computer, of which one stands for the internet.
    let (port, public) = serve("127.0.0.2", |_| document("public")).await;
    let inside = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let rebinding = PublicNames::by(
        move |_| match count.fetch_add(1, Ordering::SeqCst) {
            0 => Ok(vec!["127.0.0.1".parse().unwrap(), "127.0.0.2".parse().unwrap()]),
            _ => Ok(vec!["127.0.0.1".parse().unwrap()]),
        },
        |address: IpAddr| address.to_string() == "127.0.0.2",
    );
    let client = client(PATIENCE).dns_resolver(Arc::new(rebinding)).build().unwrap();
    let sources = Sources { client, allow_private: true };
    let url = format!("http://rebinding.example.com:{port}/");
    let Answer::Document(bytes, _) = ask(&sources, &url).await else { panic!() };
    assert_eq!(bytes, "public");
    assert_eq!(asked.load(Ordering::SeqCst), 1, "nobody is asked a second time for one connection");
    let why = refused(ask(&sources, &url).await);
    assert!(why.contains(NOT_FOUND), "{why}");
    assert_eq!((asked.load(Ordering::SeqCst), public.load(Ordering::SeqCst)), (2, 1));
    let nobody = tokio::time::timeout(Duration::from_millis(50), inside.accept()).await;
    assert!(nobody.is_err(), "nobody came in");
}

#[tokio::test]
async fn what_cannot_be_found_is_said_without_addresses() {
    let unknown =
        PublicNames::by(|_| Err(io::Error::other("no such name")), granary_upstream::guard::is_public);
    let client = client(PATIENCE).dns_resolver(Arc::new(unknown)).build().unwrap();
    let sources = Sources { client, allow_private: true };
    let why = refused(ask(&sources, "http://nowhere.example.com/").await);
    assert_eq!(why, format!("the source cannot be reached: {NOT_FOUND}"));
    // As of one that is known, and private.
    let private =
        PublicNames::by(|_| Ok(vec!["10.0.0.7".parse().unwrap()]), granary_upstream::guard::is_public);
    let client = super::client(PATIENCE).dns_resolver(Arc::new(private)).build().unwrap();
    let sources = Sources { client, allow_private: true };
    assert_eq!(refused(ask(&sources, "http://inside.example.com/").await), why);
}
