//! `rdd ctl wait-condition`: waits until an object has a condition, also when the object does not exist yet.

use crate::context::Context;
use crate::duration::Limit;
use crate::failure::{Exit, Failure, Outcome};
use crate::follow::{Seen, Which, follow};
use crate::{service, settle};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{APIResource, APIResourceList};
use kube::api::{Api, ApiResource, DynamicObject};
use rdd_resources::names;
use serde_json::Value;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which object, as TYPE[.GROUP]/NAME
    #[arg(value_name = "TYPE[.GROUP]/NAME")]
    pub(crate) object: String,
    /// Which condition; its status is True when none is given
    #[arg(value_name = "COND[=STATUS]")]
    pub(crate) condition: String,
    /// The reason it must have
    #[arg(long)]
    pub(crate) reason: Option<String>,
    /// Its last transition must be later: RFC 3339, or `startup` for the start of the daemon
    #[arg(long)]
    pub(crate) since: Option<String>,
    /// How long to wait; 0 is for ever
    #[arg(long, default_value = "30s")]
    pub(crate) timeout: Limit,
    /// Namespace of the object [default: that of the kubeconfig, as for kubectl]
    #[arg(short, long)]
    pub(crate) namespace: Option<String>,
}

/// What is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted {
    kind: String,
    status: String,
    reason: Option<String>,
    since: Option<Timestamp>,
}

/// Runs it.
pub(crate) async fn run(args: Args, context: &Context) -> Outcome {
    let (kind, name) =
        args.object.split_once('/').filter(|(kind, name)| !kind.is_empty() && !name.is_empty()).ok_or_else(
            || Failure::error(format!("invalid object {:?}: expected TYPE[.GROUP]/NAME", args.object)),
        )?;
    let client = service::up(context).await?;
    let (condition, status) = args.condition.split_once('=').unwrap_or((&args.condition, "True"));
    let wanted = Wanted {
        kind: condition.to_owned(),
        status: status.to_owned(),
        reason: args.reason.clone(),
        since: since(args.since.as_deref(), &client).await?,
    };
    let (resource, namespaced) = resolve(&client, kind).await?;
    let which = Which { fields: Some(format!("metadata.name={name}")) };
    let mut last = format!("{} does not exist", args.object);
    let mut met = false;
    let see = |seen: Seen<DynamicObject>| {
        let object = match seen {
            Seen::Listed(mut objects) => match objects.pop() {
                Some(object) => object,
                None if met => return Err(deleted()),
                None => return Ok(None),
            },
            Seen::Changed(object) => object,
            Seen::Gone(_) => return Err(deleted()),
            Seen::Lost(why) => {
                last = format!("the API does not answer: {why}");
                return Ok(None);
            }
        };
        met = true;
        match look(&object.data, &wanted) {
            Ok(()) => Ok(Some(())),
            Err(state) => {
                last = state;
                Ok(None)
            }
        }
    };
    let namespace = args.namespace.clone().unwrap_or_else(|| client.default_namespace().to_owned());
    let api = move |client: kube::Client| match namespaced {
        true => Api::<DynamicObject>::namespaced_with(client, &namespace, &resource),
        false => Api::all_with(client, &resource),
    };
    let waited = tokio::select! {
        biased;
        _ = tokio::signal::ctrl_c() => return Err(settle::cancelled()),
        waited = args.timeout.wait(follow(context, api, &which, see)) => waited,
    };
    match waited {
        Some(result) => result.map(|()| Exit::Done),
        None => Err(Failure::timed_out(format!(
            "{} has no condition {} after {}; last seen: {last}",
            args.object, args.condition, args.timeout
        ))),
    }
}

fn deleted() -> Failure {
    Failure::error("resource was deleted while waiting")
}

/// Whether an object has the condition; else what it has.
fn look(object: &Value, wanted: &Wanted) -> Result<(), String> {
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
    let found = conditions.into_iter().flatten().find(|c| c["type"] == *wanted.kind);
    let Some(found) = found else { return Err(format!("no condition {}", wanted.kind)) };
    let text = |key: &str| found[key].as_str().unwrap_or_default();
    let state = || format!("{}={}: {} ({})", wanted.kind, text("status"), text("message"), text("reason"));
    let late_enough = wanted
        .since
        .is_none_or(|since| text("lastTransitionTime").parse::<Timestamp>().is_ok_and(|time| time > since));
    let good = text("status").eq_ignore_ascii_case(&wanted.status)
        && wanted.reason.as_deref().is_none_or(|reason| reason == text("reason"))
        && late_enough;
    if good { Ok(()) } else { Err(format!("{}, since {}", state(), text("lastTransitionTime"))) }
}

