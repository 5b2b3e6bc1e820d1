//! Anything that a game can do to a mirror, in any order, while others come and go.

use std::mem;

use bevy::{ecs::entity::EntityCloner, platform::collections::HashSet};
use bevy_nakama::mirror::HasMembers;
use proptest::{collection::vec, prelude::*};

use super::*;

#[derive(Clone, Copy, Debug)]
enum Step {
    Enter(usize),
    /// To the entity of a place.
    Place(usize, Act),
    /// To the entity of a member.
    Member(usize, u8, Act),
    Comes(usize, u8),
    Goes(usize, u8),
    /// One comes and another goes, and in the middle of that, an observer does this to the place.
    InAnObserver(usize, u8, Act),
    Frame,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Act {
    Clear,
    RemoveState,
    RemoveId,
    RemoveList,
    Clone,
    DeepClone,
    Despawn,
    /// Inserts what it is on a new entity.
    Copy,
}

const NAMES: [&str; 3] = ["bob", "cat", "dan"];

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        Just(Act::Clear),
        Just(Act::RemoveState),
        Just(Act::RemoveId),
        Just(Act::RemoveList),
        Just(Act::Clone),
        Just(Act::DeepClone),
        Just(Act::Despawn),
        Just(Act::Copy),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..6usize).prop_map(Step::Enter),
        3 => (0..6usize, act()).prop_map(|(place, act)| Step::Place(place, act)),
        3 => (0..6usize, 0..3u8, act()).prop_map(|(place, who, act)| Step::Member(place, who, act)),
        2 => (0..6usize, 0..3u8).prop_map(|(place, who)| Step::Comes(place, who)),
        2 => (0..6usize, 0..3u8).prop_map(|(place, who)| Step::Goes(place, who)),
        2 => (0..6usize, 0..3u8, way_out()).prop_map(|(place, who, act)| Step::InAnObserver(place, who, act)),
        3 => Just(Step::Frame),
    ]
}

/// Bevy does not let an observer despawn what somebody has just come to.
fn way_out() -> impl Strategy<Value = Act> {
    prop_oneof![Just(Act::Clear), Just(Act::RemoveState)]
}

/// What an observer is to do next.
#[derive(Default, Resource)]
struct Trap(Option<Box<dyn FnOnce(&mut World) + Send + Sync>>);

fn spring(world: &mut World) {
    if let Some(act) = world.resource_mut::<Trap>().0.take() {
        act(world);
    }
}

/// Who was told to have joined, and not to have left: in which place, with which session.
#[derive(Default, Resource)]
struct Players(HashSet<(Entity, SessionId)>);

fn watch<C: HasMembers>(game: &mut TestGame) {
    game.observe(
        |joined: On<Joined<C>>, who: Query<&Presence>, mut players: ResMut<Players>| {
            let session = who
                .get(joined.presence)
                .expect("whole")
                .info()
                .session_id
                .clone();
            assert!(players.0.insert((joined.context, session)), "joined twice");
        },
    );
    game.observe(|left: On<Left<C>>, mut players: ResMut<Players>| {
        let player = (left.context, left.info.session_id.clone());
        assert!(players.0.remove(&player), "left without joining");
    });
}

struct Play {
    game: TestGame,
    places: [Place; 6],
    /// What the local user is in.
    here: [Option<Entity>; 6],
    /// Whose entities the game has left alone, and who is there.
    members: [HashSet<u8>; 6],
    /// Who is there for the server.
    there: [HashSet<u8>; 6],
    /// What should have been sent, and was.
    left: [usize; 6],
    sent: [usize; 6],
    /// The game's own, which are nothing and nobody.
    clones: Vec<Entity>,
    /// The game's own, on which it has inserted a state or a presence.
    copies: Vec<Entity>,
}

