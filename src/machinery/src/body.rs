//! From a request's body to an object of the kind that the path names.

use crate::object::{self, Parsed};
use crate::options::FieldValidation;
use crate::{Cause, Failure, Object, Resource, builtin, go, meta};
use serde_json::Value;

/// A body that was read, before its fields were looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// The object.
    pub object: Object,
    /// Members that stood there twice.
    pub duplicates: Vec<String>,
}

/// Reads a JSON body as an object of a kind.
///
/// # Errors
/// [`Failure::BadRequest`] in Kubernetes' words: no JSON, no object, no kind, another version, another kind of the core.
pub fn decode(resource: &Resource, raw: &[u8]) -> Result<Decoded, Failure> {
    match object::parse(raw) {
        Ok(Parsed { value, duplicates }) => {
            let object = from_value(resource, value, raw)?;
            Ok(Decoded { object, duplicates })
        }
        Err(why) => {
            Err(unrecognized(resource, &format!("couldn't get version/kind; json parse error: {why}"), raw))
        }
    }
}

/// An object of a kind from a value; `raw` is the body it was made from, for messages.
///
/// # Errors
/// As [`decode`].
pub fn from_value(resource: &Resource, value: Value, raw: &[u8]) -> Result<Object, Failure> {
    let mut object = Object::from_value(value).map_err(|other| {
        let target = r#"struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }"#;
        let why = format!("json: cannot unmarshal {} into Go value of type {target}", go::json_type(&other));
        unrecognized(resource, &format!("couldn't get version/kind; json parse error: {why}"), raw)
    })?;
    if !object.0.values().all(object::check_depth) {
        return Err(unrecognized(resource, "exceeded max depth", raw));
    }
    if resource.builtin {
        // Typed kinds are decoded into the type the path names when the body does not say.
        for (name, own) in [("apiVersion", resource.api_version()), ("kind", resource.kind.clone())] {
            if object.text(&[name]).unwrap_or_default().is_empty() {
                object.0.insert(name.to_owned(), own.into());
            }
        }
        return named_right(resource, object);
    }
    if object.kind().is_empty() {
        let why = format!("Object 'Kind' is missing in '{}'", String::from_utf8_lossy(raw));
        return Err(unrecognized(resource, &why, raw));
    }
    if object.api_version() != resource.api_version() {
        return Err(Failure::BadRequest(format!(
            "the API version in the data ({}) does not match the expected API version ({})",
            object.api_version(),
            resource.api_version()
        )));
    }
    Ok(object)
}

fn named_right(resource: &Resource, object: Object) -> Result<Object, Failure> {
    if object.kind() == resource.kind && object.api_version() == resource.api_version() {
        return Ok(object);
    }
    let version = object.api_version().rsplit('/').next().unwrap_or_default();
    if object.kind() == resource.kind {
        return Err(Failure::BadRequest(format!(
            "the API version in the data ({}) does not match the expected API version ({})",
            object.api_version(),
            resource.api_version()
        )));
    }
    let package = |group: &str| match group {
        "" => "core".to_owned(),
        group => group.split('.').next().unwrap_or_default().to_owned(),
    };
    let why = format!(
        "converting ({version}.{}) to ({}.{}): unknown conversion",
        object.kind(),
        package(&resource.group),
        resource.kind
    );
    let words = format!(
        "{} in version {} cannot be handled as a {}: {why}",
        object.kind(),
        go::quote(version),
        resource.kind
    );
    Err(Failure::BadRequest(words))
}

fn unrecognized(resource: &Resource, why: &str, raw: &[u8]) -> Failure {
    let words = format!(
        "the object provided is unrecognized (must be of type {}): {why} ({})",
        resource.kind,
        summary(raw)
    );
    Failure::BadRequest(words)
}

/// The beginning of a body, as messages show it: as text when it looks like JSON, else in hexadecimal.
fn summary(raw: &[u8]) -> String {
    const LONGEST: usize = 30;
    let (head, more) = if raw.len() > LONGEST { (&raw[..LONGEST], " ...") } else { (raw, "") };
    match raw.first() {
        None => "<empty>".to_owned(),
        Some(b'{') => format!("{}{more}", String::from_utf8_lossy(head)),
        Some(_) => head.iter().map(|byte| format!("{byte:02x}")).collect::<String>() + more,
    }
}

