//! Does what the action annotation of a container asks for: the engine first, then `lastAction`, then the annotation (R16).

use crate::actions::{self, Plan};
use crate::api::{Failure, Kube, Objects};
use crate::attachment::Attachment;
use crate::board::{Acted, Board, Error, Flow};
use crate::ledger::Entry;
use crate::messages::{Act, Asked, Look};
use crate::{mirror, status};
use actix::{Actor, Context, Handler};
use dashmap::DashMap;
use jiff::Timestamp;
use rdd_actors_runtime::{Birth, Due, Fenced, Supervised};
use rdd_engine::{ContainerFacts, ContainerId, Engine, Facts, Key};
use rdd_resources::container::{ActionState, ContainerStatus, LastAction};
use rdd_resources::names::{annotation, manager};
use rdd_resources::{Action, ActionRequest, Container};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How often one write meets a conflict before it gives the slot to others.
const CONFLICTS: usize = 32;
/// What Docker waits before it kills when a container does not say.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// An action may take this long at most, whatever stop timeout the container asks for.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Does what action annotations ask for.
pub(crate) struct ActionDispatcher {
    work: Work,
}

#[derive(Clone)]
struct Work {
    board: Arc<Board>,
    attachment: Arc<Attachment>,
    engine: Fenced<Arc<dyn Engine>>,
    kube: Kube,
    /// Stop timeouts of containers with a longer one than Docker's own, once they are known: a job's deadline depends on it.
    patience: Arc<DashMap<ContainerId, Duration>>,
}

/// How an action ended.
enum End {
    /// `lastAction` says so; with the text of a failure.
    Judged(Result<(), String>),
    /// The container is gone: there is nothing to say.
    Gone,
}

impl ActionDispatcher {
    pub(crate) fn new(
        board: Arc<Board>,
        attachment: Arc<Attachment>,
        birth: &Birth<ActionDispatcher>,
    ) -> ActionDispatcher {
        let engine = birth.scope.fenced(attachment.engine.clone());
        let kube = board.kube(birth.fence.clone(), manager::ACTIONS);
        ActionDispatcher { work: Work { board, attachment, engine, kube, patience: Arc::default() } }
    }
}

impl Actor for ActionDispatcher {
    type Context = Context<Self>;
}

impl Supervised for ActionDispatcher {}

impl Handler<Due<Act>> for ActionDispatcher {
    type Result = ();

    fn handle(&mut self, due: Due<Act>, _: &mut Context<Self>) {
        let work = self.work.clone();
        let id = due.key().clone();
        let asked = due.cause().clone();
        let stop = work.patience.get(&id).map_or(STOP_TIMEOUT, |stop| *stop);
        let timings = &work.board.config.timings;
        // The engine call, and what is read and written around it.
        let limit = stop + timings.action_margin + timings.call * 2;
        due.run(limit, async move {
            let result = work.dispatch(&id, &asked, stop).await;
            if matches!(result, Ok(Flow::Done)) {
                work.patience.remove(&id);
            }
            work.board.conclude("action_dispatcher", id.as_str(), result)
        });
    }
}

impl Work {
    fn mirrors(&self) -> Objects<Container> {
        self.kube.within(&self.attachment.namespace)
    }

