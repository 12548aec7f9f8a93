//! The jobs of one incarnation: where effects run, each with a deadline.

mod job;

use std::{collections::BTreeMap, future::Future, sync::Arc, time::Duration};

use parking_lot::Mutex;
use serde::Serialize;
use tokio::{
    sync::{Notify, oneshot},
    task::AbortHandle,
    time::Instant,
};

pub use job::{Job, JobError};
pub(crate) use job::{suffer, work_within};

use crate::{
    chaos::{Fault, Point},
    envelope::Meta,
    fence::{Fence, Fenced},
    panics::Caught,
    trace::{Current, Outcome},
    vitals::{Slot, Vitals},
};

/// The jobs of one incarnation of an actor. The supervisor owns it: it outlives a crash of the actor, and the next
/// incarnation starts when it has drained. Cheap to clone.
#[derive(Clone)]
pub struct Scope {
    inner: Arc<Inner>,
}

struct Inner {
    vitals: Arc<Vitals>,
    fence: Fence,
    jobs: Mutex<Jobs>,
    changed: Notify,
}

#[derive(Default)]
struct Jobs {
    closed: bool,
    next: u64,
    running: BTreeMap<u64, Running>,
}

struct Running {
    kind: &'static str,
    started: Instant,
    deadline: Option<Instant>,
    abort: Option<AbortHandle>,
    slot: Option<Arc<Slot>>,
    /// Aborted at its deadline, and still there.
    overdue: bool,
}

/// The scope is closed: its incarnation has ended or is ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the incarnation is ending and starts no more jobs")]
pub struct Closed;

/// How a scope, a group or a whole supervisor came to its end: numbers of jobs (and threads).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Drained {
    /// Ended by themselves within the grace.
    pub finished: usize,
    /// Were aborted when the grace was over.
    pub aborted: usize,
    /// Were aborted and did not end: they block a thread. They are fenced.
    pub leaked: usize,
}

/// How long an aborted job may take to be gone before it counts as leaked.
const ABORT: Duration = Duration::from_millis(100);

impl Scope {
    pub(crate) fn new(vitals: Arc<Vitals>) -> Scope {
        let inner = Inner {
            vitals,
            fence: Fence::default(),
            jobs: Mutex::new(Jobs::default()),
            changed: Notify::new(),
        };
        Scope { inner: Arc::new(inner) }
    }

