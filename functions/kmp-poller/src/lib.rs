//! Looks for new versions of watched libraries.
