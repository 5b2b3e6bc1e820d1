use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use crate::{
    proto::{
        Message,
        realtime::{ChannelMessageSend, StatusUpdate},
    },
    transport::{
        Answer, ConnectPlan, Epoch, LinkCommand, LinkEvent, LinkSettings, NakamaServer, RequestId,
        Terms,
        core::{Core, Input},
        link::Batch,
    },
};

const SECOND: Duration = Duration::from_secs(1);

/// A core with an open socket that takes nothing until it is asked to.
struct Blocked {
    core: Core,
    now: Instant,
    events: Receiver<Batch>,
    last_id: u64,
}

impl Blocked {
    fn new(settings: LinkSettings) -> Self {
        let (mut core, events, _) = Core::new(settings);
        let now = Instant::now();
        let plan = ConnectPlan {
            epoch: Epoch(1),
            server: NakamaServer::new("http://test.invalid", "key"),
            token: "token".into(),
            appear_online: true,
            lang: "en".into(),
            heals: false,
            retries: false,
        };
        core.handle(now, Input::Command(LinkCommand::Connect(Box::new(plan))));
        core.handle(now, Input::Opened(core.socket));
        Self {
            core,
            now,
            events,
            last_id: 0,
        }
    }

    fn ask(&mut self, message: Message) {
        self.last_id += 1;
        let is_chat = matches!(message, Message::ChannelMessageSend(_));
        let command = LinkCommand::Request {
            id: RequestId(self.last_id),
            message: Box::new(message),
            timeout: SECOND,
            terms: is_chat.then(Terms::default),
            for_reentry: false,
        };
        self.core.handle(self.now, Input::Command(command));
    }

    fn wait(&mut self, duration: Duration) {
        self.now += duration;
        self.core.handle(self.now, Input::Tick);
    }

    /// What became of the requests since the last call.
    fn answers(&mut self) -> Vec<String> {
        self.core.flush();
        let events = self
            .events
            .try_iter()
            .flat_map(|batch| batch.events)
            .map(|told| told.event);
        events
            .filter_map(|event| match event {
                LinkEvent::Answer { id, answer, .. } => {
                    let Answer::Failed(failure) = answer else {
                        panic!("nobody answers");
                    };
                    Some(format!("{}: {failure:?}", id.0))
                }
                _ => None,
            })
            .collect()
    }
}

fn chat() -> Message {
    Message::ChannelMessageSend(ChannelMessageSend::default())
}

#[test]
fn a_request_that_ran_out_of_time_unsent_gives_its_place_to_others() {
    let mut link = Blocked::new(LinkSettings {
        send_queue: 2,
        ..LinkSettings::default()
    });
    link.ask(chat());
    link.ask(chat());
    link.wait(SECOND);
    assert_eq!(
        link.answers(),
        [
            "1: Timeout { after: 1s, was_sent: false }",
            "2: Timeout { after: 1s, was_sent: false }"
        ]
    );
    link.ask(chat());
    assert_eq!(link.answers(), [""; 0], "there is room for it");
}

#[test]
fn a_request_that_ran_out_of_time_unsent_does_not_use_up_the_pace() {
    let mut link = Blocked::new(LinkSettings {
        requests_in_flight: 64,
        ..LinkSettings::default()
    });
    for _ in 0..32 {
        link.ask(chat());
    }
    link.wait(SECOND);
    link.answers();
    for _ in 0..32 {
        link.ask(chat());
    }
    link.ask(Message::StatusUpdate(StatusUpdate::default()));
    let sent = std::iter::from_fn(|| link.core.next_frame(link.now));
    assert_eq!(sent.count(), 33, "a burst of 32, and what has no pace");
}
