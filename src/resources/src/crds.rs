//! The definitions of all kinds, generated from the types and completed by what types can not say: list maps, rules, columns.

use crate::{
    AppSpec, AppStatus, ContainerStatus, ImageStatus, VERSION, VolumeStatus, container::Nothing, group,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::core::schema::{OptionalEnum, OptionalIntOrString, StructuralSchemaRewriter};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Value, json};

/// The definition of every kind, in the order they are installed.
pub fn crds() -> Vec<CustomResourceDefinition> {
    vec![app(), container(), image(), volume(), container_namespace()]
}

/// The names of the definitions of mirrored kinds and of `ContainerNamespace`: those that are healed while an engine is connected.
pub const MIRRORED: [&str; 4] = [
    "containers.containers.rancherdesktop.io",
    "images.containers.rancherdesktop.io",
    "volumes.containers.rancherdesktop.io",
    "containernamespaces.containers.rancherdesktop.io",
];

struct Shape {
    kind: &'static str,
    plural: &'static str,
    short: &'static str,
    categories: &'static [&'static str],
    group: &'static str,
    scope: &'static str,
    description: &'static str,
    spec: Option<Value>,
    spec_required: bool,
    status: Option<Value>,
    rules: Value,
    selectable: &'static [&'static str],
    columns: Value,
}

fn app() -> CustomResourceDefinition {
    let mut spec = schema_of::<AppSpec>();
    spec["properties"]["namespace"]["x-kubernetes-validations"] =
        rules(&[("self == oldSelf", "spec.namespace is immutable")]);
    spec["properties"]["namespace"]["maxLength"] = json!(63);
    let machine = &mut spec["properties"]["machine"]["properties"];
    machine["endpoint"]["maxLength"] = json!(1024);
    machine["endpoint"]["x-kubernetes-validations"] = rules(&[(
        "self.startsWith('unix://') || self.startsWith('npipe://') || self.startsWith('tcp://')",
        "the endpoint's scheme must be one of unix://, npipe://, tcp://",
    )]);
    spec["properties"]["kubernetes"]["x-kubernetes-validations"] = rules(&[(
        "!has(self.enabled) || !self.enabled",
        "kubernetes.enabled needs a machine driver that has Kubernetes: lima",
    )]);
    let mut status = schema_of::<AppStatus>();
    conditions(&mut status["properties"]["conditions"]);
    definition(Shape {
        kind: "App",
        plural: "apps",
        short: "",
        categories: &["rdd"],
        group: group::APP,
        scope: "Cluster",
        description: "What is wanted of the container engine, and how far it has come. There is one, named app.",
        spec: Some(spec),
        spec_required: true,
        status: Some(status),
        rules: rules(&[("self.metadata.name == 'app'", "App resource must be named 'app'")]),
        selectable: &[],
        columns: json!([
            {"name": "Running", "type": "boolean", "jsonPath": ".spec.running"},
            {"name": "Engine", "type": "string", "jsonPath": ".status.machine.driver"},
            {"name": "Settled", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Settled\")].status"},
            age(),
        ]),
    })
}

fn container() -> CustomResourceDefinition {
    let mut status = schema_of::<ContainerStatus>();
    conditions(&mut status["properties"]["conditions"]);
    list_map(&mut status["properties"]["ports"], "name");
    definition(Shape {
        kind: "Container",
        plural: "containers",
        short: "ctr",
        categories: &["all", "rdd"],
        group: group::CONTAINERS,
        scope: "Namespaced",
        description: "A container of the engine. Its name is the full engine id. Deleting it removes the container.",
        spec: Some(schema_of::<Nothing>()),
        spec_required: false,
        status: Some(status),
        rules: rules(&[(
            "self.metadata.name.matches('^[0-9a-f]{64}$')",
            "a Container must be named by its full engine id: 64 hex digits",
        )]),
        selectable: &[".status.namespace", ".status.name", ".status.status"],
        columns: json!([
            {"name": "Container", "type": "string", "jsonPath": ".status.name"},
            {"name": "Image", "type": "string", "jsonPath": ".status.imageRef"},
            {"name": "Status", "type": "string", "jsonPath": ".status.status"},
            {"name": "Running", "type": "string", "priority": 1, "jsonPath": ".status.conditions[?(@.type==\"Running\")].status"},
            age(),
        ]),
    })
}

fn image() -> CustomResourceDefinition {
    definition(Shape {
        kind: "Image",
        plural: "images",
        short: "img",
        categories: &["rdd"],
        group: group::CONTAINERS,
        scope: "Namespaced",
        description: "A tag of an image of the engine, or a dangling image. Deleting it removes the tag, or the image.",
        spec: Some(schema_of::<Nothing>()),
        spec_required: false,
        status: Some(schema_of::<ImageStatus>()),
        rules: Value::Null,
        selectable: &[".status.namespace", ".status.id", ".status.repoTag"],
        columns: json!([
            {"name": "Tag", "type": "string", "jsonPath": ".status.repoTag"},
            {"name": "Created", "type": "date", "jsonPath": ".status.createdAt"},
            {"name": "Size", "type": "integer", "jsonPath": ".status.size"},
        ]),
    })
}

