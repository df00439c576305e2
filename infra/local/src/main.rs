//! The `granary` program.

use clap::Parser as _;
use granary_local::config::Cli;

fn main() -> anyhow::Result<()> {
    let options = Cli::parse().into_serve_options();
    granary_local::server::init_logs(&options);
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(granary_local::server::serve(options))
}
