//! Writes down what games are told.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use bevy::prelude::*;
use bevy_nakama::{
    chat::ChatMessageKind,
    healing::{AdoptReconnecting, Adopted, ConnectionLost, Reentered},
    mirror::{Context, HasMembers},
    prelude::*,
    request::Request,
    stream::Stream,
};

use super::{History, Kind, Line, Mirror, Quiet, Truth, What, mirror::text};

/// A history that is being written, and a clock.
#[derive(Clone)]
pub(crate) struct Tape(Arc<Mutex<Written>>);

struct Written {
    history: History,
    clock: Clock,
}

enum Clock {
    /// Since then.
    Real(Instant),
    /// A test moves it.
    Virtual(Duration),
}

impl Tape {
    /// A history of these users, on a clock that the test moves.
    pub(crate) fn on_a_virtual_clock(users: Vec<String>) -> Self {
        Self::new(users, Clock::Virtual(Duration::ZERO))
    }

    /// A history of these users, in real time.
    pub(crate) fn in_real_time(users: Vec<String>) -> Self {
        Self::new(users, Clock::Real(Instant::now()))
    }

    fn new(users: Vec<String>, clock: Clock) -> Self {
        let history = History {
            users,
            ..History::default()
        };
        Self(Arc::new(Mutex::new(Written { history, clock })))
    }

    fn lock(&self) -> MutexGuard<'_, Written> {
        self.0.lock().expect("no test panics while it writes")
    }

    /// Moves the virtual clock.
    pub(crate) fn set_clock(&self, now: Duration) {
        self.lock().clock = Clock::Virtual(now);
    }

    pub(crate) fn add(&self, game: usize, what: What) {
        let mut written = self.lock();
        let at = match written.clock {
            Clock::Real(since) => since.elapsed(),
            Clock::Virtual(now) => now,
        };
        written.history.lines.push(Line { at, game, what });
    }

    /// Nothing has happened for a while: this is how things stand.
    pub(crate) fn quiet(&self, mirrors: Vec<Mirror>, truth: Option<Truth>) {
        let mut written = self.lock();
        let after = written.history.lines.len();
        written.history.quiet.push(Quiet {
            after,
            mirrors,
            truth,
        });
    }

    /// What is written so far is forgotten.
    pub(crate) fn forget(&self) {
        let mut written = self.lock();
        written.history.lines.clear();
        written.history.quiet.clear();
    }

    /// What is written so far.
    pub(crate) fn history(&self) -> History {
        self.lock().history.clone()
    }

    /// The user of each game.
    pub(crate) fn users(&self) -> Vec<String> {
        self.lock().history.users.clone()
    }

    /// How many lines are written.
    pub(crate) fn len(&self) -> usize {
        self.lock().history.lines.len()
    }
}

/// Writes down what one game is told, from now on.
pub(crate) struct Recorder {
    tape: Tape,
    game: usize,
}

impl Recorder {
    /// Listens to an app that has the plugin.
    pub(crate) fn listen(app: &mut App, tape: &Tape, game: usize) {
        let recorder = Self {
            tape: tape.clone(),
            game,
        };
        recorder.connection(app);
        recorder.people::<Match, PresentIn>(app, Kind::Match, |it| it.0);
        recorder.people::<Party, PartyMemberOf>(app, Kind::Party, |it| it.0);
        recorder.people::<ChatChannel, ChatMemberOf>(app, Kind::Channel, |it| it.0);
        recorder.people::<FollowedUser, SessionOf>(app, Kind::User, |it| it.0);
        recorder.people::<Stream, StreamPresenceOf>(app, Kind::Stream, |it| it.0);
        recorder.context::<Match, MatchId>(app, Kind::Match);
        recorder.context::<Party, PartyId>(app, Kind::Party);
        recorder.context::<ChatChannel, ChannelId>(app, Kind::Channel);
        recorder.context::<FollowedUser, UserId>(app, Kind::User);
        recorder.context::<MatchmakerTicket, TicketId>(app, Kind::Ticket);
        recorder.adoption(app);
        recorder.all_replies(app);
        recorder.data(app);
    }

    fn teller<E, F: Fn(&E) -> What>(&self, tell: F) -> impl Fn(&E) + use<E, F> {
        let (tape, game) = (self.tape.clone(), self.game);
        move |event| tape.add(game, tell(event))
    }

