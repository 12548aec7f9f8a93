//! What the server knows of one kind.

use crate::schema::Structural;
use crate::table::Column;
use std::sync::Arc;

/// Whether objects live in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// They do.
    Namespaced,
    /// They do not.
    Cluster,
}

/// One kind in one version: how it is named, stored, checked and shown. Built from a CRD ([`crate::crd::resources`]) or built in
/// ([`crate::builtin::resources`]).
#[derive(Clone, Debug)]
pub struct Resource {
    /// API group; empty for the core group.
    pub group: String,
    /// Version.
    pub version: String,
    /// Kind.
    pub kind: String,
    /// Kind of lists.
    pub list_kind: String,
    /// Plural name, as in paths.
    pub plural: String,
    /// Singular name.
    pub singular: String,
    /// Short names.
    pub short_names: Vec<String>,
    /// Categories.
    pub categories: Vec<String>,
    /// Scope.
    pub scope: Scope,
    /// Whether it has the status sub-resource.
    pub status: bool,
    /// The schema, of custom kinds.
    pub schema: Option<Arc<Structural>>,
    /// JSON paths that may stand in a field selector besides metadata.name and metadata.namespace.
    pub selectable: Vec<String>,
    /// The columns of tables (NAME first).
    pub columns: Vec<Column>,
    /// A kind of the server's own, with rules in [`crate::builtin`].
    pub builtin: bool,
    /// Discovery lists these.
    pub verbs: &'static [&'static str],
}

impl Resource {
    /// `plural.group`, or the plural alone in the core group: as error texts name it.
    pub fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }
    /// `group/version`, or the version alone in the core group.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }
}
