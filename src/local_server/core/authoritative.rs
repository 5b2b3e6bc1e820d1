//! Authoritative matches: running what the game has registered.

use std::{collections::BTreeMap, time::Duration};

use uuid::Uuid;

use super::{
    Core, Timer,
    listed::Listed,
    matches::{count, stream_of},
    presence::{Event, Mode, Peer, Stream},
    requests::{Answer, ErrorCode, Refusal},
    runtime::{
        MatchContext, MatchFlow, MatchHandler, MatchMessage, Runtime, RuntimeError, guarded,
    },
    sessions::Ending,
};
use crate::proto::{
    Message,
    realtime::{Match, MatchDataSend},
};

/// The longest label, in bytes.
const MAX_LABEL: usize = 2048;

/// How many messages wait for the next round of a match. More are dropped.
const MAX_WAITING: usize = 128;

/// How far a match may be behind. What is beyond that is not made up for.
const MAX_BEHIND: Duration = Duration::from_secs(1);

/// A match.
pub(super) struct Running {
    /// The name its handler is registered under.
    pub(super) handler_name: String,
    /// Out while it is at work.
    handler: Option<Box<dyn MatchHandler>>,
    pub(super) tick_rate: u32,
    pub(super) tick: u64,
    pub(super) label: Listed<String>,
    waiting: Vec<MatchMessage>,
}

/// All authoritative matches, by the UUID in their ids.
#[derive(Default)]
pub(super) struct Matches {
    by_id: BTreeMap<Uuid, Running>,
    /// In the order they began.
    order: Vec<Uuid>,
}

impl Matches {
    pub(super) fn get(&self, id: Uuid) -> Option<&Running> {
        self.by_id.get(&id)
    }

    /// In the order they began.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Uuid, &Running)> {
        let running = |id: &Uuid| Some((*id, self.by_id.get(id)?));
        self.order.iter().filter_map(running)
    }

    fn remove(&mut self, id: Uuid) {
        self.by_id.remove(&id);
        self.order.retain(|other| *other != id);
    }
}

/// Why a handler does not answer.
enum Silent {
    /// There is no such match, or not any more because the handler has panicked.
    Gone,
    /// It is at work.
    Busy,
}

impl Core {
    pub(super) fn authoritative_stream(&self, id: Uuid) -> Stream {
        Stream::new(Mode::MATCH_AUTHORITATIVE, id).labelled(self.config.node.clone())
    }

