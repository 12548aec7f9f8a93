//! The state of the supervision tree, as data.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde::Serialize;
use tokio::time::Instant;

use crate::{life::Node, vitals::State};

/// The whole tree at one moment. Serialises to JSON with camelCase names.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// When it was taken.
    pub at: Timestamp,
    /// The root group.
    pub root: GroupHealth,
}

/// A group and what is in it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupHealth {
    /// Path; empty for the root.
    pub name: String,
    /// Until when it is parked; absent: it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parked_until: Option<Timestamp>,
    /// How often it was parked.
    pub parkings: u64,
    /// Its actors and tasks, in the order of their start.
    pub members: Vec<ActorHealth>,
    /// Its groups, in the order of their making.
    pub groups: Vec<GroupHealth>,
}

/// An actor or a task.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ActorHealth {
    /// Path.
    pub name: String,
    /// `actor` or `task`.
    pub kind: &'static str,
    /// What it is doing with its life.
    pub state: State,
    /// The number of its present incarnation; the first is 1.
    pub incarnation: u64,
    /// How often it was made anew.
    pub restarts: u64,
    /// When a restarting or parked one is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_try: Option<Timestamp>,
    /// The last crash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<Failure>,
    /// When it last finished something.
    pub last_progress: Timestamp,
    /// The control lane.
    pub mailbox: MailboxHealth,
    /// Age of the oldest message or key that waits to be taken up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_waiting_ms: Option<u64>,
    /// Running jobs.
    pub jobs: JobsHealth,
    /// What blocks a thread and was given up.
    pub leaked: Leaked,
    /// The keyed lanes.
    pub lanes: Vec<LaneHealth>,
    /// Counters since the start, by message kind.
    pub counters: BTreeMap<&'static str, Counters>,
}

/// A crash.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// When it was noticed.
    pub when: Timestamp,
    /// What sort of crash.
    pub kind: FailureKind,
    /// The panic's text, or what was noticed.
    pub text: String,
    /// Kind of the message being handled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Key of the message being handled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// The sorts of crashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum FailureKind {
    /// A panic in a handler, a timer or a task.
    Panic,
    /// No progress, or a handler past its deadline.
    Hang,
    /// It could not be made.
    Start,
    /// A task returned an error.
    Returned,
}

/// The control lane.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MailboxHealth {
    /// Messages that wait.
    pub depth: usize,
    /// How many may wait.
    pub capacity: usize,
    /// How many were refused since the start.
    pub refused: u64,
    /// Age of the oldest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_ms: Option<u64>,
}

/// Jobs.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobsHealth {
    /// All that run.
    pub running: usize,
    /// Those of keyed work that gave their slot back because they are slow.
    pub slow: usize,
    /// Those that were aborted at their deadline and are still there.
    pub overdue: usize,
}

/// What blocks a thread and was given up; it is fenced off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Leaked {
    /// Jobs, of this and of former incarnations.
    pub jobs: usize,
    /// Threads of former incarnations.
    pub threads: usize,
}

/// One type of keyed work.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LaneHealth {
    /// The message kind.
    pub kind: &'static str,
    /// Keys that wait for their turn.
    pub waiting: usize,
    /// Keys that are being worked on.
    pub running: usize,
    /// How many notes were replaced because there were too many keys.
    pub overflowed: u64,
    /// Age of the oldest key that waits for its turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_waiting_ms: Option<u64>,
    /// Keys that failed and are tried again.
    pub failing: Vec<FailingKey>,
    /// Keys that asked to be looked at later.
    pub later: Vec<WaitingKey>,
    /// Keys that killed their actor.
    pub set_aside: Vec<AsideKey>,
}

/// A key that failed and is tried again.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FailingKey {
    /// The key in its `Debug` form.
    pub key: String,
    /// The last error.
    pub error: String,
    /// How many tries failed in a row.
    pub attempts: u32,
    /// When the first of them failed.
    pub since: Timestamp,
    /// When it is tried again; absent: it is due, or being tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_try: Option<Timestamp>,
}

/// A key that asked to be looked at later.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WaitingKey {
    /// The key in its `Debug` form.
    pub key: String,
    /// Why it waits.
    pub why: String,
    /// Until when, unless it is noted before.
    pub next_try: Timestamp,
}

/// A key that killed its actor as often as it may.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AsideKey {
    /// The key in its `Debug` form.
    pub key: String,
    /// How often.
    pub kills: u32,
    /// How it died of it.
    pub error: String,
    /// When it gets one more try.
    pub next_try: Timestamp,
}

