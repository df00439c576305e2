//! What a new registry needs: somebody who may do everything, and a token to begin with.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use granary_http::{AppState, administrator_token};
use granary_model::{Ids as _, RandomIds, UserId};
use granary_upstream::seal::{KEY, Keys};

/// Where the token of that user is kept.
pub(crate) fn token_path(data: &Path) -> PathBuf {
    data.join("admin-token")
}

/// A token that was made at the first start.
pub(crate) struct FirstToken {
    /// Whose it is.
    pub(crate) user: UserId,
    /// The token.
    pub(crate) token: String,
}

/// Makes a token of all scopes for the first administrator, unless the token's file is there. Gives the token if
/// it is new.
///
/// A lost token is replaced in the same way: remove the file and start again.
pub(crate) async fn ensure_admin(state: &AppState, data: &Path) -> anyhow::Result<Option<FirstToken>> {
    let path = token_path(data);
    if path.exists() {
        return Ok(None);
    }
    let Some(user) = state.config().instance_admins.first() else {
        tracing::warn!("nobody administers this registry, because GRANARY_ADMINS names nobody");
        return Ok(None);
    };
    let token = administrator_token(state, user, "first start", None).await?;
    write_secret(&path, token.expose()).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(Some(FirstToken { user: user.clone(), token: token.expose().to_owned() }))
}

/// What credentials of upstreams are sealed with: made at the first start. Whoever loses it has to set those credentials again.
pub(crate) fn secret_keys(data: &Path) -> anyhow::Result<Keys> {
    let path = data.join("secret-key");
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let mut key = [0; KEY];
            RandomIds.fill(&mut key);
            let text = STANDARD.encode(key);
            write_secret(&path, &text).with_context(|| format!("cannot write {}", path.display()))?;
            text
        }
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    Keys::parse(text.trim()).with_context(|| format!("cannot use the key in {}", path.display()))
}

/// Writes a file that only its owner can read, whole or not at all, and durably.
fn write_secret(path: &Path, secret: &str) -> std::io::Result<()> {
    let temporary = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    writeln!(file, "{secret}")?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// What to type next, to be copied line by line.
pub(crate) fn first_steps(public_url: &str, data: &Path) -> String {
    let token = token_path(data);
    let token = token.display();
    let host = public_url.split_once("://").map_or(public_url, |(_, host)| host);
    format!(
        "\
A token for everything is in {token}. To begin, in another terminal:

  # a repository for npm packages
  curl -X POST {public_url}/api/repos -H \"Authorization: Bearer $(cat {token})\" \\
    -H 'Content-Type: application/json' -d '{{\"name\":\"my-npm\",\"packageTypes\":[\"npm\"]}}'

  # npm, pnpm and Bun: send the token to it
  npm config set //{host}/api/npm/my-npm/:_authToken \"$(cat {token})\"

  # a first publish
  mkdir hello && cd hello && npm init -y
  npm publish --registry {public_url}/api/npm/my-npm/

  # a first install
  mkdir ../world && cd ../world && npm init -y
  npm install hello --registry {public_url}/api/npm/my-npm/

The slash at the end of the registry address matters: npm looks up the token by it.

Or open {public_url} in a browser, and sign in as admin.
"
    )
}