/// The moment after which the transition must lie.
async fn since(text: Option<&str>, client: &kube::Client) -> Result<Option<Timestamp>, Failure> {
    let text = match text {
        None => return Ok(None),
        Some("startup") => startup(client).await?,
        Some(text) => text.to_owned(),
    };
    let time = text.parse::<Timestamp>();
    time.map(Some)
        .map_err(|_| Failure::error(format!("invalid time {text:?}: expected RFC 3339 or \"startup\"")))
}

/// When the daemon started, as its discovery object says.
async fn startup(client: &kube::Client) -> Result<String, Failure> {
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), names::SYSTEM_NAMESPACE);
    let map = maps.get(names::DISCOVERY).await;
    let map = map.map_err(|e| Failure::request("the start of the daemon can not be read", &e))?;
    let embedded = map.data.and_then(|data| data.get("embedded").cloned()).unwrap_or_default();
    let embedded: Value = serde_json::from_str(&embedded).unwrap_or_default();
    Ok(embedded["startTime"].as_str().unwrap_or_default().to_owned())
}

/// Finds a type by its plural, singular, short name or kind, in a group if one is named.
async fn resolve(client: &kube::Client, text: &str) -> Result<(ApiResource, bool), Failure> {
    let failed = |e: kube::Error| Failure::request("the types of the API can not be read", &e);
    let (word, group) = match text.split_once('.') {
        Some((word, group)) => (word, Some(group)),
        None => (text, None),
    };
    let mut lists: Vec<APIResourceList> = Vec::new();
    if group.is_none() {
        lists.push(client.list_core_api_resources("v1").await.map_err(failed)?);
    }
    for known in client.list_api_groups().await.map_err(failed)?.groups {
        if group.is_some_and(|group| group != known.name) {
            continue;
        }
        let version = known.preferred_version.or_else(|| known.versions.into_iter().next());
        if let Some(version) = version {
            lists.push(client.list_api_group_resources(&version.group_version).await.map_err(failed)?);
        }
    }
    let found = lists.iter().find_map(|list| {
        let resource = list.resources.iter().find(|resource| means(resource, word))?;
        let (group, version) = list.group_version.split_once('/').unwrap_or(("", &list.group_version));
        let resolved = ApiResource {
            group: group.to_owned(),
            version: version.to_owned(),
            api_version: list.group_version.clone(),
            kind: resource.kind.clone(),
            plural: resource.name.clone(),
        };
        Some((resolved, resource.namespaced))
    });
    found.ok_or_else(|| {
        Failure::error(format!("the server has no type {text:?}; `rdd ctl api-resources` lists them"))
    })
}

fn means(resource: &APIResource, word: &str) -> bool {
    let word = word.to_lowercase();
    // `pods/log` is no type of its own.
    !resource.name.contains('/')
        && (resource.name == word
            || resource.singular_name == word
            || resource.kind.to_lowercase() == word
            || resource.short_names.iter().flatten().any(|short| *short == word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn wanted() -> Wanted {
        Wanted { kind: "Ready".into(), status: "True".into(), reason: None, since: None }
    }

    fn object(status: &str) -> Value {
        json!({"status": {"conditions": [
            {"type": "Other", "status": "True"},
            {"type": "Ready", "status": status, "reason": "Because", "message": "words", "lastTransitionTime": "2026-01-01T00:00:10Z"}
        ]}})
    }

    #[test]
    fn a_condition_must_have_status_and_reason() {
        assert_eq!(look(&object("True"), &wanted()), Ok(()));
        let state = look(&object("False"), &wanted()).unwrap_err();
        assert!(state.starts_with("Ready=False: words (Because)"), "{state}");
        let other = Wanted { reason: Some("Other".into()), ..wanted() };
        assert!(look(&object("True"), &other).is_err());
        assert_eq!(look(&json!({}), &wanted()), Err("no condition Ready".to_owned()));
    }

    #[test]
    fn its_transition_must_be_later_than_since() {
        for (since, good) in [("2026-01-01T00:00:09Z", true), ("2026-01-01T00:00:10Z", false)] {
            let wanted = Wanted { since: Some(since.parse().unwrap()), ..wanted() };
            assert_eq!(look(&object("True"), &wanted).is_ok(), good, "{since}");
        }
    }
}
