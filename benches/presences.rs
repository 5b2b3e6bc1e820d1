//! What joins and leaves of a match cost: allocations, bytes that stay, time. From the frame to the world, with all that lies between.
//!
//! `cargo bench --bench presences`. For instructions, run the binary under callgrind, which counts one phase alone:
//! `valgrind --tool=callgrind --toggle-collect='presences::joins_before*' <binary>` (`joins_after`, `leaves`, `heard`).

use std::{hint::black_box, time::Instant};

use allocation_counter::{AllocationInfo, measure};
use bevy_nakama::testing::{TestGame, match_presences};

/// As many as a match remembers of those who left.
const USERS: usize = 1024;
/// Each phase is one frame. So many matches, one after the other: buffers have their size after the first.
const ROUNDS: usize = 3;
/// Tables double their size now and then, so what stays is an average over one doubling.
const CROWDS: [usize; 8] = [520, 600, 680, 760, 840, 920, 1000, 1040];

fn main() {
    let mut game = TestGame::connected();
    for round in 0..ROUNDS {
        let id = format!("m{round}");
        game.join(&id, &["ada"]);
        // What a presence costs at least: the network thread decodes it, and the game drops it.
        says(&mut game, "elsewhere", &users(round, "other", USERS), true);
        run("a join elsewhere", &mut game, heard);
        says(&mut game, &id, &users(round, "first", USERS), true);
        run("a join before any leaver", &mut game, joins_before);
        says(&mut game, &id, &users(round, "first", USERS), false);
        run("a leave", &mut game, leaves);
        for _ in 0..4 {
            game.update();
        }
        says(&mut game, &id, &users(round, "second", USERS), true);
        run("a join after 1,024 leavers", &mut game, joins_after);
        println!();
    }
    let stay = CROWDS.map(kept).iter().sum::<f64>() / CROWDS.len() as f64;
    println!("of a join, {stay:.0} bytes stay");
}

fn users(round: usize, name: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{name}-{round}-{n}")).collect()
}

/// Each in a message of their own, as a server does it.
fn says(game: &mut TestGame, id: &str, names: &[String], come: bool) {
    for name in names {
        let who: &[&str] = &[name];
        let (joins, leaves) = if come { (who, &[][..]) } else { (&[][..], who) };
        game.server_says(match_presences(id, joins, leaves));
    }
}

/// How many bytes of each join stay in a new game with so many users.
fn kept(crowd: usize) -> f64 {
    let mut game = TestGame::connected();
    game.join("m", &["ada"]);
    let users = users(0, "user", crowd);
    let all = measure(|| {
        // A few in a frame, so that what stays is theirs, and not buffers of messages.
        for few in users.chunks(8) {
            says(&mut game, "m", few, true);
            game.update();
        }
    });
    all.bytes_current as f64 / crowd as f64
}

fn run(what: &str, game: &mut TestGame, phase: fn(&mut TestGame)) {
    let start = Instant::now();
    let AllocationInfo {
        count_total,
        bytes_total,
        ..
    } = measure(|| phase(game));
    let took = start.elapsed();
    let each = |all: f64| all / USERS as f64;
    println!(
        "{what}: {:.1} allocations of {:.0} bytes in all, {:.2} us",
        each(count_total as f64),
        each(bytes_total as f64),
        each(took.as_secs_f64() * 1e6),
    );
}

#[inline(never)]
fn heard(game: &mut TestGame) {
    game.update();
}

#[inline(never)]
fn joins_before(game: &mut TestGame) {
    game.update();
    black_box(&game);
}

#[inline(never)]
fn leaves(game: &mut TestGame) {
    game.update();
    black_box((&game, 1));
}

#[inline(never)]
fn joins_after(game: &mut TestGame) {
    game.update();
    black_box((&game, 2));
}
