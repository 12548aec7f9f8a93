//! Jobs: effects with deadlines, in the scope of one incarnation.

mod kit;

use std::time::Duration;

use kit::{Log, Plan, SECOND, Stage, act, paused};
use rdd_actors_runtime::{Closed, Fence, Fenced, FencedOff, JobError, Scope};
use tokio::{sync::oneshot, time::Instant};

/// The scope and fence of the worker's present incarnation.
async fn scope_of(stage: &Stage) -> Scope {
    let (give, take) = oneshot::channel();
    stage.worker.tell(act(move |worker, _| drop(give.send(worker.scope.clone())))).unwrap();
    take.await.unwrap()
}

#[test]
fn a_job_gives_its_result_its_panic_or_its_time_out() {
    paused(|| async {
        let stage = Stage::local();
        let scope = scope_of(&stage).await;
        assert_eq!(scope.spawn(SECOND, async { 7 }).unwrap().await, Ok(7));
        let panics = scope.spawn(SECOND, async { panic!("boom") }).unwrap();
        let Err(JobError::Panicked(text)) = panics.await else { panic!("no panic") };
        assert!(text.contains("boom"));
        let start = Instant::now();
        let hangs = scope.spawn(SECOND, std::future::pending::<()>()).unwrap();
        assert_eq!(hangs.await, Err(JobError::TimedOut(SECOND)));
        assert!(start.elapsed() < 2 * SECOND);
        let aborted = scope.spawn(SECOND, std::future::pending::<()>()).unwrap();
        aborted.abort();
        assert_eq!(aborted.await, Err(JobError::Aborted));
        assert_eq!(stage.health().incarnation, 1);
        stage.end().await;
    });
}

#[test]
fn a_limit_beyond_the_range_of_the_clock_is_no_limit() {
    paused(|| async {
        let stage = Stage::local();
        let scope = scope_of(&stage).await;
        assert_eq!(scope.spawn(Duration::MAX, async { 7 }).unwrap().await, Ok(7));
        stage.log.plan("a", [Plan::Wait(Duration::MAX), Plan::Done]);
        stage.note("a");
        stage.log.until("end a", 1).await;
        stage.until("waiting", |health| !health.lanes[0].later.is_empty()).await;
        stage.note("a");
        stage.log.until("end a", 2).await;
        assert_eq!(stage.health().incarnation, 1);
        stage.end().await;
    });
}

#[test]
fn a_job_nobody_waits_for_goes_on() {
    paused(|| async {
        let stage = Stage::local();
        let scope = scope_of(&stage).await;
        let log = stage.log.clone();
        drop(scope.spawn(SECOND, async move { log.say("done") }).unwrap());
        stage.log.until("done", 1).await;
        stage.end().await;
    });
}

#[test]
fn the_next_incarnation_starts_when_the_old_scope_has_drained_and_what_is_left_is_aborted() {
    paused(|| async {
        let stage = Stage::local();
        let scope = scope_of(&stage).await;
        let (short, long) = (stage.log.clone(), stage.log.clone());
        drop(scope.spawn(60 * SECOND, async move {
            tokio::time::sleep(Duration::from_millis(300)).await;
            short.say("short");
        }));
        drop(scope.spawn(60 * SECOND, async move {
            let _gone = Gone(long.clone());
            tokio::time::sleep(30 * SECOND).await;
            long.say("never");
        }));
        tokio::task::yield_now().await;
        let start = Instant::now();
        stage.crash();
        stage.log.until("worker born 2", 1).await;
        assert!(start.elapsed() >= Duration::from_millis(500), "{:?}", start.elapsed());
        assert_eq!(stage.log.lines()[1..], ["short", "long job is gone", "worker born 2"]);
        stage.end().await;
    });
}

struct Gone(Log);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.say("long job is gone");
    }
}

#[test]
fn a_scope_whose_incarnation_is_over_starts_no_job_and_its_fence_is_closed() {
    paused(|| async {
        let stage = Stage::local();
        let scope = scope_of(&stage).await;
        let fence: Fence = scope.fence();
        let client: Fenced<&str> = scope.fenced("client");
        assert_eq!((fence.check(), client.get()), (Ok(()), Ok(&"client")));
        stage.crash();
        stage.log.until("worker born 2", 1).await;
        assert_eq!((fence.check(), client.get()), (Err(FencedOff), Err(FencedOff)));
        assert!(matches!(scope.spawn(SECOND, async {}), Err(Closed)));
        assert_eq!(scope_of(&stage).await.fence().check(), Ok(()));
        stage.end().await;
    });
}
