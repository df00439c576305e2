//! Pages of a list that the interface gives whole.

use crate::address::with_query;
use crate::visit::Visit;

/// Rows on one page: few enough for it to stay far below 100 kB.
const PAGE: usize = 50;

/// One page of a list. Which one is in the query: `page`, from 1.
#[derive(Debug)]
pub(crate) struct Part<T> {
    /// The rows of this page.
    pub(crate) rows: Vec<T>,
    /// How many rows there are altogether.
    pub(crate) total: u64,
    /// Path of the page before.
    pub(crate) earlier: Option<String>,
    /// Path of the page after.
    pub(crate) later: Option<String>,
}

impl<T> Part<T> {
    /// The page that is looked at. `path` is that of the page below the registry's address.
    pub(crate) fn of(visit: &Visit, rows: Vec<T>, path: &str) -> Self {
        let number = visit.query("page").and_then(|page| page.parse().ok());
        Self::numbered(number.unwrap_or(1), rows, path)
    }

    /// Page `number`. One after the last is the last one.
    fn numbered(number: usize, rows: Vec<T>, path: &str) -> Self {
        let total = rows.len();
        let number = number.clamp(1, total.div_ceil(PAGE).max(1));
        let address = |number: usize| with_query(path, &[("page", Some(&number.to_string()))]);
        let earlier = (number > 1).then(|| address(number - 1));
        let later = (number * PAGE < total).then(|| address(number + 1));
        let rows = rows.into_iter().skip((number - 1) * PAGE).take(PAGE).collect();
        Self { rows, total: total as u64, earlier, later }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_on_one_page() {
        let of = |number| Part::numbered(number, (0..101).collect(), "/ui/x");
        let (first, second, third) = (of(1), of(2), of(3));
        let rows: Vec<i32> = [first.rows, second.rows, third.rows].concat();
        assert_eq!(rows, (0..101).collect::<Vec<_>>());
        assert_eq!((first.earlier, first.later.as_deref()), (None, Some("/ui/x?page=2")));
        assert_eq!(
            (second.earlier.as_deref(), second.later.as_deref()),
            (Some("/ui/x?page=1"), Some("/ui/x?page=3"))
        );
        assert_eq!((third.earlier.as_deref(), third.later, third.total), (Some("/ui/x?page=2"), None, 101));
        assert_eq!([of(0).rows, of(usize::MAX).rows], [(0..50).collect::<Vec<_>>(), vec![100]]);
        assert!(Part::<i32>::numbered(7, Vec::new(), "/").rows.is_empty());
    }
}
