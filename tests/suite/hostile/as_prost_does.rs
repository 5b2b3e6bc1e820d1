//! What must hold for a frame that nobody should send: it is read, or refused, as prost does it.

use bevy_nakama::{
    __testing::{Frame, FrameReader},
    presence::{MatchId, PartyId, SessionId, UserId},
    proto::{self, Envelope, Message, PartyLayout, UserPresence, realtime::Stream},
};
use bytes::Bytes;
use prost::{DecodeError, Message as _};

/// The frames of one connection: each is read, or refused, as prost does it, whatever came before it.
pub(crate) fn read_as_prost_does(frames: &[Bytes]) {
    let mut reader = FrameReader::default();
    for frame in frames {
        assert_same(frame, &mut reader);
    }
}

/// What must hold for a frame.
pub(crate) fn assert_same(frame: &Bytes, reader: &mut FrameReader) {
    let ours = reader.read(frame);
    match (&ours, by_prost(frame)) {
        (Ok(ours), Ok(prosts)) => {
            // As texts, because not every number equals itself.
            assert!(
                *ours == prosts || format!("{ours:?}") == format!("{prosts:?}"),
                "ours: {ours:?}, prost: {prosts:?}"
            );
        }
        (Err(_), Err(_)) => {}
        // The two layouts of `Party` are the one thing that prost alone cannot read.
        (
            Ok(Frame::Envelope(Envelope {
                message: Some(Message::Party(_)),
                ..
            })),
            Err(_),
        ) => {}
        (ours, prosts) => panic!("ours: {ours:?}, prost: {prosts:?}"),
    }
    if let Ok(Frame::Envelope(envelope)) = ours {
        assert_whole(&envelope);
    }
}

/// An envelope has a text, and comes back from its own bytes.
fn assert_whole(envelope: &Envelope) {
    // A text may be impossible (a day that no calendar has), but asking for it is not.
    let _ = serde_json::to_string(envelope);
    for layout in [PartyLayout::Current, PartyLayout::Before3_28] {
        let frame = proto::encode(envelope, layout);
        let again = proto::decode(frame).expect("our own bytes");
        let mut expected = envelope.clone();
        if let (PartyLayout::Before3_28, Some(Message::Party(party))) =
            (layout, &mut expected.message)
        {
            // Without a message in field 4, a frame of the old layout does not show its age.
            if party.self_.is_none() {
                continue;
            }
            party.hidden = false;
            party.label.clear();
        }
        assert_eq!(format!("{again:?}"), format!("{expected:?}"));
    }
}

/// What prost makes of a frame, as far as the plugin keeps it.
fn by_prost(frame: &Bytes) -> Result<Frame, DecodeError> {
    let mut envelope = Envelope::decode(frame.clone())?;
    if envelope.cid.is_empty() {
        match &mut envelope.message {
            Some(Message::MatchData(data)) => {
                data.match_id = MatchId::from(&*data.match_id).to_string();
                data.presence = data.presence.as_ref().map(kept);
            }
            Some(Message::PartyData(data)) => {
                data.party_id = PartyId::from(&*data.party_id).to_string();
                data.presence = data.presence.as_ref().map(kept);
            }
            Some(Message::StreamData(data)) => {
                let stream = data.stream.take().unwrap_or_default();
                data.stream = Some(Stream {
                    // All ids are written in the same way.
                    subject: UserId::from(stream.subject).to_string(),
                    subcontext: UserId::from(stream.subcontext).to_string(),
                    ..stream
                });
                data.sender = data.sender.as_ref().map(kept);
            }
            _ => return Ok(Frame::Envelope(envelope)),
        }
        if let Some(data) = envelope.message.take() {
            return Ok(Frame::Data(data));
        }
    }
    Ok(Frame::Envelope(envelope))
}

fn kept(presence: &UserPresence) -> UserPresence {
    UserPresence {
        user_id: UserId::from(&*presence.user_id).to_string(),
        session_id: SessionId::from(&*presence.session_id).to_string(),
        username: presence.username.clone(),
        ..Default::default()
    }
}
