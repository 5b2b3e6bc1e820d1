//! How a call fails.

use crate::{
    error::{ErrorCode, RestError, ServerError, refusals},
    transport::{RestResponse, one_line},
};

/// The text of the server, or of the function.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{}", one_line(message))]
#[non_exhaustive]
pub struct RpcFailure {
    /// The text.
    pub message: String,
    /// The gRPC code: the one that the function gave, or 13. `None` over the socket, which does not report it.
    pub code: Option<i32>,
    /// The HTTP status that belongs to the code. `None` over the socket.
    pub status: Option<u16>,
}

refusals! {
    /// Why a function of the server returned nothing. The server's own text is in the error.
    pub enum RpcRefusal(RpcFailure) {
        /// The server has no function with this id.
        NotFound,
        /// The function ran and failed. The text is its own.
        Failed,
        /// The HTTP key is not the server's.
        InvalidKey,
        /// Any other reason.
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
    /// The server itself refuses. A function may give the same codes.
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
