//! The world as text, by what any game can see.

use bevy::prelude::*;
use bevy_nakama::{prelude::*, proto::Kind};
use serde_json::{Value, json};

use super::{Client, kind_of};

impl Client {
    /// The world, sorted.
    pub(crate) fn text(&mut self) -> String {
        let mut lines = Vec::new();
        let world = self.game.app.world_mut();
        let mut matches = world.query::<(Entity, &MatchId, &Match)>();
        let mut parties = world.query::<(
            Entity,
            &PartyId,
            &Party,
            Option<&PartyMembers>,
            Option<&PartyJoinRequests>,
        )>();
        let mut present = world.query::<(&PresentIn, Who)>();
        let mut members = world.query::<(&MemberOf, Who)>();
        let mut channels = world.query::<(Entity, &ChannelId, &ChatChannel, &ChatLog)>();
        let mut listeners = world.query::<(&ChatMemberOf, Who)>();
        let mut who = world.query::<Who>();
        let mut asking = world.query::<(&AsksToJoin, &SessionId, &UserId, &Username)>();
        let mut joining = world.query_filtered::<(Entity, Has<PendingApproval>), With<Joining>>();
        let mut open = world.query::<(Entity, &PendingRequest)>();

        for (
            entity,
            id,
            Match {
                authoritative,
                label,
            },
        ) in matches.iter(world)
        {
            assert_eq!(
                world.resource::<MatchIndex>().get(id),
                Some(entity),
                "the index knows {id}"
            );
            let label = json!(label);
            lines.push(format!(
                "match {id} authoritative={authoritative} label={label}"
            ));
        }
        for (PresentIn(context), person) in present.iter(world) {
            let id = world
                .get::<MatchId>(*context)
                .expect("nobody is present in nothing");
            lines.push(format!("match {id} has - {}", line_of(person)));
        }
        for (entity, id, ChatChannel { kind }, log) in channels.iter(world) {
            assert_eq!(
                world.resource::<ChatIndex>().get(id),
                Some(entity),
                "the index knows {id}"
            );
            let [room, group, one, two] = match kind {
                ChatChannelKind::Room { name } => {
                    [json!(name), Value::Null, Value::Null, Value::Null]
                }
                ChatChannelKind::Group { id } => [Value::Null, json!(id), Value::Null, Value::Null],
                ChatChannelKind::Direct { users: [one, two] } => [
                    Value::Null,
                    Value::Null,
                    json!(one.as_str()),
                    json!(two.as_str()),
                ],
                other => panic!("a channel for {other:?}"),
            };
            lines.push(format!(
                "channel {id} group_id={group} room_name={room} user_id_one={one} user_id_two={two}"
            ));
            for (number, line) in log.iter().enumerate() {
                let ChatMessage {
                    message_id,
                    kind,
                    sender_id,
                    username,
                    json,
                    ..
                } = line;
                let (code, is_edited) = (kind.code(), line.update_time != line.create_time);
                lines.push(format!("channel {id} line {number} {message_id} {sender_id} {username} {code} {json} edited={is_edited}"));
            }
        }
        for (ChatMemberOf(context), person) in listeners.iter(world) {
            let id = world
                .get::<ChannelId>(*context)
                .expect("nobody is in no channel");
            lines.push(format!("channel {id} has - {}", line_of(person)));
        }
        let (mut listed, mut asked) = (0, 0);
        for (entity, id, party, members, askers) in parties.iter(world) {
            assert_eq!(
                world.resource::<PartyIndex>().get(id),
                Some(entity),
                "the index knows {id}"
            );
            let Party {
                open,
                max_size,
                hidden,
                label,
            } = party;
            let mut facts = vec![format!("max_size={max_size} open={open}")];
            facts.extend(hidden.map(|hidden| format!("hidden={hidden}")));
            facts.extend(
                label
                    .as_ref()
                    .map(|label| format!("label={}", json!(label))),
            );
            facts.sort();
            lines.push(format!("party {id} {}", facts.join(" ")));
            for (number, member) in members.into_iter().flat_map(PartyMembers::iter).enumerate() {
                let person = line_of(who.get(world, member).expect("a member is whole"));
                lines.push(format!("party {id} has {number} {person}"));
                listed += 1;
            }
            for (number, asker) in askers
                .into_iter()
                .flat_map(PartyJoinRequests::iter)
                .enumerate()
            {
                let (_, session, user, name) = asking.get(world, asker).expect("an asker is whole");
                lines.push(format!(
                    "party {id} asked by {number} {session} {user} {name}"
                ));
                asked += 1;
            }
        }
        assert_eq!(members.iter(world).count(), listed, "members of nothing");
        assert_eq!(
            asking.iter(world).count(),
            asked,
            "people who ask to join nothing"
        );
        let known = self.asked.lock().expect("no test panics while it reads");
        for (entity, is_pending) in joining.iter(world) {
            let (_, id) = known.get(&entity).expect("nothing joins by itself");
            lines.push(format!("joining {id} pending={is_pending}"));
        }
        for (entity, request) in open.iter(world) {
            let kind = kind_of(request.name).unwrap_or_else(|| known[&entity].0);
            // What the plugin cannot ask for joins nothing, but the recorded client may have hoped so.
            if request.name == "RawRequest"
                && matches!(
                    kind,
                    Kind::MatchJoin | Kind::PartyCreate | Kind::ChannelJoin
                )
            {
                lines.push(format!("joining {} pending=false", known[&entity].1));
            }
            if !matches!(kind, Kind::MatchDataSend | Kind::PartyDataSend | Kind::Pong) {
                lines.push(format!("open {kind}"));
            }
        }
        let outcomes = self
            .outcomes
            .lock()
            .expect("no test panics while it counts");
        for (outcome, count) in outcomes.iter() {
            let kind = outcome.split(' ').next().unwrap_or_default();
            if !["match_data_send", "party_data_send", "pong"].contains(&kind) {
                lines.push(format!("answered {outcome} {count}"));
            }
        }
        lines.sort();
        lines.join("\n")
    }
}

type Who = (
    &'static SessionId,
    &'static UserId,
    &'static Username,
    &'static JoinedAs,
    Has<IsSelf>,
    Has<PartyLeader>,
);

fn line_of(
    (session, user, name, how, is_self, leads): (
        &SessionId,
        &UserId,
        &Username,
        &JoinedAs,
        bool,
        bool,
    ),
) -> String {
    let how = match how {
        JoinedAs::Snapshot => "snapshot",
        JoinedAs::Event => "event",
    };
    format!("{session} {user} {name} {how} self={is_self} leader={leads}")
}
