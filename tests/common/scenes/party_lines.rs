//! Scenarios 24 and 25: members, a leader and an asker of a party lose their lines. Each of them plays through a proxy of their own.

use std::{
    thread,
    time::{Duration, Instant},
};

use bevy::prelude::*;
use bevy_nakama::{
    chaos::{ChaosProxy, Rule},
    healing::{ConnectionLost, LoginNeeded, Reentered, ReentryOutcome},
    party::*,
    prelude::*,
    proto::PartyLayout,
    request::Request,
};

use super::fresh;
use crate::common::{game::Game, log::Log};

const PATIENCE: Duration = Duration::from_secs(60);

/// A player, and their party.
struct Person {
    proxy: ChaosProxy,
    game: Game,
    heard: Log,
    party: Entity,
}

/// Lea leads, the others have joined.
pub(crate) struct PartyLines {
    everybody: Vec<Person>,
    id: PartyId,
}

/// Who is who.
const LEA: usize = 0;
const MO: usize = 1;
const CY: usize = 2;
const NAMES: [&str; 3] = ["lea", "mo", "cy"];

impl Person {
    fn new(server: &NakamaServer, name: &str) -> Self {
        let proxy = ChaosProxy::start(server.url()).expect("a proxy");
        // The tests of real servers take it from there, too.
        let key = std::env::var("NAKAMA_KEY").unwrap_or_else(|_| "defaultkey".into());
        let through = NakamaServer::new(proxy.url(), key);
        let name = fresh(name);
        let login = Login::device(format!("device-of-{name}")).username(name);
        let mut game = Game::online(&through, login.clone());
        // A server that was started again may know nobody's token.
        game.app.add_observer(
            move |_: On<LoginNeeded>, mut commands: Commands| -> Result {
                commands.nakama().log_in(&through, login.clone());
                Ok(())
            },
        );
        let heard = listen(&mut game);
        Self {
            proxy,
            game,
            heard,
            party: Entity::PLACEHOLDER,
        }
    }

    fn world(&self) -> &World {
        self.game.app.world()
    }

    fn state(&self) -> Option<&Party> {
        self.world().get::<Party>(self.party)
    }

    /// Names and entities of the members, in their order.
    fn members(&self) -> Vec<(String, Entity)> {
        let members = self.world().get::<PartyMembers>(self.party);
        let members = members.into_iter().flat_map(|members| members.iter());
        members
            .map(|member| (self.name_of(member), member))
            .collect()
    }

    fn names(&self) -> Vec<String> {
        let members = self.members().into_iter();
        members.map(|(name, _)| name).collect()
    }

    fn leader(&self) -> Option<String> {
        let mut members = self.members().into_iter();
        let is_leader = |member| self.world().get::<PartyLeader>(member).is_some();
        let found = members.find(|(_, member)| is_leader(*member));
        found.map(|(name, _)| name)
    }

    fn name_of(&self, entity: Entity) -> String {
        let name = self.world().get::<Username>(entity);
        short(name.expect("a name").as_str())
    }

    /// Who asks to join, as the game sees it.
    fn asker(&mut self) -> Option<Entity> {
        Game::the::<PartyJoinRequester>(&mut self.game.app)
    }

    fn ghosts(&self) -> usize {
        let index = self.world().resource::<PresenceIndex>();
        index.own_ghosts(self.party)
    }

    fn is_pending(&self) -> bool {
        self.world().get::<PendingApproval>(self.party).is_some()
    }

    /// The line breaks, and the server knows.
    fn line_breaks(&self) {
        self.proxy.add(Rule::reset().for_open_connections());
    }

    /// The line is dead in both directions, and the server does not know.
    fn line_dies(&self) {
        self.proxy.add(Rule::half_open().for_open_connections());
    }

    /// The line breaks, and the player cannot come back before [`may_come_back`](Self::may_come_back).
    fn goes_away(&self) {
        self.proxy.stop_listening().expect("it stops");
        self.line_breaks();
    }

    fn may_come_back(&mut self) {
        self.proxy.listen_again().expect("it listens");
        self.game
            .commands(|commands| commands.nakama().network_is_back());
    }
}

