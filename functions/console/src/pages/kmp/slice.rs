//! Slices of long lists.

/// One page of a list that the interface gives as a whole. A page can have several, each with its own number in the query.
#[derive(Debug)]
pub(in crate::pages) struct Slice<T> {
    /// What is on the page.
    pub(in crate::pages) items: Vec<T>,
    /// How many there are on all pages, as far as they were read.
    pub(in crate::pages) total: u64,
    /// The number of the page before.
    pub(in crate::pages) before: Option<String>,
    /// The number of the page behind.
    pub(in crate::pages) behind: Option<String>,
}

impl<T> Slice<T> {
    /// The page of this number, from 1 on. What is no number is the first page, and what is behind the last one is empty.
    pub(in crate::pages) fn new(all: Vec<T>, number: Option<&str>, size: usize) -> Self {
        let number = page_number(number);
        let (total, from) = (all.len(), (number - 1).saturating_mul(size));
        let items: Vec<T> = all.into_iter().skip(from).take(size).collect();
        let goes_on = !items.is_empty() && total > from.saturating_add(items.len());
        Self {
            items,
            total: total as u64,
            before: (number > 1).then(|| (number - 1).to_string()),
            behind: goes_on.then(|| (number + 1).to_string()),
        }
    }
}

/// The number of a page in a query, from 1 on.
pub(in crate::pages) fn page_number(text: Option<&str>) -> usize {
    text.and_then(|text| text.parse().ok()).filter(|number| (1..=1_000_000).contains(number)).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_cut_into_pages() {
        let slice = |number: Option<&str>| {
            let slice = Slice::new((0..5).collect::<Vec<u8>>(), number, 2);
            let number = |text: Option<String>| text.map(|text| text.parse::<usize>().unwrap());
            (slice.items, number(slice.before), number(slice.behind))
        };
        assert_eq!(slice(None), (vec![0, 1], None, Some(2)));
        assert_eq!(slice(Some("2")), (vec![2, 3], Some(1), Some(3)));
        assert_eq!(slice(Some("3")), (vec![4], Some(2), None));
        assert_eq!(slice(Some("9")), (vec![], Some(8), None));
        for odd in ["0", "-1", "x", "99999999999999999999"] {
            assert_eq!(slice(Some(odd)), slice(None), "{odd}");
        }
    }
}
