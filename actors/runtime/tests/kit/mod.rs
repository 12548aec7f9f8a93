//! An actor that does as it is told, and the paused world it lives in.
#![allow(dead_code, unreachable_pub, missing_docs)]

use std::{collections::HashMap, future::Future, sync::Arc, time::Duration};

use actix::{Actor, AsyncContext, Context, Handler, Message};
use parking_lot::Mutex;
use rdd_actors_runtime::{
    Birth, Cause, Config, Due, Error, Group, Handle, Keyed, Outcome, Policy, Scope, Supervised, Supervisor,
    health::ActorHealth, trace,
};
use tokio::{
    sync::watch,
    task::LocalSet,
    time::{Instant, timeout},
};

pub const SECOND: Duration = Duration::from_secs(1);

/// Runs a test on one thread with the clock paused.
pub fn paused<F: Future>(test: impl FnOnce() -> F) -> F::Output {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let local = LocalSet::new();
    let out = local.block_on(&runtime, async { test().await });
    let _entered = runtime.enter();
    drop(local);
    out
}

/// What actors did, with a way to wait for it.
#[derive(Clone)]
pub struct Log {
    lines: watch::Sender<Vec<String>>,
    pub plans: Arc<Mutex<HashMap<String, Vec<Plan>>>>,
}

/// What a job on a key is to do; the last one is for ever.
#[derive(Clone, Debug)]
pub enum Plan {
    Done,
    Fail,
    Panic,
    Hang,
    Take(Duration),
    Wait(Duration),
    HandlerPanics,
    Unanswered,
    Block(Arc<Latch>),
    /// Never ends, and panics when it is dropped.
    Bomb,
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

/// Lets a blocked thread go.
#[derive(Debug, Default)]
pub struct Latch {
    open: Mutex<bool>,
    changed: parking_lot::Condvar,
}

impl Latch {
    pub fn block(&self) {
        let mut open = self.open.lock();
        while !*open {
            self.changed.wait(&mut open);
        }
    }

    pub fn open(&self) {
        *self.open.lock() = true;
        self.changed.notify_all();
    }
}

impl Log {
    pub fn new() -> Log {
        Log { lines: watch::Sender::new(Vec::new()), plans: Arc::default() }
    }

    pub fn say(&self, line: impl Into<String>) {
        self.lines.send_modify(|lines| lines.push(line.into()));
    }

    pub fn lines(&self) -> Vec<String> {
        self.lines.borrow().clone()
    }

    pub fn count(&self, line: &str) -> usize {
        self.lines.borrow().iter().filter(|present| *present == line).count()
    }

    /// Waits until `line` was said `times` times.
    pub async fn until(&self, line: &str, times: usize) {
        let mut lines = self.lines.subscribe();
        let wait = lines.wait_for(|lines| lines.iter().filter(|present| *present == line).count() >= times);
        let limit = if cfg_paused() { 3600 * SECOND } else { 20 * SECOND };
        if timeout(limit, wait).await.is_err() {
            panic!("{line:?} was not said {times} times: {:?}", self.lines());
        }
    }

    pub fn plan(&self, key: &str, plans: impl Into<Vec<Plan>>) {
        self.plans.lock().insert(key.to_owned(), plans.into());
    }

    fn next_plan(&self, key: &str) -> Plan {
        let mut plans = self.plans.lock();
        match plans.get_mut(key) {
            None => Plan::Done,
            Some(plans) if plans.len() > 1 => plans.remove(0),
            Some(plans) => plans[0].clone(),
        }
    }
}

fn cfg_paused() -> bool {
    tokio::runtime::Handle::current().runtime_flavor() == tokio::runtime::RuntimeFlavor::CurrentThread
}

/// The actor: its handlers and jobs do what the log's plans say.
pub struct Worker {
    pub log: Log,
    pub scope: Scope,
    pub handle: Handle<Worker>,
    name: String,
    pub last: Arc<Mutex<Option<Handle<Worker>>>>,
}

impl Actor for Worker {
    type Context = Context<Self>;

    fn stopped(&mut self, _: &mut Self::Context) {
        self.log.say(format!("{} stopped", self.name));
    }
}

impl Supervised for Worker {
    fn policy() -> Policy {
        Policy { mailbox: 8, ..Policy::default() }
    }
}

impl Worker {
    pub fn make(log: &Log) -> impl Fn(&Birth<Worker>) -> Result<Worker, Error> + Send + Sync + 'static {
        let log = log.clone();
        move |birth| {
            let name = birth.handle.name().to_owned();
            log.say(format!("{name} born {}", birth.incarnation));
            Ok(Worker {
                log: log.clone(),
                scope: birth.scope.clone(),
                handle: birth.handle.clone(),
                name,
                last: Arc::default(),
            })
        }
    }
}

