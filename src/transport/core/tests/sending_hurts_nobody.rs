//! Whatever a line does, nobody is disconnected for what others send.

use std::time::Duration;

use proptest::prelude::*;

use super::room::Room;

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Everybody sends at 20 Hz, each at a moment of their own, until this much has passed since the beginning.
fn play(room: &mut Room, until: Duration) {
    play_with(room, until, 1);
}

/// The same, with so many messages each time.
fn play_with(room: &mut Room, until: Duration, each: usize) {
    let first = room.time().as_millis() as u64;
    for now in first..until.as_millis() as u64 {
        room.run_until(ms(now));
        for player in 0..room.players.len() {
            if (now + 7 * player as u64).is_multiple_of(50) {
                for _ in 0..each {
                    room.send(player);
                }
            }
        }
    }
    room.run_until(until);
}

/// How long the messages of everybody waited to be sent: the longest.
fn longest_wait(room: &Room) -> Duration {
    let players = room.players.iter();
    let waits = players.flat_map(|it| it.queued.iter().map(|(number, at)| it.left[number] - *at));
    waits.max().unwrap_or_default()
}

#[test]
fn a_healthy_line_is_not_slowed_down() {
    for members in [2, 5, 10, 20] {
        for round_trip in [1, 50, 150, 300] {
            let mut room = Room::new(members, ms(round_trip));
            play(&mut room, ms(5000));
            let line = format!("{members} members, {round_trip} ms");
            assert_eq!(longest_wait(&room), Duration::ZERO, "{line}");
            assert_eq!(room.kicked(), [0; 0], "{line}");
            for player in &room.players {
                let [all, extra] = player.bytes;
                assert!(extra * 50 < all, "{line}: {extra} of {all} bytes are pings");
            }
        }
    }
}

#[test]
fn several_messages_in_each_frame_are_an_even_flow_too() {
    for each in [2, 3, 5] {
        for round_trip in [1, 50, 150, 300] {
            let mut room = Room::new(20, ms(round_trip));
            play_with(&mut room, ms(3000), each);
            // Then nobody sends for a while.
            room.run_until(ms(8000));
            play_with(&mut room, ms(11_000), each);
            let line = format!("{each} in each frame, {round_trip} ms");
            let wait = longest_wait(&room);
            assert!(wait < ms(2 * round_trip + 100), "{line}: {wait:?} at first");
            for since in [1000, 8000] {
                let (waited, all, longest) = waited_since(&room, ms(since));
                assert_eq!(waited, 0, "{line}, from {since} ms: of {all}, {longest:?}");
            }
            assert_eq!(room.kicked(), [0; 0], "{line}");
        }
    }
}

/// What had to wait in the last seconds, of all that was sent: how many, and for how long at most.
fn waited_since(room: &Room, since: Duration) -> (usize, usize, Duration) {
    let players = room.players.iter();
    let all = players.flat_map(|it| {
        it.queued
            .iter()
            .map(|(number, at)| (*at, it.left.get(number)))
    });
    let recent: Vec<_> = all
        .filter(|(at, _)| room.since_start(*at) >= since)
        .collect();
    let waits = recent.iter().filter_map(|(at, left)| Some(*(*left)? - *at));
    let waits: Vec<_> = waits.filter(|wait| !wait.is_zero()).collect();
    (
        waits.len(),
        recent.len(),
        waits.iter().max().copied().unwrap_or_default(),
    )
}

