//! The judge is shown to catch what it is there for: a real history, damaged in many ways.

use std::sync::LazyLock;

use crate::{
    common::{
        history::{History, Kind, Line, Mirror, PlaceView, Rule, What, check},
        schedule::{
            Act::{
                AddTicket, EnterNamed, Follow, JoinParty, JoinRoom, LeaveRoom, MakeParty, Say,
                SendData, SendToParty, SetStatus,
            },
            Fault::{HalfOpen, Reset},
            Step::{Do, Line as OnLine, Wait},
            Way::Both,
        },
    },
    holds,
};

/// A history in which all is well.
static RECORDED: LazyLock<History> = LazyLock::new(record);

/// Three games meet everywhere, and two of them lose their connection.
fn record() -> History {
    let party = MakeParty {
        slot: 0,
        is_open: true,
        size: 4,
    };
    holds(
        15,
        3,
        &[
            Do(0, EnterNamed(0)),
            Do(1, EnterNamed(0)),
            Do(2, EnterNamed(0)),
            Do(0, party),
            Do(0, JoinRoom(0)),
            Do(1, JoinRoom(0)),
            Do(2, JoinRoom(0)),
            Wait(500),
            Do(1, JoinParty(0)),
            Do(2, JoinParty(0)),
            Do(0, Follow(1)),
            Do(1, SetStatus(Some(1))),
            Do(0, AddTicket(3)),
            Wait(500),
            Do(0, SendData(0)),
            Do(0, SendData(0)),
            Do(0, SendToParty(0)),
            Do(1, Say(0)),
            Wait(500),
            OnLine(1, Reset),
            Wait(3_000),
            Do(0, SendData(0)),
            Do(1, SendData(0)),
            Wait(300),
            Do(2, LeaveRoom(0)),
            OnLine(2, HalfOpen(Both)),
            Wait(30_000),
            Do(0, SendData(0)),
            Wait(300),
        ],
    )
}

#[track_caller]
fn catches(rule: Rule, damage: impl FnOnce(&mut History)) {
    let mut history = RECORDED.clone();
    damage(&mut history);
    let found = check(&history);
    let rules: Vec<_> = found.iter().map(|violation| violation.rule).collect();
    assert!(rules.contains(&rule), "found {rules:?}");
}

#[track_caller]
fn position(history: &History, is_it: impl Fn(&Line) -> bool) -> usize {
    let found = history.lines.iter().position(is_it);
    found.expect("the history has such a line")
}

/// A join of somebody else in the match.
fn is_join_of_another(history: &History, line: &Line) -> bool {
    matches!(&line.what, What::Joined { kind: Kind::Match, user, .. } if *user != history.users[line.game])
}

#[track_caller]
fn place(mirror: &mut Mirror, kind: Kind) -> &mut PlaceView {
    let mut places = mirror.places.iter_mut();
    let found = places.find(|((it, _), place)| *it == kind && !place.is_own);
    found.expect("the game is in such a place").1
}

/// What game 0 shows in the end.
fn shown(history: &mut History) -> &mut Mirror {
    &mut history.quiet[0].mirrors[0]
}

fn a_request_without_an_outcome() {
    catches(Rule::OneOutcome, |history| {
        let at = position(history, |it| matches!(it.what, What::Replied { .. }));
        history.lines.remove(at);
    });
}

fn a_request_with_two_outcomes() {
    catches(Rule::OneOutcome, |history| {
        let at = position(history, |it| matches!(it.what, What::Replied { .. }));
        let again = history.lines[at].clone();
        history.lines.push(again);
    });
}

fn an_outcome_of_something_else() {
    catches(Rule::OneOutcome, |history| {
        for line in &mut history.lines {
            if let What::Replied { name, .. } = &mut line.what {
                *name = "SomethingElse";
            }
        }
    });
}

fn an_outcome_of_nothing() {
    catches(Rule::OneOutcome, |history| {
        let at = position(history, |it| matches!(it.what, What::Asked { .. }));
        history.lines.remove(at);
    });
}

fn data_that_is_delivered_twice() {
    catches(Rule::NothingOld, |history| {
        let at = position(history, |it| matches!(it.what, What::Delivered { .. }));
        let again = history.lines[at].clone();
        history.lines.insert(at + 1, again);
    });
}

fn data_that_came_over_an_old_link() {
    catches(Rule::NothingOld, |history| {
        // The first datum of all, once more after the loss, as if it had not been delivered before.
        let at = position(
            history,
            |it| matches!(it.what, What::Delivered { .. } if it.game == 1),
        );
        let late = history.lines.remove(at);
        let back = position(history, |it| {
            it.game == 1 && matches!(it.what, What::Connected { resumed: true })
        });
        history.lines.insert(back + 1, late);
    });
}

fn data_that_is_out_of_order() {
    catches(Rule::NothingOld, |history| {
        let is_data = |it: &Line| matches!(&it.what, What::Delivered { datum, .. } if it.game == 1 && datum.starts_with("0#"));
        let first = position(history, is_data);
        let second = first
            + 1
            + history.lines[first + 1..]
                .iter()
                .position(is_data)
                .expect("two");
        history.lines.swap(first, second);
    });
}

