//! Scenarios 24 and 25: the embedded server plays the same scenes.

use super::*;
use crate::common::scenes::party_lines;

#[test]
#[ignore = "needs a Nakama server"]
fn scenario_24_a_member_of_an_open_party_is_in_it_again() {
    party_lines::a_member_of_an_open_party(&server());
}

#[test]
#[ignore = "needs a Nakama server"]
fn scenario_24_a_leader_who_was_gone_has_lost_the_lead() {
    party_lines::a_leader_of_an_open_party(&server());
}

#[test]
#[ignore = "needs a Nakama server"]
fn scenario_24_a_leader_is_behind_their_own_ghost_until_it_goes() {
    party_lines::a_leader_behind_their_own_ghost(&server());
}

#[test]
#[ignore = "needs a Nakama server"]
fn scenario_25_a_member_of_a_closed_party_is_accepted_again() {
    party_lines::a_member_of_a_closed_party(&server());
}

#[test]
#[ignore = "needs a Nakama server"]
fn scenario_25_the_leader_of_a_closed_party_asks_the_next_one() {
    party_lines::a_leader_of_a_closed_party(&server());
}

#[test]
#[ignore = "needs a Nakama server"]
fn scenario_25_an_asker_whose_request_is_dead_comes_in_with_one_decision() {
    party_lines::an_asker(&server(), false);
}

#[test]
#[ignore = "needs a Nakama server"]
fn scenario_25_an_asker_whose_dead_line_is_let_in_comes_in_with_one_decision() {
    party_lines::an_asker(&server(), true);
}

#[test]
#[ignore = "needs a Nakama server"]
fn trap_n15_a_label_that_changes_meanwhile_is_looked_up() {
    party_lines::a_label_that_changes(&server());
}
