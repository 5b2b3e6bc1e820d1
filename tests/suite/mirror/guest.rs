//! The plugin as a guest in somebody's game: what the game has disabled, named, or watches for changes.

use std::time::Duration;

use crate::common::log::Log;
use bevy::{ecs::entity_disabling::Disabled, prelude::*};
use bevy_nakama::{
    matchmaker::TicketIndex,
    prelude::*,
    proto::{Kind, Message, realtime},
    testing::*,
};

fn in_party(game: &mut TestGame, id: &str) -> Entity {
    let entity = game.commands(|commands| {
        let create = CreateParty::closed(4);
        commands.nakama().create_party(create).id()
    });
    game.update();
    let asked = game.expect_sent(Kind::PartyCreate);
    game.answer(&asked, party(id, "ada", &["ada"]));
    game.update();
    entity
}

fn disable(game: &mut TestGame, entity: Entity) {
    game.commands(|commands| {
        commands.entity(entity).insert(Disabled);
    });
}

/// `DisableOnExit` of Bevy's states does this to whatever carries it.
#[test]
fn a_disabled_request_is_despawned_all_the_same() {
    let mut game = TestGame::joined("m", &["ada"]);
    let here = game.match_entity("m");
    let request = game.commands(|commands| commands.nakama().leave_match(here).id());
    disable(&mut game, request);
    game.update();
    let asked = game.expect_sent(Kind::MatchLeave);
    game.acknowledge(&asked);
    game.update();
    assert!(game.app.world().get_entity(request).is_err());
}

#[test]
fn a_disabled_join_hears_that_it_waits_for_approval() {
    let mut game = TestGame::connected();
    let request = game.commands(|commands| commands.nakama().join_party("p").id());
    disable(&mut game, request);
    game.update();
    let asked = game.expect_sent(Kind::PartyJoin);
    game.acknowledge(&asked);
    game.advance(Duration::from_millis(1100));
    assert!(game.app.world().get::<PendingApproval>(request).is_some());
}

#[test]
fn a_disabled_party_gets_its_ticket() {
    let mut game = TestGame::connected();
    let here = in_party(&mut game, "p");
    disable(&mut game, here);
    game.server_says(party_matchmaker_ticket("p", "t"));
    game.update();
    let index = game.app.world().resource::<TicketIndex>();
    let ticket = index.get(&TicketId::from("t")).expect("a ticket");
    let of = game.app.world().get::<TicketOf>(ticket).expect("of it");
    assert_eq!(of.0, here);
}

#[test]
fn what_is_left_while_it_is_disabled_goes() {
    let mut game = TestGame::joined("m", &["ada", "bob"]);
    let here = game.match_entity("m");
    let bob = game.presence_of("m", "bob");
    for entity in [here, bob] {
        disable(&mut game, entity);
    }
    game.server_says(match_presences("m", &[], &["bob"]));
    game.commands(|commands| commands.nakama().leave_match(here).id());
    game.update();
    let asked = game.expect_sent(Kind::MatchLeave);
    game.acknowledge(&asked);
    for _ in 0..10 {
        game.update();
    }
    for entity in [here, bob] {
        assert!(game.app.world().get_entity(entity).is_err());
    }
}

fn name_of(game: &TestGame, entity: Entity) -> String {
    let name = game.app.world().get::<Name>(entity);
    name.map(ToString::to_string).unwrap_or_default()
}