    fn connection(&self, app: &mut App) {
        let tell = self.teller(|it: &Connected| What::Connected {
            resumed: it.resumed,
        });
        app.add_observer(move |it: On<Connected>| tell(&it));
        let tell = self.teller(|_: &ConnectionLost| What::ConnectionLost);
        app.add_observer(move |it: On<ConnectionLost>| tell(&it));
        let tell = self.teller(|it: &Disconnected| What::Disconnected(it.reason.to_string()));
        app.add_observer(move |it: On<Disconnected>| tell(&it));
        let (tape, game) = (self.tape.clone(), self.game);
        let learn = move |index: Res<PresenceIndex>, mut known: Local<Option<SessionId>>| {
            if index.own_session() != known.as_ref() {
                *known = index.own_session().cloned();
                if let Some(session) = &*known {
                    tape.add(game, What::Session(session.to_string()));
                }
            }
        };
        app.add_systems(Last, learn);
        let (tape, game) = (self.tape.clone(), self.game);
        let named = move |it: On<Insert, SessionId>,
                          sessions: Query<&SessionId, With<Presence>>| {
            if let Ok(session) = sessions.get(it.entity) {
                let (presence, session) = (it.entity.to_bits(), session.to_string());
                tape.add(game, What::Named { presence, session });
            }
        };
        app.add_observer(named);
    }

    fn people<C: HasMembers, R: Component>(
        &self,
        app: &mut App,
        kind: Kind,
        context_of: fn(&R) -> Entity,
    ) {
        let (tape, game) = (self.tape.clone(), self.game);
        let joined = move |it: On<Joined<C>>, who: Query<(&UserId, &SessionId)>| {
            let (user, session) = who.get(it.presence).ok().unzip();
            let how = match it.how {
                JoinedAs::Present => "Present",
                JoinedAs::Arrived => "Arrived",
                JoinedAs::WhileAway => "WhileAway",
            };
            let what = What::Joined {
                kind,
                context: it.context.to_bits(),
                presence: it.presence.to_bits(),
                user: text(user),
                session: text(session),
                how,
            };
            tape.add(game, what);
        };
        app.add_observer(joined);
        let left = self.teller(move |it: &Left<C>| What::Left {
            kind,
            context: it.context.to_bits(),
            presence: it.presence.to_bits(),
            user: it.info.user_id.to_string(),
            session: it.info.session_id.to_string(),
            why: match it.why {
                LeaveReason::Left => "Left",
                LeaveReason::Kicked => "Kicked",
                LeaveReason::WhileAway => "WhileAway",
                LeaveReason::YouLeft => "YouLeft",
                LeaveReason::Disconnected => "Disconnected",
            },
        });
        app.add_observer(move |it: On<Left<C>>| left(&it));
        let (tape, game) = (self.tape.clone(), self.game);
        let related = move |it: On<Add, R>, of: Query<&R>| {
            if let Ok(of) = of.get(it.entity) {
                let (context, presence) = (context_of(of).to_bits(), it.entity.to_bits());
                tape.add(
                    game,
                    What::Related {
                        kind,
                        context,
                        presence,
                    },
                );
            }
        };
        app.add_observer(related);
        let (tape, game) = (self.tape.clone(), self.game);
        let unrelated = move |it: On<Remove, R>, of: Query<&R>| {
            if let Ok(of) = of.get(it.entity) {
                let (context, presence) = (context_of(of).to_bits(), it.entity.to_bits());
                tape.add(
                    game,
                    What::Unrelated {
                        kind,
                        context,
                        presence,
                    },
                );
            }
        };
        app.add_observer(unrelated);
    }

    fn adoption(&self, app: &mut App) {
        let adopted = self.teller(|it: &Adopted| What::Adopted {
            context: it.context.to_bits(),
            presence: it.presence.to_bits(),
            old: it.old.to_string(),
            new: it.new.to_string(),
        });
        app.add_observer(move |it: On<Adopted>| adopted(&it));
        let (tape, game) = (self.tape.clone(), self.game);
        app.add_observer(move |it: On<Add, AdoptReconnecting>| {
            let context = it.entity.to_bits();
            tape.add(game, What::Adopts { context });
        });
    }

