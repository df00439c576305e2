//! Withdrawing a release: it stays listed, with the reason, and nothing can take its place.

use std::collections::BTreeSet;

use granary_model::swift::{SourceUrl, SwiftVersion};
use granary_model::{Error, Result, Sha256, Timestamp};
use granary_storage::rows::{Event, HeadRow, VersionRow};
use granary_storage::transaction::Refusal;
use granary_storage::{Key, PackageKey, Storage, Transaction};

use super::facts::{SwiftFacts, live_release};
use super::publish::show_latest;
use crate::burial::Burial;
use crate::head_edit::{Applied, HeadEdit, Step, Target, edit_head};
use crate::listing::live_versions;

/// Longest reason, in characters.
pub const MAX_REASON: usize = 200;

/// Withdraws a release for ever. Its bytes go; its version stays in the list with a problem.
///
/// # Errors
/// `NotFound` if there is no such release.
pub async fn withdraw(
    target: Target<'_>,
    now: Timestamp,
    version: &SwiftVersion,
    reason: Option<String>,
) -> Result<()> {
    let mut edit = Withdrawal {
        storage: target.storage,
        package: target.package.clone(),
        version,
        reason,
        released: Vec::new(),
    };
    edit_head(target, now, &mut edit).await.map(|_| ())
}

struct Withdrawal<'a> {
    storage: &'a Storage,
    package: PackageKey,
    version: &'a SwiftVersion,
    reason: Option<String>,
    released: Vec<Sha256>,
}

impl Withdrawal<'_> {
    fn not_found(&self) -> Error {
        Error::NotFound(format!("release {} of '{}' not found", self.version, self.package.name))
    }

    /// The releases that stay.
    async fn rest(&self) -> Result<Vec<SwiftFacts>> {
        let rows = live_versions(self.storage, &self.package).await?;
        let rest = rows.iter().filter(|row| row.version != self.version.key());
        rest.map(|row| SwiftFacts::from_row(&row.facts)).collect()
    }
}

impl HeadEdit for Withdrawal<'_> {
    fn action(&self) -> &'static str {
        "package.withdraw"
    }

    fn detail(&self) -> String {
        let reason = self.reason.as_ref().map(|reason| format!(" {reason}")).unwrap_or_default();
        format!("@{}{reason}", self.version)
    }

    async fn apply(
        &mut self,
        head: Option<HeadRow>,
        _: Timestamp,
        transaction: &mut Transaction,
    ) -> Result<Step> {
        let release = live_release(self.storage, &self.package, self.version).await?;
        let (Some(mut head), Some((row, facts))) = (head, release) else { return Err(self.not_found()) };
        let rest = self.rest().await?;
        // Nobody is led to the package any more from where only this release came from.
        let kept: BTreeSet<SourceUrl> = rest.iter().flat_map(SwiftFacts::sources).collect();
        for source in facts.sources().difference(&kept) {
            let package = self.package.name.clone();
            transaction
                .delete("source", Key::SwiftSource(self.package.repo.clone(), source.to_string(), package));
        }
        let row = VersionRow { deprecated: self.reason.clone(), ..row };
        let mut burial = Burial::default();
        let kept = SwiftFacts::withdrawn(facts.version).to_row()?;
        burial.bury(transaction, &self.package, row, kept)?;
        self.released = burial.close(transaction, &self.package, &mut head);
        show_latest(&mut head, rest.iter().max_by_key(|facts| &facts.version));
        Ok(Step::Write(head))
    }

    fn refused(&mut self, refusal: Refusal) -> Result<Applied> {
        Err(Error::internal("withdrawing", format!("the part '{}' was refused", refusal.label)))
    }

    fn events(&self) -> Vec<Event> {
        vec![Event::BlobsReleased { digests: self.released.clone() }]
    }
}
