//! A half-open line brings nothing, and neither end hears that the other has gone.

use super::*;

/// What is said, and what has arrived of it.
#[track_caller]
fn is_swallowed(proxy: &ChaosProxy, end: &TcpStream, direction: Direction) {
    let before = proxy.log().flow(direction);
    say(end, "lost");
    wait_for_bytes(proxy, direction, before.received + 4);
    assert_eq!(proxy.log().flow(direction).delivered, before.delivered);
}

/// Nothing is there to read, and the connection is open.
#[track_caller]
fn hears_nothing(end: &TcpStream) {
    end.set_nonblocking(true).expect("it can be set");
    let heard = end.peek(&mut [0]);
    end.set_nonblocking(false).expect("it can be set");
    let error = heard.expect_err("nothing is there");
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn nothing_gets_through_on_either_way_and_for_good() {
    let (proxy, line) = Lines::one();
    say(&line.client, "before");
    assert_eq!(hear(&line.server, 6), "before");
    let rule = proxy.add(Rule::half_open());
    wait_for_acts(&proxy, rule, 1);
    proxy.remove(rule);
    is_swallowed(&proxy, &line.client, Direction::ToServer);
    is_swallowed(&proxy, &line.server, Direction::ToClient);
    hears_nothing(&line.client);
    hears_nothing(&line.server);
    assert_eq!(proxy.log().open_connections(), 1);
}

#[test]
fn the_client_does_not_hear_that_the_server_has_gone() {
    let (proxy, line) = Lines::one();
    let rule = proxy.add(Rule::half_open());
    wait_for_acts(&proxy, rule, 1);
    drop(line.server);
    is_swallowed(&proxy, &line.client, Direction::ToServer);
    hears_nothing(&line.client);
    // Only when the client gives up is it over.
    assert_eq!(proxy.log().open_connections(), 1);
    drop(line.client);
    wait(&proxy, "the end", |log| log.open_connections() == 0);
}

#[test]
fn the_server_does_not_hear_that_the_client_has_gone() {
    let (proxy, line) = Lines::one();
    let rule = proxy.add(Rule::half_open());
    wait_for_acts(&proxy, rule, 1);
    drop(line.client);
    is_swallowed(&proxy, &line.server, Direction::ToClient);
    hears_nothing(&line.server);
    drop(line.server);
    wait(&proxy, "the end", |log| log.open_connections() == 0);
}

#[test]
fn what_is_under_way_is_lost() {
    let (proxy, line) = Lines::one();
    let delay = proxy.add(Rule::delay(Direction::ToServer, millis(50)));
    say(&line.client, "under way");
    wait_for_bytes(&proxy, Direction::ToServer, 9);
    let rule = proxy.add(Rule::half_open());
    wait_for_acts(&proxy, rule, 1);
    proxy.remove(delay);
    let before = proxy.log().flow(Direction::ToServer).delivered;
    is_swallowed(&proxy, &line.client, Direction::ToServer);
    assert_eq!(proxy.log().flow(Direction::ToServer).delivered, before);
}

/// Accepted, and never answered.
#[test]
fn a_connection_that_is_half_open_from_its_beginning_never_reaches_the_server() {
    let lines = Lines::new();
    let rule = lines
        .proxy
        .add(Rule::half_open().for_new_connections().once());
    let lost = connect(lines.proxy.address());
    wait_for_acts(&lines.proxy, rule, 1);
    is_swallowed(&lines.proxy, &lost, Direction::ToServer);
    hears_nothing(&lost);
    // The first connection that the server gets is the second one.
    let line = lines.open();
    say(&line.client, "x");
    assert_eq!(hear(&line.server, 1), "x");
    drop(lost);
    wait(&lines.proxy, "the end", |log| log.open_connections() == 1);
}

#[test]
fn a_proxy_that_is_dropped_ends_half_open_connections() {
    let lines = Lines::new();
    let rule = lines.proxy.add(Rule::half_open());
    let client = connect(lines.proxy.address());
    wait_for_acts(&lines.proxy, rule, 1);
    drop(lines.proxy);
    assert_eq!((&client).read(&mut [0]).unwrap_or_default(), 0);
}
