//! Two bound types are two queues, which lose their order among each other. One enum keeps it.

use super::*;
use crate::common::steps::drain;

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Spawned {
    id: u32,
}

impl MatchPayload for Spawned {
    const OP_CODE: i64 = 10;
    type Codec = Postcard;
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct MovedBy {
    id: u32,
    dx: f32,
}

impl MatchPayload for MovedBy {
    const OP_CODE: i64 = 11;
    type Codec = Postcard;
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
enum Step {
    Spawned { id: u32 },
    MovedBy { id: u32, dx: f32 },
}

impl MatchPayload for Step {
    const OP_CODE: i64 = 12;
    type Codec = Postcard;
}

/// Bob hears what ada sends.
fn pass_on(game: &mut TestGame) {
    for sent in sent_data(game) {
        game.server_says(match_data_sent("m1", Some("bob"), sent.op_code, sent.data));
    }
    game.update();
}

/// Spawns, moves, spawns anew: whoever reads one type after the other moves the wrong one.
#[test]
fn spawn_then_move_loses_its_order_across_types() {
    let (mut game, here, log) = game();
    game.app
        .add_match_data::<Spawned>()
        .add_match_data::<MovedBy>();
    let seen = log.clone();
    game.app.add_systems(
        Update,
        move |mut spawned: MessageReader<FromMatch<Spawned>>,
              mut moved: MessageReader<FromMatch<MovedBy>>| {
            for spawned in spawned.read() {
                seen.add(format!("spawned {}", spawned.payload.id));
            }
            for moved in moved.read() {
                seen.add(format!("moved {}", moved.payload.id));
            }
        },
    );
    game.commands(|commands| {
        for id in [1, 2] {
            commands.nakama().send(here, &Spawned { id });
            commands.nakama().send(here, &MovedBy { id, dx: 0.5 });
        }
    });
    game.update();
    pass_on(&mut game);
    assert_eq!(log.take(), ["spawned 1", "spawned 2", "moved 1", "moved 2"]);
}

#[test]
fn one_enum_keeps_the_order() {
    let (mut game, here, _) = game();
    game.app.add_match_data::<Step>();
    let steps = || {
        [1, 2]
            .into_iter()
            .flat_map(|id| [Step::Spawned { id }, Step::MovedBy { id, dx: 0.5 }])
    };
    game.commands(|commands| {
        for step in steps() {
            commands.nakama().send(here, &step);
        }
    });
    game.update();
    let sent = sent_data(&mut game);
    for data in sent {
        game.server_says(match_data_sent("m1", Some("bob"), data.op_code, data.data));
    }
    game.update();
    let heard: Vec<FromMatch<Step>> = drain(&mut game);
    let heard: Vec<_> = heard.into_iter().map(|data| data.payload).collect();
    assert_eq!(heard, steps().collect::<Vec<_>>());
}
