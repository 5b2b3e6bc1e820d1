//! What the server does not tell members who come back: a party's label, and whether it is hidden. The list of parties knows.

use std::time::Duration;

use bevy_ecs::prelude::*;

use super::{
    ListParties, ListedParty, Party,
    list::{PartyListRefusal, PartyPage},
};
use crate::{
    connection::NakamaConnection,
    mirror::{self, id_of, presence::PartyId},
    proto::PartyLayout,
    request::{
        Outcome, Replied, RequestError, RestRequest, UserCall, is_connection_logged_in, request,
        submit_rest,
    },
    transport::RestResponse,
};

/// A list shows what has changed only after a second. Whatever changes after this time, the server has told.
const LAG: Duration = Duration::from_secs(2);

/// On a party that is to be looked up, or is being looked up.
#[derive(Component)]
#[component(clone_behavior = Ignore)]
struct LookingUp {
    /// `None` until it is asked.
    request: Option<Entity>,
}

/// Looks a party up in the list of all parties. Made by the plugin.
#[derive(Clone, Debug)]
struct LookUpParty(ListParties);

request!(LookUpParty -> PartyPage, PartyListRefusal);

impl RestRequest for LookUpParty {
    type Call = UserCall;

    fn to_call(&self) -> UserCall {
        self.0.to_call()
    }

    fn read(&mut self, response: &RestResponse) -> Outcome<Self> {
        self.0.read(response)
    }
}

/// The local user is in a party again. Looks it up soon, if there is something to learn.
pub(super) fn look_up_soon(world: &mut World, party: Entity) {
    let state = world.get::<Party>(party);
    let is_known = state.is_some_and(|state| state.label.is_some() || state.hidden.is_some());
    let layout = world.resource::<NakamaConnection>().party_layout();
    if is_known && layout != Some(PartyLayout::Before3_28) {
        looking_up(world, party, None);
        mirror::ask_later(world, party, LAG, None, look_up);
    }
}

fn look_up(world: &mut World, party: Entity) {
    let is_told = world.get::<LookingUp>(party).is_none(); // the server has been quicker
    let Some(id) = id_of::<Party>(world, party).filter(|_| !is_told) else {
        return;
    };
    if !is_plain(&id) || !is_connection_logged_in(world) {
        return take_in(world, party, None);
    }
    let mut request = world.spawn_empty();
    request.observe(
        move |reply: On<Replied<LookUpParty>>, mut commands: Commands| {
            let (request, result) = (reply.request, reply.result.clone());
            commands.queue(move |world: &mut World| hear(world, party, request, result));
        },
    );
    let request = request.id();
    looking_up(world, party, Some(request));
    let by_id = ListParties::new(1).query(format!("+_id:{id}"));
    submit_rest(world, request, LookUpParty(by_id));
}

fn looking_up(world: &mut World, party: Entity, request: Option<Entity>) {
    if let Ok(mut party) = world.get_entity_mut(party) {
        party.insert(LookingUp { request });
    }
}

/// Whether an id means itself in a query.
fn is_plain(id: &PartyId) -> bool {
    let mut bytes = id.as_str().bytes();
    bytes.all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// The server tells about a party by itself, or the connection is lost: what the list says is old.
pub(super) fn forget(world: &mut World, party: Entity) {
    let looking_up = world.get_entity_mut(party);
    let looking_up = looking_up.ok().and_then(|mut party| party.take());
    if let Some(LookingUp {
        request: Some(request),
    }) = looking_up
    {
        let _ = world.try_despawn(request);
    }
}

fn hear(world: &mut World, party: Entity, request: Entity, result: Outcome<LookUpParty>) {
    let looking_up = world.get::<LookingUp>(party);
    if looking_up.is_none_or(|it| it.request != Some(request)) {
        return;
    }
    if let Ok(mut party) = world.get_entity_mut(party) {
        party.remove::<LookingUp>();
    }
    match result {
        Ok(page) => {
            let id = id_of::<Party>(world, party);
            let mut parties = page.parties.into_iter();
            let listed = parties.find(|listed| id.as_ref() == Some(&listed.party_id));
            take_in(world, party, listed);
        }
        // An old server has neither labels nor hidden parties.
        Err(RequestError::Refused(PartyListRefusal::Unsupported(_))) => {}
        Err(error) => {
            log::debug!("a party cannot be looked up: {error}");
            take_in(world, party, None);
        }
    }
}

/// What the list says. A hidden party is not in it.
fn take_in(world: &mut World, party: Entity, listed: Option<ListedParty>) {
    let Some(mut state) = world.get_mut::<Party>(party) else {
        return;
    };
    let mut now = state.clone();
    match listed {
        Some(listed) => {
            now.hidden = Some(false);
            let is_same = |label: &String| json(label) == json(&listed.label);
            if !now.label.as_ref().is_some_and(is_same) {
                now.label = Some(listed.label);
            }
        }
        None if now.hidden == Some(true) => {}
        None => {
            now.hidden = None;
            now.label = None;
        }
    }
    state.set_if_neq(now);
}

/// A label as the list writes it: no label is an empty object.
fn json(label: &str) -> serde_json::Value {
    let label = if label.is_empty() { "{}" } else { label };
    serde_json::from_str(label).unwrap_or_default()
}
