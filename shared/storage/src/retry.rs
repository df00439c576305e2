//! Errors of the SDK in the registry's words.

use granary_model::Error;

/// What a failed call to a store means for the caller: the store is at fault, and trying again is right.
pub(crate) fn store_error<E, R>(
    context: &str,
    error: &aws_smithy_runtime_api::client::result::SdkError<E, R>,
) -> Error
where
    E: std::error::Error + 'static,
    R: std::fmt::Debug,
{
    let detail = aws_smithy_types::error::display::DisplayErrorContext(error).to_string();
    tracing::warn!(store.context = context, store.error = %detail, "a store did not answer as it should");
    Error::Unavailable(format!("the registry's storage did not answer while {context}; try again"))
}
