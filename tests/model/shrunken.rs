//! Schedules that failed once, shrunk. Each is as the model test printed it, but for its name.

use crate::{
    common::schedule::{
        Act::{Accept, JoinParty, MakeParty},
        Fault::HalfOpen,
        Step::{Do, Line, Wait},
        Way::ToClient,
    },
    holds,
};

/// Its leader lets the member in again.
#[test]
fn a_member_of_a_closed_party_is_half_open() {
    holds(
        11,
        5,
        &[
            Do(
                4,
                MakeParty {
                    slot: 1,
                    is_open: false,
                    size: 4,
                },
            ),
            Wait(100),
            Do(3, JoinParty(1)),
            Wait(100),
            Do(4, Accept),
            Wait(100),
            Line(3, HalfOpen(ToClient)),
        ],
    );
}
