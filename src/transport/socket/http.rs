//! As much of HTTP/1.1 as a Nakama client needs: one request, one response, then the connection is closed or upgraded.
//!
//! Reading and writing are separate from any socket. The parsing is `httparse`'s. (Libraries that do the whole of it log
//! request heads or bodies, and with them tokens and passwords.)

use std::str;

use bytes::{Buf as _, Bytes, BytesMut};

/// Limits of what a server may answer.
const MAX_HEAD: usize = 32 * 1024;
const MAX_HEADERS: usize = 256;
const MAX_INTERIM: usize = 16;
const MAX_BODY: usize = 16 * 1024 * 1024;
/// The line before a chunk.
const MAX_CHUNK_LINE: usize = 4 * 1024;
/// All of it, with what is around chunks.
const MAX_ALL: usize = 2 * MAX_BODY;

/// What was wrong with an answer.
pub(crate) type HttpError = &'static str;

/// Writes a request. `headers` must hold no line breaks.
pub(crate) fn write_request(
    method: &str,
    target: &str,
    host: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Vec<u8> {
    let mut out = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n").into_bytes();
    for (name, value) in headers {
        for part in [name, ": ", value, "\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
    out
}

/// Whether a text can be the value of a header.
pub(crate) fn is_header_value(text: &str) -> bool {
    http::HeaderValue::from_str(text).is_ok()
}

/// Status line and headers of a response.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
}

impl Head {
    /// A header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    fn has_token(&self, name: &str, token: &str) -> bool {
        self.header(name).is_some_and(|value| {
            value
                .split(',')
                .any(|item| item.trim().eq_ignore_ascii_case(token))
        })
    }
}

/// A whole response.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) head: Head,
    pub(crate) body: Bytes,
}

/// Puts a response together from what arrives.
#[derive(Debug, Default)]
pub(crate) struct ResponseReader {
    arrived: BytesMut,
    head: Option<Head>,
    body: BytesMut,
    /// Bytes that have arrived.
    all: usize,
    /// Interim responses that have been skipped.
    interim: usize,
}

