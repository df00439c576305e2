//! What the `granary` program is told on its command line and in its environment.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use granary_cli::ClientCommand;

/// The command line of `granary`.
#[derive(Debug, Parser)]
#[command(
    name = "granary",
    version,
    about = "A package registry: npm, Maven, Swift, Composer and plain files",
    long_about = "A package registry: npm, Maven, Swift, Composer and plain files.\n\n\
        Without a command, granary serves a complete registry from one folder. Nothing else has to be \
        installed or configured:\n\n    \
        granary\n\n\
        The first start makes an administrator and writes a token for it to <data>/admin-token, and prints \
        it. With it:\n\n    \
        curl -H \"Authorization: Bearer $(cat .granary/admin-token)\" http://localhost:8080/api/repos\n\n\
        Everything that is stored is below the data folder. Stopping in any way, kill -9 included, loses \
        nothing that was acknowledged. To make a backup, stop the registry and copy the folder.\n\n\
        The other commands are for those who use a registry, this one or any other.",
    after_long_help = AFTER_HELP,
    args_conflicts_with_subcommands = true
)]
pub struct Cli {
    /// What to do; serving, if nothing is said.
    #[command(subcommand)]
    command: Option<Command>,
    /// Options for serving.
    #[command(flatten)]
    serve: ServeOptions,
}

const AFTER_HELP: &str = "Host names matter: open the registry as localhost and leave the S3 listener on \
    127.0.0.1. Downloads of large files are redirected to the S3 listener, and npm sends its token along with a \
    redirect that stays on the same host name, which S3 refuses.\n\n\
    While --listen is an address of this machine only, there is a sign-in at <public-url>/_idp that believes any \
    user id. It is not there for other addresses: then set GRANARY_OIDC_ISSUER to a real identity provider.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the registry (this is also what granary does without a command)
    Serve(ServeOptions),
    #[command(flatten)]
    Client(ClientCommand),
}

/// What the program is to do.
#[derive(Debug)]
pub enum Action {
    /// Serve the registry.
    Serve(ServeOptions),
    /// A command of a client.
    Client(ClientCommand),
}

impl Cli {
    /// What is to be done. Options for serving stand with or without the command's name before them.
    pub fn into_action(self) -> Action {
        match self.command {
            Some(Command::Serve(options)) => Action::Serve(options),
            Some(Command::Client(command)) => Action::Client(command),
            None => Action::Serve(self.serve),
        }
    }
}

/// Options of `granary serve`.
#[derive(Debug, Clone, Args)]
pub struct ServeOptions {
    /// Address and port of the registry; port 0 takes a free one
    #[arg(long, env = "GRANARY_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// Address and port of the storage that downloads and uploads by presigned address go to
    #[arg(long, env = "GRANARY_S3_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    pub s3_listen: SocketAddr,

    /// Folder for everything that is stored; made if it is missing
    #[arg(long, env = "GRANARY_DATA", value_name = "FOLDER", default_value = "./.granary")]
    pub data: PathBuf,

    /// Where clients reach the registry; `localhost` and the port if nothing is said.
    #[arg(
        long,
        env = "GRANARY_PUBLIC_URL",
        value_name = "URL",
        value_parser = parse_address,
        help = "Where clients reach the registry [default: http://localhost:<port>]",
        long_help = "Where clients reach the registry [default: http://localhost:<port>]\n\n\
            It stands in package documents and lock files, so choose it before publishing. Behind a proxy, \
            give the address that clients use."
    )]
    pub public_url: Option<String>,

    /// Where clients reach the storage; `127.0.0.1` and the port of `s3_listen` if nothing is said.
    #[arg(
        long,
        env = "GRANARY_S3_PUBLIC_URL",
        value_name = "URL",
        value_parser = parse_address,
        help = "Where clients reach the storage of --s3-listen [default: http://127.0.0.1:<port>]",
        long_help = "Where clients reach the storage of --s3-listen [default: http://127.0.0.1:<port>]\n\n\
            Its host name has to be another one than that of the registry."
    )]
    pub s3_public_url: Option<String>,

    /// Serve a deployment on AWS instead of a data folder.
    #[arg(
        long,
        env = "GRANARY_AWS",
        conflicts_with_all = ["s3_listen", "s3_public_url"],
        help = "Serve a deployment on AWS instead of a data folder, for uploads of any size",
        long_help = "Serve a deployment on AWS instead of a data folder\n\n\
            For uploads by protocol that are larger than a function takes (6 MB): the same registry, over the tables, \
            the bucket and the queue of a deployment, with the region and the credentials of the environment. \
            `eval \"$(scripts/deploy ENVIRONMENT --variables)\"` sets what it needs. --data is only for what is \
            being uploaded."
    )]
    pub aws: bool,

    /// What to log, as a filter of the `tracing` library.
    #[arg(
        long,
        env = "GRANARY_LOG",
        value_name = "FILTER",
        default_value = "info",
        help = "What to log: error, warn, info, debug or trace, also by module (info,granary_npm=debug)"
    )]
    pub log: String,

    /// Form of the log, which goes to standard error
    #[arg(long, env = "GRANARY_LOG_FORMAT", value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,
}

