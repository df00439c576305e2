//! The list in windows of time.

use granary_testing::START;

use super::*;

const GAP: i64 = 10;

/// Makes licences, each at a moment after [`START`], and gives them in that order.
async fn licences(
    app: &TestApp,
    seller: &Actor,
    moments: impl IntoIterator<Item = i64>,
) -> Vec<(i64, String)> {
    let mut made = Vec::new();
    for moment in moments {
        app.clock.advance_millis(START + moment - app.state().now().millis());
        let licence = create(seller, &plain(&[])).await;
        assert_eq!(licence["createdAt"], START + moment);
        made.push((START + moment, text(&licence, "id").to_owned()));
    }
    made.sort();
    made
}

async fn page(seller: &Actor, query: &str) -> Value {
    let response = seller.get(&format!("{PATH}{query}")).await;
    assert_eq!(response.status, 200, "{query}: {}", response.text());
    let page = response.json();
    assert_eq!(page["pagination"]["count"], page["data"].as_array().unwrap().len());
    page
}

fn moment(page: &Value, name: &str) -> Option<i64> {
    let value = &page["pagination"][name];
    assert!(value.is_null() || value.is_i64(), "{value}");
    value.as_i64()
}

/// All pages from a query on, forwards, as ids.
async fn forwards(seller: &Actor, query: &str, more: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut query = query.to_owned();
    for _ in 0..100 {
        let answer = page(seller, &query).await;
        pages.push(ids(&answer));
        let Some(next) = moment(&answer, "next") else { return pages };
        query = format!("?since={next}{more}");
    }
    panic!("the list never ends");
}

/// All pages from a query on, backwards, in the order of the list.
async fn backwards(seller: &Actor, query: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut query = query.to_owned();
    for _ in 0..100 {
        let answer = page(seller, &query).await;
        pages.insert(0, ids(&answer));
        let Some(prev) = moment(&answer, "prev") else { return pages };
        query = format!("?until={prev}");
    }
    panic!("the list never ends");
}

fn lengths(pages: &[Vec<String>]) -> Vec<usize> {
    pages.iter().map(Vec::len).collect()
}

/// Ids of one millisecond come in the order of the ids, so that all orders are the one of the table.
fn expected(made: &[(i64, String)]) -> Vec<String> {
    made.iter().map(|(_, id)| id.clone()).collect()
}

#[tokio::test]
async fn a_hundred_and_twenty_licences_are_three_pages() {
    let (app, ann) = shop().await;
    let made = licences(&app, &ann, (0..120).map(|n| n * GAP)).await;
    let pages = forwards(&ann, "", "").await;
    assert_eq!((lengths(&pages), pages.concat()), (vec![50, 50, 20], expected(&made)));
    let first = page(&ann, "").await;
    assert_eq!((moment(&first, "prev"), moment(&first, "next")), (None, Some(made[50].0)));
    let second = page(&ann, &format!("?since={}", made[50].0)).await;
    assert_eq!((moment(&second, "prev"), moment(&second, "next")), (Some(made[50].0), Some(made[100].0)));
    // The way back ends at the same place.
    let back = page(&ann, &format!("?until={}", made[50].0)).await;
    assert_eq!(back, first);
    let pages = backwards(&ann, &format!("?until={}", made[119].0 + 1)).await;
    assert_eq!((lengths(&pages), pages.concat()), (vec![20, 50, 50], expected(&made)));
    let last = page(&ann, &format!("?until={}", made[100].0)).await;
    assert_eq!((moment(&last, "prev"), moment(&last, "next")), (Some(made[50].0), Some(made[100].0)));
    assert_eq!(ids(&last), expected(&made[50..100]));
}

