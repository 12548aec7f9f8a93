//! Failure → `Status`.

use super::Failure;
use crate::{Cause, Object, Resource, go};
use serde_json::{Map, Value, json};

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::NotFound { resource, name } => write!(f, "{resource} {} not found", go::quote(name)),
            Failure::NoSuchPath => f.write_str("the server could not find the requested resource"),
            Failure::AlreadyExists { resource, name } => {
                write!(f, "{resource} {} already exists", go::quote(name))
            }
            Failure::BeingDeleted { resource, name } => {
                write!(f, "object is being deleted: {resource} {} already exists", go::quote(name))
            }
            Failure::Conflict { resource, name, why } => {
                write!(f, "Operation cannot be fulfilled on {resource} {}: {why}", go::quote(name))
            }
            Failure::Invalid { group, kind, name, causes } => {
                let dot = if group.is_empty() { "" } else { "." };
                write!(f, "{kind}{dot}{group} {} is invalid", go::quote(name))?;
                match causes.is_empty() {
                    true => Ok(()),
                    false => write!(f, ": {}", aggregate(causes)),
                }
            }
            Failure::Forbidden { resource, name, why, .. } => match (resource.is_empty(), name.is_empty()) {
                (true, _) => write!(f, "forbidden: {why}"),
                (false, true) => write!(f, "{resource} is forbidden: {why}"),
                (false, false) => write!(f, "{resource} {} is forbidden: {why}", go::quote(name)),
            },
            Failure::Unauthorized => f.write_str("Unauthorized"),
            Failure::MethodNotAllowed => {
                f.write_str("the server does not allow this method on the requested resource")
            }
            Failure::NotSupported { verb, resource } => {
                write!(f, "{verb} is not supported on resources of kind {}", go::quote(resource))
            }
            Failure::NotAcceptable { offered } => {
                write!(f, "only the following media types are accepted: {}", offered.join(", "))
            }
            Failure::UnsupportedMediaType { offered } => {
                let head = "the body of the request was in an unknown format - accepted media types include:";
                write!(f, "{head} {}", offered.join(", "))
            }
            Failure::TooLarge { limit } => write!(f, "Request entity too large: limit is {limit}"),
            Failure::Internal(why) => write!(f, "Internal error occurred: {why}"),
            Failure::TooLargeResourceVersion { asked, current } => {
                write!(f, "Timeout: Too large resource version: {asked}, current: {current}")
            }
            Failure::Expired { message, .. } | Failure::TooManyRequests { message, .. } => {
                f.write_str(message)
            }
            Failure::BadRequest(message)
            | Failure::NotConvertible(message)
            | Failure::Escaped(message)
            | Failure::Unavailable(message)
            | Failure::Full(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Failure {}

/// All faults in one text, each once: bare when it is one, in brackets when there are more.
fn aggregate(causes: &[Cause]) -> String {
    let mut texts: Vec<String> = Vec::with_capacity(causes.len());
    for cause in causes {
        let text = format!("{}: {}", cause.field, cause.message);
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    match texts.as_slice() {
        [one] => one.clone(),
        more => format!("[{}]", more.join(", ")),
    }
}

impl Failure {
    /// The `reason` of the Status; empty: none.
    pub fn reason(&self) -> &'static str {
        match self {
            Failure::NotFound { .. } | Failure::NoSuchPath => "NotFound",
            Failure::AlreadyExists { .. } | Failure::BeingDeleted { .. } => "AlreadyExists",
            Failure::Conflict { .. } => "Conflict",
            Failure::Invalid { .. } => "Invalid",
            Failure::BadRequest(_) => "BadRequest",
            Failure::Unauthorized => "Unauthorized",
            Failure::Forbidden { .. } => "Forbidden",
            Failure::MethodNotAllowed | Failure::NotSupported { .. } => "MethodNotAllowed",
            Failure::NotAcceptable { .. } | Failure::NotConvertible(_) => "NotAcceptable",
            Failure::Expired { .. } => "Expired",
            Failure::TooLarge { .. } => "RequestEntityTooLarge",
            Failure::UnsupportedMediaType { .. } => "UnsupportedMediaType",
            Failure::TooManyRequests { .. } => "TooManyRequests",
            Failure::Internal(_) => "InternalError",
            Failure::Escaped(_) => "",
            Failure::Unavailable(_) => "ServiceUnavailable",
            Failure::TooLargeResourceVersion { .. } => "Timeout",
            // Kubernetes knows no reason for it; the word is the name of the HTTP code.
            Failure::Full(_) => "InsufficientStorage",
        }
    }
    /// `details`, where this failure has any.
    fn details(&self) -> Option<Value> {
        let about = |resource: &str, name: &str, causes: &[Cause]| {
            let (kind, group) = resource.split_once('.').unwrap_or((resource, ""));
            Some(details(name, group, kind, causes))
        };
        match self {
            Failure::NotFound { resource, name }
            | Failure::AlreadyExists { resource, name }
            | Failure::BeingDeleted { resource, name }
            | Failure::Conflict { resource, name, .. } => about(resource, name, &[]),
            Failure::Forbidden { resource, name, causes, .. } => about(resource, name, causes),
            Failure::NotSupported { resource, .. } => about(resource, "", &[]),
            Failure::Invalid { group, kind, name, causes } => Some(details(name, group, kind, causes)),
            Failure::NoSuchPath | Failure::MethodNotAllowed => Some(json!({})),
            Failure::Internal(why) => Some(json!({"causes": [{"message": why}]})),
            Failure::TooManyRequests { seconds, .. } => Some(json!({"retryAfterSeconds": seconds})),
            Failure::TooLargeResourceVersion { .. } => Some(json!({
                "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
                "retryAfterSeconds": 1,
            })),
            _ => None,
        }
    }
}

/// Empty members are left out, as Go leaves them out.
fn details(name: &str, group: &str, kind: &str, causes: &[Cause]) -> Value {
    let mut details = Map::new();
    for (member, text) in [("name", name), ("group", group), ("kind", kind)] {
        if !text.is_empty() {
            details.insert(member.to_owned(), text.into());
        }
    }
    if !causes.is_empty() {
        let cause = |c: &Cause| json!({"reason": c.reason, "message": c.message, "field": c.field});
        details.insert("causes".to_owned(), causes.iter().map(cause).collect());
    }
    Value::Object(details)
}

/// The Status that answers a failure, complete: kind, apiVersion, metadata, status, message, reason, details, code.
pub fn status(failure: &Failure) -> Object {
    let mut out = Map::new();
    out.insert("kind".to_owned(), "Status".into());
    out.insert("apiVersion".to_owned(), "v1".into());
    let metadata = match failure {
        Failure::Expired { fresh: Some(token), .. } => json!({"continue": token}),
        _ => json!({}),
    };
    out.insert("metadata".to_owned(), metadata);
    out.insert("status".to_owned(), "Failure".into());
    out.insert("message".to_owned(), failure.to_string().into());
    if !failure.reason().is_empty() {
        out.insert("reason".to_owned(), failure.reason().into());
    }
    if let Some(details) = failure.details() {
        out.insert("details".to_owned(), details);
    }
    out.insert("code".to_owned(), failure.code().into());
    Object(out)
}

/// The Status that answers a delete which removed its object at once.
pub fn success(resource: &Resource, object: &Object) -> Object {
    let mut details = details(object.name(), &resource.group, &resource.plural, &[]);
    if let Some(map) = details.as_object_mut() {
        map.insert("uid".to_owned(), object.uid().into());
    }
    let value = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details});
    Object(value.as_object().cloned().unwrap_or_default())
}
