//! How much of what a receiver's queue holds belongs to the local user.

use bevy_ecs::prelude::*;
use bevy_reflect::Reflect;

use crate::{
    mirror::{
        ContextId, ContextIndex,
        presence::{ChannelId, MatchId, PartyId, PresenceIndex},
    },
    proto::Message,
    settings::NakamaSettings,
    transport::{SendPolicy, Terms},
};

/// The least window, however many share it.
const LEAST: u32 = 2;

/// For one match, party or channel: [`NakamaSettings::send_window`](crate::plugin::NakamaSettings::send_window) of its own. Insert it on the
/// entity, also while it is still [`Joining`](crate::presence::Joining). It counts for what you send afterwards.
///
/// It is divided by the number of the other members. If more than 48 come out of that, a stall of this one line can cost the others their
/// connection.
///
/// ```
/// # use bevy_nakama::prelude::*;
/// # use bevy_ecs::prelude::*;
/// fn join(mut commands: Commands) {
///     // In this match of nine only the local user sends much: of 8 × 40, they may have 40 under way.
///     commands.nakama().join_match(JoinMatch::by_id("…")).insert(SendWindow(8 * 40));
/// }
/// ```
#[derive(Clone, Component, Copy, Debug, Eq, PartialEq, Reflect)]
#[type_path = "bevy_nakama::send"]
#[reflect(Component)]
pub struct SendWindow(pub u32);

/// The terms for what the local user sends to everybody in a context. All the others may send there, too.
pub(crate) fn terms_in(world: &World, context: Entity) -> Terms {
    let own = world.get::<SendWindow>(context);
    let whole = own.map_or_else(
        || world.resource::<NakamaSettings>().send_window,
        |window| window.0,
    );
    let everybody = world.resource::<PresenceIndex>().sessions(context);
    Terms {
        window: share(whole, everybody),
        context: context.to_bits(),
        ..Terms::default()
    }
}

/// As [`terms_in`], for the id of a context. If the local user is not in it, nobody receives what they send.
pub(crate) fn terms_to<I: ContextId>(world: &World, id: &I) -> Option<Terms> {
    let context = world.resource::<ContextIndex<I>>().get(id)?;
    Some(terms_in(world, context))
}

/// The terms for what goes to nobody knows how many. Each of them may hear from any number of others, so this takes the least part of their
/// queues.
pub(crate) const TO_WHOMEVER: Terms = Terms {
    window: LEAST,
    policy: SendPolicy::DEFAULT,
    context: 0,
    key: 0,
    waits_while_away: false,
    waits_for_the_rest: false,
};

/// The terms for a message that the game has made itself, if others receive what comes of it. It may be for something that the game has
/// joined with such a message, too.
pub(crate) fn terms_of(world: &World, message: &Message) -> Option<Terms> {
    let terms = match message {
        Message::MatchDataSend(data) => terms_to(world, &MatchId::from(&*data.match_id)),
        Message::PartyDataSend(data) => terms_to(world, &PartyId::from(&*data.party_id)),
        Message::ChannelMessageSend(sent) => terms_to(world, &ChannelId::from(&*sent.channel_id)),
        Message::ChannelMessageUpdate(edit) => terms_to(world, &ChannelId::from(&*edit.channel_id)),
        Message::ChannelMessageRemove(gone) => terms_to(world, &ChannelId::from(&*gone.channel_id)),
        Message::StatusUpdate(_) => None,
        _ => return None,
    };
    Some(terms.unwrap_or(TO_WHOMEVER))
}

/// The part of a window that each member has. Everybody but the receiver may send to the receiver.
fn share(whole: u32, everybody: usize) -> u32 {
    let senders = u32::try_from(everybody.saturating_sub(1).max(1)).unwrap_or(u32::MAX);
    (whole / senders).max(LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What arrives at a receiver when everybody has stood still, rounded up.
    fn burst(members: usize, rate: usize, round_trip_ms: usize) -> usize {
        let others = members - 1;
        let window = share(NakamaSettings::default().send_window, members) as usize;
        others * window + (others * rate * 3 * round_trip_ms).div_ceil(2000)
    }

    #[test]
    fn the_table_in_the_documentation_is_computed_right() {
        let rows = include_str!("send.rs")
            .lines()
            .filter_map(|line| line.strip_prefix("//! | "))
            .map(|row| row.replace('*', ""))
            .filter_map(|row| {
                let cells = row.split('|').map(|cell| cell.trim().parse().ok());
                cells.take(5).collect::<Option<Vec<usize>>>()
            });
        let rows: Vec<_> = rows.collect();
        assert_eq!(rows.len(), 11);
        for row in rows {
            let expected = [50, 150, 300].map(|round_trip| burst(row[0], row[1], round_trip));
            assert_eq!(row[2..], expected, "{row:?}");
        }
        assert_eq!(burst(2, 20, 300), 57);
        let smaller = share(28, 5) as usize;
        assert_eq!(4 * smaller + 4 * 9, 64, "five members, 20 a second, 300 ms");
    }
}
