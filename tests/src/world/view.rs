//! What a client of the API sees, kept up to date by watches, with everything that it was told on the way.

use super::mirror::Mirror;
use super::user::Id;
use futures::StreamExt;
use kube::api::{ApiResource, DynamicObject};
use kube::runtime::watcher::{self, Event};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// Everything that is known at one moment.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Container mirrors by name.
    pub containers: BTreeMap<String, Arc<Mirror>>,
    /// The App.
    pub app: Option<Arc<Mirror>>,
    /// ContainerNamespaces by name.
    pub namespaces: BTreeMap<String, Arc<Mirror>>,
    /// Every change of a container mirror, in order.
    pub log: Vec<Told>,
    /// Which kinds have been listed once.
    listed: BTreeSet<&'static str>,
}

/// One change, as a watcher is told of it.
#[derive(Clone, Debug)]
pub struct Told {
    /// When.
    pub at: Instant,
    /// Whether it came or changed, or went away.
    pub what: What,
    /// What it is, or was.
    pub mirror: Arc<Mirror>,
}

/// What can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum What {
    Applied,
    Deleted,
}

/// Keeps a view up to date. Dropped: no longer.
pub struct Watching {
    view: watch::Receiver<View>,
    tasks: Vec<AbortHandle>,
}

/// What is watched: kind, plural, group.
const KINDS: [(&str, &str, &str); 3] = [
    ("Container", "containers", "containers.rancherdesktop.io"),
    ("ContainerNamespace", "containernamespaces", "containers.rancherdesktop.io"),
    ("App", "apps", "app.rancherdesktop.io"),
];

/// How to ask for one of our kinds without its type.
pub fn resource(kind: &str) -> ApiResource {
    let (kind, plural, group) = KINDS
        .into_iter()
        .find(|(name, ..)| *name == kind)
        .expect("the kinds that the kit knows are listed above");
    ApiResource {
        group: group.to_owned(),
        version: "v1alpha1".to_owned(),
        api_version: format!("{group}/v1alpha1"),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
    }
}

impl Watching {
    /// Watches with a client; spawn it where tasks of that client may run.
    pub fn start(client: &kube::Client) -> Watching {
        let (sender, view) = watch::channel(View::default());
        let sender = Arc::new(sender);
        let tasks = KINDS.map(|(kind, ..)| {
            let api = kube::Api::<DynamicObject>::all_with(client.clone(), &resource(kind));
            tokio::spawn(follow(kind, api, sender.clone())).abort_handle()
        });
        Watching { view, tasks: tasks.into() }
    }
    /// The present view.
    pub fn now(&self) -> View {
        self.view.borrow().clone()
    }
    /// The first view that satisfies a condition, the present one included.
    pub async fn until(&self, holds: impl Fn(&View) -> bool) -> View {
        let mut view = self.view.clone();
        let found = view.wait_for(|view| view.is_listed() && holds(view)).await;
        found.expect("the tasks that send views live as long as this").clone()
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

/// Watches one kind for ever. A broken watch is resumed or listed again, as every informer does.
async fn follow(kind: &'static str, api: kube::Api<DynamicObject>, view: Arc<watch::Sender<View>>) {
    let mut stream = std::pin::pin!(watcher::watcher(api, watcher::Config::default()));
    let mut listed = BTreeSet::new();
    while let Some(event) = stream.next().await {
        match event {
            Ok(Event::Init) => listed.clear(),
            Ok(Event::InitApply(object)) => {
                let mirror = Mirror(object);
                listed.insert(mirror.id().to_owned());
                view.send_modify(|view| view.apply(kind, mirror));
            }
            Ok(Event::InitDone) => view.send_modify(|view| {
                view.retain(kind, &listed);
                view.listed.insert(kind);
            }),
            Ok(Event::Apply(object)) => view.send_modify(|view| view.apply(kind, Mirror(object))),
            Ok(Event::Delete(object)) => view.send_modify(|view| view.delete(kind, Mirror(object))),
            // The stream tries again when it is polled again; its kind may be gone for a moment.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

impl View {
    /// Whether every kind has been listed once: before that an empty view means nothing.
    fn is_listed(&self) -> bool {
        self.listed.len() == KINDS.len()
    }
    /// A container mirror by the container's name in the engine.
    pub fn named(&self, name: &str) -> Option<&Mirror> {
        self.containers.values().find(|mirror| mirror.name() == name).map(Arc::as_ref)
    }
    /// A container mirror by the container's id.
    pub fn container(&self, id: &(impl Id + ?Sized)) -> Option<&Mirror> {
        self.containers.get(id.text()).map(Arc::as_ref)
    }
    /// The state of a container by its id; empty without a mirror.
    pub fn state(&self, id: &(impl Id + ?Sized)) -> &str {
        self.container(id).map(Mirror::state).unwrap_or_default()
    }
    /// Whether the App has settled at its present generation.
    pub fn is_settled(&self) -> bool {
        self.app.as_ref().is_some_and(|app| app.is("Settled"))
    }
    /// A condition of the App as `Status/Reason`; empty when there is none.
    pub fn app_condition(&self, kind: &str) -> String {
        let found = self.app.as_ref().and_then(|app| app.condition(kind));
        found.map(|found| format!("{}/{}", found.status, found.reason)).unwrap_or_default()
    }
    /// uid and resourceVersion of every container mirror, by name: what must not change when nothing changed.
    pub fn versions(&self) -> BTreeMap<String, (String, String)> {
        let pairs = self
            .containers
            .iter()
            .map(|(name, mirror)| (name.clone(), (mirror.uid().to_owned(), mirror.version().to_owned())));
        pairs.collect()
    }

    fn apply(&mut self, kind: &str, mirror: Mirror) {
        let mirror = Arc::new(mirror);
        let name = mirror.id().to_owned();
        match kind {
            "App" => self.app = Some(mirror),
            "Container" => {
                let known = self.containers.insert(name, mirror.clone());
                // A list repeats what is known.
                if known.is_none_or(|known| known.version() != mirror.version()) {
                    self.log.push(Told { at: Instant::now(), what: What::Applied, mirror });
                }
            }
            _ => drop(self.namespaces.insert(name, mirror)),
        }
    }
    fn delete(&mut self, kind: &str, mirror: Mirror) {
        match kind {
            "App" => self.app = None,
            "Container" => {
                self.containers.remove(mirror.id());
                self.log.push(Told { at: Instant::now(), what: What::Deleted, mirror: Arc::new(mirror) });
            }
            _ => drop(self.namespaces.remove(mirror.id())),
        }
    }
    /// After a list: what it did not name is gone.
    fn retain(&mut self, kind: &str, listed: &BTreeSet<String>) {
        let known: Vec<Arc<Mirror>> = match kind {
            "App" => self.app.iter().cloned().collect(),
            "Container" => self.containers.values().cloned().collect(),
            _ => self.namespaces.values().cloned().collect(),
        };
        for mirror in known.into_iter().filter(|mirror| !listed.contains(mirror.id())) {
            self.delete(kind, Mirror::clone(&mirror));
        }
    }
}
