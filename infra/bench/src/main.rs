//! `granary-bench`: what the benchmarks need from inside the registry.
//!
//! It fills data folders in bulk, counts the storage calls of requests, and runs the hot paths for `valgrind` to count
//! their instructions. `scripts/bench` and `scripts/bench-counts` run it; it is deployed nowhere.

mod calls;
mod copies;
mod load;
mod npm;
mod paths;
mod registry;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

/// The command line.
#[derive(Debug, Parser)]
#[command(name = "granary-bench", version, about = "What the benchmarks need from inside the registry")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Fill a repository of a data folder whose server is stopped, and print what is in it as JSON
    Load(load::Options),
    /// Count the storage calls of requests and print them as JSON
    Calls(calls::Options),
    /// Run hot paths, each between `counting_begins` and `counting_ends` of `granary_bench::paths`, and print their names
    /// and repetitions
    Paths(paths::Options),
}

/// A data folder that no other process has open.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// The data folder; made if it is missing
    #[arg(long, value_name = "FOLDER")]
    data: PathBuf,

    /// The address that documents name: that of the server which reads them later
    #[arg(long, value_name = "URL", default_value = "http://localhost:8080")]
    public_url: String,
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        // A chunk of rows is made while another one is written.
        Command::Load(options) => several_threads()?.block_on(load::load(options)),
        Command::Calls(options) => one_thread()?.block_on(calls::count(&options)),
        Command::Paths(options) => paths::run(&one_thread()?, &options),
    }
}

fn several_threads() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

fn one_thread() -> std::io::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    // A thread that ended meanwhile would have to be started again, within what is counted.
    builder.enable_all().thread_keep_alive(Duration::from_hours(1)).build()
}

/// Prints a line of the result.
#[expect(clippy::print_stdout, reason = "the result is what the program is run for")]
pub(crate) fn print(line: impl std::fmt::Display) {
    println!("{line}");
}
