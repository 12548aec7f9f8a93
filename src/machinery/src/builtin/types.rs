//! The types of the fields.

use super::shape::Shape::{Any, Bytes, Either, Flag, Float, Integer, List, Map, Text};
use super::shape::{Shape, Struct};

/// The type of a kind's objects.
pub(super) fn of(kind: &str) -> Option<&'static Struct> {
    Some(match kind {
        "Namespace" => &NAMESPACE,
        "ConfigMap" => &CONFIG_MAP,
        "CustomResourceDefinition" => &CRD,
        "ValidatingAdmissionPolicy" => &POLICY,
        "ValidatingAdmissionPolicyBinding" => &BINDING,
        _ => return None,
    })
}

const TEXTS: Shape = List(&Text);

static NAMESPACE: Struct = Struct {
    name: "Namespace",
    fields: &[("spec", Shape::Struct(&NAMESPACE_SPEC)), ("status", Shape::Struct(&NAMESPACE_STATUS))],
};
static NAMESPACE_SPEC: Struct = Struct { name: "NamespaceSpec", fields: &[("finalizers", TEXTS)] };
static NAMESPACE_STATUS: Struct = Struct {
    name: "NamespaceStatus",
    fields: &[("phase", Text), ("conditions", List(&Shape::Struct(&CONDITION)))],
};
static CONDITION: Struct = Struct {
    name: "NamespaceCondition",
    fields: &[
        ("type", Text),
        ("status", Text),
        ("lastTransitionTime", Text),
        ("reason", Text),
        ("message", Text),
    ],
};

static CONFIG_MAP: Struct = Struct {
    name: "ConfigMap",
    fields: &[("immutable", Flag), ("data", Map(&Text)), ("binaryData", Map(&Bytes))],
};

static CRD: Struct = Struct {
    name: "CustomResourceDefinition",
    fields: &[("spec", Shape::Struct(&CRD_SPEC)), ("status", Shape::Struct(&CRD_STATUS))],
};
static CRD_SPEC: Struct = Struct {
    name: "CustomResourceDefinitionSpec",
    fields: &[
        ("group", Text),
        ("names", Shape::Struct(&NAMES)),
        ("scope", Text),
        ("versions", List(&Shape::Struct(&VERSION))),
        ("conversion", Shape::Struct(&CONVERSION)),
        ("preserveUnknownFields", Flag),
    ],
};
static NAMES: Struct = Struct {
    name: "CustomResourceDefinitionNames",
    fields: &[
        ("plural", Text),
        ("singular", Text),
        ("shortNames", TEXTS),
        ("kind", Text),
        ("listKind", Text),
        ("categories", TEXTS),
    ],
};
static VERSION: Struct = Struct {
    name: "CustomResourceDefinitionVersion",
    fields: &[
        ("name", Text),
        ("served", Flag),
        ("storage", Flag),
        ("deprecated", Flag),
        ("deprecationWarning", Text),
        ("schema", Shape::Struct(&VALIDATION)),
        ("subresources", Shape::Struct(&SUBRESOURCES)),
        ("additionalPrinterColumns", List(&Shape::Struct(&COLUMN))),
        ("selectableFields", List(&Shape::Struct(&SELECTABLE))),
    ],
};
static VALIDATION: Struct =
    Struct { name: "CustomResourceValidation", fields: &[("openAPIV3Schema", Shape::Struct(&SCHEMA))] };
