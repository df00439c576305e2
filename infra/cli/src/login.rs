//! `granary login` and `granary logout`.

use crate::api::{Api, Who};
use crate::arguments::{LoginArguments, LogoutArguments};
use crate::credentials::Credentials;
use crate::failure::{Failure, Result};
use crate::prompt;
use crate::screen::Screen;
use crate::secret::Secret;
use crate::surroundings::Surroundings;

/// Tries a token and keeps it.
///
/// # Errors
/// When there is none, the server does not accept it, or it cannot be kept.
pub(crate) async fn login(
    arguments: &LoginArguments,
    surroundings: &Surroundings,
    screen: &mut Screen,
) -> Result<()> {
    let mut credentials = Credentials::load(surroundings)?;
    let server = credentials.choose_server(arguments.server.as_deref())?;
    if server.is_plain() && !server.is_local() {
        screen.problem(&format!("Warning: the token goes to {server} unencrypted"));
    }
    let token = match &arguments.token {
        Some(text) => Secret::new(text).ok_or_else(|| Failure::usage("--token is no token"))?,
        None if surroundings.can_ask => {
            screen.remark(&format!("A token for {server}; what you type is not shown."));
            prompt::ask(screen).await?
        }
        None => prompt::read_pipe().await?,
    };
    let who = Api::new(surroundings, server.clone(), Some(token.clone()))?.who().await?;
    credentials.keep(&server, &token);
    credentials.save(surroundings)?;
    screen.say(&match who {
        Who::User(user) => format!("Logged in to {server} as {user}."),
        Who::Token => format!("Logged in to {server} with a token of a repository or an organisation."),
    });
    if surroundings.token.is_some() {
        screen.problem("Note: GRANARY_TOKEN is set and is used instead of the token that was kept now.");
    }
    Ok(())
}

/// Forgets a token.
///
/// # Errors
/// When the file with the tokens cannot be read or written.
pub(crate) fn logout(
    arguments: &LogoutArguments,
    surroundings: &Surroundings,
    screen: &mut Screen,
) -> Result<()> {
    let mut credentials = Credentials::load(surroundings)?;
    let server = credentials.choose_server(arguments.server.as_deref())?;
    if credentials.forget(&server) {
        credentials.save(surroundings)?;
        screen.say(&format!("Logged out of {server}. The token itself stays valid until it is revoked."));
    } else {
        screen.say(&format!("There is no token for {server}."));
    }
    Ok(())
}