impl ResponseReader {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.all += bytes.len();
        self.arrived.extend_from_slice(bytes);
    }

    /// Whether nothing has arrived yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.head.is_none() && self.arrived.is_empty()
    }

    /// Whether what has arrived is an alert of TLS.
    pub(crate) fn is_tls_alert(&self) -> bool {
        self.head.is_none() && self.arrived.starts_with(&[0x15, 3])
    }

    /// The head, as soon as it is there. Interim responses (100 to 199, but not 101) are skipped.
    pub(crate) fn head(&mut self) -> Result<Option<&Head>, HttpError> {
        while self.head.is_none() {
            let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
            let mut response = httparse::Response::new(&mut headers);
            let parsed = response.parse(&self.arrived).map_err(|error| match error {
                httparse::Error::TooManyHeaders => "it has more than 256 headers",
                _ => "it is not HTTP/1.1",
            })?;
            let len = match parsed {
                httparse::Status::Complete(len) if len <= MAX_HEAD => len,
                httparse::Status::Partial if self.arrived.len() <= MAX_HEAD => return Ok(None),
                _ => return Err("its head is too large"),
            };
            let head = Head {
                status: response.code.unwrap_or_default(),
                headers: response
                    .headers
                    .iter()
                    .map(|h| {
                        (
                            h.name.to_ascii_lowercase(),
                            String::from_utf8_lossy(h.value).trim().to_owned(),
                        )
                    })
                    .collect(),
            };
            self.arrived.advance(len);
            if head.status == 101 || head.status >= 200 {
                self.head = Some(head);
            } else if self.interim == MAX_INTERIM {
                return Err("too many interim responses");
            } else {
                self.interim += 1;
            }
        }
        Ok(self.head.as_ref())
    }

    /// The whole response, as soon as it is there. `at_end`: nothing more will arrive.
    pub(crate) fn response(&mut self, at_end: bool) -> Result<Option<Response>, HttpError> {
        let Some(head) = self.head()?.cloned() else {
            return if at_end {
                Err("it ended within its head")
            } else {
                Ok(None)
            };
        };
        let complete = if head.status == 204 || head.status == 304 {
            true
        } else if head.has_token("transfer-encoding", "chunked") {
            self.read_chunks()?
        } else if let Some(len) = head.header("content-length") {
            let len: usize = len.parse().map_err(|_| "its length is not a number")?;
            if len > MAX_BODY {
                return Err("its body is too large");
            }
            let missing = len.saturating_sub(self.body.len()).min(self.arrived.len());
            self.body.unsplit(self.arrived.split_to(missing));
            self.body.len() == len
        } else {
            self.body.unsplit(self.arrived.split());
            at_end
        };
        if self.body.len() > MAX_BODY || self.all > MAX_ALL {
            return Err("its body is too large");
        }
        match (complete, at_end) {
            (true, _) => Ok(Some(Response {
                head,
                body: self.body.split().freeze(),
            })),
            (false, true) => Err("it ended within its body"),
            (false, false) => Ok(None),
        }
    }

    /// Moves complete chunks to the body; whether that was all of them.
    fn read_chunks(&mut self) -> Result<bool, HttpError> {
        loop {
            let parsed =
                httparse::parse_chunk_size(&self.arrived).map_err(|_| "a chunk has no size")?;
            let (start, len) = match parsed {
                httparse::Status::Complete((start, len)) if start <= MAX_CHUNK_LINE => (start, len),
                httparse::Status::Partial if self.arrived.len() <= MAX_CHUNK_LINE => {
                    return Ok(false);
                }
                _ => return Err("the size of a chunk is too long"),
            };
            if len == 0 {
                return Ok(true); // trailers, if any, do not matter: the connection is closed
            }
            let len = usize::try_from(len)
                .ok()
                .filter(|&len| len <= MAX_BODY - self.body.len())
                .ok_or("its body is too large")?;
            if self.arrived.len() < start + len + 2 {
                return Ok(false);
            }
            self.arrived.advance(start);
            self.body.unsplit(self.arrived.split_to(len));
            self.arrived.advance(2);
        }
    }

    /// What arrived behind the head: after an upgrade, the first frames.
    pub(crate) fn into_rest(self) -> Vec<u8> {
        self.arrived.to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds a response in two pieces, split at every byte, and expects the same from each.
    fn read(text: &str, at_end: bool) -> Result<Option<(u16, String)>, HttpError> {
        let whole = |split: usize| {
            let mut reader = ResponseReader::default();
            reader.push(&text.as_bytes()[..split]);
            let early = reader.response(false)?;
            reader.push(&text.as_bytes()[split..]);
            let response = match early {
                Some(response) => Some(response),
                None => reader.response(at_end)?,
            };
            Ok(response.map(|r| (r.head.status, String::from_utf8_lossy(&r.body).into_owned())))
        };
        let expected = whole(text.len());
        for split in 0..text.len() {
            let got = whole(split);
            assert_eq!(got.is_err(), expected.is_err(), "split at {split}");
            if got.is_ok() && at_end {
                assert_eq!(got, expected, "split at {split}");
            }
        }
        expected
    }

    #[test]
    fn a_body_ends_where_its_length_says() {
        let text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        assert_eq!(read(text, false), Ok(Some((200, "hello".into()))));
        assert_eq!(
            read("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", false),
            Ok(None)
        );
        assert_eq!(
            read("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", true),
            Err("it ended within its body")
        );
    }

    #[test]
    fn chunks_are_put_together() {
        let text =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n";
        assert_eq!(read(text, true), Ok(Some((200, "hello".into()))));
    }

    #[test]
    fn without_a_length_the_end_of_the_connection_ends_the_body() {
        assert_eq!(
            read("HTTP/1.1 401 Unauthorized\r\n\r\nno", true),
            Ok(Some((401, "no".into())))
        );
        assert_eq!(read("HTTP/1.1 401 Unauthorized\r\n\r\nno", false), Ok(None));
    }

    #[test]
    fn interim_responses_are_skipped() {
        let text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
        assert_eq!(read(text, true), Ok(Some((204, String::new()))));
    }

    #[test]
    fn what_is_not_http_is_refused() {
        assert!(read("SSH-2.0-OpenSSH_9.2\r\n\r\n", true).is_err());
        assert!(read("HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", true).is_err());
        assert!(
            read(
                "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
                true
            )
            .is_err()
        );
        assert!(
            read(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                true
            )
            .is_err()
        );
        assert!(read("HTTP/1.1 200", true).is_err());
        let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(MAX_HEAD));
        let mut reader = ResponseReader::default();
        reader.push(endless.as_bytes());
        assert_eq!(reader.head().map(|_| ()), Err("its head is too large"));
    }
}
