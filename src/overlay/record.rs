//! Records envelopes while the overlay is open, and failures always.

use bevy_ecs::{entity_disabling::Disabled, prelude::*, query::Allow};
use bevy_time::{Real, Time};

use super::{
    NakamaOverlay, OverlayState, OverlayView,
    envelope_log::{EnvelopeDirection, EnvelopeEntry},
};
use crate::{
    data::send::SendFailed,
    envelope::{EnvelopeReceived, EnvelopeSent, EnvelopeTap},
    mirror::presence::{ChannelId, MatchId, PartyId},
    request::RequestFailed,
};

/// In `PostUpdate`: asks for raw envelopes while the overlay is open.
pub(super) fn follow_tap(
    overlay: Res<NakamaOverlay>,
    state: Res<OverlayState>,
    mut tap: ResMut<EnvelopeTap>,
    mut has_opened: Local<bool>,
) {
    let wanted = overlay.open && !state.envelopes.paused;
    if wanted != *has_opened {
        *has_opened = wanted;
        if wanted {
            tap.open();
        } else {
            tap.close();
        }
    }
}

/// In `PreUpdate`: records the envelopes of this frame, in the order of the wire.
pub(super) fn envelopes(
    mut received: MessageReader<EnvelopeReceived>,
    mut sent: MessageReader<EnvelopeSent>,
    time: Res<Time<Real>>,
    overlay: Res<NakamaOverlay>,
    state: Res<OverlayState>,
    mut view: ResMut<OverlayView>,
    mut batch: Local<Vec<EnvelopeEntry>>,
) {
    if state.envelopes.paused {
        received.clear();
        sent.clear();
        return;
    }
    let startup = time.startup();
    macro_rules! entry {
        ($envelope:expr, $direction:expr) => {
            EnvelopeEntry {
                number: 0,
                at: $envelope.at.saturating_duration_since(startup),
                direction: $direction,
                kind: $envelope.kind,
                cid: $envelope.cid.clone(),
                // Copied, because a slice would keep the whole read buffer alive.
                frame: bytes::Bytes::copy_from_slice(&$envelope.frame),
            }
        };
    }
    // In this order, because an answer that arrives at the moment of its request comes after it.
    batch.extend(
        sent.read()
            .map(|envelope| entry!(envelope, EnvelopeDirection::Sent)),
    );
    batch.extend(
        received
            .read()
            .map(|envelope| entry!(envelope, EnvelopeDirection::Received)),
    );
    batch.sort_by_key(|entry| entry.at);
    for entry in batch.drain(..) {
        view.envelopes.add(entry, overlay.max_envelopes);
    }
}

/// A request failed.
pub(super) fn failed_request(
    failed: On<RequestFailed>,
    time: Res<Time<Real>>,
    overlay: Res<NakamaOverlay>,
    mut view: ResMut<OverlayView>,
) {
    view.requests.note(
        time.elapsed(),
        failed.name.to_owned(),
        failed.reason.clone(),
        overlay.max_failures,
    );
}

/// Data was not sent.
pub(super) fn failed_send(
    failed: On<SendFailed>,
    time: Res<Time<Real>>,
    overlay: Res<NakamaOverlay>,
    mut view: ResMut<OverlayView>,
    contexts: Query<(Option<&MatchId>, Option<&PartyId>, Option<&ChannelId>), Allow<Disabled>>,
) {
    let to = match contexts.get(failed.context) {
        Ok((Some(id), _, _)) => format!("match {id}"),
        Ok((_, Some(id), _)) => format!("party {id}"),
        Ok((_, _, Some(id))) => format!("channel {id}"),
        _ => format!("entity {}", failed.context),
    };
    view.requests.note(
        time.elapsed(),
        format!("op code {} to {to}", failed.op_code),
        failed.reason.to_string(),
        overlay.max_failures,
    );
}
