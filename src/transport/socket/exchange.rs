//! One HTTP request over a connection of its own: a REST call, or the opening of a WebSocket.

use std::{
    io::{self, Read as _, Write as _},
    mem,
    time::Instant,
};

use mio::Registry;

use super::{
    dial::Dial,
    http::{Head, Response, ResponseReader},
    resolver::Addresses,
    stream::Stream,
};
use crate::transport::error::TransportError;

/// How often one turn reads, before it is the turn of other calls and links.
const READS_PER_TURN: usize = 16;

/// A request on its way, and its response.
pub(crate) struct Exchange {
    stage: ExchangeStage,
    request: Vec<u8>,
    has_more: bool,
}

enum ExchangeStage {
    Dialing(Box<Dial>),
    Talking(Talk),
    Over,
}

struct Talk {
    stream: Stream,
    written: usize,
    /// Why writing has failed for good.
    unwritable: Option<TransportError>,
    reader: ResponseReader,
}

/// How far a turn has read.
enum Read {
    /// Nothing more is there now.
    Waiting,
    /// The next turn has more to read.
    More,
    /// Nothing more will arrive.
    End,
    /// Nothing more will arrive, because the connection broke.
    Broken(TransportError),
}

/// What came back.
pub(crate) enum Outcome {
    /// A whole response.
    Response(Response),
    /// The server switched protocols.
    Upgraded {
        stream: Stream,
        head: Head,
        /// What arrived behind the head.
        rest: Vec<u8>,
    },
}

impl Exchange {
    pub(crate) fn new(dial: Dial, request: Vec<u8>) -> Self {
        Self {
            stage: ExchangeStage::Dialing(Box::new(dial)),
            request,
            has_more: false,
        }
    }

    pub(crate) fn on_resolved(
        &mut self,
        now: Instant,
        found: Addresses,
        registry: &Registry,
    ) -> Result<(), TransportError> {
        match &mut self.stage {
            ExchangeStage::Dialing(dial) => dial.on_resolved(now, found, registry),
            ExchangeStage::Talking(_) | ExchangeStage::Over => Ok(()),
        }
    }

    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        match &self.stage {
            ExchangeStage::Dialing(dial) => dial.next_timeout(),
            ExchangeStage::Talking(_) | ExchangeStage::Over => None,
        }
    }

    /// Goes on as far as possible without blocking.
    pub(crate) fn poll(
        &mut self,
        now: Instant,
        registry: &Registry,
    ) -> Result<Option<Outcome>, TransportError> {
        if let ExchangeStage::Dialing(dial) = &mut self.stage {
            let Some(stream) = dial.poll(now, registry)? else {
                return Ok(None);
            };
            self.stage = ExchangeStage::Talking(Talk {
                stream,
                written: 0,
                unwritable: None,
                reader: ResponseReader::default(),
            });
        }
        let ExchangeStage::Talking(talk) = &mut self.stage else {
            return Ok(None);
        };
        // A server may answer before it has read everything, so reading does not wait until everything is written. Failed writing
        // does not matter either, as long as there is an answer to read.
        talk.write(&self.request);
        let read = talk.read();
        talk.write(&self.request); // the TLS handshake may have ended just now
        self.has_more = matches!(read, Read::More);
        if talk.is_upgraded() {
            let ExchangeStage::Talking(Talk {
                stream, mut reader, ..
            }) = mem::replace(&mut self.stage, ExchangeStage::Over)
            else {
                return Ok(None);
            };
            let head = reader.head().ok().flatten().cloned().unwrap_or_default();
            return Ok(Some(Outcome::Upgraded {
                stream,
                head,
                rest: reader.into_rest(),
            }));
        }
        let nothing_arrived = talk.reader.is_empty();
        match (talk.reader.response(matches!(read, Read::End)), read) {
            (Ok(Some(response)), _) if talk.is_plain() && wants_tls(&response) => {
                Err(TransportError::OnlyTls)
            }
            (Ok(Some(response)), _) => Ok(Some(Outcome::Response(response))),
            (Err(_), _) if talk.is_plain() && talk.reader.is_tls_alert() => {
                Err(TransportError::OnlyTls)
            }
            // The first error says most.
            (Ok(None), Read::Broken(error)) => Err(talk.unwritable.take().unwrap_or(error)),
            (Ok(None), _) => Ok(None),
            (Err(problem), Read::End) => Err(match talk.unwritable.take() {
                Some(error) => error,
                None if nothing_arrived => TransportError::Eof,
                None => TransportError::Http(problem),
            }),
            (Err(problem), _) => Err(TransportError::Http(problem)),
        }
    }

    /// Whether there is more to read right now.
    pub(crate) fn has_more(&self) -> bool {
        self.has_more
    }
}

/// Whether this is how a server with TLS refuses a request without TLS.
fn wants_tls(response: &Response) -> bool {
    let begin = &response.body[..response.body.len().min(256)];
    let says = |text: &str| begin.windows(text.len()).any(|it| it == text.as_bytes());
    response.head.status == 400
        && (says("Client sent an HTTP request to an HTTPS server") // Go, and so Nakama
            || says("plain HTTP request was sent to HTTPS port")) // nginx
}

impl Talk {
    fn is_plain(&self) -> bool {
        matches!(self.stream, Stream::Plain(_))
    }

    /// Whether the server has switched protocols.
    fn is_upgraded(&mut self) -> bool {
        let head = self.reader.head();
        head.is_ok_and(|head| head.is_some_and(|head| head.status == 101))
    }

    fn write(&mut self, request: &[u8]) {
        if self.unwritable.is_none() {
            self.unwritable = self.try_write(request).err();
        }
    }

    fn try_write(&mut self, request: &[u8]) -> Result<(), TransportError> {
        while self.written < request.len() {
            match self.stream.write(&request[self.written..]) {
                Ok(0) => return Err(TransportError::Eof),
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        match self.stream.flush() {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Reads what is there, up to the limit of a turn.
    fn read(&mut self) -> Read {
        let mut buffer = [0; 16 * 1024];
        for _ in 0..READS_PER_TURN {
            match self.stream.read(&mut buffer) {
                Ok(0) => return Read::End,
                Ok(count) => {
                    self.reader.push(&buffer[..count]);
                    // The WebSocket reads what comes behind the head of an upgrade.
                    if self.is_upgraded() {
                        return Read::Waiting;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Read::Waiting,
                // Many servers end TLS without a goodbye.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Read::End,
                Err(error) => return Read::Broken(error.into()),
            }
        }
        Read::More
    }
}
