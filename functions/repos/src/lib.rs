//! Repositories, their members, tokens and packages: /api/repos.
