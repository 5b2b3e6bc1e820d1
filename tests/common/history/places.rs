//! After a quiet time, each game shows what the server has.

use std::collections::{BTreeMap, BTreeSet};

use super::{History, Kind, Mirror, PlaceView, Quiet, Rule, Truth, Violation};

pub(super) fn check(history: &History, found: &mut Vec<Violation>) {
    for quiet in &history.quiet {
        let said = of_the_games(history, quiet);
        let (truth, is_complete) = match &quiet.truth {
            Some(truth) => (truth, true),
            None => (&said, false),
        };
        for (game, mirror) in quiet.mirrors.iter().enumerate() {
            let mut wrong = |words: String| {
                let at = (quiet.after.saturating_sub(1), game);
                found.push(Violation::new(history, Rule::MirrorIsTruth, at, words));
            };
            for leftover in &mirror.leftovers {
                wrong(leftover.clone());
            }
            let user = history.users.get(game).map_or("", String::as_str);
            let devices = history.users.iter().filter(|it| *it == user).count();
            compare((user, devices), mirror, truth, is_complete, &mut wrong);
        }
    }
}

/// What the games say of themselves, where nobody can look into the server.
fn of_the_games(history: &History, quiet: &Quiet) -> Truth {
    let mut truth = Truth::default();
    for (game, mirror) in quiet.mirrors.iter().enumerate() {
        let (Some(user), Some(session)) = (history.users.get(game), &mirror.session) else {
            continue;
        };
        if !mirror.is_connected {
            continue;
        }
        let sessions = truth.sessions.entry(user.clone()).or_default();
        sessions.push(session.clone());
        for ((kind, id), view) in &mirror.places {
            if *kind == Kind::User || view.is_waiting {
                continue; // who waits for a leader is not in it
            }
            let place = truth.places.entry((*kind, id.clone())).or_default();
            place.members.push((user.clone(), session.clone(), None));
            place.open = place.open.or(view.open);
            let leader = view.members.iter().find(|member| member.leads);
            place.leader = place
                .leader
                .take()
                .or_else(|| leader.map(|leader| leader.session.clone()));
        }
    }
    truth
}

fn compare(
    (user, devices): (&str, usize),
    mirror: &Mirror,
    truth: &Truth,
    is_complete: bool,
    wrong: &mut impl FnMut(String),
) {
    if mirror.is_between {
        return wrong("it is still on its way".into());
    }
    if !mirror.is_connected {
        if !mirror.places.is_empty() || !mirror.tickets.is_empty() {
            let places = mirror.places.keys();
            wrong(format!("it is offline, and shows {places:?}"));
        }
        return;
    }
    let sessions = truth.sessions.get(user).map_or(&[][..], Vec::as_slice);
    let session = match (&mirror.session, sessions) {
        (Some(session), _) => session,
        // It is in nothing, so it need not know.
        (None, [session]) => session,
        (None, _) => return,
    };
    if is_complete && !sessions.contains(session) {
        return wrong(format!(
            "its session is {session}, and the server has {sessions:?}"
        ));
    }
    let is_in = |place: &super::PlaceTruth| place.members.iter().any(|(_, it, _)| it == session);
    for (key, place) in &truth.places {
        if key.0 != Kind::User && is_in(place) && !mirror.places.contains_key(key) {
            wrong(format!(
                "the server has it in {key:?}, and it shows nothing"
            ));
        }
    }
    for (key, view) in &mirror.places {
        let place = truth.places.get(key);
        if view.is_waiting {
            continue;
        }
        if key.0 == Kind::User {
            // Nothing lists the local user's other devices: only what changes is told.
            let is_unlisted = key.1 == user && devices > 1;
            if is_complete && is_unlisted {
                let (mut view, mut place) = (view.clone(), place.cloned().unwrap_or_default());
                view.members.retain(|it| it.session == *session);
                place.members.retain(|(_, it, _)| it == session);
                members(key, &view, &place, wrong);
            } else if is_complete {
                let none = super::PlaceTruth::default();
                members(key, view, place.unwrap_or(&none), wrong);
            }
            continue;
        }
        match place.filter(|place| is_in(place)) {
            None => wrong(format!(
                "it shows {key:?}, and the server does not have it in there"
            )),
            Some(place) => {
                members(key, view, place, wrong);
                party(key, view, place, is_complete, wrong);
            }
        }
    }
    if is_complete {
        follows(session, user, mirror, truth, wrong);
        tickets(session, mirror, truth, wrong);
    }
}

