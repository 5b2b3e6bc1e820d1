//! Messages that the plugin sends on its own, without an entity that waits for the answer.

use bevy_ecs::prelude::*;

use super::{
    error::RequestError,
    pending::{Deadline, Ending, Pending, Progress, Sent, Unsent},
    socket::no_message,
    table::send,
};
use crate::{
    proto::{Kind, Message},
    transport::Received,
};

/// A message that is under way, and who hears of its outcome.
struct Unasked<F> {
    message: Message,
    deadline: Deadline,
    hear: F,
}

impl<F> Pending for Unasked<F>
where
    F: FnOnce(&mut World, Result<(), RequestError>) + Send + Sync,
{
    fn next_message(&mut self, _: &World) -> Result<Sent, Unsent> {
        Ok(Sent::Message(self.message.clone()))
    }

    fn settle(self: Box<Self>, world: &mut World, ending: Ending) -> Progress {
        let outcome = match ending {
            Ending::Message(Some(Received {
                message: Message::Error(error),
                ..
            })) => Err(RequestError::Refused(error.into())),
            Ending::Message(reply) => no_message(reply),
            other => Err(other.into_error()),
        };
        (self.hear)(world, outcome);
        Progress::Settled
    }

    fn deadline(&self) -> Deadline {
        self.deadline
    }
}

/// Sends a message; hears of it only if the server consented.
pub(crate) fn send_then(
    world: &mut World,
    message: Message,
    consented: impl FnOnce(&mut World) + Send + Sync + 'static,
) {
    let kind = Kind::of(&message);
    send_unasked(world, message, move |world, outcome| match outcome {
        Ok(()) => consented(world),
        Err(error) => log::debug!("{kind} failed: {error}"),
    });
}

/// Sends a message; hears of it only if it failed.
pub(crate) fn send_or_tell(
    world: &mut World,
    message: Message,
    failed: impl FnOnce(&mut World, RequestError) + Send + Sync + 'static,
) {
    send_unasked(world, message, move |world, outcome| {
        if let Err(error) = outcome {
            failed(world, error);
        }
    });
}

fn send_unasked(
    world: &mut World,
    message: Message,
    hear: impl FnOnce(&mut World, Result<(), RequestError>) + Send + Sync + 'static,
) {
    let deadline = Deadline::new(world);
    let unasked = Unasked {
        message,
        deadline,
        hear,
    };
    send(world, Box::new(unasked));
}
