//! What only threads can show: blocked handlers, blocked jobs, and a supervisor that nothing can block.

mod kit;

use std::{sync::Arc, time::Duration};

use actix::{Actor, Context, Handler};
use kit::{Latch, Log, Plan, SECOND, Say, Stage, Worker, act};
use rdd_actors_runtime::{
    AskError, Config, Due, Error, Outcome, Policy, Scope, State, Supervised, Supervisor, health::FailureKind,
};
use tokio::{runtime::Handle, time::Instant};

const SHORT: Duration = Duration::from_millis(300);

/// An actor that is not given much time.
struct Hasty {
    log: Log,
    latch: Arc<Latch>,
    scope: Scope,
}

impl Actor for Hasty {
    type Context = Context<Self>;
}

impl Supervised for Hasty {
    fn policy() -> Policy {
        Policy { deadline: SHORT, start: SHORT, ..Policy::default() }
    }
}

struct BlockIn;

impl actix::Message for BlockIn {
    type Result = ();
}

impl Handler<BlockIn> for Hasty {
    type Result = ();

    fn handle(&mut self, _: BlockIn, _: &mut Self::Context) {
        self.latch.block();
        self.log.say(format!("fence {}", self.scope.fence().check().is_ok()));
    }
}

impl Handler<Say> for Hasty {
    type Result = u64;

    fn handle(&mut self, say: Say, _: &mut Self::Context) -> u64 {
        self.log.say(say.0);
        0
    }
}

impl Handler<Due<kit::Changed>> for Hasty {
    type Result = ();

    fn handle(&mut self, due: Due<kit::Changed>, _: &mut Self::Context) {
        self.log.say(format!("take {} {}", due.key(), due.attempt()));
        if due.key() == "block" && due.attempt() == 0 {
            self.latch.block();
        }
        due.done();
    }
}

fn hasty(supervisor: &Supervisor) -> (rdd_actors_runtime::Handle<Hasty>, Log, Arc<Latch>) {
    let (log, latch) = (Log::new(), Arc::new(Latch::default()));
    let (lines, shared) = (log.clone(), latch.clone());
    let handle = supervisor.root().actor("hasty", move |birth| {
        lines.say(format!("born {}", birth.incarnation));
        Ok::<_, Error>(Hasty { log: lines.clone(), latch: shared.clone(), scope: birth.scope.clone() })
    });
    (handle, log, latch)
}

