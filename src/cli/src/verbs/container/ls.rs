//! `rdd container ls`.

use super::row::{HEADINGS, WIDE, WIDTHS, cells};
use super::{Container, namespace};
use crate::context::Context;
use crate::failure::{Exit, Failure, Outcome};
use crate::follow::{Seen, Which, follow};
use crate::out::{self, Format, Table};
use crate::service;
use jiff::Timestamp;
use kube::api::{Api, ListParams};
use serde_json::json;
use std::collections::BTreeMap;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Go on with a line per change
    #[arg(short, long)]
    pub(crate) watch: bool,
    /// How to print it
    #[arg(short, long, default_value = "table")]
    pub(crate) output: Format,
}

/// Runs it.
pub(crate) async fn run(args: Args, context: &Context) -> Outcome {
    let client = service::up(context).await?;
    let namespace = namespace(&client).await?;
    if args.watch {
        return watch(args.output, &namespace, context).await;
    }
    let api: Api<Container> = Api::namespaced(client, &namespace);
    let list = api.list(&ListParams::default()).await;
    let mut containers = list.map_err(|e| Failure::request("failed to list containers", &e))?.items;
    sort(&mut containers);
    match args.output {
        Format::Json => out::json(&json!({ "apiVersion": "v1", "kind": "List", "items": containers }))?,
        Format::Yaml => out::yaml(&json!({ "apiVersion": "v1", "kind": "List", "items": containers }))?,
        format => {
            let mut printer = Printer::new(format);
            printer.heading(&containers)?;
            for container in &containers {
                printer.print(container, None)?;
            }
        }
    }
    Ok(Exit::Done)
}

async fn watch(format: Format, namespace: &str, context: &Context) -> Outcome {
    let mut printer = Printer::new(format);
    let mut known: BTreeMap<String, Container> = BTreeMap::new();
    let mut first = true;
    let see = |seen: Seen<Container>| {
        match seen {
            Seen::Listed(mut containers) => {
                sort(&mut containers);
                if first {
                    printer.heading(&containers)?;
                    first = false;
                }
                // After a stretch of history that was missed: only what is different now, and what is gone.
                let mut before = std::mem::take(&mut known);
                for container in containers {
                    let same = before.remove(&id(&container)).is_some_and(|old| old == container);
                    if !same {
                        printer.print(&container, None)?;
                    }
                    known.insert(id(&container), container);
                }
                for gone in before.values() {
                    printer.print(gone, Some("removed"))?;
                }
            }
            Seen::Changed(container) => {
                printer.print(&container, None)?;
                known.insert(id(&container), container);
            }
            Seen::Gone(container) => {
                known.remove(&id(&container));
                printer.print(&container, Some("removed"))?;
            }
            Seen::Lost(why) => tracing::warn!(why, "the API does not answer; trying again"),
        }
        Ok(None)
    };
    let which = Which::default();
    let following = follow(context, |client| Api::namespaced(client, namespace), &which, see);
    tokio::select! {
        biased;
        _ = tokio::signal::ctrl_c() => Ok(Exit::Done),
        end = following => end,
    }
}

/// Newest first, as `docker ps`.
fn sort(containers: &mut [Container]) {
    let created = |c: &Container| c.status.as_ref().and_then(|status| status.created_at);
    containers.sort_by(|a, b| created(b).cmp(&created(a)).then_with(|| id(a).cmp(&id(b))));
}

fn id(container: &Container) -> String {
    container.metadata.name.clone().unwrap_or_default()
}

/// Prints containers one by one. A line that says the same as the one before it for this container is left out.
struct Printer {
    format: Format,
    table: Table,
    said: BTreeMap<String, Vec<String>>,
}

impl Printer {
    fn new(format: Format) -> Printer {
        Printer { format, table: Table::new(&WIDTHS), said: BTreeMap::new() }
    }

    fn heading(&mut self, containers: &[Container]) -> Result<(), Failure> {
        if !matches!(self.format, Format::Table | Format::Wide) {
            return Ok(());
        }
        for container in containers {
            self.table.fit(&self.cells(container, None));
        }
        let wide: &[&str] = if self.format == Format::Wide { &WIDE } else { &[] };
        let headings: Vec<String> = HEADINGS.iter().chain(wide).map(|h| (*h).to_owned()).collect();
        out::line(&self.table.render(&headings))
    }

    fn print(&mut self, container: &Container, status: Option<&str>) -> Result<(), Failure> {
        match self.format {
            Format::Json => out::json(container),
            Format::Yaml => out::text("---\n").and_then(|()| out::yaml(container)),
            Format::Name => {
                out::line(&format!("container.{}/{}", rdd_resources::group::CONTAINERS, id(container)))
            }
            Format::Table | Format::Wide => {
                // A mirror is made bare and filled in at once; nothing can be said of it before.
                if container.status.is_none() && status.is_none() {
                    return Ok(());
                }
                let cells = self.cells(container, status);
                // The last cell that changes by itself is the age.
                let mut lasting = cells.clone();
                lasting.remove(HEADINGS.len() - 1);
                if self.said.insert(id(container), lasting.clone()) == Some(lasting) {
                    return Ok(());
                }
                if status == Some("removed") {
                    self.said.remove(&id(container));
                }
                self.table.fit(&cells);
                out::line(&self.table.render(&cells))
            }
        }
    }

    fn cells(&self, container: &Container, status: Option<&str>) -> Vec<String> {
        cells(container, status, self.format == Format::Wide, Timestamp::now())
    }
}
