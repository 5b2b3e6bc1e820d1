//! Every kind of request, whatever becomes of it: one answer, and an observer that is chained to the call sees it.

mod late;

use std::time::Duration;

use crate::common::log::Log;
use bevy::prelude::*;
use bevy_nakama::{
    prelude::*,
    proto::{Envelope, Kind, Message, UserPresence, api, realtime},
    testing::*,
};
use prost::Message as _;
use serde::Serialize;
use serde_json::{Value, json};

/// Longer than any deadline.
const LONG: Duration = Duration::from_secs(30);

/// A kind of request.
struct Case {
    name: &'static str,
    /// Brings the game to where it can be made: what it is about.
    before: fn(&mut TestGame) -> Entity,
    /// Makes it, and chains an observer to the call.
    ask: Box<dyn Fn(&mut TestGame, Entity, Log)>,
    consent: Consent,
}

/// How the server consents.
#[derive(Clone, Copy)]
enum Consent {
    Acknowledge,
    Answer(fn() -> Message),
    Rest(fn() -> Value),
    /// The same, and it needs no connection.
    RestOfAnybody(fn() -> Value),
}

impl Consent {
    fn is_rest(self) -> bool {
        matches!(self, Self::Rest(_) | Self::RestOfAnybody(_))
    }
}

fn case<R: Request>(
    before: fn(&mut TestGame) -> Entity,
    make: for<'a> fn(NakamaCommands<'a, '_, '_>, Entity) -> EntityCommands<'a>,
    consent: Consent,
) -> Case {
    let ask = move |game: &mut TestGame, about: Entity, log: Log| {
        game.commands(|commands| {
            make(commands.nakama(), about).observe(move |reply: On<Replied<R>>| {
                log.add(match &reply.result {
                    Ok(_) => "consent".to_owned(),
                    Err(RequestError::Refused(refusal)) => format!("refused: {refusal}"),
                    Err(RequestError::Timeout { .. }) => "timeout".to_owned(),
                    Err(RequestError::ConnectionLost { maybe_executed }) => {
                        format!("lost, maybe executed: {maybe_executed}")
                    }
                    Err(RequestError::Unreachable(_)) => "unreachable".to_owned(),
                    Err(RequestError::TooLarge { size, limit }) => {
                        format!("too large: {size} > {limit}")
                    }
                    Err(RequestError::NotConnected) => "not connected".to_owned(),
                    Err(other) => format!("something else: {other:?}"),
                });
            });
        });
    };
    Case {
        name: R::NAME,
        before,
        ask: Box::new(ask),
        consent,
    }
}

fn nothing(_: &mut TestGame) -> Entity {
    Entity::PLACEHOLDER
}

/// An id that is longer than what asks for it, so that the limit for requests about it lets those before it pass.
const LONG_ID: &str = "an-id-that-is-longer-than-anything-that-one-sends-to-get-it-so-that-this-is-the-largest-envelope";

fn in_a_match(game: &mut TestGame) -> Entity {
    let create = CreateMatch::new();
    let entity = game.commands(|commands| commands.nakama().create_match(create).id());
    game.update();
    let asked = game.expect_sent(Kind::MatchCreate);
    game.answer(&asked, match_joined(LONG_ID, &["ada"]));
    game.update();
    entity
}

fn in_a_party(game: &mut TestGame) -> Entity {
    let create = CreateParty::open(8);
    let entity = game.commands(|commands| commands.nakama().create_party(create).id());
    game.update();
    let asked = game.expect_sent(Kind::PartyCreate);
    game.answer(&asked, party(LONG_ID, "ada", &["ada", "bob"]));
    game.update();
    entity
}

fn with_bob_in_a_party(game: &mut TestGame) -> Entity {
    in_a_party(game);
    let mut others = game
        .app
        .world_mut()
        .query_filtered::<Entity, (With<MemberOf>, Without<IsSelf>)>();
    others.single(game.app.world()).expect("bob")
}

