//! Removing the products of a tenant, and the tokens that reached them.

use granary_model::{Error, Result, Sha256};
use granary_publish::Change;
use granary_publish::product::shown_token;
use granary_storage::rows::Event;
use granary_storage::{Commit, Key, Tenant, Transaction};
use serde::Deserialize;

use super::ATTEMPTS;
use crate::state::AppState;

/// Tokens that are removed in one transaction of 100 parts: each has two rows and an audit record.
const TOKENS: i32 = 33;

/// Products that are removed in one transaction of 100 parts, each with an event and an audit record.
const PRODUCTS: i32 = 33;

/// What has to be known of a token.
#[derive(Deserialize)]
struct Token {
    hash: Sha256,
}

/// What has to be known of a product.
#[derive(Deserialize)]
struct Product {
    name: String,
    uid: String,
    rev: u64,
}

/// Removes all tokens.
pub(super) async fn purge_tokens(state: &AppState, tenant: &Tenant) -> Result<()> {
    // The digest only says which partition to list.
    let first = Key::ProductTokenOf(tenant.clone(), Sha256::from_bytes([0; 32]));
    let mut refusals = 0;
    while refusals < ATTEMPTS {
        let page = state.storage().list::<Token>(&first, "TOKEN#", None, TOKENS).await?;
        if page.rows.is_empty() {
            return Ok(());
        }
        let change = Change::by_system(state.ids(), state.now());
        let mut transaction = Transaction::new();
        for token in page.rows {
            // Must be there still: of two who remove it, one writes that down.
            transaction.delete_existing("list", Key::ProductTokenOf(tenant.clone(), token.hash));
            transaction.delete("token", Key::ProductToken(token.hash));
            let target = shown_token(token.hash);
            change.audit(&mut transaction, &tenant.subject.to_string(), "product-token.delete", &target)?;
        }
        if let Commit::Refused(_) = state.storage().commit(transaction).await? {
            refusals += 1;
        }
    }
    Err(Error::Unavailable("the tokens of products are still being changed; try again".into()))
}

/// Removes all products; what they hold goes by the events that this announces. Nobody makes any, because there are no tokens.
pub(super) async fn purge(state: &AppState, tenant: &Tenant) -> Result<()> {
    let first = Key::Product(tenant.clone(), String::new());
    let mut refusals = 0;
    while refusals < ATTEMPTS {
        let page = state.storage().list::<Product>(&first, "PRODUCT#", None, PRODUCTS).await?;
        if page.rows.is_empty() {
            return Ok(());
        }
        let mut change = Change::by_system(state.ids(), state.now());
        let mut transaction = Transaction::new();
        for product in page.rows {
            let target = format!("product/{}", product.name);
            change.audit(&mut transaction, &tenant.subject.to_string(), "product.delete", &target)?;
            // As it was read: of two who remove it, one announces it.
            transaction.delete_rev("product", Key::Product(tenant.clone(), product.name), product.rev);
            change.announce(&mut transaction, Event::ProductDeleted { uid: product.uid })?;
        }
        match state.storage().commit(transaction).await? {
            Commit::Done => change.notify(state.storage()).await,
            Commit::Refused(_) => refusals += 1,
        }
    }
    Err(Error::Unavailable("the products are still being changed; try again".into()))
}
