//! Random schedules.

use super::{Act, Fault, Step, Way};

/// Random numbers: the same seed gives the same ones on every machine.
#[derive(Clone, Debug)]
pub(crate) struct Mix(u64);

impl Mix {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next one, by `SplitMix64`.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// One of so many numbers, from zero on.
    pub(crate) fn below(&mut self, count: u64) -> u64 {
        self.next() % count.max(1)
    }

    fn small(&mut self, count: u8) -> u8 {
        u8::try_from(self.below(count.into())).unwrap_or_default()
    }

    /// Whether something happens that happens so often in a hundred times.
    pub(crate) fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }
}

/// A schedule for so many games.
pub(crate) fn random(seed: u64, games: usize) -> Vec<Step> {
    let mut mix = Mix::new(seed);
    let count = 20 + mix.below(40);
    let has_server_kills = mix.percent(40);
    let mut schedule = Vec::new();
    // Something has to be there before it can be lost.
    for game in 0..games {
        for _ in 0..3 {
            schedule.push(Step::Do(game, entering(&mut mix)));
        }
    }
    schedule.push(Step::Wait(700));
    for _ in 0..count {
        let game = usize::try_from(mix.below(games as u64)).unwrap_or_default();
        match mix.below(100) {
            0..22 => schedule.push(Step::Line(game, fault(&mut mix))),
            22..26 if has_server_kills => {
                schedule.push(Step::ServerDies);
                schedule.push(wait(&mut mix));
                schedule.push(Step::ServerStarts);
            }
            22..50 => schedule.push(Step::Do(game, entering(&mut mix))),
            _ => schedule.push(Step::Do(game, act(&mut mix, games))),
        }
        if mix.percent(60) {
            schedule.push(wait(&mut mix));
        }
    }
    schedule
}

fn wait(mix: &mut Mix) -> Step {
    let millis = match mix.below(10) {
        0..3 => 10 + mix.below(50),
        3..7 => 50 + mix.below(700),
        7..9 => 500 + mix.below(4_000),
        _ => 4_000 + mix.below(26_000),
    };
    Step::Wait(u32::try_from(millis).unwrap_or_default())
}

fn way(mix: &mut Mix) -> Way {
    match mix.below(3) {
        0 => Way::ToServer,
        1 => Way::ToClient,
        _ => Way::Both,
    }
}

fn fault(mix: &mut Mix) -> Fault {
    match mix.below(12) {
        0..4 => Fault::Reset,
        4..8 => Fault::HalfOpen(way(mix)),
        8 => Fault::Close(1000),
        9 => {
            let millis = 100 + mix.below(6_000);
            Fault::Hold(way(mix), u32::try_from(millis).unwrap_or_default())
        }
        10 => Fault::Unplug,
        _ => Fault::Plug,
    }
}

/// What brings a game into something.
fn entering(mix: &mut Mix) -> Act {
    match mix.below(10) {
        0..2 => Act::EnterNamed(mix.small(2)),
        2 => Act::MakeMatch(mix.small(2)),
        3 => Act::JoinMade(mix.small(2)),
        4 => Act::MakeParty {
            slot: mix.small(2),
            is_open: mix.percent(60),
            size: 2 + mix.small(4),
        },
        5..7 => Act::JoinParty(mix.small(2)),
        7 => Act::JoinRoom(mix.small(2)),
        8 => Act::Accept,
        _ => Act::Follow(mix.small(5)),
    }
}

fn act(mix: &mut Mix, games: usize) -> Act {
    let games = u8::try_from(games).unwrap_or(u8::MAX);
    match mix.below(40) {
        0..2 => Act::Connect,
        2 => Act::Disconnect,
        3..5 => Act::LeaveMatch(mix.small(3)),
        5 => Act::DespawnMatch(mix.small(3)),
        6..10 => Act::SendData(mix.small(3)),
        10..12 => Act::QueueData(mix.small(3)),
        12 => Act::LeaveParty(mix.small(2)),
        13 => Act::CloseParty(mix.small(2)),
        14..18 => Act::Accept,
        18 => Act::Decline,
        19 => Act::Kick(mix.small(4)),
        20..22 => Act::Promote(mix.small(4)),
        22 => Act::SetOpen(mix.small(2), mix.percent(50)),
        23..25 => Act::SendToParty(mix.small(2)),
        25 => Act::LeaveRoom(mix.small(2)),
        26..29 => Act::Say(mix.small(2)),
        29..31 => Act::AddTicket(2 + mix.small(2)),
        31 => Act::AddPartyTicket(mix.small(2)),
        32 => Act::RemoveTicket(mix.small(3)),
        33..35 => Act::Follow(mix.small(games)),
        35 => Act::Unfollow(mix.small(games)),
        36..38 => Act::SetStatus(mix.percent(85).then(|| mix.small(4))),
        _ => Act::Withdraw,
    }
}
