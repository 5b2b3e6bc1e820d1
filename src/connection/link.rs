//! The game's end of the network thread.

use std::time::Instant;

use bevy_ecs::prelude::*;

use crate::{
    settings::{NakamaSettings, NakamaWaker},
    transport::{
        Alarm, Epoch, Link, LinkCommand, LinkSettings, Network, RequestId, Told, TrafficTotals,
    },
};

/// The game's end of the network thread. The thread is started when it is first needed.
#[derive(Debug, Resource)]
pub(crate) struct NetworkLink {
    network: Option<Network>,
    link: Option<Link>,
    settings: LinkSettings,
    /// Whether envelopes are reported raw.
    is_tapped: bool,
    /// When the network thread wakes the game.
    wakes_at: Option<Instant>,
}

impl NetworkLink {
    pub(crate) fn new(network: Option<Network>, settings: &NakamaSettings) -> Self {
        Self {
            network,
            link: None,
            settings: settings.to_link_settings(),
            is_tapped: false,
            wakes_at: None,
        }
    }

    /// The largest envelope that the network thread sends.
    pub(crate) fn max_envelope(&self) -> usize {
        self.settings.max_envelope
    }

    /// What wakes the game.
    pub(crate) fn alarm(&self) -> &Alarm {
        &self.settings.alarm
    }

    /// Uses a link of a test instead of the network. What is already put aside goes that way, too.
    pub(crate) fn drive_by_hand(&mut self, mut link: Link) {
        for command in self.link.take().into_iter().flat_map(Link::into_staged) {
            link.stage(command);
        }
        self.link = Some(link);
    }

    /// Puts a command aside until the end of the frame.
    pub(crate) fn stage(&mut self, command: LinkCommand) {
        if let LinkCommand::Tap(on) = command {
            self.is_tapped = on;
        }
        self.link.take_if(|link| link.is_over());
        let link = match &mut self.link {
            Some(link) => link,
            None => {
                let mut link = self.start_link();
                if self.is_tapped {
                    link.stage(LinkCommand::Tap(true));
                }
                if self.wakes_at.is_some() {
                    link.stage(LinkCommand::WakeAt(self.wakes_at));
                }
                self.link.insert(link)
            }
        };
        link.stage(command);
        self.settings.alarm.ring_if_late();
    }

    /// A link on the shared thread, if there is one that runs, or else on a thread of its own.
    fn start_link(&self) -> Link {
        let settings = || self.settings.clone();
        if let Some(shared) = &self.network {
            if let Some(link) = shared.link(settings()) {
                return link;
            }
            log::warn!("the shared network thread has ended; this game starts its own");
        }
        let link = Network::new().map(|network| network.link(settings()));
        match link {
            Ok(Some(link)) => return link,
            Ok(None) => log::error!("the network thread ended at once"),
            Err(error) => log::error!("the network thread cannot be started: {error}"),
        }
        Link::dead()
    }

    /// A connection has ended. Takes back those of its requests that have not left for the network thread.
    pub(crate) fn take_unsent(&mut self, ended: Epoch) -> Vec<RequestId> {
        let link = self.link.as_mut();
        link.map(|link| link.take_unsent(ended)).unwrap_or_default()
    }

    /// Whether a request has not left for the network thread.
    pub(crate) fn is_staged(&self, request: RequestId) -> bool {
        self.link
            .as_ref()
            .is_some_and(|link| link.is_staged(request))
    }

    pub(crate) fn hand_over(&mut self) {
        let link = self.link.as_mut();
        for command in link
            .and_then(Link::take_work_for_the_next)
            .unwrap_or_default()
        {
            self.stage(command); // on a new link
        }
        self.settings.alarm.end_frame();
        if let Some(link) = &mut self.link {
            link.hand_over();
            if link.has_news() {
                self.settings.alarm.ring();
            }
        }
    }

    /// A frame begins: what has arrived until now is this frame's.
    pub(crate) fn begin_frame(&mut self) {
        self.settings.alarm.begin_frame();
        if let Some(link) = &mut self.link {
            link.begin_frame();
        }
    }

    pub(crate) fn next_event(&mut self) -> Option<Told> {
        self.link.as_mut()?.next_event()
    }

    /// The game has something left to do in its next frame: wakes it if it sleeps.
    pub(crate) fn ask_for_a_frame(&self) {
        self.settings.alarm.ring();
    }

    /// When the game has something to do next, although nothing may arrive until then: wakes it then if it sleeps.
    pub(crate) fn wake_at(&mut self, at: Option<Instant>) {
        if at.is_some_and(|at| at <= Instant::now()) {
            self.settings.alarm.ring(); // the frame began before
        } else if at != self.wakes_at {
            self.wakes_at = at;
            self.stage(LinkCommand::WakeAt(at));
        }
    }

    /// What has passed since the start, and what is waiting.
    pub(crate) fn totals(&self) -> TrafficTotals {
        self.link.as_ref().map(Link::totals).unwrap_or_default()
    }
}

/// In `PreUpdate` and `PostUpdate`, after a change of the game's [`NakamaWaker`]: wakes the game with it from now on.
pub(crate) fn take_waker(waker: Option<Res<NakamaWaker>>, mut link: ResMut<NetworkLink>) {
    let link = link.bypass_change_detection();
    link.settings.alarm.set(waker.map(|waker| waker.wake()));
}

/// In `PostUpdate`: gives everything staged to the network thread, and wakes it once.
pub(crate) fn hand_over(mut link: ResMut<NetworkLink>) {
    link.bypass_change_detection().hand_over();
}

/// Data that waits to be sent to a match or party is not wanted any more.
pub(crate) fn forget_waiting_data(world: &mut World, context: Entity) {
    let origin = context.to_bits();
    world
        .resource_mut::<NetworkLink>()
        .stage(LinkCommand::Forget { origin });
}
