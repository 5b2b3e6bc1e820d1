//! Schedules that failed once, shrunk. Each is as the model test printed it, but for its name.

use crate::{
    common::schedule::{
        Act::{
            Accept, Connect, DespawnMatch, Disconnect, EnterNamed, Follow, JoinParty, JoinRoom,
            LeaveParty, MakeParty, SetOpen, SetStatus,
        },
        Fault::{HalfOpen, Reset},
        Step::{Do, Line, ServerDies, Wait},
        Way::{Both, ToClient},
    },
    holds,
};

/// Its leader lets the member in again.
#[test]
fn a_member_of_a_closed_party_is_half_open() {
    holds(
        11,
        5,
        &[
            Do(
                4,
                MakeParty {
                    slot: 1,
                    is_open: false,
                    size: 4,
                },
            ),
            Wait(100),
            Do(3, JoinParty(1)),
            Wait(100),
            Do(4, Accept),
            Wait(100),
            Line(3, HalfOpen(ToClient)),
        ],
    );
}

/// Whoever follows them hears of both, although the answer came before.
#[test]
fn a_user_hides_and_shows_themselves_while_somebody_begins_to_follow_them() {
    holds(
        839,
        5,
        &[
            Do(1, SetStatus(None)),
            Do(1, SetStatus(Some(0))),
            Do(2, Follow(1)),
        ],
    );
}

/// A member's other device joins the party, and for half a minute it may be the same player. Then it takes its place in the order.
#[test]
fn two_devices_are_in_a_party_of_a_game_that_keeps_the_entities_of_members_who_are_back() {
    holds(
        1813,
        4,
        &[
            Do(
                0,
                MakeParty {
                    slot: 0,
                    is_open: true,
                    size: 3,
                },
            ),
            Wait(84),
            Line(3, Reset),
            Do(1, JoinParty(0)),
            Do(3, JoinParty(0)),
        ],
    );
}

/// Whoever hides is not taken for their other device, which comes online.
#[test]
fn a_hidden_device_stays_while_the_other_one_comes_online() {
    holds(
        4301,
        5,
        &[
            Do(4, EnterNamed(0)),
            Line(0, Reset),
            Do(4, SetStatus(None)),
            Line(4, Reset),
            Do(0, JoinRoom(1)),
            Wait(1_000),
            ServerDies,
            Wait(714),
            Do(4, DespawnMatch(2)),
        ],
    );
}

/// Others see them leave and come after they have asked for both.
#[test]
fn a_player_leaves_a_match_and_enters_it_again_while_somebody_enters_it() {
    holds(
        5550,
        3,
        &[
            Do(0, EnterNamed(1)),
            Wait(100),
            Do(1, EnterNamed(1)),
            Wait(34),
            Do(0, DespawnMatch(2)),
            Do(0, EnterNamed(1)),
        ],
    );
}

/// The leader lets them in when they have left.
#[test]
fn a_member_of_a_closed_party_asks_to_join_it_and_leaves() {
    holds(
        8281,
        4,
        &[
            Do(
                3,
                MakeParty {
                    slot: 0,
                    is_open: true,
                    size: 5,
                },
            ),
            Wait(100),
            Do(1, JoinParty(0)),
            Do(3, SetOpen(0, false)),
            Wait(100),
            Do(1, JoinParty(0)),
            Do(1, LeaveParty(1)),
        ],
    );
}

/// For the new connection, what is left of the old one is another device.
#[test]
fn a_game_disconnects_over_a_dead_line_and_connects() {
    holds(
        7597,
        4,
        &[
            Do(2, EnterNamed(1)),
            Wait(100),
            Line(2, HalfOpen(Both)),
            Do(2, Disconnect),
            Wait(55),
            Do(2, Connect),
            Wait(100),
            Do(2, EnterNamed(1)),
        ],
    );
}
