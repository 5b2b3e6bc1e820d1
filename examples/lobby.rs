//! Two strangers play rock, paper, scissors, in one terminal: `cargo run --example lobby`. With
//! `-- --server http://127.0.0.1:7350` on a Nakama of your own; `-- --help` tells the rest.
//!
//! `game` is the whole game: it logs in and connects, looks for an opponent in the lobby, plays, and is back in the lobby when
//! the duel is over or the opponent leaves. If something fails or nothing happens, it tries again. A player is an app here; a
//! game is one app. The tests at the end play it without a server: `cargo test --example lobby`.

#[expect(dead_code, reason = "this game logs in by itself")]
mod common;

use std::{
    process::{self, ExitCode},
    time::Duration,
};

use bevy::{prelude::*, state::app::StatesPlugin, time::common_conditions::on_timer};
use bevy_nakama::{local_server::LocalServerConfig, prelude::*};
use serde::{Deserialize, Serialize};

use self::common::{Player, account, until};

/// Where the player is while they are online.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, SubStates)]
#[source(SessionState = SessionState::Online)]
enum Scene {
    #[default]
    Lobby,
    Duel,
}

/// What the players send each other. A cheat could wait for the other's hand. To prevent that, a real game lets code on the server
/// compare the hands.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
enum Hand {
    Rock,
    Paper,
    Scissors,
}

impl MatchPayload for Hand {
    const OP_CODE: i64 = 1;
    type Codec = Postcard;
}

impl Hand {
    fn beats(self, other: Self) -> bool {
        matches!(
            (self, other),
            (Self::Rock, Self::Scissors)
                | (Self::Paper, Self::Rock)
                | (Self::Scissors, Self::Paper)
        )
    }
}

/// The duel, on the match's entity: the hands of each round so far. It goes with the match.
#[derive(Component)]
struct Duel {
    opponent: Entity,
    mine: Vec<Hand>,
    theirs: Vec<Hand>,
}

impl Duel {
    /// How many rounds the player and the opponent have won.
    fn score(&self) -> (usize, usize) {
        let rounds = || self.mine.iter().zip(&self.theirs);
        let won = rounds().filter(|(mine, theirs)| mine.beats(**theirs));
        let lost = rounds().filter(|(mine, theirs)| theirs.beats(**mine));
        (won.count(), lost.count())
    }

    fn is_over(&self) -> bool {
        let (won, lost) = self.score();
        won == ROUNDS || lost == ROUNDS
    }
}

/// The player shows a hand.
#[derive(Event)]
struct Show(Hand);

/// Something for the player to read.
#[derive(Event)]
struct Say(String);

/// Who wins this many rounds wins the duel.
const ROUNDS: usize = 2;

/// How long the player waits for the opponent's next step, and before trying again what has failed.
const PATIENCE: Duration = Duration::from_secs(10);

fn game(app: &mut App) {
    app.add_plugins(NakamaPlugin::default())
        .add_sub_state::<Scene>()
        .add_match_data::<Hand>()
        .add_systems(Startup, go_online)
        .add_systems(
            Update,
            (
                go_online
                    .run_if(in_state(ConnectionState::Disconnected).and_then(on_timer(PATIENCE))),
                lose_patience.run_if(in_state(SessionState::Online)),
                (hear, judge).chain().run_if(in_state(Scene::Duel)),
            ),
        )
        .add_systems(OnEnter(Scene::Lobby), look_for_opponent)
        .add_observer(matched)
        .add_observer(joined)
        .add_observer(left)
        .add_observer(show)
        .add_observer(failed)
        .add_observer(disconnected);
}

fn go_online(mut commands: Commands, player: Res<Player>) {
    // A real game makes a random id once and keeps it.
    let account = account(player.name);
    let login = Login::device(format!("bevy-nakama-example-{account}")).username(account);
    commands.nakama().log_in(&player.server, login);
    // It waits for the login.
    let options = ConnectOptions::default().retry_first();
    commands.nakama().connect_with(options);
}

