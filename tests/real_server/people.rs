//! A closed party of four, somebody who asks to join it, a party's ticket, a room with 50 lines, 30 followed users: what is left of it when the
//! server is killed, and when somebody's line is cut.
//!
//! `PEOPLE_CUTS` is how often a line is cut, 4 if absent; every fourth cut is one that nobody hears of. `PEOPLE_KILLS` is how often the server
//! is killed, 2 if absent. The tests print a table: `--nocapture`. The one that kills the server needs `NAKAMA_COMMAND`, see
//! `schedules.rs`.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use bevy::{ecs::relationship::RelationshipTarget, prelude::*};
use bevy_nakama::{
    chat::ChatLog, connection::Network, healing::Stale, prelude::*, status::FollowedUserIndex,
};

use super::{
    common::{
        game::Game,
        history::{Kind, Rule, What, check},
        live::{Host, Live, Process, QUIET},
        scenes::fresh,
        schedule::{Fault, Stage as _, Way},
    },
    schedules::setting,
};

/// Who is who: the leader, three members, and whoever asks to join.
const LEADER: usize = 0;
const MEMBER: usize = 2;
const ASKER: usize = 4;
const FRIENDS: [usize; 4] = [0, 1, 2, 3];
const ROLES: [&str; 5] = ["leader", "member", "member", "member", "asker"];
/// How long anything may take. A server notices after 25 s that somebody is gone, and a ticket waits for 30 s after that.
const PATIENCE: Duration = Duration::from_secs(120);
const LINES: usize = 50;
const FOLLOWED: usize = 30;

/// The five of them.
struct People<H> {
    live: Live<H>,
    party: [Option<Entity>; 5],
    ticket: Option<Entity>,
    /// What the games are in besides the party, as they show it.
    room: [Entity; 5],
}

/// What a game shows of the room, and of those whom it follows.
#[derive(Debug, PartialEq, Eq)]
struct Rest {
    here: Vec<(Entity, UserId)>,
    lines: Vec<MessageId>,
    followed: Vec<(UserId, Entity)>,
    statuses: Vec<(Entity, String)>,
}

impl Rest {
    /// Whether all is the same but for who is who: a player whose line was cut left and came for the others.
    fn is_like(&self, other: &Self) -> bool {
        fn users(rest: &Rest) -> Vec<&UserId> {
            let mut users: Vec<_> = rest.here.iter().map(|(_, user)| user).collect();
            users.sort();
            users
        }
        fn texts(rest: &Rest) -> Vec<&String> {
            rest.statuses.iter().map(|(_, text)| text).collect()
        }
        users(self) == users(other)
            && texts(self) == texts(other)
            && (&self.lines, &self.followed) == (&other.lines, &other.followed)
    }
}

