//! The ids of the protocol as components.

use bevy_ecs::{
    component::{Immutable, StorageType},
    prelude::*,
    reflect::ReflectComponent,
};
use bevy_reflect::{ReflectDeserialize, ReflectSerialize, impl_reflect_opaque};

pub use crate::transport::{
    ChannelId, MatchId, MessageId, PartyId, PresenceInfo, Secret, SessionId, TicketId, UserId,
    Username,
};

macro_rules! id_components {
    ($($Id:ident)*) => {$(
        impl Component for $Id {
            const STORAGE_TYPE: StorageType = StorageType::Table;
            type Mutability = Immutable;
        }

        impl_reflect_opaque!((in bevy_nakama::presence) $Id(
            Clone, Debug, Hash, PartialEq, Component, Serialize, Deserialize
        ));
    )*};
}

id_components!(UserId SessionId Username MatchId PartyId ChannelId TicketId);
