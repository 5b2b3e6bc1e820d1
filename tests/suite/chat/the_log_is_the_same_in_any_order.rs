//! Messages, their edits, their removal and the history may come in any order: the log is the same.

use super::*;

fn permutations<T: Clone>(of: &[T]) -> Vec<Vec<T>> {
    if of.is_empty() {
        return vec![vec![]];
    }
    (0..of.len())
        .flat_map(|first| {
            let mut rest = of.to_vec();
            let first = rest.remove(first);
            permutations(&rest).into_iter().map(move |mut order| {
                order.insert(0, first.clone());
                order
            })
        })
        .collect()
}

/// Takes the steps in every order, and returns the log, which is always the same.
fn log_of(steps: &[Step]) -> Vec<ChatMessage> {
    let mut logs = permutations(steps).into_iter().map(|order| {
        let (mut game, channel, _) = in_lobby(&["ada", "bob", "mallory"]);
        for step in &order {
            play(&mut game, channel, step);
        }
        let log = game.app.world().get::<ChatLog>(channel).expect("a log");
        let lines: Vec<_> = log.iter().cloned().collect();
        for line in &lines {
            assert_eq!(log.get(&line.message_id), Some(line));
        }
        assert_eq!(log.len(), lines.len());
        lines
    });
    let first = logs.next().expect("at least one order");
    for (n, other) in logs.enumerate() {
        assert_eq!(other, first, "order {} differs from the first", n + 1);
    }
    first
}

fn texts(lines: &[ChatMessage]) -> Vec<&str> {
    lines.iter().map(|line| &*line.json).collect()
}

/// Sets the time of a message, in nanoseconds after second 100.
fn at(message: proto::Message, nanos: i32) -> proto::Message {
    let time = Some(Timestamp {
        seconds: 100,
        nanos,
    });
    proto::Message::ChannelMessage(proto::api::ChannelMessage {
        create_time: time,
        update_time: time,
        ..body(&message)
    })
}

