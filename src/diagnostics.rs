//! Numbers about the connection, in Bevy's `DiagnosticsStore`.
//!
//! Add [`NakamaDiagnosticsPlugin`], and `LogDiagnosticsPlugin`, the overlay or your own HUD can show the numbers:
//!
//! ```no_run
//! use bevy::{diagnostic::LogDiagnosticsPlugin, prelude::*};
//! use bevy_nakama::{diagnostics::NakamaDiagnosticsPlugin, prelude::*};
//!
//! App::new()
//!     .add_plugins((DefaultPlugins, NakamaPlugin::default()))
//!     .add_plugins((NakamaDiagnosticsPlugin, LogDiagnosticsPlugin::default()))
//!     .run();
//! ```
//!
//! Rates per second are measured over the last half second. All other numbers are those of the frame.

use std::time::Duration;

use bevy_app::{App, Last, Plugin};
use bevy_diagnostic::{Diagnostic, DiagnosticPath, Diagnostics, RegisterDiagnostic as _};
use bevy_ecs::prelude::*;
use bevy_time::{Real, Time};

use crate::{
    connection::{NakamaConnection, NetworkLink},
    mirror::{Reentry, early::EarlyArrivals, receive::ReceiveStats},
    request::Requests,
    transport::TrafficTotals,
};

/// The last measured round trip, in milliseconds. Absent until the first one.
pub const ROUND_TRIP: DiagnosticPath = DiagnosticPath::const_new("nakama/round_trip");
/// Envelopes received per second.
pub const RECEIVED: DiagnosticPath = DiagnosticPath::const_new("nakama/received");
/// Bytes received per second, without WebSocket framing.
pub const RECEIVED_BYTES: DiagnosticPath = DiagnosticPath::const_new("nakama/received_bytes");
/// Envelopes sent per second.
pub const SENT: DiagnosticPath = DiagnosticPath::const_new("nakama/sent");
/// Bytes sent per second, without WebSocket framing.
pub const SENT_BYTES: DiagnosticPath = DiagnosticPath::const_new("nakama/sent_bytes");
/// Messages that wait to be sent: see [`send`](crate::send).
pub const QUEUED: DiagnosticPath = DiagnosticPath::const_new("nakama/queued");
/// The bytes of the messages that wait to be sent, without WebSocket framing.
pub const QUEUED_BYTES: DiagnosticPath = DiagnosticPath::const_new("nakama/queued_bytes");
/// Messages for other members that were sent, and that the server has not confirmed yet.
pub const UNACKNOWLEDGED: DiagnosticPath = DiagnosticPath::const_new("nakama/unacknowledged");
/// The window of the last message for other members: how many such messages, beside those in normal flight, may be unacknowledged before
/// the next one waits. 0 before the first message.
pub const SEND_WINDOW: DiagnosticPath = DiagnosticPath::const_new("nakama/send_window");
/// Requests over the socket that were sent and have no answer yet.
pub const IN_FLIGHT: DiagnosticPath = DiagnosticPath::const_new("nakama/in_flight");
/// Messages since the start that had to wait because the window was closed.
pub const HELD_BACK: DiagnosticPath = DiagnosticPath::const_new("nakama/held_back");
/// Messages since the start that a newer one has taken the place of, as [`SendPolicy::Latest`](crate::send::SendPolicy::Latest) says.
pub const REPLACED: DiagnosticPath = DiagnosticPath::const_new("nakama/replaced");
/// Messages since the start that were not sent: too much was waiting, or they waited for too long, or they were not to wait.
pub const REFUSED: DiagnosticPath = DiagnosticPath::const_new("nakama/refused");
/// Bytes that your game has not read yet.
pub const WAITING_BYTES: DiagnosticPath = DiagnosticPath::const_new("nakama/waiting_bytes");
/// Requests without an answer.
pub const PENDING_REQUESTS: DiagnosticPath = DiagnosticPath::const_new("nakama/pending_requests");
/// Requests that ran out of time, but that the server may still answer. If it does, the plugin undoes what the server did.
pub const LATE_REQUESTS: DiagnosticPath = DiagnosticPath::const_new("nakama/late_requests");
/// Messages that arrived early and wait for the answer or the join that they belong to.
pub const HELD: DiagnosticPath = DiagnosticPath::const_new("nakama/held");
/// Messages dropped since the start: messages for a match, party or channel that the local user is not in, answers to no request, and
/// data that did not fit because your game ran no frames.
pub const DROPPED: DiagnosticPath = DiagnosticPath::const_new("nakama/dropped");
/// Frames since the start that used up [`NakamaSettings::receive_budget`](crate::plugin::NakamaSettings::receive_budget), so that some
/// messages had to wait for the next frame.
pub const OVER_BUDGET: DiagnosticPath = DiagnosticPath::const_new("nakama/over_budget");

