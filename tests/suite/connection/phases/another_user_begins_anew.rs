//! Another user begins anew: whatever belonged to the first connection goes.

use super::*;
use crate::common::{
    game::{Game, serve},
    steps::connect_as,
};
use bevy_nakama::local_server::LocalServerConfig;

#[test]
fn another_user_begins_anew() {
    let (mut game, log) = online();
    let before = lobbies(&mut game.app);
    connect_as(&mut game, "bob");
    game.update();
    game.update();
    game.server_accepts();
    game.update();
    assert_eq!(
        log.take(),
        [
            "-Connected",
            "+Connecting",
            "disconnected",
            "connected",
            "-Connecting",
            "+Connected"
        ]
    );
    let after = lobbies(&mut game.app);
    assert_eq!(after.len(), 1);
    assert_ne!(after, before, "the screen is a new one");
    game.expect_sent(Kind::ChannelJoin);
}

/// With a server in the same process, all of it happens within one frame.
#[test]
fn another_user_begins_anew_also_at_once() {
    let (mut game, log) = online();
    let before = lobbies(&mut game.app);
    connect_in_update(&mut game, "bob");
    game.update();
    assert_eq!(log.take(), [""; 0], "asked for in `Update`");
    game.server_accepts();
    game.update();
    assert_eq!(
        log.take(),
        [
            "disconnected",
            "-Connected",
            "+Connecting",
            "connected",
            "-Connecting",
            "+Connected"
        ]
    );
    assert_eq!(shown(&game), ConnectionState::Connected);
    let after = lobbies(&mut game.app);
    assert_eq!(after.len(), 1);
    assert_ne!(after, before, "the screen is a new one");
    game.expect_sent(Kind::ChannelJoin);
}

/// Over sockets, with a server in the same process.
#[test]
fn logging_in_as_another_user_begins_anew() {
    let (_local, server) = serve(LocalServerConfig::default());
    let mut game = Game::new();
    let log = Log::default();
    watch(&mut game.app, &log);
    for name in ["ada", "bob", "cat", "dan", "eve"] {
        let before = lobbies(&mut game.app);
        let login = Login::device(format!("device-of-{name}")).username(name);
        let session = game
            .ask::<LogIn>(|nakama| nakama.log_in(&server, login).id())
            .expect("a login")
            .session;
        let server = server.clone();
        let mut session = Some(session);
        game.app.add_systems(Update, move |mut commands: Commands| {
            if let Some(session) = session.take() {
                commands.nakama().use_session(&server, session.clone());
                commands.nakama().connect();
            }
        });
        // The user is in the lobby under their own name.
        game.until(&format!("{name} in the lobby"), |app| {
            let mut me = app
                .world_mut()
                .query_filtered::<&Username, (With<ChatMemberOf>, With<IsSelf>)>();
            let me = me.single(app.world()).ok()?;
            (me == name).then_some(())
        });
        let after = lobbies(&mut game.app);
        assert_eq!(after.len(), 1);
        assert_ne!(after, before, "the screen is a new one");
    }
    let seen = log.take();
    let entered = seen.iter().filter(|it| *it == "+Connected").count();
    let left = seen.iter().filter(|it| *it == "-Connected").count();
    assert_eq!((entered, left), (5, 4), "{seen:?}");
}
