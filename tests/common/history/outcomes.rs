//! Each request has exactly one outcome.

use std::collections::BTreeMap;

use super::{History, Id, Rule, Violation, What};

struct Asked {
    line: usize,
    name: &'static str,
    is_withdrawn: bool,
    outcomes: usize,
}

pub(super) fn check(history: &History, found: &mut Vec<Violation>) {
    let mut asked: BTreeMap<(usize, Id), Asked> = BTreeMap::new();
    for (index, line) in history.lines.iter().enumerate() {
        let at = (index, line.game);
        match &line.what {
            What::Asked { request, name } => {
                let new = Asked {
                    line: index,
                    name,
                    is_withdrawn: false,
                    outcomes: 0,
                };
                asked.insert((line.game, *request), new);
            }
            What::Withdrawn { request } => {
                if let Some(asked) = asked.get_mut(&(line.game, *request)) {
                    asked.is_withdrawn = true;
                }
            }
            What::Replied { request, name, .. } => match asked.get_mut(&(line.game, *request)) {
                None => {
                    let words = format!("a reply to {name}, which nobody has asked for");
                    found.push(Violation::new(history, Rule::OneOutcome, at, words));
                }
                Some(asked) => {
                    asked.outcomes += 1;
                    if asked.outcomes > 1 {
                        let words = format!("{name} has {} outcomes", asked.outcomes);
                        found.push(Violation::new(history, Rule::OneOutcome, at, words));
                    }
                    if asked.name != *name {
                        let words = format!("{} got the reply of a {name}", asked.name);
                        found.push(Violation::new(history, Rule::OneOutcome, at, words));
                    }
                }
            },
            _ => {}
        }
    }
    for ((game, _), asked) in asked {
        if asked.outcomes == 0 && !asked.is_withdrawn {
            let words = format!("{} has no outcome", asked.name);
            let at = (asked.line, game);
            found.push(Violation::new(history, Rule::OneOutcome, at, words));
        }
    }
}
