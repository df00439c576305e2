//! Downloads of the last days as a picture.

use serde::Deserialize;

/// Height of the bars in the picture, in its own units.
const HEIGHT: u64 = 60;

/// Width of a bar with the gap beside it.
const STEP: u64 = 10;

/// What the interface answers.
#[derive(Debug, Deserialize)]
pub(super) struct Downloads {
    days: Vec<Day>,
    total: u64,
}

/// Downloads of one day.
#[derive(Debug, Deserialize)]
pub(super) struct Day {
    pub(super) day: String,
    pub(super) count: u64,
}

/// The picture: a bar for each day.
#[derive(Debug)]
pub(super) struct Chart {
    pub(super) days: Vec<Day>,
    pub(super) total: u64,
    /// Downloads of the day that has most.
    pub(super) most: u64,
}

/// A bar. Coordinates go down from the upper left.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) x: u64,
    pub(super) y: u64,
    pub(super) height: u64,
}

impl Chart {
    pub(super) fn new(downloads: Downloads) -> Self {
        let most = downloads.days.iter().map(|day| day.count).max().unwrap_or(0);
        Self { days: downloads.days, total: downloads.total, most }
    }

    /// The bars. A day with a download has one that can be seen, beside however large others.
    pub(super) fn bars(&self) -> Vec<Bar> {
        let counted = self.days.iter().zip(0_u64..).filter(|(day, _)| day.count > 0);
        counted
            .map(|(day, at)| {
                let height =
                    (u128::from(day.count) * u128::from(HEIGHT) / u128::from(self.most.max(1))).max(1);
                let height = u64::try_from(height).unwrap_or(HEIGHT);
                Bar { x: at * STEP + 1, y: HEIGHT - height + 2, height }
            })
            .collect()
    }

    /// The days that have downloads.
    pub(super) fn counted(&self) -> Vec<&Day> {
        self.days.iter().filter(|day| day.count > 0).collect()
    }

    /// The first day and the last.
    pub(super) fn ends(&self) -> Option<(&str, &str)> {
        Some((&self.days.first()?.day, &self.days.last()?.day))
    }

    /// Width of the picture.
    pub(super) fn width(&self) -> usize {
        self.days.len() * 10
    }

    /// What the picture says, in words.
    pub(super) fn words(&self) -> String {
        let days = self.days.len();
        match self.days.iter().max_by_key(|day| day.count).filter(|day| day.count > 0) {
            Some(best) => format!(
                "{} in {days} days; most on {}: {}",
                crate::text::count(self.total, "download"),
                best.day,
                best.count
            ),
            None => format!("No downloads in {days} days"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(counts: &[u64]) -> Chart {
        let days = counts.iter().map(|count| Day { day: "2026-11-30".into(), count: *count }).collect();
        Chart::new(Downloads { days, total: counts.iter().sum() })
    }

    #[test]
    fn bars_are_as_high_as_they_have_to_be() {
        assert_eq!(
            chart(&[0, 1, 1000]).bars(),
            [Bar { x: 11, y: 61, height: 1 }, Bar { x: 21, y: 2, height: 60 }]
        );
        assert_eq!(chart(&[0, 0]).bars(), []);
        assert_eq!(chart(&[u64::MAX]).bars(), [Bar { x: 1, y: 2, height: 60 }]);
    }

    #[test]
    fn days_without_downloads_are_left_out_of_the_numbers() {
        let chart = chart(&[0, 2, 0, 5]);
        assert_eq!(chart.counted().iter().map(|day| day.count).collect::<Vec<_>>(), [2, 5]);
        assert_eq!((chart.most, chart.ends()), (5, Some(("2026-11-30", "2026-11-30"))));
        let none = Chart::new(Downloads { days: Vec::new(), total: 0 });
        assert_eq!((none.counted().len(), none.ends()), (0, None));
    }

    #[test]
    fn the_picture_can_be_read_aloud() {
        assert_eq!(chart(&[0, 3]).words(), "3 downloads in 2 days; most on 2026-11-30: 3");
        assert_eq!(chart(&[0, 0]).words(), "No downloads in 2 days");
    }
}
