//! The hot paths, one by one, for `valgrind` to count their instructions.
//!
//! Each path is warmed up and then run many times between a call of [`counting_begins`] and one of [`counting_ends`]:
//! `scripts/bench-counts` has callgrind begin at zero with the one, and write down what it has counted, in all threads,
//! with the other. So a count is of the path alone: what prepares it comes before, and everything that it has other
//! threads do is in it. The registry is prepared by a process of its own, because a program under callgrind is fifty times
//! as slow.

mod setting;
mod steps;

use std::path::PathBuf;

use anyhow::ensure;
use clap::Args;
use clap::Parser as _;
use granary_local::config::{Action, Cli};
use tokio::runtime::Runtime;

use crate::print;
use setting::Setting;
use steps::{PATHS, Path};

/// What to do with which paths.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The data folder of the registry that they lead through; made if it is missing
    #[arg(long, value_name = "FOLDER")]
    data: PathBuf,

    /// Prepare that registry, and print the names of the paths instead of running them
    #[arg(long)]
    prepare: bool,

    /// Names of paths; all of them, if none is given
    names: Vec<String>,
}

/// Prepares the registry, or runs paths and prints for each its name and how often it was run.
pub(crate) fn run(runtime: &Runtime, options: &Options) -> anyhow::Result<()> {
    let Options { data, prepare, names } = options;
    for name in names {
        ensure!(PATHS.iter().any(|path| path.name == name), "there is no path '{name}'");
    }
    let is_wanted = |path: &&Path| names.is_empty() || names.iter().any(|name| name == path.name);
    let paths: Vec<&Path> = PATHS.iter().filter(is_wanted).collect();
    if *prepare {
        runtime.block_on(setting::prepare(data))?;
        for path in paths {
            print(path.name);
        }
        return Ok(());
    }
    log_as_the_server_does()?;
    let setting = runtime.block_on(Setting::open(data, &paths))?;
    for path in paths {
        runtime.block_on(repeat(&setting, path, 0..path.warm_up))?;
        counting_begins();
        runtime.block_on(repeat(&setting, path, path.warm_up..path.runs()))?;
        counting_ends();
        print(format_args!("{} {}", path.name, path.repetitions));
    }
    Ok(())
}

/// A name for callgrind: from here on it counts.
#[inline(never)]
fn counting_begins() {
    std::hint::black_box(());
}

/// A name for callgrind: here it writes down what it has counted.
#[inline(never)]
fn counting_ends() {
    std::hint::black_box(());
}

async fn repeat(setting: &Setting, path: &Path, numbers: std::ops::Range<usize>) -> anyhow::Result<()> {
    for number in numbers {
        (path.step)(setting, number).await?;
    }
    Ok(())
}

/// A request's line in the log is a part of its path.
fn log_as_the_server_does() -> anyhow::Result<()> {
    if let Action::Serve(options) = Cli::try_parse_from(["granary"])?.into_action() {
        granary_local::server::init_logs(&options);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_path_leads_where_it_should() {
        let folder = tempfile::tempdir().unwrap();
        setting::prepare(folder.path()).await.unwrap();
        let paths: Vec<&Path> = PATHS.iter().collect();
        let setting = Setting::open(folder.path(), &paths).await.unwrap();
        for path in paths {
            // Twice: the second run is what is counted.
            repeat(&setting, path, 0..2).await.unwrap_or_else(|error| panic!("{}: {error:#}", path.name));
        }
    }

    #[test]
    fn names_are_different() {
        let names: std::collections::BTreeSet<&str> = PATHS.iter().map(|path| path.name).collect();
        assert_eq!(names.len(), PATHS.len());
    }
}
