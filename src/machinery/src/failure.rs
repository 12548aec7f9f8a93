//! One failure, one Status: codes, reasons, causes and wording.

mod status;

pub use crate::cause::Cause;
pub use status::{status, success};

use crate::{Object, Resource};

/// Why a request was not done.
///
/// `resource` is always [`Resource::qualified`], so that texts come out as Kubernetes' own; `details.kind` and `details.group` are made
/// from it (a plural holds no dot).
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the fields are what the texts show; each variant says where")]
pub enum Failure {
    /// 404: no such object.
    NotFound { resource: String, name: String },
    /// 404: no such path.
    NoSuchPath,
    /// 409 AlreadyExists.
    AlreadyExists { resource: String, name: String },
    /// 409 AlreadyExists, and the one that exists is being deleted.
    BeingDeleted { resource: String, name: String },
    /// 409 Conflict: `Operation cannot be fulfilled on {resource} "{name}": {why}`. Deletes say `Kind.group` for `resource`.
    Conflict { resource: String, name: String, why: String },
    /// 422 Invalid, with causes.
    Invalid { group: String, kind: String, name: String, causes: Vec<Cause> },
    /// 400 BadRequest with this message.
    BadRequest(String),
    /// 401.
    Unauthorized,
    /// 403 Forbidden: `{resource} "{name}" is forbidden: {why}`; without a name `{resource} is forbidden: {why}`, without both
    /// `forbidden: {why}`.
    Forbidden { resource: String, name: String, why: String, causes: Vec<Cause> },
    /// 405: the path does not know the method.
    MethodNotAllowed,
    /// 405: `{verb} is not supported on resources of kind "{resource}"`.
    NotSupported { verb: &'static str, resource: String },
    /// 406: no media type of these was accepted.
    NotAcceptable { offered: Vec<String> },
    /// 406 with this message: the kind of answer asked for does not fit what there is.
    NotConvertible(String),
    /// 410 Expired; `fresh` becomes `metadata.continue`.
    Expired { message: String, fresh: Option<String> },
    /// 413: the body is longer than so many bytes.
    TooLarge { limit: usize },
    /// 415.
    UnsupportedMediaType { offered: Vec<String> },
    /// 429: try again after so many seconds.
    TooManyRequests { message: String, seconds: u32 },
    /// 500 InternalError: `Internal error occurred: {0}`.
    Internal(String),
    /// 500 with nothing but a message, as Kubernetes answers where a bare error escapes.
    Escaped(String),
    /// 503.
    Unavailable(String),
    /// 504: a resourceVersion that has not happened yet.
    TooLargeResourceVersion { asked: u64, current: u64 },
    /// 507.
    Full(String),
}

impl Failure {
    /// No such object.
    pub fn not_found(resource: &Resource, name: &str) -> Failure {
        Failure::NotFound { resource: resource.qualified(), name: name.to_owned() }
    }
    /// The name is taken, by `existing`.
    pub fn already_exists(resource: &Resource, existing: &Object) -> Failure {
        let (resource, name) = (resource.qualified(), existing.name().to_owned());
        if existing.is_terminating() {
            Failure::BeingDeleted { resource, name }
        } else {
            Failure::AlreadyExists { resource, name }
        }
    }
    /// Somebody else wrote in between.
    pub fn modified(resource: &Resource, name: &str) -> Failure {
        let why =
            "the object has been modified; please apply your changes to the latest version and try again";
        Failure::Conflict { resource: resource.qualified(), name: name.to_owned(), why: why.to_owned() }
    }
    /// An object of a kind breaks its rules.
    pub fn invalid(resource: &Resource, name: &str, causes: Vec<Cause>) -> Failure {
        Failure::Invalid {
            group: resource.group.clone(),
            kind: resource.kind.clone(),
            name: name.to_owned(),
            causes,
        }
    }
    /// The options of a request break their rules: `kind` is `CreateOptions`, `ListOptions`, ….
    pub fn invalid_options(kind: &str, causes: Vec<Cause>) -> Failure {
        let (group, kind) = ("meta.k8s.io".to_owned(), kind.to_owned());
        Failure::Invalid { group, kind, name: String::new(), causes }
    }
    /// May not be done.
    pub fn forbidden(resource: &Resource, name: &str, why: impl Into<String>) -> Failure {
        let (resource, name) = (resource.qualified(), name.to_owned());
        Failure::Forbidden { resource, name, why: why.into(), causes: Vec::new() }
    }
    /// Nothing may be created in a namespace that is being deleted.
    pub fn namespace_terminating(resource: &Resource, name: &str, namespace: &str) -> Failure {
        let why =
            format!("unable to create new content in namespace {namespace} because it is being terminated");
        let message = format!("namespace {namespace} is being terminated");
        let causes = vec![Cause::new("NamespaceTerminating", "metadata.namespace", message)];
        Failure::Forbidden { resource: resource.qualified(), name: name.to_owned(), why, causes }
    }
    /// Nothing may be created of a kind that is being deleted.
    pub fn kind_terminating(resource: &Resource, name: &str) -> Failure {
        Failure::forbidden(
            resource,
            name,
            "create not allowed while custom resource definition is terminating",
        )
    }
    /// HTTP code.
    pub fn code(&self) -> u16 {
        match self {
            Failure::BadRequest(_) => 400,
            Failure::Unauthorized => 401,
            Failure::Forbidden { .. } => 403,
            Failure::NotFound { .. } | Failure::NoSuchPath => 404,
            Failure::MethodNotAllowed | Failure::NotSupported { .. } => 405,
            Failure::NotAcceptable { .. } | Failure::NotConvertible(_) => 406,
            Failure::AlreadyExists { .. } | Failure::BeingDeleted { .. } | Failure::Conflict { .. } => 409,
            Failure::Expired { .. } => 410,
            Failure::TooLarge { .. } => 413,
            Failure::UnsupportedMediaType { .. } => 415,
            Failure::Invalid { .. } => 422,
            Failure::TooManyRequests { .. } => 429,
            Failure::Internal(_) | Failure::Escaped(_) => 500,
            Failure::Unavailable(_) => 503,
            Failure::TooLargeResourceVersion { .. } => 504,
            Failure::Full(_) => 507,
        }
    }
    /// Seconds for a `Retry-After` header.
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Failure::TooManyRequests { seconds, .. } => Some(*seconds),
            Failure::TooLargeResourceVersion { .. } => Some(1),
            _ => None,
        }
    }
}
