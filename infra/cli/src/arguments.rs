//! The command line of the client commands.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What scripts can rely on.
const EXIT_CODES: &str = "Exit codes:\n  \
    0  all done; what was to be published is published now or was already\n  \
    1  failed\n  \
    2  the command cannot be carried out as it was written\n  \
    3  conflict: a version or file exists with other bytes\n  \
    4  not logged in, not allowed, or no such repository\n  \
    130  stopped by Ctrl-C";

/// Commands that talk to a registry.
#[derive(Debug, Subcommand)]
pub enum ClientCommand {
    /// Keep a token for a registry
    #[command(
        after_help = EXIT_CODES,
        long_about = "Keep a token for a registry.\n\n\
            The token is taken from --token, from standard input if that is a pipe or a file, or asked for. It \
            is tried before it is kept, in granary/credentials.json below the folder for settings, which only \
            you can read. The registry of the last login is the one that other commands mean when none is \
            named. GRANARY_TOKEN, if it is set, is used instead of kept tokens."
    )]
    Login(LoginArguments),
    /// Forget the token of a registry; the token itself stays valid
    Logout(LogoutArguments),
    /// Publish packages of any size
    #[command(
        after_help = EXIT_CODES,
        long_about = "Publish packages of any size.\n\n\
            Files are sent straight to the storage, several at a time. Bytes that the registry has already are \
            not sent again. A push that was interrupted goes on where it stopped when the same command is run \
            again within 24 hours."
    )]
    Push(PushArguments),
    /// Show or write the settings that a package manager needs
    #[command(
        after_help = EXIT_CODES,
        long_about = "Show or write the settings that a package manager needs.\n\n\
            Without --write nothing is changed. With it, files are changed as a whole or not at all, a copy of \
            each changed file is kept beside it, and running it again changes nothing. Tokens are written only \
            to files in your home folder that nobody else can read."
    )]
    Setup(SetupArguments),
}

/// Which registry is meant.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServerArgument {
    /// Address of the registry [default: that of the last login, or <http://localhost:8080>]
    #[arg(
        long,
        env = "GRANARY_SERVER",
        value_name = "URL",
        help = "Address of the registry [default: that of the last login, or http://localhost:8080]"
    )]
    pub(crate) server: Option<String>,
}

/// Arguments of `granary login`.
#[derive(Debug, Args)]
pub struct LoginArguments {
    /// Address of the registry [default: that of the last login, or <http://localhost:8080>]
    #[arg(
        env = "GRANARY_SERVER",
        value_name = "SERVER",
        help = "Address of the registry [default: that of the last login, or http://localhost:8080]"
    )]
    pub(crate) server: Option<String>,
    /// The token. Other users of this machine can see it while the command runs: a pipe is safer
    #[arg(long, value_name = "TOKEN")]
    pub(crate) token: Option<String>,
}

/// Arguments of `granary logout`.
#[derive(Debug, Args)]
pub struct LogoutArguments {
    /// Address of the registry [default: that of the last login, or <http://localhost:8080>]
    #[arg(
        env = "GRANARY_SERVER",
        value_name = "SERVER",
        help = "Address of the registry [default: that of the last login, or http://localhost:8080]"
    )]
    pub(crate) server: Option<String>,
}

/// Arguments of `granary push`.
#[derive(Debug, Args)]
pub struct PushArguments {
    /// What to publish.
    #[command(subcommand)]
    pub(crate) what: What,
}

impl PushArguments {
    /// The options that all types share.
    pub(crate) fn options(&self) -> &PushOptions {
        match &self.what {
            What::Npm(npm) => &npm.options,
            What::Maven(maven) => &maven.options,
            What::Raw(raw) => &raw.options,
            What::Swift(swift) => &swift.options,
            What::Composer(composer) => &composer.options,
        }
    }
}

/// What `granary push` publishes.
#[derive(Debug, Subcommand)]
pub(crate) enum What {
    /// Tarballs made by `npm pack`
    #[command(after_help = EXIT_CODES, about = "Tarballs made by npm pack")]
    Npm(NpmArguments),
    /// A local Maven repository: ~/.m2/repository, or a staging folder of the same layout
    #[command(
        after_help = EXIT_CODES,
        long_about = "A local Maven repository: ~/.m2/repository, or a staging folder of the same layout.\n\n\
            Checksums, metadata and what Maven notes for itself are left out; the registry makes its own. \
            Files named after a SNAPSHOT version get the next build number and the time of the newest of them. \
            The POM of a version is sent last, so that nobody sees half a version."
    )]
    Maven(MavenArguments),
    /// Files of any kind, as one version of a package
    #[command(after_help = EXIT_CODES)]
    Raw(RawArguments),
    /// A source archive of a Swift package
    #[command(after_help = EXIT_CODES)]
    Swift(SwiftArguments),
    /// An archive of a Composer package
    #[command(after_help = EXIT_CODES)]
    Composer(ComposerArguments),
}