    /// Runs `work` on the shared runtime, in the trace of the caller. After `limit` it is aborted.
    /// Fails when the incarnation is ending.
    pub fn spawn<F>(&self, limit: Duration, work: F) -> Result<Job<F::Output>, Closed>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let (reply, result) = oneshot::channel();
        let inner = self.inner.clone();
        let meta = Meta::new("Job", &inner.vitals.core.outside);
        let abort = self.start(meta.clone(), Some(limit), None, async move {
            let vitals = &inner.vitals;
            let strike = vitals.core.chaos.strike(&vitals.path, Point::Job, meta.kind);
            let struck = matches!(strike, Some(Fault::Drop | Fault::Error));
            let panicked = |caught: &Caught| vitals.log_job_panic(&meta, None, caught);
            let result = if struck {
                Err(JobError::Injected)
            } else {
                work_within(limit, strike, panicked, work).await
            };
            let outcome = match &result {
                Ok(_) => Outcome::Done,
                Err(JobError::TimedOut(_)) => Outcome::TimedOut,
                Err(error) => Outcome::Retry(error.to_string()),
            };
            vitals
                .core
                .trace
                .write(|| meta.draft(&vitals.path, None, Duration::ZERO, meta.enqueued.elapsed()), outcome);
            let _ = reply.send(result); // nobody waits for it: that is allowed
        })?;
        Ok(Job::new(result, abort, limit))
    }

    /// The fence of this incarnation.
    pub fn fence(&self) -> Fence {
        self.inner.fence.clone()
    }

    /// `value`, to be reached only while this incarnation may act.
    pub fn fenced<T>(&self, value: T) -> Fenced<T> {
        Fenced::new(value, self.fence())
    }

    /// Registers and starts a job. `work` ends by itself at its limit, unless it blocks its worker.
    pub(crate) fn start(
        &self,
        meta: Meta,
        limit: Option<Duration>,
        slot: Option<Arc<Slot>>,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> Result<AbortHandle, Closed> {
        let inner = &self.inner;
        let started = Instant::now();
        let deadline = limit.and_then(|limit| started.checked_add(limit));
        let mut jobs = inner.jobs.lock();
        if jobs.closed || inner.fence.is_closed() {
            return Err(Closed);
        }
        jobs.next += 1;
        let id = jobs.next;
        jobs.running
            .insert(id, Running { kind: meta.kind, started, deadline, abort: None, slot, overdue: false });
        drop(jobs);
        let entry = Entry { inner: inner.clone(), id };
        let vitals = &inner.vitals;
        let on_behalf = Current {
            trace: Some(meta.trace),
            message: meta.id,
            actor: vitals.path.clone(),
            tracer: Some(vitals.core.trace.clone()),
        };
        let task = vitals.core.jobs.spawn(async move {
            let _entry = entry; // struck off when the future is gone, however that comes
            on_behalf.follow(work).await;
        });
        if limit.is_some() {
            vitals.core.alarm.arm();
        }
        let abort = task.abort_handle();
        if let Some(running) = inner.jobs.lock().running.get_mut(&id) {
            running.abort = Some(abort.clone());
            if inner.fence.is_closed() {
                abort.abort(); // closed since it was registered: whoever closed it could not know how to abort it
            }
        }
        Ok(abort)
    }

    /// Starts no more jobs, gives the running ones `grace`, aborts the rest, and closes the fence.
    pub(crate) async fn close(&self, grace: Duration) -> Drained {
        let at_first = {
            let mut jobs = self.inner.jobs.lock();
            jobs.closed = true;
            jobs.running.len()
        };
        if at_first > 0 && !grace.is_zero() {
            let _ = tokio::time::timeout(grace, self.empty()).await;
        }
        self.inner.fence.close();
        let left: Vec<AbortHandle> =
            self.inner.jobs.lock().running.values().filter_map(|job| job.abort.clone()).collect();
        left.iter().for_each(AbortHandle::abort);
        let aborted = self.running();
        if aborted > 0 {
            let _ = tokio::time::timeout(ABORT, self.empty()).await;
        }
        let leaked = self.running();
        if leaked > 0 {
            tracing::error!(actor = %self.inner.vitals.path, jobs.leaked = leaked, "jobs block their threads");
            // Nobody looks after this scope from now on: its jobs must not keep young slots from the next incarnation.
            let slots: Vec<Arc<Slot>> =
                self.inner.jobs.lock().running.values().filter_map(|job| job.slot.clone()).collect();
            slots.iter().for_each(|slot| slot.grow_old());
            self.inner.vitals.keep(self.clone());
        }
        Drained {
            finished: at_first.saturating_sub(aborted),
            aborted: aborted.saturating_sub(leaked),
            leaked,
        }
    }

    pub(crate) fn fence_off(&self) {
        self.inner.fence.close();
    }

    async fn empty(&self) {
        loop {
            let changed = self.inner.changed.notified();
            if self.running() == 0 {
                return;
            }
            changed.await;
        }
    }

    pub(crate) fn running(&self) -> usize {
        self.inner.jobs.lock().running.len()
    }

    /// Jobs that were aborted at their deadline and are still there.
    pub(crate) fn overdue(&self) -> usize {
        self.inner.jobs.lock().running.values().filter(|job| job.overdue).count()
    }

    /// Lets old jobs give up their young slots and aborts those past their deadline: both happen in the job itself
    /// unless it blocks its worker. True when there are jobs to watch.
    pub(crate) fn watch(&self, now: Instant) -> bool {
        let vitals = &self.inner.vitals;
        let mut jobs = self.inner.jobs.lock();
        let mut old = Vec::new();
        for job in jobs.running.values_mut() {
            if now.duration_since(job.started) > vitals.policy.young {
                old.extend(job.slot.clone());
            }
            let overdue = job.deadline.is_some_and(|deadline| now > deadline + ABORT);
            if overdue && !job.overdue {
                job.overdue = true;
                tracing::warn!(actor = %vitals.path, job.kind = job.kind, "a job blocks its thread past its deadline");
                if let Some(abort) = &job.abort {
                    abort.abort();
                }
            }
        }
        let watched = jobs.running.values().any(|job| job.deadline.is_some() && !job.overdue);
        drop(jobs); // a slot wakes the actor
        old.iter().for_each(|slot| slot.grow_old());
        watched
    }
}

/// A job's place in its scope.
struct Entry {
    inner: Arc<Inner>,
    id: u64,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let gone = self.inner.jobs.lock().running.remove(&self.id);
        drop(gone); // outside of the lock: its slot wakes the actor
        self.inner.changed.notify_waiters();
    }
}