#[test]
fn a_line_whose_round_trip_grows_or_varies_goes_on() {
    for (round_trip, jitter) in [(160, 0), (40, 120), (50, 200)] {
        let mut room = Room::new(20, ms(40));
        play(&mut room, ms(3000));
        room.set_round_trip(ms(round_trip), ms(jitter));
        play(&mut room, ms(15_000));
        let line = format!("{round_trip} to {} ms", round_trip + jitter);
        let (_, _, longest) = waited_since(&room, ms(3000));
        assert!(
            longest < ms(500),
            "{line}: something waited for {longest:?}"
        );
        let (waited, all, longest) = waited_since(&room, ms(5000));
        assert!(
            waited * 10 < all,
            "{line}: {waited} of {all} waited, up to {longest:?}"
        );
        assert_eq!(room.kicked(), [0; 0], "{line}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_line_that_is_held_costs_nobody_the_connection(
        hold in 1_000..6_000_u64,
        at in 500..1_500_u64,
        round_trip in 1..300_u64,
        others in 1..9_usize,
    ) {
        let mut room = Room::new(others + 1, ms(round_trip));
        play(&mut room, ms(at));
        room.hold(0, ms(hold));
        play(&mut room, ms(at + hold + 500));
        // Everybody else goes on as if nothing had happened.
        room.run_until(ms(at + hold + 10_000));
        prop_assert_eq!(room.kicked(), [0; 0]);
        for player in &room.players {
            prop_assert_eq!(player.lost(), [0; 0]);
            prop_assert_eq!(&player.told, &[]);
            prop_assert!(player.delivered.is_sorted());
        }
    }

    #[test]
    fn what_a_line_that_is_given_up_did_not_deliver_is_told(at in 500..3_000_u64, round_trip in 1..300_u64) {
        let mut room = Room::new(5, ms(round_trip));
        play(&mut room, ms(at));
        room.cut(0);
        play(&mut room, ms(at + 15_000));
        room.run_until(ms(at + 16_000));
        prop_assert_eq!(room.kicked(), [0; 0]);
        let player = &room.players[0];
        prop_assert!(!player.is_open);
        prop_assert_eq!(player.lost(), [0; 0]);
        for reason in ["ConnectionLost", "NotConnected"] {
            let is_told = player.told.iter().any(|(_, told)| told.starts_with(reason));
            prop_assert!(is_told, "{}", reason);
        }
        for player in &room.players[1..] {
            prop_assert_eq!(player.lost(), [0; 0]);
            prop_assert_eq!(&player.told, &[]);
        }
    }

    #[test]
    fn a_server_that_is_stopped_disconnects_nobody(stops in prop::collection::vec(200..4_000_u64, 1..4), round_trip in 1..20_u64) {
        let mut room = Room::new(20, ms(round_trip));
        play(&mut room, ms(3_000));
        for stop in stops {
            room.stop_server(ms(stop));
            let until = room.time() + ms(stop + 2_000);
            play(&mut room, until);
        }
        let end = room.time() + ms(10_000);
        room.run_until(end);
        prop_assert_eq!(room.kicked(), [0; 0]);
        for player in &room.players {
            prop_assert_eq!(player.lost(), [0; 0]);
            prop_assert_eq!(&player.told, &[]);
            prop_assert!(player.delivered.is_sorted());
        }
    }

    #[test]
    fn a_call_that_takes_long_disconnects_nobody(takes in 500..8_000_u64, round_trip in 1..300_u64) {
        let mut room = Room::new(5, ms(round_trip));
        play(&mut room, ms(2_000));
        room.call(0, ms(takes));
        play(&mut room, ms(2_500 + takes));
        room.run_until(ms(12_500 + takes));
        prop_assert_eq!(room.kicked(), [0; 0]);
        prop_assert_eq!(room.players[0].lost(), [0; 0]);
        prop_assert_eq!(&room.players[0].answers, &[(1, "answered".to_owned())]);
    }

    #[test]
    fn a_burst_of_sends_and_calls_disconnects_nobody(
        sends in 1..500_usize,
        calls in 1..500_usize,
        round_trip in 1..100_u64,
        others in 1..9_usize,
    ) {
        let mut room = Room::new(others + 1, ms(round_trip));
        play(&mut room, ms(500));
        for _ in 0..calls {
            room.call(0, Duration::ZERO);
        }
        for _ in 0..sends {
            room.send(0);
        }
        room.run_until(ms(20_000));
        prop_assert_eq!(room.kicked(), [0; 0]);
        prop_assert_eq!(room.players[0].lost(), [0; 0]);
        prop_assert_eq!(&room.players[0].told, &[]);
        let answers = &room.players[0].answers;
        prop_assert_eq!(answers.len(), calls);
        prop_assert!(answers.iter().all(|(_, answer)| answer == "answered"));
    }
}
