//! A tarball that is not here yet.

use granary_model::npm::{NpmName, NpmVersion};
use granary_model::upstream::FilePolicy;
use granary_model::{Error, PackageType, Result};
use granary_publish::Source;
use granary_publish::digests::Digests;
use granary_publish::npm::facts::NpmFacts;
use granary_publish::npm::foreign::{ForeignVersion, Mismatch, stored};
use granary_publish::policy::Kept;
use granary_publish::spool::Spool;
use granary_storage::Key;
use granary_storage::rows::{RepoRow, UpstreamRow, VersionRow};

use super::address;
use crate::heads::Deed;
use crate::net::{Answer, Ask, Failure};
use crate::versions::NewVersion;
use crate::wanted::Wanted;
use crate::{Asker, Work, origin};

/// What there is to be had of a version.
#[derive(Debug)]
pub enum Tarball {
    /// It is here.
    Kept(Box<VersionRow>),
    /// The client may fetch it there.
    Elsewhere(String),
    /// Nobody gets it for now.
    Refused(Kept),
    /// There is no such version.
    Missing,
}

/// Fetches the tarball of a version that the upstream lists, verifies it, and keeps it.
///
/// # Errors
/// `Unavailable` and `BadGateway` if the upstream fails, or sends other bytes than its document promises: such are never kept.
pub async fn tarball(
    work: &Work<'_>,
    repo: &RepoRow,
    source: &Source,
    (name, version): (&NpmName, &NpmVersion),
    asker: &Asker,
) -> Result<Tarball> {
    let package = &source.package;
    let Some(row) = origin(repo, PackageType::Npm, &package.name, &source.head) else {
        return Ok(Tarball::Missing);
    };
    let index = match stored::index(work.documents, work.storage, source).await {
        Err(Error::Unavailable(_)) => {
            let source = super::refresh_now(work, repo, source).await?;
            stored::index(work.documents, work.storage, &source).await?
        }
        other => other?,
    };
    let Some(one) = index.get(version.as_str()) else { return Ok(Tarball::Missing) };
    if source.head.upstream.as_ref().is_some_and(|upstream| upstream.gone) {
        return Ok(Tarball::Refused(Kept::Removed(row.name.clone())));
    }
    if let Some(kept) = keeps(work, source, one) {
        return Ok(Tarball::Refused(kept));
    }
    let authorization = work.authorization(repo, row)?;
    let (url, authorization) = address::tarball(row, &one.tarball, authorization.as_ref())
        .map_err(|failure| failure.error(row.name.as_str()))?;
    work.upstreams.net()?.permits(&url).map_err(|why| Failure::Wrong(why.into()).error(row.name.as_str()))?;
    if row.files == FilePolicy::Redirect {
        return Ok(Tarball::Elsewhere(url.into()));
    }
    let what = format!("{name}@{version}");
    let wanted = Wanted::new(repo, &format!("npm/{name}/{version}"), &what, vec![row]);
    let Some(_seat) = work.board(&wanted, asker).await? else { return Ok(Tarball::Missing) };
    let here: Option<VersionRow> =
        work.storage.get(&Key::Version(package.clone(), version.to_string())).await?;
    if let Some(here) = here.filter(|here| here.is_live() && source.head.has(here)) {
        return Ok(Tarball::Kept(Box::new(here)));
    }
    work.require_open(row)?;
    let settings = &work.upstreams.settings;
    let ask = Ask { url, authorization, accept: "*/*", patience: settings.file_patience };
    let failure = match work.upstreams.net()?.file(&ask, settings.max_file, work.now).await? {
        Answer::Found((spool, digests, _)) => match one.expected.check(&digests) {
            Ok(()) => {
                work.upstreams.memory.answered(&row.uid);
                let row = keep(work, (repo, row), source, (name, one), (&spool, &digests), asker).await?;
                return Ok(Tarball::Kept(Box::new(row)));
            }
            Err(mismatch) => {
                report(work, (repo, row), &format!("{package}@{version}"), &mismatch).await;
                Failure::Wrong(said(&mismatch))
            }
        },
        Answer::Missing => Failure::Wrong(format!("it lists {name}@{version} but does not have its tarball")),
        Answer::Unchanged => Failure::Wrong("it says that nothing has changed, which nobody asked".into()),
        Answer::Failed(failure) => failure,
    };
    Err(work.could_not(wanted, row, &failure))
}

/// Why nobody gets a version now.
fn keeps(work: &Work<'_>, source: &Source, one: &ForeignVersion) -> Option<Kept> {
    let version = one.version.as_str();
    let quarantined = source.head.quarantined(version).map(|row| Kept::Quarantined(row.reason.clone()));
    let policy = source.policy.as_deref();
    quarantined.or_else(|| policy?.keeps(version, one.published, work.now))
}

fn said(mismatch: &Mismatch) -> String {
    match mismatch {
        Mismatch::Unknown => {
            "its document has no digest that the tarball could be verified by, so it is not let in".into()
        }
        Mismatch::Different { expected, actual } => format!(
            "the tarball is not the one that its document promises: {expected} was promised, {actual} arrived; it was thrown away"
        ),
    }
}

/// Tells the owners of a repository that an upstream sends other bytes than it promises.
async fn report(work: &Work<'_>, (repo, row): (&RepoRow, &UpstreamRow), target: &str, mismatch: &Mismatch) {
    tracing::error!(target, upstream = %row.name, ?mismatch, "a tarball could not be verified");
    let deed = Deed {
        by: None,
        action: "upstream.mismatch",
        target: target.into(),
        detail: Some(format!("upstream {}: {}", row.name, said(mismatch))),
    };
    let recorded = async {
        let mut transaction = granary_storage::Transaction::new();
        work.record(&mut transaction, repo, &deed)?;
        work.storage.commit(transaction).await
    };
    if let Err(error) = recorded.await {
        tracing::warn!(%error, "the audit log has no record of it");
    }
}

async fn keep(
    work: &Work<'_>,
    (repo, row): (&RepoRow, &UpstreamRow),
    source: &Source,
    (name, one): (&NpmName, &ForeignVersion),
    (spool, digests): (&Spool, &Digests),
    asker: &Asker,
) -> Result<VersionRow> {
    let file = digests.file(name.tarball_file(&one.version), "application/octet-stream");
    let new = NewVersion {
        version: one.version.as_str(),
        published: one.published,
        files: vec![file],
        facts: NpmFacts::bare(name, &one.version)?.to_row()?,
    };
    work.keep_version((repo, row), source, new, &[(spool, digests.sha256)], asker).await
}
