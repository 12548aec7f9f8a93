//! A key whose turn has come, as the actor's handler sees it.

use std::{future::Future, pin::pin, time::Duration};

use tokio::time::{Instant, timeout};

use super::{Keyed, Outcome, lane::Lease, queue::Verdict};
use crate::{
    chaos::{Fault, Point},
    panics::Caught,
    scope::{JobError, Scope, work_within},
    trace,
};

/// A key that is due, leased to the handler of `Handler<Due<M>>`. The handler decides what is to be done and calls
/// [`run`](Due::run) or [`done`](Due::done); a `Due` dropped unanswered is a failure of its key.
#[must_use = "dropping it unanswered is a failure of its key"]
pub struct Due<M: Keyed> {
    lease: Lease<M>,
    attempt: u32,
    first_failure: Option<Instant>,
    scope: Scope,
}

impl<M: Keyed> actix::Message for Due<M> {
    type Result = ();
}

impl<M: Keyed> Due<M> {
    pub(super) fn new(lease: Lease<M>, attempt: u32, first_failure: Option<Instant>, scope: Scope) -> Due<M> {
        Due { lease, attempt, first_failure, scope }
    }

    /// What is to be worked on.
    pub fn key(&self) -> &M::Key {
        &self.lease.key
    }

    /// Why: everything noted since it was worked on last, and what failed or was interrupted before.
    pub fn cause(&self) -> &M::Cause {
        let held = self.lease.held.as_ref();
        let (cause, _) = held.expect("held until the lease is settled, and settling consumes the Due");
        cause
    }

    /// How many tries have failed in a row; 0 at the first.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// When the first of those tries failed.
    pub fn first_failure(&self) -> Option<Instant> {
        self.first_failure
    }

    /// All is well with it.
    pub fn done(mut self) {
        self.lease.settle(Verdict::Done);
    }

    /// Works on it, in the incarnation's scope; after `limit` the work is aborted and counts as failed. The key is
    /// leased until the work is gone, also when that blocks its thread beyond its limit.
    pub fn run(self, limit: Duration, work: impl Future<Output = Outcome> + Send + 'static) {
        let Due { mut lease, scope, .. } = self;
        let Some(meta) = lease.held.as_ref().map(|(_, meta)| meta.clone()) else { return };
        lease.limit = Some((Instant::now(), limit));
        let slot = lease.slot.clone();
        // A closed scope drops the lease with the job: the key is interrupted, not failed.
        let _ = scope.start(meta.clone(), Some(limit), Some(slot), async move {
            let vitals = lease.lane().vitals.clone();
            let strike = vitals.core.chaos.strike(&vitals.path, Point::Job, meta.kind);
            let result = match strike {
                Some(Fault::Drop | Fault::Error) => Err(JobError::Injected),
                strike => {
                    let key = lease.key.clone();
                    let (about, whose) = (meta.clone(), vitals.clone());
                    let panicked =
                        move |caught: &Caught| whose.log_job_panic(&about, Some(format!("{key:?}")), caught);
                    let mut work = pin!(work_within(limit, strike, panicked, work));
                    match timeout(vitals.policy.young, work.as_mut()).await {
                        Ok(result) => result,
                        Err(_) => {
                            lease.slot.grow_old();
                            work.await
                        }
                    }
                }
            };
            let (verdict, outcome) = judge(result);
            let key = || Some(format!("{:?}", lease.key));
            vitals.core.trace.write(
                || trace::Draft {
                    id: trace::number(),
                    parent: meta.id,
                    ..meta.draft(&vitals.path, key(), Duration::ZERO, lease.since.elapsed())
                },
                outcome,
            );
            vitals.count(meta.kind, |counters| match &verdict {
                Verdict::Retry(_) => counters.failed += 1,
                _ => counters.done += 1,
            });
            lease.settle(verdict);
        });
    }

    pub(super) fn fail(mut self, text: &str) {
        self.lease.settle(Verdict::Retry(text.to_owned()));
    }
}

fn judge(result: Result<Outcome, JobError>) -> (Verdict, trace::Outcome) {
    match result {
        Ok(Outcome::Done) => (Verdict::Done, trace::Outcome::Done),
        Ok(Outcome::After(delay, why)) => (Verdict::After(delay, why.clone()), trace::Outcome::After(why)),
        Ok(Outcome::Retry(error)) => {
            let text = chain(&*error);
            (Verdict::Retry(text.clone()), trace::Outcome::Retry(text))
        }
        Err(error @ JobError::TimedOut(_)) => (Verdict::Retry(error.to_string()), trace::Outcome::TimedOut),
        Err(error) => (Verdict::Retry(error.to_string()), trace::Outcome::Retry(error.to_string())),
    }
}

/// An error with its causes.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