fn data_that_nobody_has_sent() {
    catches(Rule::NothingOld, |history| {
        let at = position(history, |it| matches!(it.what, What::Sent { .. }));
        history.lines.remove(at);
    });
}

fn data_without_a_connection() {
    catches(Rule::NothingOld, |history| {
        history
            .lines
            .retain(|it| !matches!(it.what, What::Connected { .. }));
    });
}

fn a_connection_that_is_connected_twice() {
    catches(Rule::NothingOld, |history| {
        let at = position(history, |it| matches!(it.what, What::Connected { .. }));
        let again = history.lines[at].clone();
        history.lines.insert(at + 1, again);
    });
}

fn a_member_who_is_missing() {
    catches(Rule::MirrorIsTruth, |history| {
        place(shown(history), Kind::Match).members.pop();
    });
}

fn a_member_who_is_not_there() {
    catches(Rule::MirrorIsTruth, |history| {
        let place = place(shown(history), Kind::Channel);
        let mut ghost = place.members[0].clone();
        ghost.session.replace_range(0..8, "deadbeef");
        place.members.push(ghost);
    });
}

fn a_member_who_is_there_twice() {
    catches(Rule::MirrorIsTruth, |history| {
        let place = place(shown(history), Kind::Channel);
        let again = place.members[0].clone();
        place.members.push(again);
    });
}

fn a_match_that_is_missing() {
    catches(Rule::MirrorIsTruth, |history| {
        shown(history)
            .places
            .retain(|(kind, _), _| *kind != Kind::Match);
    });
}

fn a_party_that_has_ended() {
    catches(Rule::MirrorIsTruth, |history| {
        let truth = history.quiet[0].truth.as_mut().expect("the server's");
        truth.places.retain(|(kind, _), _| *kind != Kind::Party);
    });
}

fn a_leader_who_does_not_lead() {
    catches(Rule::MirrorIsTruth, |history| {
        for member in &mut place(shown(history), Kind::Party).members {
            member.leads = !member.leads;
        }
    });
}

fn a_party_in_another_order() {
    catches(Rule::MirrorIsTruth, |history| {
        place(shown(history), Kind::Party).members.reverse();
    });
}

fn a_party_that_is_not_open() {
    catches(Rule::MirrorIsTruth, |history| {
        place(shown(history), Kind::Party).open = Some(false);
    });
}

fn a_status_of_before() {
    catches(Rule::MirrorIsTruth, |history| {
        let user = place(shown(history), Kind::User);
        user.members[0].status = Some("before".into());
    });
}

fn a_user_who_is_not_followed() {
    catches(Rule::MirrorIsTruth, |history| {
        shown(history)
            .places
            .retain(|(kind, _), it| *kind != Kind::User || it.is_own);
    });
}

fn a_ticket_that_is_missing() {
    catches(Rule::MirrorIsTruth, |history| {
        shown(history).tickets.clear()
    });
}

fn a_presence_that_stays_stale() {
    catches(Rule::MirrorIsTruth, |history| {
        place(shown(history), Kind::Match).members[0].is_stale = true;
    });
}

fn a_game_that_never_comes_back() {
    catches(Rule::MirrorIsTruth, |history| {
        let mirror = shown(history);
        (mirror.is_connected, mirror.is_between) = (false, true);
    });
}

/// Somebody leaves and joins anew, and was there all the time.
fn a_member_who_flickers() {
    catches(Rule::EntitiesStay, |history| {
        let at = position(history, |it| is_join_of_another(history, it));
        let joined = history.lines[at].clone();
        let What::Joined {
            kind,
            context,
            presence,
            user,
            session,
            how,
        } = joined.what.clone()
        else {
            unreachable!("it is a join");
        };
        let line = |what| Line {
            what,
            ..joined.clone()
        };
        let another = presence + 1_000_000;
        let flicker = [
            What::Left {
                kind,
                context,
                presence,
                user: user.clone(),
                session: session.clone(),
                why: "Left",
            },
            What::Unrelated {
                kind,
                context,
                presence,
            },
            What::Related {
                kind,
                context,
                presence: another,
            },
            What::Joined {
                kind,
                context,
                presence: another,
                user,
                session,
                how,
            },
        ];
        history.lines.splice(at + 1..at + 1, flicker.map(line));
    });
}

fn a_join_that_is_not_told() {
    catches(Rule::ComeAndGo, |history| {
        let at = position(history, |it| is_join_of_another(history, it));
        history.lines.remove(at);
    });
}

fn a_join_that_is_told_twice() {
    catches(Rule::ComeAndGo, |history| {
        let at = position(history, |it| is_join_of_another(history, it));
        let again = history.lines[at].clone();
        history.lines.insert(at + 1, again);
    });
}

fn a_leave_that_is_not_told() {
    catches(Rule::ComeAndGo, |history| {
        let at = position(history, |it| matches!(it.what, What::Left { .. }));
        history.lines.remove(at);
    });
}

