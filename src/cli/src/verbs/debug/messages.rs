//! `rdd debug messages`.

use super::ask;
use crate::failure::{Exit, Outcome};
use crate::out::{self, Table};
use http::Method;
use serde_json::{Value, json};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only this trace
    #[arg(long, value_name = "ID")]
    pub(crate) trace: Option<String>,
    /// Only the last so many
    #[arg(long, value_name = "N")]
    pub(crate) last: Option<usize>,
    /// Switch recording on or off
    #[arg(long, value_name = "on|off", value_parser = ["on", "off"])]
    pub(crate) switch: Option<String>,
    /// json: as recorded
    #[arg(short, long, value_name = "FORMAT", value_parser = ["table", "json"], default_value = "table")]
    pub(crate) output: String,
}

/// Runs it.
pub(crate) async fn run(args: Args, client: &kube::Client) -> Outcome {
    if let Some(switch) = &args.switch {
        let answer = ask(client, Method::PUT, "messages", Some(&json!({ "on": switch == "on" }))).await?;
        out::json(&answer)?;
        return Ok(Exit::Done);
    }
    let mut query = Vec::new();
    if let Some(trace) = &args.trace {
        query.push(format!("trace={trace}"));
    }
    if let Some(last) = args.last {
        query.push(format!("last={last}"));
    }
    let records = ask(client, Method::GET, &format!("messages?{}", query.join("&")), None).await?;
    if args.output == "json" {
        out::json(&records)?;
        return Ok(Exit::Done);
    }
    let headings = ["TIME", "TRACE", "FROM", "TO", "MESSAGE", "KEY", "WAIT", "RUN", "OUTCOME"]
        .map(String::from)
        .to_vec();
    let rows: Vec<Vec<String>> = records.as_array().into_iter().flatten().map(cells).collect();
    let mut table = Table::new(&[0; 9]);
    rows.iter().chain([&headings]).for_each(|row| table.fit(row));
    for row in [&headings].into_iter().chain(&rows) {
        out::line(&table.render(row))?;
    }
    Ok(Exit::Done)
}

fn cells(record: &Value) -> Vec<String> {
    let text = |key: &str| record[key].as_str().unwrap_or_default().to_owned();
    let micros = |key: &str| format!("{}µs", record[key].as_u64().unwrap_or(0));
    // Only the time of the day: the ring holds the last minutes.
    let time = text("enqueuedAt");
    let time = time.split_once('T').map_or(time.as_str(), |(_, time)| time).trim_end_matches('Z').to_owned();
    let outcome = match &record["outcome"] {
        Value::Object(outcome) => {
            let said =
                outcome.get("text").and_then(Value::as_str).map(|t| format!(": {t}")).unwrap_or_default();
            format!("{}{said}", outcome.get("is").and_then(Value::as_str).unwrap_or_default())
        }
        other => other.as_str().unwrap_or_default().to_owned(),
    };
    vec![
        time,
        text("trace"),
        text("from"),
        text("to"),
        text("kind"),
        text("key"),
        micros("waitUs"),
        micros("runUs"),
        outcome,
    ]
}
