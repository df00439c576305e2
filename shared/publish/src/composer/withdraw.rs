//! Deleting versions for ever.

use std::collections::BTreeSet;

use granary_model::{Error, Result, Sha256, Timestamp};
use granary_storage::rows::{Event, HeadRow, VersionRow};
use granary_storage::transaction::Refusal;
use granary_storage::{PackageKey, Storage, Transaction};

use super::extra::{Extra, PREFIX, add_rows, lent, refused_row};
use super::showing::show;
use crate::burial::Burial;
use crate::head_edit::{Applied, HeadEdit, Step, Target, current_head, edit_head};
use crate::listing::live_versions;

/// Most versions that become tombstones in one transaction.
const BATCH: usize = 20;

/// Deletes a version: a tombstone stays, so that it can never be published again, and its bytes go.
///
/// One that is gone already, or was never published, counts as deleted: the caller's rows are written all the same.
///
/// # Errors
/// `NotFound` if there is no such package; what `extra` makes of its own rows.
pub async fn bury_version(
    target: Target<'_>,
    now: Timestamp,
    version: &str,
    mut extra: Option<&mut dyn Extra>,
) -> Result<()> {
    let wanted = Wanted::One(version.to_owned());
    let mut edit = BuryEdit::new(&target, wanted, lent(&mut extra));
    edit_head(target, now, &mut edit).await.map(|_| ())
}

/// Deletes all versions of a package, and takes its number away.
///
/// The number goes with the last versions, and the caller's rows are written then, so that a call that broke off can be
/// repeated.
///
/// # Errors
/// `NotFound` if there is no such package; what `extra` makes of its own rows.
pub async fn bury_package(
    mut target: Target<'_>,
    now: Timestamp,
    mut extra: Option<&mut dyn Extra>,
) -> Result<()> {
    let mut left = None;
    loop {
        let mut edit = BuryEdit::new(&target, Wanted::All, lent(&mut extra));
        edit.left = left.take();
        let applied = edit_head(target.clone(), now, &mut edit).await?;
        if edit.is_last {
            return Ok(());
        }
        target.head = match applied {
            Applied::Changed(head) => {
                left = Some((head.rev, edit.rest));
                Some(head)
            }
            Applied::Unchanged => current_head(target.storage, &target.package, target.repo).await?,
        };
    }
}

enum Wanted {
    One(String),
    All,
}

struct BuryEdit<'a> {
    storage: &'a Storage,
    package: PackageKey,
    wanted: Wanted,
    /// Whether nothing is left to do.
    is_last: bool,
    gone: BTreeSet<String>,
    released: Vec<Sha256>,
    /// The live versions while the head has this `rev`, if they are known. Whoever changes a version moves the head.
    left: Option<(u64, Vec<VersionRow>)>,
    /// The versions that stay for now.
    rest: Vec<VersionRow>,
    extra: Option<&'a mut dyn Extra>,
}

impl<'a> BuryEdit<'a> {
    fn new(target: &Target<'a>, wanted: Wanted, extra: Option<&'a mut dyn Extra>) -> Self {
        let (storage, package) = (target.storage, target.package.clone());
        let (gone, released, rest) = (BTreeSet::new(), Vec::new(), Vec::new());
        Self { storage, package, wanted, is_last: false, gone, released, left: None, rest, extra }
    }

    async fn live(&mut self, head: Option<&HeadRow>) -> Result<Vec<VersionRow>> {
        match (self.left.take(), head) {
            (Some((rev, rows)), Some(head)) if head.rev == rev => Ok(rows),
            _ => live_versions(self.storage, &self.package).await,
        }
    }
}

impl HeadEdit for BuryEdit<'_> {
    fn action(&self) -> &'static str {
        "package.unpublish"
    }

    fn detail(&self) -> String {
        format!("@{}", self.gone.iter().map(String::as_str).collect::<Vec<_>>().join(","))
    }

    async fn apply(
        &mut self,
        head: Option<HeadRow>,
        _: Timestamp,
        transaction: &mut Transaction,
    ) -> Result<Step> {
        let live = self.live(head.as_ref()).await?;
        let (gone, rest): (Vec<VersionRow>, Vec<VersionRow>) = match &self.wanted {
            Wanted::One(version) => live.into_iter().partition(|row| row.version == *version),
            Wanted::All => {
                let mut gone = live;
                let rest = gone.split_off(gone.len().min(BATCH));
                (gone, rest)
            }
        };
        let is_package = matches!(self.wanted, Wanted::All);
        self.is_last = !is_package || rest.is_empty();
        let Some(mut head) = head else {
            return Err(Error::NotFound(format!("package '{}' not found", self.package.name)));
        };
        let mut burial = Burial::default();
        for row in gone {
            burial.bury(transaction, &self.package, row, Vec::new())?;
        }
        self.gone.clone_from(burial.gone());
        self.released.clear();
        if self.gone.is_empty() && !is_package && self.extra.is_none() {
            return Ok(Step::Nothing);
        }
        if !self.gone.is_empty() {
            self.released = burial.close(transaction, &self.package, &mut head);
            show(&mut head, &rest)?;
        }
        self.rest = rest;
        if self.is_last {
            if is_package {
                head.sold_as = None;
                head.hidden = false;
            }
            add_rows(&mut self.extra, transaction)?;
        }
        Ok(Step::Write(head))
    }

    fn refused(&mut self, refusal: Refusal) -> Result<Applied> {
        match refusal.label {
            "blob" => Err(Error::internal("unpublishing", "a file is counted too low")),
            label if label.starts_with(PREFIX) => Err(refused_row(&mut self.extra, label)),
            label => Err(Error::internal("unpublishing", format!("the part '{label}' was refused"))),
        }
    }

    fn may_be_late(&self, label: &str) -> bool {
        // Its bytes may have been released by another deletion of the same version.
        label == "blob"
    }

    fn events(&self) -> Vec<Event> {
        if self.released.is_empty() {
            return Vec::new();
        }
        vec![Event::BlobsReleased { digests: self.released.clone() }]
    }
}
