//! One bot: a Bevy app that logs in, joins its room, sends, and counts what arrives.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bevy::{
    ecs::schedule::{Schedules, SingleThreadedExecutor},
    prelude::*,
    state::app::StatesPlugin,
};
use bevy_nakama::{
    connection::Network,
    healing::{ConnectionLost, LoginNeeded},
    prelude::*,
    send::SendFailed,
};

use crate::{
    beat::Beat,
    run::{Run, Stage},
    tally::{Reasons, Seen, Tally},
};

const OP_CODE: i64 = 1;

/// Who it is, and what it has seen.
#[derive(Resource)]
pub(crate) struct Bot {
    number: u32,
    run: Arc<Run>,
    tally: Arc<Mutex<Tally>>,
    /// It counts as connected.
    is_connected: bool,
    /// It has seen everybody in its room.
    is_ready: bool,
    /// When it sends, once the test has begun.
    beat: Option<Beat>,
    next_message: u32,
    seen: Seen,
}

/// A bot. It needs somebody who runs its frames.
pub(crate) fn bot(
    number: u32,
    run: &Arc<Run>,
    tally: &Arc<Mutex<Tally>>,
    network: &Network,
) -> App {
    // With thousands of bots, a login waits for all those before it.
    let settings = NakamaSettings {
        request_timeout: Duration::from_secs(60),
        ..default()
    };
    let mut app = App::new();
    app.add_plugins((
        MinimalPlugins,
        StatesPlugin,
        NakamaPlugin::new(settings).with_network(network.clone()),
    ))
    .insert_resource(Bot {
        number,
        run: run.clone(),
        tally: tally.clone(),
        is_connected: false,
        is_ready: false,
        beat: None,
        next_message: 0,
        seen: Seen::default(),
    })
    .add_systems(Startup, go_online)
    .add_systems(Update, (receive, look_around, send, leave).chain())
    .add_observer(connected)
    .add_observer(joined)
    .add_observer(lost)
    .add_observer(log_in)
    .add_observer(disconnected)
    .add_observer(send_failed);
    app.finish();
    app.cleanup();
    // Little work for each of many apps: other threads would cost more than they bring.
    for (_, schedule) in app.world_mut().resource_mut::<Schedules>().iter_mut() {
        schedule.set_executor(SingleThreadedExecutor::new());
    }
    app
}

impl Bot {
    fn login(&self) -> Login {
        Login::device(format!("bevy-nakama-bot-{:06}", self.number + 1))
    }

