//! One way in and out for the data of matches, parties and streams.

mod bind;
mod codec;
mod deliver;
pub(crate) mod json;
mod message;
mod outgoing;
pub mod payload;
pub mod send;
mod window;

use bevy_app::{App, Plugin};

pub use self::outgoing::OutgoingData;
pub(crate) use self::{
    bind::bind,
    deliver::{WireData, add_data},
    message::sealed,
    outgoing::{ReadyData, SendsData, send_data},
    window::{TO_WHOMEVER, terms_of, terms_to},
};
use crate::{
    ecs::observed,
    mirror::{AreaAppExt as _, LifeCycle, NOTHING},
};

/// Tells the game of data that was not sent.
pub(crate) struct DataPlugin;

impl Plugin for DataPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<observed::Told<send::Logged>>()
            .init_resource::<send::Chosen>()
            .add_life_cycle(LifeCycle {
                on_opened: observed::forget_told::<send::Logged>,
                on_lost: NOTHING,
                reenter: NOTHING,
                on_closed: NOTHING,
            })
            .register_type::<send::SendWindow>()
            .handle_failed_sends(send::on_send_failed);
    }
}
