//! The kinds that are served: the server's own, and those of established CRDs.

use crate::keys;
use bytes::Bytes;
use parking_lot::RwLock;
use rdd_machinery::{Object, Resource, Scope, builtin, crd};
use rdd_store::{At, Entry, Key, Page, ReadError, Revision, Store};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::watch;

/// A kind in one version, as it is served.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) resource: Resource,
    /// The version that objects are stored in, when that is another one.
    pub(crate) storage: Option<Resource>,
    /// The CRD it comes from; the server's own kinds have none.
    pub(crate) definition: Option<Definition>,
}

/// The CRD of a kind, as it was when the registry was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Definition {
    pub(crate) key: Key,
    pub(crate) revision: Revision,
    pub(crate) uid: String,
    pub(crate) generation: i64,
    /// What was stored after this revision was stored under this generation, as far as is known: its conditions and labels change a CRD
    /// as well, and objects need not be read anew for that.
    pub(crate) since: Revision,
}

impl Definition {
    /// The definition of a stored CRD; `before`: the same one as it was known until now.
    pub(crate) fn of(entry: &Entry, object: &Object, before: Option<&Definition>) -> Definition {
        let (uid, generation) = (object.uid().to_owned(), object.generation());
        let same = before.filter(|before| before.uid == uid && before.generation == generation);
        let since = same.map_or(entry.modified, |before| before.since);
        Definition { key: entry.key.clone(), revision: entry.modified, uid, generation, since }
    }
}

impl Kind {
    /// An object that was stored before the spec of its CRD was last written, as the schema of today shows it: pruned and with defaults. `None`: the
    /// stored bytes are good as they are.
    pub(crate) fn renewed(&self, value: &[u8], revision: Revision) -> Option<Bytes> {
        let (definition, schema) = self.definition.as_ref().zip(self.resource.schema.as_ref())?;
        if revision > definition.since {
            return None;
        }
        let mut object = object(value)?;
        schema.prune(&mut object);
        schema.default(&mut object);
        Some(crate::respond::bytes(&object))
    }
}

/// Where objects of a kind lie, whatever their version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) group: String,
    pub(crate) plural: String,
}

/// All kinds at one moment.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    /// By group, then version (best first), then plural.
    groups: BTreeMap<String, Vec<Version>>,
}

/// The kinds of a group's version.
#[derive(Debug)]
pub(crate) struct Version {
    pub(crate) name: String,
    pub(crate) kinds: BTreeMap<String, Arc<Kind>>,
}

/// Holds the registry and builds it anew.
pub(crate) struct Keeper {
    current: RwLock<Arc<Registry>>,
    /// One build at a time: an older reading must not replace a newer one.
    building: tokio::sync::Mutex<()>,
    changed: watch::Sender<u64>,
}

impl Default for Keeper {
    fn default() -> Keeper {
        let (changed, _) = watch::channel(0);
        Keeper { current: RwLock::default(), building: tokio::sync::Mutex::new(()), changed }
    }
}

impl Keeper {
    /// The kinds as they are now.
    pub(crate) fn current(&self) -> Arc<Registry> {
        self.current.read().clone()
    }

    /// A number that changes with the registry.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Reads the CRDs and replaces the registry.
    pub(crate) async fn rebuild(&self, store: &Store) -> Result<(), ReadError> {
        self.renew(store, |_| true).await
    }

    /// The same, if the registry is still old when it is this call's turn.
    pub(crate) async fn renew(
        &self,
        store: &Store,
        old: impl FnOnce(&Registry) -> bool,
    ) -> Result<(), ReadError> {
        let _building = self.building.lock().await;
        if !old(&self.current()) {
            return Ok(());
        }
        let listing = store.list(&keys::definitions(), At::Latest, Page::default()).await?;
        let registry = Arc::new(Registry::build(&listing.entries, &self.current()));
        *self.current.write() = registry;
        self.changed.send_modify(|number| *number += 1);
        Ok(())
    }
}

impl Registry {
    fn build(definitions: &[Entry], before: &Registry) -> Registry {
        let kinds = before.groups.values().flatten().flat_map(|version| version.kinds.values());
        let before: BTreeMap<&Key, &Definition> =
            kinds.filter_map(|kind| kind.definition.as_ref()).map(|known| (&known.key, known)).collect();
        let mut registry = Registry::default();
        for resource in builtin::resources() {
            registry.add(Kind { resource, storage: None, definition: None });
        }
        for entry in definitions {
            let Some(object) = object(&entry.value) else { continue };
            let definition = Definition::of(entry, &object, before.get(&entry.key).copied());
            let resources = crd::resources(&object);
            let stored = resources.iter().find(|resource| resource.storage).cloned();
            for resource in resources {
                let storage = stored.clone().filter(|stored| stored.version != resource.version);
                registry.add(Kind { resource, storage, definition: Some(definition.clone()) });
            }
        }
        registry
    }

