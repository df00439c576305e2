//! What goes wrong between a client and the upstream.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use flate2::{Compress, Compression, Crc, FlushCompress};
use futures::{StreamExt as _, stream};
use http_body_util::BodyExt as _;

use super::answers::answer;

/// How much time is between two bytes of [`Misbehaviour::Drip`].
const DROP: Duration = Duration::from_millis(50);

/// How long the first half of [`Misbehaviour::Short`] gets to leave the machine before the connection breaks.
const LEAVING: Duration = Duration::from_millis(50);

/// Bytes that are sent at once.
const PART: usize = 64 * 1024;

/// Bytes that each part of [`Misbehaviour::Bomb`] inflates to.
const CHARGE: usize = 1024 * 1024;

/// Number of its parts: together 3 GiB.
const CHARGES: usize = 3 * 1024;

/// How requests are treated.
///
/// Bodies without an end consist of spaces, which a reader of JSON or XML goes on with. They come with the content type
/// of the proper answer.
#[derive(Debug, Clone)]
pub enum Misbehaviour {
    /// It is answered with this status and nothing else.
    Status(u16),
    /// It is answered so: status, headers and body.
    StatusWith(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// Nothing comes back until the client goes away or the server ends.
    Hang,
    /// 200, and one byte each 50 ms without end.
    Drip,
    /// 200, and a body of unknown length without end, as fast as it is taken.
    Endless,
    /// The proper answer with its length, of which the first half comes before the connection breaks; less of it if the
    /// client takes long to read.
    Short,
    /// 302 to there.
    Redirect(String),
    /// 302 to itself.
    RedirectLoop,
    /// 200, and some megabytes of gzip that inflate to 3 GiB.
    Bomb,
    /// The answer that was proper when the request came, but later.
    Delay(Duration),
}

/// Treats a request for `url` so, whose proper answer is given.
pub(super) async fn perform(how: Misbehaviour, url: &str, proper: Response) -> Response {
    match how {
        Misbehaviour::Status(status) => answer(status, &[], Bytes::new()),
        Misbehaviour::StatusWith(status, headers, body) => {
            let headers: Vec<(&str, &str)> =
                headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            answer(status, &headers, body)
        }
        Misbehaviour::Hang => std::future::pending().await,
        Misbehaviour::Drip => {
            let drops = stream::repeat_with(|| Bytes::from_static(b" ")).then(async |byte| {
                tokio::time::sleep(DROP).await;
                Ok::<_, Infallible>(byte)
            });
            in_place_of(&proper, Body::from_stream(drops))
        }
        Misbehaviour::Endless => {
            let part = Bytes::from(vec![b' '; PART]);
            let parts = stream::repeat_with(move || Ok::<_, Infallible>(part.clone()));
            in_place_of(&proper, Body::from_stream(parts))
        }
        Misbehaviour::Short => cut_short(proper).await,
        Misbehaviour::Redirect(to) => answer(302, &[("location", &to)], Bytes::new()),
        Misbehaviour::RedirectLoop => answer(302, &[("location", url)], Bytes::new()),
        Misbehaviour::Bomb => {
            let mut response =
                in_place_of(&proper, Body::from_stream(stream::iter(bomb().map(Ok::<_, Infallible>))));
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            response
        }
        Misbehaviour::Delay(time) => {
            tokio::time::sleep(time).await;
            proper
        }
    }
}

/// 200 with another body, but labelled as the proper one.
fn in_place_of(proper: &Response, body: Body) -> Response {
    let mut response = Response::new(body);
    let label = proper.headers().get(header::CONTENT_TYPE).filter(|_| proper.status().is_success());
    response.headers_mut().extend(label.map(|label| (header::CONTENT_TYPE, label.clone())));
    response
}

async fn cut_short(proper: Response) -> Response {
    let (mut parts, body) = proper.into_parts();
    let whole = body.collect().await.unwrap().to_bytes();
    if whole.is_empty() {
        return Response::from_parts(parts, Body::empty());
    }
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(whole.len()));
    let half = whole.slice(..whole.len() / 2);
    let pieces: Vec<_> = half.chunks(PART).map(|piece| Ok(half.slice_ref(piece))).collect();
    let broken = stream::once(async {
        tokio::time::sleep(LEAVING).await;
        Err(std::io::Error::other("broken by a test"))
    });
    Response::from_parts(parts, Body::from_stream(stream::iter(pieces).chain(broken)))
}

/// One valid member of gzip. Its parts are all the same, since none refers to those before it: so it costs neither
/// memory nor time.
fn bomb() -> impl Iterator<Item = Bytes> {
    let plain = vec![b' '; CHARGE];
    let mut deflated = Vec::with_capacity(PART);
    Compress::new(Compression::best(), false)
        .compress_vec(&plain, &mut deflated, FlushCompress::Full)
        .unwrap();
    let charge = Bytes::from(deflated);
    let (mut of_one, mut of_all) = (Crc::new(), Crc::new());
    of_one.update(&plain);
    for _ in 0..CHARGES {
        of_all.combine(&of_one);
    }
    let head = Bytes::from_static(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
    // An empty block that is the last one, and what gzip ends with.
    let tail = [&[3, 0][..], &of_all.sum().to_le_bytes(), &of_all.amount().to_le_bytes()].concat();
    std::iter::once(head)
        .chain(std::iter::repeat_n(charge, CHARGES))
        .chain(std::iter::once(Bytes::from(tail)))
}
