//! Tickets, the inbox, followed users and streams, as text.

use std::collections::BTreeMap;

use bevy::prelude::*;
use bevy_nakama::prelude::*;
use serde_json::json;

use super::{
    Client,
    picture::Picture,
    watch::{notification_json, stream_of},
};
use bevy_nakama::stream::Stream;

impl Client {
    pub(super) fn draw_tickets(&mut self, picture: &mut Picture) {
        let world = self.player.game.app.world_mut();
        let mut tickets =
            world.query::<(&MatchmakerTicket, Entity, &TicketId, Option<&TicketOf>)>();
        let mut tickets: Vec<_> = tickets.iter(world).collect();
        tickets.sort_by_key(|(ticket, ..)| ticket.since);
        let mut numbers = BTreeMap::<&str, usize>::new();
        for (_, entity, id, of) in tickets {
            let index = world.resource::<TicketIndex>();
            assert_eq!(index.get(id), Some(entity), "the index knows {id}");
            let party = of.map_or("", |of| {
                world
                    .get::<PartyId>(of.0)
                    .expect("a party has an id")
                    .as_str()
            });
            let number = numbers.entry(party).or_default();
            picture.add(
                &["party", party, "ticket", id.as_str()],
                *number,
                &json!({}),
            );
            *number += 1;
        }
    }

    pub(super) fn draw_inbox(&mut self, picture: &mut Picture) {
        let inbox = self.player.game.app.world().resource::<NotificationInbox>();
        for (number, notification) in inbox.iter().enumerate() {
            assert!(notification.persistent, "{notification} is not kept");
            let mut body = notification_json(notification);
            let fields = body.as_object_mut().expect("an object");
            fields.retain(|field, _| field != "persistent" && field != "id");
            fields.entry("code").or_insert(0.into());
            let id = notification.id.as_str();
            picture.add(&["none", "", "inbox", id], number, &body);
        }
    }

    pub(super) fn draw_users(&mut self, picture: &mut Picture) {
        let world = self.player.game.app.world_mut();
        let mut users = world.query_filtered::<(Entity, &UserId), With<FollowedUser>>();
        let users = users.iter(world);
        let users: Vec<_> = users.map(|(entity, id)| (entity, id.clone())).collect();
        let mut online = 0;
        for (entity, id) in users {
            let world = self.player.game.app.world();
            let index = world.resource::<FollowedUserIndex>();
            assert_eq!(index.get(&id), Some(entity), "the index knows {id}");
            let is_self = world.get::<IsSelf>(entity).is_some();
            let is_own = *self.player.user_id() == id;
            assert_eq!(is_self, is_own, "{id} is the local user or is not");
            let mut facts = json!({});
            if let Some(name) = world.get::<Username>(entity) {
                facts["username"] = name.as_str().into();
            }
            picture.add(&["user", id.as_str()], 0, &facts);
            let sessions = self.people::<UserSessions>(entity);
            for (number, session) in sessions.iter().enumerate() {
                assert_eq!(session.user, id, "a session of somebody else");
                let status = world.get::<UserStatus>(session.entity);
                let status = &status.expect("who is online has one").0;
                let body = json!({ "username": session.name.as_str(), "status": status, "how": session.how });
                let path = ["user", id.as_str(), "session", session.session.as_str()];
                picture.add(&path, number, &body);
            }
            online += sessions.len();
        }
        assert_eq!(self.all::<SessionOf>(), online, "sessions of nobody");
    }

    pub(super) fn draw_streams(&mut self, picture: &mut Picture) {
        let world = self.player.game.app.world_mut();
        let mut streams = world.query::<(Entity, &Stream)>();
        let streams = streams.iter(world);
        let streams: Vec<_> = streams
            .map(|(entity, stream)| (entity, stream.clone()))
            .collect();
        let mut present = 0;
        for (entity, stream) in streams {
            let world = self.player.game.app.world();
            let index = world.resource::<StreamIndex>();
            assert_eq!(index.get(&stream), Some(entity), "the index knows {stream}");
            let stream = json!(stream_of(&stream));
            let id = stream.to_string();
            picture.add(&["stream", &id], 0, &json!({ "stream": stream }));
            let people = self.people::<StreamPresences>(entity);
            for person in &people {
                let persistence = world.get::<StreamPersistence>(person.entity);
                let persistence = persistence.expect("who is in a stream has one").0;
                let body = json!({
                    "user_id": person.user.as_str(),
                    "username": person.name.as_str(),
                    "persistence": persistence,
                    "how": person.how,
                });
                picture.add(&["stream", &id, "has", person.session.as_str()], 0, &body);
            }
            present += people.len();
        }
        assert_eq!(
            self.all::<StreamPresenceOf>(),
            present,
            "present in nothing"
        );
    }
}
