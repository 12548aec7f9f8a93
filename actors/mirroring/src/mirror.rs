//! Mirrors as objects: what they carry, and what they stand for.

use crate::api::Stored;
use crate::verdict::{Doomed, Target};
use k8s_openapi::NamespaceResourceScope;
use kube::core::{ObjectMeta, Resource};
use rdd_engine::{ContainerId, Fingerprint, ImageId, Key, Kind};
use rdd_resources::names::{annotation, finalizer};
use rdd_resources::{Container, Image, Volume};

/// A kind that mirrors something of an engine.
pub(crate) trait Mirrored: Stored + Resource<Scope = NamespaceResourceScope> {
    /// The engine's kind.
    const KIND: Kind;
    /// The name of the kind's definition.
    const CRD: &'static str;
    /// What this object stands for.
    fn target(&self) -> Option<Target>;
}

impl Mirrored for Container {
    const KIND: Kind = Kind::Container;
    const CRD: &'static str = "containers.containers.rancherdesktop.io";
    fn target(&self) -> Option<Target> {
        let id = ContainerId::parse(self.metadata.name.as_deref()?)?;
        Some(Target { key: Key::Container(id), only: Fingerprint::Container })
    }
}

impl Mirrored for Image {
    const KIND: Kind = Kind::Image;
    const CRD: &'static str = "images.containers.rancherdesktop.io";
    fn target(&self) -> Option<Target> {
        let status = self.status.as_ref()?;
        let id = ImageId(status.id.clone());
        let only = Fingerprint::Image { tag: status.repo_tag.clone(), id: id.clone() };
        Some(Target { key: Key::Image(id), only })
    }
}

impl Mirrored for Volume {
    const KIND: Kind = Kind::Volume;
    const CRD: &'static str = "volumes.containers.rancherdesktop.io";
    fn target(&self) -> Option<Target> {
        let status = self.status.as_ref()?;
        let only = Fingerprint::Volume { created_at: status.created_at };
        Some(Target { key: Key::Volume(status.name.clone()), only })
    }
}

/// The value of an annotation.
pub(crate) fn annotation_of<'a>(meta: &'a ObjectMeta, key: &str) -> Option<&'a str> {
    meta.annotations.as_ref()?.get(key).map(String::as_str)
}

/// Whether an object is being deleted.
pub(crate) fn deleting(meta: &ObjectMeta) -> bool {
    meta.deletion_timestamp.is_some()
}

/// Whether an object carries a finalizer.
pub(crate) fn has_finalizer(meta: &ObjectMeta, name: &str) -> bool {
    meta.finalizers.iter().flatten().any(|f| f == name)
}

/// Takes a finalizer off; answers whether it was there.
pub(crate) fn drop_finalizer(meta: &mut ObjectMeta, name: &str) -> bool {
    let Some(list) = meta.finalizers.as_mut() else { return false };
    let before = list.len();
    list.retain(|f| f != name);
    list.len() != before
}

/// Whether a mirror carries everything that the writer puts on it.
pub(crate) fn proper(meta: &ObjectMeta, id: &str, mark: &str) -> bool {
    annotation_of(meta, annotation::ID) == Some(id)
        && annotation_of(meta, annotation::ENGINE) == Some(mark)
        && has_finalizer(meta, finalizer::MIRROR)
}

/// Puts everything on a mirror that it must carry, and leaves all else as it is.
pub(crate) fn make_proper(meta: &mut ObjectMeta, id: &str, mark: &str) {
    let annotations = meta.annotations.get_or_insert_default();
    annotations.insert(annotation::ID.to_owned(), id.to_owned());
    annotations.insert(annotation::ENGINE.to_owned(), mark.to_owned());
    if !has_finalizer(meta, finalizer::MIRROR) {
        meta.finalizers.get_or_insert_default().push(finalizer::MIRROR.to_owned());
    }
}

/// What the verdict must know of a mirror.
pub(crate) fn doomed<K: Mirrored>(mirror: &K) -> Doomed {
    let meta = mirror.meta();
    Doomed {
        namespace: meta.namespace.clone().unwrap_or_default(),
        mark: annotation_of(meta, annotation::ENGINE).map(str::to_owned),
        target: mirror.target(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r12_without_a_status_only_a_container_stands_for_something() {
        let named = |name: &str| ObjectMeta { name: Some(name.into()), ..ObjectMeta::default() };
        let container = Container { metadata: named(&"a".repeat(64)), ..Container::default() };
        assert!(container.target().is_some());
        assert!(Container { metadata: named("web"), ..Container::default() }.target().is_none());
        assert!(Image { metadata: named("img-1"), ..Image::default() }.target().is_none());
        assert!(Volume { metadata: named("vol-1"), ..Volume::default() }.target().is_none());
    }

    #[test]
    fn r14_what_users_wrote_on_a_mirror_stays() {
        let mut meta = ObjectMeta::default();
        meta.annotations.get_or_insert_default().insert("mine".into(), "1".into());
        meta.finalizers = Some(vec!["other/hold".into()]);
        make_proper(&mut meta, "id", "mark");
        assert!(proper(&meta, "id", "mark"));
        assert!(!proper(&meta, "id", "another"));
        assert_eq!(annotation_of(&meta, "mine"), Some("1"));
        assert!(drop_finalizer(&mut meta, finalizer::MIRROR));
        assert_eq!(meta.finalizers.unwrap(), ["other/hold"]);
    }
}
