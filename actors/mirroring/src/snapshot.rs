//! How it stands with everything, for health.

use crate::attachment::Phase;
use crate::board::{Board, Trouble, Wanted};
use jiff::Timestamp;
use serde::Serialize;

/// How it stands with everything.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// Whether an App is there and wants the engine running; absent while that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted: Option<bool>,
    /// What the machine does.
    pub machine: rdd_resources::app::Phase,
    /// The engine that is attached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<EngineHealth>,
    /// Kinds that are being watched in the API.
    pub watching: Vec<&'static str>,
    /// Objects whose work fails, sorted by name, at most 100.
    pub failing: Vec<Failing>,
    /// Objects whose work waits, sorted by name, at most 100.
    pub waiting: Vec<Failing>,
    /// How many fail in all.
    pub failing_total: usize,
    /// How many wait in all.
    pub waiting_total: usize,
}

/// The engine that is attached.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EngineHealth {
    /// Where it listens.
    pub endpoint: String,
    /// The mark on its mirrors.
    pub identity: String,
    /// Its version.
    pub version: String,
    /// Connecting, Syncing, Connected, Unreachable or Replaced.
    pub phase: &'static str,
    /// Since when.
    pub since: Timestamp,
    /// Why it can not be reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// When the last full sync ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub synced_at: Option<Timestamp>,
    /// How long it took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_took_ms: Option<u64>,
    /// How many objects it looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_objects: Option<usize>,
    /// Mirrors that are known.
    pub mirrors: usize,
}

/// An object whose work fails or waits.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failing {
    /// Which actor, and which object.
    pub object: String,
    /// Why.
    pub why: String,
    /// Since when.
    pub since: Timestamp,
    /// How often it was tried.
    pub times: u32,
}

/// So many objects are listed.
const LISTED: usize = 100;

impl Snapshot {
    pub(crate) fn of(board: &Board) -> Snapshot {
        let (failing, failing_total) = troubles(board, |t| !t.waits);
        let (waiting, waiting_total) = troubles(board, |t| t.waits);
        let wanted = match board.wanted() {
            Wanted::Unknown => None,
            Wanted::NoApp => Some(false),
            Wanted::App(app) => Some(app.spec.running && !app.deleting),
        };
        Snapshot {
            wanted,
            machine: board.machine.borrow().status.phase,
            engine: board.live().map(|live| engine(&live.attachment)),
            watching: board.watching.borrow().clone(),
            failing,
            waiting,
            failing_total,
            waiting_total,
        }
    }
}

fn engine(attachment: &crate::attachment::Attachment) -> EngineHealth {
    let link = attachment.link();
    let (phase, why) = match link.phase {
        Phase::Connecting => ("Connecting", None),
        Phase::Syncing => ("Syncing", None),
        Phase::Connected => ("Connected", None),
        Phase::Unreachable(why) => ("Unreachable", Some(why)),
        Phase::Replaced => ("Replaced", None),
    };
    EngineHealth {
        endpoint: attachment.endpoint.to_string(),
        identity: attachment.mark.clone(),
        version: attachment.engine.identity().version.clone(),
        phase,
        since: link.since,
        why,
        synced_at: link.synced.map(|s| s.at),
        sync_took_ms: link.synced.map(|s| u64::try_from(s.took.as_millis()).unwrap_or(u64::MAX)),
        sync_objects: link.synced.map(|s| s.objects),
        mirrors: attachment.ledger.len(),
    }
}

fn troubles(board: &Board, which: impl Fn(&Trouble) -> bool) -> (Vec<Failing>, usize) {
    let mut all: Vec<Failing> = board
        .troubles
        .iter()
        .filter(|t| which(t.value()))
        .map(|t| Failing { object: t.key().clone(), why: t.why.clone(), since: t.since, times: t.times })
        .collect();
    all.sort_by(|a, b| a.object.cmp(&b.object));
    let total = all.len();
    all.truncate(LISTED);
    (all, total)
}