impl<H: Host> People<H> {
    fn new(host: H) -> Self {
        let network = Network::new().expect("a thread");
        let realm = fresh("people");
        let names = ROLES.iter().enumerate();
        let names: Vec<_> = names
            .map(|(number, role)| format!("{realm}-{role}-{number}"))
            .collect();
        let direct = NakamaServer::new(host.url(), host.key());
        let mut others = Game::on(&network);
        let strangers = (0..FOLLOWED - 3).map(|number| {
            let login = Login::device(format!("{realm}-stranger-{number}"));
            let made = others.ask::<LogIn>(|nakama| nakama.log_in(&direct, login).id());
            made.expect("an account").session.user_id().clone()
        });
        let strangers: Vec<_> = strangers.collect();
        let mut live = Live::new(host, &realm, &names, &network);
        let users = live.tape.users();
        let friends: Vec<_> = users[..FRIENDS.len()]
            .iter()
            .map(|it| UserId::from(it.as_str()))
            .collect();
        for seat in &mut live.seats {
            play_with(&mut seat.game.app, friends.clone());
            seat.game.commands(|commands| {
                commands
                    .nakama()
                    .connect_with(ConnectOptions::default().appear_online(true))
            });
        }
        let mut people = Self {
            live,
            party: [None; 5],
            ticket: None,
            room: [Entity::PLACEHOLDER; 5],
        };
        people.until("everybody is online", |people| people.are_online());
        for number in 0..ROLES.len() {
            let room = people.ask::<JoinChat>(number, |n| n.join_chat(JoinChat::room(&realm)).id());
            people.room[number] = room;
            people.ask::<UpdateStatus>(number, |n| n.set_status(Some("in a party")).id());
        }
        people.until("everybody is in the room", |people| {
            (0..ROLES.len()).all(|number| {
                let app = people.live.app(number);
                app.world()
                    .get::<ChatMembers>(people.room[number])
                    .is_some_and(|it| it.len() == 5)
            })
        });
        for line in 0..LINES {
            let who = line % ROLES.len();
            let here = people.room[who];
            let line = format!(r#"{{"text":"line {line}"}}"#);
            people.ask::<SendChatMessage>(who, |n| n.send_chat_json(here, line).id());
        }
        let followed: Vec<_> = strangers.into_iter().chain(friends[1..].to_vec()).collect();
        people.ask::<FollowUsers>(LEADER, |n| n.follow(FollowUsers::ids(followed)).id());
        people.until("50 lines and three statuses", |people| {
            let all = (0..ROLES.len()).all(|number| people.rest(number).lines.len() == LINES);
            let rest = people.rest(LEADER);
            all && rest.statuses.len() == 3 && rest.followed.len() == FOLLOWED
        });
        people
    }

    /// A party of four with a ticket, and somebody who asks.
    fn make_party(&mut self) {
        let create = CreateParty::closed(6);
        let party = self.ask::<CreateParty>(LEADER, |n| n.create_party(create).id());
        self.party[LEADER] = Some(party);
        let id = self.app(LEADER).world().get::<PartyId>(party).cloned();
        let id = id.expect("an id");
        for number in 1..ROLES.len() {
            let id = id.clone();
            let asking = self.ask::<JoinParty>(number, |n| n.join_party(id).id());
            self.party[number] = Some(asking);
        }
        self.until("a party of four, and one who asks", |people| {
            people.is_party_whole() && people.is_asking() && people.asker_in_sight().is_some()
        });
        let search = AddMatchmaker::players(40, 40);
        let added = self
            .ask::<AddPartyToMatchmaker>(LEADER, |n| n.add_party_to_matchmaker(party, search).id());
        self.ticket = Some(added);
        self.until("a ticket", |people| people.has_ticket());
    }

    fn app(&mut self, number: usize) -> &mut App {
        self.live.app(number)
    }

    /// Asks, and waits for the answer, which is a good one.
    #[track_caller]
    fn ask<R: bevy_nakama::request::Request>(
        &mut self,
        number: usize,
        ask: impl FnOnce(NakamaCommands) -> Entity,
    ) -> Entity {
        let game = &mut self.live.seats[number].game;
        let request = game.commands(|commands| ask(commands.nakama()));
        let asked = What::Asked {
            request: request.to_bits(),
            name: R::NAME,
        };
        self.live.tape.add(number, asked);
        let mark = self.live.tape.len();
        self.until(R::NAME, |people| {
            people.told(mark, number, |what| match what {
                What::Replied {
                    request: it,
                    result,
                    ..
                } if *it == request.to_bits() => {
                    result.as_ref().expect("a good answer");
                    true
                }
                _ => false,
            }) > 0
        });
        request
    }

    /// How often a game was told something since a place in the history.
    fn told(&self, mark: usize, number: usize, is_it: impl Fn(&What) -> bool) -> usize {
        let history = self.live.tape.history();
        let lines = history.lines[mark..].iter();
        lines
            .filter(|line| line.game == number && is_it(&line.what))
            .count()
    }

    /// The outcomes of re-entry of a kind, by their first word.
    fn outcomes(&self, mark: usize, kind: Kind) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for line in &self.live.tape.history().lines[mark..] {
            if let What::Reentered {
                kind: it, outcome, ..
            } = &line.what
                && *it == kind
            {
                let word = outcome.split('(').next().unwrap_or_default();
                *counts.entry(word.to_owned()).or_default() += 1;
            }
        }
        counts
    }

    #[track_caller]
    fn until(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> bool) {
        let begin = Instant::now();
        while !is_so(self) {
            assert!(
                begin.elapsed() < PATIENCE,
                "no {what}: {}",
                self.live
                    .tape
                    .history()
                    .tail(usize::MAX, None, 60)
                    .join("\n")
            );
            self.live.pass(Duration::from_millis(50));
        }
    }

    fn are_online(&mut self) -> bool {
        (0..ROLES.len()).all(|number| {
            let connection = self.app(number).world().resource::<NakamaConnection>();
            connection.is_connected()
        })
    }

    /// Whether the four see the four, and nobody twice, and the leader leads.
    fn is_party_whole(&mut self) -> bool {
        let users = self.live.tape.users();
        FRIENDS.into_iter().all(|number| {
            let Some(party) = self.party[number] else {
                return false;
            };
            let world = self.app(number).world();
            let Some(members) = world.get::<PartyMembers>(party) else {
                return false;
            };
            let mut seen = members
                .iter()
                .filter_map(|it| Some(world.get::<UserId>(it)?.to_string()))
                .collect::<Vec<_>>();
            let leads = members
                .iter()
                .find(|it| world.get::<PartyLeader>(*it).is_some());
            let leader = leads.and_then(|it| world.get::<UserId>(it));
            let is_led = leader.is_some_and(|it| it.to_string() == users[LEADER]);
            seen.sort();
            let mut expected = users[..FRIENDS.len()].to_vec();
            expected.sort();
            is_led && seen == expected && world.get::<Stale>(party).is_none()
        })
    }

