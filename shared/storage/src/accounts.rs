//! The parts of changes of organisations and sign-ins that take more than a plain put.

use aws_sdk_dynamodb::types::AttributeValue;
use granary_model::OrgSlug;

use crate::item::{number, text};
use crate::keys::Key;
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

    /// Puts the token into a login that waits for one. Refused if the login is gone or has a token.
    pub fn answer_login(&mut self, label: &'static str, login: &str, token: &str) {
        let expression = Expression {
            update: "SET #token = :token".into(),
            condition: Some("attribute_exists(pk) AND #token = :none".into()),
            names: vec![("#token", "token".into())],
            values: vec![(":token", text(token)), (":none", AttributeValue::Null(true))],
        };
        self.update(label, Key::Login(login.into()), expression);
    }
}
