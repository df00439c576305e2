//! Versions that grow file by file: Maven and raw.
//!
//! Each file is a commit of its own into an open version, with a row of its own, so files of one version can
//! be added at the same time. The package's head moves only when its documents change: for a new version, and
//! when the family says so. [`add_files`] adds, [`delete_version`], [`delete_file`] and [`remove_files`] take
//! away; what a version is listed as is decided by the family's [`VersionRules`].

mod delete;
mod plan;

use std::collections::BTreeSet;

use granary_model::{Error, Result, Sha256, Timestamp};
use granary_storage::rows::{Event, FileRow, HeadRow, HolderRow, StoredFileRow, VersionRow};
use granary_storage::transaction::Refusal;
use granary_storage::{Commit, Key, PackageKey, Storage, Transaction};

use crate::change::Change;
use crate::digests::Digests;
use crate::files::plan::Plan;
use crate::head_edit::{Applied, HeadEdit, Step, Target, current_head, edit_head, foreign, pause};
use crate::spool::Spool;

pub use delete::{Accounting, Reshow, delete_file, delete_version, remove_files};
pub use plan::{is_published, over_quota};

/// How often adding begins again because somebody else changed the same version.
const ATTEMPTS: u32 = 32;

/// Most files that one call adds: a transaction has 100 parts, of which a file takes three.
pub const MAX_FILES: usize = 25;

/// How long the hint lives that an owner holds certain bytes, in milliseconds: 90 days.
const HOLDER_MILLIS: i64 = 90 * 24 * 3_600_000;

/// A file whose bytes are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    /// Name within the version.
    pub name: String,
    /// Its digests and size.
    pub digests: Digests,
    /// Media type to serve it with.
    pub content_type: String,
}

/// What a family decides about its versions. One value belongs to one call of [`add_files`]: it knows the
/// files that are added.
pub trait VersionRules: Send + Sync {
    /// Whether the bytes of a stored file may be replaced: only of what is mutable by definition, such as a
    /// snapshot without a timestamp.
    fn may_replace(&self, _file: &str) -> bool {
        false
    }

    /// Changes what the version's row says of itself (`facts`, `complete`), given the row as it would be
    /// without that. `true` if a document of the package will differ, so that its head has to move; for a
    /// new version it moves anyway.
    fn describe(&self, version: &mut VersionRow) -> bool;

    /// Shows the version in the head: name, tags, description, counts but for `versions`. `before` is the
    /// version's row as it was, if it existed. Called only when the head moves.
    fn show(&self, head: &mut HeadRow, version: &VersionRow, before: Option<&VersionRow>);

    /// Rows of the family's own that commit with the files.
    fn rows(&self, _transaction: &mut Transaction) -> Result<()> {
        Ok(())
    }

    /// Events of the family's own.
    fn events(&self) -> Vec<Event> {
        Vec::new()
    }
}

/// What is known of the version and of the files that are to be added, as the request read it. Files that
/// were not looked up are not listed; the commit finds out.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The version's row.
    pub version: Option<VersionRow>,
    /// Rows of files that exist under the names that are to be added.
    pub files: Vec<StoredFileRow>,
}

impl Known {
    /// Reads it anew.
    pub async fn read(
        storage: &Storage,
        package: &PackageKey,
        version: &str,
        names: impl Iterator<Item = String>,
    ) -> Result<Self> {
        let keys: Vec<Key> = names.map(|name| Key::File(package.clone(), version.to_owned(), name)).collect();
        let row = Key::Version(package.clone(), version.to_owned());
        let (version, files) = tokio::try_join!(storage.get(&row), storage.batch_get(&keys))?;
        Ok(Self { version, files: files.into_iter().flatten().collect() })
    }
}

/// What became of files that were to be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// At least one of them is new.
    New,
    /// All were there already, byte for byte: a retry.
    Again,
}

/// Whether these files could be added, as far as is known: so that nobody stores bytes, or sends them, for
/// nothing. `Again` if all are there already.
///
/// # Errors
/// `Conflict` that names the file or version in the way.
pub fn check_files<R: VersionRules>(
    version: &str,
    files: &[NewFile],
    known: &Known,
    rules: &R,
) -> Result<Added> {
    let (_, fresh) = plan::fresh_files(version, files, known, rules)?;
    Ok(if fresh.is_empty() { Added::Again } else { Added::New })
}

