//! Upstreams as requests bring them, checked.

use std::collections::BTreeSet;

use axum::http::HeaderMap;
use granary_http::permit::{Admin, Read};
use granary_http::{AppState, Fields, RepoAccess};
use granary_model::upstream::{
    FRESH, FilePolicy, MAX_COOLDOWN, MAX_PATTERNS, NamePattern, RemovedPolicy, UpstreamName,
};
use granary_model::{Error, PackageType, RepoId, Result, Visibility};
use granary_storage::rows::{RepoRow, UpstreamPlace, UpstreamRow};
use granary_upstream::guard;
use granary_upstream::seal::Credential;
use url::{Host, Url};

/// Longest address, in bytes.
const MAX_URL: usize = 2000;

/// Longest part of a credential, in bytes.
const MAX_SECRET: usize = 4000;

/// Most hosts that files may come from besides.
const MAX_HOSTS: usize = 20;

/// Most bytes that the settings of all upstreams of a repository take: each request reads them, and a table takes no row of more
/// than 400 KB.
const MAX_SETTINGS: usize = 100_000;

/// What becomes of a credential.
#[derive(Debug, Default)]
enum Secret {
    /// It stays as it is.
    #[default]
    Keep,
    /// There is none from now on.
    Clear,
    /// This one.
    Set(Credential),
}

/// What a change of an upstream says; `None` for what it does not name.
#[derive(Debug, Default)]
pub(crate) struct Input {
    pub(crate) name: Option<UpstreamName>,
    pub(crate) kind: Option<PackageType>,
    place: Option<UpstreamPlace>,
    credential: Secret,
    names: Option<Vec<NamePattern>>,
    owned: Option<Vec<NamePattern>>,
    fresh_seconds: Option<u32>,
    cooldown_days: Option<u16>,
    cooldown_except: Option<Vec<NamePattern>>,
    files: Option<FilePolicy>,
    removed: Option<RemovedPolicy>,
    file_hosts: Option<Vec<String>>,
    anonymous: Option<bool>,
    search: Option<bool>,
    /// Its place in the order, from 0.
    pub(crate) position: Option<usize>,
}

impl Input {
    /// Names of the fields.
    pub(crate) const FIELDS: [&str; 16] = [
        "name",
        "packageType",
        "url",
        "repoId",
        "credential",
        "names",
        "owned",
        "freshSeconds",
        "cooldownDays",
        "cooldownExcept",
        "files",
        "removed",
        "fileHosts",
        "anonymous",
        "search",
        "position",
    ];

    /// Reads the fields. A repository here that is named must be one that the caller may read, and of the same owner or public.
    pub(crate) async fn read(
        state: &AppState,
        headers: &HeaderMap,
        repo: &RepoRow,
        fields: &Fields,
    ) -> Result<Self> {
        let place = match (fields.text("url")?, fields.text("repoId")?) {
            (Some(_), Some(_)) => {
                return Err(Error::BadRequest("an upstream has a url or a repoId, not both".into()));
            }
            (Some(url), None) => Some(UpstreamPlace::Remote { url: remote(state, url)? }),
            (None, Some(id)) => Some(member(state, headers, repo, id).await?),
            (None, None) => None,
        };
        Ok(Self {
            name: fields.parsed("name")?,
            kind: fields.parsed("packageType")?,
            place,
            credential: credential(fields)?,
            names: patterns(fields, "names")?,
            owned: patterns(fields, "owned")?,
            fresh_seconds: whole(fields, "freshSeconds", *FRESH.start(), *FRESH.end())?,
            cooldown_days: whole(fields, "cooldownDays", 0, u32::from(MAX_COOLDOWN))?
                .and_then(|days| u16::try_from(days).ok()),
            cooldown_except: patterns(fields, "cooldownExcept")?,
            files: fields.parsed("files")?,
            removed: fields.parsed("removed")?,
            file_hosts: hosts(fields)?,
            anonymous: fields.json("anonymous")?,
            search: fields.json("search")?,
            position: whole(fields, "position", 0, 1000)?.and_then(|at| usize::try_from(at).ok()),
        })
    }

    /// Where it is, for a new one.
    pub(crate) fn place(&self) -> Option<&UpstreamPlace> {
        self.place.as_ref()
    }

    /// Whether another registry is named than that of an upstream: what came from the one is nothing of the other.
    pub(crate) fn moves(&self, row: &UpstreamRow) -> bool {
        self.place.as_ref().is_some_and(|place| *place != row.place)
    }

