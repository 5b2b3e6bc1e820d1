//! WebSocket frames over any stream, from a client's side.
//!
//! Tungstenite reads and writes the heads of frames. The rest is here, because tungstenite would log the content of frames, and that
//! includes tokens and chat.

use std::{
    io::{self, Cursor, ErrorKind, Read, Write},
    str,
};

use bytes::{Buf as _, Bytes, BytesMut};
use tungstenite::protocol::frame::{
    FrameHeader,
    coding::{Control, Data, OpCode},
};

/// How much one read takes, in bytes.
const CHUNK: usize = 16 * 1024;
/// The largest content of a control frame that the protocol allows, in bytes.
const MAX_CONTROL: usize = 125;
/// In how many pieces a message may come. Their size does not bound their number, because they may be empty.
const MAX_PIECES: usize = 16 * 1024;
/// How many frames one turn takes, before it is the turn of other links.
const FRAMES_PER_TURN: usize = 256;
/// How often one turn reads.
const READS_PER_TURN: usize = 16;

/// A message that the server sent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SocketMessage {
    Binary(Bytes),
    Text,
    Ping,
    Pong,
    /// The code and the text of the close frame. Its echo leaves with the next flush.
    Close(Option<(u16, String)>),
}

/// Why nothing more will come.
#[derive(Debug)]
pub(crate) enum FrameError {
    /// The stream failed, or ended.
    Io(io::Error),
    /// The server breaks the protocol.
    Protocol(&'static str),
}

impl From<io::Error> for FrameError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// An open WebSocket.
///
/// A turn reads only so much, whatever the server sends. After writing has failed, reading goes on until nothing is left, because
/// the server may have said why. Only then the error is told.
pub(crate) struct Frames<S> {
    stream: S,
    turn: Turn,
    /// Bytes that were read, and not parsed yet.
    unread: BytesMut,
    /// The largest message that the server may send.
    limit: usize,
    /// The beginning of a message in pieces, and how many there were.
    message: Option<(BytesMut, usize)>,
    /// Bytes that were written, and that the stream has not taken yet.
    unsent: BytesMut,
    /// The content of the newest ping. Only that one needs an answer.
    pong: Option<Bytes>,
    is_closing: bool,
    /// Why writing has failed for good.
    broken: Option<FrameError>,
    masks: fn() -> [u8; 4],
}

/// How much this turn may still read.
struct Turn {
    frames: usize,
    reads: usize,
    /// Whether something was left for the next turn.
    has_more: bool,
}

impl Default for Turn {
    fn default() -> Self {
        Self {
            frames: FRAMES_PER_TURN,
            reads: READS_PER_TURN,
            has_more: false,
        }
    }
}

impl<S: Read + Write> Frames<S> {
    /// Goes on with a stream after the upgrade. `rest` is what was read behind the answer to the upgrade. The masks of messages come
    /// from `masks`, and nobody must be able to predict them.
    pub(crate) fn new(stream: S, rest: &[u8], limit: usize, masks: fn() -> [u8; 4]) -> Self {
        Self {
            stream,
            turn: Turn::default(),
            unread: rest.into(),
            limit,
            message: None,
            unsent: BytesMut::new(),
            pong: None,
            is_closing: false,
            broken: None,
            masks,
        }
    }

    /// Begins a turn, so that reading goes on.
    pub(crate) fn begin_turn(&mut self) {
        self.turn = Turn::default();
    }

    /// Whether this turn may have left something to read.
    pub(crate) fn has_more(&self) -> bool {
        self.turn.has_more
    }

    /// Whether writing has failed for good. What the server sent before may tell why. After that, [`read`](Self::read) does.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// The next message that the server sent. `None` if there is nothing more now, or nothing more for this turn.
    pub(crate) fn read(&mut self) -> Result<Option<SocketMessage>, FrameError> {
        loop {
            while self.turn.frames > 0
                && let Some((head, payload)) = self.next_frame()?
            {
                self.turn.frames -= 1;
                if let Some(arrived) = self.on_frame(&head, payload)? {
                    return Ok(Some(arrived));
                }
            }
            if self.turn.frames == 0 || self.turn.reads == 0 {
                self.turn.has_more = true;
                return Ok(None);
            }
            self.turn.reads -= 1;
            let mut chunk = [0; CHUNK];
            let end = match self.stream.read(&mut chunk) {
                Ok(0) => FrameError::Io(ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    self.unread.extend_from_slice(&chunk[..count]);
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return self.broken.take().map_or(Ok(None), Err);
                }
                Err(error) => error.into(),
            };
            // The first error says most.
            return Err(self.broken.take().unwrap_or(end));
        }
    }