/// Makes an object what its kind can hold: metadata and typed kinds are held to their types, unknown fields go. Returns the paths of those.
///
/// # Errors
/// [`Failure::BadRequest`]: a field of metadata or of a typed kind has a wrong type.
pub fn admit(resource: &Resource, object: &mut Object) -> Result<Vec<String>, Failure> {
    let refuse = |why: String| meta::refuse(&resource.version, &resource.kind, &why);
    let mut unknown = Vec::new();
    match object.0.get_mut("metadata") {
        None => {}
        Some(Value::Null) => drop(object.0.remove("metadata")),
        Some(Value::Object(metadata)) => {
            let path = if resource.builtin { "ObjectMeta.metadata" } else { "ObjectMeta" };
            unknown = meta::coerce(metadata, path).map_err(refuse)?;
        }
        Some(other) => {
            let found = go::json_type(other);
            return Err(refuse(format!(
                "json: cannot unmarshal {found} into Go value of type v1.ObjectMeta"
            )));
        }
    }
    if resource.builtin {
        unknown.extend(builtin::admit(resource, object).map_err(refuse)?);
    } else if let Some(schema) = &resource.schema {
        unknown.extend(schema.prune(object));
    }
    unknown.sort();
    Ok(unknown)
}

/// The same for a patch, whose refusal shows the patched object.
///
/// # Errors
/// [`Failure::Invalid`] when they are refused.
pub fn settle_patch(
    resource: &Resource,
    validation: FieldValidation,
    unknown: &[String],
    duplicates: &[String],
    patched: &Value,
) -> Result<Vec<String>, Failure> {
    let texts = settle(resource, FieldValidation::Warn, unknown, duplicates)?;
    match validation {
        FieldValidation::Ignore => Ok(Vec::new()),
        FieldValidation::Strict if !texts.is_empty() => {
            let why = format!("strict decoding error: {}", texts.join(", "));
            Err(invalid_patch(patched, &why))
        }
        _ => Ok(texts),
    }
}

/// A patch whose outcome can not be read as the kind.
pub fn invalid_patch(patched: &Value, why: &str) -> Failure {
    let causes = vec![Cause::invalid("patch", &patched.to_string().into(), why)];
    Failure::Invalid { group: String::new(), kind: String::new(), name: String::new(), causes }
}

/// What becomes of unknown and duplicate fields: the texts of `Warning` headers.
///
/// # Errors
/// [`Failure::BadRequest`] when they are refused.
pub fn settle(
    resource: &Resource,
    validation: FieldValidation,
    unknown: &[String],
    duplicates: &[String],
) -> Result<Vec<String>, Failure> {
    let named = |what: &'static str| move |path: &String| format!("{what} field {}", go::quote(path));
    let texts: Vec<String> =
        duplicates.iter().map(named("duplicate")).chain(unknown.iter().map(named("unknown"))).collect();
    match validation {
        FieldValidation::Ignore => Ok(Vec::new()),
        FieldValidation::Warn => Ok(texts),
        FieldValidation::Strict if texts.is_empty() => Ok(texts),
        FieldValidation::Strict => {
            let why = format!("strict decoding error: {}", texts.join(", "));
            Err(meta::refuse(&resource.version, &resource.kind, &why))
        }
    }
}

/// Whether the names in a body are those of the path, for updates.
///
/// # Errors
/// [`Failure::BadRequest`].
pub fn check_name(object: &Object, name: &str) -> Result<(), Failure> {
    match object.name() {
        "" => Err(Failure::BadRequest(format!(
            "the name of the object ({name} based on URL) was undeterminable: name must be provided"
        ))),
        found if found != name => Err(Failure::BadRequest(format!(
            "the name of the object ({found}) does not match the name on the URL ({name})"
        ))),
        _ => Ok(()),
    }
}
