//! What is kept in memory.

use super::*;

/// The rows as text, from memory if they are those that are kept under the name.
fn made(cache: &DocumentCache, name: &str, rows: &Arc<Vec<u32>>) -> Arc<String> {
    cache.made(name.into(), Arc::clone(rows), 64, |rows| Ok(format!("{name} of {rows:?}"))).unwrap()
}

#[test]
fn what_is_made_of_rows_is_made_again_when_they_are_others() {
    let cache = DocumentCache::new(1 << 20);
    let (first, second) = (Arc::new(vec![1, 2]), Arc::new(vec![1, 3]));
    let text = made(&cache, "a", &first);
    assert_eq!(*text, "a of [1, 2]");
    assert!(Arc::ptr_eq(&made(&cache, "a", &first), &text), "the same rows");
    assert!(Arc::ptr_eq(&made(&cache, "a", &Arc::new(vec![1, 2])), &text), "read again, and the same");
    assert_eq!(*made(&cache, "b", &first), "b of [1, 2]", "another name");
    assert_eq!(*made(&cache, "a", &second), "a of [1, 3]");
    assert_eq!(*made(&cache, "a", &Arc::default()), "a of []");
    assert_eq!(*made(&cache, "a", &first), "a of [1, 2]", "as they were before");
}

#[test]
fn what_cannot_be_made_is_tried_again() {
    let cache = DocumentCache::new(1 << 20);
    let failed = cache.made::<_, String>("a".into(), 1, 64, |_| Err(Error::NotFound("no".into())));
    assert!(matches!(failed, Err(Error::NotFound(_))));
    assert_eq!(*cache.made("a".into(), 1, 64, |n| Ok(n.to_string())).unwrap(), "1");
}

#[test]
fn without_room_it_is_made_each_time() {
    let (cache, rows) = (DocumentCache::new(1), Arc::new(vec![1]));
    let text = made(&cache, "a", &rows);
    let again = made(&cache, "a", &rows);
    assert_eq!(text, again);
    assert!(!Arc::ptr_eq(&text, &again));
}
