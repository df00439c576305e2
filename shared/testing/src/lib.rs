//! TestApp, actors and builders for in-process tests.
