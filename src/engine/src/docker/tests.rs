//! Docker against a server that says odd things.

use super::*;
use crate::{ContainerFacts, ImageId, PortBinding, State};
use futures::StreamExt;
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Mutex;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;

const ID: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const VERSION: &str = r#"{"Version":"20.10.24","ApiVersion":"1.41"}"#;
const INFO: &str = r#"{"ID":"A:B","DockerRootDir":"/var/lib/docker","SystemTime":"2025-01-01T00:00:00.5Z"}"#;

/// Raw answers by `METHOD path`; a path not listed answers 404. Several answers for one path are used up in turn, the last one stays.
struct Fake {
    endpoint: Endpoint,
    answers: Arc<Mutex<BTreeMap<String, VecDeque<Vec<u8>>>>>,
    asked: Arc<Mutex<Vec<String>>>,
    /// A message for each connection whose client went away before it was answered.
    left: mpsc::UnboundedReceiver<()>,
    _dir: TempDir,
}

/// The answer of a server that never answers.
const SILENCE: &[u8] = b"";

fn json(body: &str) -> Vec<u8> {
    status("200 OK", body)
}
fn status(line: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {line}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
        .into_bytes()
}
fn key() -> Key {
    Key::Container(ContainerId::parse(ID).unwrap())
}

impl Fake {
    fn start(answers: &[(&str, Vec<u8>)]) -> Fake {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("docker.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let (tell, left) = mpsc::unbounded_channel();
        let fake = Fake {
            endpoint: Endpoint::Unix(path),
            answers: Arc::default(),
            asked: Arc::default(),
            left,
            _dir: dir,
        };
        fake.answer("GET /version", json(VERSION));
        fake.answer("GET /info", json(INFO));
        fake.answer("GET /_ping", json("OK"));
        for (path, answer) in answers {
            fake.answer(path, answer.clone());
        }
        let (answers, asked) = (Arc::clone(&fake.answers), Arc::clone(&fake.asked));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, Arc::clone(&answers), Arc::clone(&asked), tell.clone()));
            }
        });
        fake
    }
    /// From now on this is the only answer.
    fn answer(&self, path: &str, answer: Vec<u8>) {
        self.answers.lock().unwrap().insert(path.to_owned(), [answer].into());
    }
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
    async fn docker(&self) -> Docker {
        Docker::connect(&self.endpoint).await.unwrap()
    }
    async fn inspect(&self, body: &str) -> Result<Option<Facts>, Error> {
        self.answer(&format!("GET /containers/{ID}/json"), json(body));
        self.docker().await.inspect(&key()).await
    }
    async fn facts(&self, body: &str) -> ContainerFacts {
        match self.inspect(body).await.unwrap() {
            Some(Facts::Container(facts)) => *facts,
            other => panic!("{other:?}"),
        }
    }
}

