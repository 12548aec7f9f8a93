//! One message, as it is remembered.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::Id;

/// What became of a message or of the job that it led to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "is", content = "text")]
pub enum Outcome {
    /// The beginning of a trace: an external cause, not a message.
    Root,
    /// The handler returned.
    Handled,
    /// The handler panicked, with this text.
    Panicked(String),
    /// The handler ran past its deadline, and its incarnation was given up.
    Hung,
    /// Nobody handled it: who asked had gone, the actor had stopped, or chaos took it.
    Dropped,
    /// The mailbox was full, or the actor had stopped.
    Refused,
    /// The key was waiting already; the work goes on in the trace with this id.
    Merged(String),
    /// The key set was over its limit; this stood in for it.
    Overflowed(String),
    /// The job came to its end.
    Done,
    /// The job failed with this text; its key is tried again.
    Retry(String),
    /// The job asked to be run again later, for this reason.
    After(String),
    /// The job was at its deadline.
    TimedOut,
    /// The job was aborted because its incarnation ended.
    Aborted,
}

/// A message and its fate. Times are those of the supervisor's clock.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The message's own number.
    pub id: u64,
    /// The trace it belongs to.
    pub trace: Id,
    /// The message being handled when this one was sent; 0 when it was sent from outside of any.
    pub parent: u64,
    /// Path of the sender; `outside` when it was none of the supervisor's.
    #[serde(serialize_with = "text")]
    pub from: Arc<str>,
    /// Path of the receiver.
    #[serde(serialize_with = "text")]
    pub to: Arc<str>,
    /// The message's type, without its modules.
    pub kind: &'static str,
    /// The key of keyed work, in its `Debug` form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// When it was sent.
    pub enqueued_at: Timestamp,
    /// How long it waited. In JSON: whole microseconds.
    #[serde(rename = "waitUs", serialize_with = "micros")]
    pub wait: Duration,
    /// How long its handler (or its job) ran. In JSON: whole microseconds.
    #[serde(rename = "runUs", serialize_with = "micros")]
    pub run: Duration,
    /// What became of it.
    pub outcome: Outcome,
}

fn text<S: Serializer>(value: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(value)
}

fn micros<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(value.as_micros()).unwrap_or(u64::MAX))
}
