//! Errors of the SDK in the registry's words.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use granary_model::Error;

/// What the services say when it is the registry's own credentials that they do not accept.
const CREDENTIALS: [&str; 7] = [
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidToken",
    "TokenRefreshRequired",
    "UnrecognizedClientException",
];

/// Of the process, as credentials are.
static CREDENTIALS_REFUSED: AtomicBool = AtomicBool::new(false);

/// Whether a service has refused this process's credentials, and the table has accepted none since.
///
/// Those of a Lambda function are in its environment and never change, so that only another process can have others.
pub fn credentials_refused() -> bool {
    CREDENTIALS_REFUSED.load(Ordering::Relaxed)
}

/// Notes that the table has answered: credentials that are new may take a moment to be known everywhere.
pub(crate) fn credentials_accepted() {
    CREDENTIALS_REFUSED.store(false, Ordering::Relaxed);
}

/// What a failed call to a store means for the caller: the store is at fault, and trying again is right.
pub(crate) fn store_error<E, R>(context: &str, error: &SdkError<E, R>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    let detail = aws_smithy_types::error::display::DisplayErrorContext(error).to_string();
    if is_about_credentials(error) {
        CREDENTIALS_REFUSED.store(true, Ordering::Relaxed);
        tracing::error!(
            store.context = context,
            store.error = %detail,
            "the registry's own credentials are missing, expired or refused"
        );
        return Error::Unavailable(format!(
            "the registry could not sign in to its storage while {context}; try again, and tell whoever runs the \
             registry if that does not help"
        ));
    }
    tracing::warn!(store.context = context, store.error = %detail, "a store did not answer as it should");
    Error::Unavailable(format!("the registry's storage did not answer while {context}; try again"))
}

fn is_about_credentials<E, R>(error: &SdkError<E, R>) -> bool
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    if let Some(code) = error.as_service_error().and_then(ProvideErrorMetadata::code) {
        return CREDENTIALS.contains(&code);
    }
    // There are none, or they could not be renewed: nothing was sent then.
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if error.is::<CredentialsError>() {
            return true;
        }
        source = error.source();
    }
    false
}

/// How often a call is tried again that meets a transaction on the same row, or a transaction that meets another one.
pub(crate) const CONFLICT_ATTEMPTS: u32 = 12;

/// How long to wait before attempt `attempt + 1`: growing, and spread so that rivals do not meet again.
pub(crate) fn backoff(attempt: u32) -> Duration {
    let base = 5_u64 << attempt.min(7);
    let mut spread = [0_u8; 1];
    granary_model::Ids::fill(&granary_model::RandomIds, &mut spread);
    Duration::from_millis(base / 2 + base * u64::from(spread[0]) / 255)
}

/// Makes a call that writes one row, again and again as long as a transaction is at work on that row. The SDK does not
/// repeat those.
pub(crate) async fn past_transactions<T, E, F>(call: impl Fn() -> F) -> Result<T, SdkError<E, HttpResponse>>
where
    E: ProvideErrorMetadata,
    F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
{
    let mut attempt = 0;
    loop {
        let result = call().await;
        let code =
            result.as_ref().err().and_then(SdkError::as_service_error).and_then(ProvideErrorMetadata::code);
        attempt += 1;
        if code != Some("TransactionConflictException") || attempt == CONFLICT_ATTEMPTS {
            return result;
        }
        tokio::time::sleep(backoff(attempt)).await;
    }
}

/// Whether trying again may help with a call that failed, by the SDK's own rules. For bodies that the SDK itself
/// cannot send twice.
pub(crate) fn is_transient<E>(error: &SdkError<E, HttpResponse>) -> bool
where
    E: ProvideErrorMetadata,
{
    match error {
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) => true,
        SdkError::DispatchFailure(failure) => failure.is_io() || failure.is_timeout(),
        SdkError::ServiceError(service) => {
            let code = service.err().code();
            matches!(code, Some("SlowDown" | "RequestTimeout" | "Throttling" | "RequestLimitExceeded"))
                || matches!(service.raw().status().as_u16(), 500 | 502 | 503 | 504)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use aws_credential_types::credential_fn::provide_credentials_fn;
    use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
    use aws_sdk_dynamodb::error::ErrorMetadata;
    use aws_sdk_dynamodb::operation::get_item::GetItemError;
    use aws_smithy_types::body::SdkBody;

    use super::*;

    fn refused(code: &str, status: u16) -> SdkError<GetItemError, HttpResponse> {
        let error = GetItemError::generic(ErrorMetadata::builder().code(code).build());
        SdkError::service_error(error, HttpResponse::new(status.try_into().unwrap(), SdkBody::empty()))
    }

    #[test]
    fn errors_that_pass_and_errors_that_do_not() {
        for (code, status) in [("SlowDown", 503), ("RequestTimeout", 400), ("InternalError", 500), ("", 502)]
        {
            assert!(is_transient(&refused(code, status)), "{code} {status}");
        }
        for (code, status) in [("ExpiredToken", 400), ("PreconditionFailed", 412), ("AccessDenied", 403)] {
            assert!(!is_transient(&refused(code, status)), "{code} {status}");
        }
    }

    #[test]
    fn refused_credentials_are_not_taken_for_a_refused_call() {
        assert!(is_about_credentials(&refused("ExpiredTokenException", 400)));
        assert!(!is_about_credentials(&refused("AccessDeniedException", 400)));
        assert!(!is_about_credentials(&refused("ProvisionedThroughputExceededException", 400)));
    }

    #[tokio::test]
    async fn credentials_that_cannot_be_had_are_missing_ones() {
        let nobody = || async { Err(CredentialsError::not_loaded("the sign-in has ended")) };
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-1"))
            .credentials_provider(provide_credentials_fn(nobody))
            // Nobody listens there, and nobody is asked.
            .endpoint_url("http://127.0.0.1:9")
            .build();
        let call = aws_sdk_dynamodb::Client::from_conf(config).list_tables().send().await;
        assert!(is_about_credentials(&call.unwrap_err()));
    }
}
