//! The folders, and how files come into them and leave.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use s3s::{S3Error, S3Result, s3_error};
use tempfile::NamedTempFile;

use crate::engines::folders;
use crate::engines::s3::conditions::{WriteCondition, precondition_failed};
use crate::engines::s3::key_path::object_path;
use crate::engines::s3::lasting::Lasting;
use crate::engines::s3::object_file::OpenObject;

/// Locks for objects. Two objects that share one wait for each other for no reason; with this many, rarely.
const KEY_LOCKS: usize = 1024;

/// How many folders are remembered as made and flushed.
const MAX_KNOWN_FOLDERS: usize = 10_000;

/// The folders of the engine:
///
/// - `buckets/<bucket>/..`: the objects;
/// - `staging/`: files being written, of no use after a restart;
/// - `uploads/<id>/`: multipart uploads under way.
#[derive(Debug)]
pub(crate) struct Store {
    root: PathBuf,
    key_locks: Vec<Mutex<()>>,
    /// Files that have been moved into place and whose folder is not flushed yet.
    settling: Mutex<HashSet<PathBuf>>,
    /// Folders that are known to be there and flushed.
    known_folders: Mutex<HashSet<PathBuf>>,
    /// Shared by those who put files into folders, exclusive for those who remove empty folders.
    layout: RwLock<()>,
}

impl Store {
    /// Opens or makes the folders, and removes what a process that died has left in `staging`.
    pub(crate) fn open(root: PathBuf) -> io::Result<Self> {
        let staging = root.join("staging");
        if staging.exists() {
            std::fs::remove_dir_all(&staging)?;
        }
        for folder in ["buckets", "staging", "uploads"] {
            std::fs::create_dir_all(root.join(folder))?;
        }
        folders::sync(&root)?;
        if let Some(parent) = root.parent() {
            folders::sync(parent)?;
        }
        Ok(Self {
            root,
            key_locks: (0..KEY_LOCKS).map(|_| Mutex::new(())).collect(),
            settling: Mutex::default(),
            known_folders: Mutex::default(),
            layout: RwLock::new(()),
        })
    }

    pub(crate) fn uploads(&self) -> PathBuf {
        self.root.join("uploads")
    }

    fn buckets(&self) -> PathBuf {
        self.root.join("buckets")
    }

    /// The folder of a bucket that must exist. Bucket names have been validated as S3 does, so they are
    /// names of folders too.
    pub(crate) fn bucket(&self, bucket: &str) -> S3Result<PathBuf> {
        let folder = self.buckets().join(bucket);
        if folder.is_dir() { Ok(folder) } else { Err(s3_error!(NoSuchBucket)) }
    }

    /// Makes a bucket, and says whether it is new.
    pub(crate) fn create_bucket(&self, bucket: &str) -> io::Result<bool> {
        let new = folders::create(&self.buckets().join(bucket))?;
        folders::sync(&self.buckets())?;
        Ok(new)
    }

    /// The file of an object.
    pub(crate) fn object(&self, bucket: &str, key: &str) -> PathBuf {
        self.buckets().join(bucket).join(object_path(key))
    }

    /// A new file to write into. It removes itself unless it is published.
    pub(crate) fn temporary(&self) -> io::Result<NamedTempFile> {
        NamedTempFile::new_in(self.root.join("staging"))
    }

    /// Opens an object. Waits where one has just been put there until it cannot get lost any more: whoever
    /// sees an object may rely on it.
    pub(crate) fn open_object(&self, bucket: &str, key: &str) -> S3Result<OpenObject> {
        let path = self.object(bucket, key);
        if self.settling().contains(&path) {
            drop(self.lock_key(&path));
        }
        let opened = match Lasting::of(key) {
            Lasting::Stays => OpenObject::open(&path),
            Lasting::MadeAgain => OpenObject::open_intact(&path),
        };
        match opened.map_err(S3Error::internal_error)? {
            Some(object) => Ok(object),
            None => Err(self.bucket(bucket).err().unwrap_or_else(|| s3_error!(NoSuchKey))),
        }
    }

    /// Moves a complete file, flushed if it is to stay, to where it belongs, if the condition holds. When this returns,
    /// the object is there, and stays there if it has to.
    pub(crate) fn publish(
        &self,
        file: NamedTempFile,
        target: &Path,
        condition: &WriteCondition,
        lasting: Lasting,
    ) -> S3Result<()> {
        let folder = target.parent().ok_or_else(|| s3_error!(InternalError))?;
        let _key = self.lock_key(target);
        if let WriteCondition::Matches(_) = condition {
            let there = OpenObject::open(target).map_err(S3Error::internal_error)?;
            condition.check(there.as_ref().map(|object| &object.facts))?;
        }
        let layout = self.layout.read().unwrap_or_else(PoisonError::into_inner);
        if lasting == Lasting::MadeAgain {
            std::fs::create_dir_all(folder).map_err(S3Error::internal_error)?;
        } else {
            self.ensure_folder(folder).map_err(S3Error::internal_error)?;
            self.settling().insert(target.to_owned());
        }
        let moved = match condition {
            // Fails where there is one, even if another process put it there just now.
            WriteCondition::Absent => file.persist_noclobber(target).map(drop),
            _ => file.persist(target).map(drop),
        };
        // With something in it the folder stays, and waiting for the disk is the longest part.
        drop(layout);
        let result = match moved {
            Ok(()) if lasting == Lasting::MadeAgain => Ok(()),
            Ok(()) => folders::sync(folder).map_err(|error| {
                // Whether it would survive is not known, so it must not be taken for stored: the next one
                // who puts the same bytes under a condition would be told that they are there.
                let _gone = std::fs::remove_file(target);
                S3Error::internal_error(error)
            }),
            Err(refused) if refused.error.kind() == io::ErrorKind::AlreadyExists => {
                Err(precondition_failed())
            }
            Err(refused) => Err(S3Error::internal_error(refused.error)),
        };
        if lasting == Lasting::Stays {
            self.settling().remove(target);
        }
        result
    }