/// Says something.
pub struct Say(pub &'static str);

impl Message for Say {
    type Result = u64;
}

impl Handler<Say> for Worker {
    type Result = u64;

    fn handle(&mut self, say: Say, _: &mut Self::Context) -> u64 {
        self.log.say(say.0);
        say.0.len() as u64
    }
}

/// Does anything at all to the actor.
#[allow(clippy::type_complexity)]
pub struct Do(pub Box<dyn FnOnce(&mut Worker, &mut Context<Worker>) + Send>);

impl Message for Do {
    type Result = ();
}

impl Handler<Do> for Worker {
    type Result = ();

    fn handle(&mut self, what: Do, context: &mut Self::Context) {
        (what.0)(self, context);
    }
}

pub fn act(what: impl FnOnce(&mut Worker, &mut Context<Worker>) + Send + 'static) -> Do {
    Do(Box::new(what))
}

/// Never takes another message.
pub fn wait_for_ever() -> Do {
    act(|_, context| {
        context.wait(actix::fut::wrap_future::<_, Worker>(std::future::pending::<()>()));
    })
}

/// Keyed work.
#[derive(Clone, Debug)]
pub struct Changed(pub String);

/// How often a key was noted since it was worked on.
#[derive(Clone, Debug)]
pub struct Times(pub u32);

impl Cause for Times {
    fn merge(&mut self, newer: Self) {
        self.0 += newer.0;
    }
}

impl Keyed for Changed {
    type Key = String;
    type Cause = Times;

    fn split(self) -> (String, Times) {
        (self.0, Times(1))
    }

    fn join(key: String, _: Times) -> Self {
        Changed(key)
    }

    fn limit() -> usize {
        1000
    }

    fn overflow(_: &String) -> Option<Self> {
        Some(Changed("everything".to_owned()))
    }
}

impl Handler<Due<Changed>> for Worker {
    type Result = ();

    fn handle(&mut self, due: Due<Changed>, _: &mut Self::Context) {
        let key = due.key().clone();
        let plan = self.log.next_plan(&key);
        match plan {
            Plan::HandlerPanics => panic!("{key} kills"),
            Plan::Unanswered => return,
            _ => {}
        }
        let log = self.log.clone();
        log.say(format!("take {key} attempt {} noted {}", due.attempt(), due.cause().0));
        due.run(10 * SECOND, async move {
            log.say(format!("begin {key}"));
            let outcome = match plan {
                Plan::Fail => Outcome::Retry("it does not work".into()),
                Plan::Panic => panic!("job of {key} panics"),
                Plan::Hang => std::future::pending().await,
                Plan::Bomb => {
                    let _bomb = Bomb;
                    std::future::pending().await
                }
                Plan::Take(time) => {
                    tokio::time::sleep(time).await;
                    Outcome::Done
                }
                Plan::Wait(time) => Outcome::After(time, "in use".to_owned()),
                Plan::Block(latch) => {
                    latch.block();
                    Outcome::Done
                }
                Plan::Done | Plan::HandlerPanics | Plan::Unanswered => Outcome::Done,
            };
            log.say(format!("end {key}"));
            outcome
        });
    }
}

/// A supervisor on the test's own thread, with one worker.
pub struct Stage {
    pub supervisor: Supervisor,
    pub log: Log,
    pub worker: Handle<Worker>,
}

impl Stage {
    pub fn local() -> Stage {
        Stage::with(Config::local())
    }

    pub fn with(config: Config) -> Stage {
        let supervisor = Supervisor::start(config);
        let log = Log::new();
        let worker = supervisor.root().actor("worker", Worker::make(&log));
        Stage { supervisor, log, worker }
    }

    pub fn root(&self) -> &Group {
        self.supervisor.root()
    }

    pub fn health(&self) -> ActorHealth {
        self.health_of("worker")
    }

    pub fn health_of(&self, name: &str) -> ActorHealth {
        self.supervisor.health().actor(name).expect("the actor is in the tree").clone()
    }

    pub fn note(&self, key: &str) {
        self.worker.note(Changed(key.to_owned()));
    }

    pub fn crash(&self) {
        self.worker.tell(act(|_, _| panic!("told to"))).unwrap();
    }

    pub async fn say(&self, what: &'static str) {
        assert_eq!(self.worker.ask(Say(what), 10 * SECOND).await, Ok(what.len() as u64));
    }

    /// Waits until health says so. On the paused clock, in virtual time.
    pub async fn until(&self, what: &str, holds: impl Fn(&ActorHealth) -> bool) {
        let end = Instant::now() + if cfg_paused() { 3600 * SECOND } else { 20 * SECOND };
        let mut tick = tokio::time::interval(Duration::from_millis(10));
        while !holds(&self.health()) {
            assert!(Instant::now() < end, "never: {what}; {:#?}", self.health());
            tick.tick().await;
        }
    }

    pub async fn end(self) {
        self.supervisor.shutdown(SECOND).await;
    }
}

pub fn trace_of(stage: &Stage, id: trace::Id) -> Vec<trace::Record> {
    stage.supervisor.trace().of(id)
}