fn volume() -> CustomResourceDefinition {
    definition(Shape {
        kind: "Volume",
        plural: "volumes",
        short: "vol",
        categories: &["rdd"],
        group: group::CONTAINERS,
        scope: "Namespaced",
        description: "A volume of the engine. Deleting it removes the volume.",
        spec: Some(schema_of::<Nothing>()),
        spec_required: false,
        status: Some(schema_of::<VolumeStatus>()),
        rules: Value::Null,
        selectable: &[".status.namespace", ".status.name"],
        columns: json!([
            {"name": "Volume", "type": "string", "jsonPath": ".status.name"},
            {"name": "Driver", "type": "string", "jsonPath": ".status.driver"},
            age(),
        ]),
    })
}

fn container_namespace() -> CustomResourceDefinition {
    definition(Shape {
        kind: "ContainerNamespace",
        plural: "containernamespaces",
        short: "cns",
        categories: &["rdd"],
        group: group::CONTAINERS,
        scope: "Namespaced",
        description: "A namespace of the engine. It is kept by the daemon: edits have no effect, and it comes back when deleted.",
        spec: None,
        spec_required: false,
        status: None,
        rules: Value::Null,
        selectable: &[],
        columns: json!([age()]),
    })
}

fn definition(shape: Shape) -> CustomResourceDefinition {
    let mut schema = json!({
        "description": shape.description,
        "type": "object",
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
        },
    });
    if let Some(spec) = shape.spec {
        schema["properties"]["spec"] = spec;
    }
    if shape.spec_required {
        schema["required"] = json!(["spec"]);
    }
    if !shape.rules.is_null() {
        schema["x-kubernetes-validations"] = shape.rules;
    }
    let mut version = json!({
        "name": VERSION,
        "served": true,
        "storage": true,
        "additionalPrinterColumns": shape.columns,
    });
    if let Some(status) = shape.status {
        schema["properties"]["status"] = status;
        version["subresources"] = json!({"status": {}});
    }
    if !shape.selectable.is_empty() {
        let fields: Vec<Value> = shape.selectable.iter().map(|path| json!({"jsonPath": path})).collect();
        version["selectableFields"] = fields.into();
    }
    version["schema"] = json!({"openAPIV3Schema": schema});
    let mut names = json!({
        "kind": shape.kind,
        "listKind": format!("{}List", shape.kind),
        "plural": shape.plural,
        "singular": shape.kind.to_ascii_lowercase(),
        "categories": shape.categories,
    });
    if !shape.short.is_empty() {
        names["shortNames"] = json!([shape.short]);
    }
    let value = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{}.{}", shape.plural, shape.group)},
        "spec": {"group": shape.group, "names": names, "scope": shape.scope, "versions": [version]},
    });
    // It can not fail: the value is made of constants, and a test makes all of them.
    serde_json::from_value(value).expect("a definition made of constants")
}

fn schema_of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::openapi3().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let generator = settings
        .with_transform(StructuralSchemaRewriter)
        .with_transform(OptionalEnum)
        .with_transform(OptionalIntOrString)
        .into_generator();
    let mut value = generator.into_root_schema_for::<T>().to_value();
    tidy(&mut value);
    value
}

/// Leaves what Kubernetes knows and we mean: absent is not null, and a type's name is not a title.
fn tidy(schema: &mut Value) {
    let Some(map) = schema.as_object_mut() else { return };
    for word in ["title", "nullable", "$schema", "components"] {
        map.remove(word);
    }
    if map.get("default").is_some_and(Value::is_null) {
        map.remove("default");
    }
    if let Some(Value::Array(values)) = map.get_mut("enum") {
        values.retain(|v| !v.is_null());
    }
    if let Some(Value::String(text)) = map.get_mut("description") {
        *text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    if let Some(Value::Object(properties)) = map.get_mut("properties") {
        properties.values_mut().for_each(tidy);
    }
    for word in ["items", "additionalProperties"] {
        if let Some(inner) = map.get_mut(word) {
            tidy(inner);
        }
    }
}

/// The limits of `metav1.Condition`, which its type does not carry.
fn conditions(schema: &mut Value) {
    list_map(schema, "type");
    let properties = &mut schema["items"]["properties"];
    properties["status"]["enum"] = json!(["True", "False", "Unknown"]);
    properties["observedGeneration"]["minimum"] = json!(0);
    properties["message"]["maxLength"] = json!(32768);
    properties["reason"]["minLength"] = json!(1);
    properties["reason"]["maxLength"] = json!(1024);
    properties["reason"]["pattern"] = json!("^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$");
    properties["type"]["maxLength"] = json!(316);
    properties["type"]["pattern"] = json!(
        r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$"
    );
}

fn list_map(schema: &mut Value, key: &str) {
    schema["x-kubernetes-list-type"] = json!("map");
    schema["x-kubernetes-list-map-keys"] = json!([key]);
}

fn rules(rules: &[(&str, &str)]) -> Value {
    rules.iter().map(|(rule, message)| json!({"rule": rule, "message": message})).collect()
}

fn age() -> Value {
    json!({"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"})
}

#[cfg(test)]
mod tests;
