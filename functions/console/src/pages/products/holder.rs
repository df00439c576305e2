//! Whose artifacts the pages show.

use axum::http::Method;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::address::{path, with_query};
use crate::back::Problem;
use crate::visit::Visit;

/// Whose artifacts the pages show: those of whoever looks, or with `?org=` those of an organisation.
#[derive(Debug, Clone)]
pub(in crate::pages) struct Holder {
    /// The organisation.
    pub(in crate::pages) org: Option<String>,
}

impl Holder {
    /// As the address of the page says it.
    pub(in crate::pages) fn of(visit: &Visit) -> Self {
        Self { org: visit.query("org") }
    }

    /// Path and query of a page below `/ui/artifacts`.
    pub(in crate::pages) fn page(&self, rest: &[&str]) -> String {
        self.page_with(rest, &[])
    }

    /// The same with more in the query.
    pub(in crate::pages) fn page_with(&self, rest: &[&str], query: &[(&str, Option<&str>)]) -> String {
        let query = [&[("org", self.org.as_deref())], query].concat();
        with_query(&path(&[&["ui", "artifacts"], rest].concat()), &query)
    }

    /// The whole address of a page that says what was done.
    pub(in crate::pages) fn done(&self, visit: &Visit, rest: &[&str], done: &str) -> String {
        format!("{}{}", visit.shell("").base, self.page_with(rest, &[("done", Some(done))]))
    }

    /// Asks the interface for the holder.
    pub(in crate::pages) async fn ask<T: DeserializeOwned>(
        &self,
        visit: &Visit,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T, Problem> {
        visit.ask(method, path, self.org.as_deref(), body).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_stay_with_their_organisation() {
        let own = Holder { org: None };
        assert_eq!(own.page(&["products", "a b"]), "/ui/artifacts/products/a%20b");
        let acme = Holder { org: Some("acme".into()) };
        assert_eq!(acme.page(&[]), "/ui/artifacts?org=acme");
        assert_eq!(
            acme.page_with(&["tokens"], &[("page", Some("2"))]),
            "/ui/artifacts/tokens?org=acme&page=2"
        );
    }
}
