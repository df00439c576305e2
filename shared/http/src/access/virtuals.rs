//! Repositories here as upstreams of one another: what is published in one of them is read through the other.

use std::sync::Arc;

use granary_auth::Action;
use granary_model::{Error, PackageType, Result};
use granary_publish::policy::kept;
use granary_storage::rows::{RepoRow, UpstreamPlace, UpstreamRow};
use granary_storage::{Key, PackageKey, Wanted};
use granary_upstream::may_be_member;

use super::{About, RepoAccess};
use crate::permit::RepoAction;
use crate::state::AppState;

impl<A: RepoAction> RepoAccess<A> {
    /// Looks for a package that is not published in the repository in those of its upstreams that are repositories here, one call
    /// for all of them. They come before all registries elsewhere, in whatever order the settings name them: what the owner
    /// publishes somewhere is never to be had from strangers. What they have of upstreams themselves is not looked at, so
    /// repositories may be upstreams of each other.
    pub(super) async fn look_in_members(&mut self, state: &AppState, about: About<'_>) -> Result<()> {
        if self.head.as_ref().is_some_and(|head| head.is_owned()) || self.is_gated() {
            return Ok(());
        }
        let members: Vec<(&str, PackageKey)> = self
            .repo
            .upstreams
            .iter()
            .filter(|row| row.may_have(about.kind, about.name))
            .filter_map(|row| {
                let (repo, uid) = member_of(row)?;
                let (repo, name) = (repo.clone(), own_name(about.kind, about.name));
                Some((uid, PackageKey { repo, kind: about.kind, name }))
            })
            .collect();
        if members.is_empty() {
            return Ok(());
        }
        let wanted: Vec<Wanted<'_>> = members.iter().map(|(_, package)| about.wanted(package)).collect();
        let found = state.storage().package_rows(&wanted).await?;
        for ((uid, _), rows) in members.iter().zip(found) {
            let Some(member) = rows.repo.filter(|member| member.uid == *uid) else { continue };
            // Also one of which nothing is left: its name is not up for grabs.
            let Some(head) = rows.head.filter(|head| head.repo_uid == member.uid && head.is_owned()) else {
                continue;
            };
            let may_be_read = may_be_member(&self.repo, &member);
            if !matches!(A::ACTION, Action::Fetch | Action::Read) {
                if !may_be_read {
                    continue;
                }
                self.taken_by = Some(member);
                return Ok(());
            }
            if !may_be_read {
                // As if there were no such package, and nobody elsewhere is told its name.
                (self.head, self.version, self.file) = (None, None, None);
                (self.policy, self.kept) = (None, None);
                self.is_name_withheld = true;
                return Ok(());
            }
            self.version = rows.version.filter(|row| head.has(row));
            self.file = rows.file.filter(|_| self.version.is_some());
            self.policy = None;
            self.kept = self.version.as_deref().and_then(|row| kept(&head, None, row, state.now()));
            if self.kept.is_some() {
                (self.version, self.file) = (None, None);
            }
            self.head = Some(head);
            self.home = Some(member);
            return Ok(());
        }
        Ok(())
    }

    /// Whether nothing is known here of the package that was asked for, and upstreams may be asked about it.
    pub fn may_be_elsewhere(&self) -> bool {
        self.head.is_none() && !self.is_gated() && !self.repo.upstreams.is_empty() && !self.is_name_withheld
    }

    /// Refuses to publish under a name that an upstream here has: there would be two packages of one name.
    pub(super) fn refuse_name_of_member(&self, kind: PackageType) -> Result<()> {
        let Some(home) = &self.taken_by else { return Ok(()) };
        Err(Error::Conflict(format!(
            "a {kind} package of this name is published in repository '{}', which is an upstream of '{}'; publish it there, or \
             choose another name",
            home.id, self.repo.id
        )))
    }

    /// The repositories here whose packages of a protocol are read through this one, in their order. One call.
    pub async fn member_repos(&self, state: &AppState, kind: PackageType) -> Result<Vec<Arc<RepoRow>>> {
        let rows = self.repo.upstreams.iter().filter(|row| row.kind == kind);
        let (keys, uids): (Vec<Key>, Vec<&str>) =
            rows.filter_map(|row| member_of(row).map(|(repo, uid)| (Key::Repo(repo.clone()), uid))).unzip();
        if keys.is_empty() || self.is_gated() {
            return Ok(Vec::new());
        }
        let members = state.storage().shared_rows::<RepoRow>(keys).await?;
        let members = members.into_iter().zip(uids).filter_map(|(member, uid)| {
            member.filter(|member| member.uid == uid && may_be_member(&self.repo, member))
        });
        Ok(members.collect())
    }

    /// Whether a package of a member, by its name, is read through this repository.
    pub fn reads_from(&self, member: &RepoRow, kind: PackageType, name: &str) -> bool {
        let is_it = |row: &&UpstreamRow| member_of(row).is_some_and(|(_, uid)| uid == member.uid);
        self.repo.upstreams.iter().filter(is_it).any(|row| row.may_have(kind, name))
    }
}

/// The repository that an upstream is, with its `uid`.
fn member_of(row: &UpstreamRow) -> Option<(&granary_model::RepoId, &str)> {
    match &row.place {
        UpstreamPlace::Repo { repo, repo_uid } => Some((repo, repo_uid)),
        UpstreamPlace::Remote { .. } => None,
    }
}

/// The name that a package has where it was published: npm's names are lowered there.
fn own_name(kind: PackageType, name: &str) -> String {
    if kind == PackageType::Npm { name.to_ascii_lowercase() } else { name.to_owned() }
}