static SUBRESOURCES: Struct = Struct {
    name: "CustomResourceSubresources",
    fields: &[("status", Shape::Struct(&STATUS)), ("scale", Shape::Struct(&SCALE))],
};
static STATUS: Struct = Struct { name: "CustomResourceSubresourceStatus", fields: &[] };
static SCALE: Struct = Struct {
    name: "CustomResourceSubresourceScale",
    fields: &[("specReplicasPath", Text), ("statusReplicasPath", Text), ("labelSelectorPath", Text)],
};
static COLUMN: Struct = Struct {
    name: "CustomResourceColumnDefinition",
    fields: &[
        ("name", Text),
        ("type", Text),
        ("format", Text),
        ("description", Text),
        ("priority", Integer),
        ("jsonPath", Text),
    ],
};
static SELECTABLE: Struct = Struct { name: "SelectableField", fields: &[("jsonPath", Text)] };
static CONVERSION: Struct = Struct {
    name: "CustomResourceConversion",
    fields: &[("strategy", Text), ("webhook", Shape::Struct(&WEBHOOK))],
};
static WEBHOOK: Struct = Struct {
    name: "WebhookConversion",
    fields: &[("clientConfig", Shape::Struct(&CLIENT)), ("conversionReviewVersions", TEXTS)],
};
static CLIENT: Struct = Struct {
    name: "WebhookClientConfig",
    fields: &[("url", Text), ("service", Shape::Struct(&SERVICE)), ("caBundle", Bytes)],
};
static SERVICE: Struct = Struct {
    name: "ServiceReference",
    fields: &[("namespace", Text), ("name", Text), ("path", Text), ("port", Integer)],
};
static CRD_STATUS: Struct = Struct {
    name: "CustomResourceDefinitionStatus",
    fields: &[
        ("conditions", List(&Shape::Struct(&CONDITION))),
        ("acceptedNames", Shape::Struct(&NAMES)),
        ("storedVersions", TEXTS),
        ("observedGeneration", Integer),
    ],
};

/// Schemas hold schemas: only statics can name each other.
static INNER: Shape = Shape::Struct(&SCHEMA);

static SCHEMA: Struct = Struct {
    name: "JSONSchemaProps",
    fields: &[
        ("id", Text),
        ("$schema", Text),
        ("$ref", Text),
        ("description", Text),
        ("type", Text),
        ("format", Text),
        ("title", Text),
        ("default", Any),
        ("maximum", Float),
        ("exclusiveMaximum", Flag),
        ("minimum", Float),
        ("exclusiveMinimum", Flag),
        ("maxLength", Integer),
        ("minLength", Integer),
        ("pattern", Text),
        ("maxItems", Integer),
        ("minItems", Integer),
        ("uniqueItems", Flag),
        ("multipleOf", Float),
        ("enum", List(&Any)),
        ("maxProperties", Integer),
        ("minProperties", Integer),
        ("required", TEXTS),
        // One schema; a list of them is refused later, with a better word.
        ("items", Any),
        ("allOf", List(&INNER)),
        ("oneOf", List(&INNER)),
        ("anyOf", List(&INNER)),
        ("not", Shape::Struct(&SCHEMA)),
        ("properties", Map(&INNER)),
        ("additionalProperties", Either(&SCHEMA)),
        ("patternProperties", Map(&INNER)),
        ("dependencies", Any),
        ("additionalItems", Either(&SCHEMA)),
        ("definitions", Map(&INNER)),
        ("externalDocs", Any),
        ("example", Any),
        ("nullable", Flag),
        ("x-kubernetes-preserve-unknown-fields", Flag),
        ("x-kubernetes-embedded-resource", Flag),
        ("x-kubernetes-int-or-string", Flag),
        ("x-kubernetes-list-map-keys", TEXTS),
        ("x-kubernetes-list-type", Text),
        ("x-kubernetes-map-type", Text),
        ("x-kubernetes-validations", List(&Shape::Struct(&RULE))),
    ],
};
static RULE: Struct = Struct {
    name: "ValidationRule",
    fields: &[
        ("rule", Text),
        ("message", Text),
        ("messageExpression", Text),
        ("reason", Text),
        ("fieldPath", Text),
        ("optionalOldSelf", Flag),
    ],
};

static POLICY: Struct =
    Struct { name: "ValidatingAdmissionPolicy", fields: &[("spec", Any), ("status", Any)] };
static BINDING: Struct = Struct { name: "ValidatingAdmissionPolicyBinding", fields: &[("spec", Any)] };
