//! What the program under test may do to a container, answered as dockerd does.

use super::{Memory, runs};
use crate::{Action, ContainerId, Error, Fingerprint, Key, Removed, State};
use std::sync::Arc;
use std::time::Duration;

impl Memory {
    /// Goes on when the caller gives up, as dockerd does.
    pub(super) async fn do_act(&self, id: ContainerId, action: Action) -> Result<(), Error> {
        let engine = self.clone();
        let done = tokio::spawn(async move { engine.locked(&id, action).await });
        done.await.map_err(|e| Error::Protocol(e.to_string()))?
    }

    async fn locked(&self, id: &ContainerId, action: Action) -> Result<(), Error> {
        let lock = self.shared.world.lock().containers.get(id).map(|c| Arc::clone(&c.lock));
        let lock = lock.ok_or_else(|| missing(id))?;
        let _held = lock.lock().await;
        let state = self.container(id).ok_or_else(|| missing(id))?.state;
        match action {
            Action::Start if state == State::Paused => {
                Err(refused(409, "cannot start a paused container, try unpause instead"))
            }
            Action::Start if runs(state) => Ok(()),
            Action::Start => self.slow_start(id, state).await,
            Action::Stop if !runs(state) => Ok(()),
            Action::Stop => {
                self.slow_stop(id).await;
                self.shared.world.lock().gone_if_temporary(id);
                Ok(())
            }
            Action::Restart => {
                if runs(state) {
                    self.slow_stop(id).await;
                }
                self.slow_start(id, State::Exited).await?;
                self.shared.world.lock().tell(id, "restart");
                Ok(())
            }
            Action::Pause if !runs(state) => Err(refused(409, &format!("Container {id} is not running"))),
            Action::Pause if state == State::Paused => {
                Err(refused(409, &format!("Container {id} is already paused")))
            }
            Action::Pause => {
                self.pause(id);
                Ok(())
            }
            Action::Unpause if state == State::Paused => {
                self.unpause(id);
                Ok(())
            }
            Action::Unpause => Err(refused(500, &format!("Container {id} is not paused"))),
        }
    }

    async fn slow_start(&self, id: &ContainerId, state: State) -> Result<(), Error> {
        if matches!(state, State::Removing | State::Dead) {
            return Err(refused(409, "container is marked for removal and cannot be started"));
        }
        let spec = self.shared.world.lock().containers.get(id).map(|c| c.spec.clone());
        let spec = spec.ok_or_else(|| missing(id))?;
        wait(spec.start_takes).await;
        let mut world = self.shared.world.lock();
        let Some(text) = spec.start_fails else {
            world.started(id);
            return Ok(());
        };
        if let Some(facts) = world.facts(id) {
            (facts.exit_code, facts.error) = (127, text.clone());
        }
        Err(refused(400, &text))
    }

    async fn slow_stop(&self, id: &ContainerId) {
        self.shared.world.lock().tell(id, "kill");
        let takes = self.shared.world.lock().containers.get(id).map(|c| {
            let limit = Duration::from_secs(c.spec.stop_timeout.unwrap_or(10).try_into().unwrap_or(u64::MAX));
            (c.spec.stop_takes.min(limit), c.spec.stop_takes > limit)
        });
        let Some((takes, killed)) = takes else { return };
        wait(takes).await;
        let mut world = self.shared.world.lock();
        if killed {
            world.tell(id, "kill");
        }
        let _ = world.exited(id, if killed { 137 } else { 0 });
        world.tell(id, "stop");
    }

    pub(super) async fn do_remove(&self, key: &Key, only: &Fingerprint) -> Result<Removed, Error> {
        match (key, only) {
            (Key::Container(id), Fingerprint::Container) => {
                let there = self.container(id).is_some();
                self.remove_now(id);
                Ok(if there { Removed::Done } else { Removed::Gone })
            }
            (Key::Image(_), Fingerprint::Image { .. }) | (Key::Volume(_), Fingerprint::Volume { .. }) => {
                Ok(Removed::Gone)
            }
            _ => Err(Error::Protocol(format!("{key} can not be removed by the fingerprint of another kind"))),
        }
    }
}

/// Even a sleep of nothing takes a millisecond of tokio's time.
async fn wait(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

fn missing(id: &ContainerId) -> Error {
    refused(404, &format!("No such container: {id}"))
}

fn refused(code: u16, text: &str) -> Error {
    Error::Refused { code, text: text.to_owned() }
}
