//! One failure, one Status: codes, reasons, causes and wording.

use crate::Object;

/// Why a request was not done.
///
/// `resource` is always [`crate::Resource::qualified`], so that texts come out as Kubernetes' own.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// 404: no such object.
    NotFound { resource: String, name: String },
    /// 404: no such path.
    NoSuchPath,
    /// 409 AlreadyExists.
    AlreadyExists { resource: String, name: String },
    /// 409 Conflict: `Operation cannot be fulfilled on {resource} "{name}": {why}`.
    Conflict { resource: String, name: String, why: String },
    /// 422 Invalid, with causes.
    Invalid { group: String, kind: String, name: String, causes: Vec<Cause> },
    /// 400 BadRequest with this message.
    BadRequest(String),
    /// 401.
    Unauthorized,
    /// 403 Forbidden: `{resource} "{name}" is forbidden: {why}`.
    Forbidden { resource: String, name: String, why: String, causes: Vec<Cause> },
    /// 405.
    MethodNotAllowed,
    /// 406.
    NotAcceptable { offered: Vec<String> },
    /// 410 Expired.
    Expired { message: String, fresh: Option<String> },
    /// 413.
    TooLarge { limit: usize },
    /// 415.
    UnsupportedMediaType { offered: Vec<String> },
    /// 429: try again after so many seconds.
    TooManyRequests { message: String, seconds: u32 },
    /// 500.
    Internal(String),
    /// 503.
    Unavailable(String),
    /// 504: a resourceVersion that has not happened yet.
    TooLargeResourceVersion { asked: u64, current: u64 },
    /// 507.
    Full(String),
}

/// One fault of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// `FieldValueInvalid`, `FieldValueRequired`, `FieldValueNotSupported`, `FieldValueTypeInvalid`, …
    pub reason: &'static str,
    /// As Kubernetes words it.
    pub message: String,
    /// `spec.ports[0].name`.
    pub field: String,
}

/// The Status that answers a failure, complete: kind, apiVersion, metadata, status, message, reason, details, code.
pub fn status(_failure: &Failure) -> Object {
    unimplemented!()
}
