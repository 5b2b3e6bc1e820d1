//! Nothing of an old link is delivered, nothing twice, and nothing out of order.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{History, Id, Rule, Violation, What};

/// What arrived in the frame in which the connection ended is read at the end of that frame.
const FRAME: Duration = Duration::from_millis(100);

#[derive(Default)]
struct Game<'a> {
    link: u32,
    /// Over which links a datum came.
    carried: BTreeMap<&'a str, BTreeSet<u32>>,
    delivered: BTreeSet<(Id, &'a str)>,
    live: BTreeSet<&'a str>,
    /// The last datum of each sender in each context.
    last: BTreeMap<(Id, &'a str), u64>,
    phase: Phase,
    ended: Duration,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Phase {
    #[default]
    Off,
    On,
    Lost,
}

pub(super) fn check(history: &History, found: &mut Vec<Violation>) {
    let sent: BTreeSet<&str> = history
        .lines
        .iter()
        .filter_map(|line| match &line.what {
            What::Sent { datum } => Some(datum.as_str()),
            _ => None,
        })
        .collect();
    let mut games: BTreeMap<usize, Game<'_>> = BTreeMap::new();
    for (index, line) in history.lines.iter().enumerate() {
        let game = games.entry(line.game).or_default();
        let mut wrong = |words: String| {
            let at = (index, line.game);
            found.push(Violation::new(history, Rule::NothingOld, at, words));
        };
        match &line.what {
            What::Linked(link) => game.link = *link,
            What::Carried { link, datum } => {
                game.carried.entry(datum).or_default().insert(*link);
            }
            What::Delivered {
                context,
                datum,
                replayed,
            } => {
                if !sent.contains(datum.as_str()) {
                    wrong(format!("{datum:?} was delivered, and nobody has sent it"));
                }
                // Whoever has left a channel and entered it again may get from its history what they have heard before.
                let is_new = game.delivered.insert((*context, datum));
                if !is_new || !*replayed && !game.live.insert(datum) {
                    wrong(format!("{datum} was delivered twice"));
                }
                if game.phase == Phase::Off && line.at > game.ended + FRAME {
                    wrong(format!("{datum} was delivered without a connection"));
                }
                if *replayed {
                    continue; // it came over REST
                }
                if let Some(links) = game.carried.get(datum.as_str())
                    && !links.contains(&game.link)
                {
                    let link = game.link;
                    wrong(format!(
                        "{datum} was delivered on link {link}, and came over {links:?}"
                    ));
                }
                if let Some((sender, number)) = datum.split_once('#')
                    && let Ok(number) = number.parse()
                {
                    let last = game.last.insert((*context, sender), number);
                    if last.is_some_and(|last| last >= number) {
                        let words = format!("{datum} was delivered after one that was sent later");
                        wrong(words);
                    }
                }
            }
            What::Connected { resumed } => {
                let before = if *resumed { Phase::Lost } else { Phase::Off };
                if game.phase != before {
                    wrong(format!(
                        "connected (resumed: {resumed}) when it was {:?}",
                        game.phase
                    ));
                }
                game.phase = Phase::On;
            }
            What::ConnectionLost => {
                if game.phase == Phase::Off {
                    wrong("a connection was lost that was not there".into());
                }
                game.phase = Phase::Lost;
            }
            What::Disconnected(_) => {
                game.phase = Phase::Off;
                game.ended = line.at;
            }
            // What cannot be entered for 5 s comes later.
            What::Reentered { .. } if game.phase == Phase::Off => {
                wrong("entered again without a connection".into());
            }
            _ => {}
        }
    }
}