/// Adds files, whose bytes must be stored and claimed, to a version: all of them or none.
///
/// # Errors
/// `Conflict` for a file that exists with other bytes, or is deleted, or whose version is; `Forbidden` over
/// the quota.
pub async fn add_files<R: VersionRules>(
    mut target: Target<'_>,
    now: Timestamp,
    quota: Option<u64>,
    version: &str,
    files: &[NewFile],
    mut known: Known,
    rules: &R,
) -> Result<Added> {
    if files.is_empty() || files.len() > MAX_FILES {
        return Err(Error::BadRequest(format!(
            "between 1 and {MAX_FILES} files can be added at once; these are {}",
            files.len()
        )));
    }
    let mut names = BTreeSet::new();
    if let Some(twice) = files.iter().find(|file| !names.insert(file.name.as_str())) {
        return Err(Error::BadRequest(format!("the file '{}' stands there twice", twice.name)));
    }
    for attempt in 0..ATTEMPTS {
        // Each time: it may have become an upstream's meanwhile.
        if let Some(upstream) = target.head.as_ref().and_then(|head| head.upstream.as_deref()) {
            return Err(foreign(&target.package, &upstream.name));
        }
        let plan = Plan::new(&target, now, quota, version, files, &known, rules)?;
        if plan.fresh.is_empty() {
            return Ok(Added::Again);
        }
        let done = if plan.moves_head {
            let mut edit = AddEdit { plan: &plan, rules, overtaken: false };
            match edit_head(target.clone(), now, &mut edit).await? {
                Applied::Changed(_) => true,
                Applied::Unchanged => !edit.overtaken,
            }
        } else {
            commit_quietly(&target, &plan, rules).await?
        };
        if done {
            return Ok(Added::New);
        }
        pause(target.ids, attempt).await;
        let names = files.iter().map(|file| file.name.clone());
        known = Known::read(target.storage, &target.package, version, names).await?;
        target.head = current_head(target.storage, &target.package, target.repo).await?;
    }
    Err(Error::Unavailable("too many changes of this version at once; try again".into()))
}

/// Stores the bytes of a file: claims them, then puts them in their place unless they are there.
pub async fn store_bytes(storage: &Storage, spool: &Spool, digest: Sha256, now: Timestamp) -> Result<()> {
    storage.claim_blob(digest, now).await?;
    storage.put_blob(digest, &spool.upload()).await?;
    Ok(())
}

/// Leaves the hint that the owner of a repository holds the bytes of a file.
pub(crate) fn hint_holder(
    transaction: &mut Transaction,
    owner: &str,
    package: &PackageKey,
    version: &str,
    file: &FileRow,
    now: Timestamp,
) -> Result<()> {
    let row = HolderRow {
        expires_at: now.plus_millis(HOLDER_MILLIS).seconds(),
        package: package.clone(),
        version: version.to_owned(),
        file: file.name.clone(),
    };
    transaction.hint_holder("holder", owner.to_owned(), file.sha256, &row)
}

struct AddEdit<'a, R> {
    plan: &'a Plan<'a>,
    rules: &'a R,
    overtaken: bool,
}

impl<R: VersionRules> HeadEdit for AddEdit<'_, R> {
    fn action(&self) -> &'static str {
        "package.publish"
    }

    fn detail(&self) -> String {
        self.plan.detail()
    }

    async fn apply(
        &mut self,
        head: Option<HeadRow>,
        now: Timestamp,
        transaction: &mut Transaction,
    ) -> Result<Step> {
        let is_first = head.as_ref().is_none_or(|head| head.versions == 0);
        self.plan.add_parts(transaction, is_first)?;
        self.rules.rows(transaction)?;
        let mut head = head.unwrap_or_else(|| HeadRow { created_at: now.millis(), ..HeadRow::default() });
        if self.plan.is_new() {
            head.versions += 1;
        }
        head.publisher.clone_from(&self.plan.publisher);
        self.rules.show(&mut head, &self.plan.row, self.plan.before);
        Ok(Step::Write(head))
    }

    fn refused(&mut self, refusal: Refusal) -> Result<Applied> {
        self.plan.refused(&refusal)?;
        self.overtaken = true;
        Ok(Applied::Unchanged)
    }

    fn events(&self) -> Vec<Event> {
        self.plan.events(self.rules)
    }
}

/// Commits files that change no document: the head stays as it is, so that many can commit at once. `false`
/// if somebody else was faster.
async fn commit_quietly<R: VersionRules>(target: &Target<'_>, plan: &Plan<'_>, rules: &R) -> Result<bool> {
    let mut change = Change::begin(target.ids, plan.now, target.principal);
    let mut transaction = Transaction::new();
    plan.add_parts(&mut transaction, false)?;
    rules.rows(&mut transaction)?;
    transaction.require_repo("repo", &target.repo.id, &target.repo.uid);
    if let Some(token) = target.token {
        transaction.require("token", Key::Token(token.clone()));
    }
    let subject = format!("{}{}", target.package, plan.detail());
    change.audit(&mut transaction, &format!("repo:{}", target.repo.id), "package.publish", &subject)?;
    for event in plan.events(rules) {
        change.announce(&mut transaction, event)?;
    }
    let refusal = match target.storage.commit(transaction).await? {
        Commit::Done => {
            change.notify(target.storage).await;
            return Ok(true);
        }
        Commit::Refused(refusal) => refusal,
    };
    match refusal.label {
        "repo" => Err(Error::NotFound(format!("repository '{}' not found", target.repo.id))),
        "token" => Err(Error::Unauthorized("the token was revoked meanwhile".into())),
        _ => plan.refused(&refusal).map(|()| false),
    }
}
