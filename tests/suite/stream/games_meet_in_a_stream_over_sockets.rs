//! Games on the embedded server meet in a stream.

use super::*;
use crate::common::{
    game::{Game, keep, serve},
    scenes::fresh,
};
use bevy_nakama::{
    local_server::{LocalServerConfig, PresenceMeta, RuntimeModule},
    proto::realtime,
};

#[test]
fn a_function_of_the_embedded_server_puts_games_into_a_stream() {
    let runtime = RuntimeModule::new()
        .register_rpc("come", |context, _| {
            let session = context.session_id.ok_or("no socket")?;
            let stream = realtime::Stream::from(&town());
            let meta = PresenceMeta::default();
            let runtime = &mut context.runtime;
            runtime.stream_user_join(session, &stream, meta)?;
            Ok(String::new())
        })
        .register_rpc("tell", |context, news| {
            let stream = realtime::Stream::from(&town());
            context.runtime.stream_send(&stream, news, &[], true)?;
            Ok(String::new())
        });
    let config = LocalServerConfig {
        runtime,
        ..LocalServerConfig::default()
    };
    let (_local, server) = serve(config);
    let [mut ada, mut bob] = ["ada", "bob"].map(|name| {
        let mut game = Game::new();
        game.app.add_stream_data::<News>();
        keep::<FromStream<News>>(&mut game.app);
        let name = fresh(name);
        let login = Login::device(format!("device-of-{name}")).username(name);
        game.log_in(&server, login);
        game
    });
    let call = |game: &mut Game, id: &str, payload: &str| {
        let rpc = Rpc::new(id).payload(payload);
        game.ask::<Rpc>(|nakama| nakama.rpc(rpc).id())
            .expect("an answer");
    };
    let here = |app: &mut App| {
        let mut here = app
            .world_mut()
            .query_filtered::<(), With<StreamPresenceOf>>();
        here.iter(app.world()).count()
    };
    call(&mut ada, "come", "");
    ada.until("her own presence", |app| {
        let mut me = app
            .world_mut()
            .query_filtered::<(), (With<StreamPresenceOf>, With<IsSelf>)>();
        me.single(app.world()).ok()
    });
    call(&mut bob, "come", "");
    ada.until("bob", |app| (here(app) == 2).then_some(()));
    call(&mut bob, "tell", r#"{"headline":"rain"}"#);
    for game in [&mut ada, &mut bob] {
        let news = game.until("news", |app| Game::arrived::<FromStream<News>>(app).pop());
        assert_eq!(news.payload.headline, "rain");
    }
    drop(bob);
    ada.until("bob's leave", |app| (here(app) == 1).then_some(()));
}
