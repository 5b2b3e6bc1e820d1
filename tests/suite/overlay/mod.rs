//! The overlay: what a developer sees of recorded sessions, and what it costs while it is closed.

mod a_window_opens_and_closes;
mod cameras_may_come_and_go;
mod closed_it_costs_nothing;
mod envelopes_are_listed;
mod it_shares_a_game;
mod matches_parties_rooms_and_streams_are_shown;
mod the_connection_is_shown;
mod tickets_friends_and_the_inbox_are_shown;
mod what_is_remembered_is_shown;

use std::time::Duration;

use crate::common::{player::Player, transcripts::scenario};
use bevy::{
    app::PluginGroupBuilder,
    camera::RenderTarget,
    input::ButtonInput,
    prelude::*,
    render::{
        RenderPlugin,
        settings::{RenderCreation, WgpuSettings},
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
    proto::{Kind, Message, realtime},
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

/// The same, after it has played the part of one client in a recording, up to and including a line.
fn played(name: &str, client: &str, until: u64) -> TestGame {
    let plugin = NakamaOverlayPlugin::default().opened();
    let game = TestGame::with_plugins(patient(), plugin);
    let scenario = scenario("nakama-3.40", name);
    let mut player = Player::of(game, &scenario, client).connect(&scenario);
    player.play_while(&scenario, |line| line.seq <= until);
    let mut game = player.game;
    game.advance(Duration::from_millis(200));
    game
}

fn view(game: &TestGame) -> &OverlayView {
    game.app.world().resource::<OverlayView>()
}

/// The panels of the overlay with this tab open.
fn look(game: &TestGame, tab: OverlayTab) -> Harness<'static, (OverlayView, OverlayState)> {
    let state = OverlayState { tab, ..default() };
    let mut harness = Harness::builder().with_size([640.0, 480.0]).build_ui_state(
        |ui, (view, state): &mut (OverlayView, OverlayState)| panels::overlay_ui(ui, view, state),
        (view(game).clone(), state),
    );
    harness.run();
    harness
}

/// All visible texts, from the top.
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

/// A frame reads all that has arrived, however busy the machine is.
fn patient() -> NakamaSettings {
    NakamaSettings {
        receive_budget: Duration::from_secs(60),
        ..NakamaSettings::default()
    }
}
