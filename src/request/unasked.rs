//! Messages that the plugin sends on its own, without an entity that waits for the answer.

use bevy_ecs::prelude::*;

use super::{
    area::Area,
    pending::{Deadline, Ending, Pending, Progress, Sent, Unsent},
    table::send,
};
use crate::{
    error::ServerError,
    proto::{Kind, Message},
    transport::{Failure, Received, Terms},
};

/// Why a message does not have the server's consent.
#[derive(Debug)]
pub(crate) enum Unconfirmed {
    Refused(ServerError),
    Failed(Failure),
    /// The server answered with something else.
    Unexpected,
}

/// A message that is under way, and who hears of its outcome.
struct Unasked<F> {
    /// Until it is sent.
    message: Option<(Message, Option<Terms>)>,
    deadline: Deadline,
    purpose: Purpose,
    joins: Option<Area>,
    /// Hears of the outcome. If that is a timeout and the server consents later, it hears of that, too.
    hear: F,
}

/// What the plugin sends a message for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Purpose {
    /// The game's data.
    Data,
    /// To put things right: the local user is in something that nobody wants, or a decision is carried out once more.
    Order,
    /// The local user enters something again.
    Reentry,
}

impl<F> Pending for Unasked<F>
where
    F: FnMut(&mut World, Result<Option<Received>, Unconfirmed>) + Send + Sync + 'static,
{
    fn next_message(&mut self, _: &World) -> Result<Sent, Unsent> {
        let message = self.message.take();
        let (message, terms) = message.ok_or(Unsent::Lost(Failure::NotConnected))?;
        Ok(Sent::Message(Box::new(message), terms))
    }

    fn settle(mut self: Box<Self>, world: &mut World, ending: Ending) -> Progress {
        let runs_out = matches!(ending, Ending::Failed(Failure::Timeout { .. }));
        let outcome = match ending {
            Ending::Consent(None) => Ok(None),
            Ending::Refusal(error) => Err(Unconfirmed::Refused(error)),
            Ending::Failed(Failure::Replaced) => return Progress::Settled, // as its policy has it
            Ending::Failed(Failure::ConnectionLost { .. } | Failure::NotConnected)
                if self.purpose == Purpose::Reentry =>
            {
                return Progress::Settled; // it starts over when the connection is back
            }
            Ending::Consent(Some(reply)) if self.purpose == Purpose::Reentry => {
                (self.hear)(world, Ok(Some(*reply)));
                return Progress::Settled;
            }
            Ending::Failed(failure) => Err(Unconfirmed::Failed(failure)),
            _ => Err(Unconfirmed::Unexpected),
        };
        (self.hear)(world, outcome);
        if runs_out && self.joins.is_some() {
            return Progress::Late(self);
        }
        Progress::Settled
    }

    fn take_back(mut self: Box<Self>, world: &mut World, reply: Option<Received>) {
        (self.hear)(world, Ok(reply));
    }

    fn deadline(&self) -> Deadline {
        self.deadline
    }

    fn joins(&self) -> Option<Area> {
        self.joins
    }

    fn is_for_reentry(&self) -> bool {
        self.purpose != Purpose::Data
    }
}

/// Sends a message; hears of it only if the server consented.
pub(crate) fn send_then(
    world: &mut World,
    message: Message,
    consented: impl FnOnce(&mut World) + Send + Sync + 'static,
) {
    let kind = Kind::of(&message);
    send_heard(world, message, move |world, outcome| match outcome {
        Ok(_) => consented(world),
        Err(error) => log::debug!("{kind} failed: {error:?}"),
    });
}

/// Sends a message; hears of its outcome.
pub(crate) fn send_heard(
    world: &mut World,
    message: Message,
    hear: impl FnOnce(&mut World, Result<Option<Received>, Unconfirmed>) + Send + Sync + 'static,
) {
    send_unasked(world, message, None, Purpose::Order, once(hear));
}

/// Sends a message by which the local user enters again what they were in, and hears of the answer. If the connection is lost before that,
/// nobody hears of anything: re-entry starts over.
///
/// If it joins something and the server consents after its time, `hear` gets that as a second answer.
pub(crate) fn send_for_reentry(
    world: &mut World,
    message: Message,
    joins: Option<Area>,
    hear: impl FnMut(&mut World, Result<Option<Received>, Unconfirmed>) + Send + Sync + 'static,
) {
    let mut deadline = Deadline::new(world);
    if matches!(message, Message::MatchJoin(_)) {
        deadline = deadline.of_match_join();
    }
    let unasked = Unasked {
        message: Some((message, None)),
        deadline,
        purpose: Purpose::Reentry,
        joins,
        hear,
    };
    send(world, Box::new(unasked));
}

/// Sends a message; hears of it only if it failed.
pub(crate) fn send_or_tell(
    world: &mut World,
    message: Message,
    terms: Terms,
    failed: impl FnOnce(&mut World, Unconfirmed) + Send + Sync + 'static,
) {
    send_unasked(
        world,
        message,
        Some(terms),
        Purpose::Data,
        once(move |world, outcome| {
            if let Err(error) = outcome {
                failed(world, error);
            }
        }),
    );
}

fn send_unasked(
    world: &mut World,
    message: Message,
    terms: Option<Terms>,
    purpose: Purpose,
    hear: impl FnMut(&mut World, Result<Option<Received>, Unconfirmed>) + Send + Sync + 'static,
) {
    let unasked = Unasked {
        message: Some((message, terms)),
        deadline: Deadline::new(world),
        purpose,
        joins: None,
        hear,
    };
    send(world, Box::new(unasked));
}

/// Hears of the first outcome.
fn once(
    hear: impl FnOnce(&mut World, Result<Option<Received>, Unconfirmed>),
) -> impl FnMut(&mut World, Result<Option<Received>, Unconfirmed>) {
    let mut hear = Some(hear);
    move |world, outcome| {
        if let Some(hear) = hear.take() {
            hear(world, outcome);
        }
    }
}
