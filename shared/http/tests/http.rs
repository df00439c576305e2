//! What every function gets from here, over the whole registry: real router, real AWS SDK, embedded engines.
#![expect(clippy::unwrap_used, reason = "what a helper cannot unwrap fails the test")]

mod http {
    mod faults;
    mod layers;
    mod redirects;
}
