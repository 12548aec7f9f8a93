//! Structural schemas: pruning, defaulting, validation.

use crate::{Cause, Object};
use serde_json::Value;

/// A compiled structural schema of a whole object (`apiVersion`, `kind` and `metadata` are implied).
#[derive(Debug)]
pub struct Structural {
    _private: (),
}

impl Structural {
    /// Compiles `openAPIV3Schema`. The causes are those of a refused CRD, below the field path given.
    pub fn compile(_schema: &Value, _path: &str) -> Result<Structural, Vec<Cause>> {
        unimplemented!()
    }
    /// Removes unknown fields and returns their paths as strict validation names them (`spec.foo`), in order.
    pub fn prune(&self, _object: &mut Object) -> Vec<String> {
        unimplemented!()
    }
    /// Fills in defaults; nulls that are not nullable are dropped where a default exists.
    pub fn default(&self, _object: &mut Object) {
        unimplemented!()
    }
    /// Everything wrong with an object, in Kubernetes' words.
    pub fn validate(&self, _object: &Object) -> Vec<Cause> {
        unimplemented!()
    }
}
