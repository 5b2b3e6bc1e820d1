//! What joins and leaves of a match cost: allocations, bytes that stay, time.
//!
//! `cargo bench --bench presences`. For instructions, run the binary under callgrind, which counts one phase alone:
//! `valgrind --tool=callgrind --toggle-collect='*joins_before*' <binary>` (`joins_after`, `leaves`).

use std::time::Instant;

use allocation_counter::{AllocationInfo, measure};
use bevy_nakama::testing::{TestGame, match_presences};

/// As many as a match remembers of those who left.
const USERS: usize = 1024;
/// Each phase is one frame; this many matches, one after the other.
const ROUNDS: usize = 3;

fn main() {
    let mut game = TestGame::connected();
    for round in 0..ROUNDS {
        let id = format!("m{round}");
        game.join(&id, &["ada"]);
        let first: Vec<_> = (0..USERS).map(|n| format!("first-{round}-{n}")).collect();
        let second: Vec<_> = (0..USERS).map(|n| format!("second-{round}-{n}")).collect();
        // What it costs to hear of them at all: interned by the network thread, and dropped.
        let strangers: Vec<_> = (0..USERS).map(|n| format!("other-{round}-{n}")).collect();
        says(&mut game, "elsewhere", &strangers, true);
        let heard = run("a join that is none of ours", &mut game, heard);
        says(&mut game, &id, &first, true);
        let before = run("a join before any leaver", &mut game, joins_before);
        says(&mut game, &id, &first, false);
        let leaves = run("a leave", &mut game, leaves);
        for _ in 0..4 {
            game.update();
        }
        says(&mut game, &id, &second, true);
        let after = run("a join after 1,024 leavers", &mut game, joins_after);
        println!(
            "in one frame: {heard:?} none of ours, {before:?} joins, {leaves:?} leaves, {after:?} joins after leavers\n"
        );
    }
}

/// Each in a message of their own, as a server does it.
fn says(game: &mut TestGame, id: &str, names: &[String], come: bool) {
    for name in names {
        let who: &[&str] = &[name];
        let (joins, leaves) = if come { (who, &[][..]) } else { (&[][..], who) };
        game.server_says(match_presences(id, joins, leaves));
    }
}

fn run(what: &str, game: &mut TestGame, phase: fn(&mut TestGame)) -> std::time::Duration {
    let start = Instant::now();
    let AllocationInfo {
        count_total,
        bytes_total,
        count_current,
        bytes_current,
        ..
    } = measure(|| phase(game));
    let took = start.elapsed();
    let each = |all: f64| all / USERS as f64;
    println!(
        "{what}: {:.1} allocations ({:.1} stay), {:.0} bytes ({:.0} stay), {:.2} us",
        each(count_total as f64),
        each(count_current as f64),
        each(bytes_total as f64),
        each(bytes_current as f64),
        each(took.as_secs_f64() * 1e6),
    );
    took
}

#[inline(never)]
fn heard(game: &mut TestGame) {
    game.update();
}

#[inline(never)]
fn joins_before(game: &mut TestGame) {
    game.update();
    std::hint::black_box(&game);
}

#[inline(never)]
fn leaves(game: &mut TestGame) {
    game.update();
    std::hint::black_box((&game, 1));
}

#[inline(never)]
fn joins_after(game: &mut TestGame) {
    game.update();
    std::hint::black_box((&game, 2));
}
