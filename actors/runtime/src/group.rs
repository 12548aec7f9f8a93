//! A subtree: actors and tasks that are restarted one for one, and parked together when that does not help.

use std::{
    future::Future,
    sync::{Arc, Weak},
    time::Duration,
};

use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio::time::{Instant, sleep_until};

use crate::{
    Clock, Error, Handle, Policy,
    actor::{Birth, Supervised},
    body::Body,
    cell::Cell,
    core::Core,
    health::{self, GroupHealth},
    life::{Node, Order},
    policy::Window,
    scope::Drained,
    task::{Task, TaskBirth},
    trace::Trace,
    vitals::Vitals,
};

/// A subtree of the supervision tree. Cheap to clone.
///
/// Each member is restarted alone, and one that crashes more often than its own limit allows is parked alone: its
/// siblings never pay for it. Each such parking counts in the group; when there are more than the group's limit
/// (5 in 10 s) it is the common ground that is bad: the whole group is parked, and that counts as one in its parent.
/// What is parked is tried again after 60 s.
#[derive(Clone)]
pub struct Group {
    inner: Arc<Inner>,
}

struct Inner {
    path: String,
    core: Arc<Core>,
    parent: Weak<Inner>,
    members: Mutex<Members>,
    window: Mutex<Window>,
}

#[derive(Default)]
struct Members {
    children: Vec<Child>,
    parked: Option<Instant>,
    parkings: u64,
    stopping: Option<Instant>,
}

#[derive(Clone)]
enum Child {
    Node(Arc<Node>),
    Group(Arc<Inner>),
}

/// Where it is counted that a member was parked.
pub(crate) trait Escalate: Send + 'static {
    fn escalate(&self, now: Instant);
}

impl Group {
    pub(crate) fn root(core: Arc<Core>) -> Group {
        Group { inner: Inner::new(String::new(), core, Weak::new(), None) }
    }

    /// A new group within this one.
    pub fn group(&self, name: impl AsRef<str>) -> Group {
        let inner = &self.inner;
        let mut members = inner.members.lock();
        let group = Inner::new(
            inner.path_of(name.as_ref()),
            inner.core.clone(),
            Arc::downgrade(inner),
            members.stopping,
        );
        members.children.push(Child::Group(group.clone()));
        Group { inner: group }
    }

    /// Starts an actor. Its factory is called for each incarnation, on the thread on which that lives. In a group
    /// that was stopped it is stopped from the beginning.
    pub fn actor<A: Supervised>(
        &self,
        name: impl AsRef<str>,
        factory: impl Fn(&Birth<A>) -> Result<A, Error> + Send + Sync + 'static,
    ) -> Handle<A> {
        let vitals = self.vitals(name.as_ref(), A::policy());
        let cell = Cell::new(vitals.clone(), Box::new(factory));
        self.adopt(vitals, cell.clone(), false);
        Handle::new(cell)
    }

