//! The supervision tree, as text.

use crate::failure::Failure;
use serde_json::Value;

/// The tree as the daemon tells it.
///
/// # Errors
/// The daemon does not answer.
pub(crate) async fn fetch(client: &kube::Client) -> Result<Value, Failure> {
    let request = http::Request::get("/debug/supervision").body(Vec::new());
    let request = request.map_err(|e| Failure::error(e.to_string()))?;
    let text = client.request_text(request).await;
    let text = text.map_err(|e| Failure::request("the supervision tree can not be read", &e))?;
    serde_json::from_str(&text)
        .map_err(|e| Failure::error(format!("the supervision tree can not be understood: {e}")))
}

/// One line per group and actor, and one below for what is wrong with it.
pub(crate) fn render(tree: &Value) -> String {
    let mut text = String::new();
    group(&tree["root"], "", &mut text);
    text
}

fn group(value: &Value, indent: &str, text: &mut String) {
    let parked =
        value["parkedUntil"].as_str().map(|until| format!(", parked until {until}")).unwrap_or_default();
    text.push_str(&format!("{}{parked}\n", last_name(value, "root")));
    let members = value["members"].as_array().map_or(&[][..], Vec::as_slice);
    let groups = value["groups"].as_array().map_or(&[][..], Vec::as_slice);
    let count = members.len() + groups.len();
    for (n, child) in members.iter().chain(groups).enumerate() {
        let (branch, below) = if n + 1 == count { ("└── ", "    ") } else { ("├── ", "│   ") };
        text.push_str(&format!("{indent}{branch}"));
        let indent = format!("{indent}{below}");
        if n < members.len() { actor(child, &indent, text) } else { group(child, &indent, text) }
    }
}

fn actor(value: &Value, indent: &str, text: &mut String) {
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    let lanes = || value["lanes"].as_array().into_iter().flatten();
    let mut facts = vec![value["state"].as_str().unwrap_or_default().to_owned()];
    let mut add = |count: u64, what: &str| {
        if count > 0 {
            facts.push(format!("{count} {what}"));
        }
    };
    add(number(&value["restarts"]), "restarts");
    add(
        number(&value["mailbox"]["depth"]) + lanes().map(|lane| number(&lane["waiting"])).sum::<u64>(),
        "waiting",
    );
    add(number(&value["jobs"]["running"]), "jobs running");
    add(number(&value["jobs"]["slow"]), "of them slow");
    add(number(&value["leaked"]["jobs"]) + number(&value["leaked"]["threads"]), "blocked and given up");
    text.push_str(&format!("{} ({})\n", last_name(value, "?"), facts.join(", ")));
    if let Some(failure) = value["lastFailure"].as_object() {
        let of = |key: &str| failure.get(key).and_then(Value::as_str).unwrap_or_default();
        text.push_str(&format!("{indent}last failure {}: {} {}\n", of("when"), of("kind"), of("text")));
    }
    for key in lanes().flat_map(|lane| lane["failing"].as_array().into_iter().flatten()) {
        let of = |name: &str| key[name].as_str().unwrap_or_default();
        text.push_str(&format!("{indent}failing {} since {}: {}\n", of("key"), of("since"), of("error")));
    }
}

/// The last part of a path.
fn last_name<'a>(value: &'a Value, none: &'a str) -> &'a str {
    let path = value["name"].as_str().unwrap_or_default();
    path.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or(none)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_tree_shows_state_and_what_is_wrong() {
        let actor = |name: &str, restarts: u64| json!({"name": name, "state": "running", "restarts": restarts, "mailbox": {"depth": 0}});
        let mut bad = actor("engine/writer", 2);
        bad["lastFailure"] = json!({"when": "now", "kind": "panic", "text": "boom"});
        bad["lanes"] = json!([{"waiting": 3, "failing": [{"key": "k", "since": "then", "error": "503"}]}]);
        let tree = json!({"root": {"name": "", "members": [actor("app", 0)], "groups": [
            {"name": "engine", "members": [bad], "groups": [], "parkedUntil": "later"}
        ]}});
        assert_eq!(
            render(&tree),
            "root\n├── app (running)\n└── engine, parked until later\n    └── writer (running, 2 restarts, 3 waiting)\n        last failure now: panic boom\n        failing k since then: 503\n"
        );
    }
}