fn look_for_opponent(mut commands: Commands) {
    // A mode that no other run of this example plays.
    let mode = format!("lobby{}", process::id());
    let request = AddMatchmaker::players(2, 2)
        .query(format!("+properties.mode:{mode}"))
        .string_property("mode", mode);
    commands.nakama().add_matchmaker(request);
    commands.trigger(Say("looks for an opponent".into()));
}

fn matched(matched: On<MatchmakerMatched>, mut commands: Commands) {
    commands.nakama().join_match(&matched.join).observe(
        |reply: On<Replied<JoinMatch>>, mut scene: ResMut<NextState<Scene>>| {
            if reply.result.is_err() {
                scene.set(Scene::Lobby); // looks for another
            }
        },
    );
}

/// The first other user in the match is the opponent, who may have been there before.
fn joined(
    joined: On<Joined<Match>>,
    current: Res<CurrentSession>,
    users: Query<(&UserId, &Username)>,
    duels: Query<(), With<Duel>>,
    mut commands: Commands,
    mut scene: ResMut<NextState<Scene>>,
) {
    let is_me = |user: &UserId| current.user().is_some_and(|(me, _)| me == user);
    if let Ok((user, name)) = users.get(joined.presence)
        && !is_me(user)
        && !duels.contains(joined.context)
    {
        commands.trigger(Say(format!("plays against {name}")));
        commands.entity(joined.context).insert(Duel {
            opponent: joined.presence,
            mine: vec![],
            theirs: vec![],
        });
        scene.set(Scene::Duel);
    }
}

fn left(
    left: On<Left<Match>>,
    duels: Query<&Duel>,
    mut commands: Commands,
    mut scene: ResMut<NextState<Scene>>,
) {
    let duel = duels.get(left.context);
    // With the connection, the match is lost, too: it has no name to enter it again.
    if matches!(left.why, LeaveReason::YouLeft | LeaveReason::Disconnected) {
        scene.set(Scene::Lobby);
    } else if left.why.has_left()
        && duel.is_ok_and(|duel| duel.opponent == left.presence && !duel.is_over())
    {
        commands.trigger(Say(format!("hears that {} has left", left.info.username)));
        commands.nakama().leave_match(left.context);
    }
}

/// Nothing happens: the matchmaker refused, the opponent does not come, or shows no hand.
fn lose_patience(
    time: Res<Time>,
    mut waited: Local<Duration>,
    news: Query<(), Or<(With<MatchmakerTicket>, With<Joining>, Changed<Duel>)>>,
    matches: Query<Entity, With<Match>>,
    mut commands: Commands,
) {
    *waited += time.delta();
    if !news.is_empty() {
        *waited = Duration::ZERO;
    }
    if *waited >= PATIENCE {
        *waited = Duration::ZERO;
        if let Some(here) = matches.iter().next() {
            commands.trigger(Say("waits no longer".into()));
            commands.nakama().leave_match(here);
        } else {
            commands.run_system_cached(look_for_opponent);
        }
    }
}

fn show(show: On<Show>, duel: Single<(Entity, &mut Duel)>, mut commands: Commands) {
    let (here, mut duel) = duel.into_inner();
    duel.mine.push(show.0);
    commands.nakama().send(here, &show.0);
}

fn hear(mut hands: MessageReader<FromMatch<Hand>>, mut duels: Query<&mut Duel>) {
    for hand in hands.read() {
        let sender = hand.sender.as_ref().and_then(|sender| sender.entity);
        if let Ok(mut duel) = duels.get_mut(hand.context)
            && sender == Some(duel.opponent)
            && duel.theirs.len() <= duel.mine.len()
        {
            duel.theirs.push(hand.payload);
        }
    }
}

/// At the end of the duel, both leave.
fn judge(duel: Single<(Entity, &Duel), Changed<Duel>>, mut commands: Commands) {
    let (here, duel) = *duel;
    let (won, lost) = duel.score();
    if duel.mine.len() == duel.theirs.len() && !duel.mine.is_empty() {
        commands.trigger(Say(format!("has won {won} rounds and lost {lost}")));
    }
    if duel.is_over() {
        commands.nakama().leave_match(here);
    }
}

/// Whatever request has failed, here is the reason.
fn failed(failed: On<RequestFailed>, mut commands: Commands) {
    commands.trigger(Say(format!("{}: {}", failed.name, failed.reason)));
}

