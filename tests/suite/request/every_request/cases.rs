//! Every kind of request, with how it is made and how the server consents.

use super::{before::*, *};
use bevy_nakama::proto::{api, realtime};
use bevy_nakama::rpc::Call;
use serde::Serialize;
use serde_json::json;

pub(super) fn chat_ack() -> Message {
    Message::ChannelMessageAck(realtime::ChannelMessageAck {
        channel_id: LONG_ID.into(),
        message_id: "message".into(),
        ..Default::default()
    })
}

/// An argument of a function.
#[derive(Debug, Serialize)]
pub(super) struct Greet(&'static str);

impl RpcFunction for Greet {
    const ID: &'static str = "greet";
    type Reply = String;
}

pub(super) fn greeting(payload: &str) -> Message {
    Message::Rpc(api::Rpc {
        id: "greet".into(),
        payload: payload.into(),
        ..Default::default()
    })
}

/// Tokens of ada, as the server writes them.
pub(super) fn tokens() -> Value {
    let token = session_of("ada").token().expose().to_owned();
    json!({ "token": token, "refresh_token": token })
}

pub(crate) fn cases() -> Vec<Case> {
    use Consent::{Acknowledge, Answer, Rest, RestOfAnybody};
    vec![
        case::<LogIn>(
            nothing,
            |nakama, _| nakama.log_in(&server(), Login::device("device-of-ada")),
            RestOfAnybody(tokens),
        ),
        case::<RefreshSession>(nothing, |nakama, _| nakama.refresh(), Rest(tokens)),
        case::<LogOut>(nothing, |nakama, _| nakama.log_out(), Rest(|| json!({}))),
        case::<RawRequest>(
            nothing,
            |nakama, _| nakama.send_raw(Message::Ping(realtime::Ping {})),
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
            Answer(|| party_joined("p", "ada", &["ada"])),
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
            |nakama, _| nakama.fetch_notifications(FetchNotifications::new(10)),
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
            |nakama, _| nakama.list_matches(ListMatches::new(10)),
            Rest(|| json!({})),
        ),
        case::<ListParties>(
            nothing,
            |nakama, _| nakama.list_parties(ListParties::new(10)),
            Rest(|| json!({})),
        ),
        case::<WriteStorage>(
            nothing,
            |nakama, _| nakama.write_storage(WriteStorage::new("saves", "slot", &json!({}))),
            Rest(|| {
                let ack = json!({ "collection": "saves", "key": "slot", "version": "v", "user_id": "ada" });
                json!({ "acks": [ack] })
            }),
        ),
        case::<ReadStorage<Value>>(
            nothing,
            |nakama, _| nakama.read_storage(ReadStorage::<Value>::new("saves", "slot")),
            Rest(|| json!({})),
        ),
        case::<ListStorage<Value>>(
            nothing,
            |nakama, _| nakama.list_storage(ListStorage::<Value>::new("saves", 10)),
            Rest(|| json!({})),
        ),
        case::<DeleteStorage>(
            nothing,
            |nakama, _| nakama.delete_storage(DeleteStorage::new("saves", "slot")),
            Rest(|| json!({})),
        ),
        case::<FetchChatHistory>(
            nothing,
            |nakama, _| {
                nakama.fetch_chat_history(ChannelId::from("2...r"), ChatHistory::newest(10))
            },
            Rest(|| json!({})),
        ),
    ]
}
