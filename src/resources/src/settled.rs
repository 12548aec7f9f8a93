//! When the whole chain has caught up: the condition Settled as one pure function.

use crate::app::{AppSpec, EngineStatus, MachineStatus, Phase};
use crate::condition::{self, message, reason};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

/// What [`settled`] looks at: all of one App, at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// The App's current generation.
    pub generation: i64,
    /// What is wanted.
    pub spec: &'a AppSpec,
    /// `status.machine`.
    pub machine: Option<&'a MachineStatus>,
    /// `status.engine`.
    pub engine: Option<&'a EngineStatus>,
    /// `status.conditions`, Settled itself apart.
    pub conditions: &'a [Condition],
    /// Whether the engine controller is enabled.
    pub engine_controller: bool,
    /// Whether whoever reports on the engine has done so since it was started. A condition that an earlier daemon left says nothing
    /// of the present connection: it counts as older.
    pub engine_confirmed: bool,
}

/// What Settled says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// True or False.
    pub settled: bool,
    /// Its reason.
    pub reason: String,
    /// Its message.
    pub message: String,
}

/// Judges whether the chain has caught up with the current generation. The first row that fits decides.
pub fn settled(now: Inputs<'_>) -> Settled {
    let wanted = now.spec.running;
    let Some(machine) = now.machine.filter(|m| m.incarnation > 0 || !at_rest(m.phase)) else {
        return if wanted {
            not(reason::APPLYING_CONFIGURATION, "the machine has not been started yet")
        } else {
            yes()
        };
    };
    if machine.applied_generation < now.generation {
        return not(reason::APPLYING_CONFIGURATION, "the machine does not run this configuration yet");
    }
    if machine.phase != if wanted { Phase::Started } else { Phase::Stopped } {
        return match condition::find(now.conditions, condition::RUNNING) {
            Some(running) => not(&running.reason, &running.message),
            None => not(reason::RECONCILING, ""),
        };
    }
    if !now.engine_controller {
        return yes();
    }
    let engine = condition::find(now.conditions, condition::CONTAINER_ENGINE_READY);
    let current =
        engine.filter(|c| now.engine_confirmed && c.observed_generation.unwrap_or(0) >= now.generation);
    if !wanted {
        return match current {
            Some(c) if [reason::STOPPED, reason::NOT_APPLICABLE].contains(&c.reason.as_str()) => yes(),
            Some(c) if reason::is_terminal_failure(&c.reason) => not(&c.reason, &c.message),
            _ => not(reason::ENGINE_STALE, "the engine has not reported its stop yet"),
        };
    }
    match (engine, current) {
        (None, _) => not(reason::WAITING_FOR_ENGINE, "the engine has not reported yet"),
        (Some(_), None) => {
            not(reason::ENGINE_STALE, "the engine has not reported for this configuration yet")
        }
        (_, Some(c)) if c.status != "True" => not(&c.reason, &c.message),
        (_, Some(c)) if c.reason == reason::NOT_APPLICABLE => yes(),
        _ if now.engine.is_none_or(|e| e.incarnation != machine.incarnation) => {
            not(reason::ENGINE_STALE, "the engine has not reported since the machine was started")
        }
        _ => yes(),
    }
}

fn at_rest(phase: Phase) -> bool {
    matches!(phase, Phase::Unknown | Phase::Stopped)
}

fn yes() -> Settled {
    Settled { settled: true, reason: reason::SETTLED.into(), message: message::SETTLED.into() }
}