fn threads() -> Supervisor {
    Supervisor::start(Config::threads(Handle::current()))
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + 20 * SECOND;
    let mut tick = tokio::time::interval(Duration::from_millis(5));
    while !holds() {
        assert!(Instant::now() < end, "never: {what}");
        tick.tick().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r45_a_handler_that_blocks_its_thread_is_fenced_counted_and_replaced() {
    let supervisor = threads();
    let (hasty, log, latch) = hasty(&supervisor);
    hasty.tell(BlockIn).unwrap();
    hasty.tell(Say("queued")).unwrap();
    log.until("queued", 1).await;
    let health = supervisor.health();
    let actor = health.actor("hasty").unwrap();
    assert_eq!((actor.leaked.threads, actor.state, actor.incarnation), (1, State::Running, 2));
    let failure = actor.last_failure.clone().unwrap();
    assert_eq!((failure.kind, failure.message.as_deref()), (FailureKind::Hang, Some("BlockIn")));
    assert!(health.problems().iter().any(|line| line.contains("blocked")));
    latch.open();
    log.until("fence false", 1).await;
    until("the thread came back", || supervisor.health().actor("hasty").unwrap().leaked.threads == 0).await;
    supervisor.shutdown(SECOND).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_of_a_blocked_handler_stays_leased_until_the_handler_ends() {
    let supervisor = threads();
    let (hasty, log, latch) = hasty(&supervisor);
    hasty.note(kit::Changed("block".to_owned()));
    log.until("born 2", 1).await;
    hasty.note(kit::Changed("block".to_owned()));
    hasty.note(kit::Changed("other".to_owned()));
    log.until("take other 0", 1).await;
    until("only the blocked one is leased", || {
        supervisor.health().actor("hasty").unwrap().lanes[0].running == 1
    })
    .await;
    assert_eq!(log.lines().iter().filter(|line| line.starts_with("take block")).count(), 1);
    latch.open();
    until("the key is done", || {
        let health = supervisor.health();
        let lane = &health.actor("hasty").unwrap().lanes[0];
        (lane.running, lane.waiting, lane.failing.len()) == (0, 0, 0)
    })
    .await;
    supervisor.shutdown(SECOND).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r45_a_factory_that_blocks_is_a_failed_start() {
    let supervisor = threads();
    let latch = Arc::new(Latch::default());
    let log = Log::new();
    let (held, lines) = (latch.clone(), log.clone());
    let hasty = supervisor.root().actor("hasty", move |birth| {
        if birth.incarnation == 1 {
            held.block();
        }
        Ok::<_, Error>(Hasty { log: lines.clone(), latch: held.clone(), scope: birth.scope.clone() })
    });
    assert_eq!(hasty.ask(Say("up"), 20 * SECOND).await, Ok(0));
    assert_eq!(
        supervisor.health().actor("hasty").unwrap().last_failure.as_ref().unwrap().kind,
        FailureKind::Start
    );
    latch.open();
    supervisor.shutdown(SECOND).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_blocks_its_worker_past_its_deadline_counts_as_leaked_and_keeps_its_key_leased() {
    let supervisor = threads();
    let latch = Arc::new(Latch::default());
    let log = Log::new();
    let worker = supervisor.root().actor("worker", Worker::make(&log));
    let held = latch.clone();
    let (give, take) = tokio::sync::oneshot::channel();
    worker
        .tell(act(move |worker, _| {
            let job = worker.scope.spawn(SHORT, async move { held.block() });
            let _ = give.send(job);
        }))
        .unwrap();
    let start = Instant::now();
    let result = take.await.unwrap().unwrap().await;
    assert_eq!(result, Err(rdd_actors_runtime::JobError::TimedOut(SHORT)));
    assert!(start.elapsed() < 5 * SECOND, "who waits for it is answered though it is blocked");
    until("shown as leaked", || supervisor.health().actor("worker").unwrap().leaked.jobs == 1).await;
    latch.open();
    until("gone", || supervisor.health().actor("worker").unwrap().leaked.jobs == 0).await;

    let latch = Arc::new(Latch::default());
    log.plan("stuck", [Plan::Block(latch.clone()), Plan::Done]);
    worker.note(kit::Changed("stuck".to_owned()));
    log.until("begin stuck", 1).await;
    worker.note(kit::Changed("stuck".to_owned()));
    worker.tell(act(|_, _| panic!("told to"))).unwrap();
    log.until("worker born 2", 1).await;
    assert_eq!(log.count("begin stuck"), 1, "its key is leased while the old job lives");
    assert_eq!(supervisor.health().actor("worker").unwrap().leaked.jobs, 1);
    latch.open();
    log.until("begin stuck", 2).await;
    until("gone", || supervisor.health().actor("worker").unwrap().leaked.jobs == 0).await;
    supervisor.shutdown(SECOND).await;
}

/// An actor with room for one young job, which does not wait for its jobs when it crashes.
struct Narrow {
    log: Log,
    latch: Arc<Latch>,
}

impl Actor for Narrow {
    type Context = Context<Self>;
}

impl Supervised for Narrow {
    fn policy() -> Policy {
        Policy { slots: 1, drain: Duration::ZERO, ..Policy::default() }
    }
}

impl Handler<Due<kit::Changed>> for Narrow {
    type Result = ();

    fn handle(&mut self, due: Due<kit::Changed>, _: &mut Self::Context) {
        let (log, latch, key) = (self.log.clone(), self.latch.clone(), due.key().clone());
        due.run(10 * SECOND, async move {
            log.say(format!("begin {key}"));
            if key == "block" {
                latch.block();
            }
            Outcome::Done
        });
    }
}

impl Handler<BlockIn> for Narrow {
    type Result = ();

    fn handle(&mut self, _: BlockIn, _: &mut Self::Context) {
        panic!("told to");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r15_a_job_that_a_crash_left_blocked_keeps_no_young_slot() {
    /// Opened also when the test fails: its runtime waits for the blocked worker.
    struct Open(Arc<Latch>);
    impl Drop for Open {
        fn drop(&mut self) {
            self.0.open();
        }
    }
    let supervisor = threads();
    let (log, latch) = (Log::new(), Arc::new(Latch::default()));
    let (lines, shared, _open) = (log.clone(), latch.clone(), Open(latch.clone()));
    let narrow = supervisor
        .root()
        .actor("narrow", move |_| Ok::<_, Error>(Narrow { log: lines.clone(), latch: shared.clone() }));
    narrow.note(kit::Changed("block".to_owned()));
    log.until("begin block", 1).await;
    narrow.tell(BlockIn).unwrap();
    until("left behind", || supervisor.health().actor("narrow").unwrap().leaked.jobs == 1).await;
    narrow.note(kit::Changed("other".to_owned()));
    log.until("begin other", 1).await;
    latch.open();
    supervisor.shutdown(SECOND).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r45_a_task_that_blocks_its_thread_is_fenced_counted_and_started_anew() {
    let supervisor = threads();
    let (log, latch) = (Log::new(), Arc::new(Latch::default()));
    let (lines, held) = (log.clone(), latch.clone());
    let policy = Policy { deadline: SHORT, ..Policy::default() };
    supervisor.root().task_with("watch", policy, move |birth| {
        let (log, latch) = (lines.clone(), held.clone());
        async move {
            log.say(format!("begin {}", birth.incarnation));
            if birth.incarnation == 1 {
                tokio::task::yield_now().await;
                latch.block();
                log.say(format!("fence {}", birth.fence.check().is_ok()));
            }
            std::future::pending().await
        }
    });
    let end = Instant::now() + 20 * SECOND;
    while log.count("begin 2") == 0 && Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let watch = supervisor.health().actor("watch").unwrap().clone();
    latch.open(); // before anything can fail: the test's runtime waits for the blocked worker
    assert_eq!((watch.incarnation, watch.leaked.jobs), (2, 1));
    assert_eq!(watch.last_failure.unwrap().kind, FailureKind::Hang);
    log.until("fence false", 1).await;
    supervisor.shutdown(SECOND).await;
}

#[test]
fn r45_supervision_answers_though_every_worker_and_an_actor_is_blocked() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let latch = Arc::new(Latch::default());
    let supervisor = Supervisor::start(Config::threads(runtime.handle().clone()));
    let (hasty, _, blocked) = hasty(&supervisor);
    hasty.tell(BlockIn).unwrap();
    for _ in 0..2 {
        let held = latch.clone();
        runtime.spawn(async move { held.block() });
    }
    let outside = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    outside.block_on(async {
        until("replaced", || supervisor.health().actor("hasty").unwrap().incarnation == 2).await;
        assert!(supervisor.alive(SECOND).await);
    });
    latch.open();
    blocked.open();
    outside.block_on(supervisor.shutdown(SECOND));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdown_does_not_wait_for_a_blocked_thread_beyond_its_grace() {
    let supervisor = threads();
    let (hasty, log, latch) = hasty(&supervisor);
    log.until("born 1", 1).await;
    hasty.tell(BlockIn).unwrap();
    until("taken", || supervisor.health().actor("hasty").unwrap().mailbox.depth == 0).await;
    let start = Instant::now();
    let drained = supervisor.shutdown(Duration::from_millis(100)).await;
    assert!(start.elapsed() < 5 * SECOND);
    assert_eq!(drained.leaked, 1);
    latch.open();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn actors_on_threads_of_their_own_do_not_wait_for_each_other() {
    let supervisor = threads();
    let (blocked, _, latch) = hasty(&supervisor);
    let log = Log::new();
    let worker = supervisor.root().actor("worker", Worker::make(&log));
    blocked.tell(BlockIn).unwrap();
    assert_eq!(worker.ask(Say("here"), 5 * SECOND).await, Ok(4));
    latch.open();
    supervisor.shutdown(SECOND).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supervisor_that_is_dropped_leaves_no_actor_alive() {
    let stage = Stage::with(Config::threads(Handle::current()));
    stage.say("up").await;
    let Stage { supervisor, worker, log, .. } = stage;
    let (give, take) = tokio::sync::oneshot::channel();
    worker.tell(act(move |worker, _| drop(give.send(worker.scope.fence())))).unwrap();
    let fence = take.await.unwrap();
    drop(supervisor);
    until("fenced", || fence.check().is_err()).await;
    let answer = worker.ask(Say("anyone"), Duration::from_millis(200)).await;
    assert_eq!(answer, Err(AskError::Timeout(Duration::from_millis(200))));
    assert_eq!(log.count("anyone"), 0);
}
