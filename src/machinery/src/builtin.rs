//! The server's own kinds: namespaces, configmaps, customresourcedefinitions, validatingadmissionpolicies and their bindings.

use crate::{Cause, Object, Resource};

/// Descriptors of all of them.
pub fn resources() -> Vec<Resource> {
    unimplemented!()
}
/// What is wrong with an object of one of them, metadata apart.
pub fn validate(_resource: &Resource, _old: Option<&Object>, _new: &Object) -> Vec<Cause> {
    unimplemented!()
}
/// What the server fills in on a write (a namespace's `spec.finalizers`, `status.phase` and name label; a CRD's names).
pub fn default(_resource: &Resource, _object: &mut Object) {
    unimplemented!()
}