#[test]
fn a_message_its_edit_and_the_history_make_one_line_in_any_order() {
    let original = at(line("bob", "m1", r#"{"n":1}"#, 0), 438_773_450);
    // The server reads the stored message to edit it: the time of creation is cut to microseconds, the time of the edit is not.
    let edited = proto::Message::ChannelMessage(proto::api::ChannelMessage {
        create_time: stored(&original).create_time,
        ..body(&at(edit("bob", "m1", r#"{"n":2}"#, 0), 622_537_543))
    });
    let before = Step::History(vec![stored(&original)]);
    let after = Step::History(vec![stored(&edited)]);
    let lines = log_of(&[live(original.clone()), live(edited.clone()), before, after]);
    assert_eq!(texts(&lines), [r#"{"n":2}"#]);
    assert_eq!(
        Some(lines[0].create_time),
        body(&original).create_time,
        "to the nanosecond"
    );
    assert_eq!(Some(lines[0].update_time), body(&edited).update_time);
    assert_eq!(lines[0].kind, ChatMessageKind::Chat);
}

#[test]
fn two_edits_end_in_the_later_one_in_any_order() {
    let lines = log_of(&[
        live(line("bob", "m1", r#"{"n":1}"#, 1)),
        live(edit("bob", "m1", r#"{"n":2}"#, 2)),
        live(edit("bob", "m1", r#"{"n":3}"#, 3)),
    ]);
    assert_eq!(texts(&lines), [r#"{"n":3}"#]);
}

#[test]
fn a_removed_message_is_gone_in_any_order() {
    let original = line("bob", "m1", r#"{"n":1}"#, 1);
    let lines = log_of(&[
        live(original.clone()),
        live(edit("bob", "m1", r#"{"n":2}"#, 2)),
        live(removal("bob", "m1", 3)),
        // The game asked before the removal, and the server answers after it.
        Step::History(vec![stored(&original)]),
    ]);
    assert_eq!(texts(&lines), [""; 0]);
}

#[test]
fn nobody_edits_or_removes_what_somebody_else_has_said() {
    let original = line("bob", "m1", r#"{"n":1}"#, 1);
    let lines = log_of(&[
        live(original.clone()),
        live(edit("mallory", "m1", r#"{"n":"mine"}"#, 2)),
        live(removal("mallory", "m1", 3)),
        Step::History(vec![stored(&original)]),
    ]);
    assert_eq!(texts(&lines), [r#"{"n":1}"#]);

    // The author can still edit it.
    let lines = log_of(&[
        live(original),
        live(removal("mallory", "m1", 2)),
        live(edit("bob", "m1", r#"{"n":2}"#, 3)),
        live(edit("mallory", "m1", r#"{"n":"mine"}"#, 4)),
    ]);
    assert_eq!(texts(&lines), [r#"{"n":2}"#]);
}

#[test]
fn what_somebody_else_tries_is_still_seen() {
    let (mut game, _, log) = in_lobby(&["ada", "bob", "mallory"]);
    game.server_says(line("bob", "m1", "{}", 1));
    game.update();
    log.take();
    let changes = Log::default();
    let seen = changes.clone();
    game.app
        .add_systems(Update, move |logs: Query<Entity, Changed<ChatLog>>| {
            for _ in &logs {
                seen.add("changed");
            }
        });
    game.update();
    changes.take();

    game.server_says(edit("mallory", "m1", r#"{"n":1}"#, 2));
    game.server_says(removal("mallory", "m1", 3));
    game.update();
    assert_eq!(
        log.take(),
        ["mallory Update {\"n\":1}", "mallory Remove {}"]
    );
    assert_eq!(game.chat_lines(LOBBY), ["bob: {}"]);
    assert_eq!(changes.take(), [""; 0], "the log has not changed");

    game.server_says(edit("bob", "m1", r#"{"n":1}"#, 4));
    game.update();
    assert_eq!(changes.take(), ["changed"]);
}

#[test]
fn neighbours_of_one_microsecond_keep_their_order() {
    // The history sorts these two by id, which is the other way round.
    let first = at(line("bob", "m2", r#"{"n":1}"#, 0), 773_450);
    let second = at(line("ada", "m1", r#"{"n":2}"#, 0), 773_900);
    let page = Step::History(vec![stored(&second), stored(&first)]);
    let lines = log_of(&[live(first), live(second), page.clone(), page]);
    assert_eq!(texts(&lines), [r#"{"n":1}"#, r#"{"n":2}"#]);
}

#[test]
fn lines_are_in_the_order_of_time_wherever_they_come_from() {
    let lines: Vec<_> = (1..=4)
        .map(|n| line("bob", &format!("m{}", 9 - n), &format!("{{\"n\":{n}}}"), n))
        .collect();
    let log = log_of(&[
        live(lines[3].clone()),
        Step::History(vec![stored(&lines[0]), stored(&lines[1])]),
        live(lines[2].clone()),
    ]);
    assert_eq!(
        texts(&log),
        [r#"{"n": 1}"#, r#"{"n": 2}"#, r#"{"n":3}"#, r#"{"n":4}"#]
    );
}

#[test]
fn what_happens_to_the_group_is_a_line_too() {
    let (mut game, channel, _) = in_lobby(&["ada"]);
    for (n, code) in (1..).zip([3, 4, 5, 6, 7, 8, 9, 10]) {
        let at = Duration::from_millis(n);
        let kind = ChatMessageKind::from(code);
        assert_eq!(kind.code(), code);
        game.server_says(chat_message(LOBBY, "bob", kind, &format!("m{n}"), "{}", at));
    }
    game.update();
    let log = game.app.world().get::<ChatLog>(channel).expect("a log");
    let kinds: Vec<_> = log.iter().map(|line| line.kind).collect();
    assert_eq!(
        kinds,
        [
            ChatMessageKind::GroupJoin,
            ChatMessageKind::GroupAdd,
            ChatMessageKind::GroupLeave,
            ChatMessageKind::GroupKick,
            ChatMessageKind::GroupPromote,
            ChatMessageKind::GroupBan,
            ChatMessageKind::GroupDemote,
            ChatMessageKind::Unknown(10),
        ]
    );
}