/// Options that all types of `granary push` share.
#[derive(Debug, Clone, Args)]
pub(crate) struct PushOptions {
    /// Repository to publish to
    #[arg(long, short, value_name = "NAME")]
    pub(crate) repo: String,
    #[command(flatten)]
    pub(crate) server: ServerArgument,
    /// How many files and parts are sent at the same time
    #[arg(long, short, value_name = "N", default_value = "4", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub(crate) jobs: u8,
    /// Answer with one JSON document on standard output
    #[arg(long)]
    pub(crate) json: bool,
    /// Say nothing but problems
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// Arguments of `granary push npm`.
#[derive(Debug, Args)]
pub(crate) struct NpmArguments {
    /// Tarballs
    #[arg(required = true, value_name = "FILE.tgz")]
    pub(crate) files: Vec<PathBuf>,
    /// Tag that points to the version afterwards [default: latest]
    #[arg(long)]
    pub(crate) tag: Option<String>,
    #[command(flatten)]
    pub(crate) options: PushOptions,
}

/// Arguments of `granary push maven`.
#[derive(Debug, Args)]
pub(crate) struct MavenArguments {
    /// Root of the local repository: the folder in which the groups begin
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
    /// Only versions whose group:artifact:version begins with this
    #[arg(long, value_name = "PREFIX")]
    pub(crate) filter: Option<String>,
    #[command(flatten)]
    pub(crate) options: PushOptions,
}

/// Arguments of `granary push raw`.
#[derive(Debug, Args)]
pub(crate) struct RawArguments {
    /// Files; each is published under its own name
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Name of the package
    #[arg(long, short, value_name = "NAME")]
    pub(crate) package: String,
    /// Version of the package
    #[arg(long = "version", short = 'v', value_name = "VERSION")]
    pub(crate) package_version: String,
    /// What the package is, in a sentence
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
    #[command(flatten)]
    pub(crate) options: PushOptions,
}

/// Arguments of `granary push swift`.
#[derive(Debug, Args)]
pub(crate) struct SwiftArguments {
    /// Source archive
    #[arg(value_name = "FILE.zip")]
    pub(crate) file: PathBuf,
    /// Identity of the package
    #[arg(long, value_name = "SCOPE.NAME")]
    pub(crate) id: String,
    /// Version of the package
    #[arg(long = "version", short = 'v', value_name = "VERSION")]
    pub(crate) package_version: String,
    #[command(flatten)]
    pub(crate) options: PushOptions,
}

/// Arguments of `granary push composer`.
#[derive(Debug, Args)]
pub(crate) struct ComposerArguments {
    /// Archive with a composer.json
    #[arg(value_name = "FILE.zip")]
    pub(crate) file: PathBuf,
    /// Version, if composer.json has none
    #[arg(long = "version", short = 'v', value_name = "VERSION")]
    pub(crate) package_version: Option<String>,
    #[command(flatten)]
    pub(crate) options: PushOptions,
}

/// Package manager that `granary setup` knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Tool {
    /// npm, pnpm, Yarn 1 and Bun.
    Npm,
    /// Maven.
    Maven,
    /// Gradle.
    Gradle,
    /// Swift's package manager.
    Swift,
    /// Composer.
    Composer,
}

/// Arguments of `granary setup`.
#[derive(Debug, Args)]
pub struct SetupArguments {
    /// Package manager
    #[arg(value_enum)]
    pub(crate) tool: Tool,
    /// Repository to use
    #[arg(long, short, value_name = "NAME")]
    pub(crate) repo: String,
    #[command(flatten)]
    pub(crate) server: ServerArgument,
    /// Only packages of this scope come from the repository (npm: @acme, Swift: acme)
    #[arg(long, value_name = "SCOPE")]
    pub(crate) scope: Option<String>,
    /// Change the files
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) write: bool,
    /// Show what --write would change
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Show the token where it would stand
    #[arg(long)]
    pub(crate) show_token: bool,
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser};

    use super::*;

    #[derive(Debug, Parser)]
    struct Whole {
        #[command(subcommand)]
        command: ClientCommand,
    }

    fn parse(line: &str) -> Result<ClientCommand, clap::Error> {
        Whole::try_parse_from(line.split(' ')).map(|whole| whole.command)
    }

    #[test]
    fn the_definition_is_sound_and_tells_the_exit_codes() {
        Whole::command().debug_assert();
        for path in [&["push"][..], &["push", "npm"], &["push", "maven"], &["login"]] {
            let mut command = Whole::command();
            command.build();
            let found = path.iter().try_fold(&mut command, |at, name| at.find_subcommand_mut(name)).unwrap();
            let help = found.render_help().to_string();
            for code in ["\n  0  ", "\n  1  ", "\n  2  ", "\n  3  conflict", "\n  4  ", "\n  130  "] {
                assert!(help.contains(code), "{path:?}, {code:?}: {help}");
            }
        }
    }

    #[test]
    fn command_lines_of_the_contract() {
        for line in [
            "granary login",
            "granary login http://x --token t",
            "granary logout http://x",
            "granary push npm a.tgz b.tgz --repo r --tag next --jobs 8 --json",
            "granary push maven folder --repo r --filter g:a:1 -q",
            "granary push raw a b --repo r --package p --version 1 --description text",
            "granary push swift a.zip --repo r --id s.n --version 1.0.0",
            "granary push composer a.zip --repo r",
            "granary setup npm --repo r --scope @acme --write",
            "granary setup gradle --repo r --dry-run",
        ] {
            parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
        for line in [
            "granary push npm --repo r",
            "granary push npm a.tgz",
            "granary push npm a.tgz --repo r --jobs 0",
            "granary push raw a --repo r --package p",
            "granary setup npm --repo r --write --dry-run",
            "granary setup cargo --repo r",
        ] {
            assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
        }
    }
}
