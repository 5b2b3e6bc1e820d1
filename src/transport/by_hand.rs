//! The decoder as the crate's own tests and the fuzzer see it.

use bytes::Bytes;
use prost::DecodeError;

use super::wire::{
    decode::{Decoded, Decoder, decode},
    ids::PresenceInfo,
    received::Received,
};
use crate::proto::{Envelope, Message, UserPresence, realtime};

/// Reads the frames of one connection.
#[derive(Default)]
pub struct FrameReader(Decoder);

/// A frame, read.
#[derive(Debug, PartialEq)]
pub enum Frame {
    /// Data, with ids and presences as far as the plugin keeps them.
    Data(Message),
    /// Everything else.
    Envelope(Envelope),
}

impl FrameReader {
    /// Reads a frame, and finds who is in it.
    ///
    /// # Errors
    ///
    /// If it is not an envelope.
    pub fn read(&mut self, frame: &Bytes) -> Result<Frame, DecodeError> {
        Ok(match decode(frame, &mut self.0)? {
            Decoded::MatchData(data) => Frame::Data(Message::MatchData(realtime::MatchData {
                match_id: data.match_id.to_string(),
                presence: data.sender.as_deref().map(presence),
                op_code: data.op_code,
                data: data.data,
                reliable: data.reliable,
            })),
            Decoded::PartyData(data) => Frame::Data(Message::PartyData(realtime::PartyData {
                party_id: data.party_id.to_string(),
                presence: data.sender.as_deref().map(presence),
                op_code: data.op_code,
                data: data.data,
            })),
            Decoded::StreamData(data) => Frame::Data(Message::StreamData(realtime::StreamData {
                stream: Some(realtime::Stream {
                    mode: data.stream.mode,
                    subject: data.stream.subject.to_string(),
                    subcontext: data.stream.subcontext.to_string(),
                    label: data.stream.label.to_string(),
                }),
                sender: data.sender.as_deref().map(presence),
                data: String::from_utf8_lossy(&data.data).into_owned(),
                reliable: data.reliable,
            })),
            Decoded::Envelope(envelope) => {
                if let Some(message) = envelope.message.clone() {
                    let _ = Received::new(message, &mut self.0.interner);
                }
                Frame::Envelope(envelope)
            }
        })
    }
}

fn presence(who: &PresenceInfo) -> UserPresence {
    UserPresence {
        user_id: who.user_id.to_string(),
        session_id: who.session_id.to_string(),
        username: who.username.to_string(),
        ..Default::default()
    }
}
