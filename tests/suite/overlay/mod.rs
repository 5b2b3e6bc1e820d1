//! The overlay: what a developer sees of recorded sessions, and what it costs while it is closed.

mod a_window_opens_and_closes;
mod cameras_may_come_and_go;
mod closed_it_costs_nothing;
mod envelopes_are_listed;
mod it_shares_a_game;
mod matches_parties_rooms_and_streams_are_shown;
mod the_connection_is_shown;
mod tickets_friends_and_the_inbox_are_shown;

use std::{collections::HashMap, time::Duration};

use crate::{
    common::transcripts::{self, Dir, Scenario},
    replay::to_request,
};
use bevy::{
    app::PluginGroupBuilder,
    camera::RenderTarget,
    input::ButtonInput,
    prelude::*,
    render::{
        RenderPlugin,
        settings::{RenderCreation, WgpuSettings},
        sync_world::SyncWorldPlugin,
    },
    state::app::StatesPlugin,
    winit::WinitPlugin,
};
use bevy_nakama::{
    overlay::{
        ContextState, EnvelopeDirection, OverlayState, OverlayTab, OverlayView,
        bevy_egui::{EguiContexts, EguiPlugin, PrimaryEguiContext, egui},
        panels,
    },
    prelude::*,
    proto::{Envelope, Kind, Message, realtime},
    testing::*,
};
use egui_kittest::{
    Harness,
    kittest::{NodeT, Queryable as _},
};

/// A connected game with the overlay open.
fn watched() -> TestGame {
    with_overlay(NakamaOverlayPlugin::default().opened())
}

fn with_overlay(plugin: NakamaOverlayPlugin) -> TestGame {
    let mut game = TestGame::with_plugins(NakamaSettings::default(), plugin);
    game.connect();
    game
}

/// The same, as the user of a recorded client.
fn watched_as(name: &str, client: &str) -> TestGame {
    let session = scenario(name).who(client).session();
    let plugin = NakamaOverlayPlugin::default().opened();
    let mut game = TestGame::with_plugins(NakamaSettings::default(), plugin);
    game.commands(|commands| {
        let options = ConnectOptions::default();
        commands.nakama().connect(&server(), &session, options);
    });
    game.update();
    game.server_accepts();
    game.update();
    game
}

fn scenario(name: &str) -> Scenario {
    transcripts::scenario("nakama-3.40", name)
}

/// Plays the part of one client in a recording: the game asks what was asked, and the server says what it said.
fn replay(game: &mut TestGame, name: &str, client: &str, until: u64) {
    let mut asked = HashMap::new();
    let scenario = scenario(name);
    let lines = scenario
        .lines
        .iter()
        .filter(|line| line.client == client && line.seq <= until && line.is_envelope());
    for line in lines {
        let frame = line.wire.clone().expect("an envelope has a frame");
        let Envelope { cid, message } =
            bevy_nakama::proto::decode(frame.clone()).expect("a recorded envelope");
        match line.dir {
            Dir::Send => {
                let Some(message) = message.filter(|_| !cid.is_empty()) else {
                    continue;
                };
                let kind = Kind::of(&message);
                ask(game, message);
                game.update();
                asked.insert(cid, game.expect_sent(kind));
            }
            Dir::Recv => {
                match (asked.get(&cid), message) {
                    (None, _) => game.server_sends(frame),
                    (Some(asked), Some(message)) => game.answer(asked, message),
                    (Some(asked), None) => game.acknowledge(asked),
                }
                game.update();
            }
            Dir::Rest => {}
        }
    }
    game.advance(Duration::from_millis(200));
}

/// Asks as a game would, so that the mirror follows.
fn ask(game: &mut TestGame, message: Message) {
    game.commands(|commands| {
        let nakama = commands.nakama();
        match message {
            Message::MatchCreate(_) => nakama.create_match(CreateMatch::new()),
            Message::MatchJoin(realtime::MatchJoin {
                id: Some(realtime::match_join::Id::MatchId(id)),
                ..
            }) => nakama.join_match(JoinMatch::by_id(id)),
            Message::PartyCreate(party) => {
                let size = party.max_size.unsigned_abs();
                nakama.create_party(if party.open {
                    CreateParty::open(size)
                } else {
                    CreateParty::closed(size)
                })
            }
            Message::PartyJoin(party) => nakama.join_party(party.party_id),
            Message::MatchmakerAdd(add) => nakama.add_matchmaker(to_request(add)),
            Message::StatusFollow(follow) => {
                nakama.follow(FollowUsers::ids(follow.user_ids).usernames(follow.usernames))
            }
            Message::Rpc(rpc) => nakama.rpc(Rpc::new(rpc.id).payload(rpc.payload)),
            Message::ChannelJoin(channel) => nakama.join_chat(JoinChat::room(channel.target)),
            other => nakama.raw(other),
        };
    });
}

fn view(game: &TestGame) -> &OverlayView {
    game.app.world().resource::<OverlayView>()
}

/// The overlay's panels as somebody sees them who has opened a tab.
fn look(game: &TestGame, tab: OverlayTab) -> Harness<'static, (OverlayView, OverlayState)> {
    let mut state = OverlayState::default();
    state.tab = tab;
    let mut harness = Harness::builder().with_size([640.0, 480.0]).build_ui_state(
        |ui, (view, state): &mut (OverlayView, OverlayState)| panels::overlay_ui(ui, view, state),
        (view(game).clone(), state),
    );
    harness.run();
    harness
}

/// Every text that can be seen, from the top.
fn texts<S>(harness: &Harness<S>) -> Vec<String> {
    let nodes = harness.root().children_recursive();
    nodes
        .flat_map(|node| {
            let node = node.accesskit_node();
            [node.label(), node.value()]
        })
        .flatten()
        .map(|text| text.trim().to_owned())
        .collect()
}

fn count(texts: &[String], text: &str) -> usize {
    texts.iter().filter(|seen| *seen == text).count()
}

/// Envelopes that are reported raw at this moment.
fn reported(game: &TestGame) -> usize {
    let world = game.app.world();
    world.resource::<Messages<EnvelopeReceived>>().len()
        + world.resource::<Messages<EnvelopeSent>>().len()
}

/// All that has arrived is read in one frame, however busy the machine is.
fn patient() -> NakamaSettings {
    let mut settings = NakamaSettings::default();
    settings.receive_budget = Duration::from_secs(60);
    settings
}
