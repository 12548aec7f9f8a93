//! How objects are laid out in the store: `<group or "core">/<plural>/<namespace or nothing>/<name>`.
//!
//! All versions of a kind share one place. One kind, and one namespace of it, are prefixes.

use rdd_machinery::Resource;
use rdd_store::{Key, Prefix};

/// A key taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parts<'a> {
    pub(crate) group: &'a str,
    pub(crate) plural: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
}

const CORE: &str = "core";

fn place(group: &str) -> &str {
    if group.is_empty() { CORE } else { group }
}

/// The place of one object.
pub(crate) fn object(resource: &Resource, namespace: &str, name: &str) -> Key {
    of(&resource.group, &resource.plural, namespace, name)
}

/// The place of one object, from words.
pub(crate) fn of(group: &str, plural: &str, namespace: &str, name: &str) -> Key {
    Key::new(format!("{}/{plural}/{namespace}/{name}", place(group)))
}

/// The place of a namespace.
pub(crate) fn namespace(name: &str) -> Key {
    of("", "namespaces", "", name)
}

/// The place of a CRD.
pub(crate) fn definition(name: &str) -> Key {
    of("apiextensions.k8s.io", "customresourcedefinitions", "", name)
}

/// All CRDs.
pub(crate) fn definitions() -> Prefix {
    Prefix::new("apiextensions.k8s.io/customresourcedefinitions/")
}

/// All objects of a kind, or those of one namespace.
pub(crate) fn prefix(group: &str, plural: &str, namespace: Option<&str>) -> Prefix {
    match namespace {
        Some(namespace) => Prefix::new(format!("{}/{plural}/{namespace}/", place(group))),
        None => Prefix::new(format!("{}/{plural}/", place(group))),
    }
}

/// A key taken apart; `None` when it is none of ours.
pub(crate) fn parts(key: &Key) -> Option<Parts<'_>> {
    let mut words = key.as_str().splitn(4, '/');
    let (group, plural, namespace, name) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let group = if group == CORE { "" } else { group };
    Some(Parts { group, plural, namespace, name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_apart_as_it_was_made() {
        for (group, plural, namespace, name) in [
            ("", "configmaps", "default", "a"),
            ("", "namespaces", "", "default"),
            ("x.test", "ws", "n", "a:b"),
        ] {
            let key = of(group, plural, namespace, name);
            assert_eq!(parts(&key), Some(Parts { group, plural, namespace, name }));
            assert!(prefix(group, plural, None).covers(&key));
            assert!(prefix(group, plural, Some(namespace)).covers(&key));
        }
    }

    #[test]
    fn a_namespace_does_not_cover_another_that_begins_with_its_name() {
        assert!(!prefix("", "configmaps", Some("a")).covers(&of("", "configmaps", "ab", "x")));
    }
}