fn disconnected(gone: On<Disconnected>, mut commands: Commands) {
    commands.trigger(Say(format!("is offline: {}", gone.reason)));
}

/// In place of a keyboard: shows the next hand as soon as the last round is over. Ada wins two of three.
fn decide(player: Res<Player>, duel: Option<Single<&Duel>>, mut commands: Commands) {
    let hands = match player.name {
        "ada" => [Hand::Rock, Hand::Paper, Hand::Paper],
        _ => [Hand::Scissors, Hand::Scissors, Hand::Rock],
    };
    if let Some(duel) = duel
        && duel.mine.len() <= duel.theirs.len()
        && let Some(hand) = hands.get(duel.mine.len())
        && !duel.is_over()
    {
        commands.trigger(Show(*hand));
    }
}

/// How many times a player came into the lobby.
#[derive(Default, Resource)]
struct Visits(usize);

fn play(name: &'static str, server: &NakamaServer) -> App {
    let mut app = App::new();
    app.add_plugins((MinimalPlugins, StatesPlugin, game))
        .insert_resource(Player::new(name, server))
        .init_resource::<Visits>()
        .add_systems(Update, decide.run_if(in_state(Scene::Duel)))
        .add_systems(OnEnter(Scene::Lobby), |mut visits: ResMut<Visits>| {
            visits.0 += 1
        })
        .add_observer(|say: On<Say>, player: Res<Player>| println!("{} {}", player.name, say.0))
        .add_observer(common::disconnected); // that is the end of the example
    app
}

fn main() -> ExitCode {
    let about = "Two strangers play rock, paper, scissors.";
    let config = LocalServerConfig {
        matchmaker_interval: Duration::from_millis(500),
        ..LocalServerConfig::default()
    };
    common::play(about, config, |server| {
        let mut players = vec![play("ada", server), play("bob", server)];
        let is_back = |app: &App| app.world().resource::<Visits>().0 >= 2;
        until(&mut players, |players| players.iter().all(is_back))
    })
}

#[cfg(test)]
mod tests {
    use bevy_nakama::{
        proto::{Kind, Message, UserPresence, realtime},
        testing::*,
    };

    use super::*;

    /// What the player has read since the last call.
    #[derive(Default, Resource)]
    struct Read(Vec<String>);

    fn read(game: &mut TestGame) -> Vec<String> {
        std::mem::take(&mut game.app.world_mut().resource_mut::<Read>().0)
    }

    fn scene(game: &TestGame) -> Option<Scene> {
        game.app
            .world()
            .get_resource::<State<Scene>>()
            .map(|scene| **scene)
    }

    /// A game that has started and logs in.
    fn started() -> TestGame {
        let mut game = TestGame::of(|app: &mut App| {
            app.add_plugins(game)
                .insert_resource(Player::new("ada", &server()))
                .init_resource::<Read>()
                .add_observer(|say: On<Say>, mut read: ResMut<Read>| read.0.push(say.0.clone()));
        });
        game.update();
        game
    }

    /// A game in the lobby, with a ticket of the matchmaker.
    fn in_lobby() -> TestGame {
        let mut game = started();
        game.accept_login("ada");
        game.update();
        game.server_accepts();
        game.update();
        looks(&mut game);
        game
    }

    /// It looks for an opponent; the server gives it a ticket.
    fn looks(game: &mut TestGame) {
        assert_eq!(scene(game), Some(Scene::Lobby));
        let asked = game.expect_sent(Kind::MatchmakerAdd);
        game.answer(&asked, matchmaker_ticket("t"));
        game.update();
        read(game);
    }

    /// A game in a duel with bob.
    fn in_duel() -> TestGame {
        let mut game = in_lobby();
        let join = JoinWith::Id("m".into());
        game.server_says(matchmaker_matched("t", join, &["ada", "bob"], None));
        game.update();
        let asked = game.expect_sent(Kind::MatchJoin);
        game.answer(&asked, match_joined("m", &["ada", "bob"]));
        game.update();
        assert_eq!(read(&mut game), ["plays against bob"]);
        assert_eq!(scene(&game), Some(Scene::Duel));
        game
    }

