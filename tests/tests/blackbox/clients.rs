//! Which client is taken through which scenario.

use granary_tests::tool;

use crate::scenarios;

/// One module per client, one test per scenario.
macro_rules! suite {
    ($module:ident, $tool:expr, [$($scenario:path as $name:ident),* $(,)?]) => {
        mod $module {
            use super::*;
            $(
                #[tokio::test]
                async fn $name() -> anyhow::Result<()> {
                    $scenario($tool).await
                }
            )*
        }
    };
}

use scenarios::{access, login, maintaining, publishing, reading};

/// What every client can do.
macro_rules! full_suite {
    ($module:ident, $tool:expr, [$($scenario:path as $name:ident),* $(,)?]) => {
        suite!($module, $tool, [
            publishing::publish_install_and_reinstall as publish_install_and_reinstall,
            publishing::duplicate_is_refused as duplicate_is_refused,
            publishing::identical_again_is_a_success as identical_again_is_a_success,
            reading::shows_facts as shows_facts,
            access::private_needs_a_token as private_needs_a_token,
            access::wrong_token_is_refused as wrong_token_is_refused,
            access::read_token_cannot_publish as read_token_cannot_publish,
            $($scenario as $name,)*
        ]);
    };
}

/// What npm adds, in all its versions.
macro_rules! npm_suite {
    ($module:ident, $tool:expr) => {
        full_suite!(
            $module,
            $tool,
            [
                publishing::packed_bytes_are_served as packed_bytes_are_served,
                maintaining::tags as tags,
                maintaining::deprecation as deprecation,
                maintaining::unpublishing as unpublishing,
                reading::search as search,
                reading::whoami as whoami,
                reading::ping as ping,
                reading::audit as audit,
                access::visibility_and_owners as visibility_and_owners,
                login::by_web as login_by_web,
                login::by_password as login_by_password,
                login::tokens as tokens,
            ]
        );
    };
}

npm_suite!(npm_10, tool::NPM_10);
npm_suite!(npm_11, tool::NPM_11);
npm_suite!(npm_12, tool::NPM_12);

full_suite!(
    pnpm_10,
    tool::PNPM_10,
    [maintaining::tags as tags, reading::whoami as whoami, reading::audit as audit,]
);
full_suite!(
    pnpm_11,
    tool::PNPM_11,
    [
        publishing::packed_bytes_are_served as packed_bytes_are_served,
        maintaining::tags as tags,
        maintaining::deprecation as deprecation,
        maintaining::unpublishing as unpublishing,
        publishing::age_gate_blocks_what_is_not_exempt as age_gate_blocks_what_is_not_exempt,
        reading::search as search,
        reading::whoami as whoami,
        reading::ping as ping,
        reading::audit as audit,
        login::by_web as login_by_web,
    ]
);
full_suite!(
    pnpm_12,
    tool::PNPM_12,
    [
        publishing::packed_bytes_are_served as packed_bytes_are_served,
        maintaining::tags as tags,
        maintaining::deprecation as deprecation,
        maintaining::unpublishing as unpublishing,
        publishing::age_gate_blocks_what_is_not_exempt as age_gate_blocks_what_is_not_exempt,
        reading::search as search,
        reading::whoami as whoami,
        reading::ping as ping,
        reading::audit as audit,
        login::by_web as login_by_web,
    ]
);

full_suite!(yarn_1, tool::YARN_1, [maintaining::tags as tags]);
full_suite!(
    yarn_4,
    tool::YARN_4,
    [
        maintaining::tags as tags,
        publishing::age_gate_blocks_what_is_not_exempt as age_gate_blocks_what_is_not_exempt,
        reading::whoami as whoami,
        reading::audit as audit,
        login::by_web as login_by_web,
        login::by_password as login_by_password,
    ]
);

full_suite!(
    bun_1,
    tool::BUN_1,
    [
        publishing::packed_bytes_are_served as packed_bytes_are_served,
        reading::whoami as whoami,
        reading::audit as audit,
    ]
);