    /// Whether the asker waits for the leader.
    fn is_asking(&mut self) -> bool {
        let asking = self.party[ASKER];
        let world = self.app(ASKER).world();
        asking.is_some_and(|it| world.get::<PendingApproval>(it).is_some())
    }

    /// The asker, as the leader's game has them.
    fn asker_in_sight(&mut self) -> Option<Entity> {
        Game::the::<PartyJoinRequester>(self.app(LEADER))
    }

    /// Whether the party is looked for, as all four have it: by one ticket, which the server has.
    fn has_ticket(&mut self) -> bool {
        FRIENDS.into_iter().all(|number| {
            let app = self.app(number);
            let ticket = Game::the::<MatchmakerTicket>(app);
            ticket.is_some_and(|it| app.world().get::<Stale>(it).is_none())
        })
    }

    fn rest(&mut self, number: usize) -> Rest {
        let room = self.room[number];
        let world = self.app(number).world();
        let members = world.get::<ChatMembers>(room);
        let here = members.into_iter().flat_map(ChatMembers::iter);
        let mut here: Vec<_> = here
            .filter_map(|it| Some((it, world.get::<UserId>(it)?.clone())))
            .collect();
        here.sort();
        let log = world.get::<ChatLog>(room);
        let lines = log.into_iter().flat_map(ChatLog::iter);
        let lines = lines.map(|it| it.message_id.clone()).collect();
        let index = world.resource::<FollowedUserIndex>();
        let others = index
            .iter()
            .filter(|(_, it)| world.get::<IsSelf>(*it).is_none());
        let mut followed: Vec<_> = others.map(|(id, it)| (id.clone(), it)).collect();
        followed.sort();
        let sessions = followed
            .iter()
            .filter_map(|(_, it)| world.get::<UserSessions>(*it));
        let statuses = sessions.flat_map(UserSessions::iter);
        let mut statuses: Vec<_> = statuses
            .filter_map(|it| Some((it, world.get::<UserStatus>(it)?.0.clone())))
            .collect();
        statuses.sort();
        Rest {
            here,
            lines,
            followed,
            statuses,
        }
    }

    fn everything_else(&mut self) -> Vec<Rest> {
        (0..ROLES.len()).map(|number| self.rest(number)).collect()
    }

    /// Cuts a line often. Everything has to be as before each time, or told as changed.
    fn cut(&mut self, who: usize) {
        self.make_party();
        let before = self.everything_else();
        println!("| cut | of | how | back after | parties | tickets |\n|---|---|---|---|---|---|");
        let mut lost = Vec::new();
        for number in 0..setting("PEOPLE_CUTS", 4) {
            let fault = match number % 4 {
                3 => Fault::HalfOpen(Way::Both),
                _ => Fault::Reset,
            };
            let mark = self.live.tape.len();
            let begin = Instant::now();
            self.live.line(who, fault);
            self.until("loss", |people| {
                people.told(mark, who, |what| *what == What::ConnectionLost) > 0
            });
            self.until("party, asker and ticket as before", |people| {
                people.are_online()
                    && people.is_party_whole()
                    && people.is_asking()
                    && people.has_ticket()
            });
            let (parties, tickets) = (
                self.outcomes(mark, Kind::Party),
                self.outcomes(mark, Kind::Ticket),
            );
            println!(
                "| {number} | {} | {fault:?} | {:.1} s | {parties:?} | {tickets:?} |",
                ROLES[who],
                begin.elapsed().as_secs_f64(),
            );
            if parties.contains_key("Lost") || tickets.contains_key("Lost") {
                lost.push(number);
            }
            self.live.pass(Duration::from_secs(6));
        }
        self.until("the rest as before", |people| {
            let now = people.everything_else();
            let mut pairs = now.iter().zip(&before).enumerate();
            pairs.all(|(number, (now, before))| {
                now == before || number != who && now.is_like(before)
            })
        });
        assert!(lost.is_empty(), "lost in {lost:?}");
    }

    /// Nothing was told that is not so.
    fn judge(mut self) {
        self.live.become_quiet(QUIET);
        let mirrors = self.live.seats.iter_mut();
        let mirrors = mirrors.map(|seat| super::common::history::read_mirror(&mut seat.game.app));
        self.live.tape.quiet(mirrors.collect(), None);
        let mut found = check(&self.live.tape.history());
        // What the games asked for by themselves, and what they said in the room, is in no history.
        found.retain(|it| !matches!(it.rule, Rule::OneOutcome | Rule::NothingOld));
        let words: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert!(words.is_empty(), "{}", words.join("\n"));
    }
}

