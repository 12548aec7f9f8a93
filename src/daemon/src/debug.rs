//! `/debug`: the inside, behind the token.
//!
//! | path | method | what |
//! | --- | --- | --- |
//! | `/debug/supervision` | GET | the tree of actors as JSON |
//! | `/debug/mirroring` | GET | the engine, the last full sync, objects that fail or wait; `null` without controllers |
//! | `/debug/messages` | GET | the last messages, oldest first; `?trace=ID` one trace, `?last=N` the newest |
//! | | PUT, POST | `{"on": bool}` switches recording |
//! | `/debug/chaos` | GET, POST, DELETE | the rules; add one; remove all. Developer mode only, else 403 |

use crate::state::State;
use axum::extract::{Query, State as Given};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use rdd_actors_runtime::chaos;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

type Shared = Given<Arc<State>>;

#[derive(Deserialize)]
struct Which {
    trace: Option<String>,
    last: Option<usize>,
}

#[derive(Deserialize)]
struct Switch {
    on: bool,
}

/// The paths below `/debug`.
pub(crate) fn router(state: Arc<State>) -> Router {
    Router::new()
        .route("/supervision", get(supervision))
        .route("/mirroring", get(mirroring))
        .route("/messages", get(messages).put(switch).post(switch))
        .route("/chaos", get(rules).post(inject).delete(clear))
        .with_state(state)
}

async fn supervision(Given(state): Shared) -> Response {
    Json(state.supervisor().health()).into_response()
}

async fn mirroring(Given(state): Shared) -> Response {
    Json(state.mirroring()).into_response()
}

async fn messages(Given(state): Shared, Query(which): Query<Which>) -> Response {
    let mut records = state.supervisor().trace().records();
    if let Some(trace) = &which.trace {
        records.retain(|record| record.trace.to_string() == *trace);
    }
    if let Some(last) = which.last {
        records.drain(..records.len().saturating_sub(last));
    }
    Json(records).into_response()
}

async fn switch(Given(state): Shared, Json(switch): Json<Switch>) -> Response {
    state.supervisor().trace().switch(switch.on);
    Json(json!({ "on": state.supervisor().trace().is_on() })).into_response()
}

async fn rules(Given(state): Shared) -> Response {
    if !state.developer() {
        return forbidden();
    }
    let chaos = state.supervisor().chaos();
    let rules =
        chaos.rules().into_iter().map(|(id, rule)| json!({ "rule": rule, "struck": chaos.struck(id) }));
    Json(Value::Array(rules.collect())).into_response()
}

async fn inject(Given(state): Shared, Json(rule): Json<chaos::Rule>) -> Response {
    match state.supervisor().chaos().inject(rule.clone()) {
        Ok(_) => (StatusCode::CREATED, Json(rule)).into_response(),
        Err(chaos::Off) => forbidden(),
    }
}

async fn clear(Given(state): Shared) -> Response {
    if !state.developer() {
        return forbidden();
    }
    state.supervisor().chaos().clear();
    Json(json!([])).into_response()
}

/// A Status, as everything else on this port answers.
fn forbidden() -> Response {
    let message = "chaos is for developer mode only; start the daemon with RDD_DEVELOPER_MODE=true";
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": "Forbidden", "code": 403,
    });
    (StatusCode::FORBIDDEN, Json(status)).into_response()
}
