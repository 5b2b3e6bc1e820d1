//! One socket, after the handshake.

use std::{cell::Cell, convert::Infallible, future::pending, rc::Rc, time::Duration};

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::{io::AsyncWriteExt as _, sync::Notify, task::yield_now, time::timeout};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Message, Utf8Bytes,
        protocol::{CloseFrame, Role, WebSocketConfig},
    },
};

use super::Shell;
use crate::local_server::core::{Format, Incoming, SessionId, Transmit};

/// How long a write may take.
const WRITE_WAIT: Duration = Duration::from_secs(5);

/// How long to wait for the peer to close, when all is said.
const LINGER: Duration = Duration::from_secs(2);

/// How many messages of a client are handled in one go, if they are there. Then the others have their turn.
const MESSAGES_AT_ONCE: u32 = 256;

/// Stands for a text frame that is not UTF-8.
const NOT_UTF8: Bytes = Bytes::from_static(b"\xff");

type Sink = futures_util::stream::SplitSink<WebSocketStream<TokioIo<Upgraded>>, Message>;
type Stream = futures_util::stream::SplitStream<WebSocketStream<TokioIo<Upgraded>>>;

/// Carries a socket from the end of its handshake to its own end.
pub(super) async fn run(shell: Rc<Shell>, session: SessionId, format: Format, upgrade: OnUpgrade) {
    match upgrade.await {
        Ok(upgraded) => {
            let waker = Rc::new(Notify::new());
            shell.wakers.borrow_mut().insert(session, waker.clone());
            let socket = Socket {
                shell: &shell,
                session,
                format,
                waker,
            };
            socket.run(TokioIo::new(upgraded)).await;
            shell.wakers.borrow_mut().remove(&session);
        }
        Err(error) => log::debug!("a handshake was broken off: {error}"),
    }
    shell.input(|core, now| core.receive(now, session, Incoming::Closed));
}

/// What comes after a write.
enum Next {
    /// There may be more by now.
    Again,
    /// There was nothing to write.
    Wait,
    End,
}

struct Socket<'a> {
    shell: &'a Shell,
    session: SessionId,
    format: Format,
    waker: Rc<Notify>,
}

impl Socket<'_> {
    async fn run(&self, upgraded: TokioIo<Upgraded>) {
        let size = self.shell.max_message_size;
        let config = WebSocketConfig::default()
            .max_message_size(Some(size))
            .max_frame_size(Some(size));
        let (mut sink, mut stream) =
            WebSocketStream::from_raw_socket(upgraded, Role::Server, Some(config))
                .await
                .split();
        tokio::select! {
            biased;
            never = self.read(&mut stream) => match never {},
            written = self.write(&mut sink) => match (written, sink.reunite(stream)) {
                (Ok(()), Ok(socket)) => end(socket.into_inner()).await,
                _ => log::debug!("session {} was cut off", self.session),
            },
        }
    }

    /// Hands over what comes in. It never returns: the end is for the core to decide, which may have more to write.
    async fn read(&self, stream: &mut Stream) -> Infallible {
        let receive = |incoming| {
            self.shell
                .input(|core, now| core.receive(now, self.session, incoming));
        };
        let mut handled: u32 = 0;
        while let Some(message) = stream.next().await {
            receive(match message {
                Ok(Message::Text(text)) => Incoming::Text(text.into()),
                Ok(Message::Binary(data)) => Incoming::Binary(data),
                Ok(Message::Pong(_)) => Incoming::Pong,
                Ok(Message::Ping(_) | Message::Frame(_)) => continue,
                Ok(Message::Close(_)) => {
                    // Reading on is what answers it.
                    receive(Incoming::Closed);
                    continue;
                }
                Err(tungstenite::Error::Capacity(_)) => Incoming::TooLong,
                Err(tungstenite::Error::Utf8(_)) => Incoming::Text(NOT_UTF8),
                Err(_) => break,
            });
            // As on a real server, a burst is handled before its outcome is written: what is more than a queue holds costs the connection.
            handled = handled.wrapping_add(1);
            if handled.is_multiple_of(MESSAGES_AT_ONCE) {
                yield_now().await;
            }
        }
        receive(Incoming::Closed);
        pending().await
    }

    /// Writes what the core has to say, until it has said the last.
    async fn write(&self, sink: &mut Sink) -> Result<(), tungstenite::Error> {
        loop {
            // The core gives up on a socket with its last word, which is to be written all the same.
            let is_last = Cell::new(false);
            let written = tokio::select! {
                biased;
                written = timeout(WRITE_WAIT, self.write_all(sink, &is_last)) => written,
                () = self.given_up(&is_last) => return Err(tungstenite::Error::AlreadyClosed),
            };
            match written {
                Ok(written) => match written? {
                    Next::Again => {}
                    Next::Wait => self.waker.notified().await,
                    Next::End => return Ok(()),
                },
                Err(_) => return Err(tungstenite::Error::AlreadyClosed),
            }
        }
    }

    /// Writes what the core has to say now, all together.
    async fn write_all(
        &self,
        sink: &mut Sink,
        is_last: &Cell<bool>,
    ) -> Result<Next, tungstenite::Error> {
        let mut has_written = false;
        let is_over = loop {
            let next = self.shell.core.borrow_mut().transmit(self.session);
            let message = match next {
                None => break false,
                Some(Transmit::Drop) => break true,
                Some(Transmit::Message(frame)) => self.message(frame),
                Some(Transmit::Ping) => Message::Ping(Bytes::new()),
                Some(Transmit::Close(frame)) => {
                    is_last.set(true);
                    Message::Close(frame.map(|(code, reason)| CloseFrame {
                        code: code.into(),
                        reason: Utf8Bytes::from_static(reason),
                    }))
                }
            };
            sink.feed(message).await?;
            has_written = true;
        };
        if has_written {
            sink.flush().await?;
        }
        Ok(match (is_over, has_written) {
            (true, _) => Next::End,
            (false, true) => Next::Again,
            (false, false) => Next::Wait,
        })
    }

    fn message(&self, frame: Bytes) -> Message {
        match self.format {
            Format::Protobuf => Message::Binary(frame),
            Format::Json => Message::Text(Utf8Bytes::try_from(frame).unwrap_or_default()),
        }
    }

    /// Until the core has no hope for the socket, unless its last word is being written.
    async fn given_up(&self, is_last: &Cell<bool>) {
        while is_last.get() || !self.shell.core.borrow().is_gone(self.session) {
            self.waker.notified().await;
        }
    }
}

/// Ends a connection in peace: what the peer has still sent would make a reset of the end, and our last words could be lost.
async fn end(mut connection: TokioIo<Upgraded>) {
    let ending = async {
        connection.shutdown().await?;
        tokio::io::copy(&mut connection, &mut tokio::io::sink()).await
    };
    let _ended = timeout(LINGER, ending).await;
}
