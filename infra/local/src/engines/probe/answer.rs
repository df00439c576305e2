//! Answers with which the services refuse a call, in the shape that AWS gives them.

use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};

use crate::engines::probe::Service;

/// How a service refuses a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The caller is too fast: `ProvisionedThroughputExceededException`, `SlowDown`, `RequestThrottled`.
    Throttled,
    /// The account is too fast: `ThrottlingException`. `DynamoDB` only.
    AccountThrottled,
    /// The control plane is too busy: `RequestLimitExceeded`. `DynamoDB` only.
    LimitExceeded,
    /// The service has a failure of its own: 500.
    Internal,
    /// The service has a failure of its own and says so with 200, as `CopyObject` and `CompleteMultipartUpload` may.
    InternalWithOk,
    /// The body did not arrive in time: `RequestTimeout`. S3 only.
    TimedOut,
    /// A front server has nobody behind it: 503 with a page of HTML.
    Unreachable,
    /// Another transaction is at work on a row: `TransactionCanceledException`, or `TransactionConflictException` of a
    /// call that writes one row.
    Conflict,
    /// One row of a transaction is throttled: `TransactionCanceledException`. `TransactWriteItems` only.
    PartThrottled,
    /// Success, but for none of the rows. `BatchGetItem` and `BatchWriteItem` only.
    Unprocessed,
    /// The caller's session has ended: `ExpiredTokenException`, `ExpiredToken`.
    Expired,
    /// Nobody knows the caller: `UnrecognizedClientException`, `InvalidAccessKeyId`, `InvalidClientTokenId`.
    Unknown,
}

/// The request id in all of them.
const REQUEST_ID: &str = "4KBNVRGD25RG1KEO9UT4V3FQDJVV4KQNSO5AEMVJF66Q9ASUAAJG";

impl Answer {
    /// Those that a call of an operation may get.
    pub fn of(service: Service, operation: &str) -> Vec<Self> {
        let mut answers = match service {
            Service::DynamoDb => {
                vec![Self::Throttled, Self::AccountThrottled, Self::LimitExceeded]
            }
            Service::S3 => vec![Self::Throttled, Self::TimedOut],
            Service::Sqs => vec![Self::Throttled],
        };
        answers.extend([Self::Internal, Self::Unreachable, Self::Expired, Self::Unknown]);
        match operation {
            "PutItem" | "UpdateItem" | "DeleteItem" => answers.push(Self::Conflict),
            "TransactWriteItems" => answers.extend([Self::Conflict, Self::PartThrottled]),
            "BatchGetItem" | "BatchWriteItem" => answers.push(Self::Unprocessed),
            "CopyObject" | "CompleteMultipartUpload" => answers.push(Self::InternalWithOk),
            _ => {}
        }
        answers
    }

    /// Whether the caller's credentials are what is wrong: nothing helps but other ones.
    pub fn is_about_credentials(self) -> bool {
        matches!(self, Self::Expired | Self::Unknown)
    }

    pub(crate) fn to(self, service: Service, request: &HttpRequest) -> HttpResponse {
        if self == Self::Unreachable {
            let page = "<html><body><b>Http/1.1 Service Unavailable</b></body> </html>";
            return response(503, "text/html", page.to_owned());
        }
        match service {
            Service::DynamoDb => self.dynamodb(request),
            Service::S3 => self.s3(request),
            Service::Sqs => self.sqs(),
        }
    }

    fn dynamodb(self, request: &HttpRequest) -> HttpResponse {
        const MODEL: &str = "com.amazonaws.dynamodb.v20120810#";
        const CORAL: &str = "com.amazon.coral.service#";
        let (status, namespace, name, message) = match self {
            Self::Unprocessed => {
                // A read and a write have different words for it, and each ignores those of the other.
                let all = asked(request, "RequestItems");
                let body = json!({ "Responses": {}, "UnprocessedKeys": all, "UnprocessedItems": all });
                return response(200, "application/x-amz-json-1.0", body.to_string());
            }
            Self::Conflict if asked(request, "TransactItems").is_null() => {
                (400, MODEL, "TransactionConflictException", "Transaction is ongoing for the item")
            }
            Self::Conflict => {
                return cancelled(request, "TransactionConflict", "Transaction is ongoing for the item");
            }
            Self::PartThrottled => {
                return cancelled(
                    request,
                    "ThrottlingError",
                    "Throughput exceeds the current capacity of your table or index",
                );
            }
            Self::AccountThrottled => {
                (400, MODEL, "ThrottlingException", "Rate of requests exceeds the allowed throughput.")
            }
            Self::LimitExceeded => (
                400,
                MODEL,
                "RequestLimitExceeded",
                "Throughput exceeds the current throughput limit for your account.",
            ),
            Self::Internal | Self::InternalWithOk => {
                (500, MODEL, "InternalServerError", "Internal server error")
            }
            Self::Expired => {
                (400, CORAL, "ExpiredTokenException", "The security token included in the request is expired")
            }
            Self::Unknown => (
                400,
                CORAL,
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
            ),
            Self::Throttled | Self::TimedOut | Self::Unreachable => (
                400,
                MODEL,
                "ProvisionedThroughputExceededException",
                "The level of configured provisioned throughput for the table was exceeded. Consider increasing your \
                 provisioning level with the UpdateTable API.",
            ),
        };
        let body = json!({ "__type": format!("{namespace}{name}"), "message": message });
        response(status, "application/x-amz-json-1.0", body.to_string())
    }

