//! A held line brings nothing, loses nothing, and brings everything at once when it is released.

use super::*;

fn held(direction: Direction) -> ChaosEventKind {
    ChaosEventKind::Held { direction }
}

fn released(direction: Direction, bytes: u64) -> ChaosEventKind {
    ChaosEventKind::Released { direction, bytes }
}

#[test]
fn what_is_held_comes_at_the_release_all_of_it_in_order() {
    for direction in Direction::BOTH {
        let (proxy, line) = Lines::one();
        let (speaker, listener) = match direction {
            Direction::ToServer => (&line.client, &line.server),
            Direction::ToClient => (&line.server, &line.client),
        };
        say(speaker, "0");
        assert_eq!(hear(listener, 1), "0");

        let rule = proxy.add(Rule::hold(direction));
        let mut said = 1;
        for text in ["one ", "two ", "three "] {
            say(speaker, text);
            said += text.len() as u64;
            wait_for_bytes(&proxy, direction, said);
        }
        assert_eq!(proxy.log().flow(direction).delivered, 1);
        assert_eq!(kinds(&proxy), [ChaosEventKind::Opened, held(direction)]);

        assert!(proxy.remove(rule));
        assert_eq!(hear(listener, 14), "one two three ");
        let expected = [
            ChaosEventKind::Opened,
            held(direction),
            released(direction, 14),
        ];
        assert_eq!(kinds(&proxy), expected);
        say(speaker, "again");
        assert_eq!(hear(listener, 5), "again");
        assert!(!proxy.remove(rule), "it was removed before");
    }
}

#[test]
fn the_other_way_stays_free() {
    let (proxy, line) = Lines::one();
    proxy.add(Rule::hold(Direction::ToServer));
    say(&line.client, "hello");
    wait_for_bytes(&proxy, Direction::ToServer, 5);
    say(&line.server, "are you there?");
    assert_eq!(hear(&line.client, 14), "are you there?");
    assert_eq!(proxy.log().flow(Direction::ToServer).delivered, 0);
}

#[test]
fn of_two_rules_both_have_to_go() {
    let (proxy, line) = Lines::one();
    let rules = [(); 2].map(|()| proxy.add(Rule::hold(Direction::ToServer)));
    say(&line.client, "a");
    wait_for_bytes(&proxy, Direction::ToServer, 1);
    proxy.remove(rules[0]);
    say(&line.client, "b");
    wait_for_bytes(&proxy, Direction::ToServer, 2);
    assert_eq!(proxy.log().flow(Direction::ToServer).delivered, 0);
    proxy.clear();
    assert_eq!(hear(&line.server, 2), "ab");
}

#[test]
fn a_rule_for_new_connections_leaves_the_others_alone() {
    let lines = Lines::new();
    let old = lines.open();
    let rule = lines
        .proxy
        .add(Rule::hold(Direction::ToServer).for_new_connections());
    let new = lines.open();
    say(&new.client, "new");
    wait_for_bytes(&lines.proxy, Direction::ToServer, 3);
    say(&old.client, "old");
    assert_eq!(hear(&old.server, 3), "old");
    let log = lines.proxy.log();
    let last = log.events().next_back().expect("events");
    assert_eq!(
        (last.connection, &last.kind),
        (2, &held(Direction::ToServer))
    );
    lines.proxy.remove(rule);
    assert_eq!(hear(&new.server, 3), "new");
}

/// The line stalls where it begins.
#[test]
fn what_is_under_way_still_arrives() {
    let (proxy, line) = Lines::one();
    proxy.add(Rule::delay(Direction::ToServer, millis(100)));
    say(&line.client, "before");
    wait_for_bytes(&proxy, Direction::ToServer, 6);
    proxy.add(Rule::hold(Direction::ToServer));
    say(&line.client, "after");
    wait_for_bytes(&proxy, Direction::ToServer, 11);
    assert_eq!(hear(&line.server, 6), "before");
    wait(&proxy, "delivery", |log| {
        log.flow(Direction::ToServer).delivered == 6
    });
    assert_eq!(
        kinds(&proxy),
        [ChaosEventKind::Opened, held(Direction::ToServer)]
    );
}

#[test]
fn the_end_of_a_connection_is_held_too() {
    let (proxy, line) = Lines::one();
    let rule = proxy.add(Rule::hold(Direction::ToServer));
    say(&line.client, "farewell");
    drop(line.client);
    wait_for_bytes(&proxy, Direction::ToServer, 8);
    assert_eq!(proxy.log().open_connections(), 1);
    proxy.remove(rule);
    assert_eq!(hear(&line.server, 8), "farewell");
    let mut server = line.server;
    assert_eq!(server.read(&mut [0]).expect("an end"), 0);
}
