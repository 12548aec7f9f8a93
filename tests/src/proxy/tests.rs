use super::*;
use crate::dockerd::Http;
use bytes::Bytes;
use futures::StreamExt;
use http::{Method, Response};
use http_body_util::{BodyExt, BodyStream, StreamBody};
use hyper::body::{Frame, Incoming};
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

/// An engine that says its name and the path it was asked for; `/events` sends what the test says, line by line.
struct Upstream {
    dir: TempDir,
    events: mpsc::UnboundedSender<&'static str>,
}

impl Upstream {
    fn start(name: &'static str) -> Upstream {
        let dir = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(dir.path().join("up.sock")).unwrap();
        let (events, lines) = mpsc::unbounded_channel();
        let lines = Arc::new(tokio::sync::Mutex::new(lines));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let lines = Arc::clone(&lines);
                let service = hyper::service::service_fn(move |request: http::Request<Incoming>| {
                    let lines = Arc::clone(&lines);
                    async move { Ok::<_, Infallible>(answer(name, request.uri().path(), lines)) }
                });
                let server = hyper::server::conn::http1::Builder::new();
                tokio::spawn(server.serve_connection(TokioIo::new(client), service));
            }
        });
        Upstream { dir, events }
    }
    fn socket(&self) -> PathBuf {
        self.dir.path().join("up.sock")
    }
}

type Script = Arc<tokio::sync::Mutex<mpsc::UnboundedReceiver<&'static str>>>;

fn answer(
    name: &str,
    path: &str,
    lines: Script,
) -> Response<http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>> {
    if path != "/events" {
        let text = Bytes::from(format!("{name} {path}"));
        return Response::new(http_body_util::Full::new(text).boxed_unsync());
    }
    let body = futures::stream::unfold(lines, |lines| async move {
        let line = lines.lock().await.recv().await?;
        Some((Ok(Frame::data(Bytes::from(line))), lines))
    });
    Response::new(StreamBody::new(body).boxed_unsync())
}

async fn say(http: &Http, path: &str) -> Result<String> {
    let (status, body) = http.call("GET", path, None).await?;
    Ok(format!("{status} {}", String::from_utf8_lossy(&body)))
}

/// What comes of `/events` until the stream ends, and whether it ended in good order.
async fn read(http: &Http) -> (String, bool) {
    let mut body = BodyStream::new(http.open("GET", "/events", None).await.unwrap().into_body());
    let mut text = String::new();
    while let Some(frame) = body.next().await {
        match frame {
            Ok(frame) => text.push_str(&String::from_utf8_lossy(&frame.into_data().unwrap())),
            Err(_) => return (text, false),
        }
    }
    (text, true)
}

#[tokio::test]
async fn requests_pass_and_are_seen() {
    let upstream = Upstream::start("up");
    let proxy = Proxy::start(&upstream.socket()).unwrap();
    let http = Http::new(proxy.socket());
    assert_eq!(say(&http, "/a/b?c=d").await.unwrap(), "200 up /a/b");
    let seen = Request { method: Method::GET, path: "/a/b".to_owned(), query: "c=d".to_owned() };
    assert_eq!(proxy.seen(), [seen]);
}