fn not(reason: &str, message: &str) -> Settled {
    Settled { settled: false, reason: reason.into(), message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Phase::*;

    struct Row {
        name: &'static str,
        running: bool,
        /// applied generation, phase, incarnation; the current generation is 2.
        machine: Option<(i64, Phase, i64)>,
        /// generation, status, reason.
        engine: Option<(i64, &'static str, &'static str)>,
        /// incarnation that the last Connected was for.
        connected: i64,
        controller: bool,
        expect: (bool, &'static str),
    }

    #[test]
    fn r25_settled_is_judged_by_this_table() {
        let row = |name, running, machine, engine, connected, controller, expect| Row {
            name,
            running,
            machine,
            engine,
            connected,
            controller,
            expect,
        };
        let connected = Some((2, "True", "Connected"));
        #[rustfmt::skip]
        let rows = [
            row("1 stopped, never started", false, None, None, 0, true, (true, "Settled")),
            row("1 stopped, never started, known", false, Some((1, Stopped, 0)), None, 0, true, (true, "Settled")),
            row("  running, nothing yet", true, None, None, 0, true, (false, "ApplyingConfiguration")),
            row("2 older configuration", true, Some((1, Started, 1)), connected, 1, true, (false, "ApplyingConfiguration")),
            row("2 older configuration, stopping", false, Some((1, Started, 1)), connected, 1, true, (false, "ApplyingConfiguration")),
            row("3 starting", true, Some((2, Starting, 1)), connected, 1, true, (false, "Starting")),
            row("3 start failed", true, Some((2, StartFailed, 1)), None, 0, true, (false, "StartFailed")),
            row("3 stopping", false, Some((2, Stopping, 1)), connected, 1, true, (false, "Stopping")),
            row("3 still started", false, Some((2, Started, 1)), connected, 1, true, (false, "Started")),
            row("3 daemon just started", true, Some((2, Unknown, 3)), connected, 3, true, (false, "Reconciling")),
            row("4 no engine controller", true, Some((2, Started, 1)), None, 0, false, (true, "Settled")),
            row("4 no engine controller, stopped", false, Some((2, Stopped, 1)), None, 0, false, (true, "Settled")),
            row("5 nothing reported", false, Some((2, Stopped, 1)), None, 1, true, (false, "EngineStale")),
            row("5 reported for an older one", false, Some((2, Stopped, 1)), Some((1, "False", "Stopped")), 1, true, (false, "EngineStale")),
            row("5 still connected", false, Some((2, Stopped, 1)), connected, 1, true, (false, "EngineStale")),
            row("5 sweep given up", false, Some((2, Stopped, 1)), Some((2, "False", "SweepIncomplete")), 1, true, (false, "SweepIncomplete")),
            row("6 engine missing", true, Some((2, Started, 1)), None, 0, true, (false, "WaitingForEngine")),
            row("6 engine of an older generation", true, Some((2, Started, 1)), Some((1, "True", "Connected")), 1, true, (false, "EngineStale")),
            row("6 engine of an older incarnation", true, Some((2, Started, 2)), connected, 1, true, (false, "EngineStale")),
            row("6 connecting", true, Some((2, Started, 1)), Some((2, "False", "Connecting")), 0, true, (false, "Connecting")),
            row("6 failed", true, Some((2, Started, 1)), Some((2, "False", "ConnectFailed")), 0, true, (false, "ConnectFailed")),
            row("6 unreachable", true, Some((2, Started, 1)), Some((2, "False", "Unreachable")), 1, true, (false, "Unreachable")),
            row("7 connected", true, Some((2, Started, 1)), connected, 1, true, (true, "Settled")),
            row("7 newer report", true, Some((3, Started, 1)), Some((3, "True", "Connected")), 1, true, (true, "Settled")),
            row("7 containerd", true, Some((2, Started, 2)), Some((2, "True", "NotApplicable")), 0, true, (true, "Settled")),
            row("7 stopped", false, Some((2, Stopped, 1)), Some((2, "False", "Stopped")), 1, true, (true, "Settled")),
            row("7 containerd, stopped", false, Some((2, Stopped, 1)), Some((2, "True", "NotApplicable")), 1, true, (true, "Settled")),
        ];
        for row in rows {
            let spec = AppSpec { running: row.running, ..AppSpec::default() };
            let machine = row.machine.map(|(applied_generation, phase, incarnation)| MachineStatus {
                applied_generation,
                phase,
                incarnation,
                ..MachineStatus::default()
            });
            let engine = EngineStatus { incarnation: row.connected, ..EngineStatus::default() };
            let mut conditions = Vec::new();
            let t = jiff::Timestamp::UNIX_EPOCH;
            if let Some(machine) = &machine {
                let words = match machine.phase {
                    Unknown => "Reconciling".to_owned(),
                    other => format!("{other:?}"),
                };
                condition::set(&mut conditions, t, condition::RUNNING, "False", &words, "", None);
            }
            if let Some((generation, status, why)) = row.engine {
                let type_ = condition::CONTAINER_ENGINE_READY;
                condition::set(&mut conditions, t, type_, status, why, "", Some(generation));
            }
            let inputs = Inputs {
                generation: 2,
                spec: &spec,
                machine: machine.as_ref(),
                engine: Some(&engine),
                conditions: &conditions,
                engine_controller: row.controller,
                engine_confirmed: true,
            };
            let got = settled(inputs);
            assert_eq!((got.settled, got.reason.as_str()), row.expect, "{}", row.name);
            // What an earlier daemon left never settles anything: it counts as older.
            let stale = settled(Inputs { engine_confirmed: false, ..inputs });
            let depends = row.name.starts_with(['5', '6', '7']);
            let expect = match row.expect {
                (_, "WaitingForEngine") => row.expect,
                _ if depends => (false, "EngineStale"),
                other => other,
            };
            assert_eq!((stale.settled, stale.reason.as_str()), expect, "{}, by an earlier daemon", row.name);
        }
    }
}
