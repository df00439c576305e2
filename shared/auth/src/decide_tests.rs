//! Every principal against every action.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use granary_model::{OrgRole, Role, Scope, Timestamp, UserId, Visibility};
use granary_storage::rows::{ConsumerRow, LicenceConstraint, LicenceRow, OnExpiry, OrgRow, RepoRow};
use granary_storage::{Subject, Tenant};

use super::*;

const ACTIONS: [Action; 6] =
    [Action::Fetch, Action::Read, Action::Write, Action::Admin, Action::Owner, Action::ManageTokens];

fn user(id: &str) -> UserId {
    id.parse().unwrap()
}

fn repo(visibility: Visibility) -> RepoRow {
    let members =
        [("reader", Role::Read), ("writer", Role::Write), ("boss", Role::Admin), ("owner", Role::Owner)];
    RepoRow {
        visibility,
        org: Some("acme".parse().unwrap()),
        org_uid: Some("o1".into()),
        members: members.into_iter().map(|(id, role)| (user(id), role)).collect(),
        ..RepoRow::new("libs".parse().unwrap(), "u1".into(), user("owner"), Timestamp::from_millis(0))
    }
}

fn org() -> OrgRow {
    let members = [("oadmin", OrgRole::Admin), ("oowner", OrgRole::Owner), ("omember", OrgRole::Member)];
    OrgRow {
        slug: "acme".parse().unwrap(),
        uid: "o1".into(),
        name: "Acme".into(),
        members: members.into_iter().map(|(id, role)| (user(id), role)).collect(),
        created_at: Timestamp::from_millis(0),
        updated_at: Timestamp::from_millis(0),
        rev: 1,
    }
}

fn session(id: &str) -> Principal {
    Principal::User { id: user(id), scope: Scope::Admin, via: Via::Session, instance_admin: false }
}

fn token(id: &str, scope: Scope) -> Principal {
    Principal::User { id: user(id), scope, via: Via::Token("t".into()), instance_admin: false }
}

fn org_token(uid: &str, scope: Scope) -> Principal {
    Principal::Org { slug: "acme".parse().unwrap(), uid: uid.into(), scope, token: "t".into() }
}

fn repo_token(id: &str, uid: &str, scope: Scope) -> Principal {
    Principal::Repo { id: id.parse().unwrap(), uid: uid.into(), scope, token: "t".into() }
}

fn tenant(slug: &str, uid: &str) -> Tenant {
    Tenant { subject: Subject::Org(slug.parse().unwrap()), uid: Some(uid.into()) }
}

fn licence(slug: &str, uid: &str, suspended: bool) -> Principal {
    Principal::Licence(Arc::new(LicenceRow {
        id: "l".into(),
        tenant: tenant(slug, uid),
        name: "licence".into(),
        key: "12345-12345-ABCDE".parse().unwrap(),
        constraint: LicenceConstraint::None,
        on_expiry: OnExpiry::Revoke,
        suspended,
        meta: None,
        packages: BTreeSet::new(),
        created_at: Timestamp::from_millis(0),
        updated_at: Timestamp::from_millis(0),
        rev: 1,
    }))
}

fn consumer(slug: &str, uid: &str) -> Principal {
    Principal::Consumer(Arc::new(ConsumerRow {
        id: 1,
        tenant: tenant(slug, uid),
        email: "c@example.com".into(),
        public_key: "public-key-1".parse().unwrap(),
        private_key: "private-key-1".parse().unwrap(),
        permissions: BTreeMap::new(),
        created_at: Timestamp::from_millis(0),
        updated_at: Timestamp::from_millis(0),
        changed_at: Timestamp::from_millis(0),
        rev: 1,
    }))
}

#[test]
fn only_admin_scope_sells() {
    for (principal, expected) in [
        (Principal::Anonymous, Decision::Deny(Denial::Unauthenticated)),
        (session("stranger"), Decision::Allow),
        (token("stranger", Scope::Admin), Decision::Allow),
        (token("stranger", Scope::Write), Decision::Deny(Denial::Scope)),
        (org_token("o1", Scope::Admin), Decision::Allow),
        (org_token("o1", Scope::Read), Decision::Deny(Denial::Scope)),
        (repo_token("libs", "u1", Scope::Admin), Decision::Allow),
        (repo_token("libs", "u1", Scope::Write), Decision::Deny(Denial::Scope)),
        (licence("acme", "o1", false), Decision::Deny(Denial::Customer)),
        (licence("acme", "o1", true), Decision::Deny(Denial::Suspended)),
        (consumer("acme", "o1"), Decision::Deny(Denial::Customer)),
    ] {
        assert_eq!(decide_seller(&principal), expected, "{principal:?}");
    }
}

