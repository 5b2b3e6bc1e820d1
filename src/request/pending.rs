//! A request that is under way, whatever its type.

use std::{error::Error, time::Duration};

use bevy_ecs::prelude::*;
use bevy_time::{Real, Time};

use super::{
    area::{Area, Move},
    error::RequestError,
};
use crate::{
    connection::NakamaConnection,
    error::{RestError, ServerError},
    proto::Message,
    session::{CurrentSession, NakamaSession, Tenure},
    settings::NakamaSettings,
    transport::{
        Answer, Epoch, Failure, LONGEST, NakamaServer, Received, RestCall, RestResponse, Terms,
    },
};

/// A request without an answer: an entry of the table.
///
/// It may take several messages, one after the other. It has one outcome.
pub(super) trait Pending: Send + Sync {
    /// What it sends next. Asked again, it is the same, with the token of that moment.
    ///
    /// # Errors
    ///
    /// Why that is nothing.
    fn next_message(&mut self, world: &World) -> Result<Sent, Unsent>;

    /// The connection that it waited for does not come back.
    fn give_up(self: Box<Self>, _world: &mut World, _failure: Failure) {}

    /// What it sent last has an answer.
    fn settle(self: Box<Self>, world: &mut World, ending: Ending) -> Progress;

    /// The server consented to what it sent last, after its [time](Progress::Late) had run out.
    fn take_back(self: Box<Self>, _world: &mut World, _reply: Option<Received>) {}

    /// Until when all of its messages have to be answered.
    fn deadline(&self) -> Deadline;

    /// What it joins, if it does.
    fn joins(&self) -> Option<Area> {
        None
    }

    /// What joins it undoes, if those have no entities to be withdrawn by.
    fn undoes(&self) -> Option<Area> {
        None
    }

    /// What it changes about who is where.
    fn moves(&self) -> Option<Move> {
        None
    }

    /// What becomes of it if the connection is lost and comes back.
    fn when_lost(&self) -> WhenLost {
        WhenLost::Ends
    }

    /// If it waits: when its next try is, in time since the app's start. `None` if it waits for a session token.
    fn next_try(&self) -> Option<Duration> {
        None
    }

    /// Whether the game has not withdrawn it.
    fn is_wanted(&self, _world: &World) -> bool {
        true
    }

    /// The connection is lost and comes back. What it has brought so far is gone; it starts anew.
    fn start_anew(&mut self) {}

    /// The network may be another one. Whether what it has sent is to be sent anew.
    fn hurry(&mut self, _world: &World) -> bool {
        false
    }

    /// Whether it enters again what the local user was in before the connection was lost.
    fn is_for_reentry(&self) -> bool {
        false
    }
}

/// What becomes of a request over the socket if the connection is lost and comes back, or if it is made meanwhile.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum WhenLost {
    /// It ends: it may have been done or not.
    Ends,
    /// It is made again as soon as the connection is back.
    IsMadeAgain,
    /// It has what it wanted: the session that it was about is gone.
    IsDone,
}

/// What a request sends.
pub(super) enum Sent {
    /// `Terms` if others receive what comes of it.
    Message(Box<Message>, Option<Terms>),
    Call(RestCall),
}

/// Why a request sends nothing.
pub(crate) enum Unsent {
    /// The session token is being renewed, or nobody is logged in yet. It waits.
    Waits,
    /// Its connection has ended.
    Lost(Failure),
    /// Whose call it is is not logged in any more.
    LoggedOut,
    /// Nobody wants it any more.
    Withdrawn,
}

/// How far a request has come.
pub(super) enum Progress {
    /// It has its outcome.
    Settled,
    /// It ran out of time, which is its outcome. If the server consents later, that is [taken back](Pending::take_back).
    Late(Box<dyn Pending>),
    /// It sends something more.
    More(Box<dyn Pending>),
    /// The connection is gone, and may come back. If it does not, this is why the request failed.
    Lost(Box<dyn Pending>, Failure),
}

/// What became of what a request sent.
#[derive(Clone)]
pub(super) enum Ending {
    /// The server consented with a message. `None` is the plain acknowledgement.
    Consent(Option<Box<Received>>),
    /// The server said no over the socket.
    Refusal(ServerError),
    Response(RestResponse),
    Failed(Failure),
    /// The session token has ended, and there is no new one.
    SessionEnded(RestError),
    /// Whose call it is is not logged in any more.
    LoggedOut,
    /// Nobody wanted it any more before it was sent.
    Withdrawn,
    /// The server answered with something else.
    Unexpected(String),
}

