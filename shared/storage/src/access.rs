//! The one read that authorising a request takes.

use granary_model::{RepoId, Result, TokenHash};

use crate::Storage;
use crate::item::{Item, item_row};
use crate::keys::{Key, PackageKey};
use crate::rows::{
    BuildTokenRow, ConsumerRow, ExpectationRow, HeadRow, LicenceRow, RepoRow, SessionRow, StoredFileRow,
    TokenRow, VersionRow,
};

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

/// What authorising a request may need, as of one moment.
#[derive(Debug, Clone, Default)]
pub struct AccessRows {
    /// The token, if one was asked for and exists.
    pub token: Option<TokenRow>,
    /// The token of a build, if one was asked for and exists.
    pub build: Option<BuildTokenRow>,
    /// The session of a browser, if one was asked for and exists.
    pub session: Option<SessionRow>,
    /// The licence, if one was asked for and exists.
    pub licence: Option<LicenceRow>,
    /// The consumer, if one was asked for and exists.
    pub consumer: Option<ConsumerRow>,
    /// The repository.
    pub repo: Option<RepoRow>,
    /// The package's head.
    pub head: Option<HeadRow>,
    /// One version of it.
    pub version: Option<VersionRow>,
    /// One file of that version.
    pub file: Option<StoredFileRow>,
    /// Checksums that came before that file.
    pub expectation: Option<ExpectationRow>,
}

impl Storage {
    /// Reads everything that a request needs to be authorised and answered in one call.
    pub async fn access_rows(
        &self,
        caller: Option<Identification<'_>>,
        repo: Option<&RepoId>,
        wanted: Option<Wanted<'_>>,
    ) -> Result<AccessRows> {
        let package = wanted.map(|wanted| wanted.package);
        let version = wanted.and_then(|wanted| Some((wanted.package, wanted.version?)));
        let file = version.zip(wanted.and_then(|wanted| wanted.file));
        let expected = file.filter(|_| wanted.is_some_and(|wanted| wanted.expectation));
        let file_key = |((package, version), file): ((&PackageKey, &str), &str)| {
            (PackageKey::clone(package), version.to_owned(), file.to_owned())
        };
        let [token, build, session, licence, consumer] = caller.map_or([const { None }; 5], caller_keys);
        let slots = [
            token,
            build,
            session,
            licence,
            consumer,
            repo.map(|id| Key::Repo(id.clone())),
            package.map(|package| Key::Head(package.clone())),
            version.map(|(package, version)| Key::Version(package.clone(), version.into())),
            file.map(file_key).map(|(package, version, file)| Key::File(package, version, file)),
            expected.map(file_key).map(|(package, version, file)| Key::Expectation(package, version, file)),
        ];
        let asked = slots.each_ref().map(Option::is_some);
        let keys: Vec<Key> = slots.into_iter().flatten().collect();
        if keys.is_empty() {
            return Ok(AccessRows::default());
        }
        let mut items = self.batch_items(&keys).await?.into_iter();
        let next = |asked: bool| -> Option<Item> { if asked { items.next()? } else { None } };
        let [token, build, session, licence, consumer, repo, head, version, file, expectation] =
            asked.map(next);
        Ok(AccessRows {
            token: token.map(item_row).transpose()?,
            build: build.map(item_row).transpose()?,
            session: session.map(item_row).transpose()?,
            licence: licence.map(item_row).transpose()?,
            consumer: consumer.map(item_row).transpose()?,
            repo: repo.map(item_row).transpose()?,
            head: head.map(item_row).transpose()?,
            version: version.map(item_row).transpose()?,
            file: file.map(item_row).transpose()?,
            expectation: expectation.map(item_row).transpose()?,
        })
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