/// One letter per action: `.` allow, `u` unauthenticated, `h` hidden, `r` role, `s` scope, `p` a person, `c` customers do
/// not, `x` suspended.
fn row(principal: &Principal, facts: Option<RepoFacts<'_>>) -> String {
    ACTIONS
        .iter()
        .map(|action| match decide(principal, *action, facts) {
            Decision::Allow => '.',
            Decision::Deny(Denial::Unauthenticated) => 'u',
            Decision::Deny(Denial::Hidden) => 'h',
            Decision::Deny(Denial::Role) => 'r',
            Decision::Deny(Denial::Scope) => 's',
            Decision::Deny(Denial::Session) => 'p',
            Decision::Deny(Denial::Customer) => 'c',
            Decision::Deny(Denial::Suspended) => 'x',
            Decision::Deny(other) => panic!("{other:?} is not about a repository"),
        })
        .collect()
}

#[test]
fn every_principal_against_every_action() {
    let (private, public) = (repo(Visibility::Private), repo(Visibility::Public));
    let admin =
        Principal::User { id: user("root"), scope: Scope::Admin, via: Via::Session, instance_admin: true };
    let limited = Principal::User {
        id: user("root"),
        scope: Scope::Read,
        via: Via::Token("t".into()),
        instance_admin: true,
    };
    // Columns: fetch, read, write, admin, owner, manage tokens; in a private and in a public repository.
    let table: Vec<(Principal, &str, &str)> = vec![
        (Principal::Anonymous, "uuuuuu", "..uuuu"),
        (session("stranger"), "hhhhhh", "..rrrr"),
        (session("reader"), "..rrrr", "..rrrr"),
        (session("writer"), "...rrr", "...rrr"),
        (session("boss"), "....r.", "....r."),
        (session("owner"), "......", "......"),
        (token("owner", Scope::Admin), ".....p", ".....p"),
        (token("owner", Scope::Write), "...sss", "...sss"),
        (token("owner", Scope::Read), "..ssss", "..ssss"),
        (token("writer", Scope::Admin), "...rrr", "...rrr"),
        (token("writer", Scope::Read), "..srrr", "..srrr"),
        (token("stranger", Scope::Admin), "hhhhhh", "..rrrr"),
        (org_token("o1", Scope::Read), "..ssrs", "..ssrs"),
        (org_token("o1", Scope::Write), "...srs", "...srs"),
        (org_token("o1", Scope::Admin), "....r.", "....r."),
        (org_token("o0", Scope::Admin), "hhhhhh", "..rrrr"),
        (repo_token("libs", "u1", Scope::Read), "..ssrp", "..ssrp"),
        (repo_token("libs", "u1", Scope::Write), "...srp", "...srp"),
        (repo_token("libs", "u1", Scope::Admin), "....rp", "....rp"),
        (repo_token("libs", "u0", Scope::Admin), "hhhhhh", "..rrrr"),
        (repo_token("other", "u1", Scope::Admin), "hhhhhh", "..rrrr"),
        (admin, "......", "......"),
        (licence("acme", "o1", false), ".ccccc", "..cccc"),
        (licence("acme", "o0", false), "hhhhhh", "..cccc"),
        (licence("acme", "o1", true), "xxxxxx", "xxxxxx"),
        (consumer("acme", "o1"), ".ccccc", "..cccc"),
        (consumer("other", "o1"), "hhhhhh", "..cccc"),
        (limited, "..ssss", "..ssss"),
    ];
    for (principal, in_private, in_public) in table {
        assert_eq!(row(&principal, Some(RepoFacts::of(&private))), in_private, "private, {principal:?}");
        assert_eq!(row(&principal, Some(RepoFacts::of(&public))), in_public, "public, {principal:?}");
    }
}