    fn counts_as_connected(&mut self, is_connected: bool) {
        if self.is_connected != is_connected {
            self.is_connected = is_connected;
            self.run.connected(if is_connected { 1 } else { -1 });
        }
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn go_online(mut commands: Commands, bot: Res<Bot>) {
    commands.nakama().log_in(&bot.run.server, bot.login());
    commands.nakama().connect(); // waits for the login
}

fn connected(_: On<Connected>, mut commands: Commands, mut bot: ResMut<Bot>) {
    bot.counts_as_connected(true);
    let room = bot.run.room_of(bot.number);
    // The first to name the match creates it, everybody else joins. Who is back after a loss is in it already, and stays.
    commands.nakama().create_match(CreateMatch::named(room));
}

fn joined(reply: On<Replied<CreateMatch>>, bot: Res<Bot>) {
    // Who loses the connection meanwhile asks again once it is back.
    if let Err(error) = &reply.result
        && !matches!(error, RequestError::ConnectionLost { .. })
    {
        bot.run
            .fail(format!("bot-{} could not join: {error}", bot.number + 1));
    }
}

/// It comes back.
fn lost(lost: On<ConnectionLost>, mut bot: ResMut<Bot>) {
    bot.counts_as_connected(false);
    if bot.run.stage() != Stage::Leaving {
        count(&mut bot.tally().lost, &lost.cause);
    }
}

/// The server was set up anew.
fn log_in(_: On<LoginNeeded>, mut commands: Commands, bot: Res<Bot>) {
    commands.nakama().log_in(&bot.run.server, bot.login());
}

fn disconnected(gone: On<Disconnected>, mut bot: ResMut<Bot>) {
    bot.counts_as_connected(false);
    match bot.run.stage() {
        Stage::Entering => bot.run.fail(format!(
            "bot-{} is not connected: {}",
            bot.number + 1,
            gone.reason
        )),
        Stage::Sending | Stage::Waiting => count(&mut bot.tally().kicked, &gone.reason),
        Stage::Leaving => {}
    }
}

fn send_failed(failed: On<SendFailed>, bot: Res<Bot>) {
    count(&mut bot.tally().send_failed, &failed.reason);
}

fn count(reasons: &mut Reasons, reason: &impl ToString) {
    *reasons.entry(reason.to_string()).or_default() += 1;
}

/// Whether everybody is here.
fn look_around(mut bot: ResMut<Bot>, rooms: Query<&MatchPresences, With<Match>>) {
    let members = bot.run.options.members(bot.number) as usize;
    let is_ready = rooms.iter().any(|present| present.len() == members);
    if is_ready && !bot.is_ready {
        bot.is_ready = true;
        bot.run.ready();
    }
}

/// Sends what is due, if it is time to send.
fn send(
    mut commands: Commands,
    mut bot: ResMut<Bot>,
    rooms: Query<(Entity, &MatchPresences), With<Match>>,
) {
    let Some(start) = bot.run.start_of_sending() else {
        return;
    };
    let Ok((room, present)) = rooms.single() else {
        return;
    };
    let run = bot.run.clone();
    let options = &run.options;
    let number = bot.number;
    let beat = bot
        .beat
        .get_or_insert_with(|| Beat::spread(start, options.interval(), number, options.count));
    // When all bots were held up at once, they do not make up for it: no crowd of real players would.
    let in_one_frame = (options.rate / f64::from(options.frames)).ceil() as u32 + 1;
    let (due, skipped) = beat.take(Instant::now(), in_one_frame);
    if due + skipped == 0 || !bot.is_connected {
        return;
    }
    for _ in 0..due {
        let message = encode(
            number,
            bot.next_message,
            run.elapsed(),
            options.bytes.into(),
        );
        bot.next_message += 1;
        commands
            .nakama()
            .send_data(room, OutgoingData::raw(OP_CODE, message));
    }
    let mut tally = bot.tally();
    tally.sent += u64::from(due);
    tally.expected += u64::from(due) * (present.len() as u64).saturating_sub(1);
    tally.skipped += u64::from(skipped);
}

/// Counts what has arrived.
fn receive(mut bot: ResMut<Bot>, mut inbox: MessageReader<MatchDataReceived>) {
    if inbox.is_empty() {
        return;
    }
    let now = bot.run.elapsed();
    let bot = &mut *bot;
    let mut tally = bot.tally.lock().unwrap_or_else(PoisonError::into_inner);
    for message in inbox.read() {
        match decode(&message.data) {
            Some((sender, number, sent)) if bot.seen.is_new(sender, number) => {
                tally.deliver(now.saturating_sub(sent));
            }
            _ => tally.out_of_order += 1,
        }
    }
}

fn leave(mut commands: Commands, bot: Res<Bot>, connection: Res<NakamaConnection>) {
    let is_here = connection.state() != ConnectionState::Disconnected;
    if bot.run.stage() == Stage::Leaving && is_here {
        commands.nakama().disconnect();
    }
}

/// A message: who sends it, its number, and when it is sent.
fn encode(sender: u32, number: u32, at: Duration, size: usize) -> Vec<u8> {
    let mut message = Vec::with_capacity(size);
    message.extend(sender.to_le_bytes());
    message.extend(number.to_le_bytes());
    message.extend((at.as_nanos() as u64).to_le_bytes());
    message.resize(size.max(message.len()), 0);
    message
}

fn decode(message: &[u8]) -> Option<(u32, u32, Duration)> {
    let (sender, rest) = message.split_first_chunk()?;
    let (number, rest) = rest.split_first_chunk()?;
    let (at, _) = rest.split_first_chunk()?;
    Some((
        u32::from_le_bytes(*sender),
        u32::from_le_bytes(*number),
        Duration::from_nanos(u64::from_le_bytes(*at)),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_who_sent_it_and_when() {
        let at = Duration::from_nanos(123_456_789_012);
        let message = encode(7, 8, at, 32);
        assert_eq!(message.len(), 32);
        assert_eq!(decode(&message), Some((7, 8, at)));
        assert_eq!(encode(7, 8, at, 16).len(), 16);
        assert_eq!(decode(&message[..15]), None);
    }
}
