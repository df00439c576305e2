//! The one error vocabulary of the registry.

/// Result of anything that can fail in front of a client.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong, in words that may be shown to the client.
///
/// It knows nothing of HTTP: `granary-http` maps each kind to a status and renders it in the dialect of
/// the protocol. Only [`Error::Internal`] carries something a client must not read; its text goes to
/// the log and the client gets a bare 500.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A parameter is missing or has a value that cannot be accepted.
    #[error("{0}")]
    BadRequest(String),
    /// No credentials, or credentials that are unknown, expired or revoked.
    #[error("{0}")]
    Unauthorized(String),
    /// The caller may see the thing but not do this to it.
    #[error("{0}")]
    Forbidden(String),
    /// The same, for a reason that has a name of its own: what is wrong with a licence.
    #[error("{message}")]
    Refused {
        /// Stable name of the reason.
        code: &'static str,
        /// What to tell.
        message: String,
    },
    /// There is no such thing, or none that the caller may know of. The text must depend on nothing but
    /// the request, so that hidden and absent things read alike.
    #[error("{0}")]
    NotFound(String),
    /// The thing exists already, or changed under the caller's feet.
    #[error("{0}")]
    Conflict(String),
    /// The request body is over a limit.
    #[error("{0}")]
    TooLarge(String),
    /// The request is well formed but what it carries cannot be used.
    #[error("{0}")]
    Unprocessable(String),
    /// A part of the protocol that this registry does not offer.
    #[error("{0}")]
    NotSupported(String),
    /// A store did not answer or is too busy. Trying again is right.
    #[error("{0}")]
    Unavailable(String),
    /// What another registry answered is of no use. Trying again is of no use either until somebody has seen to it.
    #[error("{0}")]
    BadGateway(String),
    /// A defect or a broken store. The text is for the log only.
    #[error("internal error: {0}")]
    Internal(String),
}

impl Error {
    /// Stable machine-readable name of the kind, as clients see it in `code`.
    ///
    /// `None` for internal errors: the documented body of a 500 carries no code.
    pub fn code(&self) -> Option<&'static str> {
        Some(match self {
            Self::BadRequest(_) => "BAD_REQUEST",
            Self::Unauthorized(_) => "UNAUTHORIZED",
            Self::Forbidden(_) => "FORBIDDEN",
            Self::Refused { code, .. } => code,
            Self::NotFound(_) => "NOT_FOUND",
            Self::Conflict(_) => "CONFLICT",
            Self::TooLarge(_) => "PAYLOAD_TOO_LARGE",
            Self::Unprocessable(_) => "UNPROCESSABLE",
            Self::NotSupported(_) => "NOT_SUPPORTED",
            Self::Unavailable(_) => "UNAVAILABLE",
            Self::BadGateway(_) => "UPSTREAM_FAILED",
            Self::Internal(_) => return None,
        })
    }

    /// An internal error from anything printable, with the place where it happened.
    pub fn internal(context: &str, source: impl std::fmt::Display) -> Self {
        Self::Internal(format!("{context}: {source}"))
    }
}
