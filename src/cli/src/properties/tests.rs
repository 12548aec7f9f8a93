use super::*;
use serde_json::json;

fn spec() -> JSONSchemaProps {
    serde_json::from_value(json!({
        "type": "object",
        "required": ["running"],
        "properties": {
            "running": {"type": "boolean", "description": "Whether it runs. More words."},
            "namespace": {"type": "string"},
            "containerEngine": {"type": "object", "properties": {
                "name": {"type": "string", "enum": ["moby", "containerd"]}
            }},
            "kubernetes": {"type": "object", "required": ["version"], "properties": {
                "enabled": {"type": "boolean"},
                "version": {"type": "string"},
                "port": {"type": "integer"}
            }},
            "machine": {"type": "object", "properties": {"endpoint": {"type": "string"}}},
            "names": {"type": "array"},
        }
    }))
    .unwrap()
}

fn set(arguments: &[&str]) -> Result<Value, String> {
    let arguments: Vec<String> = arguments.iter().map(|a| (*a).to_owned()).collect();
    let assignments = parse(&arguments).map_err(|e| e.to_string())?;
    patch(&spec(), &assignments).map_err(|e| e.to_string())
}

#[test]
fn r29_what_does_not_fit_the_schema_is_refused_in_these_words() {
    let all = "valid properties: containerEngine.name, kubernetes.enabled, kubernetes.port, kubernetes.version, machine.endpoint, names, running";
    let cases = [
        ("running", "invalid argument \"running\": expected PROPERTY=VALUE format".to_owned()),
        ("=value", "invalid argument \"=value\": property name must not be empty".to_owned()),
        ("nonexistent=v", format!("nonexistent: unknown property \"nonexistent\"; {all}")),
        ("namespace=v", format!("namespace: unknown property \"namespace\"; {all}")),
        ("kubernetes.x=v", "kubernetes.x: unknown property \"x\" under \"kubernetes\"; valid properties: kubernetes.enabled, kubernetes.port, kubernetes.version".to_owned()),
        ("containerEngine=moby", "\"containerEngine\" is an object; set its fields, e.g. \"containerEngine.name\"".to_owned()),
        ("running.x=1", "\"running\" is not an object and has no sub-properties".to_owned()),
        ("running=yes", "invalid value \"yes\" for \"running\": expected boolean; use \"true\" or \"false\"".to_owned()),
        ("running=", "invalid value \"\" for \"running\": expected boolean; use \"true\" or \"false\"".to_owned()),
        ("containerEngine.name=docker", "invalid value \"docker\" for \"containerEngine.name\": valid values: moby, containerd".to_owned()),
        ("kubernetes.port=x", "invalid value \"x\" for \"kubernetes.port\": expected integer".to_owned()),
        (".running=true", format!(".running: unknown property \"\"; {all}")),
    ];
    for (argument, expected) in cases {
        assert_eq!(set(&[argument]), Err(expected), "{argument}");
    }
}

#[test]
fn values_get_the_type_of_the_schema() {
    let given = set(&[
        "running=true",
        "containerEngine.name=moby",
        "kubernetes.port=7",
        "machine.endpoint=unix:///a=b",
    ]);
    let expected = json!({
        "running": true,
        "containerEngine": {"name": "moby"},
        "kubernetes": {"port": 7},
        "machine": {"endpoint": "unix:///a=b"}
    });
    assert_eq!(given, Ok(expected));
}

#[test]
fn an_empty_value_unsets_an_optional_property_only() {
    assert_eq!(set(&["machine.endpoint="]), Ok(json!({"machine": {"endpoint": null}})));
    assert_eq!(set(&["kubernetes.version="]), Ok(json!({"kubernetes": {"version": ""}})));
}

#[test]
fn the_last_of_two_values_wins() {
    assert_eq!(set(&["running=true", "running=false"]), Ok(json!({"running": false})));
}

#[test]
fn a_new_app_gets_zero_values_for_required_fields() {
    let complete = |given| complete(&spec(), given);
    assert_eq!(complete(json!({})), json!({"running": false}));
    assert_eq!(
        complete(json!({"running": true, "machine": {"endpoint": null}})),
        json!({"running": true, "machine": {}})
    );
    assert_eq!(
        complete(json!({"kubernetes": {"enabled": true}})),
        json!({"running": false, "kubernetes": {"enabled": true, "version": ""}})
    );
}

#[test]
fn properties_are_listed_with_their_values_and_first_sentence() {
    let listed = list(&spec());
    let find = |path: &str| listed.iter().find(|p| p.path == path).unwrap();
    assert_eq!(find("containerEngine.name").values, "moby, containerd");
    assert_eq!(
        (find("running").values.as_str(), find("running").summary.as_str()),
        ("boolean", "Whether it runs.")
    );
    assert!(listed.iter().all(|p| p.path != "namespace"));
}

#[test]
fn the_schema_of_the_real_app_is_understood() {
    let spec = published().expect("the App's CRD has a spec");
    let paths: Vec<String> = list(&spec).into_iter().map(|p| p.path).collect();
    for path in ["running", "containerEngine.name", "machine.driver", "machine.endpoint"] {
        assert!(paths.iter().any(|p| p == path), "{path} in {paths:?}");
    }
    assert_eq!(complete(&spec, json!({})), json!({"running": false}));
}

fn published() -> Option<JSONSchemaProps> {
    let crd = rdd_resources::crds().into_iter().find(|crd| crd.spec.names.kind == "App")?;
    crate::verbs::set::spec_of(&crd)
}
