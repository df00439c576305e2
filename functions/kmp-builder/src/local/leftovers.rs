//! Where builds are made, and what a process that was killed has left there.

use std::io;
use std::path::Path;

use granary_http::AppState;

/// Has builds made below a folder, which is nobody else's, and removes what an earlier process has left there.
///
/// That is its files, and what its scripts have started and still runs. Call it before the first build. Only Linux says what
/// runs where; elsewhere an old compiler goes on to its end, without a folder to write into.
///
/// # Errors
/// The folder cannot be emptied or made.
pub fn keep_in(state: &AppState, folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    // As the environment of scripts has it.
    let folder = folder.canonicalize()?;
    #[cfg(target_os = "linux")]
    end_all(&folder)?;
    for entry in std::fs::read_dir(&folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            std::fs::remove_dir_all(entry.path())?;
        } else {
            std::fs::remove_file(entry.path())?;
        }
    }
    state.kmp().local.keep_in(folder);
    Ok(())
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