#[test]
fn a_name_of_the_game_stays() {
    let mut game = TestGame::connected();
    let mine = || Name::new("mine");

    let request = JoinMatch::by_id("m");
    let here = game.commands(|commands| commands.nakama().join_match(request).insert(mine()).id());
    game.update();
    let asked = game.expect_sent(Kind::MatchJoin);
    game.answer(&asked, match_joined("m", &["ada", "bob"]));
    game.update();
    assert_eq!(name_of(&game, here), "mine", "match");

    let here = game.commands(|commands| commands.nakama().join_party("p").insert(mine()).id());
    game.update();
    let asked = game.expect_sent(Kind::PartyJoin);
    game.acknowledge(&asked);
    game.server_says(party("p", "ada", &["bob", "ada"]));
    game.update();
    assert_eq!(name_of(&game, here), "mine", "party");

    let request = JoinChat::room("room");
    let here = game.commands(|commands| commands.nakama().join_chat(request).insert(mine()).id());
    game.update();
    let asked = game.expect_sent(Kind::ChannelJoin);
    game.answer(&asked, chat_joined("room", &["ada"]));
    game.update();
    assert_eq!(name_of(&game, here), "mine", "channel");

    let request = AddMatchmaker::players(2, 2);
    let here = game.commands(|commands| {
        let mut request = commands.nakama().add_matchmaker(request);
        request.insert(mine()).id()
    });
    game.update();
    let asked = game.expect_sent(Kind::MatchmakerAdd);
    game.answer(&asked, matchmaker_ticket("t"));
    game.update();
    assert_eq!(name_of(&game, here), "mine", "ticket");

    // A presence is named as it is spawned; what the game makes of it stays when the player is renamed.
    let bob = game.presence_of("m", "bob");
    assert_eq!(name_of(&game, bob), "bob");
    game.commands(|commands| commands.entity(bob).insert(mine()).id());
    let mut renamed = presence("bob");
    renamed.username = "robert".into();
    let event = realtime::MatchPresenceEvent {
        match_id: "m".into(),
        joins: vec![renamed],
        leaves: vec![],
    };
    game.server_says(Message::MatchPresenceEvent(event));
    game.update();
    assert_eq!(name_of(&game, bob), "mine", "presence");
    let username = game.app.world().get::<Username>(bob);
    assert_eq!(username.map(Username::as_str), Some("robert"));

    // A followed user whose name is heard of later.
    game.commands(|commands| {
        let follow = FollowUsers::ids(["user-cat"]);
        commands.nakama().follow(follow).id()
    });
    game.update();
    let asked = game.expect_sent(Kind::StatusFollow);
    game.answer(&asked, followed(&[]));
    game.update();
    let index = game.app.world().resource::<FollowedUserIndex>();
    let cat = index.get(&UserId::from("user-cat")).expect("followed");
    game.commands(|commands| commands.entity(cat).insert(mine()).id());
    game.server_says(status_presences(&[("cat", "")], &[]));
    game.update();
    assert_eq!(name_of(&game, cat), "mine", "followed user");
}

#[test]
fn a_name_of_ours_says_what_it_is_now() {
    let mut game = TestGame::connected();
    let request = JoinMatch::by_id("m");
    let here = game.commands(|commands| commands.nakama().join_match(request).id());
    assert_eq!(name_of(&game, here), "JoinMatch");
    game.update();
    let asked = game.expect_sent(Kind::MatchJoin);
    game.answer(&asked, match_joined("m", &["ada"]));
    game.update();
    assert_eq!(name_of(&game, here), "match m");
}

/// Which of the plugin's public resources have changed since the last call.
struct Watch(Log);

impl Watch {
    fn new(game: &mut TestGame) -> Self {
        let log = Log::default();
        macro_rules! watch {
            ($($R:ident)*) => {$({
                let seen = log.clone();
                game.app.add_systems(Last, move |resource: Res<$R>| {
                    if resource.is_changed() {
                        seen.add(stringify!($R));
                    }
                });
            })*};
        }
        watch!(MatchIndex PartyIndex ChatIndex FollowedUserIndex StreamIndex TicketIndex);
        watch!(PresenceIndex NotificationInbox NakamaConnection NakamaSettings);
        Self(log)
    }

    fn take(&self) -> Vec<String> {
        let mut changed = self.0.take();
        changed.sort();
        changed.dedup();
        changed
    }
}

#[test]
fn nothing_changes_but_what_does() {
    let mut game = TestGame::joined("m", &["ada", "bob"]);
    let here = in_party(&mut game, "p");
    game.join_room("room", &["ada", "bob"]);
    let town = Stream {
        mode: 130,
        ..Stream::default()
    };
    game.server_says(stream_presences(&town, &["bob"], &[]));
    game.server_says(notification("n", 1, "hello", "{}", true));
    game.commands(|commands| {
        let follow = FollowUsers::ids(["user-cat"]);
        commands.nakama().follow(follow).id()
    });
    game.update();
    let asked = game.expect_sent(Kind::StatusFollow);
    game.answer(&asked, followed(&[("cat", "hello")]));
    let watch = Watch::new(&mut game);
    for _ in 0..3 {
        game.update();
    }
    watch.take();
    let nothing: [&str; 0] = [];

    game.update();
    assert_eq!(watch.take(), nothing, "an idle frame");

    game.server_says(match_data("m", Some("bob"), 1, "x"));
    game.server_says(party_data("p", "ada", 1, "x"));
    game.server_says(stream_data(&town, "{}"));
    let said = ChatMessageKind::Chat;
    game.server_says(chat_message("room", "bob", said, "1", "{}", Duration::ZERO));
    game.update();
    assert_eq!(watch.take(), nothing, "data");

    game.server_says(match_data("elsewhere", Some("bob"), 1, "x"));
    game.server_says(match_presences("elsewhere", &["bob"], &[]));
    game.server_says(notification("fleeting", 1, "hello", "{}", false));
    game.update();
    assert_eq!(
        watch.take(),
        nothing,
        "what is about nothing that one is in"
    );

    game.commands(|commands| commands.nakama().rpc(Rpc::new("echo")).id());
    game.update();
    let asked = game.expect_sent(Kind::Rpc);
    game.refuse(&asked, 5, "RPC function not found");
    game.update();
    assert_eq!(watch.take(), nothing, "a request");

    game.commands(|commands| commands.nakama().send_party_data(here, 1, "x"));
    game.update();
    let asked = game.expect_sent(Kind::PartyDataSend);
    game.acknowledge(&asked);
    game.update();
    assert_eq!(watch.take(), nothing, "data of one's own");

    // Told again what is known.
    game.server_says(match_presences("m", &["bob"], &[]));
    game.server_says(party("p", "ada", &["ada"]));
    game.server_says(party_leader("p", "ada"));
    game.server_says(status_presences(&[("cat", "hello")], &["cat"]));
    game.server_says(stream_presences(&town, &["bob"], &[]));
    game.update();
    let changed = watch.take();
    assert!(
        changed == nothing || changed == ["NakamaConnection"],
        "known already: {changed:?}" // how the server writes parties is learned once
    );
    game.server_says(party("p", "ada", &["ada"]));
    game.update();
    assert_eq!(watch.take(), nothing, "known already");
    game.join("m", &["ada", "bob"]);
    assert_eq!(watch.take(), nothing, "joined again");

    game.server_says(match_presences("m", &[], &["nobody"]));
    game.update();
    assert_eq!(watch.take(), nothing, "somebody unknown left");

    // And what does change is seen.
    game.server_says(match_presences("m", &["dan"], &[]));
    game.update();
    assert_eq!(watch.take(), ["PresenceIndex"], "somebody came");
    game.server_says(match_presences("m", &[], &["dan"]));
    game.update();
    assert_eq!(watch.take(), ["PresenceIndex"], "somebody went");
    game.join("n", &["ada"]);
    assert_eq!(watch.take(), ["MatchIndex", "PresenceIndex"]);
}