    async fn dispatch(&self, id: &ContainerId, asked: &Asked, patience: Duration) -> Result<Flow, Error> {
        let Some(mirror) = self.mirrors().get(id.as_str()).await? else {
            self.board.acted.remove(id);
            return Ok(Flow::Done);
        };
        // No action starts on an object being deleted (R20).
        if mirror::deleting(&mirror.metadata) {
            return Ok(Flow::Done);
        }
        let Some(value) = mirror::annotation_of(&mirror.metadata, annotation::ACTION).map(str::to_owned)
        else {
            self.board.acted.remove(id);
            return self.withdraw(mirror).await;
        };
        let request: ActionRequest = match value.parse() {
            Ok(request) => request,
            Err(e) => {
                tracing::warn!(container.id = %id, error = %e, "action dropped");
                return self.clean_up(id, mirror, &value).await;
            }
        };
        let last = mirror.status.as_ref().and_then(|s| s.last_action.clone());
        // It is done and recorded, and only the removal of the annotation failed: a request without an id does not tell (R20).
        let acted = Acted { value: value.clone(), last: last.clone() };
        if self.board.acted.get(id).is_some_and(|known| *known == acted) {
            return self.clean_up(id, mirror, &value).await;
        }
        let seen = if asked.value == value { asked.seen } else { self.board.clock.now() };
        let replayed = match last.filter(|l| l.id == request.id) {
            // The id of the last one is never dispatched again, whatever the action (R19).
            Some(l) if l.state != ActionState::InProgress && l.id.is_some() => {
                return self.clean_up(id, mirror, &value).await;
            }
            Some(l) if l.state == ActionState::InProgress && l.action == request.action => Some(l),
            _ => None,
        };
        let facts = match self.inspect(id).await? {
            Some(facts) => facts,
            None if written_by_engine(&mirror, &self.attachment.mark) => return Ok(Flow::Done),
            None => {
                let begun = begin(&request, seen, None);
                let failed = end(begun, Err("no such container".to_owned()), self.board.clock.now());
                let Some(mirror) = self.say(mirror, &failed).await? else { return Ok(Flow::Done) };
                return self.clean_up(id, mirror, &value).await;
            }
        };
        if !written_by_engine(&mirror, &self.attachment.mark) {
            self.board.look(Look::one(Key::Container(id.clone())));
            return Ok(Flow::Wait(
                self.board.config.timings.look_again,
                "its mirror has not been written yet".into(),
            ));
        }
        let (mirror, begun, ended) = match replayed {
            // It was restarted, and only the record of it was lost.
            Some(begun) if begun.started_at_before != facts.started_at => {
                (mirror, begun, End::Judged(Ok(())))
            }
            replayed => match actions::plan(request.action, facts.state) {
                Plan::Already => (mirror, begin(&request, seen, None), End::Judged(Ok(()))),
                Plan::Refuse(why) => (mirror, begin(&request, seen, None), End::Judged(Err(why))),
                Plan::Call if stop_timeout(&facts) > patience => {
                    self.patience.insert(id.clone(), stop_timeout(&facts));
                    return Ok(Flow::Wait(Duration::ZERO, "it may take longer than was thought".to_owned()));
                }
                Plan::Call => {
                    let begun = match (replayed, request.action) {
                        (Some(begun), _) => begun,
                        (None, Action::Restart) => begin(&request, seen, facts.started_at),
                        (None, _) => begin(&request, seen, None),
                    };
                    // What can not be repeated is announced first: a replay compares startedAt.
                    let mirror = if request.action == Action::Restart {
                        match self.say(mirror, &begun).await? {
                            Some(mirror) => mirror,
                            None => return Ok(Flow::Done),
                        }
                    } else {
                        mirror
                    };
                    let ended = self.act(id, request.action, &facts).await?;
                    (mirror, begun, ended)
                }
            },
        };
        let End::Judged(outcome) = ended else { return Ok(Flow::Done) };
        if let Err(error) = &outcome {
            tracing::info!(container.id = %id, action.request = %request, error = %error, "action failed");
        }
        let finished = end(begun, outcome, self.board.clock.now());
        match self.say(mirror, &finished).await? {
            Some(mirror) => {
                let last = mirror.status.as_ref().and_then(|s| s.last_action.clone());
                self.board.acted.insert(id.clone(), Acted { value: value.clone(), last });
                self.clean_up(id, mirror, &value).await
            }
            None => Ok(Flow::Done),
        }
    }

    /// Ends the record of an action whose request was taken back before it was done: the next request of the same words is not its replay.
    async fn withdraw(&self, mirror: Container) -> Result<Flow, Error> {
        let last = mirror.status.as_ref().and_then(|s| s.last_action.clone());
        if let Some(begun) = last.filter(|l| l.state == ActionState::InProgress) {
            let why = "the request was withdrawn before its end was known".to_owned();
            self.say(mirror, &end(begun, Err(why), self.board.clock.now())).await?;
        }
        Ok(Flow::Done)
    }

    async fn inspect(&self, id: &ContainerId) -> Result<Option<Box<ContainerFacts>>, Error> {
        let limit = self.board.config.timings.call;
        let engine = self.engine.get().map_err(|e| Error::Api(e.into()))?;
        let key = Key::Container(id.clone());
        let facts = timeout(limit, engine.inspect(&key)).await;
        match facts.map_err(|_| rdd_engine::Error::Timeout(limit))?? {
            Some(Facts::Container(facts)) => Ok(Some(facts)),
            Some(_) => Err(rdd_engine::Error::Protocol(format!("{key} is not a container")).into()),
            None => Ok(None),
        }
    }

    /// Asks the engine. What does not answer is retried; what refuses is judged by the state read after it (R18).
    async fn act(&self, id: &ContainerId, action: Action, facts: &ContainerFacts) -> Result<End, Error> {
        let limit = stop_timeout(facts) + self.board.config.timings.action_margin;
        let engine = self.engine.get().map_err(|e| Error::Api(e.into()))?;
        let acted = timeout(limit, engine.act(id, actions::engine_action(action))).await;
        match acted.map_err(|_| rdd_engine::Error::Timeout(limit))? {
            Ok(()) => Ok(End::Judged(Ok(()))),
            Err(rdd_engine::Error::Refused { code: 404, text }) => match self.inspect(id).await? {
                None => Ok(End::Gone),
                // Something else was not found: an image, a network, a program.
                Some(_) => Ok(End::Judged(Err(text))),
            },
            Err(rdd_engine::Error::Refused { text, .. }) => match self.inspect(id).await? {
                None => Ok(End::Gone),
                Some(after) => Ok(End::Judged(actions::judge(action, after.state, &text))),
            },
            Err(e) => Err(e.into()),
        }
    }

