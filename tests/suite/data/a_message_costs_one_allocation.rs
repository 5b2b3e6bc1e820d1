//! What a match-data message costs in memory, from the frame to the system that reads it.

use bevy::prelude::*;
use bevy_nakama::{prelude::*, testing::*};
use serde::{Deserialize, Serialize};

#[derive(Deserialize, Serialize)]
struct Moved {
    x: f32,
    y: f32,
}

impl MatchPayload for Moved {
    const OP_CODE: i64 = 1;
    type Codec = Postcard;
}

const MESSAGES: u64 = 1_000;

#[test]
fn an_inbound_message_costs_at_most_one_allocation() {
    let mut game = TestGame::new();
    game.app.add_match_data::<Moved>();
    game.app
        .world_mut()
        .resource_mut::<NakamaSettings>()
        .receive_budget = std::time::Duration::from_secs(60);
    game.app.init_resource::<Sum>().add_systems(
        Update,
        |mut typed: MessageReader<FromMatch<Moved>>,
         mut raw: MessageReader<MatchDataReceived>,
         mut sum: ResMut<Sum>| {
            sum.0 += typed.read().count() as u64 + raw.read().count() as u64;
        },
    );
    game.connect();
    game.join("m1", &["ada", "bob", "carol"]);
    // Each thread counts its own allocations; `TestGame` runs everything on this one.
    for (op_code, what) in [(1, "typed"), (2, "raw")] {
        let mut arrive = || {
            for n in 0..MESSAGES {
                let sender = if n % 2 == 0 { "bob" } else { "carol" };
                game.server_says(match_data_sent("m1", Some(sender), op_code, vec![0; 8]));
            }
            let before = game.app.world().resource::<Sum>().0;
            let cost = allocation_counter::measure(|| game.update());
            assert_eq!(game.app.world().resource::<Sum>().0 - before, MESSAGES);
            cost.count_total
        };
        for _ in 0..3 {
            arrive(); // buffers reach their size
        }
        let allocations = arrive();
        let idle = allocation_counter::measure(|| game.update()).count_total;
        println!(
            "{what}: {allocations} allocations for {MESSAGES} messages, {idle} in an idle frame"
        );
        assert!(
            allocations <= MESSAGES + idle + 16,
            "{what}: {allocations} for {MESSAGES} messages"
        );
    }
}

#[derive(Default, Resource)]
struct Sum(u64);

#[test]
fn an_idle_frame_allocates_nothing_of_ours() {
    let mut bare = App::new();
    bare.add_plugins((
        TaskPoolPlugin::default(),
        bevy::time::TimePlugin,
        bevy::state::app::StatesPlugin,
    ));
    for (_, schedule) in bare.world_mut().resource_mut::<Schedules>().iter_mut() {
        schedule.set_executor(bevy::ecs::schedule::SingleThreadedExecutor::new());
    }
    let mut game = TestGame::joined("m1", &["ada", "bob"]);
    for _ in 0..10 {
        bare.update();
        game.update();
    }
    let without = allocation_counter::measure(|| bare.update()).count_total;
    let with = allocation_counter::measure(|| game.update()).count_total;
    assert!(
        with <= without,
        "{with} allocations, {without} without the plugin"
    );
}

/// What it takes to find the window of a message does not depend on who is there.
#[test]
fn sending_costs_the_same_however_many_are_there() {
    let cost = |members: usize| {
        let others = (1..members).map(|n| format!("player {n}"));
        let names: Vec<_> = std::iter::once("ada".to_owned()).chain(others).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let mut game = TestGame::joined("m1", &names);
        let here = game.match_entity("m1");
        let mut send = || {
            let sending = allocation_counter::measure(|| {
                game.commands(|commands| {
                    commands.nakama().send(here, &Moved { x: 1.0, y: 2.0 });
                });
            });
            game.update();
            game.sent();
            sending.count_total
        };
        for _ in 0..200 {
            send(); // buffers reach their size
        }
        (0..20).map(|_| send()).min()
    };
    assert_eq!(cost(2), cost(200));
}
