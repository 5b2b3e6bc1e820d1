//! What passes through one way of a connection, as far as rules have to know: requests, and the frames of a socket.

use std::io::Cursor;

use bytes::{Bytes, BytesMut};
use tungstenite::protocol::frame::{
    FrameHeader,
    coding::{Data, OpCode},
};

use super::moment::Direction;
use crate::proto::{self, Kind};

/// The largest head of a request or response, in bytes.
const MAX_HEAD: usize = 64 * 1024;
/// A larger frame passes without being looked at, in bytes.
const MAX_FRAME: u64 = 4 * 1024 * 1024;
/// How many headers a head may have.
const MAX_HEADERS: usize = 128;

/// Follows the bytes of one way. What it cannot read, it lets pass.
///
/// While no rule has to know, bytes pass at once. It still follows them, so that it knows where a frame begins when a rule is added.
pub(super) struct Scanner {
    direction: Direction,
    stage: Stage,
    /// What has been read and does not make a whole yet.
    pending: BytesMut,
    /// How much of it has already passed on.
    passed: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// A request, or the answer to the request for a socket.
    Head,
    /// So many bytes of a body, and then a request.
    Body(u64),
    Frame,
    /// So many bytes of a frame that has begun to pass, and then a frame.
    RestOfFrame(u64),
    /// Nothing that a rule could be about.
    Anything,
}

/// What has passed, or is to pass.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Bytes, of whatever.
    Bytes(Bytes),
    /// The head of a request, all of it.
    Request {
        bytes: Bytes,
        path: String,
        /// Whether it asks for a socket.
        is_upgrade: bool,
    },
    /// The answer to the request for a socket.
    Answer { bytes: Bytes, is_socket: bool },
    /// A message of a socket, all of it.
    Frame { bytes: Bytes, kind: Option<Kind> },
}

impl Scanner {
    pub(super) fn new(direction: Direction) -> Self {
        let stage = match direction {
            Direction::ToServer => Stage::Head,
            Direction::ToClient => Stage::Anything,
        };
        Self {
            direction,
            stage,
            pending: BytesMut::new(),
            passed: 0,
        }
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// The next thing on this way is a head.
    pub(super) fn expect_head(&mut self) {
        self.go_on_with(Stage::Head);
    }

    /// From now on, there are frames.
    pub(super) fn expect_frames(&mut self) {
        self.go_on_with(Stage::Frame);
    }

    fn go_on_with(&mut self, stage: Stage) {
        // What came too early belongs to nothing that a rule could be about.
        if self.pending.is_empty() {
            self.stage = stage;
        }
    }

    /// Whether something can be said in between: the receiver has whole frames.
    pub(super) fn is_between_frames(&self) -> bool {
        self.stage == Stage::Frame && self.passed == 0
    }

    /// How many bytes wait here.
    pub(super) fn waiting(&self) -> usize {
        self.pending.len() - self.passed
    }

    /// The next thing to pass on. `whole`: a rule has to see heads and frames as a whole, so parts have to wait.
    pub(super) fn next(&mut self, whole: bool) -> Option<Seen> {
        if self.waiting() == 0 {
            return None;
        }
        match self.stage {
            Stage::Anything => self.bytes(self.pending.len()),
            Stage::Body(left) => self.part(left, Stage::Body, Stage::Head),
            Stage::RestOfFrame(left) => self.part(left, Stage::RestOfFrame, Stage::Frame),
            Stage::Head if self.direction == Direction::ToServer => self.request(whole),
            Stage::Head => self.answer(whole),
            Stage::Frame => self.frame(whole),
        }
    }

    /// What waits for its other part, at the end of the stream.
    pub(super) fn rest(&mut self) -> Option<Seen> {
        self.stage = Stage::Anything;
        self.next(false)
    }

    /// So many bytes have been looked at. What of them has not passed on passes now.
    fn bytes(&mut self, length: usize) -> Option<Seen> {
        let mut bytes = self.pending.split_to(length);
        let bytes = bytes.split_off(self.passed.min(length));
        self.passed = 0;
        Some(Seen::Bytes(bytes.freeze()))
    }

    fn part(&mut self, left: u64, part: fn(u64) -> Stage, next: Stage) -> Option<Seen> {
        let length = (self.pending.len() as u64).min(left);
        self.stage = match left - length {
            0 => next,
            left => part(left),
        };
        self.bytes(length as usize)
    }

    /// Something is not all there yet.
    fn incomplete(&mut self, whole: bool) -> Option<Seen> {
        if whole && self.passed == 0 {
            return None;
        }
        let bytes = Bytes::copy_from_slice(&self.pending[self.passed..]);
        self.passed = self.pending.len();
        Some(Seen::Bytes(bytes))
    }

    /// It is not what it should be. Everything passes from now on.
    fn give_up(&mut self) -> Option<Seen> {
        self.stage = Stage::Anything;
        self.bytes(self.pending.len())
    }

    fn request(&mut self, whole: bool) -> Option<Seen> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        let length = match request.parse(&self.pending) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) if self.may_be_http() => return self.incomplete(whole),
            _ => return self.give_up(),
        };
        let header = |name: &str| header(request.headers, name);
        let path = request.path.unwrap_or_default().to_owned();
        let is_upgrade = header("upgrade").is_some_and(|it| it.eq_ignore_ascii_case("websocket"));
        let body = header("content-length").map_or(Ok(0), str::parse);
        self.stage = match body {
            _ if is_upgrade || header("transfer-encoding").is_some() => Stage::Anything,
            Ok(0) => Stage::Head,
            Ok(length) => Stage::Body(length),
            Err(_) => Stage::Anything,
        };
        if self.passed > 0 {
            // It is too late to do anything with it, but a socket opens all the same.
            let Some(Seen::Bytes(bytes)) = self.bytes(length) else {
                return None;
            };
            return Some(Seen::Request {
                bytes,
                path: String::new(),
                is_upgrade,
            });
        }
        Some(Seen::Request {
            bytes: self.pending.split_to(length).freeze(),
            path,
            is_upgrade,
        })
    }

    fn answer(&mut self, whole: bool) -> Option<Seen> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let length = match response.parse(&self.pending) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) if self.pending.len() < MAX_HEAD => {
                return self.incomplete(whole);
            }
            _ => return self.give_up(),
        };
        let status = response.code.unwrap_or_default();
        let is_socket = status == 101;
        self.stage = match status {
            101 => Stage::Frame,
            // The answer is still to come.
            100..200 => Stage::Head,
            _ => Stage::Anything,
        };
        match self.bytes(length) {
            Some(Seen::Bytes(bytes)) if self.stage != Stage::Head => {
                Some(Seen::Answer { bytes, is_socket })
            }
            bytes => bytes,
        }
    }

    fn frame(&mut self, whole: bool) -> Option<Seen> {
        let mut cursor = Cursor::new(&self.pending);
        let (head, length) = match FrameHeader::parse(&mut cursor) {
            Ok(Some(head)) => head,
            Ok(None) => return self.incomplete(whole),
            Err(_) => return self.give_up(),
        };
        let begin = cursor.position();
        let all = begin.saturating_add(length);
        let here = self.pending.len() as u64;
        if here < all {
            if whole && self.passed == 0 && length <= MAX_FRAME {
                return None;
            }
            self.stage = Stage::RestOfFrame(all - here);
            return self.bytes(self.pending.len());
        }
        let (begin, all) = (begin as usize, all as usize);
        let is_message = head.is_final && head.opcode == OpCode::Data(Data::Binary);
        if self.passed > 0 || !whole || !is_message || head.rsv1 || head.rsv2 || head.rsv3 {
            return self.bytes(all);
        }
        let bytes = self.pending.split_to(all).freeze();
        let payload = unmasked(bytes.slice(begin..), head.mask);
        let message = proto::decode(payload).ok().and_then(|it| it.message);
        Some(Seen::Frame {
            bytes,
            kind: message.as_ref().map(Kind::of),
        })
    }

    /// Whether this can become a request. Without this, what speaks another protocol would wait for the end of its head.
    fn may_be_http(&self) -> bool {
        let method = self.pending[..].split(|byte| *byte == b' ').next();
        let is_method = |method: &[u8]| method.iter().all(u8::is_ascii_uppercase);
        self.pending.len() < MAX_HEAD && method.is_some_and(is_method)
    }
}

