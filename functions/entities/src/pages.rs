//! Lists of entities, page by page: each looked up in its own row, a bounded number of them at a time.

use std::collections::VecDeque;

use granary_http::AppState;
use granary_http::entity::owned;
use granary_model::entity::EntityType;
use granary_model::{Error, Result};
use granary_storage::Key;
use granary_storage::rows::EntityRow;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

/// Most entities that one request looks at.
const MAX_ENTITIES: i32 = 1000;

/// Most bytes of what a page shows: an answer of a function has 6 MB.
const MAX_BYTES: usize = 4_000_000;

/// Rows in memory at a time. Each has up to 400 KB.
const AT_ONCE: usize = 100;

/// Query of a list: `?type=&cursor=`.
#[derive(Debug, Deserialize)]
pub(crate) struct ListQuery {
    #[serde(rename = "type")]
    entity_type: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// Where the rows of a list are, and what of them is wanted.
pub(crate) struct Pages<'a> {
    state: &'a AppState,
    wanted: Option<EntityType>,
    /// Entities to look at still.
    ids: VecDeque<String>,
    /// Whether there are more behind those, and behind which.
    rest: Option<String>,
    shown: Vec<Box<RawValue>>,
    bytes: usize,
    /// The entity that was shown last.
    last: Option<String>,
    /// Whether there was no room for another one.
    is_cut: bool,
}

/// One page of a list.
#[derive(Debug, Serialize)]
pub(crate) struct ListAnswer {
    entities: Vec<Box<RawValue>>,
    /// `cursor` of the next page, if there is one.
    next: Option<String>,
}

impl<'a> Pages<'a> {
    /// Opens a list at a partition. `pick` gives the entity that a row of the list leads to, or `None` for one that the
    /// caller does not get anyway.
    ///
    /// # Errors
    /// `BadRequest` for an unknown type.
    pub(crate) async fn open<R: DeserializeOwned>(
        state: &'a AppState,
        query: &ListQuery,
        (first, prefix): (Key, &str),
        pick: impl Fn(R) -> Option<String>,
    ) -> Result<Self> {
        let wanted = query.entity_type.as_deref().map(str::parse).transpose()?;
        let after = query.cursor.as_ref().map(|id| format!("{prefix}{id}"));
        let page = state.storage().list(&first, prefix, after.as_deref(), MAX_ENTITIES).await?;
        Ok(Self {
            state,
            wanted,
            ids: page.rows.into_iter().filter_map(pick).collect(),
            rest: page.next.and_then(|key| key.strip_prefix(prefix).map(str::to_owned)),
            shown: Vec::new(),
            bytes: 0,
            last: None,
            is_cut: false,
        })
    }

    /// The next rows of entities that are there, with their owners, and of the wanted type; `None` at the end of the page.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<EntityRow>>> {
        if self.ids.is_empty() || self.is_cut {
            return Ok(None);
        }
        let keys: Vec<Key> = self.ids.drain(..self.ids.len().min(AT_ONCE)).map(Key::Entity).collect();
        let rows: Vec<Option<EntityRow>> = self.state.storage().read_all(&keys).await?;
        let fits =
            |row: &EntityRow| !row.deleting && self.wanted.is_none_or(|wanted| wanted == row.entity_type);
        Ok(Some(owned(self.state, rows.into_iter().flatten().filter(fits).collect()).await?))
    }

    /// Shows an entity. Once the page has no more room, nothing is shown any more.
    pub(crate) fn show(&mut self, entity: &EntityRow, view: &impl Serialize) -> Result<()> {
        self.is_cut |= self.bytes >= MAX_BYTES;
        if self.is_cut {
            return Ok(());
        }
        let view = to_raw_value(view).map_err(|error| Error::internal("writing a list", error))?;
        self.bytes += view.get().len();
        self.shown.push(view);
        self.last = Some(entity.id.clone());
        Ok(())
    }

    /// The page.
    pub(crate) fn answer(self) -> ListAnswer {
        ListAnswer { entities: self.shown, next: if self.is_cut { self.last } else { self.rest } }
    }
}
