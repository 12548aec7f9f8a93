//! Structural schemas: pruning, defaulting, validation.
//!
//! A schema is compiled once, when its CRD is read; regular expressions with it. The four passes over an object (prune, default, check,
//! lists) then allocate nothing but what they report.

mod build;
mod check;
mod defaults;
mod embedded;
mod faults;
mod format;
mod lists;
mod node;
mod place;
mod prune;
mod regexp;

use crate::{Cause, Object};
use node::Node;
use place::Place;
use serde_json::Value;

pub use faults::faults;

/// A compiled structural schema of a whole object (`apiVersion`, `kind` and `metadata` are implied).
#[derive(Debug)]
pub struct Structural {
    root: Node,
}

impl Structural {
    /// Compiles `openAPIV3Schema`. The causes are those of a refused CRD, below the field path given.
    ///
    /// # Errors
    /// What is not structural about it.
    pub fn compile(schema: &Value, path: &str) -> Result<Structural, Vec<Cause>> {
        let causes = faults(schema, path);
        if !causes.is_empty() {
            return Err(causes);
        }
        Ok(Structural { root: build::node(schema) })
    }
    /// Compiles a schema that [`faults`] had nothing against, or one that was accepted long ago: what it can not read it does not demand.
    pub fn trust(schema: &Value) -> Structural {
        Structural { root: build::node(schema) }
    }
    /// Removes unknown fields and returns their paths as strict validation names them (`spec.foo`), in order.
    pub fn prune(&self, object: &mut Object) -> Vec<String> {
        prune::object(&self.root, object)
    }
    /// Fills in defaults; nulls that are not nullable are dropped, or replaced by the default where there is one.
    pub fn default(&self, object: &mut Object) {
        defaults::object(&self.root, object);
    }
    /// Everything wrong with an object, in Kubernetes' words.
    pub fn validate(&self, object: &Object) -> Vec<Cause> {
        let mut causes = Vec::new();
        let mut checker = check::Checker { prefix: "", causes: &mut causes };
        checker.members(&self.root, &object.0, None, &Place::Root);
        embedded::object(&self.root, &object.0, &mut causes);
        lists::object(&self.root, &object.0, &mut causes);
        causes
    }
    /// Everything wrong with the next version of an object. What was wrong before and did not change is let pass (ratcheting), so that a
    /// schema can be tightened while objects exist.
    pub fn validate_update(&self, old: &Object, new: &Object) -> Vec<Cause> {
        let mut causes = Vec::new();
        let mut checker = check::Checker { prefix: "", causes: &mut causes };
        checker.members(&self.root, &new.0, Some(&old.0), &Place::Root);
        self.settle(old, new, &mut causes);
        causes
    }
    /// Everything wrong with a status write. Kubernetes names the fields inside of status there without their first word.
    pub fn validate_status(&self, old: &Object, new: &Object) -> Vec<Cause> {
        let mut causes = Vec::new();
        if let (Some(node), Some(status)) = (self.root.properties.get("status"), new.0.get("status")) {
            let mut checker = check::Checker { prefix: "status", causes: &mut causes };
            checker.value(node, status, old.0.get("status"), &Place::Root);
        }
        self.settle(old, new, &mut causes);
        causes
    }
    /// Embedded objects and lists: checked as a whole, and only when they were right before.
    fn settle(&self, old: &Object, new: &Object, causes: &mut Vec<Cause>) {
        for pass in [embedded::object, lists::object] {
            let mut before = Vec::new();
            pass(&self.root, &old.0, &mut before);
            if before.is_empty() {
                pass(&self.root, &new.0, causes);
            }
        }
    }
    /// The type of the field at a path of member names, through properties alone; `None`: the schema does not specify it.
    pub fn type_at(&self, path: &[&str]) -> Option<&'static str> {
        let (first, rest) = path.split_first()?;
        // What holds for every object is not the schema's to specify.
        let start = self
            .root
            .properties
            .get(*first)
            .filter(|_| !matches!(*first, "metadata" | "apiVersion" | "kind"))?;
        let node = rest.iter().try_fold(start, |node, name| node.properties.get(*name))?;
        node.kind.map(node::Type::word)
    }
}