fn asked_by_cat(game: &mut TestGame) -> Entity {
    in_a_party(game);
    game.server_says(party_join_request(LONG_ID, &["cat"]));
    game.update();
    let mut asking = game
        .app
        .world_mut()
        .query_filtered::<Entity, With<AsksToJoin>>();
    asking.single(game.app.world()).expect("cat")
}

fn in_a_room(game: &mut TestGame) -> Entity {
    let join = JoinChat::room("r");
    let entity = game.commands(|commands| commands.nakama().join_chat(join).id());
    game.update();
    let asked = game.expect_sent(Kind::ChannelJoin);
    let Message::Channel(channel) = chat_joined("r", &["ada"]) else {
        unreachable!("it is a channel");
    };
    let id = LONG_ID.into();
    game.answer(
        &asked,
        Message::Channel(realtime::Channel { id, ..channel }),
    );
    game.update();
    entity
}

fn chat_ack() -> Message {
    Message::ChannelMessageAck(realtime::ChannelMessageAck {
        channel_id: LONG_ID.into(),
        message_id: "message".into(),
        ..Default::default()
    })
}

fn ticket(id: &str) -> Message {
    Message::MatchmakerTicket(realtime::MatchmakerTicket { ticket: id.into() })
}

fn with_a_ticket(game: &mut TestGame) -> Entity {
    let request = AddMatchmaker::players(2, 2);
    let entity = game.commands(|commands| commands.nakama().add_matchmaker(request).id());
    game.update();
    let asked = game.expect_sent(Kind::MatchmakerAdd);
    game.answer(&asked, ticket(LONG_ID));
    game.update();
    entity
}

fn following_bob(game: &mut TestGame) -> Entity {
    let request = FollowUsers::named(["bob"]);
    game.commands(|commands| commands.nakama().follow(request).id());
    game.update();
    let asked = game.expect_sent(Kind::StatusFollow);
    let user_id = LONG_ID.into();
    let bob = UserPresence {
        user_id,
        ..presence("bob")
    };
    let presences = vec![bob];
    game.answer(&asked, Message::Status(realtime::Status { presences }));
    game.update();
    let mut followed = game
        .app
        .world_mut()
        .query_filtered::<Entity, With<FollowedUser>>();
    followed.single(game.app.world()).expect("bob")
}

