//! Everything wrong with an object, in one place.

use crate::{Cause, Failure, Object, Resource, builtin, meta};

/// Checks an object that is to be stored: its type, its metadata, and by its schema or its kind's own rules; `old` is the stored one on
/// update, `status` says that only the status is written.
///
/// # Errors
/// [`Failure::Invalid`] with all causes.
pub fn validate(
    resource: &Resource,
    old: Option<&Object>,
    new: &Object,
    status: bool,
) -> Result<(), Failure> {
    let kind = typed(resource, new);
    if !kind.is_empty() {
        // The object is named by what it claims to be.
        let group = new.api_version().split_once('/').map_or("", |(group, _)| group).to_owned();
        let (kind_claimed, name) = (new.kind().to_owned(), new.name().to_owned());
        return Err(Failure::Invalid { group, kind: kind_claimed, name, causes: kind });
    }
    let mut causes = meta::validate(resource, old, new);
    causes.extend(match (&resource.schema, old) {
        _ if resource.builtin => builtin::validate(resource, old, new),
        (Some(schema), Some(old)) if status => schema.validate_status(old, new),
        (Some(schema), Some(old)) => schema.validate_update(old, new),
        (Some(schema), None) => schema.validate(new),
        (None, _) => Vec::new(),
    });
    match causes.is_empty() {
        true => Ok(()),
        false => Err(Failure::invalid(resource, new.name(), causes)),
    }
}

fn typed(resource: &Resource, object: &Object) -> Vec<Cause> {
    let mut causes = Vec::new();
    if object.kind() != resource.kind {
        let why = format!("must be {}", resource.kind);
        causes.push(Cause::invalid("kind", &object.kind().into(), &why));
    }
    if object.api_version() != resource.api_version() {
        let why = format!("must be {}", resource.api_version());
        causes.push(Cause::invalid("apiVersion", &object.api_version().into(), &why));
    }
    causes
}