fn a_leave_of_somebody_who_never_came() {
    catches(Rule::ComeAndGo, |history| {
        let at = position(history, |it| matches!(it.what, What::Left { .. }));
        let mut again = history.lines[at].clone();
        if let What::Left { presence, .. } = &mut again.what {
            *presence += 1_000_000;
        }
        history.lines.insert(at, again);
    });
}

fn a_component_that_comes_twice() {
    catches(Rule::ComeAndGo, |history| {
        let at = position(history, |it| matches!(it.what, What::Related { .. }));
        let again = history.lines[at].clone();
        history.lines.insert(at + 1, again);
    });
}

fn a_component_that_stays() {
    catches(Rule::ComeAndGo, |history| {
        history
            .lines
            .retain(|it| !matches!(it.what, What::Unrelated { .. }));
    });
}

#[test]
fn each_request_has_one_outcome() {
    a_request_without_an_outcome();
    a_request_with_two_outcomes();
    an_outcome_of_something_else();
    an_outcome_of_nothing();
}

#[test]
fn nothing_old_is_delivered() {
    data_that_is_delivered_twice();
    data_that_came_over_an_old_link();
    data_that_is_out_of_order();
    data_that_nobody_has_sent();
    data_without_a_connection();
    a_connection_that_is_connected_twice();
}

#[test]
fn a_game_shows_what_the_server_has() {
    a_member_who_is_missing();
    a_member_who_is_not_there();
    a_member_who_is_there_twice();
    a_match_that_is_missing();
    a_party_that_has_ended();
    a_leader_who_does_not_lead();
    a_party_in_another_order();
    a_party_that_is_not_open();
    a_status_of_before();
    a_user_who_is_not_followed();
    a_ticket_that_is_missing();
    a_presence_that_stays_stale();
    a_game_that_never_comes_back();
}

/// Somebody else is in the match for this game, and what comes right after that.
fn then(history: &mut History, game: usize, what: impl FnOnce(What) -> What) {
    let at = position(history, |it| {
        it.game == game && is_join_of_another(history, it)
    });
    let mut line = history.lines[at].clone();
    line.what = what(line.what);
    history.lines.insert(at + 1, line);
}

/// An entity passes on, and the game has not opted in.
fn a_member_who_is_adopted_unasked() {
    catches(Rule::EntitiesStay, |history| {
        then(history, 0, |joined| {
            let What::Joined {
                context,
                presence,
                session,
                ..
            } = joined
            else {
                unreachable!("it is one");
            };
            let new = "a later session".into();
            What::Adopted {
                context,
                presence,
                old: session,
                new,
            }
        });
    });
}

/// The game has opted in, and a member who is back gets a second entity.
fn a_member_who_is_not_adopted() {
    catches(Rule::EntitiesStay, |history| {
        then(history, 1, |mut joined| {
            if let What::Joined {
                presence, session, ..
            } = &mut joined
            {
                *presence = 1;
                *session = "a later session".into();
            }
            joined
        });
    });
}

/// Somebody comes back with two new sessions while this game is away, and neither has the entity of before.
fn a_member_who_comes_back_as_two_strangers() {
    let mut history = RECORDED.clone();
    let at = position(&history, |it| {
        it.game == 1 && is_join_of_another(&history, it)
    });
    let What::Joined {
        kind,
        context,
        presence,
        user,
        session,
        ..
    } = history.lines[at].what.clone()
    else {
        unreachable!("it is a join");
    };
    let is_back = |it: &Line| it.game == 1 && it.what == What::Connected { resumed: true };
    let at = position(&history, is_back);
    let mut heard = vec![
        What::Left {
            kind,
            context,
            presence,
            user: user.clone(),
            session,
            why: "WhileAway",
        },
        What::Unrelated {
            kind,
            context,
            presence,
        },
    ];
    for stranger in [1, 2] {
        heard.push(What::Related {
            kind,
            context,
            presence: stranger,
        });
        heard.push(What::Joined {
            kind,
            context,
            presence: stranger,
            user: user.clone(),
            session: format!("later session {stranger}"),
            how: "WhileAway",
        });
    }
    let line = history.lines[at].clone();
    let heard = heard.into_iter().map(|what| Line {
        what,
        ..line.clone()
    });
    history.lines.splice(at..at, heard);
    let found = check(&history);
    let mut found = found.iter().map(ToString::to_string);
    assert!(found.any(|it| it.contains("left and joined while the local user was away")));
}

#[test]
fn whoever_stays_keeps_their_entity() {
    a_member_who_flickers();
    a_member_who_comes_back_as_two_strangers();
    a_member_who_is_adopted_unasked();
    a_member_who_is_not_adopted();
}

#[test]
fn members_come_and_go_in_turns() {
    a_join_that_is_not_told();
    a_join_that_is_told_twice();
    a_leave_that_is_not_told();
    a_leave_of_somebody_who_never_came();
    a_component_that_comes_twice();
    a_component_that_stays();
}