impl Play {
    fn new() -> Self {
        let mut game = TestGame::connected();
        game.app.init_resource::<Trap>().init_resource::<Players>();
        watch::<Match>(&mut game);
        watch::<Party>(&mut game);
        watch::<ChatChannel>(&mut game);
        watch::<FollowedUser>(&mut game);
        watch::<Stream>(&mut game);
        game.observe(|_: On<Add, Presence>, mut commands: Commands| commands.queue(spring));
        game.observe(|_: On<Remove, Presence>, mut commands: Commands| commands.queue(spring));
        Self {
            game,
            places: places(),
            here: [None; 6],
            members: Default::default(),
            there: Default::default(),
            left: [0; 6],
            sent: [0; 6],
            clones: Vec::new(),
            copies: Vec::new(),
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Enter(at) if self.here[at].is_none() => {
                self.frame(); // leaves are sent before
                self.here[at] = Some((self.places[at].enter)(&mut self.game));
                if self.places[at].people.is_some() {
                    self.members[at] = [0].into();
                    self.there[at] = [0].into();
                }
            }
            Step::Enter(_) => {}
            Step::Place(at, act) => self.act_on_place(at, act),
            Step::Member(at, who, act) => self.act_on_member(at, who, act),
            Step::Comes(at, who) => self.event(at, who, true),
            Step::Goes(at, who) => self.event(at, who, false),
            Step::InAnObserver(at, who, act) => self.leave_in_an_observer(at, who, act),
            Step::Frame => self.frame(),
        }
    }

    fn event(&mut self, at: usize, who: u8, comes: bool) {
        let (Some(_), Some(people)) = (self.here[at], self.places[at].people) else {
            return;
        };
        let name: &[&str] = &[NAMES[usize::from(who)]];
        let message = if comes {
            people(name, &[])
        } else {
            people(&[], name)
        };
        self.game.server_says(message);
        self.frame();
        if comes {
            self.members[at].insert(who);
            self.there[at].insert(who);
        } else {
            self.members[at].remove(&who);
            self.there[at].remove(&who);
        }
    }

    fn leave_in_an_observer(&mut self, at: usize, who: u8, act: Act) {
        let (Some(here), Some(people)) = (self.here[at], self.places[at].people) else {
            return;
        };
        let remove_state = self.places[at].remove_state;
        self.game
            .app
            .insert_resource(Trap(Some(Box::new(move |world| {
                let mut here = world.entity_mut(here);
                match act {
                    Act::Clear => {
                        here.clear();
                    }
                    _ => remove_state(&mut here),
                }
            }))));
        let [one, other] = [who, (who + 1) % 3].map(|who| NAMES[usize::from(who)]);
        self.game.server_says(people(&[one, "eve"], &[other]));
        self.frame();
        assert!(
            self.game.app.world().resource::<Trap>().0.is_none(),
            "eve came"
        );
        self.is_left(at);
    }

    fn is_left(&mut self, at: usize) {
        self.here[at] = None;
        self.members[at].clear();
        self.there[at].clear();
        self.left[at] += usize::from(self.places[at].leave.is_some());
    }

    fn act_on_place(&mut self, at: usize, act: Act) {
        let Some(entity) = self.here[at] else { return };
        let place = &self.places[at];
        let is_left = match act {
            Act::Clear | Act::RemoveState | Act::Despawn => true,
            // A stream's id is what makes it one.
            Act::RemoveId => place.leave.is_none(),
            _ => false,
        };
        self.act(entity, at, act);
        if is_left {
            self.is_left(at);
        }
    }

    fn act_on_member(&mut self, at: usize, who: u8, act: Act) {
        let Some(place) = self.here[at] else { return };
        let Some(entity) = member(&self.game, place, NAMES[usize::from(who)]) else {
            return;
        };
        match act {
            Act::RemoveState => {
                let mut entity = self.game.app.world_mut().entity_mut(entity);
                entity.remove::<Presence>();
            }
            Act::RemoveId => {
                let mut entity = self.game.app.world_mut().entity_mut(entity);
                entity.remove::<(UserId, SessionId, Username)>();
            }
            Act::RemoveList => {
                let mut entity = self.game.app.world_mut().entity_mut(entity);
                entity.remove::<(
                    PresentIn,
                    PartyMemberOf,
                    ChatMemberOf,
                    SessionOf,
                    StreamPresenceOf,
                )>();
            }
            Act::Copy => {
                let world = self.game.app.world_mut();
                let presence = world.get::<Presence>(entity).cloned().expect("indexed");
                self.copies.push(world.spawn(presence).id());
            }
            act => self.act(entity, at, act),
        }
        if matches!(act, Act::RemoveState | Act::Clear | Act::Despawn) {
            self.members[at].remove(&who);
        }
    }