#[test]
fn components_change_when_their_value_does() {
    let mut game = TestGame::joined("m", &["ada", "bob"]);
    in_party(&mut game, "p");
    game.join_room("room", &["ada"]);
    let log = Log::default();
    macro_rules! watch {
        ($($C:ident)*) => {$({
            let seen = log.clone();
            game.app.add_systems(Last, move |changed: Query<(), Changed<$C>>| {
                if !changed.is_empty() {
                    seen.add(stringify!($C));
                }
            });
        })*};
    }
    watch!(Match Party ChatChannel ChatLog Presence Username Name IsSelf PartyLeader);
    watch!(MatchPresences PartyMembers ChatMembers PresentIn MemberOf JoinedAs);
    game.update();
    log.take();
    let (m, room) = ("m", "room");
    game.join(m, &["ada", "bob"]);
    game.join_room(room, &["ada"]);
    game.server_says(party("p", "ada", &["ada"]));
    game.update();
    game.server_says(Message::PartyUpdate(realtime::PartyUpdate {
        party_id: "p".into(),
        open: true,
        ..Default::default()
    }));
    game.update();
    let again = log.take();
    // The requests that joined again have names of their own.
    let again: Vec<_> = again.iter().filter(|seen| *seen != "Name").collect();
    assert_eq!(again, [] as [&String; 0]);
}

/// What became of requests.
fn replies<R: Request<Reply: std::fmt::Debug>>(game: &mut TestGame, log: &Log) {
    let seen = log.clone();
    game.observe(move |reply: On<Replied<R>>| {
        let result = match &reply.result {
            Ok(_) => "ok".into(),
            Err(error) => error.to_string(),
        };
        seen.add(format!("{}: {result}", R::NAME));
    });
}

