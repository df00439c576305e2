//! Where builds are made, and what a process that was killed has left there.

use std::io;
use std::path::Path;

use granary_http::AppState;
use granary_kmp::settings::Builder;

/// How often a folder is removed: what was ended a moment ago may still have written into it.
const TIMES: usize = 20;

/// Has builds made below a folder, which is nobody else's, and removes what an earlier process has left there.
///
/// That is its files, and what its scripts have started and still runs. Call it before the first build. Only Linux says what
/// runs where; elsewhere an old compiler goes on to its end, without a folder to write into. Does nothing where no builds are
/// made.
///
/// # Errors
/// The folder cannot be made, or not be emptied; in it builds are made all the same.
pub fn keep_in(state: &AppState, folder: &Path) -> io::Result<()> {
    if !matches!(state.config().kmp.builder, Builder::Local { .. }) {
        return Ok(());
    }
    std::fs::create_dir_all(folder)?;
    // As the environment of scripts has it.
    let folder = folder.canonicalize()?;
    state.kmp().local.keep_in(folder.clone());
    #[cfg(target_os = "linux")]
    end_all(&folder)?;
    for entry in std::fs::read_dir(&folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove(&entry.path())?;
        } else {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn remove(folder: &Path) -> io::Result<()> {
    let mut removed = Ok(());
    for _ in 0..TIMES {
        removed = std::fs::remove_dir_all(folder);
        if removed.is_ok() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    removed
}

/// Ends all whose temporary folder is below this one: scripts of builds, and whatever they have started.
#[cfg(target_os = "linux")]
fn end_all(folder: &Path) -> io::Result<()> {
    use std::os::unix::ffi::OsStrExt as _;

    use rustix::process::{Pid, Signal, kill_process};

    let ours = [b"TMPDIR=".as_slice(), folder.as_os_str().as_bytes(), b"/".as_slice()].concat();
    for entry in std::fs::read_dir("/proc")? {
        let entry = entry?;
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // What is somebody else's cannot be read, nor what has ended.
        let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        let is_ours = environment.split(|byte| *byte == 0).any(|variable| variable.starts_with(&ours));
        if let Some(process) = Pid::from_raw(id).filter(|_| is_ours) {
            tracing::warn!(process = id, "what a build of an earlier process has started is ended");
            if let Err(error) = kill_process(process, Signal::KILL) {
                tracing::warn!(%error, process = id, "it could not be");
            }
        }
    }
    Ok(())
}
