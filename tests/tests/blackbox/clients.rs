//! Which client is taken through which scenario.

use granary_tests::tool;

/// One module per client; in it, one test per scenario.
macro_rules! suite {
    ($client:ident, $tool:ident, { $($family:ident::$scenario:ident,)* }) => {
        mod $client {
            $(
                #[tokio::test]
                async fn $scenario() -> anyhow::Result<()> {
                    crate::scenarios::$family::$scenario(super::tool::$tool).await
                }
            )*
        }
    };
}

/// What every client can do, and more.
macro_rules! any_client {
    ($client:ident, $tool:ident, { $($family:ident::$scenario:ident,)* }) => {
        suite!($client, $tool, {
            publishing::publish_install_and_reinstall,
            publishing::duplicate_is_refused,
            publishing::identical_again_is_a_success,
            reading::shows_facts,
            access::private_needs_a_token,
            access::wrong_token_is_refused,
            access::read_token_cannot_publish,
            licences::covered_versions_install,
            $($family::$scenario,)*
        });
    };
}

/// What npm and pnpm share.
macro_rules! npm_like {
    ($client:ident, $tool:ident, { $($family:ident::$scenario:ident,)* }) => {
        any_client!($client, $tool, {
            publishing::packed_bytes_are_served,
            maintaining::tags,
            maintaining::deprecation,
            maintaining::unpublishing,
            reading::search,
            reading::whoami,
            reading::ping,
            reading::audit,
            login::web_login,
            $($family::$scenario,)*
        });
    };
}

macro_rules! npm {
    ($client:ident, $tool:ident, { $($family:ident::$scenario:ident,)* }) => {
        npm_like!($client, $tool, {
            access::visibility_and_owners,
            login::password_login,
            login::token_commands,
            $($family::$scenario,)*
        });
    };
}

npm!(npm_10, NPM_10, {});
npm!(npm_11, NPM_11, {
    licences::uncovered_is_as_unknown,
    licences::locked_and_not_covered,
    licences::suspended_resumed_and_replaced,
    licences::ended,
});
npm!(npm_12, NPM_12, {});

npm_like!(pnpm_10, PNPM_10, {});
npm_like!(pnpm_11, PNPM_11, {
    publishing::age_gate_blocks_what_is_not_exempt,
    licences::uncovered_is_as_unknown,
    licences::locked_and_not_covered,
    licences::suspended_resumed_and_replaced,
});
npm_like!(pnpm_12, PNPM_12, { publishing::age_gate_blocks_what_is_not_exempt, });

any_client!(yarn_1, YARN_1, { maintaining::tags, });
any_client!(yarn_4, YARN_4, {
    publishing::age_gate_blocks_what_is_not_exempt,
    maintaining::tags,
    reading::whoami,
    reading::audit,
    login::web_login,
    login::password_login,
});

any_client!(bun_1, BUN_1, {
    publishing::packed_bytes_are_served,
    reading::whoami,
    reading::audit,
});