    /// Puts it into a row, whose `uid` is final, and checks that everything fits together.
    pub(crate) fn apply(&self, state: &AppState, repo: &RepoRow, row: &mut UpstreamRow) -> Result<()> {
        fn set<T: Clone>(field: &mut T, value: Option<&T>) {
            if let Some(value) = value {
                field.clone_from(value);
            }
        }
        let before = row.clone();
        set(&mut row.name, self.name.as_ref());
        set(&mut row.place, self.place.as_ref());
        set(&mut row.names, self.names.as_ref());
        set(&mut row.owned, self.owned.as_ref());
        set(&mut row.fresh_seconds, self.fresh_seconds.as_ref());
        set(&mut row.cooldown_days, self.cooldown_days.as_ref());
        set(&mut row.cooldown_except, self.cooldown_except.as_ref());
        set(&mut row.files, self.files.as_ref());
        set(&mut row.removed, self.removed.as_ref());
        set(&mut row.file_hosts, self.file_hosts.as_ref());
        set(&mut row.anonymous, self.anonymous.as_ref());
        set(&mut row.search, self.search.as_ref());
        match &self.credential {
            Secret::Keep if !self.moves(&before) => {}
            // A credential is for one registry.
            Secret::Keep | Secret::Clear => row.credential = None,
            Secret::Set(credential) => {
                let place = granary_upstream::seal_place(&repo.uid, row);
                row.credential = Some(state.config().secret_keys.seal(credential, &place)?);
            }
        }
        fits(row)
    }
}

/// Checks that the settings of all upstreams of a repository take no more room than there is for them.
pub(crate) fn fit_into_row(rows: &[UpstreamRow]) -> Result<()> {
    let bytes = serde_json::to_vec(rows).map_err(|e| Error::internal("measuring upstreams", e))?.len();
    if bytes <= MAX_SETTINGS {
        return Ok(());
    }
    Err(Error::BadRequest(format!(
        "the settings of all upstreams of a repository take at most {MAX_SETTINGS} bytes, and these would be {bytes}; use patterns \
         such as '@acme/*' in place of many names"
    )))
}

/// Checks that the settings of an upstream fit together.
fn fits(row: &UpstreamRow) -> Result<()> {
    let refuse = |why: &str| Err(Error::BadRequest(why.into()));
    match row.place {
        UpstreamPlace::Repo { .. } => {
            if row.credential.is_some() || !row.file_hosts.is_empty() {
                return refuse("a repository here needs neither a credential nor fileHosts");
            }
            if row.files == FilePolicy::Redirect || row.cooldown_days > 0 || row.search {
                return refuse("files, cooldownDays and search are for registries elsewhere (url)");
            }
        }
        UpstreamPlace::Remote { .. } => {
            if !matches!(row.kind, PackageType::Npm | PackageType::Maven) {
                return refuse(
                    "registries elsewhere (url) can be upstreams for npm and Maven; for other types name a repository here (repoId)",
                );
            }
            if row.kind == PackageType::Maven && row.files == FilePolicy::Redirect && row.cooldown_days > 0 {
                return refuse(
                    "how old a file of Maven is, is only known when it is fetched: choose files 'store', or cooldownDays 0",
                );
            }
            if row.credential.is_some() && row.files == FilePolicy::Redirect {
                return refuse(
                    "clients can only be redirected to files that everybody may read: choose files 'store', or take the \
                     credential out",
                );
            }
        }
    }
    Ok(())
}

/// The address of a registry elsewhere.
fn remote(state: &AppState, text: &str) -> Result<String> {
    let wrong = |why: &str| Error::BadRequest(format!("url: {why}"));
    if text.len() > MAX_URL {
        return Err(wrong("the address is too long"));
    }
    let mut url = Url::parse(text).map_err(|_| wrong("it is not an address such as https://host/path/"))?;
    if url.host_str().is_none() {
        return Err(wrong("it is not an address such as https://host/path/"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(
            "the address has credentials in it; send them as 'credential', where they are kept sealed",
        ));
    }
    guard::check(&url, state.config().kmp.allow_private_sources).map_err(wrong)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("the address must have neither a query nor a fragment"));
    }
    let place = |url: &Url| (url.host_str().map(str::to_owned), url.port_or_known_default());
    let own = Url::parse(&state.config().public_url).ok();
    if own.is_some_and(|own| place(&own) == place(&url)) {
        return Err(wrong("this is the registry itself; name a repository of it by 'repoId'"));
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url.into())
}

