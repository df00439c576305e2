//! Servers that are killed while clients write to them. `scripts/soak` repeats these.

mod files;
mod handed_over;
mod npm;