    fn act(&mut self, entity: Entity, at: usize, act: Act) {
        let place = &self.places[at];
        let world = self.game.app.world_mut();
        let Ok(mut it) = world.get_entity_mut(entity) else {
            panic!("{} is dead", place.name);
        };
        match act {
            Act::Clear => {
                it.clear();
            }
            Act::RemoveState => (place.remove_state)(&mut it),
            Act::RemoveId => (place.remove_id)(&mut it),
            Act::RemoveList => (place.remove_list)(&mut it),
            Act::Despawn => it.despawn(),
            Act::Clone | Act::DeepClone => {
                let clone = world.spawn_empty().id();
                EntityCloner::build_opt_out(world)
                    .linked_cloning(act == Act::DeepClone)
                    .clone_entity(entity, clone);
                self.clones.push(clone);
            }
            Act::Copy => {
                let copy = world.spawn_empty().id();
                (place.copy_state)(world, entity, copy);
                self.copies.push(copy);
            }
        }
        self.game.app.world_mut().flush();
    }

    fn frame(&mut self) {
        self.game.update();
        for asked in self.game.sent() {
            let kind = Kind::of(asked.message.as_ref().expect("a message"));
            let is_it = |place: &Place| place.leave == Some(kind);
            let at = self.places.iter().position(is_it);
            self.sent[at.unwrap_or_else(|| panic!("{kind:?} was sent"))] += 1;
            self.game.acknowledge(&asked);
        }
        self.game.update();
    }

    fn check(&mut self) {
        self.frame();
        let world = self.game.app.world();
        assert_eq!(self.sent, self.left, "each is left once");
        for (at, place) in self.places.iter().enumerate() {
            let found = (place.find)(world);
            assert_eq!(found, self.here[at], "{}", place.name);
            let Some(here) = found else { continue };
            assert!((place.is_it)(world, here), "{}", place.name);
            for who in 0..3 {
                let found = member(&self.game, here, NAMES[usize::from(who)]);
                let is_there = self.members[at].contains(&who);
                assert_eq!(found.is_some(), is_there, "{who} in {}", place.name);
                assert!(found.is_none_or(|it| is_alive(&self.game, it)));
            }
        }
        for (place, who) in &world.resource::<Players>().0 {
            let is_here = self.here.contains(&Some(*place));
            assert!(is_here, "{who} is in what the local user is out of");
        }
        let is_known = |session: &SessionId| NAMES.map(session_id).contains(session);
        let players = world.resource::<Players>().0.iter();
        let players: HashSet<_> = players.filter(|(_, who)| is_known(who)).cloned().collect();
        let there = self.here.iter().zip(&self.there);
        let there = there.flat_map(|(here, there)| {
            let names = there.iter().map(|who| session_id(NAMES[usize::from(*who)]));
            here.iter()
                .flat_map(move |here| names.clone().map(|who| (*here, who)))
        });
        assert_eq!(
            players,
            there.collect(),
            "who was told to be there is there"
        );
        for entity in self.clones.iter().chain(&self.copies) {
            let its_own = world.get_entity(*entity).expect("the game's own stay");
            assert!(!is_related(its_own), "{entity} is in something");
            let found = self
                .places
                .iter()
                .find(|it| (it.find)(world) == Some(*entity));
            assert!(
                found.is_none(),
                "a copy of the {}",
                found.expect("some").name
            );
        }
        let here = self.here.iter().flatten().count();
        assert!(
            rosters(&self.game) <= here,
            "nothing is kept of what is gone"
        );
        for clone in &self.clones {
            let found = self.places.iter().find(|it| (it.is_it)(world, *clone));
            assert!(
                found.is_none(),
                "a clone is a {}",
                found.expect("some").name
            );
            assert!(world.get::<Presence>(*clone).is_none());
        }
        // What stands for nothing is nothing to leave.
        for copy in mem::take(&mut self.copies) {
            self.game.app.world_mut().despawn(copy);
        }
        self.frame();
        assert_eq!(self.sent, self.left, "copies are not left");
        let world = self.game.app.world();
        for (at, place) in self.places.iter().enumerate() {
            assert_eq!((place.find)(world), self.here[at], "{}", place.name);
        }
    }
}

fn is_related(entity: EntityRef) -> bool {
    entity.contains::<PresentIn>()
        || entity.contains::<PartyMemberOf>()
        || entity.contains::<ChatMemberOf>()
        || entity.contains::<SessionOf>()
        || entity.contains::<StreamPresenceOf>()
        || entity.contains::<TicketOf>()
        || entity.contains::<MatchPresences>()
        || entity.contains::<PartyMembers>()
        || entity.contains::<ChatMembers>()
        || entity.contains::<UserSessions>()
        || entity.contains::<StreamPresences>()
        || entity.contains::<PartyTickets>()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_mirror_stays_right(steps in vec(step(), 1..40)) {
        let mut play = Play::new();
        for step in steps {
            play.take(step);
        }
        play.check();
    }
}