fn members(
    key: &(Kind, String),
    view: &PlaceView,
    place: &super::PlaceTruth,
    wrong: &mut impl FnMut(String),
) {
    let mut shown = BTreeMap::new();
    for member in &view.members {
        if shown.insert(member.session.clone(), member).is_some() {
            wrong(format!("{} is twice in {key:?}", member.session));
        }
        if !member.is_indexed {
            wrong(format!("no index finds {} in {key:?}", member.session));
        }
        if member.is_stale {
            wrong(format!("{} is stale in {key:?}", member.session));
        }
    }
    for (user, session, status) in &place.members {
        match shown.remove(session) {
            None => wrong(format!(
                "{session} of {user} is in {key:?}, and is not shown"
            )),
            Some(member) => {
                if member.user != *user {
                    let shown = &member.user;
                    wrong(format!(
                        "{session} in {key:?} is {user}, and is shown as {shown}"
                    ));
                }
                if key.0 == Kind::User && member.status != *status {
                    let shown = &member.status;
                    wrong(format!(
                        "{session} has status {status:?}, and {shown:?} is shown"
                    ));
                }
            }
        }
    }
    for (session, member) in shown {
        let user = &member.user;
        wrong(format!(
            "{session} of {user} is shown in {key:?}, and is not there"
        ));
    }
}

fn party(
    key: &(Kind, String),
    view: &PlaceView,
    place: &super::PlaceTruth,
    is_complete: bool,
    wrong: &mut impl FnMut(String),
) {
    if key.0 != Kind::Party {
        return;
    }
    let shown = view.members.iter().filter(|member| member.leads);
    let shown: Vec<_> = shown.map(|member| &member.session).collect();
    let leads: Vec<_> = place.leader.iter().collect();
    if shown != leads {
        wrong(format!("{leads:?} leads {key:?}, and {shown:?} is shown"));
    }
    if view.open != place.open {
        let (open, shown) = (place.open, view.open);
        wrong(format!("{key:?}: open is {open:?}, and {shown:?} is shown"));
    }
    if is_complete {
        let order: Vec<_> = place
            .members
            .iter()
            .map(|(_, session, _)| session)
            .collect();
        let shown: Vec<_> = view.members.iter().map(|member| &member.session).collect();
        if order != shown && BTreeSet::from_iter(&order) == BTreeSet::from_iter(&shown) {
            wrong(format!(
                "the order in {key:?} is {order:?}, and {shown:?} is shown"
            ));
        }
    }
}

fn follows(
    session: &str,
    user: &str,
    mirror: &Mirror,
    truth: &Truth,
    wrong: &mut impl FnMut(String),
) {
    let followed = truth.follows.get(session).into_iter().flatten();
    let followed: BTreeSet<_> = followed
        .map(String::as_str)
        .filter(|it| *it != user)
        .collect();
    let users = mirror.places.iter();
    let shown: BTreeSet<_> = users
        .filter(|((kind, id), _)| *kind == Kind::User && id != user)
        .map(|((_, id), _)| id.as_str())
        .collect();
    if followed != shown {
        wrong(format!("it follows {followed:?}, and {shown:?} is shown"));
    }
}

fn tickets(session: &str, mirror: &Mirror, truth: &Truth, wrong: &mut impl FnMut(String)) {
    let tickets = truth.tickets.iter();
    let has: BTreeSet<_> = tickets
        .filter(|(_, sessions)| sessions.iter().any(|it| it == session))
        .map(|(id, _)| id)
        .collect();
    let shown: BTreeSet<_> = mirror.tickets.keys().collect();
    if has != shown {
        wrong(format!(
            "it has the tickets {has:?}, and {shown:?} are shown"
        ));
    }
}