#[test]
fn absent_and_deleted_look_like_hidden() {
    let mut gone = repo(Visibility::Public);
    gone.deleting = true;
    for principal in
        [Principal::Anonymous, session("stranger"), session("owner"), repo_token("libs", "u1", Scope::Admin)]
    {
        assert_eq!(row(&principal, None), row(&principal, Some(RepoFacts::of(&gone))), "{principal:?}");
        assert!(!row(&principal, None).contains('.'));
    }
    let private = repo(Visibility::Private);
    for principal in [Principal::Anonymous, session("stranger"), org_token("o0", Scope::Admin)] {
        assert_eq!(row(&principal, None), row(&principal, Some(RepoFacts::of(&private))), "{principal:?}");
    }
}

#[test]
fn the_organisation_gives_roles() {
    let private = repo(Visibility::Private);
    let with = |role| Some(RepoFacts { repo: &private, org_role: role, granted: false });
    assert_eq!(row(&session("oadmin"), with(Some(OrgRole::Admin))), "....r.");
    assert_eq!(row(&session("oowner"), with(Some(OrgRole::Owner))), "......");
    assert_eq!(row(&session("omember"), with(Some(OrgRole::Member))), "hhhhhh");
}

#[test]
fn a_grant_on_a_package_lifts_members_only() {
    let (private, public) = (repo(Visibility::Private), repo(Visibility::Public));
    let with = |repo| Some(RepoFacts { repo, org_role: None, granted: true });
    assert_eq!(row(&session("reader"), with(&private)), "...rrr");
    assert_eq!(row(&token("reader", Scope::Read), with(&private)), "..srrr");
    assert_eq!(row(&session("stranger"), with(&private)), "hhhhhh");
    assert_eq!(row(&session("stranger"), with(&public)), "..rrrr");
}

#[test]
fn organisations() {
    const ORG_ACTIONS: [OrgAction; 7] = [
        OrgAction::View,
        OrgAction::Manage,
        OrgAction::Delete,
        OrgAction::CreateRepo,
        OrgAction::ManageTokens,
        OrgAction::CreateToken,
        OrgAction::Sell,
    ];
    let acme = org();
    let row = |principal: &Principal, org: Option<&OrgRow>| -> String {
        ORG_ACTIONS
            .iter()
            .map(|action| match decide_org(principal, *action, org) {
                Decision::Allow => '.',
                Decision::Deny(Denial::Unauthenticated) => 'u',
                Decision::Deny(Denial::Hidden) => 'h',
                Decision::Deny(Denial::Role) => 'r',
                Decision::Deny(Denial::Scope) => 's',
                Decision::Deny(Denial::Session) => 'p',
                Decision::Deny(other) => panic!("{other:?} is not about an organisation"),
            })
            .collect()
    };
    let table = [
        (Principal::Anonymous, "uuuuuuu"),
        (session("stranger"), "hhhhhhh"),
        (session("omember"), ".rrrrrr"),
        (session("oadmin"), "..r...."),
        (session("oowner"), "......."),
        (token("oowner", Scope::Admin), "....ppp"),
        (token("oowner", Scope::Write), ".sssppp"),
        (org_token("o1", Scope::Read), ".rrrrrr"),
        (org_token("o1", Scope::Admin), ".pr..p."),
        (org_token("o0", Scope::Admin), "hhhhhhh"),
        (repo_token("libs", "u1", Scope::Admin), "hhhhhhh"),
        (licence("acme", "o1", false), "hhhhhhh"),
        (consumer("acme", "o1"), "hhhhhhh"),
    ];
    for (principal, expected) in table {
        assert_eq!(row(&principal, Some(&acme)), expected, "{principal:?}");
    }
    assert_eq!(row(&session("stranger"), None), "hhhhhhh");
    assert_eq!(row(&Principal::Anonymous, None), "uuuuuuu");
}

#[test]
fn only_users_with_admin_scope_act_in_their_own_name() {
    let table = [
        (Principal::Anonymous, Decision::Deny(Denial::Unauthenticated)),
        (session("stranger"), Decision::Allow),
        (token("stranger", Scope::Admin), Decision::Allow),
        (token("stranger", Scope::Write), Decision::Deny(Denial::Scope)),
        (token("stranger", Scope::Read), Decision::Deny(Denial::Scope)),
        (org_token("o1", Scope::Admin), Decision::Deny(Denial::Session)),
        (repo_token("libs", "u1", Scope::Admin), Decision::Deny(Denial::Session)),
        (licence("acme", "o1", false), Decision::Deny(Denial::Customer)),
        (consumer("acme", "o1"), Decision::Deny(Denial::Customer)),
    ];
    for (principal, expected) in table {
        assert_eq!(decide_own(&principal), expected, "{principal:?}");
    }
}