/// How often the plugin has tried to open a socket since the start.
pub const ATTEMPTS: DiagnosticPath = DiagnosticPath::const_new("nakama/attempts");
/// How often a connection has come back since the start, see [healing](crate::healing).
pub const RECONNECTS: DiagnosticPath = DiagnosticPath::const_new("nakama/reconnects");
/// How long the server had been silent when the plugin gave the last lost connection up, in milliseconds. 0 if the connection broke at once.
pub const NOTICED_AFTER: DiagnosticPath = DiagnosticPath::const_new("nakama/noticed_after");
/// How long the connection was away last time, from the loss to [`Connected`](crate::connection::Connected), in milliseconds.
pub const AWAY: DiagnosticPath = DiagnosticPath::const_new("nakama/away");
/// How much of that passed after the socket was open, in milliseconds: the local user entered again what they were in.
pub const REENTRY: DiagnosticPath = DiagnosticPath::const_new("nakama/reentry");
/// Matches, parties, channels, tickets and follows that the local user has entered again since the start.
pub const RESTORED: DiagnosticPath = DiagnosticPath::const_new("nakama/restored");
/// Those that they could not enter again.
pub const LOST: DiagnosticPath = DiagnosticPath::const_new("nakama/lost");

/// How long a rate is measured.
const RATE: Duration = Duration::from_millis(500);

/// Publishes the numbers of this module, in `Last`.
///
/// The overlay adds this plugin, too. You can add it twice.
#[derive(Clone, Copy, Debug, Default)]
pub struct NakamaDiagnosticsPlugin;

impl Plugin for NakamaDiagnosticsPlugin {
    fn is_unique(&self) -> bool {
        false
    }

    fn build(&self, app: &mut App) {
        if app.is_plugin_added::<Self>() {
            return;
        }
        app.register_diagnostic(Diagnostic::new(ROUND_TRIP).with_suffix(" ms"))
            .register_diagnostic(Diagnostic::new(RECEIVED).with_suffix("/s"))
            .register_diagnostic(Diagnostic::new(RECEIVED_BYTES).with_suffix(" B/s"))
            .register_diagnostic(Diagnostic::new(SENT).with_suffix("/s"))
            .register_diagnostic(Diagnostic::new(SENT_BYTES).with_suffix(" B/s"))
            .register_diagnostic(Diagnostic::new(QUEUED))
            .register_diagnostic(Diagnostic::new(QUEUED_BYTES).with_suffix(" B"))
            .register_diagnostic(Diagnostic::new(UNACKNOWLEDGED))
            .register_diagnostic(Diagnostic::new(SEND_WINDOW))
            .register_diagnostic(Diagnostic::new(IN_FLIGHT))
            .register_diagnostic(Diagnostic::new(HELD_BACK))
            .register_diagnostic(Diagnostic::new(REPLACED))
            .register_diagnostic(Diagnostic::new(REFUSED))
            .register_diagnostic(Diagnostic::new(WAITING_BYTES).with_suffix(" B"))
            .register_diagnostic(Diagnostic::new(PENDING_REQUESTS))
            .register_diagnostic(Diagnostic::new(LATE_REQUESTS))
            .register_diagnostic(Diagnostic::new(HELD))
            .register_diagnostic(Diagnostic::new(DROPPED))
            .register_diagnostic(Diagnostic::new(OVER_BUDGET))
            .register_diagnostic(Diagnostic::new(ATTEMPTS))
            .register_diagnostic(Diagnostic::new(RECONNECTS))
            .register_diagnostic(Diagnostic::new(NOTICED_AFTER).with_suffix(" ms"))
            .register_diagnostic(Diagnostic::new(AWAY).with_suffix(" ms"))
            .register_diagnostic(Diagnostic::new(REENTRY).with_suffix(" ms"))
            .register_diagnostic(Diagnostic::new(RESTORED))
            .register_diagnostic(Diagnostic::new(LOST))
            .add_systems(Last, measure);
    }
}

