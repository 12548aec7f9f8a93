//! Recordings as they lie in files.

use super::compare::Bindings;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A recorded suite.
#[derive(Clone, Debug, Deserialize)]
pub struct Suite {
    /// Its name.
    pub suite: String,
    /// What must run besides the API server.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Its steps.
    pub steps: Vec<Step>,
}

/// A recorded step.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the members are described by the recordings' own README")]
pub struct Step {
    pub name: String,
    #[serde(rename = "as")]
    pub user: Option<String>,
    pub request: Option<Request>,
    pub response: Option<Expected>,
    pub poll_ms: Option<u64>,
    #[serde(default)]
    pub setup: bool,
    pub start_watch: Option<String>,
    pub expect_watch: Option<String>,
    pub stop_watch: Option<String>,
    pub sleep_ms: Option<u64>,
    #[serde(default)]
    pub events: Vec<Value>,
    #[serde(default)]
    pub unordered: bool,
    #[serde(default)]
    pub closed: bool,
    pub quiet_ms: Option<u64>,
    pub timeout_ms: Option<u64>,
    #[serde(default)]
    pub view: Vec<Map<String, Value>>,
    #[serde(default)]
    pub capture: BTreeMap<String, String>,
}

impl Step {
    /// Who asks.
    pub fn user(&self) -> &str {
        self.user.as_deref().unwrap_or("admin")
    }
}

/// A recorded request.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the members are described by the recordings' own README")]
pub struct Request {
    pub method: String,
    pub path: String,
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    #[serde(default)]
    pub headers: BTreeMap<String, Option<String>>,
    pub body: Option<Value>,
    pub body_text: Option<String>,
    pub body_repeat: Option<Repeat>,
    pub body_base64: Option<String>,
}

/// A long body: a text, repeated.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "the members are described by the recordings' own README")]
pub struct Repeat {
    pub before: String,
    pub text: String,
    pub times: usize,
    pub after: String,
}

/// A recorded answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Expected {
    /// HTTP code.
    pub status: u16,
    /// Headers; several values of one name are a list.
    pub headers: Option<Map<String, Value>>,
    /// What the view left of the body; absent: not compared. `bodyText` is a text here.
    #[serde(alias = "bodyText")]
    pub body: Option<Value>,
}

impl Request {
    pub(super) fn build(&self, bindings: &Bindings) -> Result<http::Request<Vec<u8>>, String> {
        let path = bindings.fill(&self.path)?;
        let mut query = Vec::new();
        for (name, value) in &self.query {
            query.push(format!("{name}={}", encode(&bindings.fill(value)?)));
        }
        let uri = if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) };
        let body = self.content(bindings)?;
        let mut headers = BTreeMap::from([
            ("accept".to_owned(), Some("application/json".to_owned())),
            ("user-agent".to_owned(), Some("conformance/1.0".to_owned())),
        ]);
        if body.is_some() {
            headers.insert("content-type".to_owned(), Some("application/json".to_owned()));
        }
        headers.extend(self.headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone())));
        let mut builder = http::Request::builder().method(self.method.as_str()).uri(uri);
        for (name, value) in headers.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            builder = builder.header(name, bindings.fill(&value)?);
        }
        builder.body(body.unwrap_or_default()).map_err(|error| error.to_string())
    }

    fn content(&self, bindings: &Bindings) -> Result<Option<Vec<u8>>, String> {
        if let Some(body) = &self.body {
            return Ok(Some(spaced(&bindings.filled(body)?).into_bytes()));
        }
        if let Some(text) = &self.body_text {
            return Ok(Some(bindings.fill(text)?.into_bytes()));
        }
        if let Some(Repeat { before, text, times, after }) = &self.body_repeat {
            return Ok(Some(format!("{before}{}{after}", text.repeat(*times)).into_bytes()));
        }
        match &self.body_base64 {
            Some(_) => Err("bodies of bytes are not replayed".into()),
            None => Ok(None),
        }
    }
}

/// JSON with a space behind commas and colons, as it was sent when it was recorded: messages quote bodies.
fn spaced(value: &Value) -> String {
    match value {
        Value::Array(list) => format!("[{}]", list.iter().map(spaced).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let members: Vec<String> = map
                .iter()
                .map(|(name, value)| format!("{}: {}", Value::from(name.as_str()), spaced(value)))
                .collect();
            format!("{{{}}}", members.join(", "))
        }
        other => other.to_string(),
    }
}

fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