    fn context<C: Context, I: Component + ToString>(&self, app: &mut App, kind: Kind) {
        let (tape, game) = (self.tape.clone(), self.game);
        let entered = move |it: On<Add, C>, ids: Query<&I>| {
            let what = What::Entered {
                kind,
                context: it.entity.to_bits(),
                id: text(ids.get(it.entity).ok()),
            };
            tape.add(game, what);
        };
        app.add_observer(entered);
        let (tape, game) = (self.tape.clone(), self.game);
        app.add_observer(move |it: On<Remove, C>| {
            let context = it.entity.to_bits();
            tape.add(game, What::Gone { kind, context });
        });
        let reentered = self.teller(move |it: &Reentered<C>| What::Reentered {
            kind,
            context: it.context.to_bits(),
            outcome: format!("{:?}", it.outcome),
        });
        app.add_observer(move |it: On<Reentered<C>>| reentered(&it));
    }

    fn all_replies(&self, app: &mut App) {
        self.replies::<CreateMatch>(app);
        self.replies::<JoinMatch>(app);
        self.replies::<LeaveMatch>(app);
        self.replies::<CreateParty>(app);
        self.replies::<JoinParty>(app);
        self.replies::<LeaveParty>(app);
        self.replies::<CloseParty>(app);
        self.replies::<UpdateParty>(app);
        self.replies::<KickFromParty>(app);
        self.replies::<PromotePartyMember>(app);
        self.replies::<AcceptPartyJoin>(app);
        self.replies::<DeclinePartyJoin>(app);
        self.replies::<JoinChat>(app);
        self.replies::<LeaveChat>(app);
        self.replies::<SendChatMessage>(app);
        self.replies::<AddMatchmaker>(app);
        self.replies::<AddPartyToMatchmaker>(app);
        self.replies::<RemoveMatchmakerTicket>(app);
        self.replies::<FollowUsers>(app);
        self.replies::<UnfollowUsers>(app);
        self.replies::<UpdateStatus>(app);
    }

    fn replies<R: Request>(&self, app: &mut App) {
        let tell = self.teller(|it: &Replied<R>| What::Replied {
            request: it.request.to_bits(),
            name: R::NAME,
            result: match &it.result {
                Ok(_) => Ok(()),
                Err(error) => Err(error.to_string()),
            },
        });
        app.add_observer(move |it: On<Replied<R>>| tell(&it));
    }

    /// Data and lines of chat are texts that [`Sent`](What::Sent) has named.
    fn data(&self, app: &mut App) {
        let (tape, game) = (self.tape.clone(), self.game);
        let hear = move |mut matches: MessageReader<MatchDataReceived>,
                         mut parties: MessageReader<PartyDataReceived>,
                         mut lines: MessageReader<ChatMessageReceived>| {
            let tell = |context: Entity, datum: String, replayed: bool| {
                let context = context.to_bits();
                let what = What::Delivered {
                    context,
                    datum,
                    replayed,
                };
                tape.add(game, what);
            };
            for it in matches.read() {
                tell(it.context, datum_in(&it.data), false);
            }
            for it in parties.read() {
                tell(it.context, datum_in(&it.data), false);
            }
            // A line that is gone from the history says nothing.
            let is_line = |it: &&ChatMessageReceived| it.message.kind == ChatMessageKind::Chat;
            for it in lines.read().filter(is_line) {
                tell(
                    it.context,
                    datum_in(it.message.json.as_bytes()),
                    it.replayed,
                );
            }
        };
        app.add_systems(Last, hear);
    }
}

/// The datum in a frame, or in something of it: `[game#number]`. All of it if nobody has put one into it.
pub(crate) fn datum_in(bytes: &[u8]) -> String {
    let found = datums_in(bytes).into_iter().next();
    found.unwrap_or_else(|| String::from_utf8_lossy(bytes).into_owned())
}

/// All data in a frame.
pub(crate) fn datums_in(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let mut found = Vec::new();
    for part in text.split('[').skip(1) {
        if let Some((datum, _)) = part.split_once(']')
            && datum.contains('#')
        {
            found.push(datum.to_owned());
        }
    }
    found
}
