//! Scenarios 26, 27 and 30 on a real server: tickets and follows of Ada, whose line breaks. Bob's does not.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use bevy::prelude::*;
use bevy_nakama::{
    chaos::{ChaosProxy, Rule},
    connection::NakamaConnection,
    healing::{ConnectionLost, Reentered, ReentryOutcome, Stale},
    matchmaker::{HoldReason, MatchmakerTicket, TicketOnHold},
    prelude::*,
    presence::TicketId,
    status::UserStatus,
};

use super::{address, fresh, server, server_key};
use crate::common::{game::Game, log::Log, raw_client};

struct Stage {
    proxy: ChaosProxy,
    ada: Game,
    bob: Game,
    ada_heard: Log,
    bob_heard: Log,
    /// So that nobody else is matched with them.
    mode: String,
}

impl Stage {
    fn new() -> Self {
        let url = std::env::var("NAKAMA_URL").expect("set NAKAMA_URL");
        let proxy = ChaosProxy::start(&url).expect("a proxy");
        let through = NakamaServer::new(proxy.url(), server_key());
        let game = |server: &NakamaServer, name: &str| {
            let login = Login::device(fresh(&format!("device-of-{name}"))).username(fresh(name));
            let mut game = Game::online(server, login);
            let heard = listen(&mut game);
            (game, heard)
        };
        let (ada, ada_heard) = game(&through, "ada");
        let (bob, bob_heard) = game(&server(), "bob");
        Self {
            proxy,
            ada,
            bob,
            ada_heard,
            bob_heard,
            mode: fresh("mode").replace('-', ""),
        }
    }

