//! What the client wants to get: the `Accept` header.

use http::HeaderMap;
use http::header::ACCEPT;
use rdd_machinery::Failure;

/// The text of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// `application/json`.
    #[default]
    Json,
    /// `application/yaml`.
    Yaml,
}

/// The shape of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Objects and lists as they are.
    #[default]
    Plain,
    /// A Table, in this version of `meta.k8s.io`.
    Table(&'static str),
    /// One object's metadata.
    Partial(&'static str),
    /// A list of metadata.
    PartialList(&'static str),
    /// Discovery in one document, in this version of `apidiscovery.k8s.io`.
    Discovery(&'static str),
}

/// What was agreed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub(crate) encoding: Encoding,
    pub(crate) shape: Shape,
}

/// Which shapes a path can answer in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// Objects: tables and metadata as well.
    Objects,
    /// `/api` and `/apis`: also aggregated.
    Discovery,
    /// Documents: as they are.
    Plain,
}

/// What 406 and 415 offer, as Kubernetes lists it.
pub(crate) const OFFERED: [&str; 3] =
    ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];

/// The first of the accepted types that is offered. No header accepts everything.
pub(crate) fn negotiate(headers: &HeaderMap, offer: Offer) -> Result<Accepted, Failure> {
    let mut clauses: Vec<Clause<'_>> = Vec::new();
    for value in headers.get_all(ACCEPT) {
        let text = value.to_str().unwrap_or_default();
        clauses.extend(text.split(',').map(str::trim).filter(|text| !text.is_empty()).map(Clause::parse));
    }
    if clauses.is_empty() {
        return Ok(Accepted::default());
    }
    // Stable: of two with the same weight the first one wins.
    clauses.sort_by(|a, b| b.quality.total_cmp(&a.quality));
    let found =
        clauses.iter().filter(|clause| clause.quality > 0.0).find_map(|clause| clause.accepted(offer));
    found.ok_or_else(not_acceptable)
}

/// The answer when nothing fits.
pub(crate) fn not_acceptable() -> Failure {
    Failure::NotAcceptable { offered: OFFERED.map(str::to_owned).to_vec() }
}

struct Clause<'a> {
    media: &'a str,
    shape: Option<&'a str>,
    group: &'a str,
    version: &'a str,
    quality: f32,
}

impl<'a> Clause<'a> {
    fn parse(text: &'a str) -> Clause<'a> {
        let mut words = text.split(';').map(str::trim);
        let media = words.next().unwrap_or_default();
        let mut clause = Clause { media, shape: None, group: "", version: "", quality: 1.0 };
        for (name, value) in words.filter_map(|word| word.split_once('=')) {
            match name.trim() {
                "as" => clause.shape = Some(value.trim()),
                "g" => clause.group = value.trim(),
                "v" => clause.version = value.trim(),
                "q" => clause.quality = value.trim().parse().unwrap_or(1.0),
                _ => {}
            }
        }
        clause
    }

    fn accepted(&self, offer: Offer) -> Option<Accepted> {
        let encoding = match self.media {
            "application/json" | "application/*" | "*/*" => Encoding::Json,
            "application/yaml" => Encoding::Yaml,
            _ => return None,
        };
        let shape = match (offer, self.shape, self.group) {
            (_, None, _) => Shape::Plain,
            (Offer::Objects, Some("Table"), "meta.k8s.io") => Shape::Table(meta_version(self.version)?),
            (Offer::Objects, Some("PartialObjectMetadata"), "meta.k8s.io") => {
                Shape::Partial(meta_version(self.version)?)
            }
            (Offer::Objects, Some("PartialObjectMetadataList"), "meta.k8s.io") => {
                Shape::PartialList(meta_version(self.version)?)
            }
            (Offer::Discovery, Some("APIGroupDiscoveryList"), "apidiscovery.k8s.io") => match self.version {
                "v2" => Shape::Discovery("v2"),
                "v2beta1" => Shape::Discovery("v2beta1"),
                _ => return None,
            },
            _ => return None,
        };
        Some(Accepted { encoding, shape })
    }
}

fn meta_version(text: &str) -> Option<&'static str> {
    match text {
        "v1" => Some("v1"),
        "v1beta1" => Some("v1beta1"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(accept: &str, offer: Offer) -> Option<Accepted> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, accept.parse().unwrap());
        negotiate(&headers, offer).ok()
    }

    #[test]
    fn the_first_type_that_is_offered_wins() {
        let table = Accepted { encoding: Encoding::Json, shape: Shape::Table("v1") };
        let kubectl = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
        assert_eq!(asked(kubectl, Offer::Objects), Some(table));
        assert_eq!(asked(kubectl, Offer::Plain), Some(Accepted::default()));
        assert_eq!(
            asked("application/vnd.kubernetes.protobuf,application/json", Offer::Objects),
            Some(Accepted::default())
        );
        assert_eq!(asked("application/xml, */*", Offer::Objects), Some(Accepted::default()));
        let yaml = Accepted { encoding: Encoding::Yaml, shape: Shape::Plain };
        assert_eq!(asked("application/json;q=0.5, application/yaml", Offer::Objects), Some(yaml));
    }

    #[test]
    fn what_nobody_offers_is_refused() {
        assert_eq!(asked("text/plain", Offer::Objects), None);
        assert_eq!(asked("application/json;as=Chair;v=v1;g=meta.k8s.io", Offer::Objects), None);
        assert_eq!(asked("application/json;q=0", Offer::Objects), None);
    }

    #[test]
    fn both_versions_of_aggregated_discovery_are_known() {
        let of = |version| Some(Accepted { encoding: Encoding::Json, shape: Shape::Discovery(version) });
        assert_eq!(
            asked("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList", Offer::Discovery),
            of("v2")
        );
        assert_eq!(
            asked(
                "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList",
                Offer::Discovery
            ),
            of("v2beta1")
        );
    }
}
