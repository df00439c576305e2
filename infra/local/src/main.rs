//! The `granary` program: the server, and the commands of its clients.

use std::process::ExitCode;

use clap::Parser as _;
use granary_local::config::{Action, Cli, ServeOptions};

fn main() -> anyhow::Result<ExitCode> {
    match Cli::parse().into_action() {
        Action::Serve(options) => serve(options).map(|()| ExitCode::SUCCESS),
        Action::Client(command) => Ok(granary_cli::run(command)),
    }
}

fn serve(options: ServeOptions) -> anyhow::Result<()> {
    granary_local::server::init_logs(&options);
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(granary_local::server::serve(options))
}
