//! A user with folders of their own.

use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::Parser;
use granary_cli::{ClientCommand, Screen, Secret, Surroundings, execute};
use tempfile::TempDir;

use super::registry::{Registry, TOKEN};

#[derive(Debug, Parser)]
struct Whole {
    #[command(subcommand)]
    command: ClientCommand,
}

/// What a command said and how it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Exit code.
    pub(crate) code: u8,
    /// Standard output.
    pub(crate) output: String,
    /// Standard error.
    pub(crate) errors: String,
}

impl Ended {
    /// Standard output as JSON; fails if there is anything else on it.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.output).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A user.
pub(crate) struct User {
    folder: TempDir,
    /// Folders and variables; tests change them.
    pub(crate) surroundings: Surroundings,
    server: String,
}

#[derive(Clone, Default)]
struct Pipe(Arc<Mutex<Vec<u8>>>);

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Pipe {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl User {
    /// A user of this registry with a token in `GRANARY_TOKEN`.
    pub(crate) fn of(registry: &Registry) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        let work = folder.path().join("work");
        for made in [&home, &work] {
            std::fs::create_dir(made).unwrap();
        }
        let surroundings = Surroundings {
            config_home: home.join(".config"),
            state_home: home.join(".local/state"),
            gradle_home: home.join(".gradle"),
            composer_home: None,
            home,
            working_folder: work,
            token: Secret::new(TOKEN),
            can_ask: false,
            can_draw: false,
            first_wait: Duration::from_millis(1),
        };
        Self { folder, surroundings, server: registry.url.clone() }
    }

    /// Makes a file in the current folder and returns where it is.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.surroundings.working_folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Runs a command line, in which `~` stands for the current folder. `--server` is added.
    pub(crate) async fn run(&self, line: &str) -> Ended {
        self.run_alone(&format!("{line} --server {}", self.server)).await
    }

    /// Runs a command line as it is, but for `~`.
    pub(crate) async fn run_alone(&self, line: &str) -> Ended {
        let work = self.surroundings.working_folder.to_str().unwrap();
        let words = line.split(' ').map(|word| word.replace('~', work));
        let parsed = Whole::try_parse_from(std::iter::once("granary".to_owned()).chain(words));
        let command = parsed.unwrap_or_else(|error| panic!("{error}")).command;
        let (output, errors) = (Pipe::default(), Pipe::default());
        let mut screen = Screen::new(output.clone(), errors.clone());
        let code = execute(command, &self.surroundings, &mut screen).await;
        Ended { code, output: output.text(), errors: errors.text() }
    }

    /// Notes about uploads that are under way.
    pub(crate) fn notes(&self) -> usize {
        let folder = self.surroundings.state_home.join("granary/uploads");
        std::fs::read_dir(folder).map_or(0, Iterator::count)
    }

    /// A path below the user's own folder.
    pub(crate) fn home(&self, path: &str) -> PathBuf {
        self.folder.path().join("home").join(path)
    }
}
