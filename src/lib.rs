//! tbd
pub mod proto;