impl From<Answer> for Ending {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Message(Some(received)) => match received.message {
                Message::Error(error) => Self::Refusal(error.into()),
                _ => Self::Consent(Some(received)),
            },
            Answer::Message(None) => Self::Consent(None),
            Answer::Rest(response) => Self::Response(response),
            Answer::Failed(failure) => Self::Failed(failure),
        }
    }
}

impl Ending {
    /// The error that this is to a request that takes neither a message nor a response of this kind.
    pub(super) fn into_error<E: Error>(self) -> RequestError<E> {
        let got = match self {
            Self::Failed(failure) => return failure.into(),
            Self::SessionEnded(refusal) => return RequestError::SessionEnded(refusal),
            Self::LoggedOut => return RequestError::NotLoggedIn,
            Self::Withdrawn => return RequestError::Withdrawn,
            Self::Unexpected(got) => got,
            Self::Consent(_) | Self::Refusal(_) => "a frame".into(),
            Self::Response(_) => "a REST response".into(),
        };
        RequestError::UnexpectedReply { got }
    }
}

/// How a request was made.
#[derive(Clone, Copy)]
pub(crate) struct Made {
    pub(super) entity: Entity,
    /// Which of the game's connections it belongs to, if it goes over a socket.
    pub(super) epoch: Epoch,
    /// Whose it is, if it goes over REST.
    pub(super) tenure: Tenure,
    pub(super) deadline: Deadline,
}

impl Made {
    pub(super) fn now(world: &World, entity: Entity) -> Self {
        Self {
            entity,
            epoch: world.resource::<NakamaConnection>().epoch(),
            tenure: world.resource::<CurrentSession>().tenure(),
            deadline: Deadline::new(world),
        }
    }

    /// The session in place, if it is still that of whose call it is.
    pub(super) fn place<'a>(
        &self,
        current: &'a CurrentSession,
    ) -> Option<&'a (NakamaServer, NakamaSession)> {
        current.place().filter(|_| current.tenure() == self.tenure)
    }

    /// Whether its connection is still the game's.
    pub(super) fn is_current(&self, world: &World) -> bool {
        self.epoch == world.resource::<NakamaConnection>().epoch()
    }

    /// Whether the game has not withdrawn it.
    pub(super) fn is_wanted(&self, world: &World) -> bool {
        world.get_entity(self.entity).is_ok()
    }
}

/// Until when something is waited for.
#[derive(Clone, Copy)]
pub(super) struct Deadline {
    /// How long that is in all.
    timeout: Duration,
    /// In time since the app's start (`Time<Real>`).
    at: Duration,
}

/// How long a server lets the handler of a match decide on a join.
const MATCH_HANDLER: Duration = Duration::from_secs(10);

/// Whoever waits no longer than that never hears what it has decided in the end.
const MATCH_JOIN: Duration = Duration::from_secs(12);

impl Deadline {
    /// That of what is asked for now. Without end is a year.
    pub(super) fn new(world: &World) -> Self {
        let timeout = world.resource::<NakamaSettings>().request_timeout;
        let timeout = timeout.min(LONGEST);
        Self {
            timeout,
            at: now(world) + timeout,
        }
    }

    /// The same for new tokens, for which the connection may wait: no longer than for a socket.
    pub(super) fn of_renewal(world: &World) -> Self {
        let settings = world.resource::<NakamaSettings>();
        let timeout = settings.request_timeout.min(settings.connect_timeout);
        let timeout = timeout.min(LONGEST);
        Self {
            timeout,
            at: now(world) + timeout,
        }
    }

    /// The same time, counted from another moment on.
    pub(super) fn from(&self, at: Duration) -> Self {
        Self {
            timeout: self.timeout,
            at: at + self.timeout,
        }
    }

    /// The same for a join of a match, whose handler takes its time. A game that waits for less than that keeps its own time.
    pub(super) fn of_match_join(self) -> Self {
        let timeout = if self.timeout < MATCH_HANDLER {
            self.timeout
        } else {
            self.timeout.max(MATCH_JOIN)
        };
        Self {
            timeout,
            at: self.at + (timeout - self.timeout),
        }
    }

    /// How long it has been waited for.
    pub(super) fn age(&self, world: &World) -> Duration {
        self.timeout.saturating_sub(self.left(world))
    }

    /// The moment itself, in time since the app's start.
    pub(super) fn at(&self) -> Duration {
        self.at
    }

    /// How much time there is left.
    pub(super) fn left(&self, world: &World) -> Duration {
        self.at.saturating_sub(now(world))
    }

    /// What it is to miss it.
    pub(super) fn missed(&self, was_sent: bool) -> Failure {
        Failure::Timeout {
            after: self.timeout,
            was_sent,
        }
    }
}

fn now(world: &World) -> Duration {
    world.resource::<Time<Real>>().elapsed()
}
