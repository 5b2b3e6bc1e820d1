//! Whoever stays keeps their entity, and each member comes and goes in turns.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{History, Id, Kind, Line, Quiet, Rule, Violation, What};

/// What a game has heard of a presence.
#[derive(Default)]
struct Told {
    is_related: bool,
    has_joined: bool,
}

#[derive(Default)]
struct Game<'a> {
    /// The kind and the id of each context that it is, or was, in.
    contexts: BTreeMap<Id, (Kind, &'a str)>,
    presences: BTreeMap<(Id, Id), Told>,
    /// Who is in each context: the presence of each session.
    here: BTreeMap<Id, BTreeMap<&'a str, Id>>,
    /// The user of each session.
    users: BTreeMap<&'a str, &'a str>,
    /// Who has left each context, and when they had joined.
    joined_at: BTreeMap<(Id, &'a str), usize>,
    was_here: BTreeMap<(Id, &'a str), (Id, usize)>,
    /// The presence of the local user, with the session of this connection.
    own: BTreeMap<Id, Id>,
    session: Option<&'a str>,
    /// The sessions of this game since it went online.
    own_sessions: BTreeSet<&'a str>,
    outage: Option<Outage<'a>>,
    /// Where entities pass on to members who are back, and which sessions have none since.
    adopts: BTreeSet<Id>,
    hidden: BTreeSet<(Id, &'a str)>,
    /// Whether it has removed somebody from a party.
    kicks: bool,
}

/// What was told since the connection was lost.
#[derive(Default)]
struct Outage<'a> {
    /// How many sessions each user had before.
    before: BTreeMap<(Id, &'a str), usize>,
    /// All presences of before.
    presences: BTreeSet<(Id, Id)>,
    /// Of those, whose has left.
    left: BTreeSet<(Id, &'a str)>,
    joined: BTreeSet<(Id, &'a str)>,
}

pub(super) fn check(history: &History, found: &mut Vec<Violation>) {
    let mut games: BTreeMap<usize, Game<'_>> = BTreeMap::new();
    let mut quiet = history.quiet.iter().peekable();
    for (index, line) in history.lines.iter().enumerate() {
        while let Some(now) = quiet.next_if(|quiet| quiet.after <= index) {
            in_turns(history, now, &games, found);
        }
        let game = games.entry(line.game).or_default();
        let mut wrong = |rule, words: String| {
            found.push(Violation::new(history, rule, (index, line.game), words));
        };
        game.hear(history, (index, line), &mut wrong);
    }
    for now in quiet {
        in_turns(history, now, &games, found);
    }
    spurious_leaves(history, found);
}

impl<'a> Game<'a> {
    fn hear(
        &mut self,
        history: &'a History,
        (index, line): (usize, &'a Line),
        wrong: &mut impl FnMut(Rule, String),
    ) {
        if let What::Linked(_) | What::ConnectionLost | What::Disconnected(_) = &line.what {
            self.session = None;
        }
        if let What::Disconnected(_) = &line.what {
            self.own_sessions.clear();
        }
        match &line.what {
            What::Entered { kind, context, id } => {
                self.contexts.insert(*context, (*kind, id));
            }
            What::Related {
                context, presence, ..
            } => {
                let told = self.presences.entry((*context, *presence)).or_default();
                if told.is_related {
                    wrong(Rule::ComeAndGo, format!("{presence} was added twice"));
                }
                told.is_related = true;
            }
            What::Unrelated {
                context, presence, ..
            } => {
                let told = self.presences.entry((*context, *presence)).or_default();
                if !told.is_related {
                    let words = format!("{presence} was removed, and was not there");
                    wrong(Rule::ComeAndGo, words);
                }
                told.is_related = false;
            }
            What::Session(session) => {
                self.session = Some(session);
                self.own_sessions.insert(session);
            }
            What::Joined { .. } => self.joined(history, (index, line), wrong),
            What::Left { .. } => self.left((index, line), wrong),
            What::Named { presence, session } => self.named(*presence, session, index),
            What::Adopts { context } => {
                self.adopts.insert(*context);
            }
            What::Asked {
                name: "KickFromParty",
                ..
            } => self.kicks = true,
            What::Adopted {
                context,
                presence,
                old,
                new,
            } => {
                if !self.adopts.contains(context) {
                    wrong(Rule::EntitiesStay, format!("{presence} passed on unasked"));
                }
                self.hidden.insert((*context, old));
                let here = self.here.entry(*context).or_default();
                let is_named = here.get(new.as_str()) == Some(presence);
                if here.remove(old.as_str()) != Some(*presence) && !is_named {
                    let words = format!("{presence} passed on from {old}, whose it was not");
                    wrong(Rule::ComeAndGo, words);
                }
                here.insert(new, *presence);
                if let Some(user) = self.users.get(old.as_str()).copied() {
                    self.users.insert(new, user);
                }
                self.joined_at.insert((*context, new), index);
            }
            // Who was gone in between has left, and joins again.
            What::ConnectionLost => {
                if let Some(outage) = self.outage.take() {
                    self.flickered(&outage, wrong);
                }
                self.outage = Some(self.lost());
            }
            What::Connected { .. } | What::Disconnected(_) => {
                if let Some(outage) = self.outage.take() {
                    self.flickered(&outage, wrong);
                }
            }
            _ => {}
        }
    }

    /// A presence passes on to another session of its user, without a word: the local user was away, and both are the same player.
    fn named(&mut self, presence: Id, session: &'a str, index: usize) {
        for (context, here) in &mut self.here {
            let before = here.iter().find(|(_, it)| **it == presence);
            let Some(before) = before.map(|(before, _)| *before) else {
                continue;
            };
            here.remove(before);
            here.insert(session, presence);
            if let Some(user) = self.users.get(before).copied() {
                self.users.insert(session, user);
            }
            self.joined_at.insert((*context, session), index);
        }
    }

    fn joined(
        &mut self,
        history: &'a History,
        (index, line): (usize, &'a Line),
        wrong: &mut impl FnMut(Rule, String),
    ) {
        let What::Joined {
            kind,
            context,
            presence,
            user,
            session,
            how,
        } = &line.what
        else {
            return;
        };
        let told = self.presences.entry((*context, *presence)).or_default();
        if told.has_joined {
            wrong(Rule::ComeAndGo, format!("{presence} joined twice"));
        }
        if !told.is_related {
            let words = format!("{presence} joined, and is related to nothing");
            wrong(Rule::ComeAndGo, words);
        }
        told.has_joined = true;
        let is_only_device = history.users.iter().filter(|it| *it == user).count() == 1;
        let is_own = history.users.get(line.game) == Some(user);
        if is_only_device && !is_own && self.should_have_passed_on(*context, user, session) {
            let words = format!("{session} of {user} is back, and has another entity");
            wrong(Rule::EntitiesStay, words);
        }
        if self.own_sessions.contains(session.as_str()) && self.session != Some(session) {
            let words = format!("{session} joined, an old session of the local user");
            wrong(Rule::EntitiesStay, words);
        }
        self.users.insert(session, user);
        let here = self.here.entry(*context).or_default();
        if let Some(other) = here.insert(session, *presence)
            && other != *presence
        {
            let words = format!("{session} joined as {presence}, and is there as {other}");
            wrong(Rule::ComeAndGo, words);
        }
        let key = (*context, session.as_str());
        if let Some((was, since)) = self.was_here.get(&key)
            && !has_left_between(
                history,
                (*kind, self.contexts.get(context)),
                session,
                (*since, index),
            )
        {
            let words = format!("{session} never left, and was {was} and is {presence} now");
            wrong(Rule::EntitiesStay, words);
        }
        self.joined_at.insert(key, index);
        if is_only_device
            && *kind != Kind::User
            && is_own
            && self.session.is_none_or(|own| own == *session)
            && let Some(was) = self.own.insert(*context, *presence)
            && was != *presence
        {
            let words = format!("the local user was {was} and is {presence} now");
            wrong(Rule::EntitiesStay, words);
        }
        if *how == "WhileAway"
            && let Some(outage) = &mut self.outage
        {
            outage.joined.insert((*context, user));
        }
    }

    /// Whether the entity of a user's only other session is to pass on to a session that joins.
    fn should_have_passed_on(&self, context: Id, user: &str, session: &str) -> bool {
        let here = self.here.get(&context).into_iter().flatten();
        let of_user = here.filter(|(it, _)| **it != session && self.users.get(*it) == Some(&user));
        let kind = self.contexts.get(&context).map(|(kind, _)| *kind);
        self.adopts.contains(&context)
            && !(self.kicks && kind == Some(Kind::Party))
            && !self.hidden.contains(&(context, session))
            && of_user.count() == 1
    }

    fn left(&mut self, (_, line): (usize, &'a Line), wrong: &mut impl FnMut(Rule, String)) {
        let What::Left {
            context,
            presence,
            user,
            session,
            why,
            ..
        } = &line.what
        else {
            return;
        };
        let told = self.presences.entry((*context, *presence)).or_default();
        if !told.has_joined {
            let words = format!("{presence} left, and had not joined");
            wrong(Rule::ComeAndGo, words);
        }
        told.has_joined = false;
        let here = self.here.entry(*context).or_default();
        if here.remove(session.as_str()) != Some(*presence) {
            let words = format!("{presence} left as {session}, which it was not");
            wrong(Rule::ComeAndGo, words);
        }
        let key = (*context, session.as_str());
        if let Some(since) = self.joined_at.get(&key)
            && matches!(*why, "Left" | "WhileAway")
        {
            self.was_here.insert(key, (*presence, *since));
        }
        if *why == "WhileAway"
            && let Some(outage) = &mut self.outage
            && outage.presences.contains(&(*context, *presence))
        {
            outage.left.insert((*context, user));
        }
    }

    /// The connection is lost. Who is there now may be there afterwards.
    fn lost(&self) -> Outage<'a> {
        let mut outage = Outage::default();
        for (context, here) in &self.here {
            for (session, presence) in here {
                let user = self.users.get(session).copied().unwrap_or_default();
                *outage.before.entry((*context, user)).or_default() += 1;
                outage.presences.insert((*context, *presence));
            }
        }
        outage
    }

    /// Whoever had one session before, and came back with new ones, is the same player.
    fn flickered(&self, outage: &Outage<'a>, wrong: &mut impl FnMut(Rule, String)) {
        for (context, user) in outage.left.intersection(&outage.joined) {
            if outage.before.get(&(*context, user)) == Some(&1) {
                let words = format!("{user} left and joined while the local user was away");
                wrong(Rule::EntitiesStay, words);
            }
        }
    }
}

/// So much later others may see what a game has asked for: their lines may stand still.
const LATE: Duration = Duration::from_secs(40);

/// Whether the game of a session says that it was out of something between two lines.
fn has_left_between(
    history: &History,
    (kind, id): (Kind, Option<&(Kind, &str)>),
    session: &str,
    (from, until): (usize, usize),
) -> bool {
    let Some(owner) = owner(history, session) else {
        return true; // nobody can tell
    };
    let Some((_, id)) = id else {
        return true;
    };
    let (mut entity, mut entering) = (BTreeSet::new(), BTreeSet::new());
    // What happened before it had this session counts for another one.
    let told = |line: &&Line| matches!(&line.what, What::Session(it) if it == session);
    let since = history.lines.iter().find(told).map(|line| line.at);
    let begin = history.lines[from].at.saturating_sub(LATE);
    let begin = begin.max(since.unwrap_or_default());
    for line in &history.lines[..until] {
        if line.game != owner {
            continue;
        }
        let is_late = line.at >= begin;
        match &line.what {
            What::Entered {
                context, id: it, ..
            } if it == id => {
                entity.insert(*context);
            }
            What::Gone { context, .. } if is_late && entity.contains(context) => return true,
            // What it asked for may have been done before it heard of that.
            What::Asked { name, .. }
                if is_late && (name.starts_with("Leave") || name.starts_with("Close")) =>
            {
                return true;
            }
            What::Asked { name, .. }
                if is_late && kind == Kind::User && *name == "UpdateStatus" =>
            {
                return true;
            }
            What::Asked { request, name }
                if name.starts_with("Join") || name.starts_with("Create") =>
            {
                entering.insert(*request);
            }
            What::Withdrawn { request }
                if is_late && (entity.contains(request) || entering.contains(request)) =>
            {
                return true;
            }
            What::Disconnected(_) if is_late => return true,
            _ => {}
        }
    }
    false
}

/// The game whose session this is.
fn owner(history: &History, session: &str) -> Option<usize> {
    let mut lines = history.lines.iter();
    let line = lines.find(|line| matches!(&line.what, What::Session(it) if it == session))?;
    Some(line.game)
}

/// The session that a game has in the end was never gone from what it is in since it entered with that session. So nobody can have seen
/// it leave.
fn spurious_leaves(history: &History, found: &mut Vec<Violation>) {
    let Some(last) = history.quiet.last() else {
        return;
    };
    for (owner, mirror) in last.mirrors.iter().enumerate() {
        let Some(session) = &mirror.session else {
            continue;
        };
        for ((kind, id), place) in &mirror.places {
            let is_member = place.members.iter().any(|it| it.session == *session);
            if !is_member || *kind == Kind::User {
                continue;
            }
            let told = |line: &Line| {
                line.game == owner && matches!(&line.what, What::Session(it) if it == session)
            };
            let Some(since) = history.lines.iter().position(told) else {
                continue;
            };
            let key = Some((*kind, id.as_str()));
            let until = last.after.min(history.lines.len());
            if has_left_between(history, (*kind, key.as_ref()), session, (since, until)) {
                continue;
            }
            let mut contexts = BTreeSet::new();
            for (index, line) in history.lines[..until].iter().enumerate() {
                match &line.what {
                    What::Entered {
                        context, id: it, ..
                    } if it == id => {
                        contexts.insert((line.game, *context));
                    }
                    What::Left {
                        context,
                        session: who,
                        why: "Left" | "WhileAway",
                        ..
                    } if who == session && contexts.contains(&(line.game, *context)) => {
                        let words = format!("{session} left, and is there all the time");
                        let at = (index, line.game);
                        found.push(Violation::new(history, Rule::EntitiesStay, at, words));
                    }
                    _ => {}
                }
            }
        }
    }
}

/// In a quiet moment, whoever has joined and not left is there, and nobody else.
fn in_turns(
    history: &History,
    now: &Quiet,
    games: &BTreeMap<usize, Game<'_>>,
    found: &mut Vec<Violation>,
) {
    for (index, mirror) in now.mirrors.iter().enumerate() {
        let Some(game) = games.get(&index) else {
            continue;
        };
        let mut shown = BTreeSet::new();
        for place in mirror.places.values() {
            let members = place.members.iter();
            shown.extend(members.map(|member| (place.context, member.presence)));
        }
        let mut wrong = |words: String| {
            let at = (now.after.saturating_sub(1), index);
            found.push(Violation::new(history, Rule::ComeAndGo, at, words));
        };
        for ((context, presence), told) in &game.presences {
            let kind = game.contexts.get(context).map(|(kind, _)| *kind);
            if kind == Some(Kind::Stream) || kind.is_none() {
                continue;
            }
            if told.is_related != told.has_joined {
                wrong(format!(
                    "{presence}: related {}, joined {}",
                    told.is_related, told.has_joined
                ));
            }
            if told.has_joined != shown.contains(&(*context, *presence)) {
                wrong(format!(
                    "{presence}: joined {}, and the game shows otherwise",
                    told.has_joined
                ));
            }
        }
        for (context, presence) in shown {
            if !game.presences.contains_key(&(context, presence)) {
                wrong(format!(
                    "{presence} is there, and the game has not heard of it"
                ));
            }
        }
    }
}