    /// A round: ada shows a hand, and so does bob.
    fn round(game: &mut TestGame, mine: Hand, theirs: Hand) {
        game.app.world_mut().trigger(Show(mine));
        game.update();
        game.expect_sent(Kind::MatchDataSend);
        let theirs = Postcard::encode(&theirs).expect("a hand");
        game.server_says(match_data_sent("m", Some("bob"), Hand::OP_CODE, theirs));
        game.update();
    }

    #[test]
    fn the_opponent_may_come_later() {
        let mut game = in_lobby();
        let join = JoinWith::Id("m".into());
        game.server_says(matchmaker_matched("t", join, &["ada", "bob"], None));
        game.update();
        let asked = game.expect_sent(Kind::MatchJoin);
        game.answer(&asked, match_joined("m", &["ada"]));
        game.update();
        assert_eq!(scene(&game), Some(Scene::Lobby));
        game.server_says(match_presences("m", &["bob"], &[]));
        game.update();
        assert_eq!(scene(&game), Some(Scene::Duel));
    }

    /// The server agrees that the player leaves the match; they look for an opponent again.
    fn leaves(game: &mut TestGame) {
        let asked = game.expect_sent(Kind::MatchLeave);
        game.acknowledge(&asked);
        game.update();
        assert!(game.roster("m").is_empty());
        looks(game);
    }

    #[test]
    fn an_opponent_may_never_come() {
        let mut game = in_lobby();
        let join = JoinWith::Id("m".into());
        game.server_says(matchmaker_matched("t", join, &["ada", "bob"], None));
        game.update();
        let asked = game.expect_sent(Kind::MatchJoin);
        game.answer(&asked, match_joined("m", &["ada"]));
        game.advance(PATIENCE + Duration::from_secs(1));
        assert_eq!(read(&mut game), ["waits no longer"]);
        leaves(&mut game);
    }

    #[test]
    fn an_opponent_may_show_no_hand() {
        let mut game = in_duel();
        round(&mut game, Hand::Rock, Hand::Rock);
        game.advance(PATIENCE + Duration::from_secs(1));
        leaves(&mut game);
    }

    #[test]
    fn the_matchmaker_may_refuse() {
        let mut game = in_lobby();
        game.commands(|commands| {
            commands.run_system_cached(
                |tickets: Query<Entity, With<MatchmakerTicket>>, mut commands: Commands| {
                    tickets
                        .iter()
                        .for_each(|ticket| commands.entity(ticket).despawn());
                },
            );
        });
        game.update();
        game.sent();
        game.advance(PATIENCE + Duration::from_secs(1));
        let asked = game.expect_sent(Kind::MatchmakerAdd);
        game.refuse(&asked, 3, "Invalid query");
        game.update();
        let said = read(&mut game);
        assert_eq!(
            said.last().map(String::as_str),
            Some("AddMatchmaker: Invalid query (bad input)")
        );
        game.advance(PATIENCE + Duration::from_secs(1));
        looks(&mut game);
    }

    #[test]
    fn the_opponent_may_leave() {
        let mut game = in_duel();
        game.server_says(match_presences("m", &[], &["bob"]));
        game.update();
        assert_eq!(read(&mut game), ["hears that bob has left"]);
        leaves(&mut game);
    }

    #[test]
    fn only_one_other_user_is_the_opponent() {
        let mut game = in_duel();
        round(&mut game, Hand::Rock, Hand::Scissors);
        read(&mut game);
        let mut phone = match_presences("m", &["adas-phone", "cat"], &[]);
        if let Message::MatchPresenceEvent(event) = &mut phone {
            event.joins[0].user_id = user_presence("ada").user_id;
        }
        game.server_says(phone);
        game.server_says(match_presences("m", &[], &["adas-phone", "cat"]));
        game.update();
        assert_eq!(read(&mut game), [""; 0]);
        round(&mut game, Hand::Rock, Hand::Scissors);
        assert_eq!(read(&mut game), ["has won 2 rounds and lost 0"]);
    }

