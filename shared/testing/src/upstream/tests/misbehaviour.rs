//! What goes wrong goes wrong as it is said, and ends when it is taken back.

use std::time::Instant;

use super::*;

/// How long nothing comes before it is believed that nothing comes.
const NOTHING: Duration = Duration::from_millis(300);

/// A fake with one file, and the address of that.
async fn with_file() -> (FakeUpstream, String) {
    let upstream = FakeUpstream::start().await;
    upstream.put_file("dir/a.xml", "0123456789");
    let url = format!("{}/dir/a.xml", upstream.maven_url());
    (upstream, url)
}

#[tokio::test]
async fn the_longest_beginning_decides() {
    let upstream = FakeUpstream::start().await;
    let at = async |path: &str| status(&format!("{}{path}", upstream.url())).await;
    upstream.misbehave("/npm", Some(Misbehaviour::Status(500)));
    upstream.misbehave("/npm/@acme/", Some(Misbehaviour::Status(502)));
    upstream.misbehave("/npm/@other%2f", Some(Misbehaviour::Status(503)));
    assert_eq!((at("/npm/pad").await, at("/maven/pad").await), (500, 404));
    assert_eq!((at("/npm/@acme/pad").await, at("/npm/@acme%2Fpad").await), (502, 502));
    assert_eq!((at("/npm/@other%2fpad").await, at("/npm/@other/pad").await), (503, 500));
    upstream.misbehave("/npm/@acme/", None);
    assert_eq!(at("/npm/@acme/pad").await, 500);
    upstream.misbehave("/npm", None);
    assert_eq!(at("/npm/@acme/pad").await, 404);
    assert_eq!(upstream.asked().len(), 8, "what is misbehaved with is seen as well");
}

#[tokio::test]
async fn any_answer_can_be_given() {
    let (upstream, url) = with_file().await;
    upstream.misbehave("/maven/dir/", Some(Misbehaviour::Status(503)));
    let answer = get(&url, &[]).await;
    assert_eq!((answer.status().as_u16(), answer.text().await.unwrap()), (503, String::new()));
    let headers = vec![("retry-after", "7".to_owned()), ("content-type", "text/html".to_owned())];
    upstream.misbehave("/maven/dir/", Some(Misbehaviour::StatusWith(429, headers, b"<html>".to_vec())));
    let answer = get(&url, &[]).await;
    assert_eq!((answer.status().as_u16(), header(&answer, "retry-after")), (429, "7"));
    assert_eq!(header(&answer, "content-type"), "text/html");
    assert_eq!(answer.text().await.unwrap(), "<html>");
}

#[tokio::test]
async fn nothing_comes_back() {
    let (upstream, url) = with_file().await;
    upstream.misbehave("/maven", Some(Misbehaviour::Hang));
    let asking = tokio::spawn(client().get(&url).send());
    while upstream.asked().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(NOTHING).await;
    assert!(!asking.is_finished());
    asking.abort();
}

#[tokio::test]
async fn bytes_come_one_by_one() {
    let (upstream, url) = with_file().await;
    upstream.misbehave("/maven", Some(Misbehaviour::Drip));
    let begin = Instant::now();
    let mut answer = get(&url, &[]).await;
    assert_eq!((answer.status().as_u16(), header(&answer, "content-type")), (200, "text/xml"));
    let mut read = 0;
    while read < 4 {
        read += answer.chunk().await.unwrap().unwrap().len();
    }
    assert!(begin.elapsed() >= Duration::from_millis(50) * u32::try_from(read).unwrap());
}

#[tokio::test]
async fn bytes_come_without_end() {
    let (upstream, url) = with_file().await;
    upstream.misbehave("/maven", Some(Misbehaviour::Endless));
    let mut answer = get(&url, &[]).await;
    assert_eq!((answer.status().as_u16(), header(&answer, "transfer-encoding")), (200, "chunked"));
    assert_eq!(answer.content_length(), None);
    let mut read = 0;
    while read < 32 * 1024 * 1024 {
        let chunk = answer.chunk().await.unwrap().unwrap();
        assert!(chunk.iter().all(|byte| *byte == b' '));
        read += chunk.len();
    }
}

#[tokio::test]
async fn the_second_half_does_not_come() {
    let (upstream, url) = with_file().await;
    let large = "x".repeat(3_000_000);
    upstream.put_file("dir/large", large);
    upstream.misbehave("/maven", Some(Misbehaviour::Short));
    for (url, length) in [(url.clone(), 10), (url.replace("a.xml", "large"), 3_000_000)] {
        let mut answer = get(&url, &[]).await;
        assert_eq!((answer.status().as_u16(), answer.content_length()), (200, Some(length)));
        let mut read = 0;
        let end = loop {
            match answer.chunk().await {
                Ok(Some(chunk)) => read += chunk.len() as u64,
                end => break end,
            }
        };
        assert!(end.is_err(), "{end:?}");
        // How much of a large one comes is up to this machine.
        assert!(
            if length == 10 { read == 5 } else { (1..=length / 2).contains(&read) },
            "{read} of {length}"
        );
    }
}

#[tokio::test]
async fn requests_are_sent_elsewhere() {
    let (upstream, url) = with_file().await;
    upstream.misbehave("/npm/x", Some(Misbehaviour::Redirect(url.clone())));
    let answer = get(&format!("{}/x", upstream.npm_url()), &[]).await;
    assert_eq!((answer.status().as_u16(), header(&answer, "location")), (302, url.as_str()));
    upstream.misbehave("/maven", Some(Misbehaviour::RedirectLoop));
    let around = format!("{url}?a=b");
    let answer = get(&around, &[]).await;
    assert_eq!((answer.status().as_u16(), header(&answer, "location")), (302, around.as_str()));
}

#[tokio::test]
async fn a_bomb_inflates_to_very_much() {
    let (upstream, url) = with_file().await;
    upstream.misbehave("/maven", Some(Misbehaviour::Bomb));
    let answer = get(&url, &[]).await;
    assert_eq!((answer.status().as_u16(), header(&answer, "content-encoding")), (200, "gzip"));
    let gzip = answer.bytes().await.unwrap();
    assert!(gzip.len() < 8 * 1024 * 1024, "{}", gzip.len());
    // What its last bytes say, and a part of it: inflating all of it takes long.
    assert_eq!(gzip.last_chunk::<4>().map(|size| u32::from_le_bytes(*size)), Some(3 * 1024 * 1024 * 1024));
    let mut part = vec![0; 32 * 1024 * 1024];
    GzDecoder::new(gzip.as_ref()).read_exact(&mut part).unwrap();
    assert!(part.iter().all(|byte| *byte == b' '));
}

#[tokio::test]
async fn an_answer_comes_later() {
    let (upstream, url) = with_file().await;
    upstream.misbehave("/maven", Some(Misbehaviour::Delay(NOTHING)));
    let begin = Instant::now();
    let asking = tokio::spawn(async move { text(&url).await });
    while upstream.asked().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    upstream.put_file("dir/a.xml", "other");
    assert_eq!(asking.await.unwrap(), "0123456789", "it is the answer of then");
    assert!(begin.elapsed() >= NOTHING);
}
