//! Errors of the server, and errors of payloads.

use std::{collections::BTreeMap, error::Error, fmt, iter, sync::Arc};

use crate::{
    proto::realtime,
    transport::{RestResponse, one_line},
};

/// The code of an error over the socket. Mirrors `Error.Code`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ErrorCode {
    /// 0: something went wrong on the server.
    RuntimeException,
    /// 1: the server does not know this message; it closes the socket.
    UnrecognizedPayload,
    /// 2: an envelope without a message; the server closes the socket.
    MissingPayload,
    /// 3: a malformed id or parameter. Every error about a party has this code, too.
    BadInput,
    /// 4: the server has no match with this id.
    MatchNotFound,
    /// 5: the match handler rejected the join; the message is its reason.
    MatchJoinRejected,
    /// 6: the server has no function with this id.
    RuntimeFunctionNotFound,
    /// 7: the function failed; the message is its error.
    RuntimeFunctionException,
    /// A code that this crate does not know.
    Other(i32),
}

impl From<i32> for ErrorCode {
    fn from(code: i32) -> Self {
        match code {
            0 => Self::RuntimeException,
            1 => Self::UnrecognizedPayload,
            2 => Self::MissingPayload,
            3 => Self::BadInput,
            4 => Self::MatchNotFound,
            5 => Self::MatchJoinRejected,
            6 => Self::RuntimeFunctionNotFound,
            7 => Self::RuntimeFunctionException,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RuntimeException => "runtime exception",
            Self::UnrecognizedPayload => "unrecognized payload",
            Self::MissingPayload => "missing payload",
            Self::BadInput => "bad input",
            Self::MatchNotFound => "match not found",
            Self::MatchJoinRejected => "match join rejected",
            Self::RuntimeFunctionNotFound => "runtime function not found",
            Self::RuntimeFunctionException => "runtime function exception",
            Self::Other(code) => return write!(f, "code {code}"),
        })
    }
}

/// An error that the server sent over the socket. Mirrors `Error`.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{} ({code})", one_line(message))]
pub struct ServerError {
    /// The code.
    pub code: ErrorCode,
    /// The server's text.
    pub message: String,
    /// Further details; Nakama itself sends none.
    pub context: BTreeMap<String, String>,
}

impl From<realtime::Error> for ServerError {
    fn from(error: realtime::Error) -> Self {
        Self {
            code: error.code.into(),
            message: error.message,
            context: error.context,
        }
    }
}

/// An error of the REST interface.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{} ({status})", one_line(message))]
pub struct RestError {
    /// HTTP status.
    pub status: u16,
    /// gRPC code; 0 if the answer does not give it.
    pub code: i32,
    /// The server's text. If a proxy answered instead, this is the proxy's text in one line. An answer without any text has the
    /// name of its status here.
    pub message: String,
}

impl RestError {
    /// Whether the server says with this, in answer to a refresh, that the session is over. A server that is too busy does not say so,
    /// and neither does another program that answers in its place.
    pub(crate) fn ends_session(&self) -> bool {
        let is_of_server = self.code != 0;
        let is_no = (400..500).contains(&self.status) && !matches!(self.status, 408 | 429);
        is_of_server && is_no && !self.is_of_server_key()
    }

    /// Whether the server does not take the server key. That says nothing of a session.
    pub(crate) fn is_of_server_key(&self) -> bool {
        self.status == 401 && self.message.starts_with("Server key")
    }
}

impl From<&RestResponse> for RestError {
    fn from(response: &RestResponse) -> Self {
        let json: Option<serde_json::Value> = serde_json::from_slice(&response.body).ok();
        let field = |name: &str| json.as_ref().and_then(|json| json.get(name));
        let code = field("code")
            .and_then(serde_json::Value::as_i64)
            .and_then(|code| i32::try_from(code).ok());
        Self {
            status: response.status,
            code: code.unwrap_or_default(),
            message: crate::transport::error_text(response.status, &response.body),
        }
    }
}

/// A payload that could not be encoded or decoded.
///
/// If a value in JSON does not fit, the text says where the value is. It does not say what the value is, because that may be a
/// secret. `Debug` shows everything.
#[derive(Clone, Debug)]
pub struct PayloadError(Arc<dyn Error + Send + Sync>);

impl PayloadError {
    /// An error of your own [`Codec`](crate::payload::Codec), or of the library that it uses.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(error.into().into())
    }

    /// What the codec says and what caused it, in one line.
    pub(crate) fn cause(&self) -> String {
        let outermost: &(dyn Error + 'static) = &*self.0;
        let causes = iter::successors(Some(outermost), |error: &&(dyn Error + 'static)| {
            (*error).source()
        });
        one_line(&causes.map(without_values).collect::<Vec<_>>().join(": "))
    }
}

/// The text of an error, without values. Serde quotes a value that does not fit, and this text may go into a log.
fn without_values(error: &(dyn Error + 'static)) -> String {
    let text = error.to_string();
    match error.downcast_ref::<serde_json::Error>() {
        Some(json) if json.is_data() && !text.starts_with("missing field `") => {
            match (json.line(), json.column()) {
                (0, _) => "a value does not fit".to_owned(),
                (line, column) => format!("a value does not fit at line {line} column {column}"),
            }
        }
        _ => text,
    }
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the payload does not fit its type: {}", self.cause())
    }
}

impl Error for PayloadError {}

/// Why the server refuses a request: a variant for each reason that a game can act on, with the server's own text.
macro_rules! refusals {
    ($(#[$doc:meta])* pub enum $Refusal:ident($Error:ty) { $($(#[$of:meta])* $Variant:ident,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
        #[non_exhaustive]
        pub enum $Refusal {
            $(
                $(#[$of])*
                #[error(transparent)]
                $Variant($Error),
            )+
        }
    };
}
pub(crate) use refusals;
