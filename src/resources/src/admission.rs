//! Admission rules that need annotations, as data. What a CRD can say itself is in its schema.

use crate::{action, group, names};
use k8s_openapi::api::admissionregistration::v1::{
    MatchResources, NamedRuleWithOperations, ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
    ValidatingAdmissionPolicyBindingSpec, ValidatingAdmissionPolicySpec, Validation,
};
use kube::core::ObjectMeta;

/// The name of the policy on actions (R21), and of its binding.
pub const ACTIONS: &str = "actions.containers.rancherdesktop.io";

/// Every policy.
pub fn policies() -> Vec<ValidatingAdmissionPolicy> {
    vec![actions()]
}

/// Their bindings.
pub fn bindings() -> Vec<ValidatingAdmissionPolicyBinding> {
    let metadata = ObjectMeta { name: Some(ACTIONS.into()), ..ObjectMeta::default() };
    let spec = ValidatingAdmissionPolicyBindingSpec {
        policy_name: ACTIONS.into(),
        validation_actions: vec!["Deny".into()],
        ..ValidatingAdmissionPolicyBindingSpec::default()
    };
    vec![ValidatingAdmissionPolicyBinding { metadata, spec }]
}

fn actions() -> ValidatingAdmissionPolicy {
    let key = names::annotation::ACTION;
    let given = |object: &str| {
        format!("has({object}.metadata.annotations) && '{key}' in {object}.metadata.annotations")
    };
    let value = |object: &str| format!("{object}.metadata.annotations['{key}']");
    let on_create = Validation {
        expression: format!("request.operation != 'CREATE' || !({})", given("object")),
        message: Some(format!("{key} annotation is not allowed on create")),
        reason: Some("Invalid".into()),
        ..Validation::default()
    };
    // A bad value that is stored already must not refuse every other write of the object: only a changed one is judged.
    let on_update = Validation {
        expression: format!(
            "request.operation != 'UPDATE' || !({new}) || ({old} && {new_value} == {old_value}) || {new_value}.matches('{pattern}')",
            new = given("object"),
            old = given("oldObject"),
            new_value = value("object"),
            old_value = value("oldObject"),
            pattern = action::PATTERN,
        ),
        message: Some(format!("invalid {key} annotation: allowed are {}", action::ALLOWED)),
        message_expression: Some(format!(
            "'invalid {key} annotation \"' + {} + '\": allowed are {}'",
            value("object"),
            action::ALLOWED
        )),
        reason: Some("Invalid".into()),
    };
    let rule = NamedRuleWithOperations {
        api_groups: Some(vec![group::CONTAINERS.into()]),
        api_versions: Some(vec!["*".into()]),
        operations: Some(vec!["CREATE".into(), "UPDATE".into()]),
        resources: Some(vec!["containers".into()]),
        ..NamedRuleWithOperations::default()
    };
    let spec = ValidatingAdmissionPolicySpec {
        failure_policy: Some("Fail".into()),
        match_constraints: Some(MatchResources { resource_rules: Some(vec![rule]), ..Default::default() }),
        validations: Some(vec![on_create, on_update]),
        ..ValidatingAdmissionPolicySpec::default()
    };
    let metadata = ObjectMeta { name: Some(ACTIONS.into()), ..ObjectMeta::default() };
    ValidatingAdmissionPolicy { metadata, spec: Some(spec), ..Default::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r21_the_texts_of_refusals_are_the_documented_ones() {
        let policy = serde_json::to_string(&policies()).unwrap();
        assert!(policy.contains("containers.rancherdesktop.io/action annotation is not allowed on create"));
        assert!(
            policy.contains(r#"'invalid containers.rancherdesktop.io/action annotation \"' + "#),
            "{policy}"
        );
        assert_eq!(Some(&bindings()[0].spec.policy_name), policies()[0].metadata.name.as_ref());
    }
}
