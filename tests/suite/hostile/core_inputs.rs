//! Any bytes, as a session: what a game and a server do, and when.

use super::session::{Ask, Push, Say, Step, run};

/// Reads the bytes as steps, two for each, and runs them.
pub(crate) fn core_inputs(input: &[u8]) {
    let (is_orderly, steps) = input.split_first().unwrap_or((&0, &[]));
    let steps = steps.chunks_exact(2).take(400);
    let steps: Vec<_> = steps.map(|pair| step(pair[0], pair[1])).collect();
    let _ = run(&steps, is_orderly % 2 == 1);
}

fn step(what: u8, n: u8) -> Step {
    let flag = n >= 128;
    match what % 64 {
        0 => Step::Connect,
        1 => Step::Disconnect,
        2..=5 => Step::Accept,
        6 => Step::Break,
        7 => Step::Garbage,
        8 => Step::Stray(n),
        9..=12 => Step::Despawn(n),
        13 => Step::Send(n),
        14..=25 => Step::Frame,
        26 => Step::Wait(n % 64),
        27..=34 => Step::Answer(n, Say::Yes),
        35..=36 => Step::Answer(n, Say::No),
        37 => Step::Answer(n, Say::SomethingElse),
        38 => Step::Push(Push::MatchPresence(n, flag)),
        39 => Step::Push(Push::MatchData(n)),
        40..=41 => Step::Push(Push::Party(n)),
        42 => Step::Push(Push::PartyClose(n)),
        43 => Step::Push(Push::PartyLeader(n, flag)),
        44 => Step::Push(Push::PartyPresence(n, flag)),
        45 => Step::Push(Push::Error),
        46..=47 => Step::Ask(Ask::CreateMatch(n)),
        48..=51 => Step::Ask(Ask::JoinMatch(n)),
        52..=53 => Step::Ask(Ask::LeaveMatch(n)),
        54 => Step::Ask(Ask::CreateParty),
        55..=57 => Step::Ask(Ask::JoinParty(n)),
        58..=59 => Step::Ask(Ask::LeaveParty(n)),
        60 => Step::Ask(Ask::UpdateParty(n)),
        61 => Step::Ask(Ask::Follow),
        62 => Step::Ask(Ask::TooLarge),
        _ => Step::Ask(Ask::Rest),
    }
}