/// The name that the test has given.
fn short(name: &str) -> String {
    name.split('-').next().unwrap_or_default().to_owned()
}

fn listen(game: &mut Game) -> Log {
    let log = Log::default();
    let to = log.clone();
    game.app
        .add_observer(move |_: On<ConnectionLost>| to.add("lost"));
    let to = log.clone();
    game.app
        .add_observer(move |on: On<Connected>| to.add(if on.resumed { "resumed" } else { "new" }));
    let to = log.clone();
    game.app
        .add_observer(move |end: On<Disconnected>| to.add(format!("ended: {}", end.reason)));
    let to = log.clone();
    game.app
        .add_observer(move |back: On<Reentered<Party>>| match &back.outcome {
            ReentryOutcome::Lost(reason) => to.add(format!("party lost: {reason}")),
            outcome => to.add(format!("{outcome:?}")),
        });
    let to = log.clone();
    game.app
        .add_observer(move |joined: On<Joined<Party>>, names: Query<&Username>| {
            let name = names.get(joined.presence).expect("a name");
            to.add(format!("+{}", short(name.as_str())));
        });
    let to = log.clone();
    game.app.add_observer(move |left: On<Left<Party>>| {
        to.add(format!("-{}", short(left.info.username.as_str())))
    });
    let to = log.clone();
    game.app.add_observer(
        move |asks: On<Add, PartyJoinRequester>, names: Query<&Username>| {
            let name = names.get(asks.entity).expect("a name");
            to.add(format!("{} asks", short(name.as_str())));
        },
    );
    log
}

impl PartyLines {
    /// Lea creates a party, and Mo is in it.
    fn new(server: &NakamaServer, request: CreateParty) -> Self {
        let mut lea = Person::new(server, NAMES[LEA]);
        let created = lea
            .game
            .ask::<CreateParty>(|nakama| nakama.create_party(request).id());
        lea.party = created.expect("a party").entity;
        let id = lea
            .world()
            .get::<PartyId>(lea.party)
            .expect("an id")
            .clone();
        let mut lines = Self {
            everybody: vec![lea],
            id,
        };
        lines.comes(server, MO);
        lines.until("mo is in", |all| {
            if let Some(asker) = all[LEA].asker() {
                accept(&mut all[LEA], asker);
            }
            let are_two = |person: &Person| person.names().len() == 2;
            all.iter().all(are_two).then_some(())
        });
        lines.forget_what_was_heard();
        lines
    }

    /// Somebody comes, and asks to join.
    fn comes(&mut self, server: &NakamaServer, who: usize) {
        let mut person = Person::new(server, NAMES[who]);
        let id = self.id.clone();
        let asked = person
            .game
            .ask::<JoinParty>(|nakama| nakama.join_party(id).id());
        person.party = asked.expect("the server takes it").entity;
        self.everybody.push(person);
    }

    fn forget_what_was_heard(&self) {
        for person in &self.everybody {
            person.heard.take();
        }
    }

