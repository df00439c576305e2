//! Pages of a list that the interface gives whole.

/// One page of a list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part<T> {
    /// The rows of this page.
    pub(super) rows: Vec<T>,
    /// Number of the page before.
    pub(super) earlier: Option<usize>,
    /// Number of the page after.
    pub(super) later: Option<usize>,
}

impl<T> Part<T> {
    /// Page `number`, from 1, of pages of `size` rows. One after the last is the last one.
    pub(super) fn of(rows: Vec<T>, number: usize, size: usize) -> Self {
        let last = rows.len().div_ceil(size).max(1);
        let number = number.clamp(1, last);
        let (earlier, later) = ((number > 1).then(|| number - 1), (number < last).then(|| number + 1));
        let rows = rows.into_iter().skip((number - 1) * size).take(size).collect();
        Self { rows, earlier, later }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_on_one_page() {
        let part = |number| Part::of((0..5).collect(), number, 2);
        assert_eq!(part(1), Part { rows: vec![0, 1], earlier: None, later: Some(2) });
        assert_eq!(part(2), Part { rows: vec![2, 3], earlier: Some(1), later: Some(3) });
        assert_eq!(part(9), Part { rows: vec![4], earlier: Some(2), later: None });
        assert_eq!(Part::<u8>::of(Vec::new(), 0, 2), Part { rows: Vec::new(), earlier: None, later: None });
    }
}
