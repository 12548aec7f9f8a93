//! Their descriptors.

use crate::path::Path;
use crate::table::{Column, Source};
use crate::{Resource, Scope};

const CORE: &[&str] = &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
/// All namespaces can not be deleted at once.
const NAMESPACE: &[&str] = &["create", "delete", "get", "list", "patch", "update", "watch"];

/// Descriptors of all of them.
pub fn resources() -> Vec<Resource> {
    let policy = "validatingadmissionpolicy";
    vec![
        Resource {
            short_names: vec!["ns".to_owned()],
            status: true,
            selectable: vec![".status.phase".to_owned()],
            columns: vec![
                Column::name(),
                Column {
                    description: "The status of the namespace".to_owned(),
                    ..Column::new("Status", "string", path(".status.phase"))
                },
                Column::age("string"),
            ],
            verbs: NAMESPACE,
            ..kind("", "v1", "Namespace", "namespaces", "namespace", Scope::Cluster)
        },
        Resource {
            short_names: vec!["cm".to_owned()],
            columns: vec![
                Column::name(),
                Column::new("Data", "string", Source::DataCount),
                Column::age("string"),
            ],
            ..kind("", "v1", "ConfigMap", "configmaps", "configmap", Scope::Namespaced)
        },
        Resource {
            short_names: vec!["crd".to_owned(), "crds".to_owned()],
            categories: vec!["api-extensions".to_owned()],
            status: true,
            columns: vec![Column::name(), Column::new("Created At", "date", Source::Created)],
            ..kind(
                "apiextensions.k8s.io",
                "v1",
                "CustomResourceDefinition",
                "customresourcedefinitions",
                "customresourcedefinition",
                Scope::Cluster,
            )
        },
        Resource {
            categories: vec!["api-extensions".to_owned()],
            status: true,
            columns: vec![
                Column::name(),
                Column::new("Validations", "string", path(".spec.validations")),
                Column::new("ParamKind", "string", path(".spec.paramKind")),
                Column::age("string"),
            ],
            ..kind(
                ADMISSION,
                "v1",
                "ValidatingAdmissionPolicy",
                "validatingadmissionpolicies",
                policy,
                Scope::Cluster,
            )
        },
        Resource {
            categories: vec!["api-extensions".to_owned()],
            columns: vec![
                Column::name(),
                Column::new("PolicyName", "string", path(".spec.policyName")),
                Column::new("ParamRef", "string", path(".spec.paramRef.name")),
                Column::age("string"),
            ],
            ..kind(
                ADMISSION,
                "v1",
                "ValidatingAdmissionPolicyBinding",
                "validatingadmissionpolicybindings",
                "validatingadmissionpolicybinding",
                Scope::Cluster,
            )
        },
    ]
}

const ADMISSION: &str = "admissionregistration.k8s.io";

fn path(text: &str) -> Source {
    Source::Path(Path::parse(text))
}

fn kind(group: &str, version: &str, kind: &str, plural: &str, singular: &str, scope: Scope) -> Resource {
    Resource {
        group: group.to_owned(),
        version: version.to_owned(),
        kind: kind.to_owned(),
        list_kind: format!("{kind}List"),
        plural: plural.to_owned(),
        singular: singular.to_owned(),
        short_names: Vec::new(),
        categories: Vec::new(),
        scope,
        status: false,
        storage: true,
        deprecation: None,
        terminating: false,
        schema: None,
        selectable: Vec::new(),
        columns: vec![Column::name(), Column::age("string")],
        builtin: true,
        verbs: CORE,
    }
}
