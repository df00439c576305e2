//! Tokens by server, as `granary login` keeps them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Kind, Result};
use crate::private_file::{self, Readers};
use crate::secret::Secret;
use crate::server::Server;
use crate::surroundings::Surroundings;

/// What stands in `granary/credentials.json`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Credentials {
    /// The server of the last login, which is meant when none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_server: Option<Server>,
    #[serde(default)]
    servers: BTreeMap<String, Stored>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    token: String,
}

impl std::fmt::Debug for Stored {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Stored")
    }
}

fn path(surroundings: &Surroundings) -> PathBuf {
    surroundings.config_home.join("granary/credentials.json")
}

impl Credentials {
    /// Reads the file; nothing if there is none.
    ///
    /// # Errors
    /// When it cannot be read or is not in the form this program writes.
    pub(crate) fn load(surroundings: &Surroundings) -> Result<Self> {
        let path = path(surroundings);
        let Some(text) = private_file::read(&path)? else { return Ok(Self::default()) };
        serde_json::from_str(&text).map_err(|error| {
            // The error's own text may quote what it found, which may be a token.
            let place = format!("line {}, column {}", error.line(), error.column());
            Failure::failed(format!("{} is damaged at {place}", path.display()))
                .next("Remove the file and log in again: granary login")
        })
    }

    /// Writes the file: mode 0600, in a folder of mode 0700 if it is new, as a whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn save(&self, surroundings: &Surroundings) -> Result<()> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| Failure::failed(format!("credentials cannot be written: {error}")))?;
        private_file::replace(&path(surroundings), &text, Readers::Owner)
    }

    /// Keeps the token of a server, which becomes the one that is meant when none is named.
    pub(crate) fn keep(&mut self, server: &Server, token: &Secret) {
        self.servers.insert(server.to_string(), Stored { token: token.expose().to_owned() });
        self.last_server = Some(server.clone());
    }

    /// Forgets the token of a server; false if there was none.
    pub(crate) fn forget(&mut self, server: &Server) -> bool {
        let known = self.servers.remove(&server.to_string()).is_some();
        if self.last_server.as_ref() == Some(server) {
            self.last_server = None;
        }
        known
    }

    /// The token of a server.
    fn token(&self, server: &Server) -> Option<Secret> {
        self.servers.get(&server.to_string()).and_then(|stored| Secret::new(&stored.token))
    }

    /// The server that is meant: the one named, else that of the last login, else the only one, else one on
    /// this machine.
    ///
    /// # Errors
    /// When the named one is no address, or several are known and none was the last.
    pub(crate) fn choose_server(&self, named: Option<&str>) -> Result<Server> {
        if let Some(named) = named {
            return Server::parse(named);
        }
        if let Some(last) = &self.last_server {
            return Ok(last.clone());
        }
        let mut known = self.servers.keys();
        match (known.next(), known.next()) {
            (None, _) => Ok(Server::default()),
            (Some(only), None) => Server::parse(only),
            (Some(first), Some(_)) => Err(Failure::usage("several registries are known")
                .next(format!("Say which one is meant: --server {first}"))),
        }
    }
}

/// The server that is meant, and the token for it: `GRANARY_TOKEN`, else the stored one.
///
/// # Errors
/// As [`Credentials::load`] and [`Credentials::choose_server`] say.
pub(crate) fn find(surroundings: &Surroundings, named: Option<&str>) -> Result<(Server, Option<Secret>)> {
    let credentials = Credentials::load(surroundings)?;
    let server = credentials.choose_server(named)?;
    let token = surroundings.token.clone().or_else(|| credentials.token(&server));
    Ok((server, token))
}

/// What a caller without a token is told.
pub(crate) fn not_logged_in(server: &Server) -> Failure {
    Failure::new(Kind::NotLoggedIn, format!("not logged in to {server}"))
        .next(format!("Log in first: granary login {server}   (or set GRANARY_TOKEN)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(text: &str) -> Server {
        Server::parse(text).unwrap()
    }

    #[test]
    fn the_last_login_is_meant_and_after_a_logout_the_only_one() {
        let token = Secret::new("t").unwrap();
        let (one, two) = (server("http://one"), server("http://two"));
        let mut credentials = Credentials::default();
        assert_eq!(credentials.choose_server(None).unwrap().to_string(), "http://localhost:8080");
        credentials.keep(&one, &token);
        credentials.keep(&two, &token);
        assert_eq!(credentials.choose_server(None).unwrap(), two);
        assert_eq!(credentials.choose_server(Some("http://three/")).unwrap(), server("http://three"));
        assert!(credentials.forget(&two) && !credentials.forget(&two));
        assert_eq!(credentials.choose_server(None).unwrap(), one);
        credentials.keep(&two, &token);
        credentials.keep(&server("http://three"), &token);
        credentials.forget(&server("http://three"));
        assert_eq!(credentials.choose_server(None).unwrap_err().kind, Kind::Usage);
    }
}
