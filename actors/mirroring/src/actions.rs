//! What an action does to a container in each state (R16, R18): pure functions, and their table.

use rdd_engine::State;
use rdd_resources::Action;

/// What to do for a request, before the engine is asked to act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Call the engine.
    Call,
    /// The container is there already: success without a call.
    Already,
    /// It makes no sense in this state: failure with this text, without a call.
    Refuse(String),
}

/// What to do, by action and state.
///
/// `start` and `stop` go to the engine whenever it may have to do something: it answers "already there" with success.
pub fn plan(action: Action, state: State) -> Plan {
    use State::*;
    let not_running = || Plan::Refuse(format!("the container is not running ({})", word(state)));
    match (action, state) {
        (_, Removing) => Plan::Refuse("the container is being removed".to_owned()),
        (Action::Start, Running | Restarting) => Plan::Already,
        (Action::Start, Paused | Pausing) => {
            Plan::Refuse("the container is paused: unpause first".to_owned())
        }
        (Action::Start, Dead) | (Action::Restart, Dead) => {
            Plan::Refuse("the container is dead: it can only be removed".to_owned())
        }
        (Action::Start, Created | Exited | Unknown) => Plan::Call,
        (Action::Stop, Created | Exited | Dead) => Plan::Already,
        (Action::Stop, Running | Pausing | Paused | Restarting | Unknown) => Plan::Call,
        (Action::Restart, Created | Running | Pausing | Paused | Restarting | Exited | Unknown) => Plan::Call,
        (Action::Pause, Paused) => Plan::Already,
        (Action::Pause, Running | Pausing | Unknown) => Plan::Call,
        (Action::Pause, Created | Restarting | Exited | Dead) => not_running(),
        (Action::Unpause, Running) => Plan::Already,
        (Action::Unpause, Paused | Pausing | Unknown) => Plan::Call,
        (Action::Unpause, Created | Restarting | Exited | Dead) => not_running(),
    }
}

/// Judges a refusal by the state read after it: who is where the action leads has arrived, whoever brought it there.
///
/// # Errors
/// The text for `lastAction.error`.
pub fn judge(action: Action, after: State, refusal: &str) -> Result<(), String> {
    use State::*;
    match (action, after) {
        (Action::Start, Running) | (Action::Stop, Created | Exited | Dead) => Ok(()),
        (Action::Pause, Paused) | (Action::Unpause, Running) => Ok(()),
        (Action::Pause | Action::Unpause, Created | Restarting | Exited | Dead) => {
            Err(format!("the container is not running ({}): {refusal}", word(after)))
        }
        // A restart is never judged by the state: running before and running after look the same.
        _ => Err(refusal.to_owned()),
    }
}

/// The word for a state.
fn word(state: State) -> &'static str {
    crate::status::state(state).as_str()
}

/// The engine's word for an action.
pub(crate) fn engine_action(action: Action) -> rdd_engine::Action {
    match action {
        Action::Start => rdd_engine::Action::Start,
        Action::Stop => rdd_engine::Action::Stop,
        Action::Pause => rdd_engine::Action::Pause,
        Action::Unpause => rdd_engine::Action::Unpause,
        Action::Restart => rdd_engine::Action::Restart,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use State::*;

    const STATES: [State; 9] =
        [Created, Running, Pausing, Paused, Restarting, Removing, Exited, Dead, Unknown];

    #[test]
    fn r18_five_actions_in_nine_states() {
        // C: the engine is called. =: already there. Else: a word of the refusal.
        #[rustfmt::skip]
        let table: [(Action, [&str; 9]); 5] = [
            //                  created        running  pausing    paused     restarting     removing   exited         dead           unknown
            (Action::Start,   ["C",           "=",     "unpause", "unpause", "=",           "removed", "C",           "dead",        "C"]),
            (Action::Stop,    ["=",           "C",     "C",       "C",       "C",           "removed", "=",           "=",           "C"]),
            (Action::Pause,   ["not running", "C",     "C",       "=",       "not running", "removed", "not running", "not running", "C"]),
            (Action::Unpause, ["not running", "=",     "C",       "C",       "not running", "removed", "not running", "not running", "C"]),
            (Action::Restart, ["C",           "C",     "C",       "C",       "C",           "removed", "C",           "dead",        "C"]),
        ];
        for (action, row) in table {
            for (state, want) in STATES.into_iter().zip(row) {
                match plan(action, state) {
                    Plan::Call => assert_eq!(want, "C", "{action} {state:?}"),
                    Plan::Already => assert_eq!(want, "=", "{action} {state:?}"),
                    Plan::Refuse(text) => assert!(text.contains(want), "{action} {state:?}: {text}"),
                }
            }
        }
    }

    #[test]
    fn r18_after_a_refusal_the_state_decides() {
        assert_eq!(judge(Action::Pause, Paused, "already paused"), Ok(()));
        assert_eq!(judge(Action::Unpause, Running, "not paused"), Ok(()));
        assert_eq!(judge(Action::Start, Running, "x"), Ok(()));
        assert_eq!(judge(Action::Stop, Exited, "x"), Ok(()));
        assert!(judge(Action::Pause, Exited, "x").unwrap_err().contains("not running"));
        assert!(judge(Action::Unpause, Created, "x").unwrap_err().contains("not running"));
        assert_eq!(judge(Action::Start, Exited, "no such file"), Err("no such file".into()));
        assert_eq!(judge(Action::Restart, Running, "no"), Err("no".into()));
    }
}
