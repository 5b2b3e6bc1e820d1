//! How the local user came into a channel, and how they come back after a loss of the connection.

use bevy_ecs::prelude::*;
use bevy_reflect::Reflect;

use super::{ChatChannel, ChatMemberOf, ChatRefusal, fill, requests};
use crate::{
    connection::NakamaConnection,
    mirror::{self, LossReason, Reentering, ReentryPolicy},
    request::SocketRequest as _,
};

/// How the local user joined a channel. A component of the channel, read only. After a loss of the connection, the local user joins it again
/// in the same way, if the channel's [`ReentryPolicy`](crate::healing::ReentryPolicy) says so.
#[derive(Clone, Component, Copy, Debug, Eq, PartialEq, Reflect)]
#[type_path = "bevy_nakama::chat"]
#[component(immutable, clone_behavior = Ignore)]
#[reflect(Component)]
#[non_exhaustive]
pub struct ChatJoinedAs {
    /// Whether the local user is in no list, see [`JoinChat::hidden`](super::JoinChat::hidden).
    pub hidden: bool,
    /// Whether the server stores what the local user writes, see [`JoinChat::persistent`](super::JoinChat::persistent).
    pub persistent: bool,
}

impl ChatJoinedAs {
    /// Remembers it with the channel. If the local user was in it already, the server keeps to the first join.
    pub(super) fn remember(self, world: &mut World, channel: Entity) {
        if !mirror::is_in::<ChatChannel>(world, channel) || world.get::<Self>(channel).is_some() {
            return;
        }
        mirror::default_policy(world, channel, ReentryPolicy::Rejoin);
        if let Ok(mut channel) = world.get_entity_mut(channel) {
            channel.insert(self);
        }
    }
}

/// The connection is lost.
pub(super) fn on_lost(world: &mut World) {
    fill::on_lost(world);
    mirror::make_stale::<ChatChannel>(world);
}

/// The connection is back.
pub(super) fn reenter(world: &mut World) {
    for (channel, _) in mirror::stale_contexts::<ChatChannel>(world) {
        ask(world, channel);
    }
}

fn ask(world: &mut World, channel: Entity) {
    if mirror::policy(world, channel) == ReentryPolicy::Drop {
        return mirror::is_lost::<ChatChannel>(world, channel, LossReason::Policy);
    }
    let user = world.resource::<NakamaConnection>().user();
    let joined_as = world.get::<ChatJoinedAs>(channel).copied();
    let (Some((me, _)), Some(ChatChannel { kind })) = (user, world.get(channel)) else {
        return;
    };
    let join = requests::JoinChat::again(kind, me, joined_as);
    let how = Reentering::<ChatChannel, ChatRefusal> {
        read: requests::entry,
        may_be_new: false,
        on_refusal: |_, _, _| false,
        then: fill::begin,
    };
    mirror::reenter::<ChatMemberOf, _>(world, channel, join.to_message(), how);
}