    /// Lets a handler do something. A match whose handler panics fails.
    fn ask_handler<R>(
        &mut self,
        id: Uuid,
        work: impl FnOnce(&mut dyn MatchHandler, &mut MatchContext<'_>) -> R,
    ) -> Result<R, Silent> {
        let running = self.running.by_id.get_mut(&id).ok_or(Silent::Gone)?;
        let mut handler = running.handler.take().ok_or(Silent::Busy)?;
        let mut context = MatchContext {
            stream: self.authoritative_stream(id),
            runtime: Runtime::new(self, None),
        };
        let result = guarded(|| work(&mut *handler, &mut context));
        if let Some(running) = self.running.by_id.get_mut(&id) {
            running.handler = Some(handler);
        }
        result.ok_or_else(|| {
            log::error!("the handler of match {id} has panicked");
            self.fail_match(id);
            Silent::Gone
        })
    }

    /// Goes on, or does not.
    fn follow(&mut self, id: Uuid, flow: Result<MatchFlow, Silent>) {
        match flow {
            Ok(MatchFlow::Continue) | Err(_) => {}
            Ok(MatchFlow::End) => self.end_match(id),
            Ok(MatchFlow::Fail) => self.fail_match(id),
        }
    }

    fn end_match(&mut self, id: Uuid) {
        self.running.remove(id);
        self.timers.cancel(Timer::MatchTick(id));
        let stream = self.authoritative_stream(id);
        self.tracker.untrack_stream(&stream);
    }

    fn fail_match(&mut self, id: Uuid) {
        let members = self.tracker.sessions(&self.authoritative_stream(id));
        self.end_match(id);
        for session in members {
            self.end(session, Ending::ServerSide);
        }
    }

    pub(super) fn create_match(
        &mut self,
        handler_name: &str,
        params: &str,
    ) -> Result<String, RuntimeError> {
        let factory = self.config.runtime.match_handler(handler_name);
        let factory =
            factory.ok_or_else(|| RuntimeError::new("error creating match: handler not found"))?;
        let handler = guarded(|| factory())
            .ok_or_else(|| RuntimeError::new("error creating match: the handler has panicked"))?;
        let id = self.ids.random();
        let running = Running {
            handler_name: handler_name.to_owned(),
            handler: Some(handler),
            tick_rate: 1,
            tick: 0,
            label: Listed::new(String::new(), self.clock.now()),
            waiting: Vec::new(),
        };
        self.running.by_id.insert(id, running);
        self.running.order.push(id);
        let init = self
            .ask_handler(id, |handler, context| handler.init(context, params))
            .map_err(|_| RuntimeError::new("error creating match: the handler has panicked"));
        let begun = init.and_then(|init| {
            if !(1..=60).contains(&init.tick_rate) {
                let problem = "error creating match: tick rate must be between 1 and 60";
                return Err(RuntimeError::new(problem));
            }
            check_label(&init.label)?;
            let now = self.clock.now();
            if let Some(running) = self.running.by_id.get_mut(&id) {
                running.tick_rate = init.tick_rate;
                running.label = Listed::new(init.label, now);
            }
            self.schedule_tick(id);
            Ok(self.authoritative_stream(id).id())
        });
        if begun.is_err() {
            self.end_match(id);
        }
        begun
    }

    pub(super) fn signal_match(
        &mut self,
        match_id: &str,
        data: &str,
    ) -> Result<String, RuntimeError> {
        let problem = |why: &str| RuntimeError::new(format!("failed to signal match: {why}"));
        let id = self
            .authoritative_id(match_id)
            .ok_or_else(|| problem("match not found"))?;
        match self.ask_handler(id, |handler, context| handler.signal(context, data)) {
            Ok(Some(reply)) => Ok(reply),
            Ok(None) => {
                self.end_match(id);
                Err(problem("match busy"))
            }
            Err(_) => Err(problem("match busy")),
        }
    }

    /// The UUID in the id of an authoritative match that runs here.
    fn authoritative_id(&self, match_id: &str) -> Option<Uuid> {
        let stream = stream_of(match_id)?;
        self.is_running(&stream).then_some(stream.subject)
    }

    fn is_running(&self, stream: &Stream) -> bool {
        stream.mode == Mode::MATCH_AUTHORITATIVE
            && stream.label == self.config.node
            && self.running.get(stream.subject).is_some()
    }

    pub(super) fn label_match(&mut self, id: Uuid, label: String) -> Result<(), RuntimeError> {
        check_label(&label)?;
        let now = self.clock.now();
        if let Some(running) = self.running.by_id.get_mut(&id) {
            running.label.set(label, now);
        }
        Ok(())
    }

    /// What members do.
    pub(super) fn join_authoritative(
        &mut self,
        caller: &Peer,
        stream: &Stream,
        metadata: &BTreeMap<String, String>,
    ) -> Answer {
        let not_found = || Refusal::new(ErrorCode::MatchNotFound, "Match not found");
        if !self.is_running(stream) {
            return Err(not_found());
        }
        let id = stream.subject;
        let is_new = self.tracker.get(stream, caller.session).is_none();
        if is_new {
            let joiner = caller.to_proto();
            let attempt = self.ask_handler(id, |handler, context| {
                handler.join_attempt(context, &joiner, metadata)
            });
            match attempt {
                Ok(Ok(())) => {}
                Ok(Err(reason)) if !reason.is_empty() => return Err(rejected(reason)),
                Ok(Err(_)) | Err(Silent::Busy) => {
                    return Err(rejected("Match join rejected".to_owned()));
                }
                Err(Silent::Gone) => return Err(not_found()),
            }
            self.enter_match(stream, caller);
            let flow = self.ask_handler(id, |handler, context| handler.join(context, &[joiner]));
            self.follow(id, flow);
        }
        let presences = self.others_in(stream, is_new.then_some(caller.session));
        let label = self.running.get(id).map(|running| running.label.current());
        Ok(Message::Match(Match {
            match_id: stream.id(),
            authoritative: true,
            label: Some(label.cloned().unwrap_or_default()),
            size: count(&presences),
            presences,
            self_: Some(caller.to_proto()),
        })
        .into())
    }

    /// Data for the handler. What is wrong with it is passed over in silence, and so is its filter.
    pub(super) fn data_for_handler(&mut self, caller: &Peer, stream: &Stream, data: MatchDataSend) {
        let is_member = self.tracker.get(stream, caller.session).is_some();
        if !is_member || !self.is_running(stream) {
            return;
        }
        if let Some(running) = self.running.by_id.get_mut(&stream.subject) {
            if running.waiting.len() >= MAX_WAITING {
                log::warn!("a match has more to read than it can take");
                return;
            }
            running.waiting.push(MatchMessage {
                sender: caller.to_proto(),
                op_code: data.op_code,
                data: data.data,
                reliable: data.reliable,
            });
        }
    }

    /// Tells the handler who has left.
    pub(super) fn match_changed(&mut self, event: &Event) {
        let id = event.stream.subject;
        if let (Some(left), None) = (&event.leave, &event.join)
            && self.is_running(&event.stream)
        {
            let left = [left.to_proto()];
            let flow = self.ask_handler(id, |handler, context| handler.leave(context, &left));
            self.follow(id, flow);
        }
    }

    /// A round of the loop.
    pub(super) fn tick_match(&mut self, id: Uuid, until: Duration) {
        let Some(running) = self.running.by_id.get_mut(&id) else {
            return;
        };
        let messages = std::mem::take(&mut running.waiting);
        let flow = self.ask_handler(id, |handler, context| handler.tick(context, &messages));
        if let Some(running) = self.running.by_id.get_mut(&id) {
            running.tick += 1;
        }
        self.schedule_tick(id);
        if until.saturating_sub(self.clock.now()) > MAX_BEHIND {
            self.timers.set(Timer::MatchTick(id), until);
        }
        self.follow(id, flow);
    }

    fn schedule_tick(&mut self, id: Uuid) {
        if let Some(running) = self.running.get(id) {
            let next = self.clock.now() + Duration::from_secs(1) / running.tick_rate;
            self.timers.set(Timer::MatchTick(id), next);
        }
    }

    /// The server stops.
    pub(in crate::local_server) fn terminate(&mut self, now: Duration, grace: Duration) {
        self.advance(now);
        let ids: Vec<Uuid> = self.running.iter().map(|(id, _)| id).collect();
        for id in ids {
            let _last_words = self.ask_handler(id, |handler, context| {
                handler.terminate(context, grace);
            });
            self.end_match(id);
        }
        self.deliver_events();
    }
}

fn rejected(reason: String) -> Refusal {
    Refusal::new(ErrorCode::MatchJoinRejected, reason)
}

fn check_label(label: &str) -> Result<(), RuntimeError> {
    if label.len() > MAX_LABEL {
        let problem = "match label too long, must be 0-2048 bytes";
        return Err(RuntimeError::new(problem));
    }
    Ok(())
}
