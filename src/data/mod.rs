//! One way in and out for the data of matches, parties and streams.

mod bind;
mod codec;
mod deliver;
mod message;
mod outgoing;
pub mod payload;
pub mod send;

pub use self::outgoing::OutgoingData;
pub(crate) use self::{
    bind::{add_area, bind, clear_area},
    deliver::{WireData, deliver},
    message::sealed,
    outgoing::{ReadyData, SendsData, send_data},
};
