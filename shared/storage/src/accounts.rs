//! The parts of changes of organisations and sign-ins that take more than a plain put.

use aws_sdk_dynamodb::types::AttributeValue;
use granary_model::{OrgSlug, UserId};

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