    /// Takes a frame from the bytes that were read, if all of it is there.
    fn next_frame(&mut self) -> Result<Option<(FrameHeader, Bytes)>, FrameError> {
        let mut cursor = Cursor::new(&self.unread);
        let parsed = FrameHeader::parse(&mut cursor)
            .map_err(|_| FrameError::Protocol("a frame of a kind that does not exist"))?;
        let Some((head, length)) = parsed else {
            return Ok(None);
        };
        let begin = usize::try_from(cursor.position()).unwrap_or(usize::MAX);
        let before = self.message.as_ref().map_or(0, |(begin, _)| begin.len());
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if head.rsv1 || head.rsv2 || head.rsv3 {
            return Err(FrameError::Protocol("an extension that was not asked for"));
        }
        if head.mask.is_some() {
            return Err(FrameError::Protocol("a masked frame from a server"));
        }
        let is_control = matches!(head.opcode, OpCode::Control(_));
        if is_control && !head.is_final {
            return Err(FrameError::Protocol("a control frame in pieces"));
        }
        if is_control && length > MAX_CONTROL {
            return Err(FrameError::Protocol("a control frame that is too large"));
        }
        if length.saturating_add(before) > self.limit {
            return Err(FrameError::Protocol("a message that is too large"));
        }
        if self.unread.len() - begin < length {
            return Ok(None);
        }
        self.unread.advance(begin);
        Ok(Some((head, self.unread.split_to(length).freeze())))
    }

    fn on_frame(
        &mut self,
        head: &FrameHeader,
        payload: Bytes,
    ) -> Result<Option<SocketMessage>, FrameError> {
        match head.opcode {
            OpCode::Data(Data::Text) => Ok(Some(SocketMessage::Text)),
            OpCode::Data(Data::Binary) if self.message.is_some() => {
                Err(FrameError::Protocol("a message within another"))
            }
            OpCode::Data(Data::Binary) if head.is_final => Ok(Some(SocketMessage::Binary(payload))),
            OpCode::Data(Data::Binary) => {
                self.message = Some((BytesMut::from(&payload[..]), 1));
                Ok(None)
            }
            OpCode::Data(_) => {
                let Some((mut message, pieces)) = self.message.take() else {
                    return Err(FrameError::Protocol("the end of a message without a begin"));
                };
                message.extend_from_slice(&payload);
                if head.is_final {
                    return Ok(Some(SocketMessage::Binary(message.freeze())));
                }
                if pieces >= MAX_PIECES {
                    return Err(FrameError::Protocol("a message in too many pieces"));
                }
                self.message = Some((message, pieces + 1));
                Ok(None)
            }
            OpCode::Control(Control::Ping) => {
                self.pong = Some(payload);
                Ok(Some(SocketMessage::Ping))
            }
            OpCode::Control(Control::Pong) => Ok(Some(SocketMessage::Pong)),
            OpCode::Control(_) => {
                let words = close_words(&payload)?;
                self.close(words.as_ref().map(|(code, _)| *code));
                Ok(Some(SocketMessage::Close(words)))
            }
        }
    }

    /// Writes a message. It leaves with the next [`flush`](Self::flush).
    pub(crate) fn write(&mut self, message: &[u8]) {
        self.put(OpCode::Data(Data::Binary), message);
    }

    /// Writes a close frame. Does nothing the second time.
    pub(crate) fn close(&mut self, code: Option<u16>) {
        if !self.is_closing {
            self.is_closing = true;
            let code = code.map(u16::to_be_bytes);
            let payload = code.as_ref().map_or(&[][..], |code| code);
            self.put(OpCode::Control(Control::Close), payload);
        }
    }

    fn put(&mut self, opcode: OpCode, payload: &[u8]) {
        let mask = (self.masks)();
        let head = FrameHeader {
            opcode,
            mask: Some(mask),
            ..FrameHeader::default()
        };
        let mut written = Vec::with_capacity(head.len(payload.len() as u64));
        // Writing to a `Vec` does not fail.
        let _ = head.format(payload.len() as u64, &mut written);
        self.unsent.extend_from_slice(&written);
        let masked = payload.iter().zip(mask.iter().cycle());
        self.unsent.extend(masked.map(|(byte, mask)| byte ^ mask));
    }

    /// Sends as much as the stream takes. Returns whether that was everything.
    pub(crate) fn flush(&mut self) -> bool {
        if self.broken.is_some() {
            return false;
        }
        match self.try_flush() {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::WouldBlock => false,
            Err(error) => {
                self.broken = Some(error.into());
                false
            }
        }
    }

    fn try_flush(&mut self) -> io::Result<()> {
        loop {
            while !self.unsent.is_empty() {
                match self.stream.write(&self.unsent)? {
                    0 => return Err(ErrorKind::WriteZero.into()),
                    count => self.unsent.advance(count),
                }
            }
            match self.pong.take() {
                Some(payload) if !self.is_closing => {
                    self.put(OpCode::Control(Control::Pong), &payload);
                }
                _ => break,
            }
        }
        self.stream.flush()
    }
}

fn close_words(payload: &[u8]) -> Result<Option<(u16, String)>, FrameError> {
    match payload.split_first_chunk() {
        None if payload.is_empty() => Ok(None),
        None => Err(FrameError::Protocol("a close frame with half a code")),
        Some((code, words)) => {
            let words = str::from_utf8(words)
                .map_err(|_| FrameError::Protocol("a close frame with words that are not UTF-8"))?;
            Ok(Some((u16::from_be_bytes(*code), words.to_owned())))
        }
    }
}

#[cfg(test)]
mod tests;
