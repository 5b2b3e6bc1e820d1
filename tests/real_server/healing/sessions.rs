//! Ada's session has ended, or somebody else plays with her account.

use bevy_nakama::healing::LoginNeeded;

use super::*;

/// Ada's log has new tokens in it from now on.
fn hears_of_tokens(stage: &mut Stage) {
    let to = stage.heard.clone();
    let of_ada = user(&stage.ada);
    stage
        .ada
        .app
        .add_observer(move |new: On<SessionRefreshed>| {
            assert_eq!(*new.session.user_id(), of_ada);
            to.add("new tokens");
        });
}

/// The connection has come back from a loss, or ended.
#[track_caller]
fn ended(heard: &[String]) -> &str {
    let gone = ["- Disconnected", "- Disconnected"];
    let (rest, of_the_match) = heard.split_at(heard.len() - 3);
    println!("{heard:?}");
    assert!(rest.iter().all(|it| it.starts_with("lost: ")), "{heard:?}");
    assert_eq!(of_the_match[..2], gone, "{heard:?}");
    &of_the_match[2]
}

#[test]
#[ignore = "needs a Nakama server whose tokens end after two minutes or less"]
fn scenario_13_a_token_that_ends_while_away_is_replaced_once() {
    let mut stage = Stage::new(true);
    hears_of_tokens(&mut stage);
    let before = stage.entities();
    let session = stage.ada.app.world().resource::<CurrentSession>();
    let life = life_of(session.session().expect("logged in"));
    let shut = stage.goes_away();
    // The server counts in whole seconds.
    stage.is_quiet(life + Duration::from_millis(1500));
    let refreshes = Requests::to("/v2/account/session/refresh");
    let [refreshes, sockets] = [refreshes, Requests::to("/ws")]
        .map(|requests| stage.proxy.add(Rule::note().when(requests)));
    let begin = Instant::now();
    let heard = stage.may_come_back(shut, "resumed");
    println!("back after {:?}", begin.elapsed());
    assert_eq!(heard, ["new tokens", "match: Restored", "resumed"]);
    assert_eq!(stage.entities(), before);
    stage.is_quiet(seconds(1));
    let log = stage.proxy.log();
    assert_eq!((log.acts(refreshes), log.acts(sockets)), (1, 1), "{log}");
}

/// Bob has the server do something to Ada's account.
fn to_ada(stage: &mut Stage, what: &str) {
    // A token that is made in the same second counts as newer.
    stage.play(Duration::from_millis(1500));
    let ada = user(&stage.ada);
    call(&mut stage.bob, what, ada.as_str());
}

#[test]
#[ignore = "needs a Nakama server with the modules in tests/nakama/modules"]
fn scenario_15_who_was_logged_out_everywhere_stops() {
    let mut stage = Stage::new(true);
    to_ada(&mut stage, "log_out");
    stage.is_quiet(seconds(1)); // the socket is as good as before
    stage.reset();
    let heard = stage.until_heard("ended");
    assert!(
        ended(&heard).starts_with("ended: the session has ended: "),
        "{heard:?}"
    );
    stage.has_ended();
}

#[test]
#[ignore = "needs a Nakama server with the modules in tests/nakama/modules"]
fn scenario_15_who_was_logged_out_everywhere_goes_on_after_a_login() {
    let mut stage = Stage::new(true);
    hears_of_tokens(&mut stage);
    let before = stage.entities();
    let to = stage.heard.clone();
    let server = NakamaServer::new(stage.proxy.url(), server_key());
    let login = Login::device(&stage.device);
    stage
        .ada
        .app
        .add_observer(move |_: On<LoginNeeded>, mut commands: Commands| {
            to.add("login needed");
            commands.nakama().log_in(&server, login.clone());
        });
    to_ada(&mut stage, "log_out");
    stage.play(Duration::from_millis(1500));
    stage.reset();
    let heard = stage.until_heard("resumed");
    assert!(heard[0].starts_with("lost: "), "{heard:?}");
    assert_eq!(heard[1..], ["login needed", "match: Restored", "resumed"]);
    assert_eq!(stage.entities(), before);
}

#[test]
#[ignore = "needs a Nakama server with the modules in tests/nakama/modules"]
fn scenario_15_who_was_banned_meanwhile_stops() {
    let mut stage = Stage::new(true);
    let shut = stage.goes_away();
    to_ada(&mut stage, "ban");
    let heard = stage.may_come_back(shut, "ended");
    println!("{}", ended(&heard));
    stage.has_ended();
}

/// And who is banned while the line is good.
#[test]
#[ignore = "needs a Nakama server with the modules in tests/nakama/modules"]
fn scenario_17_who_is_banned_stops() {
    let mut stage = Stage::new(true);
    to_ada(&mut stage, "ban");
    let heard = stage.until_heard("ended");
    assert_eq!(ended(&heard), "ended: the account is banned");
    stage.has_ended();
}

#[test]
#[ignore = "needs a Nakama server with --session.single_session=true and NAKAMA_SINGLE_SESSION=1"]
fn scenario_15_who_has_logged_in_elsewhere_stops() {
    if setting("NAKAMA_SINGLE_SESSION").is_none() {
        return;
    }
    let mut stage = Stage::new(true);
    stage.play(Duration::from_millis(1500));
    let mut elsewhere = Game::online(&server(), Login::device(&stage.device));
    stage.is_quiet(seconds(1)); // the socket is as good as before
    stage.reset();
    let heard = stage.until_heard("ended");
    assert!(
        ended(&heard).starts_with("ended: the session has ended: "),
        "{heard:?}"
    );
    stage.has_ended();
    plays_on(&mut elsewhere);
}

/// Asserts that it has lost nothing, and that its socket is good.
#[track_caller]
fn plays_on(game: &mut Game) {
    let room = JoinChat::room(fresh("room"));
    game.ask::<JoinChat>(|nakama| nakama.join_chat(room).id())
        .expect("it is connected");
    assert_eq!(game.phases.take(), [""; 0]);
}

#[test]
#[ignore = "needs a Nakama server with --session.single_socket=true and NAKAMA_SINGLE_SOCKET=1"]
fn scenario_16_a_newer_socket_takes_over_and_they_do_not_fight() {
    if setting("NAKAMA_SINGLE_SOCKET").is_none() {
        return;
    }
    let mut stage = Stage::new(true);
    stage
        .others
        .push(Game::online(&server(), Login::device(&stage.device)));
    let heard = stage.until_heard("ended");
    assert_eq!(
        ended(&heard),
        "ended: replaced by a newer socket of the same account"
    );
    stage.has_ended();
    plays_on(&mut stage.others[0]);
}

/// Ada's line breaks, and she takes another device. Then the line of the first one is good again.
#[test]
#[ignore = "needs a Nakama server with --session.single_socket=true and NAKAMA_SINGLE_SOCKET=1"]
fn scenario_16_a_device_that_comes_back_late_takes_over_once() {
    if setting("NAKAMA_SINGLE_SOCKET").is_none() {
        return;
    }
    let mut stage = Stage::new(true);
    let before = stage.entities();
    let shut = stage.goes_away();
    stage
        .others
        .push(Game::online(&server(), Login::device(&stage.device)));
    let heard = stage.may_come_back(shut, "resumed");
    assert_eq!(heard, ["match: Restored", "resumed"]);
    let second = stage.others[0].phases.clone();
    let end = stage.until("the end of the second", |_| second.take_first());
    assert_eq!(end, "replaced by a newer socket of the same account");
    stage.is_quiet(seconds(4));
    assert_eq!(second.take(), [""; 0]);
    assert_eq!(stage.entities(), before);
}
