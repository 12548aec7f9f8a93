//! What a path means.

/// The meaning of a path below the mounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// `/`.
    Root,
    /// `/version`.
    Version,
    /// `/api`: the versions of the core group.
    Core,
    /// `/apis`: all other groups.
    Groups,
    /// `/apis/{group}`.
    Group(String),
    /// `/api/v1`, `/apis/{group}/{version}`: the kinds of a version.
    Kinds(Place),
    /// All objects of a kind, perhaps in one namespace.
    Collection { place: Place, plural: String, namespace: Option<String>, watch: bool },
    /// One object, or a part of it.
    Object { place: Place, plural: String, namespace: Option<String>, name: String, sub: Option<String> },
    /// Nothing, below `/api`: answered by a Status.
    NoSuchKind,
    /// Nothing, below `/apis`: answered by a plain page.
    NoSuchPage,
    /// Nothing.
    Nowhere,
}

/// A group and a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Empty: the core group.
    pub(crate) group: String,
    pub(crate) version: String,
}

/// Reads a path.
pub(crate) fn parse(path: &str) -> Route {
    let words: Option<Vec<String>> =
        path.trim_matches('/').split('/').filter(|word| !word.is_empty()).map(decode).collect();
    let Some(words) = words else { return Route::Nowhere };
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => Route::Root,
        ["version"] => Route::Version,
        ["api"] => Route::Core,
        ["apis"] => Route::Groups,
        ["apis", group] => Route::Group((*group).to_owned()),
        ["api", version, rest @ ..] => below("", version, rest).unwrap_or(Route::NoSuchKind),
        ["apis", group, version, rest @ ..] => below(group, version, rest).unwrap_or(Route::NoSuchPage),
        _ => Route::Nowhere,
    }
}

fn below(group: &str, version: &str, words: &[&str]) -> Option<Route> {
    let place = Place { group: group.to_owned(), version: version.to_owned() };
    let (watch, words) = match words {
        ["watch", rest @ ..] if !rest.is_empty() => (true, rest),
        words => (false, words),
    };
    let own = |word: &str| word.to_owned();
    let route = match words {
        [] => Route::Kinds(place),
        [plural] => Route::Collection { place, plural: own(plural), namespace: None, watch },
        // The namespaces themselves, and their parts; every other third word is a kind within a namespace.
        ["namespaces", name] => {
            Route::Object { place, plural: own("namespaces"), namespace: None, name: own(name), sub: None }
        }
        ["namespaces", name, sub @ ("status" | "finalize")] => {
            let (plural, sub) = (own("namespaces"), Some(own(sub)));
            Route::Object { place, plural, namespace: None, name: own(name), sub }
        }
        ["namespaces", namespace, plural] => {
            Route::Collection { place, plural: own(plural), namespace: Some(own(namespace)), watch }
        }
        ["namespaces", namespace, plural, name] => {
            let (plural, namespace) = (own(plural), Some(own(namespace)));
            Route::Object { place, plural, namespace, name: own(name), sub: None }
        }
        ["namespaces", namespace, plural, name, sub] => {
            let (plural, namespace, sub) = (own(plural), Some(own(namespace)), Some(own(sub)));
            Route::Object { place, plural, namespace, name: own(name), sub }
        }
        [plural, name] => {
            Route::Object { place, plural: own(plural), namespace: None, name: own(name), sub: None }
        }
        [plural, name, sub] => {
            let sub = Some(own(sub));
            Route::Object { place, plural: own(plural), namespace: None, name: own(name), sub }
        }
        _ => return None,
    };
    // The old way to watch is there for collections, which is what is still used.
    (!watch || matches!(route, Route::Collection { .. })).then_some(route)
}

/// Undoes percent-encoding; `None`: it is none, it is not UTF-8, or it would be a path of its own.
fn decode(word: &str) -> Option<String> {
    if !word.contains('%') {
        return Some(word.to_owned());
    }
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            let code = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(code, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(group: &str, version: &str) -> Place {
        Place { group: group.into(), version: version.into() }
    }

    #[test]
    fn paths_of_kubernetes_are_understood() {
        assert_eq!(parse("/"), Route::Root);
        assert_eq!(parse("/apis/x.test/"), Route::Group("x.test".into()));
        assert_eq!(parse("/api/v1"), Route::Kinds(place("", "v1")));
        let collection = |group: &str, plural: &str, namespace: Option<&str>, watch| Route::Collection {
            place: place(group, "v1"),
            plural: plural.into(),
            namespace: namespace.map(Into::into),
            watch,
        };
        assert_eq!(parse("/api/v1/namespaces"), collection("", "namespaces", None, false));
        assert_eq!(parse("/api/v1/namespaces/a/configmaps"), collection("", "configmaps", Some("a"), false));
        assert_eq!(parse("/apis/x.test/v1/ws"), collection("x.test", "ws", None, false));
        assert_eq!(
            parse("/apis/x.test/v1/watch/namespaces/a/ws"),
            collection("x.test", "ws", Some("a"), true)
        );
    }

    #[test]
    fn objects_and_their_parts_are_understood() {
        let object = |group: &str, plural: &str, namespace: Option<&str>, name: &str, sub: Option<&str>| {
            Route::Object {
                place: place(group, "v1"),
                plural: plural.into(),
                namespace: namespace.map(Into::into),
                name: name.into(),
                sub: sub.map(Into::into),
            }
        };
        assert_eq!(parse("/api/v1/namespaces/a"), object("", "namespaces", None, "a", None));
        assert_eq!(
            parse("/api/v1/namespaces/a/finalize"),
            object("", "namespaces", None, "a", Some("finalize"))
        );
        assert_eq!(
            parse("/apis/x.test/v1/namespaces/a/ws/b/status"),
            object("x.test", "ws", Some("a"), "b", Some("status"))
        );
        assert_eq!(parse("/apis/x.test/v1/cs/b/status"), object("x.test", "cs", None, "b", Some("status")));
        assert_eq!(parse("/apis/x.test/v1/cs/b%3Ac"), object("x.test", "cs", None, "b:c", None));
    }

    #[test]
    fn what_is_no_path_is_nowhere() {
        assert_eq!(parse("/nope"), Route::Nowhere);
        assert_eq!(parse("/api/v1/a/b/c/d/e/f"), Route::NoSuchKind);
        assert_eq!(parse("/apis/x/v1/a/b/c/d/e/f"), Route::NoSuchPage);
        assert_eq!(parse("/api/v1/namespaces/a%2Fb"), Route::Nowhere);
        assert_eq!(parse("/api/v1/namespaces/a%zz"), Route::Nowhere);
    }
}