/// Form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON document per line.
    Json,
}

impl ServeOptions {
    /// Where clients reach the registry, without a slash at the end. `bound` is where it listens.
    pub fn registry_address(&self, bound: SocketAddr) -> String {
        self.public_url.clone().unwrap_or_else(|| format!("http://localhost:{}", bound.port()))
    }

    /// Where clients reach the S3 engine, without a slash at the end. `bound` is where it listens.
    pub fn storage_address(&self, bound: SocketAddr) -> String {
        self.s3_public_url.clone().unwrap_or_else(|| {
            // Somebody on this machine reaches it here wherever it listens.
            let everywhere = bound.ip().is_unspecified() || bound.ip().is_loopback();
            let host = if everywhere { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { bound.ip() };
            format!("http://{}", SocketAddr::new(host, bound.port()))
        })
    }

    /// Whether only this machine can reach the registry, so that its own identity provider may run.
    pub fn is_for_this_machine_only(&self) -> bool {
        self.listen.ip().is_loopback()
    }

    /// The log filter. The S3 library logs every "not found" as an error, so it is silent unless it is
    /// named.
    pub fn log_filter(&self) -> String {
        format!("s3s=off,{}", self.log)
    }
}

/// An http or https address that paths can be appended to.
fn parse_address(text: &str) -> Result<String, String> {
    let parsed = url::Url::parse(text).map_err(|error| error.to_string())?;
    if !matches!(parsed.scheme(), "http" | "https") || parsed.host_str().is_none() {
        return Err("it has to begin with http:// or https:// and a host name".into());
    }
    if parsed.query().is_some() || parsed.fragment().is_some() || !parsed.username().is_empty() {
        return Err("it has to be without user, '?' and '#'".into());
    }
    Ok(parsed.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(arguments: &[&str]) -> Result<ServeOptions, clap::Error> {
        let arguments = std::iter::once("granary").chain(arguments.iter().copied());
        match Cli::try_parse_from(arguments)?.into_action() {
            Action::Serve(options) => Ok(options),
            Action::Client(command) => panic!("{command:?}"),
        }
    }

    #[test]
    fn commands_of_clients_stand_beside_serving() {
        for line in ["login http://x --token t", "push npm a.tgz --repo r", "setup npm --repo r"] {
            let arguments = std::iter::once("granary").chain(line.split(' '));
            let action = Cli::try_parse_from(arguments).unwrap().into_action();
            assert!(matches!(action, Action::Client(_)), "{line}: {action:?}");
        }
        assert!(parse(&["--listen", "127.0.0.1:1", "push", "npm", "a.tgz", "--repo", "r"]).is_err());
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
        let help = Cli::command().render_long_help().to_string();
        let flags = ["--listen", "--s3-listen", "--data", "--public-url", "GRANARY_DATA", "127.0.0.1:8081"];
        let commands = ["\n  serve ", "\n  login ", "\n  logout ", "\n  push ", "\n  setup "];
        for word in flags.iter().chain(&commands) {
            assert!(help.contains(word), "{word}: {help}");
        }
    }

    #[test]
    fn defaults_are_those_of_the_contract() {
        for arguments in [&[][..], &["serve"]] {
            let options = parse(arguments).unwrap();
            assert_eq!(options.listen.to_string(), "127.0.0.1:8080");
            assert_eq!(options.s3_listen.to_string(), "127.0.0.1:8081");
            assert_eq!(options.data, PathBuf::from("./.granary"));
            assert!(options.is_for_this_machine_only());
            let bound: SocketAddr = "127.0.0.1:5005".parse().unwrap();
            assert_eq!(options.registry_address(bound), "http://localhost:5005");
            assert_eq!(options.storage_address(bound), "http://127.0.0.1:5005");
        }
    }

    #[test]
    fn flags_stand_with_and_without_the_command() {
        for arguments in [&["--listen", "0.0.0.0:0"][..], &["serve", "--listen", "0.0.0.0:0"]] {
            let options = parse(arguments).unwrap();
            assert_eq!(options.listen.port(), 0);
            assert!(!options.is_for_this_machine_only());
        }
        let bound: SocketAddr = "0.0.0.0:9".parse().unwrap();
        assert_eq!(parse(&[]).unwrap().storage_address(bound), "http://127.0.0.1:9");
        let bound: SocketAddr = "192.0.2.7:9".parse().unwrap();
        assert_eq!(parse(&[]).unwrap().storage_address(bound), "http://192.0.2.7:9");
    }

    #[test]
    fn addresses_are_checked_and_lose_their_last_slash() {
        let options = parse(&["--public-url", "https://packages.example/registry/"]).unwrap();
        let bound: SocketAddr = "127.0.0.1:1".parse().unwrap();
        assert_eq!(options.registry_address(bound), "https://packages.example/registry");
        for bad in ["localhost:8080", "ftp://x", "http://x/?a", "http://u@x/", "/x", ""] {
            assert!(parse(&["--public-url", bad]).is_err(), "{bad}");
        }
    }
}
