//! A map for a store, and the verbs as the functions of this crate make them.

use crate::deletion::{self, Decision};
use crate::options::Write;
use crate::selector::{Fields, Labels};
use crate::table::{self, Include};
use crate::{
    Failure, Object, Resource, Scope, body, builtin, crd, failure, meta, namespace, partial, patch, status,
    validate,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const NOW: &str = "2026-01-01T00:00:00Z";

#[derive(Clone, Default)]
pub(super) struct Server {
    /// By group, plural, namespace, name.
    objects: BTreeMap<(String, String, String, String), Object>,
    revision: u64,
}

/// A path taken apart.
struct Target {
    resource: Resource,
    namespace: String,
    name: String,
    sub: String,
}

impl Server {
    /// Code and body of the answer; `None`: not a request for this server.
    pub(super) fn answer(&mut self, request: &Value) -> Option<(u16, Value)> {
        let text = |pointer: &str| request.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let accept = text("/headers/Accept");
        let known = matches!(accept, "" | "application/json") || accept.starts_with("application/json;as=");
        let kind = text("/headers/Content-Type");
        let readable = matches!(
            kind,
            "" | "application/json" | "application/merge-patch+json" | "application/apply-patch+yaml"
        );
        let plain = request.get("bodyRepeat").is_none() && request.get("bodyBase64").is_none();
        let watch = request.pointer("/query/watch").is_some() || accept.contains("v1beta1");
        if text("/query/dryRun") == "All" {
            let mut request = request.clone();
            request["query"]["dryRun"] = Value::Null;
            return self.clone().answer(&request);
        }
        if !known || !readable || !plain || watch || request.get("as").is_some() {
            return None;
        }
        if self.objects.is_empty() {
            for name in ["default", "kube-system", "kube-public", "kube-node-lease"] {
                let body = json!({"metadata": {"name": name}});
                let request = json!({"method": "POST", "path": "/api/v1/namespaces", "body": body});
                let target = self.target("/api/v1/namespaces")?;
                self.write(&target, &request).ok()?;
            }
        }
        let target = self.target(text("/path"))?;
        let (code, object) = match self.serve(&target, request)? {
            Ok((code, object)) => (code, object),
            Err(failure) => return Some((failure.code(), Value::Object(status(&failure).0))),
        };
        let include = Include::parse(text("/query/includeObject"));
        let kind = object.0.get("kind").and_then(Value::as_str).unwrap_or_default();
        if kind == "Status" {
            return Some((code, Value::Object(object.0)));
        }
        let items = object.0.get("items").and_then(Value::as_array).map(|items| {
            items.iter().filter_map(|item| Object::from_value(item.clone()).ok()).collect::<Vec<_>>()
        });
        let metadata = match items {
            Some(_) => object.0["metadata"].clone(),
            None => json!({"resourceVersion": object.resource_version()}),
        };
        let shown = match accept.split(';').nth(1) {
            Some("as=Table") => match include {
                Ok(include) => table::render(
                    &target.resource,
                    &items.unwrap_or_else(|| vec![object]),
                    metadata,
                    include,
                    NOW,
                ),
                Err(failure) => return Some((failure.code(), Value::Object(status(&failure).0))),
            },
            Some("as=PartialObjectMetadata") if items.is_none() => partial::metadata(&object),
            Some("as=PartialObjectMetadataList") if items.is_some() => {
                partial::list(&items.unwrap_or_default(), metadata)
            }
            Some(_) => return None,
            None => object,
        };
        Some((code, Value::Object(shown.0)))
    }

    fn resources(&self) -> Vec<Resource> {
        let crds =
            self.objects.iter().filter(|(key, _)| key.1 == "customresourcedefinitions").map(|(_, crd)| crd);
        builtin::resources().into_iter().chain(crds.flat_map(crd::resources)).collect()
    }

    fn target(&self, path: &str) -> Option<Target> {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let (group, version, rest) = match parts.as_slice() {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return None,
        };
        let (namespace, rest) = match rest {
            ["namespaces", namespace, plural, rest @ ..] if !matches!(*plural, "status" | "finalize") => {
                (*namespace, [&[*plural], rest].concat())
            }
            rest => ("", rest.to_vec()),
        };
        let plural = *rest.first()?;
        let find = |r: &Resource| r.group == group && r.version == version && r.plural == plural;
        let resource = self.resources().into_iter().find(find)?;
        if !namespace.is_empty() && !resource.is_namespaced() {
            return None;
        }
        let word = |at: usize| rest.get(at).copied().unwrap_or_default().to_owned();
        Some(Target { resource, namespace: namespace.to_owned(), name: word(1), sub: word(2) })
    }

    fn serve(&mut self, target: &Target, request: &Value) -> Option<Result<(u16, Object), Failure>> {
        let method = request["method"].as_str().unwrap_or_default();
        let sub = matches!(target.sub.as_str(), "" | "status" | "finalize");
        let has = target.sub != "status" || target.resource.status;
        Some(match (method, target.name.is_empty()) {
            _ if !sub || !has => return None,
            ("GET", true) => {
                if ["limit", "continue", "resourceVersion", "timeoutSeconds"]
                    .iter()
                    .any(|name| request["query"].get(*name).is_some())
                {
                    return None;
                }
                self.list(target, request)
            }
            ("GET", false) => self.get(target).map(|object| (200, object.clone())),
            ("POST", _) if target.sub.is_empty() => self.write(target, request),
            ("PUT" | "PATCH", false) if target.sub != "finalize" => self.write(target, request),
            ("PUT", false) => self.finalize(target, request),
            ("DELETE", false) if target.sub.is_empty() => self.delete(target, request),
            _ => return None,
        })
    }

    fn key(target: &Target, name: &str) -> (String, String, String, String) {
        let resource = &target.resource;
        (resource.group.clone(), resource.plural.clone(), target.namespace.clone(), name.to_owned())
    }

    fn get(&self, target: &Target) -> Result<Object, Failure> {
        let found = self.objects.get(&Self::key(target, &target.name));
        let object = found.ok_or_else(|| Failure::not_found(&target.resource, &target.name))?;
        Ok(read(&target.resource, object.clone()))
    }

    fn list(&self, target: &Target, request: &Value) -> Result<(u16, Object), Failure> {
        let text = |name: &str| request["query"].get(name).and_then(Value::as_str).unwrap_or_default();
        let (labels, fields) =
            (Labels::parse(text("labelSelector"))?, Fields::parse(text("fieldSelector"), &target.resource)?);
        let resource = &target.resource;
        let items: Vec<Value> = self
            .objects
            .iter()
            .filter(|(key, _)| key.0 == resource.group && key.1 == resource.plural)
            .filter(|(key, _)| target.namespace.is_empty() || key.2 == target.namespace)
            .map(|(_, object)| read(resource, object.clone()))
            .filter(|object| labels.matches(object) && fields.matches(object))
            .map(|object| Value::Object(object.0))
            .collect();
        let mut metadata = json!({"resourceVersion": self.revision.to_string()});
        if !resource.builtin && !request.pointer("/headers/Accept").is_some_and(Value::is_string) {
            metadata["continue"] = "".into();
        }
        let list = json!({"kind": resource.list_kind, "apiVersion": resource.api_version(), "metadata": metadata, "items": items});
        Ok((200, Object::from_value(list).expect("an object")))
    }

    fn write(&mut self, target: &Target, request: &Value) -> Result<(u16, Object), Failure> {
        let resource = &target.resource;
        let text = |name: &str| request["query"].get(name).and_then(Value::as_str).unwrap_or_default();
        let dry_run: Vec<&str> =
            request.pointer("/query/dryRun").and_then(Value::as_str).into_iter().collect();
        let options = Write::read("CreateOptions", &dry_run, text("fieldManager"), text("fieldValidation"))?;
        let raw = match request.get("body") {
            Some(body) => spaced(body),
            None => request.get("bodyText").and_then(Value::as_str).unwrap_or_default().to_owned(),
        };
        let method = request["method"].as_str().unwrap_or_default();
        let status = target.sub == "status";
        if method == "POST" {
            return self.create(target, raw.as_bytes(), &options);
        }
        let old = if method == "PATCH" { Some(self.get(target)?) } else { None };
        let (mut object, duplicates) = match &old {
            Some(old) => {
                let parsed = crate::object::parse(raw.as_bytes())
                    .map_err(|why| Failure::BadRequest(format!("error decoding patch: {why}")))?;
                if !parsed.value.is_object() {
                    let found = crate::go::json_type(&parsed.value);
                    let why = format!(
                        "json: cannot unmarshal {found} into Go value of type map[string]interface {{}}"
                    );
                    return Err(Failure::BadRequest(format!("error decoding patch: {why}")));
                }
                let mut value = Value::Object(old.0.clone());
                patch::merge(&mut value, &parsed.value);
                (Object::from_value(value).expect("an object"), parsed.duplicates)
            }
            None => {
                let decoded = body::decode(resource, raw.as_bytes())?;
                (decoded.object, decoded.duplicates)
            }
        };
        let unknown = body::admit(resource, &mut object)?;
        let patched = Value::Object(object.0.clone());
        match method {
            "PATCH" => body::settle_patch(resource, options.validation, &unknown, &duplicates, &patched)?,
            _ => body::settle(resource, options.validation, &unknown, &duplicates)?,
        };
        body::check_name(&object, &target.name)?;
        let old = match old {
            Some(old) => old,
            None => self.get(target)?,
        };
        let asked = object.resource_version().to_owned();
        if asked.is_empty() && !meta::allows_unconditional_update(resource) {
            return Err(meta::resource_version_required(resource, &target.name));
        }
        if asked.parse::<u64>().is_err() && !asked.is_empty() {
            return Err(Failure::Escaped(crate::options::parse_uint(&asked)));
        }
        if method == "PUT" && !object.uid().is_empty() && object.uid() != old.uid() {
            return Err(meta::uid_mismatch(resource, &old, object.uid()));
        }
        if !asked.is_empty() && asked != old.resource_version() {
            return Err(Failure::modified(resource, &target.name));
        }
        if let Some(schema) = &resource.schema {
            schema.default(&mut object);
        }
        meta::prepare_update(resource, &old, &mut object, status)?;
        validate(resource, Some(&old), &object, status)?;
        object.metadata_mut().insert("resourceVersion".to_owned(), old.resource_version().into());
        if object == old {
            return Ok((200, old));
        }
        if deletion::is_released(resource, &object) {
            self.objects.remove(&Self::key(target, &target.name));
            self.settle();
            return Ok((200, object));
        }
        Ok((200, self.store(target, object)))
    }

    fn create(&mut self, target: &Target, raw: &[u8], options: &Write) -> Result<(u16, Object), Failure> {
        let resource = &target.resource;
        let decoded = body::decode(resource, raw)?;
        let mut object = decoded.object;
        let unknown = body::admit(resource, &mut object)?;
        body::settle(resource, options.validation, &unknown, &decoded.duplicates)?;
        let uid = format!("00000000-0000-0000-0000-{:012}", self.revision + 1);
        let stamp = meta::Stamp { now: NOW.to_owned(), uid, suffix: "x7k2p".to_owned() };
        if let Some(schema) = &resource.schema {
            schema.default(&mut object);
        }
        meta::prepare_create(resource, &mut object, &target.namespace, &stamp)?;
        if resource.scope == Scope::Namespaced {
            let spaces = builtin::resources().into_iter().find(|r| r.plural == "namespaces").expect("there");
            let key = (String::new(), "namespaces".to_owned(), String::new(), target.namespace.clone());
            let space =
                self.objects.get(&key).ok_or_else(|| Failure::not_found(&spaces, &target.namespace))?;
            if space.is_terminating() {
                return Err(Failure::namespace_terminating(resource, object.name(), &target.namespace));
            }
        }
        if resource.terminating {
            return Err(Failure::kind_terminating(resource, object.name()));
        }
        validate(resource, None, &object, false)?;
        if let Some(existing) = self.objects.get(&Self::key(target, object.name())) {
            return Err(Failure::already_exists(resource, existing));
        }
        let stored = self.store(target, object);
        self.settle();
        Ok((201, stored))
    }

    fn store(&mut self, target: &Target, mut object: Object) -> Object {
        self.revision += 1;
        object.metadata_mut().insert("resourceVersion".to_owned(), self.revision.to_string().into());
        self.objects.insert(Self::key(target, object.name()), object.clone());
        self.settle();
        object
    }

    /// What controllers do in the background.
    fn settle(&mut self) {
        // The second round sees what the first one freed.
        self.settle_once();
        self.settle_once();
    }

    fn settle_once(&mut self) {
        let is_crd = |key: &(String, String, String, String)| key.1 == "customresourcedefinitions";
        let keys: Vec<_> = self.objects.keys().filter(|key| is_crd(key)).cloned().collect();
        for key in keys {
            let others: Vec<Object> = self
                .objects
                .iter()
                .filter(|(other, _)| is_crd(other) && **other != key)
                .map(|(_, o)| o.clone())
                .collect();
            let Some(object) = self.objects.get(&key) else { continue };
            if object.is_terminating() {
                let (group, plural) = (
                    object.text(&["spec", "group"]).unwrap_or_default().to_owned(),
                    object.text(&["spec", "names", "plural"]).unwrap_or_default().to_owned(),
                );
                self.objects.retain(|k, o| !(k.0 == group && k.1 == plural && o.finalizers().is_empty()));
                if !self.objects.keys().any(|k| k.0 == group && k.1 == plural) {
                    self.objects.remove(&key);
                }
                continue;
            }
            if let Some(status) = crd::next_status(object, &others, NOW) {
                self.revision += 1;
                let revision = self.revision.to_string();
                let object = self.objects.get_mut(&key).expect("there");
                object.0.insert("status".to_owned(), status);
                object.metadata_mut().insert("resourceVersion".to_owned(), revision.into());
            }
        }
        let spaces: Vec<_> = self
            .objects
            .iter()
            .filter(|(key, o)| key.1 == "namespaces" && o.is_terminating())
            .map(|(key, _)| key.clone())
            .collect();
        for key in spaces {
            self.objects.retain(|k, o| !(k.2 == key.3 && o.finalizers().is_empty()));
            let mut remaining = namespace::Remaining::default();
            for (k, object) in &mut self.objects {
                if k.2 == key.3 {
                    object.metadata_mut().entry("deletionTimestamp").or_insert_with(|| NOW.into());
                    remaining
                        .add(&format!("{}{}{}", k.1, if k.0.is_empty() { "" } else { "." }, k.0), object);
                }
            }
            let object = &self.objects[&key];
            let next = match remaining.is_empty() {
                true => namespace::emptied(object),
                false => namespace::with_conditions(object, &remaining, NOW),
            };
            let spaces = builtin::resources().into_iter().find(|r| r.plural == "namespaces").expect("there");
            match deletion::is_released(&spaces, &next) {
                true => drop(self.objects.remove(&key)),
                false => drop(self.objects.insert(key, next)),
            }
        }
    }

    fn finalize(&mut self, target: &Target, request: &Value) -> Result<(u16, Object), Failure> {
        let old = self.get(target)?;
        let asked = Object::from_value(request["body"].clone()).expect("an object");
        let object = namespace::finalized(&old, &asked);
        Ok((200, self.store(target, object)))
    }

    fn delete(&mut self, target: &Target, request: &Value) -> Result<(u16, Object), Failure> {
        let mut options = request.get("body").cloned().unwrap_or_else(|| json!({}));
        if let Some(text) = request.get("bodyText").and_then(Value::as_str).filter(|text| !text.is_empty()) {
            let parsed = crate::object::parse(text.as_bytes());
            let parsed = parsed.map_err(|why| {
                Failure::BadRequest(format!("couldn't get version/kind; json parse error: {why}"))
            })?;
            options = parsed.value;
        }
        if let Some(query) = request.get("query") {
            patch::merge(&mut options, query);
        }
        let kind = options.get("kind").and_then(Value::as_str).unwrap_or("DeleteOptions");
        if kind != "DeleteOptions" {
            let version = options.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
            let words = format!(
                "no kind \"{kind}\" is registered for version \"{version}\" in scheme \"pkg/runtime/scheme.go:111\""
            );
            return Err(Failure::BadRequest(words));
        }
        let options = deletion::Options::read(&options)?;
        let old = self.get(target)?;
        options.check(&target.resource, &old, old.resource_version())?;
        match deletion::decide(&target.resource, &old, &options, NOW)? {
            Decision::Remove => {
                self.objects.remove(&Self::key(target, &target.name));
                self.settle();
                Ok((200, failure::success(&target.resource, &old)))
            }
            Decision::Mark(marked) => Ok((200, self.store(target, marked))),
            Decision::Unchanged => Ok((200, old)),
        }
    }
}

/// A stored object as its version shows it.
fn read(resource: &Resource, mut object: Object) -> Object {
    object.0.insert("apiVersion".to_owned(), resource.api_version().into());
    if let Some(schema) = &resource.schema {
        schema.prune(&mut object);
        schema.default(&mut object);
    }
    object
}

/// A body as the recorder wrote it: blanks after colons and commas.
fn spaced(body: &Value) -> String {
    struct Spaced;
    impl serde_json::ser::Formatter for Spaced {
        fn begin_array_value<W: ?Sized + std::io::Write>(
            &mut self,
            writer: &mut W,
            first: bool,
        ) -> std::io::Result<()> {
            if first { Ok(()) } else { writer.write_all(b", ") }
        }
        fn begin_object_key<W: ?Sized + std::io::Write>(
            &mut self,
            writer: &mut W,
            first: bool,
        ) -> std::io::Result<()> {
            if first { Ok(()) } else { writer.write_all(b", ") }
        }
        fn begin_object_value<W: ?Sized + std::io::Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
            writer.write_all(b": ")
        }
    }
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Spaced);
    serde::Serialize::serialize(body, &mut serializer).expect("a value can be written");
    String::from_utf8(bytes).expect("JSON is text")
}
