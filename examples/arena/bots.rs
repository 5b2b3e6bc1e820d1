//! Bots: the same game in apps of their own, without a window, on one shared network thread.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use bevy::{app::ScheduleRunnerPlugin, prelude::*, state::app::StatesPlugin};
use bevy_nakama::prelude::*;

use crate::{
    chat::Say,
    check::{Check, Fault},
    game,
    movement::{HALF, Intent, Position, hash},
    online::Player,
    party::Invitation,
};
use bevy_nakama::connection::Network;

const NAMES: [&str; 6] = ["Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald"];

/// Running bots.
pub(crate) struct Bots {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<AppExit>>,
}

impl Bots {
    /// Bots that play where a player does.
    pub(crate) fn start(count: usize, beside: &Player, network: &Network) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = (0..count)
            .map(|number| {
                let name = match NAMES.get(number) {
                    Some(name) => format!("{name} (bot)"),
                    None => format!("Bot {number}"),
                };
                let player = beside.bot(number, &name);
                let (network, stop) = (network.clone(), stop.clone());
                thread::spawn(move || {
                    let mut bot = headless_game(player, &network);
                    bot.add_plugins((sociable, Check::OfOthers));
                    bot.add_systems(Last, end.run_if(move || stop.load(Ordering::Relaxed)));
                    bot.run()
                })
            })
            .collect();
        Self { stop, threads }
    }
}

impl Bots {
    /// They leave. Says what they were not content with.
    pub(crate) fn end(self) -> Option<&'static str> {
        self.stop.store(true, Ordering::Relaxed);
        let ends = self.threads.into_iter().map(JoinHandle::join);
        let ends: Vec<_> = ends.collect();
        let is_good = |end: &thread::Result<AppExit>| end.as_ref().is_ok_and(AppExit::is_success);
        (!ends.iter().all(is_good))
            .then_some("a bot was not in the arena in the end, or saw a fault")
    }
}

fn end(
    player: Res<Player>,
    fault: Res<Fault>,
    connection: Res<NakamaConnection>,
    mut exit: MessageWriter<AppExit>,
) {
    let is_good = fault.0.is_none() && connection.is_connected();
    if !is_good {
        warn!("{}: {:?}, {:?}", player.name, connection.state(), fault.0);
    }
    exit.write(if is_good {
        AppExit::Success
    } else {
        AppExit::error()
    });
}

/// A player without a window, who walks about.
pub(crate) fn headless_game(player: Player, network: &Network) -> App {
    let mut app = App::new();
    let frames = ScheduleRunnerPlugin::run_loop(Duration::from_secs_f32(1.0 / 60.0));
    app.add_plugins((
        MinimalPlugins.set(frames),
        StatesPlugin,
        player.nakama(network),
        game,
    ))
    .insert_resource(player)
    .add_systems(Update, wander);
    app
}

/// From place to place; now and then a shockwave.
fn wander(
    time: Res<Time>,
    player: Res<Player>,
    own: Query<&Position, With<IsSelf>>,
    mut intent: ResMut<Intent>,
    mut step: Local<u32>,
    mut goal: Local<Vec2>,
    mut give_up_at: Local<f32>,
) {
    let Ok(Position(here)) = own.single() else {
        return;
    };
    if here.distance(*goal) < 30.0 || time.elapsed_secs() > *give_up_at {
        *step += 1;
        *give_up_at = time.elapsed_secs() + 4.0;
        let chance = hash(&format!("{} {}", player.name, *step));
        let somewhere = Vec2::new(f32::from(chance as u16), f32::from((chance >> 16) as u16))
            / f32::from(u16::MAX);
        *goal = (somewhere * 2.0 - 1.0) * HALF * 0.85;
        intent.shockwave = chance.is_multiple_of(3);
    }
    intent.direction = (*goal - *here).normalize_or_zero() * 0.7;
}

/// Bots talk, and join a party that they are invited to.
fn sociable(app: &mut App) {
    app.add_observer(greet)
        .add_systems(Update, (remark, accept_invitation));
}

const REMARKS: [&str; 6] = [
    "Anybody up for a party?",
    "Mind the shockwaves!",
    "I have been here before, I think.",
    "Nice color.",
    "This arena could use a roof.",
    "Has anybody seen my left eye?",
];

/// One of the bots greets everybody who joins.
fn greet(
    joined: On<Joined<Match>>,
    mut commands: Commands,
    player: Res<Player>,
    names: Query<&Username>,
) {
    if joined.how == JoinedAs::Arrived
        && player.name.starts_with(NAMES[0])
        && let Ok(name) = names.get(joined.presence)
    {
        commands.trigger(Say::text(format!("Hello {name}!")));
    }
}

fn remark(
    mut commands: Commands,
    time: Res<Time>,
    player: Res<Player>,
    mut next_at: Local<Option<f32>>,
) {
    let chance = hash(&format!("{} {}", player.name, time.elapsed_secs() as u32));
    let pause = 6.0 + (chance % 24) as f32;
    let due = next_at.get_or_insert(pause);
    if time.elapsed_secs() >= *due {
        *due += pause;
        let remark = REMARKS[(chance / 24) as usize % REMARKS.len()];
        commands.trigger(Say::text(remark));
    }
}

fn accept_invitation(
    mut commands: Commands,
    mut invitation: ResMut<Invitation>,
    parties: Query<(), Or<(With<Party>, With<PendingApproval>)>>,
) {
    if let Some((_, party)) = invitation.0.take()
        && parties.is_empty()
    {
        commands.nakama().join_party(party);
    }
}
