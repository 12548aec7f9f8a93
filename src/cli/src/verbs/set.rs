//! `rdd set`: changes what the App wants, and waits until it is so.

use crate::context::Context;
use crate::duration::Limit;
use crate::failure::{Exit, Failure, Outcome};
use crate::log::say;
use crate::properties::{self, Assignment};
use crate::{service, settle};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps,
};
use kube::api::{Api, Patch, PatchParams, PostParams};
use rdd_resources::condition::reason;
use rdd_resources::{App, names};
use serde_json::{Value, json};
use std::time::Duration;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = available())]
pub(crate) struct Args {
    /// What to change; an empty VALUE unsets an optional property
    #[arg(value_name = "PROPERTY=VALUE", required = true)]
    pub(crate) assignments: Vec<String>,
    /// How to go about it.
    #[command(flatten)]
    pub(crate) how: How,
}

/// How `set`, `start` and `stop` go about it.
#[derive(Debug, clap::Args)]
pub(crate) struct How {
    /// Validate on the server, store nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Wait until the App has settled
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) wait: bool,
    /// How long to wait; 0 is for ever
    #[arg(long, default_value = "5m")]
    pub(crate) timeout: Limit,
}

impl Default for How {
    fn default() -> How {
        How { dry_run: false, wait: true, timeout: Limit(Duration::from_secs(300)) }
    }
}

/// Runs it.
pub(crate) async fn run(args: Args, context: &Context) -> Outcome {
    let assignments = properties::parse(&args.assignments).map_err(|e| Failure::error(e.to_string()))?;
    set(&assignments, &args.how, context).await?;
    Ok(Exit::Done)
}

/// Sets properties of the App, creating it when it is missing, and waits as asked.
///
/// # Errors
/// An assignment does not fit the schema (1), the server refuses (3), the wait fails (1) or runs out of time (4).
pub(crate) async fn set(assignments: &[Assignment], how: &How, context: &Context) -> Result<(), Failure> {
    let client = service::up(context).await?;
    let schema = published(&client).await?;
    let patch = properties::patch(&schema, assignments).map_err(|e| Failure::error(e.to_string()))?;
    let wanted = write(&client, &schema, patch, how.dry_run).await?;
    if how.wait && !how.dry_run {
        settle::wait(context, &wanted, how.timeout).await?;
    }
    Ok(())
}

/// The schema of `spec` as the server publishes it.
async fn published(client: &kube::Client) -> Result<JSONSchemaProps, Failure> {
    let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
    let name = format!("apps.{}", rdd_resources::group::APP);
    let crd = crds.get(&name).await.map_err(|e| Failure::request("failed to read the App's schema", &e))?;
    spec_of(&crd).ok_or_else(|| Failure::error(format!("{name} has no schema of spec")))
}

/// The schema of `spec` in a CRD.
pub(crate) fn spec_of(crd: &CustomResourceDefinition) -> Option<JSONSchemaProps> {
    let version = crd.spec.versions.iter().find(|version| version.served)?;
    let schema = version.schema.as_ref()?.open_api_v3_schema.as_ref()?;
    schema.properties.as_ref()?.get("spec").cloned()
}

/// Creates or patches the App. Two of us that both find none both succeed.
async fn write(
    client: &kube::Client,
    schema: &JSONSchemaProps,
    patch: Value,
    dry_run: bool,
) -> Result<settle::Wanted, Failure> {
    let apps: Api<App> = Api::all(client.clone());
    let found = apps.get_opt(names::APP).await.map_err(|e| Failure::request("failed to read App", &e))?;
    if found.is_none()
        && let Some(created) = create(&apps, schema, &patch, dry_run).await?
    {
        return Ok(created);
    }
    let attempt =
        found.as_ref().filter(|app| starts_again(app, &patch)).map(|_| uuid::Uuid::new_v4().to_string());
    let mut change = json!({ "spec": patch });
    if let Some(attempt) = &attempt {
        change["metadata"] = json!({ "annotations": { names::annotation::RETRY: attempt } });
    }
    let params = PatchParams { dry_run, field_manager: Some("rdd".into()), ..PatchParams::default() };
    let patched = apps.patch(names::APP, &params, &Patch::Merge(&change)).await;
    let app = patched.map_err(|e| Failure::request("failed to update App", &e))?;
    say(if dry_run { "App validated (dry run)" } else { "App updated" });
    let generation = app.metadata.generation.unwrap_or(0);
    // A changed spec is a new attempt by itself.
    let same = found.is_some_and(|before| before.metadata.generation == Some(generation));
    Ok(settle::Wanted { generation, attempt: attempt.filter(|_| same), uid: app.metadata.uid })
}