/// What the game does by itself: friends may always come in, and whoever leads in place of the first leader gives the lead back.
fn play_with(app: &mut App, friends: Vec<UserId>) {
    let known = friends.clone();
    app.add_observer(
        move |asks: On<Add, PartyJoinRequester>, users: Query<&UserId>, mut commands: Commands| {
            if users.get(asks.entity).is_ok_and(|it| known.contains(it)) {
                commands
                    .nakama()
                    .accept_party_join(asks.entity)
                    .observe(|_: On<Replied<AcceptPartyJoin>>| {});
            }
        },
    );
    let leader = friends[LEADER].clone();
    let gives_back =
        move |own: Query<(), (With<PartyLeader>, With<IsSelf>)>,
              others: Query<(Entity, &UserId), (With<PartyMemberOf>, Without<IsSelf>)>,
              time: Res<Time<Real>>,
              mut next: Local<Duration>,
              mut commands: Commands| {
            let first = others.iter().find(|(_, user)| **user == leader);
            let (Some((first, _)), false) = (first, own.is_empty()) else {
                return;
            };
            if time.elapsed() >= *next {
                *next = time.elapsed() + Duration::from_secs(1);
                commands
                    .nakama()
                    .promote_party_member(first)
                    .observe(|_: On<Replied<PromotePartyMember>>| {});
            }
        };
    app.add_systems(Update, gives_back);
}

#[test]
#[ignore = "needs a Nakama server"]
fn a_party_outlives_cuts_of_its_leaders_line() {
    let mut people = People::new(Process::that_runs());
    people.cut(LEADER);
    people.judge();
}

#[test]
#[ignore = "needs a Nakama server"]
fn a_party_outlives_cuts_of_a_members_line() {
    let mut people = People::new(Process::that_runs());
    people.cut(MEMBER);
    people.judge();
}

/// In the end the leader accepts, and whoever asked is in.
#[test]
#[ignore = "needs a Nakama server"]
fn whoever_asks_still_asks_after_cuts_of_their_line() {
    let mut people = People::new(Process::that_runs());
    people.cut(ASKER);
    let begin = Instant::now();
    people.until("the asker in sight", |people| {
        people.asker_in_sight().is_some()
    });
    let asker = people.asker_in_sight().expect("seen above");
    people.live.seats[LEADER].game.commands(|commands| {
        commands
            .nakama()
            .accept_party_join(asker)
            .observe(|_: On<Replied<AcceptPartyJoin>>| {});
    });
    people.until("the asker in the party", |people| {
        let party = people.party[ASKER].expect("asked above");
        let members = people.app(ASKER).world().get::<PartyMembers>(party);
        members.is_some_and(|it| it.len() == 5)
    });
    println!("accepted: in after {:.1} s", begin.elapsed().as_secs_f64());
    people.judge();
}

#[test]
#[ignore = "needs to run a Nakama server itself"]
fn what_dies_with_the_server_is_told_and_the_rest_comes_back() {
    let mut people = People::new(Process::of_this_test());
    let before = people.everything_else();
    println!("| kill | all back after | parties | tickets | rest |\n|---|---|---|---|---|");
    for number in 0..setting("PEOPLE_KILLS", 2) {
        people.make_party();
        let mark = people.live.tape.len();
        people.live.server_dies();
        people.live.pass(Duration::from_secs(2));
        people.live.server_starts();
        let begin = Instant::now();
        people.until("everybody back, and the party lost", |people| {
            let lost = |kind| people.outcomes(mark, kind).get("Lost").copied();
            let are_lost = (lost(Kind::Party), lost(Kind::Ticket)) == (Some(5), Some(4));
            are_lost && people.are_online() && people.everything_else() == before
        });
        println!(
            "| {number} | {:.1} s | {:?} | {:?} | as before |",
            begin.elapsed().as_secs_f64(),
            people.outcomes(mark, Kind::Party),
            people.outcomes(mark, Kind::Ticket),
        );
        let why = people.live.tape.history();
        let why = why.lines[mark..]
            .iter()
            .filter_map(|line| match &line.what {
                What::Reentered { kind, outcome, .. } if outcome.starts_with("Lost") => {
                    Some(format!("{} {kind:?}: {outcome}", ROLES[line.game]))
                }
                _ => None,
            });
        why.for_each(|words| println!("    {words}"));
        people.live.pass(Duration::from_secs(6));
    }
}
