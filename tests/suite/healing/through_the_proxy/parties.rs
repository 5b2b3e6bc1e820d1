//! Scenarios 24 and 25 on the embedded server, with both layouts of a party. A real server plays the same scenes.

use bevy_nakama::proto::PartyLayout;

use super::*;
use crate::common::scenes::party_lines;

/// The server drops a dead line after 20 s, so the test need not wait for 25.
fn on_each_server(scene: impl Fn(&NakamaServer)) {
    for layout in [PartyLayout::Current, PartyLayout::Before3_28] {
        let config = LocalServerConfig {
            pong_wait: seconds(20),
            party_layout: layout,
            ..Default::default()
        };
        let (_local, server) = serve(config);
        scene(&server);
    }
}

#[test]
fn scenario_24_a_member_of_an_open_party_is_in_it_again() {
    on_each_server(party_lines::a_member_of_an_open_party);
}

#[test]
fn scenario_24_a_leader_who_was_gone_has_lost_the_lead() {
    on_each_server(party_lines::a_leader_of_an_open_party);
}

#[test]
fn scenario_24_a_leader_is_behind_their_own_ghost_until_it_goes() {
    on_each_server(party_lines::a_leader_behind_their_own_ghost);
}

#[test]
fn scenario_25_a_member_of_a_closed_party_is_accepted_again() {
    on_each_server(party_lines::a_member_of_a_closed_party);
}

#[test]
fn scenario_25_the_leader_of_a_closed_party_asks_the_next_one() {
    on_each_server(party_lines::a_leader_of_a_closed_party);
}

#[test]
fn scenario_25_an_asker_whose_request_is_dead_comes_in_with_one_decision() {
    on_each_server(|server| party_lines::an_asker(server, false));
}

#[test]
fn scenario_25_an_asker_whose_dead_line_is_let_in_comes_in_with_one_decision() {
    on_each_server(|server| party_lines::an_asker(server, true));
}

#[test]
fn trap_n15_a_label_that_changes_meanwhile_is_looked_up() {
    on_each_server(party_lines::a_label_that_changes);
}

#[test]
fn scenario_25_a_party_and_whoever_asks_are_lost_with_the_server() {
    let (local, server) = serve(LocalServerConfig::default());
    let config = LocalServerConfig {
        address: local.address(),
        ..Default::default()
    };
    let mut next = None;
    party_lines::a_server_that_starts_again(&server, || {
        drop(local);
        next = Some(serve(config));
    });
}
