//! Takes builds from one state to the next.
