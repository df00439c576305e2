//! Changes of organisations, users, tokens and sign-ins that take more than a plain put.

use aws_sdk_dynamodb::types::AttributeValue;
use granary_model::{EmailAddress, OrgSlug, Result, TokenHash, UserId};
use serde::Serialize;

use crate::Storage;
use crate::item::{number, text};
use crate::keys::Key;
use crate::rows::{EmailRow, UserRow};
use crate::transaction::{Expression, Transaction};

impl Transaction {
    /// Counts a change of an organisation, refusing the transaction unless it is the one that was
    /// authorised.
    ///
    /// Whatever is made in an organisation (a repository, a token) counts, so that its deletion, which
    /// is conditional on `rev`, cannot miss what was made meanwhile.
    pub fn touch_org(&mut self, label: &'static str, slug: &OrgSlug, uid: &str) {
        let expression = Expression {
            update: "ADD rev :one".into(),
            condition: Some("uid = :uid".into()),
            values: vec![(":one", number(1)), (":uid", text(uid))],
            ..Expression::default()
        };
        self.update(label, Key::Org(slug.clone()), expression);
    }

    /// Notes who has agreed to a login. Refused if the login is gone or somebody has agreed already.
    pub fn answer_login(&mut self, label: &'static str, login: &str, user: &UserId) {
        let expression = Expression {
            update: "SET #user = :user".into(),
            condition: Some("attribute_exists(pk) AND #user = :none".into()),
            names: vec![("#user", "user".into())],
            values: vec![(":user", text(user.as_str())), (":none", AttributeValue::Null(true))],
        };
        self.update(label, Key::Login(login.into()), expression);
    }
}

impl Storage {
    /// Writes a user's profile unless the provider has said something else since. `false`: it has.
    pub async fn put_profile(&self, row: &UserRow) -> Result<bool> {
        self.put_later(&Key::User(row.id.clone()), row, row.issued_at).await
    }

    /// Gives an address to a user unless the provider has given it to somebody later. `false`: it has.
    pub async fn claim_email(&self, email: &EmailAddress, row: &EmailRow) -> Result<bool> {
        self.put_later(&Key::UserEmail(email.to_string()), row, row.issued_at).await
    }

    /// Writes a row unless a later one is there.
    async fn put_later<T: Serialize>(&self, key: &Key, row: &T, issued_at: i64) -> Result<bool> {
        let condition = Expression {
            // Rows of before have no such number.
            condition: Some("attribute_not_exists(issued_at) OR issued_at <= :issued".into()),
            values: vec![(":issued", AttributeValue::N(issued_at.to_string()))],
            ..Expression::default()
        };
        self.put_if(key, row, condition).await
    }

    /// Notes the day on which a token was used last, in days since 1970. A token that has been revoked stays so, and a day
    /// that is as late or later stays as well.
    pub async fn note_use(&self, token: &TokenHash, day: i64) -> Result<()> {
        let expression = Expression {
            update: "SET last_used = :day".into(),
            condition: Some(
                "attribute_exists(pk) AND (attribute_not_exists(last_used) OR last_used < :day)".into(),
            ),
            values: vec![(":day", number(day))],
            ..Expression::default()
        };
        self.update_if(&Key::Token(token.clone()), expression, "noting when a token was used").await?;
        Ok(())
    }

    /// Takes an address from a user who has it no more, unless it is somebody else's or was given to the user later than
    /// this moment, in seconds since 1970.
    pub async fn release_email(&self, email: &EmailAddress, user: &UserId, issued_at: i64) -> Result<()> {
        let key = Key::UserEmail(email.to_string());
        let condition = Expression {
            condition: Some("#user = :user AND issued_at <= :issued".into()),
            names: vec![("#user", "user".into())],
            values: vec![
                (":user", text(user.as_str())),
                (":issued", AttributeValue::N(issued_at.to_string())),
            ],
            ..Expression::default()
        };
        self.delete_if(&key, condition, "removing a row").await
    }
}
