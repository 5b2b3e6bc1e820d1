//! The plugin: all wiring in one place.

use bevy_app::{App, Last, Plugin, PostUpdate, PreUpdate};
use bevy_ecs::prelude::*;
use bevy_state::{app::AppExtStates as _, state::State};
use bevy_time::TimePlugin;

pub use crate::settings::NakamaSettings;
use crate::{
    areas::{
        chat::{
            ChatChannel, ChatChannelKind, ChatIndex, ChatLog, ChatMemberOf, ChatMembers,
            ChatMessage, ChatMessageKind, ChatMessageReceived,
        },
        matches::{Match, MatchIndex, MatchPresences, PresentIn},
        matchmaker::{self, AddMatchmaker, MatchmakerTicket, PartyTickets, TicketIndex, TicketOf},
        notification::{Notification, NotificationCode, NotificationInbox, NotificationReceived},
        party::{
            AsksToJoin, MemberOf, Party, PartyAsks, PartyIndex, PartyJoinRequests, PartyLeader,
            PartyMembers, PendingApproval, mark_pending_approval,
        },
        status::{
            FollowedUser, FollowedUserIndex, SessionOf, StatusBook, UserSessions, UserStatus,
        },
        stream::{InStream, Stream, StreamIndex, StreamPersistence, StreamPresences},
    },
    commands::HasPlugin,
    connection::{ConnectionState, NakamaConnection, NetworkLink},
    data::{self, send::FailedSends},
    ecs::departure::{Departures, LastWord, despawn_departed},
    envelope::{EnvelopeReceived, EnvelopeSent, EnvelopeTap, update_tap},
    mirror::{
        early::EarlyArrivals,
        presence::{
            ChannelId, Departed, IsSelf, JoinedAs, Joining, MatchId, PartyId, PresenceIndex,
            SessionId, TicketId, UserId, Username,
        },
        receive::{BudgetClock, ReceiveStats, may_judge_deadlines, receive},
    },
    request::{Moments, NextFrame, PendingRequest, Requests},
    transport::Network,
};

/// Adds the client to an app.
///
/// It needs time and states: `DefaultPlugins` bring both; with `MinimalPlugins` add `StatesPlugin`. It connects to nothing
/// by itself and starts no thread before it is needed.
///
/// ```no_run
/// use bevy::prelude::*;
/// use bevy_nakama::prelude::*;
///
/// App::new().add_plugins((DefaultPlugins, NakamaPlugin::default())).run();
/// ```
#[derive(Debug, Default)]
pub struct NakamaPlugin {
    settings: NakamaSettings,
    network: Option<Network>,
}

impl NakamaPlugin {
    /// With settings of your own. If the app has [`NakamaSettings`] already, as a resource, those stay.
    #[must_use]
    pub fn new(settings: NakamaSettings) -> Self {
        Self {
            settings,
            ..Self::default()
        }
    }

    /// Shares a network thread with other apps in this process, like bots.
    #[must_use]
    pub fn with_network(mut self, network: Network) -> Self {
        self.network = Some(network);
        self
    }
}

/// When the plugin does what, in a frame.
///
/// `PreUpdate`: [`Receive`](Self::Receive) → `StateTransition` → `Update`: the game → `PostUpdate`: [`Send`](Self::Send) →
/// `Last`: request entities that had their answer go.
///
/// What was received before the frame began is visible to all of its `Update`, unless
/// [`NakamaSettings::receive_budget`] was used up.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, SystemSet)]
pub enum NakamaSystems {
    /// In `PreUpdate`: what arrived is applied, each envelope completely (components, relationships, observers) before the
    /// next.
    Receive,
    /// In `PostUpdate`: what the game asked for in this frame is handed to the network thread.
    Send,
}

impl Plugin for NakamaPlugin {
    fn build(&self, app: &mut App) {
        // Settings that the game has inserted before are those it wants.
        let settings = app
            .world_mut()
            .get_resource_or_insert_with(|| self.settings.clone());
        let link = NetworkLink::new(self.network.clone(), &settings);
        data::add_area::<Match>(app);
        data::add_area::<Party>(app);
        data::add_area::<Stream>(app);
        app.insert_resource(HasPlugin)
            .insert_resource(link)
            .init_resource::<BudgetClock>()
            .init_resource::<NakamaConnection>()
            .init_resource::<Requests>()
            .init_resource::<NextFrame>()
            .init_resource::<PresenceIndex>()
            .init_resource::<Moments>()
            .init_resource::<Departures>()
            .add_message::<LastWord>()
            .register_type::<Departed>()
            .add_observer(matchmaker::on_departed)
            .init_resource::<EarlyArrivals>()
            .init_resource::<ReceiveStats>()
            .init_resource::<EnvelopeTap>()
            .init_resource::<MatchIndex>()
            .init_resource::<FailedSends>()
            .init_resource::<PartyIndex>()
            .init_resource::<PartyAsks>()
            .register_type::<(Party, MemberOf, PartyMembers, PartyLeader)>()
            .register_type::<(PendingApproval, AsksToJoin, PartyJoinRequests)>()
            .init_resource::<ChatIndex>()
            .add_message::<ChatMessageReceived>()
            .register_type::<(ChatChannel, ChatChannelKind, ChatMemberOf, ChatMembers)>()
            .register_type::<(ChatLog, ChatMessage, ChatMessageKind)>()
            .init_resource::<TicketIndex>()
            .register_type::<(
                MatchmakerTicket,
                AddMatchmaker,
                TicketOf,
                PartyTickets,
                TicketId,
            )>()
            .init_resource::<NotificationInbox>()
            .add_message::<NotificationReceived>()
            .register_type::<(Notification, NotificationCode)>()
            .init_resource::<FollowedUserIndex>()
            .init_resource::<StatusBook>()
            .register_type::<(FollowedUser, SessionOf, UserSessions, UserStatus)>()
            .init_resource::<StreamIndex>()
            .register_type::<(Stream, InStream, StreamPresences, StreamPersistence)>()
            .init_state::<ConnectionState>()
            .add_message::<EnvelopeReceived>()
            .add_message::<EnvelopeSent>()
            .register_type::<NakamaSettings>()
            .register_type::<State<ConnectionState>>()
            .register_type::<(UserId, SessionId, Username, MatchId, PartyId, ChannelId)>()
            .register_type::<(IsSelf, JoinedAs, Joining, PendingRequest)>()
            .register_type::<(Match, PresentIn, MatchPresences)>()
            .add_systems(
                PreUpdate,
                (receive, mark_pending_approval.run_if(may_judge_deadlines))
                    .chain()
                    .in_set(NakamaSystems::Receive),
            )
            .add_systems(
                PostUpdate,
                (update_tap, hand_over).chain().in_set(NakamaSystems::Send),
            )
            .add_systems(Last, despawn_departed);
    }

    fn finish(&self, app: &mut App) {
        assert!(
            app.is_plugin_added::<TimePlugin>(),
            "`NakamaPlugin` needs time: add `DefaultPlugins`, `MinimalPlugins` or `TimePlugin`"
        );
    }
}

/// In `PostUpdate`: gives everything staged to the network thread, and wakes it once.
fn hand_over(mut link: ResMut<NetworkLink>) {
    link.bypass_change_detection().hand_over();
}
