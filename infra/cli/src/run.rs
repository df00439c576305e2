//! From a command line to an exit code.

use std::process::ExitCode;

use crate::arguments::ClientCommand;
use crate::failure::{Failure, Kind, Result};
use crate::screen::Screen;
use crate::surroundings::Surroundings;
use crate::{login, push, setup};

/// Carries a command out for the user of this process.
pub fn run(command: ClientCommand) -> ExitCode {
    let mut screen = Screen::of_this_process();
    restrict(&command, &mut screen);
    let surroundings = match Surroundings::of_this_process() {
        Ok(surroundings) => surroundings,
        Err(error) => {
            let failure = Failure::usage(format!("{error:#}"));
            tell(&failure, &mut screen);
            return ExitCode::from(failure.kind.exit_code());
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tell(&Failure::failed(error.to_string()), &mut screen);
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(execute(command, &surroundings, &mut screen));
    // A thread may still wait for a line from the terminal.
    runtime.shutdown_background();
    ExitCode::from(code)
}

/// Carries a command out and returns the exit code.
pub async fn execute(command: ClientCommand, surroundings: &Surroundings, screen: &mut Screen) -> u8 {
    restrict(&command, screen);
    let outcome: Result<u8> = match command {
        ClientCommand::Login(arguments) => login::login(&arguments, surroundings, screen).await.map(|()| 0),
        ClientCommand::Logout(arguments) => login::logout(&arguments, surroundings, screen).map(|()| 0),
        ClientCommand::Push(arguments) => tokio::select! {
            outcome = push::push(&arguments, surroundings, screen) => outcome,
            _ = tokio::signal::ctrl_c() => Err(Failure::new(Kind::Interrupted, "interrupted")
                .next("Run the same command again within 24 hours to go on where it stopped")),
        },
        ClientCommand::Setup(arguments) => setup::setup(&arguments, surroundings, screen).map(|()| 0),
    };
    match outcome {
        Ok(code) => code,
        Err(failure) => {
            tell(&failure, screen);
            failure.kind.exit_code()
        }
    }
}

/// Lets only be said what the command's options leave.
fn restrict(command: &ClientCommand, screen: &mut Screen) {
    if let ClientCommand::Push(arguments) = command {
        let options = arguments.options();
        screen.restrict(options.quiet, options.json);
    }
}

fn tell(failure: &Failure, screen: &mut Screen) {
    if screen.is_json() {
        screen.document(&serde_json::json!({
            "ok": false,
            "exitCode": failure.kind.exit_code(),
            "error": crate::report::error(failure),
        }));
    } else {
        screen.problem(&format!("Error: {failure}"));
    }
}
