//! Whether this machine has stood still.
//!
//! A virtual machine that is copied or moved stops for as long as that takes, and every client whose time is up by then
//! gives up at once, though nobody kept it waiting.

use std::sync::{Mutex, Once, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How often the time is looked at.
const TICK: Duration = Duration::from_millis(500);

/// What a thread may be late by on a busy machine.
const BUSY: Duration = Duration::from_secs(15);

/// The last moment at which the machine was found to have stood still.
static LAST: Mutex<Option<Instant>> = Mutex::new(None);
static WATCHING: Once = Once::new();

/// Begins to watch, unless that has begun.
pub fn watch() {
    WATCHING.call_once(|| {
        thread::spawn(|| {
            let mut before = Instant::now();
            loop {
                thread::sleep(TICK);
                let now = Instant::now();
                if now - before > BUSY {
                    eprintln!("this machine stood still for {:?}", now - before);
                    *LAST.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
                }
                before = now;
            }
        });
    });
}

/// Whether the machine has stood still at some time since then.
pub fn since(then: Instant) -> bool {
    // The clients may notice before the thread that watches does.
    thread::sleep(TICK * 2);
    LAST.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|last| last >= then)
}
