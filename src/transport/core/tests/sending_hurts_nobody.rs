//! Whatever a line does, nobody is disconnected for what others send.

use std::time::Duration;

use proptest::prelude::*;

use super::room::Room;

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Everybody sends at 20 Hz, each at a moment of their own, until this much has passed since the beginning.
fn play(room: &mut Room, until: Duration) {
    let first = room.time().as_millis() as u64;
    for now in first..until.as_millis() as u64 {
        room.run_until(ms(now));
        for player in 0..room.players.len() {
            if (now + 7 * player as u64).is_multiple_of(50) {
                room.send(player);
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
    fn what_a_line_that_is_given_up_did_not_deliver_is_told(hold in 9_500..15_000_u64, round_trip in 1..300_u64) {
        let mut room = Room::new(5, ms(round_trip));
        play(&mut room, ms(1_000));
        room.hold(0, ms(hold));
        play(&mut room, ms(1_000 + hold));
        room.run_until(ms(15_000 + hold));
        prop_assert_eq!(room.kicked(), [0; 0]);
        for player in &room.players {
            prop_assert_eq!(player.lost(), [0; 0]);
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
        prop_assert_eq!(room.kicked(), [0; 0]);
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
