//! The `granary` program: the server, and the commands of its clients.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use granary_local::config::{Action, Cli, ServeOptions};

/// How long a server that cannot go on waits for what it is at.
const LAST_WORK: Duration = Duration::from_secs(5);

fn main() -> anyhow::Result<ExitCode> {
    match Cli::parse().into_action() {
        Action::Serve(options) => serve(options).map(|()| ExitCode::SUCCESS),
        Action::Client(command) => Ok(granary_cli::run(command)),
    }
}

fn serve(options: ServeOptions) -> anyhow::Result<()> {
    granary_local::server::init_logs(&options);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(granary_local::server::serve(options));
    if served.is_err() {
        // Whatever still waits for a disk that refuses must not keep the process from ending.
        runtime.shutdown_timeout(LAST_WORK);
    }
    served
}
