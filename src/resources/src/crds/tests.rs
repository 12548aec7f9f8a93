use super::*;

/// The generated schemas, as they are published. After a deliberate change run with `UPDATE_SNAPSHOTS=1` and read the difference.
#[test]
fn published_schemas_are_the_recorded_ones() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/crds/snapshot.json");
    let now = serde_json::to_string_pretty(&crds()).unwrap() + "\n";
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(path, &now).unwrap();
    }
    let recorded = std::fs::read_to_string(path).unwrap();
    assert!(now == recorded, "the schemas changed: read the difference of {path}");
}

#[test]
fn schemas_are_structural() {
    fn walk(path: &str, schema: &Value) {
        let map = schema.as_object().unwrap();
        assert!(map.contains_key("type"), "{path} has no type");
        for word in ["oneOf", "anyOf", "allOf", "not", "$ref", "nullable", "title"] {
            assert!(!map.contains_key(word), "{path} has {word}");
        }
        for (name, inner) in map.get("properties").and_then(Value::as_object).into_iter().flatten() {
            walk(&format!("{path}.{name}"), inner);
        }
        for word in ["items", "additionalProperties"] {
            if let Some(inner) = map.get(word) {
                walk(&format!("{path}[{word}]"), inner);
            }
        }
    }
    for crd in serde_json::to_value(crds()).unwrap().as_array().unwrap() {
        let name = crd["metadata"]["name"].as_str().unwrap();
        walk(name, &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]);
    }
}

#[test]
fn lists_of_conditions_and_ports_are_maps() {
    let crds = serde_json::to_value(crds()).unwrap();
    let status = |n: usize| {
        crds[n]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]
            .clone()
    };
    for (list, key) in [(&status(0)["conditions"], "type"), (&status(1)["ports"], "name")] {
        assert_eq!(list["x-kubernetes-list-map-keys"], json!([key]));
        assert_eq!(list["x-kubernetes-list-type"], "map");
    }
}

#[test]
fn r22_a_container_has_no_properties_to_set() {
    let crds = serde_json::to_value(crds()).unwrap();
    let schema = &crds[1]["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    assert_eq!(schema["properties"]["spec"]["type"], "object");
    assert!(schema["properties"]["spec"].get("properties").is_none());
    assert!(schema.get("required").is_none());
}

#[test]
fn deleting_all_never_takes_the_app_images_or_volumes() {
    for crd in crds() {
        let all = crd.spec.names.categories.unwrap().contains(&"all".to_owned());
        assert_eq!(all, crd.spec.names.kind == "Container", "{}", crd.spec.names.kind);
    }
}

#[test]
fn an_app_with_nothing_but_running_gets_the_defaults() {
    let app: crate::App =
        serde_json::from_value(json!({"metadata": {"name": "app"}, "spec": {"running": true}})).unwrap();
    assert_eq!(app.spec.namespace, "rancher-desktop");
    assert_eq!(app.spec.container_engine.name, crate::app::EngineName::Moby);
    assert_eq!(app.spec.machine.driver, crate::app::Driver::Auto);
}

#[test]
fn a_mirror_without_a_spec_is_read_and_written() {
    let hand_made = json!({"metadata": {"name": "x"}, "spec": {"state": "running"}});
    let mirror: crate::Container = serde_json::from_value(hand_made).unwrap();
    assert!(mirror.status.is_none());
    let written = serde_json::to_value(&mirror).unwrap();
    assert_eq!(written["apiVersion"], "containers.rancherdesktop.io/v1alpha1");
    assert_eq!(written["kind"], "Container");
    assert!(written.get("status").is_none());
}
