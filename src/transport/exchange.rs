//! One HTTP request over a connection of its own: a REST call, or the opening of a WebSocket.

use std::{
    io::{self, Read as _, Write as _},
    mem,
    time::Instant,
};

use mio::Registry;

use super::{
    dial::Dial,
    error::TransportError,
    http::{Head, Response, ResponseReader},
    resolver::Addresses,
    stream::Stream,
};

/// A request on its way, and its response.
pub(super) struct Exchange {
    stage: Stage,
    request: Vec<u8>,
}

enum Stage {
    Dialing(Dial),
    Talking(Talk),
    Over,
}

struct Talk {
    stream: Stream,
    written: usize,
    reader: ResponseReader,
}

/// What came of it.
pub(super) enum Outcome {
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
    pub(super) fn new(dial: Dial, request: Vec<u8>) -> Self {
        Self {
            stage: Stage::Dialing(dial),
            request,
        }
    }

    pub(super) fn on_resolved(
        &mut self,
        now: Instant,
        found: Addresses,
        registry: &Registry,
    ) -> Result<(), TransportError> {
        match &mut self.stage {
            Stage::Dialing(dial) => dial.on_resolved(now, found, registry),
            Stage::Talking(_) | Stage::Over => Ok(()),
        }
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Dialing(dial) => dial.next_timeout(),
            Stage::Talking(_) | Stage::Over => None,
        }
    }

    /// Goes on as far as possible without blocking.
    pub(super) fn poll(
        &mut self,
        now: Instant,
        registry: &Registry,
    ) -> Result<Option<Outcome>, TransportError> {
        if let Stage::Dialing(dial) = &mut self.stage {
            let Some(stream) = dial.poll(now, registry)? else {
                return Ok(None);
            };
            self.stage = Stage::Talking(Talk {
                stream,
                written: 0,
                reader: ResponseReader::default(),
            });
        }
        let Stage::Talking(talk) = &mut self.stage else {
            return Ok(None);
        };
        // A server may answer before it has read everything, so reading does not wait for the writing to be done.
        talk.write(&self.request)?;
        let at_end = talk.read()?;
        if talk
            .reader
            .head()
            .map_err(TransportError::Http)?
            .is_some_and(|head| head.status == 101)
        {
            let Stage::Talking(Talk {
                stream, mut reader, ..
            }) = mem::replace(&mut self.stage, Stage::Over)
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
        match talk.reader.response(at_end) {
            Ok(response) => Ok(response.map(Outcome::Response)),
            Err(_) if nothing_arrived => Err(TransportError::Eof),
            Err(problem) => Err(TransportError::Http(problem)),
        }
    }
}

impl Talk {
    fn write(&mut self, request: &[u8]) -> Result<(), TransportError> {
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

    /// Reads what is there; whether that was the end.
    fn read(&mut self) -> Result<bool, TransportError> {
        let mut buffer = [0; 4096];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return Ok(true),
                Ok(count) => {
                    self.reader.push(&buffer[..count]);
                    // What comes behind the head of an upgrade is for the WebSocket to read.
                    if self
                        .reader
                        .head()
                        .is_ok_and(|head| head.is_some_and(|head| head.status == 101))
                    {
                        return Ok(false);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                // Many servers end TLS without saying so.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(true),
                Err(error) => return Err(error.into()),
            }
        }
    }
}