fn measure(
    time: Res<Time<Real>>,
    connection: Res<NakamaConnection>,
    link: Res<NetworkLink>,
    requests: Res<Requests>,
    early: Res<EarlyArrivals>,
    receive: Res<ReceiveStats>,
    reentry: Res<Reentry>,
    mut last: Local<(Duration, TrafficTotals)>,
    mut diagnostics: Diagnostics,
) {
    let now = link.totals();
    let (since, before) = *last;
    let elapsed = time.elapsed().saturating_sub(since);
    if elapsed >= RATE {
        *last = (time.elapsed(), now);
        let seconds = elapsed.as_secs_f64();
        let rate = |now: u64, before: u64| now.saturating_sub(before) as f64 / seconds;
        diagnostics.add_measurement(&RECEIVED, || rate(now.frames_in, before.frames_in));
        diagnostics.add_measurement(&RECEIVED_BYTES, || rate(now.bytes_in, before.bytes_in));
        diagnostics.add_measurement(&SENT, || rate(now.frames_out, before.frames_out));
        diagnostics.add_measurement(&SENT_BYTES, || rate(now.bytes_out, before.bytes_out));
    }
    if let Some(round_trip) = connection.round_trip() {
        diagnostics.add_measurement(&ROUND_TRIP, || round_trip.as_secs_f64() * 1000.0);
    }
    diagnostics.add_measurement(&QUEUED, || now.queued_out as f64);
    diagnostics.add_measurement(&QUEUED_BYTES, || now.queued_bytes as f64);
    diagnostics.add_measurement(&UNACKNOWLEDGED, || now.unacknowledged as f64);
    diagnostics.add_measurement(&SEND_WINDOW, || now.window as f64);
    diagnostics.add_measurement(&IN_FLIGHT, || now.in_flight as f64);
    diagnostics.add_measurement(&HELD_BACK, || now.held_back as f64);
    diagnostics.add_measurement(&REPLACED, || now.replaced as f64);
    diagnostics.add_measurement(&REFUSED, || now.refused as f64);
    diagnostics.add_measurement(&WAITING_BYTES, || now.waiting_bytes as f64);
    diagnostics.add_measurement(&PENDING_REQUESTS, || requests.len() as f64);
    diagnostics.add_measurement(&LATE_REQUESTS, || requests.late() as f64);
    diagnostics.add_measurement(&HELD, || early.len() as f64);
    diagnostics.add_measurement(&DROPPED, || {
        (early.dropped() + receive.dropped + now.strays) as f64
    });
    diagnostics.add_measurement(&OVER_BUDGET, || receive.over_budget as f64);
    diagnostics.add_measurement(&ATTEMPTS, || now.attempts as f64);
    diagnostics.add_measurement(&RECONNECTS, || now.reconnects as f64);
    diagnostics.add_measurement(&RESTORED, || reentry.restored as f64);
    diagnostics.add_measurement(&LOST, || reentry.lost as f64);
    if let Some(outage) = connection.last_outage() {
        let milliseconds = |duration: Duration| duration.as_secs_f64() * 1000.0;
        diagnostics.add_measurement(&NOTICED_AFTER, || milliseconds(outage.noticed_after));
        diagnostics.add_measurement(&AWAY, || milliseconds(outage.away));
        diagnostics.add_measurement(&REENTRY, || milliseconds(outage.reentry));
    }
}
