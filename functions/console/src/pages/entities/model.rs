//! Entities and their versions as the interface describes them.

use serde::Deserialize;
use serde_json::Value;

use crate::address::{path, with_query};
use crate::back::Problem;
use crate::visit::Visit;

/// Entities on one page of a list.
const PAGE: usize = 50;

/// An entity.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::pages) struct Entity {
    pub(in crate::pages) id: String,
    #[serde(rename = "type")]
    pub(in crate::pages) kind: String,
    pub(in crate::pages) slug: String,
    pub(in crate::pages) name: String,
    pub(in crate::pages) description: Option<String>,
    pub(in crate::pages) owner: Owner,
    pub(in crate::pages) org_slug: Option<String>,
    pub(in crate::pages) active_version: Option<String>,
    pub(in crate::pages) version_count: u64,
    pub(in crate::pages) total_size_bytes: u64,
    pub(in crate::pages) created_at: String,
    pub(in crate::pages) updated_at: String,
}

/// Whose an entity is.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::pages) struct Owner {
    #[serde(rename = "type")]
    pub(in crate::pages) kind: String,
    pub(in crate::pages) id: String,
}

impl Entity {
    /// What it is, in words.
    pub(in crate::pages) fn kind_name(&self) -> &str {
        match self.kind.as_str() {
            "app" => "application",
            "chat_extension" => "chat extension",
            other => other,
        }
    }
}

/// A page of a list of entities.
#[derive(Debug)]
pub(in crate::pages) struct Listed {
    pub(in crate::pages) entities: Vec<Entity>,
    /// Where the list goes on.
    pub(in crate::pages) next: Option<String>,
    /// The parameter of the page's query that says so.
    pub(in crate::pages) parameter: &'static str,
}

#[derive(Deserialize)]
struct Answer {
    entities: Vec<Entity>,
    next: Option<String>,
}

/// Entities of a list of the interface, from where the page's query says on. `fits` is asked about the organisation that an
/// entity belongs to.
pub(in crate::pages) async fn list_entities(
    visit: &Visit,
    list: &[&str],
    parameter: &'static str,
    fits: impl Fn(Option<&str>) -> bool,
) -> Result<Listed, Problem> {
    let cursor = visit.query(parameter);
    let answer: Answer = visit.get(&with_query(&path(list), &[("cursor", cursor.as_deref())])).await?;
    let mut entities: Vec<Entity> =
        answer.entities.into_iter().filter(|entity| fits(entity.org_slug.as_deref())).collect();
    let mut next = answer.next;
    if entities.len() > PAGE {
        entities.truncate(PAGE);
        next = entities.last().map(|last| last.id.clone());
    }
    Ok(Listed { entities, next, parameter })
}

/// A version of an entity.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Version {
    /// The moment that it is called by.
    #[serde(rename = "version")]
    pub(super) name: String,
    pub(super) source_hash: String,
    #[serde(rename = "base_version")]
    pub(super) base: Option<Base>,
    pub(super) file_size_bytes: u64,
    pub(super) sha256: String,
    pub(super) has_lockfile: bool,
    pub(super) service_dependencies: Vec<String>,
    #[serde(default)]
    pub(super) package_json: Value,
    pub(super) is_active: bool,
    pub(super) created_at: String,
    pub(super) created_by: String,
}

/// The version that another one was made from.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Base {
    pub(super) version: String,
    pub(super) deleted: bool,
}

/// Somebody who publishes an entity.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Publisher {
    pub(super) user_id: String,
    pub(super) name: Option<String>,
    pub(super) email: Option<String>,
}

/// Somebody whom an entity is shared with.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Share {
    pub(super) id: String,
    pub(super) email: String,
    pub(super) created_at: String,
}

/// A store that an entity is in.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Publication {
    pub(super) org_slug: String,
    pub(super) is_public: bool,
    pub(super) published_at: String,
}

/// An entity with everything that whoever looks may know of it.
#[derive(Debug, Deserialize)]
pub(super) struct Details {
    pub(super) entity: Entity,
    pub(super) versions: Vec<Version>,
    pub(super) versions_truncated: bool,
    /// By what whoever looks has it: `publisher`, `share`, `org_store`, `public_store`.
    pub(super) access: String,
    pub(super) publishers: Vec<Publisher>,
    pub(super) stores: Vec<Publication>,
    pub(super) shares: Vec<Share>,
    pub(super) dependencies: Vec<String>,
}
