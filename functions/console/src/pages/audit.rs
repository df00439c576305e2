//! Audit logs: what was done, by whom, a month at a time. One part of a page for repositories, organisations and accounts.
//!
//! A page that shows one has a field `audit: AuditLog` and includes `audit.html`.

use serde::Deserialize;

use crate::address::with_query;
use crate::back::Problem;
use crate::visit::Visit;

/// Entries on one page.
const PAGE: &str = "50";

/// Something that was done.
#[derive(Debug, Deserialize)]
pub(crate) struct Entry {
    pub(crate) at: String,
    pub(crate) actor: String,
    pub(crate) action: String,
    pub(crate) target: String,
    pub(crate) detail: Option<String>,
}

#[derive(Deserialize)]
struct Answer {
    entries: Vec<Entry>,
    month: String,
    next: Option<String>,
}

/// A page of an audit log, newest first.
#[derive(Debug)]
pub(crate) struct AuditLog {
    /// Path of the page below the registry's address.
    pub(crate) page: String,
    /// The month, such as `2026-11`.
    pub(crate) month: String,
    /// What was done in it.
    pub(crate) entries: Vec<Entry>,
    /// Path of the page with what was done before that.
    pub(crate) more: Option<String>,
    /// The month before.
    pub(crate) earlier: Option<String>,
    /// The month after, if it has begun.
    pub(crate) later: Option<String>,
    /// Whether this is not where the month's log begins.
    pub(crate) is_continued: bool,
}

impl AuditLog {
    /// Reads what the query of the page asks for: `month` and `cursor`. `api` is where the interface has the log, and `page` the
    /// path of the page below the registry's address.
    ///
    /// # Errors
    /// Those of the interface: 403 or 404 for whoever may not see it, 400 for a month that is none.
    pub(crate) async fn read(visit: &Visit, api: &str, page: &str) -> Result<Self, Problem> {
        let (month, cursor) = (visit.query("month"), visit.query("cursor"));
        let query = [("month", month.as_deref()), ("limit", Some(PAGE)), ("cursor", cursor.as_deref())];
        let answer: Answer = visit.get(&with_query(api, &query)).await?;
        let next = answer.next.as_deref();
        let more =
            next.map(|next| with_query(page, &[("month", Some(&answer.month)), ("cursor", Some(next))]));
        let now = visit.state.now().month();
        Ok(Self {
            page: page.to_owned(),
            earlier: moved(&answer.month, -1).filter(|earlier| earlier.as_str() >= FIRST_MONTH),
            later: moved(&answer.month, 1).filter(|later| *later <= now),
            month: answer.month,
            entries: answer.entries,
            more,
            is_continued: cursor.is_some(),
        })
    }

    /// Path of the page of another month.
    pub(crate) fn of_month(&self, month: &str) -> String {
        with_query(&self.page, &[("month", Some(month))])
    }
}

/// No registry is older than that: whoever follows every link comes to an end.
const FIRST_MONTH: &str = "2026-01";

/// The month so many months after this one. `None` for what is no month of the years 1 to 9999.
fn moved(month: &str, by: i32) -> Option<String> {
    let (year, number) = month.split_once('-')?;
    let months = year.parse::<i32>().ok()? * 12 + number.parse::<i32>().ok()? - 1 + by;
    let moved = format!("{:04}-{:02}", months.div_euclid(12), months.rem_euclid(12) + 1);
    (12..120_000).contains(&months).then_some(moved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_follow_each_other() {
        assert_eq!(moved("2026-12", 1).as_deref(), Some("2027-01"));
        assert_eq!(moved("2026-01", -1).as_deref(), Some("2025-12"));
        assert_eq!(moved("2026-11", 1).as_deref(), Some("2026-12"));
        assert_eq!(moved("9999-12", 1), None);
        assert_eq!(moved("x", 1), None);
    }
}
