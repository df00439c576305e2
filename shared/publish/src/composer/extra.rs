//! Rows of a caller that commit together with a change of a package.

use granary_model::{Error, Result};
use granary_storage::Transaction;
use granary_storage::rows::HeadRow;

/// Rows of the caller's own, written in the same transaction as the change of a package: all of it or nothing.
///
/// Such as a seller's number of the package or version. Labels must differ from those that changes use themselves: begin
/// them with `extra-`.
pub trait Extra: Send {
    /// Looks at the package that a version is published in, which is committed only if the head is still this one. `None`:
    /// there is none. Called anew for each attempt.
    ///
    /// # Errors
    /// Whatever makes the change impossible; nothing is written then.
    fn check(&mut self, _head: Option<&HeadRow>) -> Result<()> {
        Ok(())
    }

    /// Adds the rows. Called anew for each attempt, with a new transaction.
    ///
    /// # Errors
    /// Whatever makes the change impossible; nothing is written then.
    fn rows(&mut self, transaction: &mut Transaction) -> Result<()>;

    /// What it means that one of these rows was refused, by its label.
    fn refused(&mut self, label: &'static str) -> Error;
}

/// The same for the time of a call. It is asked for anew where several calls are made.
pub(super) fn lent<'a>(extra: &'a mut Option<&mut dyn Extra>) -> Option<&'a mut dyn Extra> {
    match extra {
        Some(extra) => Some(&mut **extra),
        None => None,
    }
}

/// Lets the caller look at the head, if there is a caller with rows.
pub(super) fn check_head(extra: &mut Option<&mut dyn Extra>, head: Option<&HeadRow>) -> Result<()> {
    match extra {
        Some(extra) => extra.check(head),
        None => Ok(()),
    }
}

/// Adds the rows, if there are any.
pub(super) fn add_rows(extra: &mut Option<&mut dyn Extra>, transaction: &mut Transaction) -> Result<()> {
    match extra {
        Some(extra) => extra.rows(transaction),
        None => Ok(()),
    }
}

/// The error of a part that none of the change's own is.
pub(super) fn refused_row(extra: &mut Option<&mut dyn Extra>, label: &'static str) -> Error {
    match extra {
        Some(extra) if label.starts_with(PREFIX) => extra.refused(label),
        _ => Error::internal("changing a package", format!("the part '{label}' was refused")),
    }
}

/// How the labels of a caller's rows begin.
pub(super) const PREFIX: &str = "extra-";
