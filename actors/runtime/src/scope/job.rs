//! One job: what its caller holds, and how it is run.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    sync::oneshot,
    task::AbortHandle,
    time::{Sleep, sleep, timeout},
};

use crate::{
    chaos::Fault,
    panics::{self, Caught},
};

/// A job that was started. Awaiting it gives its result; dropping it lets the job go on.
pub struct Job<T> {
    result: oneshot::Receiver<Result<T, JobError>>,
    abort: AbortHandle,
    limit: Duration,
    patience: Pin<Box<Sleep>>,
}

/// Why a job gave no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// It panicked, with this text.
    #[error("panicked: {0}")]
    Panicked(String),
    /// It was not ready at its deadline, and was aborted.
    #[error("timed out after {0:?}")]
    TimedOut(Duration),
    /// It was aborted, by its caller or because its incarnation ended.
    #[error("aborted")]
    Aborted,
    /// A failure was injected.
    #[error("failure injected")]
    Injected,
}

/// A job that blocks its thread can not answer at its deadline; its caller waits this much longer.
const PATIENCE: Duration = Duration::from_millis(100);

impl<T> Job<T> {
    pub(super) fn new(
        result: oneshot::Receiver<Result<T, JobError>>,
        abort: AbortHandle,
        limit: Duration,
    ) -> Job<T> {
        Job { result, abort, limit, patience: Box::pin(sleep(limit.saturating_add(PATIENCE))) }
    }

    /// Aborts it at its next await.
    pub fn abort(&self) {
        self.abort.abort();
    }
}

impl<T> Future for Job<T> {
    type Output = Result<T, JobError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(result) = Pin::new(&mut self.result).poll(cx) {
            return Poll::Ready(result.unwrap_or(Err(JobError::Aborted)));
        }
        let limit = self.limit;
        self.patience.as_mut().poll(cx).map(|()| Err(JobError::TimedOut(limit)))
    }
}

/// Runs `work` to its end, its panic or its limit, with what chaos wants done to it. `panicked` hears of a panic.
pub(crate) async fn work_within<F: Future>(
    limit: Duration,
    strike: Option<Fault>,
    panicked: impl Fn(&Caught),
    work: F,
) -> Result<F::Output, JobError> {
    let struck = async {
        suffer(strike).await;
        work.await
    };
    timeout(limit, guarded(struck, panicked)).await.unwrap_or(Err(JobError::TimedOut(limit)))
}

/// Polls `work` with its panics caught.
async fn guarded<F: Future>(work: F, panicked: impl Fn(&Caught)) -> Result<F::Output, JobError> {
    let mut work = pin!(work);
    poll_fn(|cx| match panics::catch(|| work.as_mut().poll(cx)) {
        Ok(poll) => poll.map(Ok),
        Err(caught) => {
            panicked(&caught);
            Poll::Ready(Err(JobError::Panicked(caught.text)))
        }
    })
    .await
}

/// The faults that strike inside of a job.
pub(crate) async fn suffer(strike: Option<Fault>) {
    match strike {
        Some(Fault::Panic) => panic!("injected panic"),
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Block(time)) => crate::host::block(time),
        Some(Fault::Delay(time)) => sleep(time).await,
        Some(Fault::Drop | Fault::Error) | None => {}
    }
}