    fn s3(self, request: &HttpRequest) -> HttpResponse {
        let (status, code, message) = match self {
            Self::Internal => (500, "InternalError", "We encountered an internal error. Please try again."),
            Self::InternalWithOk => {
                (200, "InternalError", "We encountered an internal error. Please try again.")
            }
            Self::TimedOut => (
                400,
                "RequestTimeout",
                "Your socket connection to the server was not read from or written to within the timeout period. Idle \
                 connections will be closed.",
            ),
            Self::Expired => (400, "ExpiredToken", "The provided token has expired."),
            Self::Unknown => (
                403,
                "InvalidAccessKeyId",
                "The AWS Access Key Id you provided does not exist in our records.",
            ),
            _ => (503, "SlowDown", "Please reduce your request rate."),
        };
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message>\
             <RequestId>656c76696e6727732072657175657374</RequestId>\
             <HostId>Uuag1LuByRx9e6j5Onimru9pO4ZVKnJ2Qz7/C1NPcfTWAtRPfTaOFg==</HostId></Error>"
        );
        // What answers `HEAD` has no body, so nothing says what is wrong.
        let body = if request.method() == "HEAD" { String::new() } else { body };
        response(status, "application/xml", body)
    }

    fn sqs(self) -> HttpResponse {
        let (status, kind, query, message) = match self {
            Self::Internal => (
                500,
                "com.amazon.coral.service#InternalFailure",
                "InternalFailure;Receiver",
                "Internal failure",
            ),
            Self::Expired => (
                403,
                "com.amazon.coral.service#ExpiredTokenException",
                "ExpiredToken;Sender",
                "The security token included in the request is expired",
            ),
            Self::Unknown => (
                403,
                "com.amazon.coral.service#UnrecognizedClientException",
                "InvalidClientTokenId;Sender",
                "The security token included in the request is invalid.",
            ),
            _ => (
                400,
                "com.amazonaws.sqs#RequestThrottled",
                "RequestThrottled;Sender",
                "Request is throttled.",
            ),
        };
        let body = json!({ "__type": kind, "message": message });
        let mut response = response(status, "application/x-amz-json-1.0", body.to_string());
        response.headers_mut().insert("x-amzn-query-error", query);
        response
    }
}

/// A transaction that was cancelled because of its last part.
fn cancelled(request: &HttpRequest, code: &str, message: &str) -> HttpResponse {
    let parts = asked(request, "TransactItems").as_array().map_or(1, Vec::len).max(1);
    let mut reasons = vec![json!({ "Code": "None" }); parts - 1];
    reasons.push(json!({ "Code": code, "Message": message }));
    let codes: Vec<&str> = reasons.iter().filter_map(|reason| reason.get("Code")?.as_str()).collect();
    let body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "CancellationReasons": reasons,
        "Message": format!(
            "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
            codes.join(", ")
        ),
    });
    response(400, "application/x-amz-json-1.0", body.to_string())
}

/// A member of the request's JSON.
fn asked(request: &HttpRequest, member: &str) -> Value {
    let body: Value = serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap_or_default();
    body.get(member).cloned().unwrap_or_default()
}

fn response(status: u16, content_type: &'static str, body: String) -> HttpResponse {
    let status = StatusCode::try_from(status).unwrap_or_else(|_| axum::http::StatusCode::BAD_GATEWAY.into());
    let mut response = HttpResponse::new(status, SdkBody::from(body));
    response.headers_mut().insert("content-type", content_type);
    response.headers_mut().insert("x-amzn-requestid", REQUEST_ID);
    response
}
