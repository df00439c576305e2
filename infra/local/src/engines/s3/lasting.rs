//! Which objects have to survive a power cut.

use granary_storage::ObjectKey;

/// How long an object has to last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lasting {
    /// Whoever is told that it is stored relies on it.
    Stays,
    /// Whoever misses it makes it again out of the rows. So nobody waits for the disk, and what a power cut has left of it
    /// is found out when it is read.
    MadeAgain,
}

impl Lasting {
    /// That of the object with this key.
    pub(crate) fn of(key: &str) -> Self {
        if key.starts_with(ObjectKey::DOCUMENTS) { Self::MadeAgain } else { Self::Stays }
    }
}
