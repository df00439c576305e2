//! The embedded engines under the real AWS SDK.
#![expect(clippy::unwrap_used, reason = "what a helper cannot unwrap fails the test")]

mod engines {
    mod dynamo;
    mod kept;
    mod multipart;
    mod presigned;
    mod probe;
    mod s3;
    mod sqs;
    mod support;
}