    fn add(&mut self, kind: Kind) {
        let versions = self.groups.entry(kind.resource.group.clone()).or_default();
        let name = &kind.resource.version;
        let index = match versions.binary_search_by(|version| better(&version.name, name)) {
            Ok(index) => index,
            Err(index) => {
                versions.insert(index, Version { name: name.clone(), kinds: BTreeMap::new() });
                index
            }
        };
        versions[index].kinds.insert(kind.resource.plural.clone(), Arc::new(kind));
    }

    /// One kind.
    pub(crate) fn find(&self, group: &str, version: &str, plural: &str) -> Option<&Arc<Kind>> {
        self.version(group, version)?.kinds.get(plural)
    }

    /// The kinds of one version.
    pub(crate) fn version(&self, group: &str, version: &str) -> Option<&Version> {
        self.groups.get(group)?.iter().find(|known| known.name == version)
    }

    /// The versions of a group, best first.
    pub(crate) fn versions(&self, group: &str) -> Option<&[Version]> {
        self.groups.get(group).map(Vec::as_slice)
    }

    /// All groups but the core group: the server's own first, then by name.
    pub(crate) fn groups(&self) -> Vec<(&str, &[Version])> {
        let mut groups: Vec<_> = self.groups.iter().filter(|(name, _)| !name.is_empty()).collect();
        let own = |versions: &[Version]| {
            versions.iter().flat_map(|v| v.kinds.values()).any(|kind| kind.resource.builtin)
        };
        groups.sort_by_key(|(_, versions)| !own(versions));
        groups.into_iter().map(|(name, versions)| (name.as_str(), versions.as_slice())).collect()
    }

    /// One of the server's own kinds.
    pub(crate) fn own(&self, group: &str, plural: &str) -> Option<&Arc<Kind>> {
        self.groups.get(group)?.iter().find_map(|version| version.kinds.get(plural))
    }

    /// Where objects that live in namespaces lie.
    pub(crate) fn namespaced(&self) -> BTreeSet<Place> {
        let kinds = self.groups.values().flatten().flat_map(|version| version.kinds.values());
        let namespaced = kinds.filter(|kind| kind.resource.scope == Scope::Namespaced);
        namespaced
            .map(|kind| Place { group: kind.resource.group.clone(), plural: kind.resource.plural.clone() })
            .collect()
    }

    /// A served version of the kind whose objects lie there.
    pub(crate) fn at(&self, place: &Place) -> Option<&Arc<Kind>> {
        self.own(&place.group, &place.plural)
    }
}

/// The object of a stored value.
pub(crate) fn object(value: &[u8]) -> Option<Object> {
    serde_json::from_slice(value).ok().map(Object)
}

/// The order of versions: stable before beta before alpha, newer before older, then by name.
fn better(a: &str, b: &str) -> Ordering {
    match (rank(a), rank(b)) {
        (Some(a), Some(b)) => b.cmp(&a),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.cmp(b),
    }
}

/// `v2` → (2, 2, 0), `v1beta3` → (1, 1, 3), `v1alpha1` → (0, 1, 1).
fn rank(version: &str) -> Option<(u8, u64, u64)> {
    let rest = version.strip_prefix('v')?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (major, tail) = rest.split_at(digits);
    let major = major.parse().ok()?;
    let (level, minor) = match tail {
        "" => return Some((2, major, 0)),
        tail => tail
            .strip_prefix("beta")
            .map(|minor| (1, minor))
            .or_else(|| tail.strip_prefix("alpha").map(|minor| (0, minor)))?,
    };
    Some((level, major, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_come_in_the_order_of_kubernetes() {
        let mut names = vec!["v1beta1", "foo", "v1alpha1", "v2", "v10", "v1", "v11beta2", "bar", "v1beta2"];
        names.sort_by(|a, b| better(a, b));
        assert_eq!(names, ["v10", "v2", "v1", "v11beta2", "v1beta2", "v1beta1", "v1alpha1", "bar", "foo"]);
    }
}
