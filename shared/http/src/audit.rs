//! What was done, as those see it who administer: one implementation for every log.

use axum::http::StatusCode;
use axum::response::Response;
use granary_model::{Error, Result, Timestamp, UserId};
use granary_storage::Key;
use granary_storage::rows::{AuditRow, Listed, OrgRow, RepoRow};
use serde::{Deserialize, Serialize};

use crate::failure::{ApiResult, reply};
use crate::state::AppState;

/// Entries on one page, unless the caller wants another number.
const PAGE: u32 = 50;

/// Most entries on one page.
const MOST: u32 = 200;

/// In front of all ids, which are UUIDs in hexadecimal.
const BEFORE_ALL: &str = "0";

/// Behind all of them.
const BEHIND_ALL: &str = "~";

/// What the system does after an organisation is gone. Its name may be in use again by then, and its next owner must not
/// read what the one before had.
const CLEARING_AWAY: [&str; 4] = ["product.delete", "product-token.delete", "entity.delete", "entity.purge"];

/// Whose log is read. The caller must have been authorised to read it.
#[derive(Debug, Clone)]
pub struct AuditLog {
    scope: String,
    /// What is older belongs to somebody who had the same name before.
    since: Option<Timestamp>,
    is_of_org: bool,
}

impl AuditLog {
    /// A user's own.
    pub fn user(id: &UserId) -> Self {
        Self { scope: format!("user:{id}"), since: None, is_of_org: false }
    }

    /// That of an organisation.
    pub fn org(org: &OrgRow) -> Self {
        Self { scope: format!("org:{}", org.slug), since: Some(org.created_at), is_of_org: true }
    }

    /// That of a repository.
    pub fn repo(repo: &RepoRow) -> Self {
        Self { scope: format!("repo:{}", repo.id), since: Some(repo.created_at), is_of_org: false }
    }

    fn is_too_old(&self, row: &AuditRow) -> bool {
        self.since.is_some_and(|since| row.at < since)
    }

    /// Whether an entry is about what there is now.
    fn shows(&self, row: &AuditRow) -> bool {
        let clears_away =
            self.is_of_org && row.actor == "system" && CLEARING_AWAY.contains(&row.action.as_str());
        !clears_away && !self.is_too_old(row)
    }
}

/// Query of the routes that show a log.
#[derive(Debug, Default, Deserialize)]
pub struct AuditQuery {
    /// Month, such as `2026-11`; the present one if there is none.
    month: Option<String>,
    /// Most entries on the page.
    limit: Option<u32>,
    /// `next` of the page before: the id of its last entry.
    cursor: Option<String>,
}

impl AuditQuery {
    fn month(&self, now: Timestamp) -> Result<String> {
        let Some(month) = &self.month else { return Ok(now.month()) };
        let digits = |part: &str, count: usize| {
            let is_number = part.len() == count && part.bytes().all(|b| b.is_ascii_digit());
            is_number.then(|| part.parse::<u32>().ok()).flatten()
        };
        let parts = month.split_once('-').map(|(year, month)| (digits(year, 4), digits(month, 2)));
        match parts {
            Some((Some(_), Some(1..=12))) => Ok(month.clone()),
            _ => Err(Error::BadRequest("month: a year and a month, such as 2026-11".into())),
        }
    }

    fn cursor(&self) -> Result<Option<&str>> {
        let is_id = |text: &str| {
            (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
        };
        match self.cursor.as_deref() {
            Some(cursor) if !is_id(cursor) => {
                Err(Error::BadRequest("the cursor is not one that this log has given".into()))
            }
            cursor => Ok(cursor),
        }
    }
}

/// An entry as clients see it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct EntryView {
    id: String,
    at: String,
    actor: String,
    action: String,
    target: String,
    detail: Option<String>,
}

impl From<Listed<AuditRow>> for EntryView {
    /// The sort key is the id.
    fn from(Listed { sk, row }: Listed<AuditRow>) -> Self {
        Self {
            id: sk,
            at: row.at.to_string(),
            actor: row.actor,
            action: row.action,
            target: row.target,
            detail: row.detail,
        }
    }
}

#[derive(Debug, Serialize)]
struct AuditPage {
    entries: Vec<EntryView>,
    month: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Answers with one page of a month, the newest entries first. It may have fewer entries than asked for, and `next` still.
///
/// # Errors
/// `BadRequest` for a month or a cursor that is none.
pub async fn answer(state: &AppState, log: &AuditLog, query: &AuditQuery) -> ApiResult<Response> {
    let month = query.month(state.now())?;
    let cursor = query.cursor()?;
    let limit = usize::try_from(query.limit.unwrap_or(PAGE).clamp(1, MOST)).unwrap_or(1);
    let key = |id: &str| Key::Audit(log.scope.clone(), month.clone(), id.to_owned());
    let newest = key(cursor.unwrap_or(BEHIND_ALL));
    // One more says whether there are more, and another one is that of the cursor, which the page before had.
    let mut rows: Vec<Listed<AuditRow>> =
        state.storage().list_between(&key(BEFORE_ALL), &newest, limit + 2, true).await?;
    rows.retain(|stored| Some(stored.sk.as_str()) != cursor);
    let is_more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|last| is_more && !log.is_too_old(&last.row)).map(|last| last.sk.clone());
    rows.retain(|stored| log.shows(&stored.row));
    let entries = rows.into_iter().map(EntryView::from).collect();
    Ok(reply(StatusCode::OK, &AuditPage { entries, month, next }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_months() {
        let month = |text: &str| {
            AuditQuery { month: Some(text.into()), ..AuditQuery::default() }
                .month(Timestamp::from_millis(0))
                .ok()
        };
        for good in ["2026-11", "1970-01", "9999-12"] {
            assert_eq!(month(good).as_deref(), Some(good));
        }
        for bad in
            ["", "2026", "2026-13", "2026-00", "2026-1", "26-11", "2026-11-01", "+026-11", "２０２６-11"]
        {
            assert_eq!(month(bad), None, "{bad}");
        }
        assert_eq!(AuditQuery::default().month(Timestamp::from_millis(0)).unwrap(), "1970-01");
    }
}