    #[test]
    fn who_wins_leaves() {
        let mut game = in_duel();
        round(&mut game, Hand::Rock, Hand::Scissors);
        round(&mut game, Hand::Rock, Hand::Rock);
        round(&mut game, Hand::Paper, Hand::Rock);
        assert_eq!(
            read(&mut game).last().map(String::as_str),
            Some("has won 2 rounds and lost 0")
        );
        game.server_says(match_presences("m", &[], &["bob"]));
        game.update();
        assert_eq!(read(&mut game), [""; 0], "ada knows");
        leaves(&mut game);
    }

    #[test]
    fn who_loses_leaves() {
        let mut game = in_duel();
        round(&mut game, Hand::Rock, Hand::Paper);
        round(&mut game, Hand::Rock, Hand::Paper);
        read(&mut game);
        leaves(&mut game);
    }

    /// The opponent has not left; the player is offline, and connects again.
    #[test]
    fn the_end_of_the_connection_is_not_the_opponents_leave() {
        let mut game = in_duel();
        game.connection_ends();
        game.update();
        assert_eq!(scene(&game), None);
        assert_eq!(
            read(&mut game),
            ["is offline: replaced by a newer socket of the same account"]
        );
        game.advance(PATIENCE + Duration::from_secs(1));
        game.accept_login("ada");
        game.update();
        game.server_accepts();
        game.update();
        looks(&mut game);
    }

    /// The connection is lost, and comes back.
    fn comes_back(game: &mut TestGame) {
        game.connection_breaks();
        game.update();
        assert_eq!(scene(game), Some(Scene::Duel), "nobody has left");
        while !game.opens_a_socket() {
            game.update();
        }
        game.server_accepts();
        game.update();
    }

    #[test]
    fn after_a_loss_of_the_connection_the_duel_goes_on() {
        let mut game = in_duel();
        round(&mut game, Hand::Rock, Hand::Rock);
        comes_back(&mut game);
        let asked = game.expect_sent(Kind::MatchJoin);
        let ada = UserPresence {
            session_id: "another session of ada".into(),
            ..user_presence("ada")
        };
        let here = realtime::Match {
            match_id: "m".into(),
            presences: vec![user_presence("bob")],
            self_: Some(ada),
            ..default()
        };
        game.answer(&asked, Message::Match(here));
        game.update();
        read(&mut game);
        round(&mut game, Hand::Rock, Hand::Scissors);
        assert_eq!(read(&mut game), ["has won 1 rounds and lost 0"]);
    }

    /// The server was started again, and the match has no name to make it anew.
    #[test]
    fn a_match_that_does_not_come_back_leads_back_to_the_lobby() {
        let mut game = in_duel();
        comes_back(&mut game);
        for _ in 0..30 {
            for asked in game.sent() {
                match asked.message {
                    Some(Message::MatchJoin(_)) => game.refuse(&asked, 4, "Match not found"),
                    Some(Message::MatchmakerAdd(_)) => return, // it looks for an opponent
                    _ => game.acknowledge(&asked),
                }
            }
            game.advance(Duration::from_secs(1));
        }
        panic!("still in {:?}", scene(&game));
    }

    #[test]
    fn a_match_that_is_gone_leads_back_to_the_lobby() {
        let mut game = in_lobby();
        let join = JoinWith::Token("too old".into());
        game.server_says(matchmaker_matched("t", join, &["ada", "bob"], None));
        game.update();
        let asked = game.expect_sent(Kind::MatchJoin);
        game.refuse(&asked, 3, "Invalid match token");
        game.update();
        assert_eq!(
            read(&mut game)[0],
            "JoinMatch: Invalid match token (bad input)"
        );
        looks(&mut game);
    }

    #[test]
    fn a_refused_login_is_told() {
        let mut game = started();
        let refusal = serde_json::json!({ "code": 16, "message": "Server key invalid" });
        game.answer_rest(401, &refusal);
        game.update();
        game.update();
        let said = read(&mut game);
        assert!(said[0].starts_with("LogIn: "), "{said:?}");
        assert!(
            said[1].starts_with("is offline: the login failed"),
            "{said:?}"
        );
        assert_eq!(scene(&game), None);
    }
}
