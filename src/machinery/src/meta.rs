//! `metadata`: what a client may say, what the server says.

use crate::{Cause, Failure, Object, Resource};

/// What the server puts into a new object.
#[derive(Clone, Debug)]
pub struct Stamp {
    /// Creation time, RFC 3339 in seconds.
    pub now: String,
    /// A fresh UUID.
    pub uid: String,
    /// Five random characters for `generateName`.
    pub suffix: String,
}

/// Makes a client's object the first stored version: generateName, uid, creationTimestamp, generation 1; system fields the client
/// sent are dropped (deletionTimestamp, managedFields it may keep, resourceVersion must be empty); status is dropped when the kind has
/// the sub-resource.
pub fn prepare_create(
    _resource: &Resource,
    _object: &mut Object,
    _namespace: &str,
    _stamp: &Stamp,
) -> Result<(), Failure> {
    unimplemented!()
}

/// Makes a client's object the next version of a stored one: immutable metadata carried over, generation raised when anything but
/// metadata and status changed, status kept (or, for `status = true`, everything but status kept).
pub fn prepare_update(
    _resource: &Resource,
    _old: &Object,
    _new: &mut Object,
    _status: bool,
) -> Result<(), Failure> {
    unimplemented!()
}

/// What is wrong with `metadata`: names, labels, annotations, finalizers, owner references, and on update what may not change.
pub fn validate(_resource: &Resource, _old: Option<&Object>, _new: &Object) -> Vec<Cause> {
    unimplemented!()
}