    /// Starts a task with the default policy. Its factory is called for each incarnation; when its future returns or
    /// panics, or hangs (see [`Heart`](crate::Heart)), it is started anew after its backoff.
    pub fn task<F>(&self, name: impl AsRef<str>, factory: impl Fn(TaskBirth) -> F + Send + Sync + 'static)
    where
        F: Future<Output = Result<(), Error>> + Send + 'static,
    {
        self.task_with(name, Policy::default(), factory);
    }

    /// Starts a task with a policy of its own.
    pub fn task_with<F>(
        &self,
        name: impl AsRef<str>,
        policy: Policy,
        factory: impl Fn(TaskBirth) -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = Result<(), Error>> + Send + 'static,
    {
        let vitals = self.vitals(name.as_ref(), policy);
        let task = Task::new(vitals.clone(), Box::new(move |birth| Box::pin(factory(birth))));
        self.adopt(vitals, task, true);
    }

    /// Stops everything in it, last started first, and takes it out of the tree. Each actor handles what is in
    /// its control lane; running jobs may finish within the grace, which holds for all together. Keys that wait are
    /// left undone.
    pub async fn stop(&self, grace: Duration) -> Drained {
        let drained = self.inner.clone().stop_by(Instant::now() + grace).await;
        if let Some(parent) = self.inner.parent.upgrade() {
            let keep =
                |child: &Child| !matches!(child, Child::Group(group) if Arc::ptr_eq(group, &self.inner));
            parent.members.lock().children.retain(keep);
        }
        drained
    }

    /// Path of the group; empty for the root.
    pub fn name(&self) -> &str {
        &self.inner.path
    }

    /// The supervisor's wall clock.
    pub fn clock(&self) -> &Clock {
        &self.inner.core.clock
    }

    /// The supervisor's message trace.
    pub fn trace(&self) -> &Trace {
        &self.inner.core.trace
    }

    pub(crate) fn health(&self, now: Instant) -> GroupHealth {
        self.inner.health(now)
    }

    /// Looks for hangs in the whole subtree; true when something is going on.
    pub(crate) fn watch(&self, now: Instant) -> bool {
        self.inner.watch(now)
    }

    fn vitals(&self, name: &str, policy: Policy) -> Arc<Vitals> {
        let core = &self.inner.core;
        core.alarm.at_least(health::tick(policy.deadline.min(policy.start)));
        Vitals::new(Arc::from(self.inner.path_of(name)), policy, core.clone())
    }

    fn adopt(&self, vitals: Arc<Vitals>, body: Arc<dyn Body>, task: bool) {
        let mut members = self.inner.members.lock();
        let order = match (members.stopping, members.parked) {
            (Some(until), _) => Order::Stop(until),
            (None, Some(until)) => Order::Park(until),
            (None, None) => self.inner.parent.upgrade().map_or(Order::Run, |parent| parent.standing()),
        };
        let core = vitals.core.clone();
        let node = Node::new(vitals, body, task, order);
        members.children.push(Child::Node(node.clone()));
        drop(members);
        let member = Member(Arc::downgrade(&self.inner));
        let over = core.over.clone();
        core.host.supervise(async move {
            tokio::select! {
                biased;
                () = over.cancelled() => {} // the supervisor was dropped
                () = node.live(member) => {}
            }
        });
    }
}

struct Member(Weak<Inner>);

impl Escalate for Member {
    fn escalate(&self, now: Instant) {
        if let Some(group) = self.0.upgrade() {
            group.member_parked(now);
        }
    }
}

impl Inner {
    fn new(path: String, core: Arc<Core>, parent: Weak<Inner>, stopping: Option<Instant>) -> Arc<Inner> {
        let window = Mutex::new(Window::new(core.limit));
        let members = Mutex::new(Members { stopping, ..Members::default() });
        Arc::new(Inner { path, core, parent, members, window })
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}/{name}", self.path) }
    }

    fn children(&self) -> Vec<Child> {
        self.members.lock().children.clone()
    }

    /// What holds for its members now.
    fn standing(&self) -> Order {
        let (stopping, parked) = {
            let members = self.members.lock();
            (members.stopping, members.parked)
        };
        match (stopping, parked) {
            (Some(until), _) => Order::Stop(until),
            (None, Some(until)) => Order::Park(until),
            (None, None) => self.parent.upgrade().map_or(Order::Run, |parent| parent.standing()),
        }
    }

    fn member_parked(self: &Arc<Self>, now: Instant) {
        if !self.window.lock().exceeded(now) {
            return;
        }
        let until = now + self.core.park;
        tracing::error!(group = %self.path, "too many members of the group were parked: it is parked as a whole");
        {
            let mut members = self.members.lock();
            if members.parked.is_some() || members.stopping.is_some() {
                return;
            }
            members.parked = Some(until);
            members.parkings += 1;
        }
        self.order(Order::Park(until));
        let group = Arc::downgrade(self);
        self.core.host.supervise(async move {
            sleep_until(until).await;
            if let Some(group) = group.upgrade() {
                group.members.lock().parked = None;
                group.order(group.standing()); // a group above it may be parked still
            }
        });
        if let Some(parent) = self.parent.upgrade() {
            parent.member_parked(now);
        }
    }

    /// Passes an order down. A group that is parked by itself waits for its own time.
    fn order(&self, order: Order) {
        for child in self.children() {
            match child {
                Child::Node(node) => node.order(order),
                Child::Group(group) => {
                    let own = group.members.lock().parked.is_some();
                    if !own {
                        group.order(order);
                    }
                }
            }
        }
    }

    fn stop_by(self: Arc<Self>, until: Instant) -> BoxFuture<'static, Drained> {
        Box::pin(async move {
            self.members.lock().stopping = Some(until);
            let mut sum = Drained::default();
            for child in self.children().into_iter().rev() {
                let drained = match child {
                    Child::Node(node) => {
                        node.order(Order::Stop(until));
                        node.ended().await
                    }
                    Child::Group(group) => group.stop_by(until).await,
                };
                sum.finished += drained.finished;
                sum.aborted += drained.aborted;
                sum.leaked += drained.leaked;
            }
            sum
        })
    }

    fn watch(&self, now: Instant) -> bool {
        self.children().into_iter().fold(false, |busy, child| {
            busy | match child {
                Child::Node(node) => node.watch(now),
                Child::Group(group) => group.watch(now),
            }
        })
    }

    fn health(&self, now: Instant) -> GroupHealth {
        let (parked, parkings, children) = {
            let members = self.members.lock();
            (members.parked, members.parkings, members.children.clone())
        };
        let mut health = GroupHealth {
            name: self.path.clone(),
            parked_until: parked.map(|at| self.core.clock.at(at)),
            parkings,
            members: Vec::new(),
            groups: Vec::new(),
        };
        for child in children {
            match child {
                Child::Node(node) => health.members.push(health::of(&node, now)),
                Child::Group(group) => health.groups.push(group.health(now)),
            }
        }
        health
    }
}