#[tokio::test]
async fn since_is_included_and_until_is_not() {
    let (app, ann) = shop().await;
    let made = licences(&app, &ann, (0..5).map(|n| n * GAP)).await;
    let at = |n: usize| made[n].0;
    for (query, range) in [
        (format!("?since={}", at(2)), 2..5),
        (format!("?since={}", at(2) + 1), 3..5),
        (format!("?since={}", at(2) - 1), 2..5),
        (format!("?until={}", at(2)), 0..2),
        (format!("?until={}", at(2) + 1), 0..3),
        (format!("?since={}&until={}", at(1), at(3)), 1..3),
        (format!("?since={}&until={}", at(1), at(1)), 0..0),
        (format!("?since={}&until={}", at(3), at(1)), 0..0),
        (format!("?since={}", at(4) + 1), 0..0),
        (format!("?until={}", at(0)), 0..0),
        ("?until=0".into(), 0..0),
        ("?since=0".into(), 0..5),
        (format!("?since={}", u64::MAX), 0..0),
        (format!("?until={}", u64::MAX), 0..5),
    ] {
        assert_eq!(ids(&page(&ann, &query).await), expected(&made[range]), "{query}");
    }
    // Nothing on a page does not mean that there is nothing around it.
    let behind = page(&ann, &format!("?since={}", at(4) + 1)).await;
    assert_eq!((moment(&behind, "prev"), moment(&behind, "next")), (Some(at(4) + 1), None));
    let before = page(&ann, &format!("?until={}", at(0))).await;
    assert_eq!((moment(&before, "prev"), moment(&before, "next")), (None, Some(at(0))));
}

#[tokio::test]
async fn a_window_has_pages_of_its_own() {
    let (app, ann) = shop().await;
    let made = licences(&app, &ann, (0..120).map(|n| n * GAP)).await;
    let until = made[110].0;
    let pages =
        forwards(&ann, &format!("?since={}&until={until}", made[5].0), &format!("&until={until}")).await;
    assert_eq!((lengths(&pages), pages.concat()), (vec![50, 50, 5], expected(&made[5..110])));
}

#[tokio::test]
async fn licences_of_one_millisecond_stay_together() {
    let (app, ann) = shop().await;
    // 45 alone, 60 at one moment across the first border, 40 alone, and 30 at the last one across the next.
    let moments =
        (0..45).map(|n| n * GAP).chain([1_000; 60]).chain((0..40).map(|n| 2_000 + n)).chain([3_000; 30]);
    let made = licences(&app, &ann, moments).await;
    let pages = forwards(&ann, "", "").await;
    assert_eq!((lengths(&pages), pages.concat()), (vec![105, 70], expected(&made)));
    let pages = backwards(&ann, &format!("?until={}", START + 3_001)).await;
    assert_eq!((lengths(&pages), pages.concat()), (vec![45, 80, 50], expected(&made)));
    let pages = backwards(&ann, &format!("?until={}", START + 2_010)).await;
    assert_eq!((lengths(&pages), pages.concat()), (vec![45, 70], expected(&made[..115])));
    // The whole list at one moment.
    let bob = app.account_token("bob", &["admin"]).await;
    let made = licences(&app, &bob, [4_000; 75]).await;
    let pages = forwards(&bob, "", "").await;
    assert_eq!((lengths(&pages), pages.concat()), (vec![75], expected(&made)));
    assert_eq!(backwards(&bob, &format!("?until={}", START + 4_001)).await, pages);
}

#[tokio::test]
async fn what_stays_while_the_list_changes_is_seen_once() {
    let (app, ann) = shop().await;
    let made = licences(&app, &ann, (0..120).map(|n| n * GAP)).await;
    let first = page(&ann, "").await;
    // One that was seen goes, so does the one at which the next page began, and new ones come.
    for n in [3, 50, 70] {
        assert_eq!(ann.delete(&format!("{PATH}/{}", made[n].1)).await.status, 204);
    }
    let added = licences(&app, &ann, [1_200]).await;
    let query = format!("?since={}", moment(&first, "next").unwrap());
    let rest = forwards(&ann, &query, "").await.concat();
    let stayed: Vec<String> =
        (50..120).filter(|n| ![50, 70].contains(n)).map(|n| made[n].1.clone()).collect();
    assert_eq!(rest, [stayed, expected(&added)].concat());
}

#[tokio::test]
async fn moments_are_milliseconds_and_nothing_else() {
    let (_app, ann) = shop().await;
    for value in
        ["2026-01-01", "2026-01-01T00:00:00Z", "", "-1", "1.5", "1e3", "%2B1", "null", "18446744073709551616"]
    {
        for name in ["since", "until"] {
            let error = refused(&ann.get(&format!("{PATH}?{name}={value}")).await, 400);
            assert!(error.contains(name) && error.contains("milliseconds"), "{error}");
        }
    }
    refused(&ann.get(&format!("{PATH}?since=1&since=2")).await, 400);
}
