//! The version of the protocol that a client asks for in `Accept`.

use axum::http::{HeaderMap, header};
use granary_http::shown;
use granary_model::Error;

/// What the types of the protocol begin with.
const REGISTRY: &str = "application/vnd.swift.registry";

/// Why a request cannot be answered in a way that the client accepts.
#[derive(Debug)]
pub(crate) enum Unacceptable {
    /// It asks for a type that is none of the protocol's (400).
    Invalid(Error),
    /// It asks for a version of the protocol that is not spoken here (415).
    Unsupported(Error),
}

/// Checks `Accept`. A missing one is accepted, as is whatever covers `served`, the type of the answer; the types
/// of the protocol are accepted in version 1 or without a version.
pub(crate) fn check_accept(headers: &HeaderMap, served: &str) -> Result<(), Unacceptable> {
    let mut unsupported = None;
    let mut any = false;
    for value in headers.get_all(header::ACCEPT) {
        let text = value.to_str().map_err(|_| invalid("it is not text"))?;
        for range in text.split(',').map(|range| range.split(';').next().unwrap_or_default().trim()) {
            if range.is_empty() {
                continue;
            }
            any = true;
            match judge(&range.to_ascii_lowercase(), served) {
                Verdict::Accepted => return Ok(()),
                Verdict::Unsupported => unsupported = Some(range.to_owned()),
                Verdict::Invalid => {}
            }
        }
    }
    match unsupported {
        _ if !any => Ok(()),
        Some(range) => Err(Unacceptable::Unsupported(Error::Unprocessable(format!(
            "unsupported API version: this registry speaks version 1, and '{}' asks for another one",
            shown(&range)
        )))),
        None => Err(invalid(&format!("ask for '{REGISTRY}.v1+json', '{served}' or '*/*'"))),
    }
}

fn invalid(how: &str) -> Unacceptable {
    Unacceptable::Invalid(Error::BadRequest(format!("invalid API version in the Accept header: {how}")))
}

enum Verdict {
    Accepted,
    Unsupported,
    Invalid,
}

fn judge(range: &str, served: &str) -> Verdict {
    let family = served.split_once('/').map_or("", |(family, _)| family);
    if range == "*/*" || range == served || range.strip_suffix("/*") == Some(family) {
        return Verdict::Accepted;
    }
    let Some(rest) = range.strip_prefix(REGISTRY) else { return Verdict::Invalid };
    let (version, form) = rest.split_once('+').map_or((rest, None), |(version, form)| (version, Some(form)));
    if form.is_some_and(|form| !matches!(form, "json" | "zip" | "swift")) {
        return Verdict::Invalid;
    }
    match version.strip_prefix(".v") {
        None if version.is_empty() => Verdict::Accepted,
        Some("1") => Verdict::Accepted,
        Some(number) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => {
            Verdict::Unsupported
        }
        _ => Verdict::Invalid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(accept: &str) -> u16 {
        let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]);
        match check_accept(&headers, "application/json") {
            Ok(()) => 200,
            Err(Unacceptable::Invalid(_)) => 400,
            Err(Unacceptable::Unsupported(_)) => 415,
        }
    }

    #[test]
    fn versions_of_the_protocol() {
        for accepted in [
            "application/vnd.swift.registry.v1+json",
            "application/vnd.swift.registry.v1+zip",
            "application/vnd.swift.registry+json",
            "application/vnd.swift.registry",
            "APPLICATION/VND.SWIFT.REGISTRY.V1+JSON",
            "text/plain, application/vnd.swift.registry.v1+json;q=0.5",
            "application/vnd.swift.registry.v2+json, application/vnd.swift.registry.v1+json",
            "*/*",
            "application/*",
            "application/json",
            "text/html,*/*;q=0.8",
            "",
        ] {
            assert_eq!(status(accepted), 200, "{accepted}");
        }
        for invalid in [
            "application/unknown",
            "application/xml",
            "text/*",
            "application/vnd.swift.registry.vbogus+json",
            "application/vnd.swift.registry.v+json",
            "application/vnd.swift.registry.v1+xml",
            "application/vnd.swift.registryx",
        ] {
            assert_eq!(status(invalid), 400, "{invalid}");
        }
        assert_eq!(status("application/vnd.swift.registry.v2+json"), 415);
        assert_eq!(status("text/plain, application/vnd.swift.registry.v10"), 415);
        assert!(check_accept(&HeaderMap::new(), "application/json").is_ok());
    }
}
