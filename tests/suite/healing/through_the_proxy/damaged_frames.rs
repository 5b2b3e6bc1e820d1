//! Frames that are cut, doubled, lost, or not what they should be.

use bevy_nakama::proto::{self, Envelope, PartyLayout};

use super::*;

#[test]
fn scenario_37_a_frame_that_is_cut_is_not_applied_and_the_connection_comes_back() {
    let mut stage = Stage::new();
    let before = stage.everybody();
    let cut = Rule::cut_frame(Frames::to_client(Kind::MatchData)).once();
    stage.proxy.add(cut);
    stage.bob.say(5);
    let (_, heard) = stage.until_ada_hears("resumed");
    assert!(heard[0].starts_with("lost"), "{heard:?}");
    assert_eq!(stage.ada.hears(), [0; 0]);
    stage.bob_heard_ada_leave_and_join();
    stage.is_as_before(&before);
}

#[test]
fn scenario_37_a_join_that_comes_twice_is_one_join() {
    let mut stage = Stage::new();
    let event = Frames::to_client(Kind::MatchPresenceEvent);
    let twice = stage.proxy.add(Rule::duplicate_frame(event));
    let direct = NakamaServer::new(stage.local.url(), stage.local.server_key());
    let cat = Player::new(&direct, "cat", NakamaSettings::default());
    let (_, heard) = stage.until_ada_hears("+cat");
    assert_eq!(heard.len(), 1, "{heard:?}");
    drop(cat);
    let (_, heard) = stage.until_ada_hears("-cat");
    assert_eq!(heard.len(), 1, "{heard:?}");
    stage.play_for(millis(300));
    assert_eq!(stage.ada.heard.take(), [""; 0]);
    assert_eq!(stage.proxy.log().acts(twice), 2);
}

/// During re-entry, too.
#[test]
fn scenario_37_answers_that_come_twice_count_once() {
    let mut stage = Stage::new();
    let before = stage.everybody();
    let all = Frames::any(Direction::ToClient);
    stage
        .proxy
        .add(Rule::duplicate_frame(all).for_new_connections());
    stage.proxy.add(Rule::reset().for_open_connections());
    let (_, heard) = stage.until_ada_hears("resumed");
    assert_eq!(heard[1..], ["match: Restored", "resumed"]);
    assert_eq!(stage.everybody(), before);
    stage.play_for(millis(300));
    assert_eq!(stage.ada.heard.take(), [""; 0]);
}

#[test]
fn scenario_37_a_frame_of_an_unknown_kind_is_passed_over() {
    let mut stage = Stage::new();
    let before = stage.everybody();
    // Field 900, with three bytes in it.
    let unknown = b"\xa2\x38\x03abc";
    let data = Frames::to_client(Kind::MatchData);
    stage
        .proxy
        .add(Rule::replace_frame(data, &unknown[..]).once());
    stage.bob.say(5);
    stage.play_for(millis(300));
    stage.is_as_before(&before);
    assert_eq!(stage.ada.heard.take(), [""; 0]);
}

/// What is not an envelope is the fault of one of the two programs: to try again would not help.
#[test]
fn scenario_37_a_frame_that_is_no_envelope_ends_the_connection() {
    let mut stage = Stage::new();
    let data = Frames::to_client(Kind::MatchData);
    stage
        .proxy
        .add(Rule::replace_frame(data, &b"\xff\xff\xff"[..]).once());
    stage.bob.say(5);
    let (_, heard) = stage.until_ada_hears("ended");
    assert!(
        heard
            .last()
            .expect("an end")
            .starts_with("ended: the server broke the protocol"),
        "{heard:?}"
    );
}

/// An answer to re-entry that never comes: after a while, the connection counts as usable all the same.
#[test]
fn scenario_12_an_answer_to_re_entry_that_is_lost_does_not_hold_the_game_up() {
    let mut stage = Stage::new();
    stage
        .proxy
        .add(Rule::drop_frame(Frames::to_client(Kind::Match)).once());
    stage.proxy.add(Rule::reset().for_open_connections());
    let (away, _) = stage.until_ada_hears("resumed");
    assert!(away < seconds(8), "{away:?}");
}

#[test]
fn an_empty_envelope_is_an_answer_to_nobody() {
    let mut stage = Stage::new();
    let before = stage.everybody();
    let empty = proto::encode(&Envelope::default(), PartyLayout::Current);
    let data = Frames::to_client(Kind::MatchData);
    stage.proxy.add(Rule::replace_frame(data, empty).once());
    stage.bob.say(5);
    stage.play_for(millis(200));
    stage.is_as_before(&before);
}
