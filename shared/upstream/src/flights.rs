//! One at a time for each thing: of many who want the same, one asks and the others wait for what it brings.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;

/// Who is under way for what, in this process.
#[derive(Debug, Default)]
pub(crate) struct Flights(Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>);

impl Flights {
    /// Waits until nobody else is under way for the same. Whoever comes after somebody else has to look first whether that
    /// one has brought it.
    pub(crate) async fn board(&self, name: &str) -> Seat {
        let flight = {
            let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(flight) = flights.get(name).and_then(Weak::upgrade) {
                flight
            } else {
                // Those that nobody waits for any more go when there are many.
                if flights.len() >= flights.capacity() {
                    flights.retain(|_, flight| flight.strong_count() > 0);
                }
                let flight = Arc::new(tokio::sync::Mutex::new(()));
                flights.insert(name.to_owned(), Arc::downgrade(&flight));
                flight
            }
        };
        match Arc::clone(&flight).try_lock_owned() {
            Ok(guard) => Seat { waited: false, _guard: guard },
            Err(_) => Seat { waited: true, _guard: flight.lock_owned().await },
        }
    }
}

/// Being the one who is under way.
#[derive(Debug)]
pub(crate) struct Seat {
    /// Whether somebody else was, and this one has waited.
    pub(crate) waited: bool,
    _guard: OwnedMutexGuard<()>,
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn one_at_a_time_for_each_name() {
        let (flights, inside, most) = (Flights::default(), AtomicUsize::new(0), AtomicUsize::new(0));
        let fly = || async {
            let _seat = flights.board("a").await;
            most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            inside.fetch_sub(1, Ordering::SeqCst);
        };
        futures::future::join_all((0..20).map(|_| fly())).await;
        assert_eq!(most.load(Ordering::SeqCst), 1);
        let _one = flights.board("a").await;
        let _other = flights.board("b").await;
    }

    #[tokio::test]
    async fn whoever_waited_knows_it() {
        let flights = Flights::default();
        let first = flights.board("a").await;
        assert!(!first.waited);
        let (second, ()) = futures::future::join(flights.board("a"), async { drop(first) }).await;
        assert!(second.waited);
    }

    #[tokio::test]
    async fn names_that_nobody_waits_for_are_forgotten() {
        let flights = Flights::default();
        for number in 0..10_000 {
            drop(flights.board(&number.to_string()).await);
        }
        assert!(flights.0.lock().unwrap().len() < 100);
    }
}