#[tokio::test]
async fn answers_are_replaced_cut_and_broken() {
    let upstream = Upstream::start("up");
    let proxy = Proxy::start(&upstream.socket()).unwrap();
    let http = Http::new(proxy.socket());
    let once = |effect, path| proxy.rule(Rule::new(effect).on(Method::GET, path).times(1));
    once(Effect::Answer(503, "busy"), "/a");
    once(Effect::AnswerAfter(500, "lost"), "/b");
    once(Effect::Reset, "/c");
    once(Effect::ResetAfter, "/d");
    once(Effect::Truncate(2), "/e");
    once(Effect::End(2), "/f");
    assert_eq!(say(&http, "/a").await.unwrap(), r#"503 {"message":"busy"}"#);
    assert_eq!(say(&http, "/b").await.unwrap(), r#"500 {"message":"lost"}"#);
    for path in ["/c", "/d", "/e"] {
        assert!(say(&http, path).await.is_err(), "{path}");
    }
    assert_eq!(say(&http, "/f").await.unwrap(), "200 up");
    for path in ["/a", "/b", "/c", "/d", "/e", "/f"] {
        assert_eq!(say(&http, path).await.unwrap(), format!("200 up {path}"), "used up");
    }
}

#[tokio::test]
async fn a_barrier_holds_what_it_fits_until_it_is_released() {
    let upstream = Upstream::start("up");
    let proxy = Proxy::start(&upstream.socket()).unwrap();
    let http = Http::new(proxy.socket());
    let barrier = proxy.rule(Rule::new(Effect::Hold).on(Method::GET, "/containers/*/json"));
    let held = tokio::spawn({
        let http = http.clone();
        async move { futures::join!(say(&http, "/containers/a/json"), say(&http, "/containers/b/json")) }
    });
    barrier.hit(2).await;
    assert_eq!(say(&http, "/containers/json").await.unwrap(), "200 up /containers/json", "others pass");
    assert!(!held.is_finished());
    barrier.release();
    let (a, b) = held.await.unwrap();
    assert_eq!([a.unwrap(), b.unwrap()], ["200 up /containers/a/json", "200 up /containers/b/json"]);
    assert_eq!(barrier.hits(), 2);
    let start = Instant::now();
    proxy.rule(Rule::new(Effect::Delay(Duration::from_millis(30))).of("slow"));
    say(&http, "/x?id=slow").await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(30));
}

#[tokio::test]
async fn a_proxy_that_is_down_refuses_and_one_that_is_cut_breaks_off() {
    let (one, two) = (Upstream::start("one"), Upstream::start("two"));
    let proxy = Proxy::start(&one.socket()).unwrap();
    let http = Http::new(proxy.socket());
    for effect in [Proxy::cut, Proxy::down] {
        let hold = proxy.rule(Rule::new(Effect::Hold));
        let held = tokio::spawn({
            let http = http.clone();
            async move { say(&http, "/x").await }
        });
        hold.hit(1).await;
        effect(&proxy);
        assert!(held.await.unwrap().is_err());
        hold.release();
    }
    assert!(say(&http, "/x").await.is_err(), "down");
    proxy.up().unwrap();
    assert_eq!(say(&http, "/x").await.unwrap(), "200 one /x");
    proxy.lead_to(&two.socket());
    assert_eq!(say(&http, "/x").await.unwrap(), "200 two /x");
}

#[tokio::test]
async fn an_event_stream_loses_repeats_reorders_and_breaks() {
    let table = [
        (Lines::Drop("b"), "a\nc\nd\n", true),
        (Lines::Repeat(2), "a\na\nb\nb\nc\nc\nd\nd\n", true),
        (Lines::Reverse(2), "b\na\nd\nc\n", true),
        (Lines::End(3), "a\nb\nc\n", true),
        (Lines::Break(2), "a\nb\n", false),
    ];
    for (fault, want, in_order) in table {
        let upstream = Upstream::start("up");
        let proxy = Proxy::start(&upstream.socket()).unwrap();
        proxy.rule(Rule::new(Effect::Lines(fault.clone())).on(Method::GET, "/events"));
        // However the lines are cut into pieces.
        for piece in ["a\nb", "\nc\n", "d\n"] {
            upstream.events.send(piece).unwrap();
        }
        let Upstream { dir: _dir, events } = upstream;
        drop(events);
        let seen = read(&Http::new(proxy.socket())).await;
        assert_eq!(seen, (want.to_owned(), in_order), "{fault:?}");
    }
}

#[tokio::test]
async fn a_held_stream_tells_everything_when_it_is_released() {
    let upstream = Upstream::start("up");
    let proxy = Proxy::start(&upstream.socket()).unwrap();
    let hold = proxy.rule(Rule::new(Effect::Lines(Lines::Hold)).on(Method::GET, "/events"));
    let http = Http::new(proxy.socket());
    let mut body = http.open("GET", "/events", None).await.unwrap().into_body();
    upstream.events.send("a\n").unwrap();
    assert!(timeout(Duration::from_millis(50), body.frame()).await.is_err());
    hold.release();
    let frame = body.frame().await.unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), "a\n");
}
