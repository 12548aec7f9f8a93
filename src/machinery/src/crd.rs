//! Custom resource definitions.

use crate::{Cause, Object, Resource};

/// What is wrong with a CRD (on update: also against the stored one).
pub fn validate(_old: Option<&Object>, _new: &Object) -> Vec<Cause> {
    unimplemented!()
}

/// The served versions of an accepted CRD. A CRD that can not be compiled gives none (it was refused when it was written).
pub fn resources(_crd: &Object) -> Vec<Resource> {
    unimplemented!()
}

/// The status a CRD should have: conditions `NamesAccepted` and `Established`, `acceptedNames`, `storedVersions`; `others` are all
/// other stored CRDs (names conflict) and `builtin` the server's own kinds. `None`: it has it already.
pub fn next_status(_crd: &Object, _others: &[Object], _now: &str) -> Option<serde_json::Value> {
    unimplemented!()
}
