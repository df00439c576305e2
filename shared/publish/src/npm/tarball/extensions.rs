//! Headers that say more about the entry after them: pax records and GNU long names.

use granary_model::Result;

use super::refuse;

/// What was said ahead of an entry.
#[derive(Default)]
pub(super) struct Extensions {
    pax: Option<PaxRecords>,
    long_name: Option<Vec<u8>>,
}

impl Extensions {
    pub(super) fn is_empty(&self) -> bool {
        self.pax.is_none() && self.long_name.is_none()
    }

    pub(super) fn set_pax(&mut self, records: PaxRecords) -> Result<()> {
        if self.pax.replace(records).is_some() {
            return Err(refuse("has two extension headers for one entry"));
        }
        Ok(())
    }

    pub(super) fn set_long_name(&mut self, mut name: Vec<u8>) -> Result<()> {
        // GNU tar ends the name with a NUL; everybody stops reading there.
        name.pop_if(|last| *last == 0);
        if self.long_name.replace(name).is_some() {
            return Err(refuse("has two long names for one entry"));
        }
        Ok(())
    }

    /// The path of the entry, whose header has this one and this size.
    pub(super) fn path(self, in_header: &[u8], size: u64) -> Result<String> {
        let records = self.pax.unwrap_or_default();
        let bytes = match (records.path, self.long_name) {
            (Some(_), Some(_)) => return Err(refuse("has two long names for one entry")),
            (Some(path), None) | (None, Some(path)) => path,
            (None, None) => in_header.to_vec(),
        };
        let path = String::from_utf8(bytes).map_err(|error| {
            let lossy = String::from_utf8_lossy(error.as_bytes()).into_owned();
            refuse(&format!("has an entry '{}' whose name is not UTF-8", crate::json_guard::shown(&lossy)))
        })?;
        let shown = crate::json_guard::shown(&path);
        if records.is_sparse {
            return Err(refuse(&format!("has an entry '{shown}' that is a sparse file")));
        }
        if records.has_link {
            return Err(refuse(&format!("has an entry '{shown}' with the target of a link")));
        }
        if records.size.is_some_and(|said| said != size) {
            return Err(refuse(&format!("has an entry '{shown}' with two different sizes")));
        }
        Ok(path)
    }
}

/// The records of a pax header that decide where an entry goes and how long it is. Times, owners and
/// attributes are of no interest.
#[derive(Default)]
pub(super) struct PaxRecords {
    path: Option<Vec<u8>>,
    size: Option<u64>,
    has_link: bool,
    is_sparse: bool,
}

impl PaxRecords {
    /// Parses records of the form `<length> <key>=<value>\n`, the length counting the whole record.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self> {
        let damaged = || refuse("has a damaged pax header");
        let mut records = Self::default();
        let mut seen = 0;
        let mut rest = bytes;
        while !rest.is_empty() {
            let space = rest.iter().take(8).position(|&byte| byte == b' ').ok_or_else(damaged)?;
            let length: usize = rest
                .get(..space)
                .and_then(|digits| std::str::from_utf8(digits).ok())
                .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()))
                .and_then(|digits| digits.parse().ok())
                .ok_or_else(damaged)?;
            let record = rest.get(space + 1..length).ok_or_else(damaged)?;
            let record = record.strip_suffix(b"\n").ok_or_else(damaged)?;
            let equals = record.iter().position(|&byte| byte == b'=').ok_or_else(damaged)?;
            let (key, value) = record.split_at(equals);
            seen += usize::from(records.set(key, value.get(1..).unwrap_or_default())?);
            rest = rest.get(length..).unwrap_or_default();
        }
        // Readers that go by lines (node-tar does) would find a record inside of another one's value.
        let lookalikes: usize =
            DECIDING.iter().map(|key| bytes.windows(key.len()).filter(|found| found == key).count()).sum();
        if lookalikes > seen {
            return Err(refuse("has a pax header that hides a path or size in another value"));
        }
        Ok(records)
    }

    /// Whether it would change the path or the size of an entry.
    pub(super) fn decides_anything(&self) -> bool {
        self.path.is_some() || self.size.is_some() || self.has_link || self.is_sparse
    }

    /// Takes a record; true if it is one of [`DECIDING`].
    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<bool> {
        let repeated = match key {
            b"path" => self.path.replace(value.to_vec()).is_some(),
            b"size" => {
                let size = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                let size = size.ok_or_else(|| refuse("has a damaged pax header"))?;
                self.size.replace(size).is_some()
            }
            b"linkpath" => std::mem::replace(&mut self.has_link, true),
            _ => {
                self.is_sparse |= key.starts_with(b"GNU.sparse.");
                return Ok(false);
            }
        };
        if repeated {
            return Err(refuse("has a pax header with the same record twice"));
        }
        Ok(true)
    }
}

const DECIDING: [&[u8]; 3] = [b" path=", b" size=", b" linkpath="];
