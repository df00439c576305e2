//! The one read that authorising a request takes.

use std::sync::Arc;

use granary_model::{RepoId, Result, TokenHash};
use serde::de::DeserializeOwned;

use crate::Storage;
use crate::item::{Item, item_row, weight};
use crate::kept::{Known, RowName, Ticket};
use crate::keys::{Key, PackageKey};
use crate::rows::{
    BuildTokenRow, ConsumerRow, ExpectationRow, HeadRow, LicenceRow, RepoRow, SessionRow, StoredFileRow,
    TokenRow, VersionRow,
};

/// About how many bytes a row of a list takes.
const LISTED_BYTES: u64 = 1024;

/// What a request is about, below the repository.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The package.
    pub package: &'a PackageKey,
    /// One version of it.
    pub version: Option<&'a str>,
    /// One file of that version.
    pub file: Option<&'a str>,
    /// Whether checksums that came before the file are asked for as well.
    pub expectation: bool,
}

/// By what a caller may be found.
#[derive(Debug, Clone, Copy)]
pub enum Identification<'a> {
    /// A token of the registry.
    Token(&'a TokenHash),
    /// The token of a build.
    Build(&'a TokenHash),
    /// What the browser of a user keeps who signed in.
    Session(&'a TokenHash),
    /// What a seller gave out: perhaps the key of a licence, perhaps of a consumer.
    Customer {
        /// Hash of the key of a licence.
        licence: &'a TokenHash,
        /// Hash of the public key of a consumer.
        consumer: Option<&'a TokenHash>,
    },
}

/// What authorising a request may need, each row as of a moment during the read.
#[derive(Debug, Clone, Default)]
pub struct AccessRows {
    /// The token, if one was asked for and exists.
    pub token: Option<Arc<TokenRow>>,
    /// The token of a build, if one was asked for and exists.
    pub build: Option<Arc<BuildTokenRow>>,
    /// The session of a browser, if one was asked for and exists.
    pub session: Option<Arc<SessionRow>>,
    /// The licence, if one was asked for and exists.
    pub licence: Option<Arc<LicenceRow>>,
    /// The consumer, if one was asked for and exists.
    pub consumer: Option<Arc<ConsumerRow>>,
    /// The repository.
    pub repo: Option<Arc<RepoRow>>,
    /// The package's head.
    pub head: Option<Arc<HeadRow>>,
    /// One version of it.
    pub version: Option<Arc<VersionRow>>,
    /// One file of that version.
    pub file: Option<Arc<StoredFileRow>>,
    /// Checksums that came before that file.
    pub expectation: Option<Arc<ExpectationRow>>,
}

/// A row of a read of several.
enum Asked<T> {
    /// It is not asked for, or it is known what there is.
    Known(Option<Arc<T>>),
    /// It has to be read.
    Unknown(Key, Option<Ticket>),
}

impl<T: DeserializeOwned + Send + Sync + 'static> Asked<T> {
    fn new(storage: &Storage, key: Option<Key>) -> Self {
        let Some(key) = key else { return Self::Known(None) };
        let Some(kept) = &storage.inner.kept else { return Self::Unknown(key, None) };
        match kept.find(RowName::new(storage.table_name(key.table()), &key.pk(), &key.sk())) {
            Known::Row(row) => Self::Known(row),
            Known::Unknown(ticket) => Self::Unknown(key, Some(ticket)),
        }
    }

    /// Puts its key among those to read.
    fn ask(&self, keys: &mut Vec<Key>) {
        if let Self::Unknown(key, _) = self {
            keys.push(key.clone());
        }
    }

    /// Takes its answer from those that came, in the order of the keys.
    fn answer(
        self,
        storage: &Storage,
        items: &mut impl Iterator<Item = Option<Item>>,
    ) -> Result<Option<Arc<T>>> {
        let ticket = match self {
            Self::Known(row) => return Ok(row),
            Self::Unknown(_, ticket) => ticket,
        };
        let item = items.next().flatten();
        let bytes = item.as_ref().map_or(0, weight);
        let row = item.map(item_row).transpose()?.map(Arc::new);
        if let (Some(kept), Some(ticket)) = (&storage.inner.kept, ticket) {
            kept.keep(ticket, row.as_ref(), bytes);
        }
        Ok(row)
    }
}

/// The rows of a package.
struct AskedPackage {
    repo: Asked<RepoRow>,
    head: Asked<HeadRow>,
    version: Asked<VersionRow>,
    file: Asked<StoredFileRow>,
    expectation: Asked<ExpectationRow>,
}

impl AskedPackage {
    fn new(storage: &Storage, repo: Option<&RepoId>, wanted: Option<Wanted<'_>>) -> Self {
        let package = wanted.map(|wanted| wanted.package);
        let version = wanted.and_then(|wanted| Some((wanted.package, wanted.version?)));
        let file = version.zip(wanted.and_then(|wanted| wanted.file));
        let expected = file.filter(|_| wanted.is_some_and(|wanted| wanted.expectation));
        let parts = |((package, version), file): ((&PackageKey, &str), &str)| {
            (PackageKey::clone(package), version.to_owned(), file.to_owned())
        };
        let file_key = file.map(parts).map(|(package, version, file)| Key::File(package, version, file));
        let expectation_key =
            expected.map(parts).map(|(package, version, file)| Key::Expectation(package, version, file));
        let version_key = version.map(|(package, version)| Key::Version(package.clone(), version.into()));
        Self {
            repo: Asked::new(storage, repo.map(|id| Key::Repo(id.clone()))),
            head: Asked::new(storage, package.map(|package| Key::Head(package.clone()))),
            version: Asked::new(storage, version_key),
            file: Asked::new(storage, file_key),
            expectation: Asked::new(storage, expectation_key),
        }
    }

    fn ask(&self, keys: &mut Vec<Key>) {
        self.repo.ask(keys);
        self.head.ask(keys);
        self.version.ask(keys);
        self.file.ask(keys);
        self.expectation.ask(keys);
    }

    fn answer(self, storage: &Storage, items: &mut impl Iterator<Item = Option<Item>>) -> Result<AccessRows> {
        Ok(AccessRows {
            repo: self.repo.answer(storage, items)?,
            head: self.head.answer(storage, items)?,
            version: self.version.answer(storage, items)?,
            file: self.file.answer(storage, items)?,
            expectation: self.expectation.answer(storage, items)?,
            ..AccessRows::default()
        })
    }
}

impl Storage {
    /// Reads the rows of several packages, each with its repository, in one call for each hundred rows.
    pub async fn package_rows(&self, wanted: &[Wanted<'_>]) -> Result<Vec<AccessRows>> {
        let asked = wanted.iter().map(|one| AskedPackage::new(self, Some(&one.package.repo), Some(*one)));
        let asked: Vec<AskedPackage> = asked.collect();
        let mut keys = Vec::new();
        for one in &asked {
            one.ask(&mut keys);
        }
        let items = &mut self.all_items(&keys).await?.into_iter();
        asked.into_iter().map(|one| one.answer(self, items)).collect()
    }

    /// Whether this process alone has tables and bucket, both on its own disk, and so the rows that it needs in memory.
    pub fn is_alone(&self) -> bool {
        self.inner.kept.is_some()
    }

    /// Reads a row that many requests need, strongly consistent; from memory where this process alone writes the table.
    pub async fn shared_row<T>(&self, key: Key) -> Result<Option<Arc<T>>>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        let asked = Asked::new(self, Some(key));
        let mut keys = Vec::new();
        asked.ask(&mut keys);
        let item = match keys.first() {
            Some(key) => self.get_item(key).await?,
            None => None,
        };
        asked.answer(self, &mut std::iter::once(item))
    }

    /// The same for any number of rows of one kind, in the order of the keys: one call for each hundred that has to be read.
    pub async fn shared_rows<T>(&self, keys: Vec<Key>) -> Result<Vec<Option<Arc<T>>>>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        let rows: Vec<Asked<T>> = keys.into_iter().map(|key| Asked::new(self, Some(key))).collect();
        let mut keys = Vec::new();
        for row in &rows {
            row.ask(&mut keys);
        }
        let items = &mut self.all_items(&keys).await?.into_iter();
        rows.into_iter().map(|row| row.answer(self, items)).collect()
    }

    /// All rows of a partition whose sort key begins with `prefix`, as [`Storage::list_all`] gives them; from memory where
    /// this process alone writes the table. For short lists that many requests need.
    pub async fn shared_list<T>(&self, first: &Key, prefix: &str) -> Result<Arc<Vec<T>>>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        let Some(kept) = &self.inner.kept else { return Ok(Arc::new(self.list_all(first, prefix).await?)) };
        let name = RowName::new(self.table_name(first.table()), &first.pk(), prefix);
        let ticket = match kept.find_list(name) {
            Known::Row(Some(rows)) => return Ok(rows),
            Known::Row(None) => return Ok(Arc::default()),
            Known::Unknown(ticket) => ticket,
        };
        let rows = Arc::new(self.list_all(first, prefix).await?);
        kept.keep(ticket, Some(&rows), rows.len() as u64 * LISTED_BYTES);
        Ok(rows)
    }

    /// Reads everything that a request needs to be authorised and answered in one call.
    pub async fn access_rows(
        &self,
        caller: Option<Identification<'_>>,
        repo: Option<&RepoId>,
        wanted: Option<Wanted<'_>>,
    ) -> Result<AccessRows> {
        let [token, build, session, licence, consumer] = caller.map_or([const { None }; 5], caller_keys);
        let token = Asked::new(self, token);
        let build = Asked::new(self, build);
        let session = Asked::new(self, session);
        let licence = Asked::new(self, licence);
        let consumer = Asked::new(self, consumer);
        let package = AskedPackage::new(self, repo, wanted);

        let mut keys = Vec::new();
        token.ask(&mut keys);
        build.ask(&mut keys);
        session.ask(&mut keys);
        licence.ask(&mut keys);
        consumer.ask(&mut keys);
        package.ask(&mut keys);
        let items = if keys.is_empty() { Vec::new() } else { self.batch_items(&keys).await? };
        let items = &mut items.into_iter();
        // In the order in which they were asked.
        let (token, build) = (token.answer(self, items)?, build.answer(self, items)?);
        let (session, licence) = (session.answer(self, items)?, licence.answer(self, items)?);
        let consumer = consumer.answer(self, items)?;
        Ok(AccessRows { token, build, session, licence, consumer, ..package.answer(self, items)? })
    }
}

/// The rows that a caller may be found in: token, token of a build, session, licence, consumer.
fn caller_keys(caller: Identification<'_>) -> [Option<Key>; 5] {
    match caller {
        Identification::Token(hash) => [Some(Key::Token(hash.clone())), None, None, None, None],
        Identification::Build(hash) => [None, Some(Key::BuildToken(hash.clone())), None, None, None],
        Identification::Session(hash) => [None, None, Some(Key::Session(hash.clone())), None, None],
        Identification::Customer { licence, consumer } => {
            let consumer = consumer.map(|hash| Key::ConsumerKey(hash.clone()));
            [None, None, None, Some(Key::LicenceKey(licence.clone())), consumer]
        }
    }
}
