//! How a value becomes bytes and comes back.

use bytes::Bytes;

use crate::error::PayloadError;

/// How a type becomes bytes and comes back.
///
/// [`Postcard`] and [`Json`] work for every type with serde. For a format of your own, implement this trait for the type itself
/// and write `type Codec = Self`:
///
/// ```
/// # use bevy_nakama::prelude::*;
/// use bevy_nakama::payload::{Codec, PayloadError};
/// # use bytes::Bytes;
/// struct Beep(u8);
///
/// impl Codec<Beep> for Beep {
///     fn encode(beep: &Beep) -> Result<Bytes, PayloadError> {
///         Ok(Bytes::copy_from_slice(&[beep.0]))
///     }
///     fn decode(bytes: &Bytes) -> Result<Beep, PayloadError> {
///         bytes.first().copied().map(Beep).ok_or_else(|| PayloadError::new("it is empty"))
///     }
/// }
///
/// impl MatchPayload for Beep {
///     const OP_CODE: i64 = 7;
///     type Codec = Self;
/// }
/// ```
pub trait Codec<T> {
    /// Turns a value into bytes.
    ///
    /// # Errors
    ///
    /// The format has no form for this value.
    fn encode(value: &T) -> Result<Bytes, PayloadError>;

    /// Turns bytes back into a value. They come from other players, so they can be anything.
    ///
    /// # Errors
    ///
    /// The bytes are not a value of this type.
    fn decode(bytes: &Bytes) -> Result<T, PayloadError>;
}

/// The [postcard](https://docs.rs/postcard) format. It is small and quick, and both sides must know the type.
#[cfg(feature = "serde")]
#[derive(Clone, Copy, Debug)]
pub enum Postcard {}

#[cfg(feature = "serde")]
impl<T: serde::Serialize + serde::de::DeserializeOwned> Codec<T> for Postcard {
    fn encode(value: &T) -> Result<Bytes, PayloadError> {
        postcard::to_stdvec(value)
            .map(Bytes::from)
            .map_err(PayloadError::new)
    }

    fn decode(bytes: &Bytes) -> Result<T, PayloadError> {
        match postcard::take_from_bytes(bytes) {
            Ok((value, [])) => Ok(value),
            Ok((_, rest)) => Err(PayloadError::new(format!("{} bytes too many", rest.len()))),
            Err(error) => Err(PayloadError::new(error)),
        }
    }
}

/// JSON, for code on the server and for clients in other languages. It has no NaN and no infinity: a value with such a number in it
/// cannot be encoded.
#[cfg(feature = "serde")]
#[derive(Clone, Copy, Debug)]
pub enum Json {}

#[cfg(feature = "serde")]
impl<T: serde::Serialize + serde::de::DeserializeOwned> Codec<T> for Json {
    fn encode(value: &T) -> Result<Bytes, PayloadError> {
        super::json::to_string(value).map(Bytes::from)
    }

    fn decode(bytes: &Bytes) -> Result<T, PayloadError> {
        serde_json::from_slice(bytes).map_err(PayloadError::new)
    }
}