    #[track_caller]
    fn until<T>(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> Option<T>) -> T {
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(60) {
            self.ada.app.update();
            self.bob.app.update();
            if let Some(found) = is_so(self) {
                return found;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!(
            "no {what} within 60 s; ada {:?}; bob {:?}; {:?}",
            self.ada_heard.take(),
            self.bob_heard.take(),
            self.ada.app.world().resource::<NakamaConnection>()
        );
    }

    #[track_caller]
    fn until_ada_is_back(&mut self) {
        let world = |stage: &Self| {
            let connection = stage.ada.app.world().resource::<NakamaConnection>();
            connection.state()
        };
        self.until("loss", |stage| {
            (world(stage) == ConnectionState::Reconnecting).then_some(())
        });
        self.until("return", |stage| {
            (world(stage) == ConnectionState::Connected).then_some(())
        });
    }

    fn wish(&self, players: u32) -> AddMatchmaker {
        let mode = &self.mode;
        AddMatchmaker::players(players, players)
            .query(format!("+properties.mode:{mode}"))
            .string_property("mode", mode)
    }

    /// A party that Bob or Ada leads, with a ticket: both tickets.
    #[track_caller]
    fn party_with_ticket(&mut self, ada_leads: bool) -> [Entity; 2] {
        let wish = self.wish(3);
        let (leader, other) = if ada_leads {
            (&mut self.ada, &mut self.bob)
        } else {
            (&mut self.bob, &mut self.ada)
        };
        let create = CreateParty::open(4);
        let party = leader
            .ask::<CreateParty>(|nakama| nakama.create_party(create).id())
            .expect("a party")
            .entity;
        let id = leader.app.world().get::<PartyId>(party).expect("an id");
        let id = id.clone();
        other
            .ask::<JoinParty>(|nakama| nakama.join_party(id).id())
            .expect("the party");
        self.until("party of two", |stage| {
            let count = |game: &mut Game| {
                let party = Game::the::<Party>(&mut game.app)?;
                Some(game.app.world().get::<PartyMembers>(party)?.len())
            };
            let counts = [count(&mut stage.ada), count(&mut stage.bob)];
            (counts == [Some(2); 2]).then_some(())
        });
        let leader = if ada_leads {
            &mut self.ada
        } else {
            &mut self.bob
        };
        leader
            .ask::<AddPartyToMatchmaker>(|nakama| nakama.add_party_to_matchmaker(party, wish).id())
            .expect("a ticket");
        self.until("ticket of both", |stage| {
            let ada = Game::the::<MatchmakerTicket>(&mut stage.ada.app)?;
            let bob = Game::the::<MatchmakerTicket>(&mut stage.bob.app)?;
            Some([ada, bob])
        })
    }

    /// Both have the same ticket, which is another one than before, and heard once that it changed.
    #[track_caller]
    fn until_both_have_a_new_ticket(&mut self, tickets: [Entity; 2], before: &Option<TicketId>) {
        let now = self.until("new ticket of both", |stage| {
            let ada = id(&stage.ada, tickets[0]);
            (ada == id(&stage.bob, tickets[1]) && ada != *before).then_some(ada)
        });
        assert!(now.is_some());
        assert_eq!(self.ada_heard.take(), ["Changed"]);
        assert_eq!(self.bob_heard.take(), ["Changed"]);
    }

    #[track_caller]
    fn are_matched_with_cat(&mut self) {
        let mut cat = Game::online(&server(), Login::device(fresh("device-of-cat")));
        let wish = self.wish(3);
        cat.ask::<AddMatchmaker>(|nakama| nakama.add_matchmaker(wish).id())
            .expect("a ticket");
        self.until("match of three", |stage| {
            cat.app.update();
            (stage.ada_heard.take() == ["matched with 2 others"]).then_some(())
        });
        self.until("match of three", |stage| {
            (stage.bob_heard.take() == ["matched with 2 others"]).then_some(())
        });
    }
}

fn listen(game: &mut Game) -> Log {
    let log = Log::default();
    let to = log.clone();
    game.app.add_observer(
        move |back: On<Reentered<MatchmakerTicket>>| match &back.outcome {
            ReentryOutcome::Lost(reason) => to.add(format!("lost: {reason}")),
            outcome => to.add(format!("{outcome:?}")),
        },
    );
    let to = log.clone();
    game.app.add_observer(
        move |matched: On<MatchmakerMatched>, connection: Res<NakamaConnection>| {
            let (me, _) = connection.user().expect("a user");
            let users = matched.users.iter();
            let others: BTreeSet<_> = users
                .map(|user| user.presence.user_id.clone())
                .filter(|user| user != me)
                .collect();
            assert_eq!(others.len(), matched.users.len() - 1, "each user once");
            to.add(format!("matched with {} others", others.len()));
        },
    );
    log
}

fn id(game: &Game, ticket: Entity) -> Option<TicketId> {
    game.app.world().get::<TicketId>(ticket).cloned()
}

fn on_hold(game: &Game, ticket: Entity) -> Option<HoldReason> {
    let world = game.app.world();
    world.get::<TicketOnHold>(ticket).map(|it| it.why)
}

#[test]
#[ignore = "needs a Nakama server"]
fn scenario_26_and_27_a_ghost_is_matched_in_ada_s_place_and_never_with_her() {
    let mut stage = Stage::new();
    // One ticket is matched meanwhile. The other is for a kind of match that nobody else wants.
    let mut other = Stage::wish(&stage, 2);
    other.query = format!("+properties.mode:{}other", stage.mode);
    let mode = format!("{}other", stage.mode);
    let wishes = [stage.wish(2), other.string_property("mode", mode)];
    let tickets = wishes.clone().map(|wish| {
        let added = stage
            .ada
            .ask::<AddMatchmaker>(|nakama| nakama.add_matchmaker(wish).id());
        added.expect("a ticket").entity
    });
    let before = tickets.map(|ticket| id(&stage.ada, ticket));
    stage.proxy.add(Rule::half_open().for_open_connections());
    let cut = Instant::now();
    let [of_two, of_nobody] = wishes;
    let again = of_two.clone();
    stage
        .bob
        .ask::<AddMatchmaker>(|nakama| nakama.add_matchmaker(of_two).id())
        .expect("a ticket");
    stage.until("match with her ghost", |stage| {
        (stage.bob_heard.take() == ["matched with 1 others"]).then_some(())
    });
    stage.until_ada_is_back();
    assert_eq!(stage.ada_heard.take(), [""; 0], "nothing is pretended");
    let held = tickets.map(|ticket| on_hold(&stage.ada, ticket));
    println!("back {:?} after the cut; {held:?}", cut.elapsed());
    // The game does not wait, and its new ticket is matched with that of its ghost: this one is dropped, too.
    let third = stage
        .ada
        .ask::<AddMatchmaker>(|nakama| nakama.add_matchmaker(of_nobody).id())
        .expect("a ticket")
        .entity;
    let mut told = Vec::new();
    stage.until("tickets", |stage| {
        told.extend(stage.ada_heard.take());
        let all = [tickets[0], tickets[1], third];
        (told.len() >= 3 && all.iter().all(|it| on_hold(&stage.ada, *it).is_none())).then_some(())
    });
    println!("added again {:?} after the cut: {told:?}", cut.elapsed());
    assert!(told.iter().all(|it| it == "Changed"), "{told:?}");
    let now = tickets.map(|ticket| id(&stage.ada, ticket));
    assert!(now.iter().zip(&before).all(|(now, before)| now != before));
    stage
        .bob
        .ask::<AddMatchmaker>(|nakama| nakama.add_matchmaker(again).id())
        .expect("a ticket");
    stage.until("match of two", |stage| {
        let heard = stage.ada_heard.take();
        heard
            .contains(&"matched with 1 others".to_owned())
            .then_some(())
    });
}

#[test]
#[ignore = "needs a Nakama server"]
fn scenario_26_a_member_s_line_breaks_and_the_party_has_its_ticket_again() {
    let mut stage = Stage::new();
    let tickets = stage.party_with_ticket(false);
    for _ in 0..5 {
        let before = id(&stage.bob, tickets[1]);
        let cut = Instant::now();
        stage.proxy.add(Rule::reset().for_open_connections());
        stage.until_ada_is_back();
        stage.until_both_have_a_new_ticket(tickets, &before);
        println!("the ticket is there {:?} after the cut", cut.elapsed());
    }
    stage.are_matched_with_cat();
}

#[test]
#[ignore = "needs a Nakama server"]
fn scenario_26_a_member_s_line_is_silent_and_the_ticket_comes_when_the_ghost_is_gone() {
    let mut stage = Stage::new();
    let tickets = stage.party_with_ticket(false);
    let before = id(&stage.bob, tickets[1]);
    let cut = Instant::now();
    stage.proxy.add(Rule::half_open().for_open_connections());
    stage.until_ada_is_back();
    println!("back {:?} after the cut", cut.elapsed());
    stage.until_both_have_a_new_ticket(tickets, &before);
    println!("the ticket is there {:?} after the cut", cut.elapsed());
    stage.are_matched_with_cat();
}

#[test]
#[ignore = "needs a Nakama server"]
fn scenario_26_the_leader_s_line_breaks_and_whoever_gets_the_lead_hands_it_back() {
    let mut stage = Stage::new();
    let tickets = stage.party_with_ticket(true);
    stage.bob.app.add_observer(
        move |joined: On<Joined<Party>>, names: Query<&Username>, mut commands: Commands| {
            if names
                .get(joined.presence)
                .is_ok_and(|name| name.as_str().starts_with("ada"))
            {
                commands.nakama().promote_party_member(joined.presence);
            }
        },
    );
    for _ in 0..5 {
        let before = id(&stage.bob, tickets[1]);
        stage.proxy.add(Rule::reset().for_open_connections());
        stage.until_ada_is_back();
        stage.until_both_have_a_new_ticket(tickets, &before);
    }
    stage.are_matched_with_cat();
}

#[test]
#[ignore = "needs a Nakama server"]
fn scenario_30_all_are_followed_again_and_followers_see_no_other_status() {
    for count in [0, 1, 200] {
        for silent in [false, true] {
            follows_again(count, silent);
        }
    }
}

fn user_of(game: &Game) -> UserId {
    let connection = game.app.world().resource::<NakamaConnection>();
    connection.user().expect("a user").0.clone()
}

fn follow(game: &mut Game, users: Vec<UserId>) {
    game.ask::<FollowUsers>(|nakama| nakama.follow(FollowUsers::ids(users)).id())
        .expect("they are followed");
}

fn set_status(game: &mut Game, status: &str) {
    game.ask::<UpdateStatus>(|nakama| nakama.set_status(Some(status)).id())
        .expect("it is shown");
}

/// All followed users, and all sessions of theirs, as entities.
fn followed(game: &mut Game) -> (Vec<Entity>, Vec<Entity>) {
    let world = game.app.world_mut();
    let mut users = world.query_filtered::<Entity, With<FollowedUser>>();
    let mut users: Vec<_> = users.iter(world).collect();
    users.sort();
    let mut sessions = world.query_filtered::<Entity, With<SessionOf>>();
    let mut sessions: Vec<_> = sessions.iter(world).collect();
    sessions.sort();
    (users, sessions)
}

fn follows_again(count: usize, silent: bool) {
    let mut stage = Stage::new();
    set_status(&mut stage.bob, "at home");
    set_status(&mut stage.ada, "in the arena");
    if count > 0 {
        let mut users = vec![user_of(&stage.bob)];
        for _ in 1..count {
            let (token, _) = raw_client::log_in(address(), &fresh("friend"));
            let session = NakamaSession::restore(&token, None).expect("a token");
            users.push(session.user_id().clone());
        }
        follow(&mut stage.ada, users);
    }
    let ada = user_of(&stage.ada);
    follow(&mut stage.bob, vec![ada]);
    stage.until("all", |stage| {
        (followed(&mut stage.ada).0.len() == count + 1).then_some(())
    });
    let before = followed(&mut stage.ada);
    let lost = Log::default();
    let to = lost.clone();
    let app = &mut stage.ada.app;
    app.add_observer(move |_: On<ConnectionLost>| to.add("lost"));
    let news = Log::default();
    let to = news.clone();
    app.add_observer(move |_: On<Joined<FollowedUser>>| to.add("joined"));
    let to = news.clone();
    app.add_observer(move |_: On<Left<FollowedUser>>| to.add("left"));
    let shown = Log::default();
    let to = shown.clone();
    let app = &mut stage.bob.app;
    app.add_observer(
        move |status: On<Insert, UserStatus>, all: Query<&UserStatus>| {
            if let Ok(status) = all.get(status.entity) {
                to.add(format!("shows {}", status.0));
            }
        },
    );
    let to = shown.clone();
    app.add_observer(move |_: On<Left<FollowedUser>>| to.add("goes"));

    let rule = if silent {
        Rule::half_open()
    } else {
        Rule::reset()
    };
    stage.proxy.add(rule.for_open_connections());
    let cut = Instant::now();
    stage.until_ada_is_back();
    let back = cut.elapsed();
    let mut seen = Vec::new();
    stage.until("the old session to go", |_| {
        seen.extend(shown.take());
        (seen.len() == 2).then_some(())
    });
    println!("{count} users, silent {silent}: back after {back:?}, bob saw {seen:?}");
    // With a silent line, she was never offline for him. Without, she was, for the moment that she was.
    assert!(seen.contains(&"goes".to_owned()), "{seen:?}");
    assert!(seen.contains(&"shows in the arena".to_owned()), "{seen:?}");
    if silent {
        assert_eq!(seen[1], "goes");
    }
    stage.until("nobody to be stale", |stage| {
        let world = stage.ada.app.world_mut();
        let mut stale = world.query_filtered::<(), With<Stale>>();
        stale.iter(world).next().is_none().then_some(())
    });
    assert_eq!(followed(&mut stage.ada), before);
    assert_eq!(news.take(), [""; 0]);
    assert_eq!(lost.take(), ["lost"]);
    if count > 0 {
        set_status(&mut stage.bob, "away");
        stage.until("his new status", |stage| {
            let world = stage.ada.app.world_mut();
            let mut all = world.query::<&UserStatus>();
            all.iter(world).any(|it| it.0 == "away").then_some(())
        });
    }
}
