//! Which tokens may reach a product, and its end.

use granary_model::product::ProductFlags;
use granary_model::{Error, Result, Sha256};
use granary_storage::rows::{Event, ProductRow};
use granary_storage::transaction::Refusal;
use granary_storage::{Key, Storage, Transaction};

use crate::change::Change;
use crate::shelf::{Edited, Hand, Next, ShelfEdit, ShelfRow as _, edit_shelf};

/// Most tokens that one product lists: its row is read by every request for it.
pub const MAX_TOKENS: usize = 1_000;

/// Sets what a token may do with a product, whatever it was before. The token must be one of the product's tenant.
///
/// # Errors
/// `BadRequest` if the token is gone, or the product lists too many.
pub async fn set_access(
    hand: &Hand<'_, ProductRow>,
    product: ProductRow,
    token: Sha256,
    flags: ProductFlags,
) -> Result<()> {
    let key = Key::ProductToken(token);
    // A row can stand in a transaction only once, and the caller's own token is required anyway.
    let required = (hand.credential != Some(&key)).then_some(key);
    edit_shelf(hand, product, &mut Grant { storage: hand.storage, token, flags, required }).await?;
    Ok(())
}

/// Takes from a token what it may do with a product. `false`: the product does not list it.
pub async fn remove_access(hand: &Hand<'_, ProductRow>, product: ProductRow, token: Sha256) -> Result<bool> {
    Ok(matches!(edit_shelf(hand, product, &mut Revocation { token }).await?, Edited::Changed(_)))
}

/// Deletes a product. Its name is free at once; its versions and their bytes follow.
pub async fn delete_product(hand: &Hand<'_, ProductRow>, product: ProductRow) -> Result<()> {
    edit_shelf(hand, product, &mut Deletion).await?;
    Ok(())
}

/// A token in audit records, as the name of a caller has it.
pub fn shown_token(token: Sha256) -> String {
    let beginning: String = token.to_string().chars().take(12).collect();
    format!("product-token:{beginning}")
}

struct Grant<'a> {
    storage: &'a Storage,
    token: Sha256,
    flags: ProductFlags,
    required: Option<Key>,
}

impl ShelfEdit<ProductRow> for Grant<'_> {
    fn action(&self) -> &'static str {
        "product.add-token"
    }

    fn detail(&self) -> String {
        format!(" {}", shown_token(self.token))
    }

    async fn apply(
        &mut self,
        mut row: ProductRow,
        transaction: &mut Transaction,
        _change: &mut Change<'_>,
    ) -> Result<Next<ProductRow>> {
        let is_full = !row.tokens.contains_key(&self.token) && row.tokens.len() >= MAX_TOKENS;
        // If the row has moved, the commit is refused, and it is read anew.
        if is_full && is_present(self.storage, &row).await? {
            return Err(Error::BadRequest(format!(
                "the product lists {MAX_TOKENS} tokens, and no more fit; remove some with deleteToken"
            )));
        }
        row.tokens.insert(self.token, self.flags);
        if let Some(key) = &self.required {
            transaction.require("target", key.clone());
        }
        Ok(Next::Write(row))
    }

    fn refused(&mut self, refusal: Refusal) -> Result<()> {
        match refusal.label {
            "target" => Err(Error::BadRequest("token not found".into())),
            label => Err(Error::internal("adding a token", format!("the part '{label}' was refused"))),
        }
    }
}

/// Whether a row is as it was read. One read.
async fn is_present(storage: &Storage, row: &ProductRow) -> Result<bool> {
    let present: Option<ProductRow> = storage.get(&row.key()).await?;
    Ok(present.is_some_and(|present| row.is_still(&present) && present.rev == row.rev))
}

struct Revocation {
    token: Sha256,
}

impl ShelfEdit<ProductRow> for Revocation {
    fn action(&self) -> &'static str {
        "product.delete-token"
    }

    fn detail(&self) -> String {
        format!(" {}", shown_token(self.token))
    }

    async fn apply(
        &mut self,
        mut row: ProductRow,
        _transaction: &mut Transaction,
        _change: &mut Change<'_>,
    ) -> Result<Next<ProductRow>> {
        Ok(if row.tokens.remove(&self.token).is_some() { Next::Write(row) } else { Next::Nothing })
    }
}

struct Deletion;

impl ShelfEdit<ProductRow> for Deletion {
    fn action(&self) -> &'static str {
        "product.delete"
    }

    async fn apply(
        &mut self,
        row: ProductRow,
        transaction: &mut Transaction,
        change: &mut Change<'_>,
    ) -> Result<Next<ProductRow>> {
        change.announce(transaction, Event::ProductDeleted { uid: row.uid })?;
        Ok(Next::Remove)
    }
}