/// An argument of a function.
#[derive(Debug, Serialize)]
struct Greet(&'static str);

impl RpcFunction for Greet {
    const ID: &'static str = "greet";
    type Reply = String;
}

fn greeting(payload: &str) -> Message {
    Message::Rpc(api::Rpc {
        id: "greet".into(),
        payload: payload.into(),
        ..Default::default()
    })
}

/// Tokens of ada's, as the server writes them.
fn tokens() -> Value {
    let token = session("ada").token().expose().to_owned();
    json!({ "token": token, "refresh_token": token })
}

fn cases() -> Vec<Case> {
    use Consent::{Acknowledge, Answer, Rest, RestOfAnybody};
    vec![
        case::<LogIn>(
            nothing,
            |nakama, _| nakama.log_in(&server(), Login::device("device-of-ada")),
            RestOfAnybody(tokens),
        ),
        case::<RefreshSession>(
            nothing,
            |nakama, _| nakama.refresh(&server(), &session("ada")),
            RestOfAnybody(tokens),
        ),
        case::<LogOut>(
            nothing,
            |nakama, _| nakama.log_out(&server(), &session("ada")),
            RestOfAnybody(|| json!({})),
        ),
        case::<RawRequest>(
            nothing,
            |nakama, _| nakama.raw(Message::Ping(realtime::Ping {})),
            Answer(|| Message::Pong(realtime::Pong {})),
        ),
        case::<CreateMatch>(
            nothing,
            |nakama, _| nakama.create_match(CreateMatch::new()),
            Answer(|| match_joined("m", &["ada"])),
        ),
        case::<JoinMatch>(
            nothing,
            |nakama, _| nakama.join_match(JoinMatch::by_id("m")),
            Answer(|| match_joined("m", &["ada"])),
        ),
        case::<LeaveMatch>(
            in_a_match,
            |nakama, here| nakama.leave_match(here),
            Acknowledge,
        ),
        case::<CreateParty>(
            nothing,
            |nakama, _| nakama.create_party(CreateParty::open(8)),
            Answer(|| party("p", "ada", &["ada"])),
        ),
        case::<JoinParty>(nothing, |nakama, _| nakama.join_party("p"), Acknowledge),
        case::<LeaveParty>(
            in_a_party,
            |nakama, here| nakama.leave_party(here),
            Acknowledge,
        ),
        case::<CloseParty>(
            in_a_party,
            |nakama, here| nakama.close_party(here),
            Acknowledge,
        ),
        case::<UpdateParty>(
            in_a_party,
            |nakama, here| nakama.update_party(here, UpdateParty::default()),
            Acknowledge,
        ),
        case::<PromotePartyMember>(
            with_bob_in_a_party,
            |nakama, bob| nakama.promote_party_member(bob),
            Acknowledge,
        ),
        case::<KickFromParty>(
            with_bob_in_a_party,
            |nakama, bob| nakama.kick_from_party(bob),
            Acknowledge,
        ),
        case::<AcceptPartyJoin>(
            asked_by_cat,
            |nakama, cat| nakama.accept_party_join(cat),
            Acknowledge,
        ),
        case::<DeclinePartyJoin>(
            asked_by_cat,
            |nakama, cat| nakama.decline_party_join(cat),
            Acknowledge,
        ),
        case::<ListPartyJoinRequests>(
            in_a_party,
            |nakama, here| nakama.list_party_join_requests(here),
            Answer(|| party_join_request(LONG_ID, &[])),
        ),
        case::<JoinChat>(
            nothing,
            |nakama, _| nakama.join_chat(JoinChat::room("r")),
            Answer(|| chat_joined("r", &["ada"])),
        ),
        case::<LeaveChat>(
            in_a_room,
            |nakama, here| nakama.leave_chat(here),
            Acknowledge,
        ),
        case::<SendChatMessage>(
            in_a_room,
            |nakama, here| nakama.send_chat_json(here, r#"{"text":"hello"}"#),
            Answer(chat_ack),
        ),
        case::<UpdateChatMessage>(
            in_a_room,
            |nakama, here| nakama.update_chat_message_json(here, "message", "{}"),
            Answer(chat_ack),
        ),
        case::<RemoveChatMessage>(
            in_a_room,
            |nakama, here| nakama.remove_chat_message(here, "message"),
            Answer(chat_ack),
        ),
        case::<FollowUsers>(
            nothing,
            |nakama, _| nakama.follow(FollowUsers::ids(["bob"])),
            Answer(|| Message::Status(realtime::Status::default())),
        ),
        case::<UnfollowUsers>(
            following_bob,
            |nakama, bob| nakama.unfollow(bob),
            Acknowledge,
        ),
        case::<UpdateStatus>(
            nothing,
            |nakama, _| nakama.set_status(Some("away")),
            Acknowledge,
        ),
        case::<AddMatchmaker>(
            nothing,
            |nakama, _| nakama.add_matchmaker(AddMatchmaker::players(2, 2)),
            Answer(|| ticket("t")),
        ),
        case::<RemoveMatchmakerTicket>(
            with_a_ticket,
            |nakama, ticket| nakama.remove_matchmaker_ticket(ticket),
            Acknowledge,
        ),
        case::<AddPartyToMatchmaker>(
            in_a_party,
            |nakama, here| nakama.add_party_to_matchmaker(here, AddMatchmaker::players(2, 2)),
            Answer(|| {
                Message::PartyMatchmakerTicket(realtime::PartyMatchmakerTicket {
                    party_id: LONG_ID.into(),
                    ticket: "t".into(),
                })
            }),
        ),
        case::<Rpc>(
            nothing,
            |nakama, _| nakama.rpc(Rpc::new("greet").payload("ada")),
            Answer(|| greeting("hello")),
        ),
        case::<Rpc>(
            nothing,
            |nakama, _| nakama.rpc(Rpc::new("greet").over_rest()),
            Rest(|| json!({ "payload": "hello" })),
        ),
        case::<Call<Greet>>(
            nothing,
            |nakama, _| nakama.call(Greet("ada")),
            Answer(|| greeting("\"hello\"")),
        ),
        case::<RpcWithKey>(
            nothing,
            |nakama, _| nakama.rpc_with_key(&server(), "key", Rpc::new("greet")),
            RestOfAnybody(|| json!({ "payload": "hello" })),
        ),
        case::<CallRest>(
            nothing,
            |nakama, _| nakama.rest(RestMethod::Get, "/v2/friend", None),
            Rest(|| json!({})),
        ),
        case::<FetchNotifications>(
            nothing,
            |nakama, _| nakama.notifications(FetchNotifications::new(10)),
            Rest(|| json!({ "cacheable_cursor": "here" })),
        ),
        case::<DeleteNotifications>(
            nothing,
            |nakama, _| nakama.delete_notifications(["one"]),
            Rest(|| json!({})),
        ),
        case::<FollowUsers>(
            nothing,
            |nakama, _| nakama.follow(FollowUsers::ids(["user-bob"])),
            Answer(|| Message::Status(realtime::Status::default())),
        ),
        case::<UnfollowUsers>(
            nothing,
            |nakama, _| nakama.unfollow(UnfollowUsers::ids(["user-bob"])),
            Acknowledge,
        ),
        case::<UpdateStatus>(
            nothing,
            |nakama, _| nakama.set_status(Some("here")),
            Acknowledge,
        ),
        case::<ListMatches>(
            nothing,
            |nakama, _| nakama.list_matches(ListMatches::up_to(10)),
            Rest(|| json!({})),
        ),
        case::<ListParties>(
            nothing,
            |nakama, _| nakama.list_parties(ListParties::up_to(10)),
            Rest(|| json!({})),
        ),
        case::<FetchChatHistory>(
            nothing,
            |nakama, _| nakama.chat_history(ChannelId::from("2...r"), ChatHistory::newest(10)),
            Rest(|| json!({})),
        ),
    ]
}

/// The request is made, and sent: what was sent, unless it goes over REST.
fn made(case: &Case, game: &mut TestGame, log: &Log) -> Option<Envelope> {
    let about = (case.before)(game);
    game.sent();
    (case.ask)(game, about, log.clone());
    assert_eq!(
        log.take(),
        [""; 0],
        "{}: never before the next frame",
        case.name
    );
    game.update();
    if case.consent.is_rest() {
        assert_eq!(game.rest_calls().len(), 1, "{}", case.name);
        return None;
    }
    let mut sent = game.sent();
    assert_eq!(sent.len(), 1, "{}: {sent:?}", case.name);
    sent.pop()
}

/// It has this answer; and no other one comes, whatever happens.
#[track_caller]
fn answered(case: &Case, game: &mut TestGame, log: &Log, expected: &str) {
    game.update();
    let outcomes = log.take();
    let [outcome] = outcomes.as_slice() else {
        panic!("{}: {outcomes:?}", case.name);
    };
    assert!(outcome.starts_with(expected), "{}: {outcome}", case.name);
    game.update_by(LONG);
    game.connection_breaks();
    game.update_by(LONG);
    game.update();
    assert_eq!(log.take(), [""; 0], "{}: one answer", case.name);
}

#[test]
fn consent() {
    for case in cases() {
        let (mut game, log) = (TestGame::connected(), Log::default());
        let sent = made(&case, &mut game, &log);
        match (case.consent, sent) {
            (Consent::Acknowledge, Some(asked)) => game.acknowledge(&asked),
            (Consent::Answer(message), Some(asked)) => game.answer(&asked, message()),
            (Consent::Rest(body) | Consent::RestOfAnybody(body), _) => {
                game.answer_rest(200, &body());
            }
            (Consent::Acknowledge | Consent::Answer(_), None) => panic!("{}", case.name),
        }
        answered(&case, &mut game, &log, "consent");
    }
}

#[test]
fn refusal() {
    for case in cases() {
        let (mut game, log) = (TestGame::connected(), Log::default());
        let expected = match made(&case, &mut game, &log) {
            Some(asked) => {
                game.refuse(&asked, 3, "not today");
                "refused: not today"
            }
            None => {
                let error = json!({ "code": 13, "message": "not today" });
                game.answer_rest(500, &error);
                "refused: not today"
            }
        };
        answered(&case, &mut game, &log, expected);
    }
}

#[test]
fn connection_lost() {
    for case in cases() {
        let (mut game, log) = (TestGame::connected(), Log::default());
        let expected = if made(&case, &mut game, &log).is_some() {
            game.connection_breaks();
            "lost, maybe executed: true"
        } else {
            game.rest_breaks();
            "unreachable"
        };
        answered(&case, &mut game, &log, expected);
    }
}

/// The limit is exact: at the size of the envelope it is sent, at one byte less it is not.
#[test]
fn too_large() {
    for case in cases().into_iter().filter(|case| !case.consent.is_rest()) {
        let (mut game, log) = (TestGame::connected(), Log::default());
        let sent = made(&case, &mut game, &log).expect("over the socket");
        let size = sent.encoded_len();
        for limit in [size, size - 1] {
            let mut settings = NakamaSettings::default();
            settings.max_envelope = limit;
            let (mut game, log) = (TestGame::with_settings(settings), Log::default());
            game.connect();
            let about = (case.before)(&mut game);
            game.sent();
            (case.ask)(&mut game, about, log.clone());
            game.update();
            if limit == size {
                assert_eq!(game.sent(), std::slice::from_ref(&sent), "{}", case.name);
                continue;
            }
            assert_eq!(game.sent(), [], "{}", case.name);
            answered(
                &case,
                &mut game,
                &log,
                &format!("too large: {size} > {limit}"),
            );
        }
    }
}

#[test]
fn not_connected() {
    let needs_connection = |case: &Case| !matches!(case.consent, Consent::RestOfAnybody(_));
    for case in cases().into_iter().filter(needs_connection) {
        // What it is about was there, and is gone with the connection.
        let (mut game, log) = (TestGame::connected(), Log::default());
        let about = (case.before)(&mut game);
        game.connection_breaks();
        game.update();
        (case.ask)(&mut game, about, log.clone());
        assert_eq!(
            log.take(),
            [""; 0],
            "{}: never before the next frame",
            case.name
        );
        game.update();
        answered(&case, &mut game, &log, "not connected");
    }
}

#[test]
fn without_a_connection_one_can_log_in() {
    let needs_none = |case: &Case| matches!(case.consent, Consent::RestOfAnybody(_));
    for case in cases().into_iter().filter(needs_none) {
        let (mut game, log) = (TestGame::new(), Log::default());
        made(&case, &mut game, &log);
        if let Consent::RestOfAnybody(body) = case.consent {
            game.answer_rest(200, &body());
        }
        answered(&case, &mut game, &log, "consent");
    }
}

/// No kind of request is missing here: those are the types that are requests, read off the sources.
#[test]
fn all_of_them() {
    let named: Vec<_> = cases().iter().map(|case| case.name).collect();
    let mut missing = Vec::new();
    for (_, code) in crate::form::architecture::sources("") {
        for (at, head) in code.match_indices("impl Request for ") {
            let rest = &code[at + head.len()..];
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
            let name = &rest[..end.unwrap_or(rest.len())];
            // Of a macro, the name is not here. (Those of chat.)
            if !name.is_empty() && !named.contains(&name) {
                missing.push(name.to_owned());
            }
        }
    }
    assert_eq!(missing, [""; 0]);
}
