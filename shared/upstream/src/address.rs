//! Where things are at an upstream. Addresses are made of what was parsed, never of a client's path.

use granary_storage::rows::UpstreamRow;
use url::Url;

use crate::net::Failure;

/// An address below that of an upstream.
///
/// # Errors
/// `Wrong` if the upstream has none, which is no remote one.
pub(crate) fn below(row: &UpstreamRow, path: &str) -> Result<Url, Failure> {
    let wrong = || Failure::Wrong("the upstream has no address".into());
    let base = row.url().ok_or_else(wrong)?;
    Url::parse(&format!("{}/{path}", base.trim_end_matches('/'))).map_err(|_| wrong())
}