/// A repository here.
async fn member(state: &AppState, headers: &HeaderMap, repo: &RepoRow, id: &str) -> Result<UpstreamPlace> {
    let id: RepoId = id.parse().map_err(|error| Error::BadRequest(format!("repoId: {error}")))?;
    if id == repo.id {
        return Err(Error::BadRequest("repoId: a repository is no upstream of itself".into()));
    }
    let access = match RepoAccess::<Read>::authorize(state, headers, id.as_str(), None).await {
        Err(Error::NotFound(_)) => {
            return Err(Error::BadRequest(format!("repoId: there is no repository '{id}' you may read")));
        }
        other => other?,
    };
    let uid = access.repo.uid.clone();
    if access.repo.visibility != Visibility::Public {
        if !granary_upstream::may_be_member(repo, &access.repo) {
            return Err(Error::BadRequest(format!(
                "repoId: '{id}' is private, so it has to be of the same owner as this repository, and this one has to be private \
                 as well: its readers get what '{id}' holds"
            )));
        }
        // Whoever decides who reads this repository decides from now on who reads that one.
        RepoAccess::<Admin>::authorize(state, headers, id.as_str(), None).await.map_err(|_| {
            Error::Forbidden(format!(
                "repoId: only an administrator of '{id}' can let others read what it holds"
            ))
        })?;
    }
    Ok(UpstreamPlace::Repo { repo: id, repo_uid: uid })
}

fn credential(fields: &Fields) -> Result<Secret> {
    let Some(object) = fields.object("credential")? else {
        return Ok(if fields.has("credential") { Secret::Clear } else { Secret::Keep });
    };
    object.only(&["token", "username", "password"])?;
    let text = |name: &str| match object.text(name)? {
        Some("") => Err(Error::BadRequest(format!("credential.{name}: it is empty"))),
        Some(text) if text.len() > MAX_SECRET => {
            Err(Error::BadRequest(format!("credential.{name}: at most {MAX_SECRET} bytes")))
        }
        other => Ok(other.map(str::to_owned)),
    };
    let credential = match (text("token")?, text("username")?, text("password")?) {
        (Some(token), None, None) => Credential::Token { token },
        (None, Some(username), Some(password)) => Credential::Password { username, password },
        _ => {
            return Err(Error::BadRequest(
                "credential: send {\"token\": ..} or {\"username\": .., \"password\": ..}".into(),
            ));
        }
    };
    credential.header()?;
    Ok(Secret::Set(credential))
}

fn patterns(fields: &Fields, name: &str) -> Result<Option<Vec<NamePattern>>> {
    let list: Option<Vec<NamePattern>> = fields.list(name)?;
    if list.as_ref().is_some_and(|list| list.len() > MAX_PATTERNS) {
        return Err(Error::BadRequest(format!("{name}: at most {MAX_PATTERNS} patterns")));
    }
    Ok(list)
}

/// A whole number within bounds.
fn whole(fields: &Fields, name: &str, least: u32, most: u32) -> Result<Option<u32>> {
    let Some(number) = fields.number(name)? else { return Ok(None) };
    // Through text: a number with a fraction, a sign or an exponent is none of those that are meant.
    let number = number.to_string().parse().ok().filter(|number| (least..=most).contains(number));
    number
        .map(Some)
        .ok_or_else(|| Error::BadRequest(format!("{name}: a whole number from {least} to {most}")))
}

fn hosts(fields: &Fields) -> Result<Option<Vec<String>>> {
    let Some(list) = fields.list::<HostName>("fileHosts")? else { return Ok(None) };
    let hosts: BTreeSet<String> = list.into_iter().map(|host| host.0).collect();
    if hosts.len() > MAX_HOSTS {
        return Err(Error::BadRequest(format!("fileHosts: at most {MAX_HOSTS} hosts")));
    }
    Ok(Some(hosts.into_iter().collect()))
}

/// `host` or `host:port`.
struct HostName(String);

impl std::str::FromStr for HostName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong =
            || Error::BadRequest("write a host such as cdn.example.com or cdn.example.com:8443".into());
        let url = Url::parse(&format!("https://{text}/")).map_err(|_| wrong())?;
        let is_bare = url.path() == "/" && url.username().is_empty() && url.password().is_none();
        let is_plain = is_bare && url.query().is_none() && url.fragment().is_none();
        let (true, Some(host @ (Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_)))) = (is_plain, url.host())
        else {
            return Err(wrong());
        };
        Ok(Self(url.port().map_or_else(|| host.to_string(), |port| format!("{host}:{port}"))))
    }
}