    /// Writes `lastAction`, and nothing else of the status. None: the mirror is gone, or is another one.
    async fn say(&self, mut mirror: Container, action: &LastAction) -> Result<Option<Container>, Error> {
        let name = mirror.metadata.name.clone().unwrap_or_default();
        let uid = mirror.metadata.uid.clone();
        let mirrors = self.mirrors();
        for _ in 0..CONFLICTS {
            let empty = || ContainerStatus {
                namespace: rdd_resources::names::MOBY.to_owned(),
                ..ContainerStatus::default()
            };
            let before = mirror.status.clone().unwrap_or_else(empty);
            mirror.status = Some(status::with_action(&before, action.clone()));
            match mirrors.replace_status(&mirror).await {
                Ok(written) => {
                    self.attachment.ledger.record(&name, Entry::of(&written, &self.attachment.mark));
                    return Ok(Some(written));
                }
                Err(Failure::NotFound) => return Ok(None),
                Err(Failure::Conflict) => {}
                Err(e) => return Err(e.into()),
            }
            match mirrors.get(&name).await? {
                Some(fresh) if fresh.metadata.uid == uid => mirror = fresh,
                _ => return Ok(None),
            }
        }
        Err(Error::Contended)
    }

    /// Removes the annotation if it is still the one that was done; another one is the next request (R19). The first try uses the
    /// version that the write of `lastAction` answered, so that no stale cache can replay the action (R20).
    async fn clean_up(&self, id: &ContainerId, mirror: Container, value: &str) -> Result<Flow, Error> {
        let flow = self.remove_request(mirror, value).await?;
        self.board.acted.remove(id);
        Ok(flow)
    }

    async fn remove_request(&self, mut mirror: Container, value: &str) -> Result<Flow, Error> {
        let name = mirror.metadata.name.clone().unwrap_or_default();
        let uid = mirror.metadata.uid.clone();
        let mirrors = self.mirrors();
        for _ in 0..CONFLICTS {
            match mirror::annotation_of(&mirror.metadata, annotation::ACTION) {
                Some(now) if now == value => {}
                Some(_) => return Ok(Flow::Wait(Duration::ZERO, "another action was asked for".to_owned())),
                None => return Ok(Flow::Done),
            }
            if let Some(annotations) = mirror.metadata.annotations.as_mut() {
                annotations.remove(annotation::ACTION);
            }
            match mirrors.replace(&mirror).await {
                Ok(written) => {
                    self.attachment.ledger.record(&name, Entry::of(&written, &self.attachment.mark));
                    return Ok(Flow::Done);
                }
                Err(Failure::NotFound) => return Ok(Flow::Done),
                Err(Failure::Conflict) => {}
                Err(e) => return Err(e.into()),
            }
            match mirrors.get(&name).await? {
                Some(fresh) if fresh.metadata.uid == uid => mirror = fresh,
                _ => return Ok(Flow::Done),
            }
        }
        Err(Error::Contended)
    }
}

/// Whether the engine wrote a mirror's status: this engine's mark, and a status (R21).
fn written_by_engine(mirror: &Container, mark: &str) -> bool {
    mirror.status.is_some() && mirror::annotation_of(&mirror.metadata, annotation::ENGINE) == Some(mark)
}

/// How long a container may take to stop.
fn stop_timeout(facts: &ContainerFacts) -> Duration {
    match facts.stop_timeout {
        None => STOP_TIMEOUT,
        // Docker takes a negative one for "wait for ever".
        Some(seconds) => u64::try_from(seconds).map_or(LONGEST, Duration::from_secs).min(LONGEST),
    }
}

fn begin(request: &ActionRequest, seen: Timestamp, started_at_before: Option<Timestamp>) -> LastAction {
    LastAction {
        action: request.action,
        id: request.id.clone(),
        state: ActionState::InProgress,
        error: None,
        observed_at: seen,
        started_at_before,
        completed_at: None,
    }
}

fn end(begun: LastAction, outcome: Result<(), String>, now: Timestamp) -> LastAction {
    let state = if outcome.is_ok() { ActionState::Succeeded } else { ActionState::Failed };
    LastAction { state, error: outcome.err(), completed_at: Some(now), ..begun }
}

#[cfg(test)]
mod tests;
