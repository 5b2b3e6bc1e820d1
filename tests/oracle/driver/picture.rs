//! The world as text, by what any game can see.

use bevy::prelude::*;
use bevy_nakama::{prelude::*, proto::Kind};
use serde_json::{Value, json};

use super::{Client, kind_of};

/// What makes one join something. Parties are joined by their own method in any case.
const JOINS: [Kind; 5] = [
    Kind::MatchJoin,
    Kind::PartyCreate,
    Kind::ChannelJoin,
    Kind::MatchmakerAdd,
    Kind::PartyMatchmakerAdd,
];
/// What no server answers, so that it is a request only if it is sent raw.
const UNANSWERED: [Kind; 3] = [Kind::MatchDataSend, Kind::PartyDataSend, Kind::Pong];

/// Lines like the oracle's: a path, a number where the order is known, and what is there.
#[derive(Default)]
pub(super) struct Picture(Vec<String>);

impl Picture {
    pub(super) fn add(&mut self, path: &[&str], number: usize, what: &Value) {
        self.0.push(format!("{} {number} {what}", path.join("\t")));
    }

    fn add_person(&mut self, place: [&str; 2], what: &str, number: usize, person: &Person) {
        let session = person.session.as_str();
        let body = json!({ "user_id": person.user.as_str(), "username": person.name.as_str(), "how": person.how });
        self.add(&[place[0], place[1], what, session], number, &body);
    }
}

pub(super) struct Person {
    pub(super) entity: Entity,
    pub(super) session: SessionId,
    pub(super) user: UserId,
    pub(super) name: Username,
    pub(super) how: &'static str,
    pub(super) is_self: bool,
    leads: bool,
}

/// The session of the only one that has a mark.
fn only(people: &[Person], has: impl Fn(&Person) -> bool) -> Option<&str> {
    let mut marked = people.iter().filter(|person| has(person));
    let first = marked.next();
    assert!(marked.next().is_none(), "more than one is marked");
    first.map(|person| person.session.as_str())
}

impl Client {
    /// The world, sorted.
    pub(crate) fn text(&mut self) -> String {
        let mut picture = Picture::default();
        self.draw_matches(&mut picture);
        self.draw_channels(&mut picture);
        self.draw_parties(&mut picture);
        self.draw_tickets(&mut picture);
        self.draw_inbox(&mut picture);
        self.draw_users(&mut picture);
        self.draw_streams(&mut picture);
        self.draw_requests(&mut picture);
        picture.0.sort();
        picture.0.join("\n")
    }

    /// Everybody who is related to `place`, in the order of the relationship.
    pub(super) fn people<T: RelationshipTarget>(&self, place: Entity) -> Vec<Person> {
        let world = self.player.game.app.world();
        let people = world.get::<T>(place).into_iter().flat_map(T::iter);
        let people = people.map(|who| {
            let who = world.entity(who);
            if who.contains::<IsSelf>()
                && let Some(own) = &self.session_id
            {
                let session = who.get::<SessionId>().expect("a session");
                assert_eq!(session.as_str(), own, "this is not the local user");
            }
            Person {
                entity: who.id(),
                session: who.get::<SessionId>().expect("a session").clone(),
                user: who.get::<UserId>().expect("a user").clone(),
                name: who.get::<Username>().expect("a name").clone(),
                how: match who.get::<JoinedAs>() {
                    Some(JoinedAs::Present) => "snapshot",
                    Some(JoinedAs::Arrived) => "event",
                    Some(JoinedAs::WhileAway) => "while away",
                    None => "asks",
                },
                is_self: who.contains::<IsSelf>(),
                leads: who.contains::<PartyLeader>(),
            }
        });
        people.collect()
    }

    pub(super) fn all<C: Component>(&mut self) -> usize {
        let world = self.player.game.app.world_mut();
        world.query::<&C>().iter(world).count()
    }

    fn draw_matches(&mut self, picture: &mut Picture) {
        let world = self.player.game.app.world_mut();
        let mut matches = world.query::<(Entity, &MatchId, &Match)>();
        let matches: Vec<_> = matches.iter(world).collect();
        let matches: Vec<_> = matches
            .into_iter()
            .map(|(entity, id, here)| (entity, id.clone(), here.clone()))
            .collect();
        let mut present = 0;
        for (entity, id, here) in matches {
            let world = self.player.game.app.world();
            let index = world.resource::<MatchIndex>();
            assert_eq!(index.get(&id), Some(entity), "the index knows {id}");
            let people = self.people::<MatchPresences>(entity);
            let me = only(&people, |person| person.is_self);
            let facts =
                json!({ "authoritative": here.authoritative, "label": here.label, "self": me });
            picture.add(&["match", id.as_str()], 0, &facts);
            for person in &people {
                picture.add_person(["match", id.as_str()], "has", 0, person);
            }
            present += people.len();
        }
        assert_eq!(self.all::<PresentIn>(), present, "present in nothing");
    }

