//! The server itself goes, and comes back.

use std::process::Command;

use super::*;

/// Ends the server with a signal and starts it again, while all games go on.
fn restart(stage: &mut Stage, command: &str, signal: &str) {
    let mut server = Command::new("sh")
        .args(["-c", &format!("{command} {signal}")])
        .spawn()
        .expect("a shell");
    let status = stage.until("a new server", |_| server.try_wait().expect("a child"));
    assert!(status.success(), "{command} {signal}: {status}");
}

/// Bob and Cat, too, hear everything.
struct Three {
    stage: Stage,
    heard: [Log; 3],
    matches: [Entity; 3],
}

impl Three {
    fn new() -> Self {
        let mut stage = Stage::new(true);
        let mut cat = Game::online(&server(), Login::device(fresh("device-of-cat")));
        let name = stage.room.clone();
        // By name, as a game that wants to survive this.
        cat.ask::<CreateMatch>(|nakama| nakama.create_match(CreateMatch::named(name)).id())
            .expect("a match");
        stage.others.push(cat);
        let heard = [
            stage.heard.clone(),
            listen(&mut stage.bob),
            listen(&mut stage.others[0]),
        ];
        let mut three = Self {
            matches: [stage.here; 3],
            stage,
            heard,
        };
        three.until_each("everybody", |game| (present(game).len() == 3).then_some(()));
        three.matches = three
            .games()
            .map(|game| Game::the::<Match>(&mut game.app).expect("a match"));
        three.forget();
        three
    }

    fn games(&mut self) -> [&mut Game; 3] {
        let stage = &mut self.stage;
        [&mut stage.ada, &mut stage.bob, &mut stage.others[0]]
    }

    /// Runs until something is so for each of them.
    #[track_caller]
    fn until_each(&mut self, what: &str, is_so: impl Fn(&mut Game) -> Option<()>) {
        self.stage.until(what, |stage| {
            let all = [&mut stage.ada, &mut stage.bob, &mut stage.others[0]];
            all.into_iter()
                .all(|game| is_so(game).is_some())
                .then_some(())
        });
    }

    fn forget(&mut self) {
        for heard in &self.heard {
            heard.take();
        }
    }

    fn ids(&mut self) -> [MatchId; 3] {
        let matches = self.matches;
        let mut at = 0;
        self.games().map(|game| {
            let id = game.app.world().get::<MatchId>(matches[at]);
            at += 1;
            id.expect("the same match entity").clone()
        })
    }

    /// Who sends data reaches both others.
    #[track_caller]
    fn all_hear_each_other(&mut self) {
        let matches = self.matches;
        for (op, game) in self.games().into_iter().enumerate() {
            let here = matches[op];
            let op = i64::try_from(op).expect("a small number");
            game.commands(|commands| {
                commands
                    .nakama()
                    .send_data(here, OutgoingData::raw(op, "hello"));
            });
        }
        let mut got = [const { Vec::new() }; 3];
        self.stage.until("data", |stage| {
            let games = [&mut stage.ada, &mut stage.bob, &mut stage.others[0]];
            for (got, game) in got.iter_mut().zip(games) {
                let data = Game::arrived::<MatchDataReceived>(&mut game.app);
                got.extend(data.into_iter().map(|it| it.op_code));
                got.sort_unstable();
            }
            (got == [[1, 2], [0, 2], [0, 1]]).then_some(())
        });
    }
}

/// The entities of everybody in the match, in order.
fn present(game: &mut Game) -> Vec<Entity> {
    let world = game.app.world_mut();
    let mut all = world.query_filtered::<Entity, With<PresentIn>>();
    let mut all: Vec<_> = all.iter(world).collect();
    all.sort();
    all
}

#[test]
#[ignore = "needs a Nakama server, and NAKAMA_RESTART"]
fn scenario_21_all_are_back_in_the_same_named_match() {
    let Some(command) = setting("NAKAMA_RESTART") else {
        return;
    };
    let mut three = Three::new();
    let before = three.games().map(present);
    let ids = three.ids();
    for signal in ["KILL", "KILL", "TERM"] {
        restart(&mut three.stage, &command, signal);
        let begin = Instant::now();
        let mut all = [const { Vec::<String>::new() }; 3];
        let heard = three.heard.clone();
        three.stage.until("all three to be back", |_| {
            for (all, heard) in all.iter_mut().zip(&heard) {
                all.extend(heard.take());
            }
            let is_back = |all: &Vec<String>| all.iter().any(|it| it == "resumed");
            all.iter().all(is_back).then_some(())
        });
        println!("{signal}: back after {:?}", begin.elapsed());
        for heard in all {
            assert!(heard[0].starts_with("lost: "), "{heard:?}");
            // The first one makes it anew. Who comes after that finds somebody who was there before.
            assert!(
                ["match: Recreated", "match: Restored"].contains(&heard[1].as_str()),
                "{heard:?}"
            );
            assert_eq!(heard[2..], ["resumed"]);
        }
        three.until_each("nobody is missing", |game| {
            let world = game.app.world_mut();
            let mut stale = world.query_filtered::<(), With<Stale>>();
            (stale.iter(world).count() == 0).then_some(())
        });
        assert_eq!(three.games().map(present), before, "the same entities");
        assert_eq!(three.ids(), ids, "one match, and it has its old id");
        three.all_hear_each_other();
        three.stage.play(seconds(1));
        for heard in &three.heard {
            assert_eq!(heard.take(), [""; 0], "nobody came or left");
        }
    }
}
