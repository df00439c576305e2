//! From what was sent to the archive as it will be served.

use std::io::{Read, Seek, SeekFrom};

use granary_model::swift::{ManifestName, SwiftIdentity};
use granary_model::{Error, Result};

use super::archive::{ArchiveLimits, Layout, SourceArchive};
use super::publish::Archive;
use crate::digests::{DigestWriter, Digests};
use crate::spool::Spool;

/// Largest archive that is put into a folder, in bytes: the new one is made in a temporary file, and a function has
/// 512 MB for those.
const MAX_WRAPPED: u64 = 400_000_000;

/// An archive that was read, and its other form if it cannot be served as it is.
#[derive(Debug)]
pub struct Prepared {
    /// Its manifests with their text, `Package.swift` first.
    pub manifests: Vec<(ManifestName, String)>,
    /// The same package in one top-level folder, where the archive has none.
    pub wrapped: Option<(Spool, Digests)>,
}

/// Reads an archive of this size and wraps it if it has to be.
///
/// SwiftPM unpacks an archive and takes the one folder it finds for the package, so a package that lies at the
/// root of its archive is put into a folder named `scope.name`. The same archive always gives the same bytes.
/// What is signed cannot be changed.
///
/// # Errors
/// `Unprocessable` that says what is wrong with the archive and what to do.
pub fn prepare<R: Read + Seek>(
    reader: &mut R,
    identity: &SwiftIdentity,
    is_signed: bool,
) -> Result<Prepared> {
    let archive = SourceArchive::read(reader, &ArchiveLimits::default())?;
    let wrapped = match archive.layout {
        Layout::Folder(_) => None,
        Layout::Bare if is_signed => {
            return Err(Error::Unprocessable(format!(
                "the archive has Package.swift at its root, where SwiftPM cannot unpack it, and as it is signed it \
                 cannot be put into a folder here; make it with one top-level folder, as `zip -r {identity}.zip {identity}` does"
            )));
        }
        Layout::Bare => {
            check_wrappable(reader.seek(SeekFrom::End(0)).map_err(|e| Error::internal("wrapping", e))?)?;
            let (mut spool, mut digests) = (Spool::new(u64::MAX), DigestWriter::new());
            archive.wrap(reader, &identity.to_string(), &mut |bytes| {
                digests.update(bytes);
                spool.write(bytes)
            })?;
            Some((spool, digests.finish()))
        }
    };
    let manifests = archive
        .manifests
        .into_iter()
        .filter_map(|manifest| Some((ManifestName::parse(&manifest.name)?, manifest.text)))
        .collect();
    Ok(Prepared { manifests, wrapped })
}

/// Refuses to wrap what a function has no room for. To try again would be in vain.
fn check_wrappable(length: u64) -> Result<()> {
    if length > MAX_WRAPPED {
        return Err(Error::Unprocessable(format!(
            "the archive has Package.swift at its root, and with {length} bytes it is too large to be put into a folder \
             here (at most {MAX_WRAPPED}); make it with one top-level folder"
        )));
    }
    Ok(())
}

/// The same for a spooled archive, whose bytes are not stored yet. Reading takes a while, so it is not done on a
/// thread that serves other requests.
pub async fn prepare_spool(
    identity: &SwiftIdentity,
    spool: Spool,
    digests: Digests,
    is_signed: bool,
) -> Result<Archive> {
    let identity = identity.clone();
    let reading = tokio::task::spawn_blocking(move || {
        let prepared = prepare(&mut spool.reader(), &identity, is_signed)?;
        let sent = prepared.wrapped.as_ref().map(|_| digests.sha256);
        let (bytes, digests) = prepared.wrapped.unwrap_or((spool, digests));
        Ok(Archive { digests, bytes: Some(bytes), manifests: prepared.manifests, sent })
    });
    reading.await.map_err(|e| Error::internal("reading the archive", e))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_large_to_be_wrapped_is_refused_for_good() {
        check_wrappable(MAX_WRAPPED).unwrap();
        let Err(Error::Unprocessable(text)) = check_wrappable(MAX_WRAPPED + 1) else { panic!("accepted") };
        assert!(text.contains("top-level folder"), "{text}");
    }
}
