//! Recordings of matches and of the matchmaker, played to a game that does what the recorded client did.

use std::{
    collections::HashMap,
    fmt::Debug,
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::common::{
    log::Log,
    transcripts::{Dir, Line, Scenario, scenarios},
};
use bevy::prelude::*;
use bevy_nakama::{
    prelude::*,
    proto::{
        self, Kind, Message, PartyLayout,
        realtime::{self, match_join::Id},
    },
    testing::*,
};

pub(crate) fn scenario(generation: &'static str, name: &str) -> Scenario {
    let mut found = scenarios(generation).into_iter();
    let found = found.find(|scenario| scenario.name == name);
    found.unwrap_or_else(|| panic!("no recording of {name}"))
}

/// The name of a variant.
pub(crate) fn variant(value: &impl Debug) -> String {
    let text = format!("{value:?}");
    text.split(['(', ' ']).next().unwrap_or_default().to_owned()
}

/// Plays everything that one client sent and received, at its time, to a game that does the same.
pub(crate) struct Replay {
    pub(crate) game: TestGame,
    /// What the game noticed.
    pub(crate) log: Log,
    /// What the game sent in place of what was recorded, by the recorded `cid`.
    asked: HashMap<String, proto::Envelope>,
    /// How the last match can be joined, and until when.
    matched: Arc<Mutex<Option<MatchmakerMatched>>>,
    t_ms: u64,
}

impl Replay {
    /// A recording from its beginning to its end.
    pub(crate) fn of(scenario: &Scenario, client: &str) -> Self {
        let mut replay = Self::connected(scenario, client);
        for line in scenario.lines.iter().filter(|line| line.client == client) {
            replay.play(line);
        }
        replay
    }

    /// The client before it has done anything.
    pub(crate) fn connected(scenario: &Scenario, client: &str) -> Self {
        let session = scenario.who(client).session();
        let mut game = TestGame::new();
        if scenario.generation == "nakama-3.27" {
            game.server_writes(PartyLayout::Before3_28);
        }
        game.commands(|c| {
            c.nakama()
                .connect(&server(), &session, ConnectOptions::default());
        });
        game.update();
        game.server_accepts();
        game.update();
        let mut replay = Self {
            game,
            log: Log::default(),
            asked: HashMap::new(),
            matched: Arc::default(),
            t_ms: 0,
        };
        replay.watch_requests();
        replay.watch_world();
        replay
    }

    fn watch_requests(&mut self) {
        self.watch::<AddMatchmaker>();
        self.watch::<AddPartyToMatchmaker>();
        self.watch::<RemoveMatchmakerTicket>();
        self.watch::<JoinMatch>();
        self.watch::<LeaveMatch>();
    }

    fn watch<R: Request<Refusal: Debug>>(&mut self) {
        let seen = self.log.clone();
        self.game
            .observe(move |reply: On<Replied<R>>| match &reply.result {
                Ok(_) => seen.add(R::NAME),
                Err(RequestError::Refused(refusal)) => {
                    seen.add(format!("{}: {} {refusal}", R::NAME, variant(refusal)));
                }
                Err(error) => seen.add(format!("{}: {error}", R::NAME)),
            });
    }

    fn watch_world(&mut self) {
        let seen = self.log.clone();
        let game = &mut self.game;
        game.observe(move |_: On<Add, MatchmakerTicket>| seen.add("+ticket"));
        let seen = self.log.clone();
        game.observe(move |_: On<Remove, MatchmakerTicket>| seen.add("-ticket"));
        let (seen, kept) = (self.log.clone(), self.matched.clone());
        game.observe(move |matched: On<MatchmakerMatched>| {
            seen.add(describe(&matched));
            *kept.lock().expect("unpoisoned") = Some(matched.clone());
        });
        let seen = self.log.clone();
        game.observe(move |here: On<Add, PresentIn>, names: Query<&Username>| {
            seen.add(format!("+{}", names.get(here.entity).expect("a name")));
        });
        let seen = self.log.clone();
        game.observe(
            move |gone: On<Remove, PresentIn>, names: Query<&Username>| {
                seen.add(format!("-{}", names.get(gone.entity).expect("a name")));
            },
        );
        let seen = self.log.clone();
        game.app
            .add_systems(Update, move |mut data: MessageReader<MatchDataReceived>| {
                for data in data.read() {
                    let text = String::from_utf8_lossy(&data.data);
                    seen.add(match &data.sender {
                        Some(sender) => format!("{}: {text}", sender.presence.username),
                        None => format!("server: {text}"),
                    });
                }
            });
    }

    /// Plays one line.
    pub(crate) fn play(&mut self, line: &Line) {
        let passed = line.t_ms.saturating_sub(self.t_ms);
        self.t_ms = line.t_ms;
        self.game.update_by(Duration::from_millis(passed));
        if !line.is_envelope() {
            return;
        }
        let frame = line.wire.clone().expect("a frame");
        let envelope = proto::decode(frame.clone()).expect("an envelope");
        if line.dir == Dir::Send {
            return self.ask(envelope);
        }
        match (self.asked.remove(&envelope.cid), envelope.message) {
            (Some(asked), Some(message)) => self.game.answer(&asked, message),
            (Some(asked), None) => self.game.acknowledge(&asked),
            (None, _) if envelope.cid.is_empty() => self.game.server_sends(frame),
            (None, _) => return,
        }
        self.game.update();
    }

    /// Does what the client did, if a game can: it removes no ticket that it does not have, and calls no functions here.
    fn ask(&mut self, envelope: proto::Envelope) {
        let message = envelope.message.expect("a message");
        if self.ask_as_game(message.clone()).is_none() {
            return;
        }
        self.game.update();
        let sent = self.game.expect_sent(Kind::of(&message));
        assert_eq!(sent.message, Some(message), "as it was recorded");
        self.asked.insert(envelope.cid, sent);
    }

    fn ask_as_game(&mut self, message: Message) -> Option<()> {
        let matched = self.matched.lock().expect("unpoisoned").clone();
        let join = matched.map(|matched| matched.join);
        let world = self.game.app.world();
        let party = |id: &str| world.resource::<PartyIndex>().get(&id.into());
        let ticket = |id: &str| world.resource::<TicketIndex>().get(&id.into());
        let here = |id: &str| world.resource::<MatchIndex>().get(&id.into());
        let make: Box<dyn FnOnce(NakamaCommands)> = match message {
            Message::MatchmakerAdd(add) => Box::new(move |nakama| {
                nakama.add_matchmaker(to_request(add));
            }),
            Message::MatchmakerRemove(remove) => {
                let ticket = ticket(&remove.ticket)?;
                Box::new(move |nakama| {
                    nakama.remove_matchmaker_ticket(ticket);
                })
            }
            Message::PartyMatchmakerAdd(add) => {
                let party = party(&add.party_id)?;
                let request = to_request(realtime::MatchmakerAdd {
                    min_count: add.min_count,
                    max_count: add.max_count,
                    query: add.query,
                    string_properties: add.string_properties,
                    numeric_properties: add.numeric_properties,
                    count_multiple: add.count_multiple,
                });
                Box::new(move |nakama| {
                    nakama.add_party_to_matchmaker(party, request);
                })
            }
            Message::PartyMatchmakerRemove(remove) => {
                let ticket = ticket(&remove.ticket)?;
                Box::new(move |nakama| {
                    nakama.remove_matchmaker_ticket(ticket);
                })
            }
            Message::PartyCreate(create) => {
                assert!(create.open);
                let size = u32::try_from(create.max_size).expect("a size");
                Box::new(move |nakama| {
                    nakama.create_party(CreateParty::open(size));
                })
            }
            Message::PartyJoin(join) => Box::new(move |nakama| {
                nakama.join_party(join.party_id);
            }),
            Message::PartyLeave(leave) => {
                let party = party(&leave.party_id)?;
                Box::new(move |nakama| {
                    nakama.leave_party(party);
                })
            }
            Message::MatchJoin(asked) => {
                // Who was matched joins with what the event brought.
                let given = join.map(|join| JoinMatch::from(&join));
                let request = match asked.id? {
                    Id::Token(token) => given.unwrap_or_else(|| JoinMatch::by_token(token)),
                    Id::MatchId(id) => JoinMatch::by_id(id),
                };
                let with = |request: JoinMatch, (name, value)| request.with_metadata(name, value);
                let request = asked.metadata.into_iter().fold(request, with);
                Box::new(move |nakama| {
                    nakama.join_match(request);
                })
            }
            Message::MatchLeave(leave) => {
                let here = here(&leave.match_id)?;
                Box::new(move |nakama| {
                    nakama.leave_match(here);
                })
            }
            Message::MatchDataSend(send) => {
                let here = here(&send.match_id)?;
                let data = OutgoingData::raw(send.op_code, send.data).reliable(send.reliable);
                self.game.commands(|c| c.nakama().send_data(here, data));
                self.game.update();
                self.game.expect_sent(Kind::MatchDataSend);
                return None;
            }
            _ => return None,
        };
        self.game.commands(|c| make(c.nakama()));
        Some(())
    }

    /// Whether the token that was matched last is good now.
    pub(crate) fn is_token_valid(&self) -> bool {
        let matched = self.matched.lock().expect("unpoisoned");
        let now = self.game.app.world().resource::<Time<Real>>().elapsed();
        matched.as_ref().expect("a match").is_token_valid(now)
    }

    pub(crate) fn count<C: Component>(&mut self) -> usize {
        let world = self.game.app.world_mut();
        world.query::<&C>().iter(world).count()
    }
}

pub(crate) fn to_request(add: realtime::MatchmakerAdd) -> AddMatchmaker {
    let count = |count: i32| u32::try_from(count).expect("a count");
    let mut request =
        AddMatchmaker::players(count(add.min_count), count(add.max_count)).query(add.query);
    for (name, value) in add.string_properties {
        request = request.string_property(name, value);
    }
    for (name, value) in add.numeric_properties {
        request = request.numeric_property(name, value);
    }
    match add.count_multiple {
        Some(multiple) => request.count_multiple(count(multiple)),
        None => request,
    }
}

/// Everybody who was matched, by name: a star for oneself, the party if there is one, and the properties.
fn describe(matched: &MatchmakerMatched) -> String {
    let mut users: Vec<_> = matched
        .users
        .iter()
        .map(|user| {
            let mut text = user.presence.username.to_string();
            if user.is_self {
                text += "*";
            }
            if user.party_id.is_some() {
                text += " (party)";
            }
            let strings = user.string_properties.iter();
            let mut properties: Vec<_> = strings.map(|(name, it)| format!("{name}={it}")).collect();
            let numbers = user.numeric_properties.iter();
            properties.extend(numbers.map(|(name, it)| format!("{name}={it}")));
            if !properties.is_empty() {
                text += &format!(" {{{}}}", properties.join(", "));
            }
            text
        })
        .collect();
    users.sort();
    format!(
        "matched by {}: {}",
        variant(&matched.join),
        users.join("; ")
    )
}
