//! HTTP/1.1, and the way from it to sockets.

use std::{convert::Infallible, rc::Rc, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::{
    Method, Request, Response, StatusCode, body::Incoming, server::conn::http1, service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpStream, task::spawn_local};

use super::{Shell, websocket};
use crate::local_server::core::{Handshake, body_too_large, plain_response};

/// The largest body of a REST call, in bytes.
const MAX_BODY: usize = 256 * 1024;

/// The largest head of a request, in bytes. A Nakama takes 5 KiB, to which Go's server adds 4 KiB.
const MAX_HEAD: usize = 5120 + 4096;

/// How long a client may take to send the head of a request, and a connection may be idle before it.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);

/// Serves one connection.
pub(super) async fn serve(shell: Rc<Shell>, stream: TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        log::debug!("no TCP_NODELAY: {error}");
    }
    let service = service_fn(|request| answer(shell.clone(), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    if let Err(error) = connection.await {
        log::debug!("a connection ended: {error}");
    }
}

async fn answer(
    shell: Rc<Shell>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    if head_size(&request) > MAX_HEAD {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return Ok(plain_response(status, status.to_string()).map(Full::new));
    }
    let is_handshake = request.method() == Method::GET && request.uri().path() == "/ws";
    let response = if is_handshake {
        open_socket(&shell, request)
    } else {
        call(&shell, request).await
    };
    Ok(response.map(Full::new))
}

/// The first line and the headers, as they were sent.
fn head_size(request: &Request<Incoming>) -> usize {
    let target = request.uri().path_and_query();
    let target = target.map_or(0, |target| target.as_str().len());
    let headers = request.headers().iter();
    let headers = headers.map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
    request.method().as_str().len() + target + "  HTTP/1.1\r\n\r\n".len() + headers.sum::<usize>()
}

async fn call(shell: &Shell, request: Request<Incoming>) -> Response<Bytes> {
    let (head, body) = request.into_parts();
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => {
            let request = Request::from_parts(head, body.to_bytes());
            shell.input(|core, now| core.request(now, &request))
        }
        Err(error) if error.is::<LengthLimitError>() => body_too_large(),
        Err(error) => {
            log::debug!("the body of a request cannot be read: {error}");
            plain_response(StatusCode::BAD_REQUEST, Bytes::new())
        }
    }
}

fn open_socket(shell: &Rc<Shell>, mut request: Request<Incoming>) -> Response<Bytes> {
    let Handshake { response, socket } = shell.input(|core, now| core.open(now, &request));
    if let Some((session, format)) = socket {
        let upgrade = hyper::upgrade::on(&mut request);
        spawn_local(websocket::run(shell.clone(), session, format, upgrade));
    }
    response
}
