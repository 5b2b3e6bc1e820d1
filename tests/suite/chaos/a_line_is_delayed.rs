//! A delayed line brings everything in order, that much later, and as much as is sent.

use std::time::Instant;

use super::*;

#[test]
fn bytes_arrive_after_the_delay_and_not_before() {
    for direction in Direction::BOTH {
        let (proxy, line) = Lines::one();
        let (speaker, listener) = match direction {
            Direction::ToServer => (&line.client, &line.server),
            Direction::ToClient => (&line.server, &line.client),
        };
        let rule = proxy.add(Rule::delay(direction, millis(80)));
        let before = Instant::now();
        say(speaker, "late");
        assert_eq!(hear(listener, 4), "late");
        let late = before.elapsed();
        assert!(late >= millis(80), "{late:?}");
        say(listener, "at once");
        assert_eq!(hear(speaker, 7), "at once");
        proxy.remove(rule);
        say(speaker, "now");
        assert_eq!(hear(listener, 3), "now");
    }
}

#[test]
fn delays_add_up() {
    let (proxy, line) = Lines::one();
    for delay in [30, 50] {
        proxy.add(Rule::delay(Direction::ToServer, millis(delay)));
    }
    let before = Instant::now();
    say(&line.client, "late");
    hear(&line.server, 4);
    let late = before.elapsed();
    assert!(late >= millis(80), "{late:?}");
}

/// Nothing waits for what was sent before it to arrive: 20 messages, 10 ms apart, are under way at once.
#[test]
fn a_delay_is_not_paid_by_each_message() {
    const COUNT: u64 = 20;
    let (proxy, line) = Lines::one();
    proxy.add(Rule::delay(Direction::ToServer, millis(400)));
    let Line { client, server } = line;
    let before = Instant::now();
    let sending = thread::spawn(move || {
        for _ in 0..COUNT {
            say(&client, "x");
            thread::sleep(millis(10));
        }
        client
    });
    hear(&server, 20);
    let late = before.elapsed();
    assert!(late >= millis(400), "{late:?}");
    assert!(
        late < millis(400) * 10,
        "{late:?}: they waited for each other"
    );
    drop(sending.join().expect("it has sent all"));
}

#[test]
fn a_long_delay_does_not_limit_how_much_is_sent() {
    const SIZE: usize = 8 * 1024 * 1024;
    let (proxy, line) = Lines::one();
    proxy.add(Rule::delay(Direction::ToServer, millis(300)));
    let Line { client, mut server } = line;
    let before = Instant::now();
    let sending = thread::spawn(move || {
        (&client).write_all(&vec![1; SIZE]).expect("it is taken");
        client
    });
    // All of it is under way before the first byte has arrived.
    wait_for_bytes(&proxy, Direction::ToServer, SIZE as u64);
    let delivered = proxy.log().flow(Direction::ToServer).delivered;
    assert!(delivered == 0 || before.elapsed() > millis(300));
    let mut heard = vec![0; SIZE];
    server.read_exact(&mut heard).expect("all of it");
    drop(sending.join().expect("it has sent all"));
}

#[test]
fn nothing_overtakes_when_the_delay_gets_shorter() {
    let (proxy, line) = Lines::one();
    let rule = proxy.add(Rule::delay(Direction::ToServer, millis(200)));
    say(&line.client, "first ");
    wait_for_bytes(&proxy, Direction::ToServer, 6);
    proxy.remove(rule);
    say(&line.client, "second");
    assert_eq!(hear(&line.server, 12), "first second");
}

/// A server that closes after its last word: the word is heard, and then the end.
#[test]
fn the_end_comes_after_the_last_word() {
    let (proxy, line) = Lines::one();
    proxy.add(Rule::delay(Direction::ToClient, millis(50)));
    proxy.add(Rule::delay(Direction::ToClient, Duration::MAX).for_new_connections());
    say(&line.server, "farewell");
    drop(line.server);
    let mut heard = String::new();
    let mut client = line.client;
    client.read_to_string(&mut heard).expect("an end");
    assert_eq!(heard, "farewell");
}
