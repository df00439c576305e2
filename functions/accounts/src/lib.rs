//! Tokens, organisations, members and sign-in: /api/auth and /api/orgs.
