//! Which container is meant.

use crate::failure::Failure;
use kube::api::{Api, ListParams};
use rdd_resources::Container;

/// The containers that words mean, in their order.
///
/// # Errors
/// A word means none, or more than one.
pub(crate) async fn all(api: &Api<Container>, words: &[String]) -> Result<Vec<Container>, Failure> {
    let list = api.list(&ListParams::default()).await;
    let containers = list.map_err(|e| Failure::request("failed to list containers", &e))?.items;
    words.iter().map(|word| one(&containers, word).cloned()).collect()
}

/// By name, by id, by a prefix of the id that only one has.
fn one<'a>(containers: &'a [Container], word: &str) -> Result<&'a Container, Failure> {
    let id = |c: &Container| c.metadata.name.clone().unwrap_or_default();
    let name = |c: &Container| c.status.as_ref().map(|status| status.name.clone()).unwrap_or_default();
    let bare = word.strip_prefix('/').unwrap_or(word);
    let exact = containers.iter().find(|c| name(c) == bare || id(c) == word.to_ascii_lowercase());
    if let Some(found) = exact.filter(|_| !bare.is_empty()) {
        return Ok(found);
    }
    let prefix = word.to_ascii_lowercase();
    let matching: Vec<&Container> =
        containers.iter().filter(|c| !prefix.is_empty() && id(c).starts_with(&prefix)).collect();
    match matching[..] {
        [only] => Ok(only),
        [] => Err(Failure::error(format!("no such container: {word:?}; `rdd container ls` lists them"))),
        _ => {
            let ids: Vec<String> = matching.iter().map(|c| id(c).chars().take(12).collect()).collect();
            Err(Failure::error(format!(
                "{word:?} is the beginning of several ids ({}); give more of it",
                ids.join(", ")
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn container(id: &str, name: &str) -> Container {
        serde_json::from_value(json!({"metadata": {"name": id}, "status": {"name": name, "namespace": "moby", "status": "running"}}))
            .unwrap()
    }

    #[test]
    fn names_go_before_ids_and_prefixes_must_be_unambiguous() {
        let all = [container("aabb01", "web"), container("aabb02", "aabb01x"), container("cc03", "aabb")];
        let found = |word: &str| one(&all, word).map(|c| c.metadata.name.clone().unwrap());
        assert_eq!(found("web"), Ok("aabb01".into()));
        assert_eq!(found("/web"), Ok("aabb01".into()));
        assert_eq!(found("aabb"), Ok("cc03".into()));
        assert_eq!(found("C"), Ok("cc03".into()));
        assert_eq!(found("aabb02"), Ok("aabb02".into()));
        let ambiguous = found("aab").unwrap_err().message.unwrap();
        assert!(ambiguous.contains("several ids (aabb01, aabb02)"), "{ambiguous}");
        for none in ["x", ""] {
            assert!(found(none).unwrap_err().message.unwrap().starts_with("no such container"), "{none:?}");
        }
    }
}
