//! Label and field selectors.

use crate::{Failure, Object, Resource};

/// A parsed label selector; the default selects everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Labels {
    _terms: Vec<()>,
}

impl Labels {
    /// Parses `a=b,c!=d,e in (f,g),!h`.
    pub fn parse(_text: &str) -> Result<Labels, Failure> {
        unimplemented!()
    }
    /// Whether an object has these labels.
    pub fn matches(&self, _object: &Object) -> bool {
        unimplemented!()
    }
    /// Whether it selects everything.
    pub fn is_empty(&self) -> bool {
        self._terms.is_empty()
    }
}

/// A parsed field selector; the default selects everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields {
    _terms: Vec<()>,
}

impl Fields {
    /// Parses `metadata.name=x,status.status!=y`; only fields that the kind offers.
    pub fn parse(_text: &str, _resource: &Resource) -> Result<Fields, Failure> {
        unimplemented!()
    }
    /// Whether an object has these fields.
    pub fn matches(&self, _object: &Object) -> bool {
        unimplemented!()
    }
    /// Whether it selects everything.
    pub fn is_empty(&self) -> bool {
        self._terms.is_empty()
    }
    /// The name that it demands by `metadata.name=`, which makes a list a point read.
    pub fn name(&self) -> Option<&str> {
        unimplemented!()
    }
}
