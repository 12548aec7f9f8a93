//! One fault of an object, in Kubernetes' words.

use crate::go;
use serde_json::Value;

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

impl Cause {
    /// A value that breaks a rule: `Invalid value: {value}: {detail}`.
    pub fn invalid(field: impl Into<String>, value: &Value, detail: &str) -> Cause {
        Cause::new("FieldValueInvalid", field, join(&format!("Invalid value: {}", go::shown(value)), detail))
    }
    /// A value of a wrong type, named by `found` (`"string"`).
    pub fn type_invalid(field: impl Into<String>, found: &Value, detail: &str) -> Cause {
        Cause::new(
            "FieldValueTypeInvalid",
            field,
            join(&format!("Invalid value: {}", go::shown(found)), detail),
        )
    }
    /// A value that is missing; the detail may be empty.
    pub fn required(field: impl Into<String>, detail: &str) -> Cause {
        Cause::new("FieldValueRequired", field, join("Required value", detail))
    }
    /// A value that may not be there.
    pub fn forbidden(field: impl Into<String>, detail: &str) -> Cause {
        Cause::new("FieldValueForbidden", field, join("Forbidden", detail))
    }
    /// A value outside of a closed set; the words offered are quoted in the order given.
    pub fn not_supported<T: AsRef<str>>(field: impl Into<String>, value: &Value, offered: &[T]) -> Cause {
        let offered: Vec<String> = offered.iter().map(|word| go::quote(word.as_ref())).collect();
        let message =
            format!("Unsupported value: {}: supported values: {}", go::shown(value), offered.join(", "));
        Cause::new("FieldValueNotSupported", field, message)
    }
    /// A second copy of something that may be there once.
    pub fn duplicate(field: impl Into<String>, value: &Value) -> Cause {
        Cause::new("FieldValueDuplicate", field, format!("Duplicate value: {}", go::shown(value)))
    }
    /// A text of more than so many bytes.
    pub fn too_long(field: impl Into<String>, limit: u64) -> Cause {
        Cause::new("FieldValueTooLong", field, format!("Too long: may not be more than {limit} bytes"))
    }
    /// A list or map with more than so many entries.
    pub fn too_many(field: impl Into<String>, found: usize, limit: u64) -> Cause {
        Cause::new("FieldValueTooMany", field, format!("Too many: {found}: must have at most {limit} items"))
    }
    /// A field that may not change any more.
    pub fn immutable(field: impl Into<String>, value: &Value) -> Cause {
        Cause::invalid(field, value, "field is immutable")
    }
    /// A fault in words of its own.
    pub fn new(reason: &'static str, field: impl Into<String>, message: impl Into<String>) -> Cause {
        Cause { reason, message: message.into(), field: field.into() }
    }
    /// Whether both name the same fault: the order of faults is not part of the contract.
    pub(crate) fn key(&self) -> (&str, &str, &str) {
        (&self.field, self.reason, &self.message)
    }
}

fn join(head: &str, detail: &str) -> String {
    if detail.is_empty() { head.to_owned() } else { format!("{head}: {detail}") }
}

/// Causes in the order in which they are reported: by field, then reason, then text.
pub fn sorted(mut causes: Vec<Cause>) -> Vec<Cause> {
    causes.sort_by(|a, b| a.key().cmp(&b.key()));
    causes
}