#[test]
fn leaving_what_one_is_still_joining_withdraws_it() {
    let mut game = TestGame::connected();
    let log = Log::default();
    replies::<LeaveMatch>(&mut game, &log);
    replies::<LeaveParty>(&mut game, &log);
    replies::<LeaveChat>(&mut game, &log);
    replies::<RemoveMatchmakerTicket>(&mut game, &log);
    let withdraw = |game: &mut TestGame,
                    ask: fn(NakamaCommands) -> Entity,
                    leave: fn(NakamaCommands, Entity)| {
        let joining = game.commands(|commands| ask(commands.nakama()));
        game.update();
        game.commands(|commands| leave(commands.nakama(), joining));
        game.update();
        assert!(game.app.world().get_entity(joining).is_err());
    };
    let [leave_match, leave_party, leave_chat, remove]: [fn(NakamaCommands, Entity); 4] = [
        |nakama, it| _ = nakama.leave_match(it),
        |nakama, it| _ = nakama.leave_party(it),
        |nakama, it| _ = nakama.leave_chat(it),
        |nakama, it| _ = nakama.remove_matchmaker_ticket(it),
    ];

    withdraw(
        &mut game,
        |nakama| nakama.join_match(JoinMatch::by_id("m")).id(),
        leave_match,
    );
    let asked = game.expect_sent(Kind::MatchJoin);
    game.answer(&asked, match_joined("m", &["ada"]));
    game.update();
    game.expect_sent(Kind::MatchLeave);
    withdraw(
        &mut game,
        |nakama| nakama.create_match(CreateMatch::new()).id(),
        leave_match,
    );
    assert_eq!(log.take(), ["LeaveMatch: ok", "LeaveMatch: ok"]);
    let asked = game.expect_sent(Kind::MatchCreate);
    game.answer(&asked, match_joined("n", &["ada"]));
    game.update();
    game.expect_sent(Kind::MatchLeave);

    withdraw(&mut game, |nakama| nakama.join_party("p").id(), leave_party);
    let asked = game.expect_sent(Kind::PartyJoin);
    game.acknowledge(&asked);
    game.update();
    game.expect_sent(Kind::PartyLeave);
    withdraw(
        &mut game,
        |nakama| nakama.create_party(CreateParty::open(2)).id(),
        leave_party,
    );
    assert_eq!(log.take(), ["LeaveParty: ok", "LeaveParty: ok"]);

    withdraw(
        &mut game,
        |nakama| nakama.join_chat(JoinChat::room("r")).id(),
        leave_chat,
    );
    assert_eq!(log.take(), ["LeaveChat: ok"]);

    withdraw(
        &mut game,
        |nakama| nakama.add_matchmaker(AddMatchmaker::players(2, 2)).id(),
        remove,
    );
    assert_eq!(log.take(), ["RemoveMatchmakerTicket: ok"]);
    let asked = game.expect_sent(Kind::MatchmakerAdd);
    game.answer(&asked, matchmaker_ticket("t"));
    game.update();
    game.expect_sent(Kind::MatchmakerRemove);
    log.take();

    // What is joining something else is no match.
    let joining = game.commands(|commands| commands.nakama().join_chat(JoinChat::room("s")).id());
    game.update();
    game.commands(|commands| _ = commands.nakama().leave_match(joining));
    game.update();
    assert_eq!(log.take(), ["LeaveMatch: the entity is no match"]);
    assert!(game.app.world().get_entity(joining).is_ok());
}

/// The server took the request to join, and its leader has not decided.
#[test]
fn leaving_a_party_that_one_waits_for_withdraws_it() {
    let mut game = TestGame::connected();
    let log = Log::default();
    replies::<LeaveParty>(&mut game, &log);
    let joining = game.commands(|commands| commands.nakama().join_party("p").id());
    game.update();
    let asked = game.expect_sent(Kind::PartyJoin);
    game.acknowledge(&asked);
    game.update();
    game.commands(|commands| _ = commands.nakama().leave_party(joining));
    game.update();
    assert_eq!(log.take(), ["LeaveParty: ok"]);
    assert!(game.app.world().get_entity(joining).is_err());
    game.expect_sent(Kind::PartyLeave);
}

#[test]
fn who_sends_while_offline_hears_that() {
    let mut game = TestGame::joined("m", &["ada"]);
    let here = game.match_entity("m");
    let party = in_party(&mut game, "p");
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |failed: On<SendFailed>| seen.add(failed.reason.to_string()));
    let send = |game: &mut TestGame| {
        for place in [here, party] {
            game.commands(|commands| {
                let data = OutgoingData::raw(1, "x");
                commands.nakama().send_data(place, data);
            });
        }
        game.commands(|commands| commands.nakama().send_party_data(party, 1, "x"));
        game.update();
        game.update();
        log.take()
    };
    let elsewhere = send(&mut game);
    let not_a_member = SendError::NotAMember.to_string();
    assert_eq!(elsewhere, [&*not_a_member], "a party is no match");
    game.connection_breaks();
    game.update();
    log.take(); // what the server had not confirmed
    let offline = SendError::NotConnected.to_string();
    assert_eq!(send(&mut game), [&*offline, &*offline, &*offline]);
}

/// One's own user on another device says what one would say oneself.
#[test]
fn a_change_of_status_elsewhere_is_not_ones_own_session() {
    let mut game = TestGame::connected();
    let mut phone = presence("ada");
    phone.session_id = "session-phone".into();
    phone.status = Some(String::new());
    let change = realtime::StatusPresenceEvent {
        joins: vec![phone.clone()],
        leaves: vec![phone],
    };
    game.server_says(Message::StatusPresenceEvent(change));
    game.update();
    let is_self = |game: &mut TestGame| {
        let world = game.app.world_mut();
        let mut own = world.query_filtered::<&SessionId, With<IsSelf>>();
        let own: Vec<String> = own.iter(world).map(ToString::to_string).collect();
        own
    };
    assert_eq!(is_self(&mut game), [""; 0], "that is the phone");
    game.join("m", &["ada", "bob"]);
    assert_eq!(is_self(&mut game), ["session-ada"]);
}
