//! The server goes, and everybody with it. The next one is at the same address: it knows the same users, and nothing else.

use super::*;

impl Stage {
    /// The server ends and starts again. It knows nobody's token any more, so the games log in when they are asked to.
    pub(super) fn server_starts_again(&mut self) {
        let direct = self.direct();
        let through = NakamaServer::new(self.proxy.url(), self.local.server_key());
        self.ada.logs_in_when_asked("ada", &through);
        self.bob.logs_in_when_asked("bob", &direct);
        for (player, name) in self.others.iter_mut().zip(["cat", "dan"]) {
            player.logs_in_when_asked(name, &direct);
        }
        let address = self.local.address();
        let (interim, _) = serve(LocalServerConfig::default());
        drop(std::mem::replace(&mut self.local, interim));
        self.everybody_hears("lost");
        let config = LocalServerConfig {
            address,
            ..Default::default()
        };
        self.local = serve(config).0;
    }

    fn players(&mut self) -> impl Iterator<Item = &mut Player> {
        [&mut self.ada, &mut self.bob]
            .into_iter()
            .chain(&mut self.others)
    }

    /// Until everybody has heard this. Returns what each of them has heard since the last call.
    #[track_caller]
    fn everybody_hears(&mut self, line: &str) -> Vec<Vec<String>> {
        let mut all: Vec<Vec<String>> = self.players().map(|_| Vec::new()).collect();
        self.until(line, |stage| {
            for (heard, player) in all.iter_mut().zip(stage.players()) {
                heard.extend(player.heard.take());
            }
            let has_heard = |all: &Vec<String>| all.iter().any(|it| it.starts_with(line));
            all.iter().all(has_heard).then_some(())
        });
        all
    }
}

impl Player {
    fn logs_in_when_asked(&mut self, name: &'static str, server: &NakamaServer) {
        let server = server.clone();
        self.game.app.add_observer(
            move |_: On<LoginNeeded>, mut commands: Commands| -> Result {
                commands.nakama().log_in(&server, login(name));
                Ok(())
            },
        );
    }

    /// After so long, nobody who is missing may come back any more.
    fn waits_for_the_others(&mut self, window: Duration) {
        let mut settings = self.game.app.world_mut().resource_mut::<NakamaSettings>();
        settings.return_window = window;
    }

    fn match_id(&self) -> MatchId {
        let world = self.game.app.world();
        world.get::<MatchId>(self.here).expect("a match").clone()
    }
}

/// The games come back at the same time, so two of them ask for the name at once.
#[test]
fn scenario_21_everybody_is_back_in_the_same_named_match() {
    let mut stage = Stage::new();
    stage.joins("cat");
    let window = seconds(3);
    let match_id = stage.ada.match_id();
    let mut before = Vec::new();
    for player in stage.players() {
        player.waits_for_the_others(window);
        before.push(player.entities());
    }
    stage.until("cat sees everybody", |stage| {
        (stage.others[0].members().len() == 3).then_some(())
    });
    before[2] = stage.others[0].entities();
    for player in stage.players() {
        player.heard.take();
    }
    stage.server_starts_again();
    for heard in stage.everybody_hears("resumed") {
        assert_eq!(heard, ["match: Recreated", "resumed"]);
    }
    stage.until("nobody is missing", |stage| {
        let mut players = stage.players();
        players.all(|player| !player.has_stale()).then_some(())
    });
    let entities: Vec<_> = stage.players().map(Player::entities).collect();
    assert_eq!(entities, before);
    // They are in one match, and it has the id from before.
    for player in stage.players() {
        assert_eq!(player.match_id(), match_id);
    }
    stage.ada.say(1);
    let mut heard = Vec::new();
    stage.until("data", |stage| {
        heard.extend(stage.bob.hears());
        heard.extend(stage.others[0].hears());
        (heard.len() == 2).then_some(())
    });
    assert_eq!(heard, [1, 1]);
    stage.play_for(window + millis(200));
    for player in stage.players() {
        assert_eq!(player.heard.take(), [""; 0]);
    }
}

/// Cat does not come back with the others: she leaves once, when nobody waits any more.
#[test]
fn scenario_21_who_does_not_come_back_leaves_when_the_time_is_over() {
    let mut stage = Stage::new();
    stage.joins("cat");
    for player in stage.players() {
        player.waits_for_the_others(seconds(2));
        player.heard.take();
    }
    let before = stage.ada.entities();
    // She hears of the end together with the server's, and never runs again.
    let cat = stage.others.remove(0);
    stage.bob.heard.take();
    std::mem::forget(cat);
    stage.server_starts_again();
    for heard in stage.everybody_hears("resumed") {
        assert_eq!(heard, ["match: Recreated", "resumed"]);
    }
    assert_eq!(stage.ada.entities(), before, "cat may come back");
    for heard in stage.everybody_hears("-cat") {
        assert_eq!(heard, ["-cat WhileAway"]);
    }
    assert_eq!(stage.ada.members().len(), 2);
    stage.play_for(millis(300));
    for player in stage.players() {
        assert_eq!(player.heard.take(), [""; 0]);
    }
}

#[test]
fn scenario_22_a_match_without_a_name_is_lost_once() {
    let mut first = None;
    let config = LocalServerConfig::default();
    let settings = NakamaSettings::default();
    let mut stage = Stage::entering(config, settings, move |game| match &first {
        None => {
            let created = game
                .ask::<CreateMatch>(|nakama| nakama.create_match(CreateMatch::new()).id())
                .expect("a match");
            let id = game.app.world().get::<MatchId>(created.entity);
            first = id.cloned();
            created.entity
        }
        Some(id) => {
            let join = JoinMatch::by_id(id.clone());
            let joined = game.ask::<JoinMatch>(|nakama| nakama.join_match(join).id());
            joined.expect("a match").entity
        }
    });
    let gone = Log::default();
    for player in stage.players() {
        // Somebody might know its name and make it anew, so they ask for that long.
        player.waits_for_the_others(seconds(1));
        let to = gone.clone();
        let world = player.game.app.world_mut();
        world.add_observer(move |_: On<Despawn, MatchId>| to.add("gone"));
    }
    stage.server_starts_again();
    let heard = stage.everybody_hears("match: Lost");
    stage.play_for(millis(1500));
    let mut rest: Vec<_> = stage.players().map(|it| it.heard.take()).collect();
    for (mut heard, rest) in heard.into_iter().zip(&mut rest) {
        heard.append(rest);
        let lost: Vec<_> = heard.extract_if(.., |it| it.contains("Lost(")).collect();
        assert_eq!(lost.len(), 1, "{lost:?}");
        assert!(lost[0].contains("atch not found"), "{lost:?}");
        heard.sort();
        assert_eq!(heard, ["-ada Disconnected", "-bob Disconnected", "resumed"]);
    }
    for player in stage.players() {
        assert_eq!(player.members(), []);
        assert_eq!(Game::the::<Match>(&mut player.game.app), None);
    }
    assert_eq!(gone.take(), ["gone"; 2]);
}