fn header<'h>(headers: &[httparse::Header<'h>], name: &str) -> Option<&'h str> {
    let header = headers
        .iter()
        .find(|it| it.name.eq_ignore_ascii_case(name))?;
    std::str::from_utf8(header.value).ok().map(str::trim)
}

fn unmasked(payload: Bytes, mask: Option<[u8; 4]>) -> Bytes {
    let Some(mask) = mask else {
        return payload;
    };
    let bytes = payload.iter().zip(mask.iter().cycle());
    bytes.map(|(byte, mask)| byte ^ mask).collect()
}

/// A whole frame of a socket.
pub(super) fn frame(direction: Direction, opcode: OpCode, payload: &[u8]) -> Bytes {
    let head = FrameHeader {
        opcode,
        // A client has to mask what it says. This mask changes nothing.
        mask: (direction == Direction::ToServer).then_some([0; 4]),
        ..FrameHeader::default()
    };
    let mut frame = Vec::with_capacity(head.len(payload.len() as u64) + payload.len());
    // Writing to a `Vec` does not fail.
    let _ = head.format(payload.len() as u64, &mut frame);
    frame.extend_from_slice(payload);
    frame.into()
}

/// The content of a close frame. It has room for 123 bytes of text.
pub(super) fn close_words(words: Option<&(u16, String)>) -> Vec<u8> {
    let Some((code, reason)) = words else {
        return Vec::new();
    };
    let mut payload = code.to_be_bytes().to_vec();
    payload.extend_from_slice(&reason.as_bytes()[..reason.floor_char_boundary(123)]);
    payload
}

/// A response with an error, as a Nakama server writes it.
pub(super) fn response(status: u16) -> Bytes {
    let code = match status {
        400 => 3,
        401 => 16,
        403 => 7,
        404 => 5,
        429 => 8,
        503 => 14,
        _ => 2,
    };
    let reason = http::StatusCode::from_u16(status).ok();
    let reason = reason.and_then(|status| status.canonical_reason());
    let reason = reason.unwrap_or("Unknown");
    let body = format!(r#"{{"error":"{reason}","message":"{reason}","code":{code}}}"#);
    let head = format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    (head + &body).into()
}
