//! Engines in memory, by their endpoints.

use futures::future::BoxFuture;
use parking_lot::Mutex;
use rdd_actors::{Connect, Environment, Machines};
use rdd_engine::memory::Memory;
use rdd_engine::{Endpoint, Engine, Error};
use rdd_machine::Machine;
use rdd_resources::app::MachineSpec;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

/// Some engines in memory; the first one is what it dereferences to.
#[derive(Clone)]
pub struct Memories {
    first: Memory,
    all: Arc<Mutex<BTreeMap<String, Memory>>>,
}

impl Memories {
    /// One engine, at `unix:///memory`.
    pub(super) fn new() -> Memories {
        let first = Memory::new("memory");
        let all = BTreeMap::from([("unix:///memory".to_owned(), first.clone())]);
        Memories { first, all: Arc::new(Mutex::new(all)) }
    }
    /// The endpoint of the first one.
    pub fn endpoint(&self) -> String {
        self.first.identity().endpoint.clone()
    }
    /// Another one, which answers at `unix:///NAME`.
    pub fn another(&self, name: &str) -> Memory {
        let memory = Memory::new(name);
        self.all.lock().insert(memory.identity().endpoint.clone(), memory.clone());
        memory
    }
    fn at(&self, endpoint: &str) -> Result<Memory, Error> {
        self.all.lock().get(endpoint).cloned().ok_or_else(|| Error::Unreachable {
            endpoint: endpoint.to_owned(),
            why: "no such engine in memory".to_owned(),
            permanent: false,
        })
    }
}

impl Deref for Memories {
    type Target = Memory;
    fn deref(&self) -> &Memory {
        &self.first
    }
}

impl Connect for Memories {
    fn connect<'a>(&'a self, endpoint: &'a Endpoint) -> BoxFuture<'a, Result<Arc<dyn Engine>, Error>> {
        Box::pin(async move {
            let memory = self.at(&endpoint.to_string())?.attach();
            // As a real connection: it needs an answer.
            memory.ping().await?;
            Ok(Arc::new(memory) as Arc<dyn Engine>)
        })
    }
}

impl Machines for Memories {
    fn make<'a>(
        &'a self,
        spec: &'a MachineSpec,
        _: &'a Environment,
    ) -> BoxFuture<'a, Result<Arc<dyn Machine>, rdd_machine::Error>> {
        Box::pin(async move {
            let text = spec.endpoint.clone().unwrap_or_else(|| self.endpoint());
            let endpoint = text.parse::<Endpoint>();
            let endpoint = endpoint
                .map_err(|error| rdd_machine::Error { message: error.to_string(), permanent: true })?;
            Ok(Arc::new(External { engines: self.clone(), endpoint }) as Arc<dyn Machine>)
        })
    }
}

/// A machine that somebody else runs, as far as memory goes.
struct External {
    engines: Memories,
    endpoint: Endpoint,
}

impl Machine for External {
    fn driver(&self) -> &'static str {
        "external"
    }
    fn start(&self) -> BoxFuture<'_, Result<Endpoint, rdd_machine::Error>> {
        Box::pin(async {
            let answer = match self.engines.at(&self.endpoint.to_string()) {
                Ok(memory) => memory.attach().ping().await,
                Err(error) => Err(error),
            };
            answer.map_err(|error| rdd_machine::Error { message: error.to_string(), permanent: false })?;
            Ok(self.endpoint.clone())
        })
    }
    fn stop(&self) -> BoxFuture<'_, Result<(), rdd_machine::Error>> {
        Box::pin(async { Ok(()) })
    }
}