    /// Removes the file of an object if the condition holds; it is no matter if there is none.
    pub(crate) fn remove(&self, target: &Path, condition: &WriteCondition) -> S3Result<()> {
        let _key = self.lock_key(target);
        if let WriteCondition::Matches(_) = condition {
            let there = OpenObject::open(target).map_err(S3Error::internal_error)?;
            condition.check(there.as_ref().map(|object| &object.facts))?;
        }
        match std::fs::remove_file(target) {
            Ok(()) => {}
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(());
            }
            Err(error) => return Err(S3Error::internal_error(error)),
        }
        if let Some(folder) = target.parent() {
            folders::sync(folder).map_err(S3Error::internal_error)?;
            self.remove_empty_folders(folder);
        }
        Ok(())
    }

    /// Removes folders without content, upwards. Leaving one behind does no harm, so nothing here fails.
    fn remove_empty_folders(&self, folder: &Path) {
        let buckets = self.buckets();
        for folder in folder.ancestors() {
            // A bucket stays, and what is above it.
            if folder.parent().is_none_or(|parent| parent == buckets) || !folder.starts_with(&buckets) {
                return;
            }
            if std::fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_some()) {
                return;
            }
            let _alone = self.layout.write().unwrap_or_else(PoisonError::into_inner);
            self.known_folders().remove(folder);
            // Refused if something has come into it since.
            if std::fs::remove_dir(folder).is_err() {
                return;
            }
        }
    }

    /// Makes a folder and those above it, and flushes each into the one above.
    fn ensure_folder(&self, folder: &Path) -> io::Result<()> {
        if folder == self.root || self.known_folders().contains(folder) {
            return Ok(());
        }
        let Some(parent) = folder.parent() else { return Ok(()) };
        self.ensure_folder(parent)?;
        folders::create(folder)?;
        // Even where it was there: whoever made it may not have come to flushing it.
        folders::sync(parent)?;
        let mut known = self.known_folders();
        if known.len() >= MAX_KNOWN_FOLDERS {
            known.clear();
        }
        known.insert(folder.to_owned());
        Ok(())
    }

    fn lock_key(&self, path: &Path) -> Option<MutexGuard<'_, ()>> {
        let mut hasher = DefaultHasher::new();
        path.hash(&mut hasher);
        let index = usize::try_from(hasher.finish() % KEY_LOCKS as u64).unwrap_or(0);
        self.key_locks.get(index).map(|lock| lock.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn settling(&self) -> MutexGuard<'_, HashSet<PathBuf>> {
        self.settling.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known_folders(&self) -> MutexGuard<'_, HashSet<PathBuf>> {
        self.known_folders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs what waits for the disk where waiting is allowed.
pub(crate) async fn blocking<T, F>(work: F) -> S3Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> S3Result<T> + Send + 'static,
{
    tokio::task::spawn_blocking(work).await.map_err(S3Error::internal_error)?
}

/// A moment given in milliseconds since 1970.
pub(crate) fn system_time(millis: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::engines::s3::object_file::{Facts, ending};

    fn put(store: &Store, key: &str, condition: &WriteCondition) -> S3Result<()> {
        let mut file = store.temporary().unwrap();
        file.write_all(&ending(&Facts { etag: "e".into(), ..Facts::default() }).unwrap()).unwrap();
        store.publish(file, &store.object("bucket", key), condition, Lasting::of(key))
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn empty_folders_go_and_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("objects")).unwrap();
        store.create_bucket("bucket").unwrap();
        for _ in 0..3 {
            put(&store, "a/b/c", &WriteCondition::Absent).unwrap();
            put(&store, "a/d", &WriteCondition::Always).unwrap();
            store.remove(&store.object("bucket", "a/b/c"), &WriteCondition::Always).unwrap();
            assert_eq!(names(&store.bucket("bucket").unwrap().join("a")), ["d%"]);
            store.remove(&store.object("bucket", "a/d"), &WriteCondition::Always).unwrap();
            assert!(names(&store.bucket("bucket").unwrap()).is_empty());
        }
    }

    #[test]
    fn folders_of_what_can_be_made_again_are_not_taken_for_flushed() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("objects")).unwrap();
        store.create_bucket("bucket").unwrap();
        put(&store, "documents/a/b", &WriteCondition::Always).unwrap();
        assert!(store.known_folders().is_empty());
        put(&store, "blobs/a/b", &WriteCondition::Always).unwrap();
        assert!(store.known_folders().contains(&store.bucket("bucket").unwrap().join("blobs/a")));
        let documents = store.bucket("bucket").unwrap().join("documents");
        assert!(documents.join("a/b%").is_file());
        assert!(!store.known_folders().contains(&documents));
    }

    #[test]
    fn what_a_dead_process_left_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("objects");
        let store = Store::open(root.clone()).unwrap();
        let (_, left) = store.temporary().unwrap().keep().unwrap();
        assert!(left.exists());
        let refused = store.publish(
            store.temporary().unwrap(),
            Path::new("/"),
            &WriteCondition::Always,
            Lasting::Stays,
        );
        assert!(refused.is_err());
        drop(store);
        Store::open(root).unwrap();
        assert!(!left.exists());
    }
}
