//! Names: one kind may have them at a time.

use super::{is_true, set_condition};
use crate::Object;
use serde_json::{Map, Value, json};
use std::collections::HashSet;

/// The status a CRD should have: conditions `NamesAccepted` and `Established`, `acceptedNames`, `storedVersions`; `others` are all
/// other stored CRDs (names conflict within a group). `None`: it has it already.
pub fn next_status(crd: &Object, others: &[Object], now: &str) -> Option<Value> {
    let group = crd.text(&["spec", "group"]);
    let taken = Taken::by(others.iter().filter(|other| other.text(&["spec", "group"]) == group));
    let empty = Map::new();
    let members = |path: &[&str]| crd.at(path).and_then(Value::as_object).unwrap_or(&empty).clone();
    let (asked, accepted) = (members(&["spec", "names"]), members(&["status", "acceptedNames"]));
    let mut names = accepted.clone();
    let mut conflict = None;
    for (name, reason) in [("plural", "PluralConflict"), ("singular", "SingularConflict")] {
        accept(&mut names, &asked, &accepted, name, &taken.resources)
            .map_err(|why| conflict = Some((reason, why)))
            .ok();
    }
    match short_names(&asked, &accepted, &taken.resources) {
        Ok(()) => copy(&mut names, &asked, "shortNames"),
        Err(why) => conflict = Some(("ShortNamesConflict", why)),
    }
    for (name, reason) in [("kind", "KindConflict"), ("listKind", "ListKindConflict")] {
        accept(&mut names, &asked, &accepted, name, &taken.kinds)
            .map_err(|why| conflict = Some((reason, why)))
            .ok();
    }
    copy(&mut names, &asked, "categories");
    // These two are always written, even before anything was accepted.
    for name in ["plural", "kind"] {
        names.entry(name).or_insert_with(|| "".into());
    }

    let mut next = crd.clone();
    next.member_mut("status").insert("acceptedNames".to_owned(), Value::Object(names));
    let says = |kind: &str, status: &str, reason: &str, message: &str| json!({"type": kind, "status": status, "reason": reason, "message": message});
    match &conflict {
        Some((reason, why)) => {
            set_condition(&mut next, now, says("NamesAccepted", "False", reason, why));
            // What was established once stays so: objects exist.
            if !is_true(crd, "Established") {
                let message = "not all names are accepted";
                set_condition(&mut next, now, says("Established", "False", "NotAccepted", message));
            }
        }
        None => {
            set_condition(&mut next, now, says("NamesAccepted", "True", "NoConflicts", "no conflicts found"));
            if !is_true(crd, "Established") {
                let message = "the initial names have been accepted";
                set_condition(&mut next, now, says("Established", "True", "InitialNamesAccepted", message));
            }
        }
    }
    super::keep_stored(&mut next);
    let status = next.0.remove("status");
    status.filter(|status| crd.0.get("status") != Some(status))
}

/// Names that other kinds of the group have.
struct Taken {
    resources: HashSet<String>,
    kinds: HashSet<String>,
}

impl Taken {
    fn by<'a>(others: impl Iterator<Item = &'a Object>) -> Taken {
        let mut taken = Taken { resources: HashSet::new(), kinds: HashSet::new() };
        for other in others {
            let text =
                |name: &str| other.text(&["status", "acceptedNames", name]).unwrap_or_default().to_owned();
            taken.resources.extend([text("plural"), text("singular")]);
            let short = other.texts(&["status", "acceptedNames", "shortNames"]);
            taken.resources.extend(short.into_iter().map(str::to_owned));
            taken.kinds.extend([text("kind"), text("listKind")]);
        }
        taken.resources.remove("");
        taken.kinds.remove("");
        taken
    }
}

fn accept(
    names: &mut Map<String, Value>,
    asked: &Map<String, Value>,
    accepted: &Map<String, Value>,
    name: &str,
    taken: &HashSet<String>,
) -> Result<(), String> {
    let wanted = asked.get(name).and_then(Value::as_str).unwrap_or_default();
    let own = accepted.get(name).and_then(Value::as_str).unwrap_or_default();
    if wanted != own && taken.contains(wanted) {
        return Err(in_use(wanted));
    }
    copy(names, asked, name);
    Ok(())
}

fn short_names(
    asked: &Map<String, Value>,
    accepted: &Map<String, Value>,
    taken: &HashSet<String>,
) -> Result<(), String> {
    let list = |names: &Map<String, Value>| -> Vec<String> {
        let list = names.get("shortNames").and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let own = list(accepted);
    let conflicts: Vec<String> = list(asked)
        .into_iter()
        .filter(|name| !own.contains(name) && taken.contains(name))
        .map(|name| in_use(&name))
        .collect();
    match conflicts.as_slice() {
        [] => Ok(()),
        [one] => Err(one.clone()),
        more => Err(format!("[{}]", more.join(", "))),
    }
}

fn in_use(name: &str) -> String {
    format!("\"{name}\" is already in use")
}

fn copy(names: &mut Map<String, Value>, asked: &Map<String, Value>, name: &str) {
    match asked.get(name) {
        Some(value) => drop(names.insert(name.to_owned(), value.clone())),
        None => drop(names.remove(name)),
    }
}