/// Creates the App; `None`: somebody else just did.
async fn create(
    apps: &Api<App>,
    schema: &JSONSchemaProps,
    patch: &Value,
    dry_run: bool,
) -> Result<Option<settle::Wanted>, Failure> {
    let spec = properties::complete(schema, patch.clone());
    let object = json!({
        "apiVersion": format!("{}/{}", rdd_resources::group::APP, rdd_resources::VERSION),
        "kind": "App",
        "metadata": { "name": names::APP },
        "spec": spec,
    });
    let app: App = serde_json::from_value(object)
        .map_err(|e| Failure::error(format!("the App's schema and this program do not agree: {e}")))?;
    let params = PostParams { dry_run, field_manager: Some("rdd".into()) };
    match apps.create(&params, &app).await {
        Ok(app) => {
            say(if dry_run { "App validated (dry run)" } else { "App created" });
            let generation = app.metadata.generation.unwrap_or(0);
            Ok(Some(settle::Wanted { generation, attempt: None, uid: app.metadata.uid }))
        }
        Err(kube::Error::Api(status)) if status.reason == "AlreadyExists" => Ok(None),
        Err(error) => Err(Failure::request("failed to create App", &error)),
    }
}

/// Whether a terminal failure is what the App last came to, and it shall run: only a start is attempted anew, and answers that it was.
fn starts_again(app: &App, patch: &Value) -> bool {
    let runs = patch["running"].as_bool().unwrap_or(app.spec.running);
    let conditions = app.status.iter().flat_map(|status| &status.conditions);
    runs && conditions.into_iter().any(|c| reason::is_terminal_failure(&c.reason) && c.status != "True")
}

/// `Available properties:` for the help text. The program's own CRDs are what the daemon publishes.
fn available() -> String {
    let crd = rdd_resources::crds().into_iter().find(|crd| crd.spec.names.kind == "App");
    let Some(schema) = crd.as_ref().and_then(spec_of) else { return String::new() };
    let mut text = String::from("Available properties:\n");
    for property in properties::list(&schema) {
        text.push_str(&format!("  {} ({})\n      {}\n", property.path, property.values, property.summary));
    }
    text + "\nExamples:\n  rdd set running=true\n  rdd set running=true machine.endpoint=unix:///var/run/docker.sock\n  rdd set --dry-run containerEngine.name=containerd"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(running: bool, reason: &str) -> App {
        serde_json::from_value(json!({
            "apiVersion": "app.rancherdesktop.io/v1alpha1", "kind": "App", "metadata": {"name": "app"},
            "spec": {"running": running},
            "status": {"conditions": [{"type": "Running", "status": "False", "reason": reason, "message": "words",
                "lastTransitionTime": "2026-01-01T00:00:00Z"}]}
        }))
        .unwrap()
    }

    #[test]
    fn r30_a_new_attempt_is_asked_for_where_a_start_has_failed_and_nowhere_else() {
        for (running, reason, patch, again) in [
            (true, "StartFailed", json!({"running": true}), true),
            (true, "ConnectFailed", json!({}), true),
            (true, "Starting", json!({"running": true}), false),
            // Nobody would answer the request, and the wait for that would never end.
            (false, "SweepIncomplete", json!({"running": false}), false),
            (true, "StartFailed", json!({"running": false}), false),
        ] {
            assert_eq!(starts_again(&app(running, reason), &patch), again, "{running} {reason} {patch}");
        }
    }
}
