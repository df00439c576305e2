//! What a seller decides about a package: its number, and what customers do not see.

use granary_model::{Error, Result, Timestamp};
use granary_storage::rows::{HeadRow, SoldAs, VersionRow};
use granary_storage::transaction::Refusal;
use granary_storage::{Key, Storage, Transaction};

use super::extra::{Extra, add_rows, lent, refused_row};
use crate::head_edit::{Applied, HeadEdit, Step, Target, edit_head, listed_description};

/// What a seller says of a package.
#[derive(Debug, Clone, Default)]
pub struct Declaration {
    /// The name as it is shown; its normalised form is the target's.
    pub name: String,
    /// Text to show while no version says anything.
    pub description: Option<String>,
    /// The number; `None` takes it away, and with it all permissions of consumers.
    pub sold_as: Option<SoldAs>,
    /// Whether customers do not see the package.
    pub hidden: bool,
}

/// Writes what a seller says of a package, of any protocol. A package that does not exist gets a head without
/// versions, which no client sees until something is published.
///
/// # Errors
/// `NotFound` if the repository is gone, and what `extra` makes of its own rows.
pub async fn declare_package(
    target: Target<'_>,
    now: Timestamp,
    declaration: &Declaration,
    mut extra: Option<&mut dyn Extra>,
) -> Result<()> {
    let mut edit = DeclareEdit { declaration, extra: lent(&mut extra) };
    edit_head(target, now, &mut edit).await.map(|_| ())
}

struct DeclareEdit<'a> {
    declaration: &'a Declaration,
    extra: Option<&'a mut dyn Extra>,
}

impl HeadEdit for DeclareEdit<'_> {
    fn action(&self) -> &'static str {
        "package.declare"
    }

    fn detail(&self) -> String {
        if self.declaration.hidden { " hidden".into() } else { String::new() }
    }

    async fn apply(
        &mut self,
        head: Option<HeadRow>,
        now: Timestamp,
        transaction: &mut Transaction,
    ) -> Result<Step> {
        let Declaration { name, description, sold_as, hidden } = self.declaration;
        let mut head = head.unwrap_or_else(|| HeadRow {
            name: name.clone(),
            created_at: now.millis(),
            ..HeadRow::default()
        });
        if head.versions == 0 {
            head.description = description.as_deref().map(listed_description);
        }
        head.sold_as.clone_from(sold_as);
        head.hidden = *hidden;
        add_rows(&mut self.extra, transaction)?;
        Ok(Step::Write(head))
    }

    fn refused(&mut self, refusal: Refusal) -> Result<Applied> {
        Err(refused_row(&mut self.extra, refusal.label))
    }
}

/// Hides a Composer version from customers, or shows it again. `version` as it is kept in keys.
///
/// # Errors
/// `NotFound` if it is not there, and what `extra` makes of its own rows.
pub async fn hide_version(
    target: Target<'_>,
    now: Timestamp,
    version: &str,
    hidden: bool,
    mut extra: Option<&mut dyn Extra>,
) -> Result<()> {
    let key = Key::Version(target.package.clone(), version.to_owned());
    let mut edit = HideEdit { storage: target.storage, key, version, hidden, extra: lent(&mut extra) };
    edit_head(target, now, &mut edit).await.map(|_| ())
}

struct HideEdit<'a> {
    storage: &'a Storage,
    key: Key,
    version: &'a str,
    hidden: bool,
    extra: Option<&'a mut dyn Extra>,
}

impl HeadEdit for HideEdit<'_> {
    fn action(&self) -> &'static str {
        if self.hidden { "package.hide" } else { "package.unhide" }
    }

    fn detail(&self) -> String {
        format!("@{}", self.version)
    }

    async fn apply(
        &mut self,
        head: Option<HeadRow>,
        _: Timestamp,
        transaction: &mut Transaction,
    ) -> Result<Step> {
        let row: Option<VersionRow> = self.storage.get(&self.key).await?;
        let (Some(head), Some(row)) = (head, row.filter(VersionRow::is_live)) else {
            return Err(Error::NotFound(format!("version {} not found", self.version)));
        };
        transaction.put("version", &self.key, &VersionRow { hidden: self.hidden, ..row })?;
        add_rows(&mut self.extra, transaction)?;
        Ok(Step::Write(head))
    }

    fn refused(&mut self, refusal: Refusal) -> Result<Applied> {
        Err(refused_row(&mut self.extra, refusal.label))
    }
}