    #[track_caller]
    fn until<T>(&mut self, what: &str, mut is_so: impl FnMut(&mut Vec<Person>) -> Option<T>) -> T {
        let begin = Instant::now();
        loop {
            for person in &mut self.everybody {
                person.game.app.update();
            }
            if let Some(found) = is_so(&mut self.everybody) {
                return found;
            }
            if begin.elapsed() > PATIENCE {
                let mut told = String::new();
                for (name, person) in NAMES.iter().zip(&self.everybody) {
                    let (heard, members) = (person.heard.take(), person.names());
                    told += &format!("\n{name} has heard {heard:?}, and sees {members:?}");
                }
                panic!("{what} did not happen{told}");
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Until somebody hears this. Returns what they have heard.
    #[track_caller]
    fn until_heard(&mut self, who: usize, line: &str) -> Vec<String> {
        let mut heard = Vec::new();
        self.until(line, |all| {
            heard.extend(all[who].heard.take());
            heard.iter().any(|it| it == line).then_some(())
        });
        heard
    }

    /// Runs frames for so long.
    fn play_for(&mut self, time: Duration) {
        let begin = Instant::now();
        self.until("the end of a pause", |_| {
            (begin.elapsed() >= time).then_some(())
        });
    }

    /// Everybody sees these members in this order, and this leader.
    #[track_caller]
    fn until_everybody_sees(&mut self, members: &[&str], leader: &str) {
        self.until(&format!("{members:?}, led by {leader}"), |all| {
            let sees = |person: &Person| {
                person.names() == members && person.leader().as_deref() == Some(leader)
            };
            all.iter().all(sees).then_some(())
        });
    }

    /// The entities of everybody's members, as everybody sees them.
    fn entities(&self) -> Vec<Vec<(String, Entity)>> {
        let entities = self.everybody.iter().map(|person| {
            let mut members = person.members();
            members.sort();
            members
        });
        entities.collect()
    }

    fn request<R: Request<Reply: Clone>>(
        &mut self,
        who: usize,
        ask: impl FnOnce(NakamaCommands, Entity) -> Entity,
    ) -> Result<R::Reply, RequestError<R::Refusal>> {
        let person = &mut self.everybody[who];
        let party = person.party;
        person.game.ask::<R>(|nakama| ask(nakama, party))
    }
}

/// Accepts somebody, without waiting for the answer.
fn accept(leader: &mut Person, asker: Entity) {
    leader.game.commands(|commands| {
        commands
            .nakama()
            .accept_party_join(asker)
            .observe(|_: On<Replied<AcceptPartyJoin>>| {});
    });
}

/// A member of an open party is in it again, and nobody becomes somebody else.
pub(crate) fn a_member_of_an_open_party(server: &NakamaServer) {
    let mut lines = PartyLines::new(server, CreateParty::open(8));
    lines.comes(server, CY);
    lines.until_everybody_sees(&["lea", "mo", "cy"], "lea");
    lines.forget_what_was_heard();
    let before = lines.entities();
    lines.everybody[MO].line_breaks();
    let mut heard = Vec::new();
    lines.until("mo is back", |all| {
        heard.extend(all[MO].heard.take());
        (heard.len() >= 3).then_some(())
    });
    heard.sort(); // on a busy machine, the party comes after more than a second
    assert_eq!(heard, ["Restored", "lost", "resumed"]);
    // The server has put him behind the others.
    lines.until_everybody_sees(&["lea", "cy", "mo"], "lea");
    assert_eq!(lines.entities()[MO], before[MO]);
    for other in [LEA, CY] {
        let mut heard = lines.everybody[other].heard.take();
        heard.sort();
        assert_eq!(heard, ["+mo", "-mo"]);
    }
}

/// The leader of an open party is really gone for a moment, and the next one leads.
pub(crate) fn a_leader_of_an_open_party(server: &NakamaServer) {
    let mut lines = PartyLines::new(server, CreateParty::open(8));
    let before = lines.entities();
    lines.everybody[LEA].line_breaks();
    let mut heard = Vec::new();
    lines.until("lea is back", |all| {
        heard.extend(all[LEA].heard.take());
        (heard.len() >= 3).then_some(())
    });
    heard.sort();
    assert_eq!(heard, ["Changed", "lost", "resumed"]);
    lines.until_everybody_sees(&["mo", "lea"], "mo");
    assert_eq!(lines.entities()[LEA], before[LEA]);
    let refused = lines.request::<CloseParty>(LEA, |nakama, party| nakama.close_party(party).id());
    assert!(
        matches!(
            refused,
            Err(RequestError::Refused(PartyRefusal::NotLeader(_)))
        ),
        "{refused:?}"
    );
}

/// The leader comes back, and their own old session leads until the server drops it (N3).
pub(crate) fn a_leader_behind_their_own_ghost(server: &NakamaServer) {
    let mut lines = PartyLines::new(server, CreateParty::open(8));
    let before = lines.entities();
    lines.everybody[LEA].line_dies();
    let mut heard = Vec::new();
    lines.until("lea is back", |all| {
        heard.extend(all[LEA].heard.take());
        (heard.len() >= 3).then_some(())
    });
    heard.sort();
    assert_eq!(heard, ["Changed", "lost", "resumed"]);
    assert_eq!(lines.everybody[LEA].ghosts(), 1);
    assert_eq!(lines.everybody[LEA].leader(), None);
    assert_eq!(lines.everybody[LEA].names(), ["mo", "lea"]);
    assert_eq!(lines.entities()[LEA], before[LEA]);
    let refused = lines.request::<CloseParty>(LEA, |nakama, party| nakama.close_party(party).id());
    assert!(
        matches!(
            refused,
            Err(RequestError::Refused(PartyRefusal::GhostLeads(_)))
        ),
        "{refused:?}"
    );
    lines.until("the end of the ghost", |all| {
        (all[LEA].ghosts() == 0).then_some(())
    });
    lines.until("mo leads", |all| {
        let leads = |person: &Person| person.leader().as_deref() == Some("mo");
        all.iter().all(leads).then_some(())
    });
    assert_eq!(lines.everybody[LEA].heard.take(), [""; 0]);
    let refused = lines.request::<CloseParty>(LEA, |nakama, party| nakama.close_party(party).id());
    assert!(
        matches!(
            refused,
            Err(RequestError::Refused(PartyRefusal::NotLeader(_)))
        ),
        "{refused:?}"
    );
    let closed = lines.request::<CloseParty>(MO, |nakama, party| nakama.close_party(party).id());
    closed.expect("mo leads");
    lines.until("the end of the party", |all| {
        all.iter().all(|it| it.state().is_none()).then_some(())
    });
}

/// A member of a closed party has to be accepted again.
pub(crate) fn a_member_of_a_closed_party(server: &NakamaServer) {
    let mut lines = PartyLines::new(server, CreateParty::closed(8));
    let before = lines.entities();
    lines.everybody[MO].line_breaks();
    let heard = lines.until_heard(MO, "resumed");
    assert_eq!(heard, ["lost", "resumed"], "it waits for nobody");
    assert!(lines.everybody[MO].is_pending());
    let asker = lines.until("mo asks", |all| all[LEA].asker());
    accept(&mut lines.everybody[LEA], asker);
    assert_eq!(lines.until_heard(MO, "Restored"), ["Restored"]);
    assert!(!lines.everybody[MO].is_pending());
    assert_eq!(lines.entities()[MO], before[MO]);
    lines.until_everybody_sees(&["lea", "mo"], "lea");
}

/// The leader of a closed party asks the next leader. That one sees everybody who asks, also from before.
pub(crate) fn a_leader_of_a_closed_party(server: &NakamaServer) {
    let mut lines = PartyLines::new(server, CreateParty::closed(8));
    lines.comes(server, CY);
    lines.until_heard(LEA, "cy asks");
    let before = lines.entities();
    lines.everybody[LEA].line_breaks();
    let heard = lines.until_heard(LEA, "resumed");
    assert_eq!(heard, ["lost", "resumed"]);
    let mut heard = Vec::new();
    lines.until("both ask mo", |all| {
        heard.extend(all[MO].heard.take());
        let asks = ["cy asks", "lea asks"];
        asks.iter()
            .all(|line| heard.iter().any(|it| it == line))
            .then_some(())
    });
    let mo = &mut lines.everybody[MO];
    let askers = mo.world().get::<PartyJoinRequests>(mo.party);
    let askers: Vec<_> = askers.expect("askers").iter().collect();
    for asker in askers {
        accept(mo, asker);
    }
    assert_eq!(
        lines.until_heard(LEA, "Changed").last().map(String::as_str),
        Some("Changed")
    );
    lines.until_everybody_sees(&["mo", "cy", "lea"], "mo");
    let entities = |of: &[Vec<(String, Entity)>]| {
        let mut of = of[LEA].clone();
        of.retain(|(name, _)| name != "cy");
        of
    };
    assert_eq!(entities(&lines.entities()), entities(&before));
}

/// Somebody asks, and their line breaks before the leader accepts: the request is dead, and in their way (N1). `dies`: the server does not
/// notice, and lets the dead line in.
pub(crate) fn an_asker(server: &NakamaServer, dies: bool) {
    let mut lines = PartyLines::new(server, CreateParty::closed(8));
    lines.comes(server, CY);
    lines.until_heard(LEA, "cy asks");
    let asks = lines.everybody[CY].party;
    if dies {
        lines.everybody[CY].line_dies();
    } else {
        lines.everybody[CY].line_breaks();
    }
    let heard = lines.until_heard(CY, "resumed");
    assert_eq!(heard, ["lost", "resumed"]);
    lines.until("cy knows that it takes the leader", |all| {
        all[CY].is_pending().then_some(())
    });
    // Longer than it takes to ask again: the dead request is still the one that the leader sees.
    lines.play_for(Duration::from_secs(4));
    assert_eq!(lines.everybody[LEA].heard.take(), [""; 0]);
    assert!(lines.everybody[CY].is_pending());
    let asker = lines.everybody[LEA].asker().expect("cy asks");
    let accepted =
        lines.request::<AcceptPartyJoin>(LEA, |nakama, _| nakama.accept_party_join(asker).id());
    let is_gone = matches!(
        accepted,
        Err(RequestError::Refused(PartyRefusal::AskerGone(_)))
    );
    assert!(is_gone || dies, "{accepted:?}");
    lines.until("cy is in", |all| {
        let sees = |person: &Person| person.names().contains(&"cy".into());
        all.iter().all(sees).then_some(())
    });
    lines.until("only one cy", |all| {
        let sees = |person: &Person| person.names() == ["lea", "mo", "cy"];
        all.iter().all(sees).then_some(())
    });
    assert_eq!(lines.everybody[CY].party, asks);
    assert!(lines.everybody[CY].state().is_some());
    let heard = lines.everybody[LEA].heard.take();
    assert!(!heard.contains(&"cy asks".into()), "no question: {heard:?}");
}

/// The label is what the leader has made of it meanwhile, although the server does not tell it to those who come back (N15).
pub(crate) fn a_label_that_changes(server: &NakamaServer) {
    let request = CreateParty::open(8).label("{\"mode\":\"duel\"}");
    let mut lines = PartyLines::new(server, request);
    let connection = lines.everybody[LEA].world().resource::<NakamaConnection>();
    if connection.party_layout() == Some(PartyLayout::Before3_28) {
        return; // it has no labels
    }
    let label = |person: &Person| person.state().and_then(|party| party.label.clone());
    assert!(label(&lines.everybody[LEA]).is_some());
    lines.everybody[LEA].goes_away();
    lines.until_heard(LEA, "lost");
    lines.until("mo leads", |all| {
        (all[MO].leader().as_deref() == Some("mo")).then_some(())
    });
    let race = "{\"mode\":\"race\"}";
    let update = UpdateParty::default().open(true).label(race);
    let updated =
        lines.request::<UpdateParty>(MO, |nakama, party| nakama.update_party(party, update).id());
    updated.expect("mo leads");
    lines.everybody[LEA].may_come_back();
    lines.until_heard(LEA, "resumed");
    lines.until("the label", |all| {
        // The list may write it in another way.
        let label = label(&all[LEA])?;
        let label: serde_json::Value = serde_json::from_str(&label).ok()?;
        (label == serde_json::json!({ "mode": "race" })).then_some(())
    });
}

/// The server is started anew: its parties are gone, and so is whoever asks.
pub(crate) fn a_server_that_starts_again(server: &NakamaServer, start_again: impl FnOnce()) {
    let mut lines = PartyLines::new(server, CreateParty::closed(8));
    lines.comes(server, CY);
    lines.until_heard(LEA, "cy asks");
    lines.until("cy waits for the leader", |all| {
        all[CY].is_pending().then_some(())
    });
    lines.forget_what_was_heard();
    start_again();
    let mut heard = vec![Vec::new(); 3];
    lines.until("everybody is back", |all| {
        for (heard, person) in heard.iter_mut().zip(all) {
            heard.extend(person.heard.take());
        }
        let is_back = |heard: &Vec<String>| heard.iter().any(|it| it == "resumed");
        heard.iter().all(is_back).then_some(())
    });
    for (heard, person) in heard.iter().zip(&lines.everybody) {
        let lost: Vec<_> = heard
            .iter()
            .filter(|it| it.starts_with("party lost: "))
            .collect();
        assert!(
            lost.len() == 1 && lost[0].contains("party not found"),
            "{heard:?}"
        );
        assert!(person.state().is_none() && !person.is_pending());
    }
}