async fn serve(
    mut client: UnixStream,
    answers: Arc<Mutex<BTreeMap<String, VecDeque<Vec<u8>>>>>,
    asked: Arc<Mutex<Vec<String>>>,
    left: mpsc::UnboundedSender<()>,
) {
    let mut request = Vec::new();
    while !request.windows(4).any(|w| w == b"\r\n\r\n") {
        if client.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let line = String::from_utf8_lossy(&request).lines().next().unwrap_or_default().to_owned();
    let line = line.rsplit_once(' ').unwrap().0.to_owned();
    asked.lock().unwrap().push(line.clone());
    let path = line.split('?').next().unwrap().to_owned();
    let answer = {
        let mut answers = answers.lock().unwrap();
        match answers.get_mut(&path) {
            Some(queue) if queue.len() > 1 => queue.pop_front().unwrap(),
            Some(queue) => queue[0].clone(),
            None => status("404 Not Found", r#"{"message":"No such thing"}"#),
        }
    };
    if answer == SILENCE {
        while client.read_buf(&mut request).await.unwrap_or(0) > 0 {}
        let _ = left.send(());
        return;
    }
    let _ = client.write_all(&answer).await;
}

#[tokio::test]
async fn the_identity_is_endpoint_id_and_data_root() {
    let fake = Fake::start(&[]);
    let docker = fake.docker().await;
    let identity = docker.identity();
    assert_eq!(identity.endpoint, fake.endpoint.to_string());
    assert_eq!((identity.id.as_str(), identity.data_root.as_str()), ("A:B", "/var/lib/docker"));
    assert_eq!(identity.version, "20.10.24");
    assert_eq!(docker.clock().await.unwrap(), "2025-01-01T00:00:00.5Z".parse().unwrap());
}

#[tokio::test]
async fn what_is_not_docker_is_refused_for_good_and_what_may_heal_is_not() {
    let table = [
        (status("404 Not Found", "nginx"), true, "does not speak the Docker API"),
        (status("400 Bad Request", "Client sent an HTTP request to an HTTPS server."), true, "HTTPS"),
        (json("<html>hello</html>"), true, "does not speak the Docker API"),
        (json("{}"), true, "does not speak the Docker API"),
        (json(r#"{"ApiVersion":"1.41""#), true, "does not speak the Docker API"),
        (json(r#"{"ApiVersion":"1.24"}"#), true, "1.25"),
        (json(r#"{"ApiVersion":"x"}"#), true, "1.25"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec(), true, "does not speak the Docker API"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"ApiVer".to_vec(), false, "can not be reached"),
        (status("503 Service Unavailable", r#"{"message":"starting"}"#), false, "(503): starting"),
    ];
    for (answer, permanent, text) in table {
        let fake = Fake::start(&[("GET /version", answer.clone())]);
        let Err(error) = Docker::connect(&fake.endpoint).await else { panic!("connected to {answer:?}") };
        let for_good = matches!(error, Error::Unreachable { permanent: true, .. });
        assert_eq!(for_good, permanent, "{error} from {}", String::from_utf8_lossy(&answer));
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[tokio::test]
async fn an_engine_that_does_not_run_is_unreachable_for_now() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing.sock");
    let abandoned = dir.path().join("abandoned.sock");
    drop(UnixListener::bind(&abandoned).unwrap());
    for path in [missing, abandoned] {
        let Err(error) = Docker::connect(&Endpoint::Unix(path.clone())).await else { panic!("connected") };
        assert!(matches!(error, Error::Unreachable { permanent: false, .. }), "{error}");
        assert!(error.to_string().contains(path.to_str().unwrap()));
    }
}

#[test]
fn a_forbidden_socket_does_not_heal() {
    let wire = Wire::new(&Endpoint::Unix(PathBuf::from("/x"))).unwrap();
    let error = wire.refused(&std::io::Error::from(std::io::ErrorKind::PermissionDenied));
    assert!(matches!(error, Error::Unreachable { permanent: true, .. }));
}

#[test]
fn another_process_at_the_socket_makes_the_identity_doubtful_until_it_was_asked() {
    let wire = Wire::new(&Endpoint::Unix(PathBuf::from("/x"))).unwrap();
    let doubts = [Some(7), None, Some(7), Some(8), Some(8)].map(|peer| {
        wire.meet(peer);
        wire.doubtful()
    });
    assert_eq!(doubts, [false, false, false, true, true]);
    let before = wire.breaks();
    wire.meet(Some(9));
    wire.verified(before);
    assert!(wire.doubtful(), "it changed again while it was asked");
    wire.verified(wire.breaks());
    assert!(!wire.doubtful());
}

#[tokio::test]
async fn unusable_tls_files_are_named() {
    let tls = crate::endpoint::Tls {
        ca_file: "/none/ca.pem".into(),
        cert_file: "/c".into(),
        key_file: "/k".into(),
    };
    let endpoint = Endpoint::Tcp { address: "127.0.0.1:1".to_owned(), tls: Some(tls) };
    let Err(error) = Docker::connect(&endpoint).await else { panic!("connected") };
    assert!(matches!(error, Error::Unreachable { permanent: true, .. }));
    assert!(error.to_string().contains("/none/ca.pem"), "{error}");
}

#[tokio::test]
async fn an_inspect_becomes_canonical_facts() {
    let fake = Fake::start(&[]);
    let body = format!(
        r#"{{"Id":"{ID}","Name":"/web","Created":"2024-05-01T10:00:00.123456789Z","Path":"nginx","Args":["-g","x"],
        "Image":"sha256:ab","RestartCount":2,"Unknown":{{"a":[1]}},
        "State":{{"Status":"running","Running":true,"Pid":42,"ExitCode":0,"StartedAt":"2024-05-01T10:00:01+02:00",
                 "FinishedAt":"0001-01-01T00:00:00Z","Health":{{"Status":"healthy","Log":[{{}}]}}}},
        "Config":{{"Image":"nginx:1","Labels":{{"b":"2","a":"1"}},"StopTimeout":3}},
        "NetworkSettings":{{"Ports":{{"443/tcp":null,"80/tcp":[{{"HostIp":"::","HostPort":"8080"}},
                 {{"HostIp":"0.0.0.0","HostPort":"8080"}}],"53/udp":[]}}}}}}"#
    );
    let at = |ip: &str| PortBinding { host_ip: ip.to_owned(), host_port: "8080".to_owned() };
    let want = ContainerFacts {
        id: ID.to_owned(),
        name: "web".to_owned(),
        path: "nginx".to_owned(),
        args: vec!["-g".to_owned(), "x".to_owned()],
        image: "sha256:ab".to_owned(),
        image_ref: "nginx:1".to_owned(),
        ports: [
            ("443/tcp".to_owned(), None),
            ("53/udp".to_owned(), None),
            ("80/tcp".to_owned(), Some(vec![at("0.0.0.0"), at("::")])),
        ]
        .into(),
        labels: [("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())].into(),
        state: State::Running,
        health: Some("healthy".to_owned()),
        pid: 42,
        restart_count: 2,
        created_at: Some("2024-05-01T10:00:00.123456789Z".parse().unwrap()),
        started_at: Some("2024-05-01T08:00:01Z".parse().unwrap()),
        stop_timeout: Some(3),
        ..ContainerFacts::default()
    };
    assert_eq!(fake.facts(&body).await, want);
}

#[tokio::test]
async fn what_is_missing_null_zero_or_unheard_of_is_left_out() {
    let fake = Fake::start(&[]);
    let bare = ContainerFacts { id: ID.to_owned(), ..ContainerFacts::default() };
    let odd = format!(
        r#"{{"Id":"{ID}","Name":null,"Created":"","Args":null,"State":{{"Status":"levitating","StartedAt":"yesterday",
        "FinishedAt":"0001-01-01T00:00:00Z","Health":{{"Status":"dizzy"}}}},"Config":{{"Labels":null}},
        "NetworkSettings":{{"Ports":null}}}}"#
    );
    for body in [format!(r#"{{"Id":"{ID}"}}"#), odd] {
        assert_eq!(fake.facts(&body).await, bare, "{body}");
    }
}

#[tokio::test]
async fn one_odd_container_does_not_spoil_the_list() {
    let list = format!(
        r#"[{{"Id":"{ID}","Names":["/other/alias","/web"],"Image":"nginx:1","ImageID":"sha256:ab","Created":1700000000,
        "State":"levitating","Labels":null,"Ports":[{{"Type":"carrier-pigeon"}}]}},{{"Id":"short"}}]"#
    );
    let fake = Fake::start(&[("GET /containers/json", json(&list))]);
    let docker = fake.docker().await;
    let summary = Summary::Container {
        name: "web".to_owned(),
        state: State::Unknown,
        image: Some(ImageId("sha256:ab".to_owned())),
        image_ref: Some("nginx:1".to_owned()),
        labels: BTreeMap::new(),
        created_at: Some(Timestamp::from_second(1_700_000_000).unwrap()),
    };
    let listed = Listed { key: key(), summary: summary.clone() };
    assert_eq!(docker.list(Kind::Container).await.unwrap(), [listed]);
    assert_eq!(docker.peek(&key()).await.unwrap(), Some(summary));
    let other = Key::Container(ContainerId::parse(&"1".repeat(64)).unwrap());
    assert_eq!(docker.peek(&other).await.unwrap(), None, "a list that ignores the filter");
}

#[tokio::test]
async fn only_a_404_means_gone() {
    let path = format!("GET /containers/{ID}/json");
    let fake = Fake::start(&[]);
    let docker = fake.docker().await;
    assert_eq!(docker.inspect(&key()).await.unwrap(), None);
    for (answer, code) in
        [("500 Internal Server Error", 500), ("503 Service Unavailable", 503), ("409 Conflict", 409)]
    {
        fake.answer(&path, status(answer, r#"{"message":"no such container, perhaps"}"#));
        let text = "no such container, perhaps".to_owned();
        assert_eq!(docker.inspect(&key()).await, Err(Error::Refused { code, text }));
    }
    fake.answer(&path, json("{}"));
    assert!(matches!(docker.inspect(&key()).await, Err(Error::Protocol(_))), "no id");
    fake.answer(&path, json(r#"{"Id":"#));
    assert!(matches!(docker.inspect(&key()).await, Err(Error::Protocol(_))), "truncated JSON");
    fake.answer(&path, b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{".to_vec());
    assert!(
        matches!(docker.inspect(&key()).await, Err(Error::Unreachable { permanent: false, .. })),
        "cut off"
    );
    fake.answer(&path, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"Id\"\r\n".to_vec());
    assert!(
        matches!(docker.inspect(&key()).await, Err(Error::Unreachable { permanent: false, .. })),
        "cut off"
    );
    fake.answer(&path, b"\x00\x01garbage\r\n\r\n".to_vec());
    assert!(matches!(docker.inspect(&key()).await, Err(Error::Protocol(_))), "no HTTP");
}

#[tokio::test]
async fn a_ping_asks_for_the_identity_only_after_a_break() {
    let fake = Fake::start(&[(&format!("GET /containers/{ID}/json"), b"HTTP/1.1 200 OK\r\n".to_vec())]);
    let docker = fake.docker().await;
    fake.asked();
    docker.ping().await.unwrap();
    assert_eq!(fake.asked(), ["GET /_ping"]);
    docker.inspect(&key()).await.unwrap_err();
    fake.asked();
    docker.ping().await.unwrap();
    docker.ping().await.unwrap();
    assert_eq!(fake.asked(), ["GET /_ping", "GET /info", "GET /_ping"]);
}

#[tokio::test]
async fn after_a_break_another_engine_is_neither_changed_nor_believed() {
    let fake = Fake::start(&[(&format!("GET /containers/{ID}/json"), b"HTTP/1.1 200 OK\r\n".to_vec())]);
    let docker = fake.docker().await;
    docker.inspect(&key()).await.unwrap_err();
    fake.answer("GET /info", json(r#"{"ID":"A:B","DockerRootDir":"/elsewhere"}"#));
    fake.answer(
        &format!("GET /containers/{ID}/json"),
        status("404 Not Found", r#"{"message":"No such container"}"#),
    );
    fake.asked();
    let id = ContainerId::parse(ID).unwrap();
    assert_eq!(docker.inspect(&key()).await, Err(Error::Replaced));
    assert_eq!(docker.remove(&key(), &Fingerprint::Container).await, Err(Error::Replaced));
    assert_eq!(docker.act(&id, Action::Stop).await, Err(Error::Replaced));
    assert_eq!(docker.ping().await, Err(Error::Replaced));
    assert_eq!(docker.clock().await, Err(Error::Replaced));
    assert!(fake.asked().iter().all(|line| line.starts_with("GET ")));
}

#[tokio::test]
async fn a_container_is_removed_by_force_and_its_volumes_stay() {
    let path = format!("DELETE /containers/{ID}");
    let fake = Fake::start(&[(&path, b"HTTP/1.1 204 No Content\r\n\r\n".to_vec())]);
    let docker = fake.docker().await;
    fake.asked();
    assert_eq!(docker.remove(&key(), &Fingerprint::Container).await.unwrap(), Removed::Done);
    assert_eq!(fake.asked(), [format!("{path}?v=false&force=true&link=false")]);
    fake.answer(&path, status("404 Not Found", r#"{"message":"No such container"}"#));
    assert_eq!(docker.remove(&key(), &Fingerprint::Container).await.unwrap(), Removed::Gone);
    fake.answer(&path, status("409 Conflict", r#"{"message":"in use"}"#));
    let in_use = Removed::InUse("in use".to_owned());
    assert_eq!(docker.remove(&key(), &Fingerprint::Container).await.unwrap(), in_use);
    fake.answer(&path, status("500 Internal Server Error", r#"{"message":"driver failed"}"#));
    let refused = Error::Refused { code: 500, text: "driver failed".to_owned() };
    assert_eq!(docker.remove(&key(), &Fingerprint::Container).await, Err(refused));
}

#[tokio::test]
async fn a_removal_under_way_is_awaited() {
    let text = format!("removal of container {ID} is already in progress");
    let fake = Fake::start(&[
        (&format!("DELETE /containers/{ID}"), status("409 Conflict", &format!(r#"{{"message":"{text}"}}"#))),
        (&format!("POST /containers/{ID}/wait"), json(r#"{"StatusCode":0}"#)),
    ]);
    let docker = fake.docker().await;
    fake.asked();
    assert_eq!(docker.remove(&key(), &Fingerprint::Container).await.unwrap(), Removed::Gone);
    assert_eq!(fake.asked()[1], format!("POST /containers/{ID}/wait?condition=removed"));
    fake.answer(&format!("GET /containers/{ID}/json"), json(&format!(r#"{{"Id":"{ID}"}}"#)));
    let failed = docker.remove(&key(), &Fingerprint::Container).await;
    assert_eq!(failed, Err(Error::Refused { code: 409, text }));
}

#[tokio::test]
async fn r11_a_tag_that_means_another_image_by_now_is_not_removed() {
    let fake = Fake::start(&[
        ("GET /images/host:5000/a/b:1/json", json(r#"{"Id":"sha256:new","RepoTags":["host:5000/a/b:1"]}"#)),
        ("DELETE /images/host:5000/a/b:1", json("[]")),
        ("GET /images/sha256:old/json", json(r#"{"Id":"sha256:old","RepoTags":["kept:1"]}"#)),
        ("GET /images/sha256:bare/json", json(r#"{"Id":"sha256:bare","RepoTags":["<none>:<none>"]}"#)),
        ("DELETE /images/sha256:bare", status("409 Conflict", r#"{"message":"image is being used"}"#)),
        ("GET /volumes/data", json(r#"{"Name":"data","CreatedAt":"2024-01-01T00:00:00Z"}"#)),
        ("DELETE /volumes/data", b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()),
    ]);
    let docker = fake.docker().await;
    let removed = async |key: Key, only: Fingerprint| docker.remove(&key, &only).await.unwrap();
    let image = |id: &str| ImageId(format!("sha256:{id}"));
    let tagged = |id| Fingerprint::Image { tag: Some("host:5000/a/b:1".to_owned()), id };
    let bare = |id| Fingerprint::Image { tag: None, id };
    assert_eq!(removed(Key::Image(image("old")), tagged(image("old"))).await, Removed::Replaced);
    assert_eq!(removed(Key::Image(image("old")), bare(image("old"))).await, Removed::Replaced);
    assert_eq!(removed(Key::Image(image("none")), bare(image("none"))).await, Removed::Gone);
    assert!(!fake.asked().iter().any(|line| line.starts_with("DELETE")));
    assert_eq!(removed(Key::Image(image("new")), tagged(image("new"))).await, Removed::Done);
    let in_use = Removed::InUse("image is being used".to_owned());
    assert_eq!(removed(Key::Image(image("bare")), bare(image("bare"))).await, in_use);
    let deletes: Vec<_> = fake.asked().into_iter().filter(|line| line.starts_with("DELETE")).collect();
    assert_eq!(deletes[0], "DELETE /images/host:5000/a/b:1?force=false&noprune=true");

    let volume = |name: &str| Key::Volume(name.to_owned());
    let created = |at: &str| Fingerprint::Volume { created_at: Some(at.parse().unwrap()) };
    assert_eq!(removed(volume("data"), created("2023-01-01T00:00:00Z")).await, Removed::Replaced);
    assert_eq!(removed(volume("data"), created("2024-01-01T00:00:00Z")).await, Removed::Done);
    assert_eq!(removed(volume("data"), Fingerprint::Volume { created_at: None }).await, Removed::Done);
    assert_eq!(removed(volume("none"), created("2024-01-01T00:00:00Z")).await, Removed::Gone);
    assert!(docker.remove(&volume("data"), &Fingerprint::Container).await.is_err());
}

#[tokio::test]
async fn an_action_that_changes_nothing_is_a_success_and_a_refusal_keeps_the_engines_words() {
    let fake = Fake::start(&[]);
    let docker = fake.docker().await;
    let id = ContainerId::parse(ID).unwrap();
    fake.answer(&format!("POST /containers/{ID}/stop"), b"HTTP/1.1 304 Not Modified\r\n\r\n".to_vec());
    fake.asked();
    docker.act(&id, Action::Stop).await.unwrap();
    assert_eq!(fake.asked(), [format!("POST /containers/{ID}/stop")], "no t: the container's own timeout");
    fake.answer(
        &format!("POST /containers/{ID}/pause"),
        status("409 Conflict", r#"{"message":"is not running"}"#),
    );
    let refused = Error::Refused { code: 409, text: "is not running".to_owned() };
    assert_eq!(docker.act(&id, Action::Pause).await, Err(refused));
    fake.answer(&format!("POST /containers/{ID}/start"), b"HTTP/1.1 204".to_vec());
    assert!(matches!(docker.act(&id, Action::Start).await, Err(Error::Unreachable { permanent: false, .. })));
}

#[tokio::test]
async fn dropping_a_call_ends_its_connection() {
    let mut fake = Fake::start(&[]);
    let docker = fake.docker().await;
    let id = ContainerId::parse(ID).unwrap();
    for path in ["GET /containers/json", &format!("POST /containers/{ID}/stop"), "GET /events"] {
        fake.answer(path, SILENCE.to_vec());
    }
    let asked = Arc::clone(&fake.asked);
    let started = async |path: &str| {
        while !asked.lock().unwrap().iter().any(|line| line.starts_with(path)) {
            tokio::task::yield_now().await;
        }
    };
    let mut events = docker.events(Timestamp::UNIX_EPOCH);
    tokio::select! { biased;
        _ = docker.list(Kind::Container) => panic!("answered"),
        _ = docker.act(&id, Action::Stop) => panic!("answered"),
        _ = events.next() => panic!("answered"),
        () = async { started("GET /containers/json").await; started("POST").await; started("GET /events").await } => {}
    }
    drop(events);
    for _ in 0..3 {
        fake.left.recv().await.unwrap();
    }
}

#[tokio::test]
async fn the_event_stream_reads_lines_however_they_are_cut_and_ends_in_an_error_when_it_breaks() {
    let event = |action: &str| {
        format!(r#"{{"Type":"container","Action":"{action}","Actor":{{"ID":"{ID}"}},"timeNano":5}}"#)
    };
    let text = format!("{}\n{}\n\n{}\n{{\"Ty", event("start"), event("exec_create: \\\"x\\\""), event("die"));
    let mut answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for chunk in text.as_bytes().chunks(7) {
        answer.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        answer.extend_from_slice(chunk);
        answer.extend_from_slice(b"\r\n");
    }
    let changed = |action: &str| Ok(Hint::Changed { key: key(), action: action.to_owned(), time_nano: 5 });
    let fake = Fake::start(&[("GET /events", answer.clone())]);
    let docker = fake.docker().await;
    let seen: Vec<_> = docker.events(Timestamp::UNIX_EPOCH).collect().await;
    assert_eq!(seen[..2], [changed("start"), changed("die")]);
    assert!(matches!(seen[2..], [Err(Error::Unreachable { permanent: false, .. })]), "{seen:?}");

    answer.extend_from_slice(b"0\r\n\r\n");
    fake.answer("GET /events", answer);
    let seen: Vec<_> = docker.events(Timestamp::UNIX_EPOCH).collect().await;
    assert_eq!(seen, [changed("start"), changed("die")], "an orderly end");
    fake.asked();
    docker.ping().await.unwrap();
    assert_eq!(fake.asked(), ["GET /_ping", "GET /info"], "but the identity is asked again");

    fake.answer("GET /events", json("what?\n"));
    let seen: Vec<_> = docker.events(Timestamp::UNIX_EPOCH).collect().await;
    assert!(matches!(seen[..], [Err(Error::Protocol(_))]), "{seen:?}");
    fake.answer("GET /events", status("500 Internal Server Error", r#"{"message":"bad since"}"#));
    let seen: Vec<_> = docker.events(Timestamp::UNIX_EPOCH).collect().await;
    assert_eq!(seen, [Err(Error::Refused { code: 500, text: "bad since".to_owned() })]);
}