    fn draw_channels(&mut self, picture: &mut Picture) {
        let world = self.player.game.app.world_mut();
        let mut channels = world.query_filtered::<(Entity, &ChannelId), With<ChatChannel>>();
        let channels = channels.iter(world);
        let channels: Vec<_> = channels.map(|(entity, id)| (entity, id.clone())).collect();
        let mut present = 0;
        for (entity, id) in channels {
            let world = self.player.game.app.world();
            let index = world.resource::<ChatIndex>();
            assert_eq!(index.get(&id), Some(entity), "the index knows {id}");
            let people = self.people::<ChatMembers>(entity);
            let mut facts = json!({ "room_name": null, "group_id": null, "user_id_one": null, "user_id_two": null });
            facts["self"] = only(&people, |person| person.is_self).into();
            let channel = world.get::<ChatChannel>(entity).expect("a channel");
            for (field, value) in names_of(&channel.kind) {
                facts[field] = value.into();
            }
            picture.add(&["channel", id.as_str()], 0, &facts);
            let log = world.get::<ChatLog>(entity).expect("its log");
            for (number, line) in log.iter().enumerate() {
                let message = line.message_id.as_str();
                let line = json!({
                    "sender_id": line.sender_id.as_str(),
                    "username": line.username.as_str(),
                    "code": line.kind.code(),
                    "content": &*line.json,
                    "create_time": line.create_time,
                    "update_time": line.update_time,
                });
                picture.add(&["channel", id.as_str(), "line", message], number, &line);
            }
            for person in &people {
                picture.add_person(["channel", id.as_str()], "has", 0, person);
            }
            present += people.len();
        }
        assert_eq!(self.all::<ChatMemberOf>(), present, "members of nothing");
    }

    fn draw_parties(&mut self, picture: &mut Picture) {
        let world = self.player.game.app.world_mut();
        let mut parties = world.query::<(Entity, &PartyId, &Party)>();
        let parties = parties.iter(world);
        let parties: Vec<_> = parties
            .map(|(entity, id, party)| (entity, id.clone(), party.clone()))
            .collect();
        let (mut listed, mut asked) = (0, 0);
        for (entity, id, party) in parties {
            let world = self.player.game.app.world();
            let index = world.resource::<PartyIndex>();
            assert_eq!(index.get(&id), Some(entity), "the index knows {id}");
            let members = self.people::<PartyMembers>(entity);
            let askers = self.people::<PartyJoinRequests>(entity);
            let mut facts = json!({ "open": party.open, "max_size": party.max_size });
            facts["self"] = only(&members, |person| person.is_self).into();
            facts["leader"] = only(&members, |person| person.leads).into();
            if let Some(hidden) = party.hidden {
                facts["hidden"] = hidden.into();
            }
            if let Some(label) = party.label {
                facts["label"] = label.into();
            }
            picture.add(&["party", id.as_str()], 0, &facts);
            for (number, person) in members.iter().enumerate() {
                picture.add_person(["party", id.as_str()], "has", number, person);
            }
            for (number, person) in askers.iter().enumerate() {
                picture.add_person(["party", id.as_str()], "asks", number, person);
            }
            listed += members.len();
            asked += askers.len();
        }
        assert_eq!(self.all::<PartyMemberOf>(), listed, "members of nothing");
        assert_eq!(
            self.all::<PartyJoinRequester>(),
            asked,
            "they ask to join nothing"
        );
    }

    fn draw_requests(&mut self, picture: &mut Picture) {
        let world = self.player.game.app.world_mut();
        let mut joining = world
            .query_filtered::<(Entity, Has<PendingRequest>, Has<PendingApproval>), With<Joining>>();
        let mut open = world.query::<(Entity, &PendingRequest)>();
        let known = self
            .player
            .asked
            .lock()
            .expect("no test panics while it reads");
        for (entity, is_open, is_pending) in joining.iter(world) {
            let (kind, id) = known.get(&entity).expect("nothing joins by itself");
            if is_open {
                assert!(!is_pending, "pending without an answer");
                picture.0.push(format!("joining {kind} {id}"));
            } else {
                assert_eq!(*kind, Kind::PartyJoin, "joining after the answer");
                picture.add(
                    &["joining", "party", id],
                    0,
                    &json!({ "pending": is_pending }),
                );
            }
        }
        for (entity, request) in open.iter(world) {
            let kind = kind_of(&request.name).unwrap_or_else(|| known[&entity].0);
            // What the plugin cannot ask for joins nothing, but the recorded client may have hoped so.
            if request.name == "RawRequest" && JOINS.contains(&kind) {
                let id = &known[&entity].1;
                picture.0.push(format!("joining {kind} {id}"));
            }
            if !UNANSWERED.contains(&kind) {
                picture.0.push(format!("open {kind}"));
            }
        }
        let outcomes = self.outcomes.lock();
        for outcome in outcomes.expect("no test panics while it reads").iter() {
            let kind = outcome.split(' ').next().unwrap_or_default();
            if !UNANSWERED.iter().any(|other| other.name() == kind) {
                picture.0.push(format!("answered {outcome}"));
            }
        }
    }
}

/// What a channel is for, as the protocol's fields say it.
pub(super) fn names_of(kind: &ChatChannelKind) -> Vec<(&'static str, String)> {
    match kind {
        ChatChannelKind::Room { name } => vec![("room_name", name.clone())],
        ChatChannelKind::Group { id } => vec![("group_id", id.clone())],
        ChatChannelKind::Direct { users: [one, two] } => vec![
            ("user_id_one", one.to_string()),
            ("user_id_two", two.to_string()),
        ],
        other => panic!("a channel for {other:?}"),
    }
}
