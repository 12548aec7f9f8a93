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
    /// Whether objects are stored in this version.
    pub storage: bool,
    /// The text of the `Warning` that every request to a deprecated version gets.
    pub deprecation: Option<String>,
    /// Whether the kind's CRD is being deleted: nothing may be created any more.
    pub terminating: bool,
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

/// What can be done with a custom resource, in discovery's order.
pub const VERBS: &[&str] =
    &["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];

impl Resource {
    /// Whether objects live in a namespace.
    pub fn is_namespaced(&self) -> bool {
        self.scope == Scope::Namespaced
    }
    /// Whether this is the server's kind of that plural (of the core group, when no group is given): `is("", "namespaces")`.
    pub fn is(&self, group: &str, plural: &str) -> bool {
        self.builtin && self.group == group && self.plural == plural
    }
    /// The sub-resources it has.
    pub fn subresources(&self) -> Vec<&'static str> {
        let finalize = self.is("", "namespaces").then_some("finalize");
        finalize.into_iter().chain(self.status.then_some("status")).collect()
    }
    /// `Kind.group`, or the kind alone in the core group: as conflicts of deletes name it.
    pub fn qualified_kind(&self) -> String {
        if self.group.is_empty() { self.kind.clone() } else { format!("{}.{}", self.kind, self.group) }
    }
    /// `plural.group`, or the plural alone in the core group: as error texts name it.
    pub fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }
    /// `group/version`, or the version alone in the core group.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }
}
