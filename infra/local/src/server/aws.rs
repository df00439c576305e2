//! `granary serve --aws`: this process in the place of the functions, over the stores of a deployment.
//!
//! A function takes requests of 6 MB. This takes any size by the same protocols, beside the functions and with the
//! same rows: they follow up what is published here as well.

use std::net::SocketAddr;

use anyhow::Context as _;
use granary_http::config::names_from_env;
use granary_http::lambda::connect;
use granary_http::{AppState, Config};

use crate::app;
use crate::config::ServeOptions;
use crate::server::{bind, run};
use crate::tasks;

/// What sets the variables that this needs.
const HINT: &str = "`eval \"$(scripts/deploy ENVIRONMENT --variables)\"` sets the variables of a deployment";

/// What to look at when a store does not answer.
const ADVICE: &str = "the log above says why; are region and credentials those of the deployment?";

/// Serves until the process is told to end.
pub(super) async fn serve(options: ServeOptions) -> anyhow::Result<()> {
    let listener = bind(options.listen, "--listen").await?;
    let address = listener.local_addr()?;
    granary_publish::spool::keep_in(&options.data.join("spool"))?;
    let public_url =
        options.public_url.context("the variable GRANARY_PUBLIC_URL is not set").context(HINT)?;
    let config = Config::of_deployment(&public_url, None).context(HINT)?;
    let state = connect(config, names_from_env().context(HINT)?).await?;
    check(&state).await?;
    let app = granary_http::serve(app::routes(), state.clone());
    let _tasks = tasks::spawn_counting(&state);
    announce(&state, address);
    run(listener, app).await?;
    tasks::finish(&state).await;
    Ok(())
}

/// Finds out at the start, and not with the first upload, that something is missing.
async fn check(state: &AppState) -> anyhow::Result<()> {
    let (storage, names) = (state.storage(), state.storage().names());
    let silent = |what: &str| format!("{what} does not answer: {ADVICE}");
    storage.check_table().await.with_context(|| silent(&names.registry))?;
    storage.check_bucket().await.with_context(|| silent(&names.bucket))?;
    storage.check_queue().await.with_context(|| silent(&names.events_queue))
}

#[expect(clippy::print_stdout, reason = "the ready line is part of the program's interface")]
fn announce(state: &AppState, address: SocketAddr) {
    println!(
        "This is {}, for uploads of any size; what it answers names {}",
        state.storage().names().registry,
        state.config().public_url
    );
    println!("Granary is ready at http://{address}");
}
