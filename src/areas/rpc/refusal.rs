//! How a call fails.

use crate::{
    error::{ErrorCode, RestError, ServerError, refusals},
    transport::{RestResponse, one_line},
};

/// What the server, or the function, said.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{}", one_line(message))]
#[non_exhaustive]
pub struct RpcFailure {
    /// The text.
    pub message: String,
    /// As gRPC counts them: what the function gave, or 13. `None` over the socket, which does not tell.
    pub code: Option<i32>,
    /// HTTP status, which goes with the code. `None` over the socket.
    pub status: Option<u16>,
}

refusals! {
    /// Why a function of the server brought no result. The server's own text is in the error.
    pub enum RpcRefusal(RpcFailure) {
        /// There is no function of this id.
        NotFound,
        /// The function ran, and failed; the text is its own.
        Failed,
        /// The HTTP key is not the server's.
        InvalidKey,
        /// Something else.
        Other,
    }
}

impl From<ServerError> for RpcRefusal {
    fn from(error: ServerError) -> Self {
        let failure = RpcFailure {
            message: error.message,
            code: None,
            status: None,
        };
        match error.code {
            ErrorCode::RuntimeFunctionNotFound => Self::NotFound(failure),
            ErrorCode::RuntimeFunctionException => Self::Failed(failure),
            _ => Self::Other(failure),
        }
    }
}

impl From<RestError> for RpcRefusal {
    /// The server itself says no; a function may give the same codes.
    fn from(error: RestError) -> Self {
        let refusal = match error.status {
            404 => Self::NotFound,
            401 if error.message.starts_with("HTTP key") => Self::InvalidKey,
            _ => Self::Other,
        };
        refusal(error.into())
    }
}

impl From<RestError> for RpcFailure {
    fn from(error: RestError) -> Self {
        Self {
            message: error.message,
            code: Some(error.code),
            status: Some(error.status),
        }
    }
}

/// What a refusal over REST means.
pub(super) fn refusal_of(response: &RestResponse) -> RpcRefusal {
    let error = RestError::from(response);
    if response.is_error_of_function() {
        RpcRefusal::Failed(error.into())
    } else {
        error.into()
    }
}