/// What became of the messages of one kind since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counters {
    /// Handlers that returned.
    pub handled: u64,
    /// Handlers that panicked.
    pub panicked: u64,
    /// Handlers that ran past their deadline.
    pub hung: u64,
    /// Messages that nobody handled.
    pub dropped: u64,
    /// Messages that were not taken.
    pub refused: u64,
    /// Notes of keyed work.
    pub noted: u64,
    /// Those of them that merged into a waiting one.
    pub merged: u64,
    /// Keyed jobs that ended well.
    pub done: u64,
    /// Keyed jobs that failed.
    pub failed: u64,
}

impl Health {
    /// All actors and tasks of the tree.
    pub fn actors(&self) -> Vec<&ActorHealth> {
        fn collect<'a>(group: &'a GroupHealth, into: &mut Vec<&'a ActorHealth>) {
            into.extend(&group.members);
            group.groups.iter().for_each(|group| collect(group, into));
        }
        let mut all = Vec::new();
        collect(&self.root, &mut all);
        all
    }

    /// The actor or task with this path or last name.
    pub fn actor(&self, name: &str) -> Option<&ActorHealth> {
        self.actors()
            .into_iter()
            .find(|actor| actor.name == name || actor.name.rsplit('/').next() == Some(name))
    }

    /// What is wrong, one line each; empty when nothing is.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for actor in self.actors() {
            let name = &actor.name;
            let cause = actor.last_failure.as_ref().map_or("", |failure| failure.text.as_str());
            match actor.state {
                State::Running | State::Stopped => {}
                State::Starting => problems.push(format!("{name} is starting")),
                State::Restarting => problems.push(format!("{name} is restarting: {cause}")),
                State::Parked => problems.push(format!("{name} is parked: {cause}")),
            }
            let Leaked { jobs, threads } = actor.leaked;
            if jobs > 0 || threads > 0 {
                problems.push(format!("{name} has {jobs} jobs and {threads} threads that are blocked"));
            }
            for key in actor.lanes.iter().flat_map(|lane| &lane.set_aside) {
                problems.push(format!("{name} set {} aside: {}", key.key, key.error));
            }
        }
        problems
    }
}

impl LaneHealth {
    pub(crate) fn new(kind: &'static str) -> LaneHealth {
        LaneHealth {
            kind,
            waiting: 0,
            running: 0,
            overflowed: 0,
            oldest_waiting_ms: None,
            failing: Vec::new(),
            later: Vec::new(),
            set_aside: Vec::new(),
        }
    }

    /// The keys come out of a hash map: no reader shall see its order.
    pub(crate) fn sort(&mut self) {
        self.failing.sort_by(|a, b| a.key.cmp(&b.key));
        self.later.sort_by(|a, b| a.key.cmp(&b.key));
        self.set_aside.sort_by(|a, b| a.key.cmp(&b.key));
    }
}

pub(crate) fn name_of(task: bool) -> &'static str {
    if task { "task" } else { "actor" }
}

/// The health of one member.
pub(crate) fn of(node: &Node, now: Instant) -> ActorHealth {
    let vitals = &node.vitals;
    let clock = &vitals.core.clock;
    let age = |at: Instant| ms(now.saturating_duration_since(at));
    let mailbox = node.body.mailbox();
    let life = vitals.life.lock();
    let (state, incarnation, restarts) = (life.state, life.incarnation, life.restarts);
    let (last_failure, next_try, scope) = (life.last_failure.clone(), life.next_try, life.scope.clone());
    drop(life);
    let own = usize::from(node.task && scope.is_some()); // a task is a job of its own scope
    let running = scope.as_ref().map_or(0, |scope| scope.running().saturating_sub(own));
    let overdue = scope.as_ref().map_or(0, |scope| scope.overdue());
    ActorHealth {
        name: vitals.path.to_string(),
        kind: name_of(node.task),
        state,
        incarnation,
        restarts,
        next_try: next_try.map(|at| clock.at(at)),
        last_failure,
        last_progress: clock.at(vitals.progress()),
        mailbox: MailboxHealth {
            depth: mailbox.depth,
            capacity: mailbox.capacity,
            refused: mailbox.refused,
            oldest_ms: mailbox.oldest.map(age),
        },
        oldest_waiting_ms: node.body.waiting().map(age),
        jobs: JobsHealth { running, slow: vitals.slots.slow(), overdue },
        leaked: Leaked { jobs: vitals.leaked_jobs() + overdue, threads: vitals.leaked_threads() },
        lanes: node.body.lanes(now),
        counters: vitals.counters(),
    }
}

/// Whole milliseconds.
pub(crate) fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The shortest time in which a hang of this policy must be noticed.
pub(crate) fn tick(deadline: Duration) -> Duration {
    (deadline / 4).clamp(Duration::from_millis(10), Duration::from_millis(500))
}
