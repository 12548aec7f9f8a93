//! One request on its way through.

use super::rule::{Active, Effect, Request};
use super::{Shared, lines};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use http::{Response, StatusCode, header};
use http_body_util::{BodyExt, BodyStream, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::io;
use std::sync::Arc;
use tokio::net::UnixStream;

type Body = UnsyncBoxBody<Bytes, io::Error>;
/// The data of a body; an error breaks the connection.
pub(super) type Data = BoxStream<'static, io::Result<Bytes>>;

/// An error breaks the connection to the client.
pub(super) async fn pass(
    shared: Arc<Shared>,
    request: http::Request<Incoming>,
) -> io::Result<Response<Body>> {
    let seen = Request {
        method: request.method().clone(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
    };
    shared.seen.lock().push(seen.clone());
    let rule = shared.first(&seen);
    match rule.as_deref().map(|active| &active.rule.effect) {
        Some(Effect::Hold) => {
            if let Some(active) = &rule {
                active.released().await;
            }
        }
        Some(Effect::Delay(time)) => tokio::time::sleep(*time).await,
        Some(Effect::Answer(status, message)) => return Ok(answer(*status, message)),
        Some(Effect::Reset) => return Err(io::ErrorKind::ConnectionReset.into()),
        _ => {}
    }
    let response = forward(&shared, request).await?;
    match rule {
        Some(active) => spoil(active, response).await,
        None => Ok(response.map(|body| body.map_err(io::Error::other).boxed_unsync())),
    }
}

async fn forward(shared: &Shared, mut request: http::Request<Incoming>) -> io::Result<Response<Incoming>> {
    let upstream = shared.upstream.lock().clone();
    let stream = UnixStream::connect(upstream).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    // Ends with the answer, or when the client goes away and the answer is dropped.
    tokio::spawn(connection);
    request.headers_mut().remove(header::CONNECTION);
    let mut response = sender.send_request(request).await.map_err(io::Error::other)?;
    // Each side has its own framing.
    for hop in [header::CONNECTION, header::TRANSFER_ENCODING] {
        response.headers_mut().remove(hop);
    }
    Ok(response)
}

async fn spoil(active: Arc<Active>, response: Response<Incoming>) -> io::Result<Response<Body>> {
    let (mut head, body) = response.into_parts();
    let data = BodyStream::new(body)
        .filter_map(async |frame| match frame {
            Ok(frame) => frame.into_data().ok().map(Ok),
            Err(error) => Some(Err(io::Error::other(error))),
        })
        .boxed();
    let data = match active.rule.effect.clone() {
        Effect::HoldAnswer => {
            active.released().await;
            data
        }
        Effect::AnswerAfter(status, message) => {
            // To its end: the engine has done what was asked.
            data.for_each(async |_| ()).await;
            return Ok(answer(status, message));
        }
        Effect::ResetAfter => {
            data.for_each(async |_| ()).await;
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Effect::Truncate(most) => {
            let broken = stream::once(async {
                // What was said before is sent first.
                tokio::task::yield_now().await;
                Err(io::ErrorKind::ConnectionReset.into())
            });
            first(data, most).chain(broken).boxed()
        }
        Effect::End(most) => {
            head.headers.remove(header::CONTENT_LENGTH);
            first(data, most)
        }
        Effect::Lines(fault) => {
            head.headers.remove(header::CONTENT_LENGTH);
            lines::spoil(active, fault, data)
        }
        Effect::Hold | Effect::Delay(_) | Effect::Answer(..) | Effect::Reset => data,
    };
    let body = StreamBody::new(data.map(|data| data.map(Frame::data)));
    Ok(Response::from_parts(head, body.boxed_unsync()))
}

/// The first bytes of a body.
fn first(data: Data, most: usize) -> Data {
    let cut = data.scan(most, |left, data| {
        let piece = match data {
            _ if *left == 0 => None,
            Ok(mut data) => {
                data.truncate(*left);
                *left -= data.len();
                Some(Ok(data))
            }
            Err(error) => Some(Err(error)),
        };
        futures::future::ready(piece)
    });
    cut.boxed()
}

/// Docker's form of a refusal.
fn answer(status: u16, message: &str) -> Response<Body> {
    let body = serde_json::json!({ "message": message }).to_string();
    let body = Full::new(Bytes::from(body)).map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}
