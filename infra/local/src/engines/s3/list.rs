//! `ListObjectsV2`.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use s3s::dto::{ETag, ListObjectsV2Input, ListObjectsV2Output, Object, Timestamp};
use s3s::{S3Error, S3Response, S3Result, s3_error};

use crate::engines::s3::key_path::{Found, parse, prefix_folder};
use crate::engines::s3::object_file::OpenObject;
use crate::engines::s3::store::{Store, blocking, system_time};

/// Most keys of one page.
const MAX_KEYS: usize = 1000;

pub(crate) async fn list_objects(
    store: &Arc<Store>,
    input: ListObjectsV2Input,
) -> S3Result<S3Response<ListObjectsV2Output>> {
    if input.delimiter.as_deref().is_some_and(|delimiter| !delimiter.is_empty()) {
        return Err(s3_error!(NotImplemented, "the embedded S3 lists without delimiter"));
    }
    let store = Arc::clone(store);
    let output = blocking(move || {
        let bucket = store.bucket(&input.bucket)?;
        let limit =
            input.max_keys.and_then(|n| usize::try_from(n).ok()).map_or(MAX_KEYS, |n| n.min(MAX_KEYS));
        let after = match &input.continuation_token {
            Some(token) => Some(decode_token(token)?),
            None => input.start_after.clone(),
        };
        let mut page = Page {
            prefix: input.prefix.as_deref().unwrap_or_default(),
            after: after.as_deref(),
            limit,
            found: vec![],
        };
        page.fill(&bucket).map_err(S3Error::internal_error)?;
        let Page { mut found, .. } = page;
        // One more than asked for was looked up, to know whether there is one.
        let truncated = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| truncated).map(|(key, _)| hex::encode(key));
        let contents = found.into_iter().filter_map(|(key, path)| describe(key, &path).transpose());
        let contents = contents.collect::<io::Result<Vec<_>>>().map_err(S3Error::internal_error)?;
        Ok(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: input.prefix,
            max_keys: i32::try_from(limit).ok(),
            key_count: i32::try_from(contents.len()).ok(),
            continuation_token: input.continuation_token,
            is_truncated: Some(next.is_some()),
            next_continuation_token: next,
            contents: Some(contents),
            start_after: input.start_after,
            ..ListObjectsV2Output::default()
        })
    })
    .await?;
    Ok(S3Response::new(output))
}

fn decode_token(token: &str) -> S3Result<String> {
    let bytes = hex::decode(token).ok();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| s3_error!(InvalidArgument, "The continuation token provided is incorrect"))
}

/// An object that has been removed since its name was seen is left out.
fn describe(key: String, path: &Path) -> io::Result<Option<Object>> {
    let facts = match OpenObject::open(path) {
        Ok(Some(OpenObject { facts, .. })) => facts,
        Ok(None) => return Ok(None),
        // One damaged file must not hide all the others, or clean-up would never get past it.
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            tracing::error!(%error, s3.key = %key, "an object is damaged");
            return Ok(Some(Object { key: Some(key), ..Object::default() }));
        }
        Err(error) => return Err(error),
    };
    Ok(Some(Object {
        key: Some(key),
        size: i64::try_from(facts.size).ok(),
        e_tag: Some(ETag::Strong(facts.etag)),
        last_modified: Some(Timestamp::from(system_time(facts.modified))),
        ..Object::default()
    }))
}

/// The keys of one page, found by walking the folders in the order of the keys.
struct Page<'a> {
    prefix: &'a str,
    /// Only keys behind this one.
    after: Option<&'a str>,
    limit: usize,
    found: Vec<(String, PathBuf)>,
}

/// A file or folder with what it adds to the key; a folder's ends in `/`.
struct Entry {
    name: String,
    path: PathBuf,
    is_folder: bool,
}

impl Page<'_> {
    fn fill(&mut self, bucket: &Path) -> io::Result<()> {
        let (folder, start) = prefix_folder(self.prefix);
        self.walk(&bucket.join(folder), start)
    }

    /// Goes through a folder whose keys begin with `start`. Sorting what is in it with the slashes of
    /// folders gives the order of the keys: `a-b` is before `a/b`, and that before `a0`.
    fn walk(&mut self, folder: &Path, start: &str) -> io::Result<()> {
        let mut entries = Vec::new();
        read_folder(folder, "", &mut entries)?;
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        for Entry { name, path, is_folder } in entries {
            if self.found.len() > self.limit {
                return Ok(());
            }
            let key = format!("{start}{name}");
            if is_folder && self.may_hold(&key) {
                self.walk(&path, &key)?;
            } else if !is_folder
                && key.starts_with(self.prefix)
                && self.after.is_none_or(|after| *key > *after)
            {
                self.found.push((key, path));
            }
        }
        Ok(())
    }

    /// Whether a key that begins so may be on the page.
    fn may_hold(&self, start: &str) -> bool {
        let fits_prefix = start.starts_with(self.prefix) || self.prefix.starts_with(start);
        fits_prefix && self.after.is_none_or(|after| *start > *after || after.starts_with(start))
    }
}

/// Reads a folder, and with it the folders in which a long segment goes on.
fn read_folder(folder: &Path, before: &str, entries: &mut Vec<Entry>) -> io::Result<()> {
    let names = match std::fs::read_dir(folder) {
        Ok(names) => names,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    for entry in names {
        let path = entry?.path();
        match path.file_name().and_then(|name| name.to_str()).and_then(parse) {
            Some(Found::File(name)) => {
                entries.push(Entry { name: format!("{before}{name}"), path, is_folder: false });
            }
            Some(Found::Folder(name)) => {
                entries.push(Entry { name: format!("{before}{name}/"), path, is_folder: true });
            }
            Some(Found::Continued(name)) => read_folder(&path, &format!("{before}{name}"), entries)?,
            None => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engines::s3::key_path::object_path;

    #[test]
    fn pages_are_in_the_order_of_keys_and_miss_none() {
        let folder = tempfile::tempdir().unwrap();
        let long = "L".repeat(100);
        let mut keys: Vec<String> =
            ["a", "a-b", "a/", "a/b", "a//c", "a/b/c", "a0", "A", "b/x/1", "b/x/2", "b/y"]
                .into_iter()
                .map(str::to_owned)
                .chain([format!("{long}/1"), format!("{long}-"), format!("{long}M/1"), "L".repeat(65) + "/x"])
                .collect();
        for key in &keys {
            let path = folder.path().join(object_path(key));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"").unwrap();
        }
        keys.sort();
        for prefix in ["", "a", "a/", "a/b", "b/x", "b/x/", "L", "none", "none/x"] {
            let wanted: Vec<&String> = keys.iter().filter(|key| key.starts_with(prefix)).collect();
            for limit in [1, 2, 3, 100] {
                let mut all: Vec<String> = Vec::new();
                for _ in 0..=keys.len() {
                    let after = all.last().cloned();
                    let mut page = Page { prefix, after: after.as_deref(), limit, found: vec![] };
                    page.fill(folder.path()).unwrap();
                    all.extend(page.found.into_iter().take(limit).map(|(key, _)| key));
                }
                assert_eq!(all.iter().collect::<Vec<_>>(), wanted, "{prefix} by {limit}");
            }
        }
    }
}
