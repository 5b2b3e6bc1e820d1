//! Requests about parties.

use bevy_ecs::prelude::*;

use super::{Party, PartyIndex, PartyRefusal, decisions, enter};
use crate::{
    commands::NakamaCommands,
    connection::NakamaConnection,
    error::ServerError,
    mirror::{
        self, Leave, ask_about, id_of,
        presence::{PartyId, SessionId, presence},
        refuse_for,
    },
    proto::{Message, PartyLayout, UserPresence, realtime},
    request::{
        Acknowledged, Area, Consent, Move, Outcome, RequestError, SocketRequest, expect_message,
        refuse, request, submit,
    },
    transport::{People, Received},
};

/// Creates a party. Mirrors `PartyCreate`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CreateParty {
    open: bool,
    max_size: u32,
    label: String,
    hidden: bool,
}

impl CreateParty {
    /// A closed party: its leader accepts those who ask to join. It may have `max_size` members, 1 to 256.
    #[must_use]
    pub fn closed(max_size: u32) -> Self {
        Self {
            open: false,
            max_size,
            label: String::new(),
            hidden: false,
        }
    }

    /// An open party: everybody who knows its id can join. It may have `max_size` members, 1 to 256.
    #[must_use]
    pub fn open(max_size: u32) -> Self {
        Self {
            open: true,
            ..Self::closed(max_size)
        }
    }

    /// A JSON object that [queries of lists](super::ListParties::query) look at, 2048 bytes at most. Servers before 3.28 ignore it.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Whether lists leave it out. Servers before 3.28 ignore it.
    #[must_use]
    pub fn hidden(mut self, hidden: bool) -> Self {
        self.hidden = hidden;
        self
    }
}

/// A party was created.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct PartyCreated {
    /// The party: the request's own entity.
    pub entity: Entity,
}

request!(CreateParty -> PartyCreated, PartyRefusal);

impl SocketRequest for CreateParty {
    const IS_TRANSIENT: bool = false;
    const JOINS: Option<Area> = Some(Area::Party);

    fn to_message(&self) -> Message {
        let Self {
            open,
            max_size,
            label,
            hidden,
        } = self.clone();
        Message::PartyCreate(realtime::PartyCreate {
            open,
            max_size: i32::try_from(max_size).unwrap_or(i32::MAX),
            label,
            hidden,
        })
    }

    fn succeed(self, world: &mut World, consent: Consent) -> Outcome<Self> {
        let Consent { entity, since, .. } = consent;
        let (party, mut people) = created(consent.reply)?;
        let state = Party::of(&party);
        let entity = enter(world, entity, &party, &mut people, since, state);
        Ok(PartyCreated { entity })
    }

    fn take_back(self, world: &mut World, reply: Option<Received>) {
        if let Ok((party, _)) = created(reply) {
            mirror::leave_unwanted::<Party>(world, &PartyId::from(party.party_id));
        }
    }
}

/// The party in an answer.
fn created(
    reply: Option<Received>,
) -> Result<(realtime::Party, People), RequestError<PartyRefusal>> {
    Ok(expect_message!(reply, Party))
}

/// Leaves a party. When the server agrees, the party's entity goes. Mirrors `PartyLeave`.
pub type LeaveParty = Leave<Party>;

/// Closes a party: nobody is in it any more. Only its leader may do this. Mirrors `PartyClose`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CloseParty {
    id: PartyId,
}

request!(CloseParty -> (), PartyRefusal);

impl Acknowledged for CloseParty {
    fn to_message(&self) -> Message {
        Message::PartyClose(realtime::PartyClose {
            party_id: self.id.to_string(),
        })
    }

    fn done(self, world: &mut World) {
        // As a rule, the announcement has come before.
        mirror::remove::<Party>(world, &self.id);
    }

    fn refused(self, world: &mut World, error: ServerError) -> PartyRefusal {
        PartyRefusal::for_leader(world, &self.id, error)
    }
}

/// Makes another member the leader. Only the leader may do this. [`PartyLeader`](super::PartyLeader) moves when the server announces it.
/// Mirrors `PartyPromote`.
#[derive(Clone, Debug, PartialEq)]
pub struct PromotePartyMember {
    id: PartyId,
    member: UserPresence,
}

request!(PromotePartyMember -> (), PartyRefusal);

impl Acknowledged for PromotePartyMember {
    fn to_message(&self) -> Message {
        let Self { id, member } = self.clone();
        Message::PartyPromote(realtime::PartyPromote {
            party_id: id.to_string(),
            presence: Some(member),
        })
    }

    fn refused(self, world: &mut World, error: ServerError) -> PartyRefusal {
        PartyRefusal::for_leader(world, &self.id, error)
    }
}

/// Removes a member from the party. Only the leader may do this. The member leaves when the server announces it, with
/// [`LeaveReason::Kicked`](crate::presence::LeaveReason::Kicked). Mirrors `PartyRemove`.
#[derive(Clone, Debug, PartialEq)]
pub struct KickFromParty {
    id: PartyId,
    member: UserPresence,
    presence: Entity,
}

request!(KickFromParty -> (), PartyRefusal);

impl Acknowledged for KickFromParty {
    fn to_message(&self) -> Message {
        let Self { id, member, .. } = self.clone();
        Message::PartyRemove(realtime::PartyRemove {
            party_id: id.to_string(),
            presence: Some(member),
        })
    }

    fn done(self, world: &mut World) {
        let user = self.member.user_id;
        let session = SessionId::from(self.member.session_id);
        mirror::note_kicked::<Party>(world, &self.id, &session, self.presence);
        let party = world.resource::<PartyIndex>().get(&self.id);
        if let Some(party) = party {
            decisions::forget(world, party, &user);
        }
    }

    fn moves(&self) -> Option<Move> {
        Some(super::member_move(&self.id, &self.member))
    }

    fn refused(self, world: &mut World, error: ServerError) -> PartyRefusal {
        PartyRefusal::for_leader(world, &self.id, error)
    }
}

/// Changes a party. Mirrors `PartyUpdate`.
///
/// It replaces all three values: if you leave them out, the party becomes closed, visible, and has no label. It takes Nakama 3.28 or
/// newer. An older server would close the socket, so the plugin does not send it there.
///
/// ```
/// # use bevy_nakama::prelude::*;
/// let open_to_all = UpdateParty::default().open(true).label(r#"{"mode":"duel"}"#);
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct UpdateParty {
    id: String,
    open: bool,
    hidden: bool,
    label: String,
}

impl UpdateParty {
    /// Whether players may join without being accepted.
    #[must_use]
    pub fn open(mut self, open: bool) -> Self {
        self.open = open;
        self
    }

    /// Whether lists leave it out. A hidden party cannot have a label.
    #[must_use]
    pub fn hidden(mut self, hidden: bool) -> Self {
        self.hidden = hidden;
        self
    }

    /// A JSON object that [queries of lists](super::ListParties::query) look at, 2048 bytes at most.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }
}

request!(UpdateParty -> (), PartyRefusal);

impl Acknowledged for UpdateParty {
    fn to_message(&self) -> Message {
        let Self {
            id,
            open,
            hidden,
            label,
        } = self.clone();
        Message::PartyUpdate(realtime::PartyUpdate {
            party_id: id,
            open,
            hidden,
            label,
        })
    }

    fn refused(self, world: &mut World, error: ServerError) -> PartyRefusal {
        PartyRefusal::for_leader(world, &PartyId::from(self.id), error)
    }
}

impl<'a> NakamaCommands<'a, '_, '_> {
    /// Creates a party. The returned entity becomes it, see [`Replied<CreateParty>`](crate::request::Replied).
    pub fn create_party(self, request: CreateParty) -> EntityCommands<'a> {
        self.request_with(move |world, entity| mirror::ask_to_join(world, entity, request))
    }

    /// Leaves a party. The answer is a [`Replied<LeaveParty>`](crate::request::Replied) on the returned entity. If the local user is the
    /// leader, the member who has been in the party longest becomes the leader. If the party is still
    /// [`Joining`](crate::presence::Joining), you withdraw the join request, and its entity goes at once.
    ///
    /// If you do not need the answer, despawn the party's entity instead.
    pub fn leave_party(self, party: Entity) -> EntityCommands<'a> {
        self.request_with(move |world, entity| {
            mirror::ask_to_leave::<Party>(world, entity, party);
        })
    }

    /// Closes a party. Only its leader may do this. The answer is a [`Replied<CloseParty>`](crate::request::Replied).
    pub fn close_party(self, party: Entity) -> EntityCommands<'a> {
        self.request_with(move |world, entity| {
            ask_about::<Party, _>(world, entity, party, |id| CloseParty { id })
        })
    }

    /// Makes another member the leader. Only the leader may do this. The answer is a
    /// [`Replied<PromotePartyMember>`](crate::request::Replied).
    pub fn promote_party_member(self, member: Entity) -> EntityCommands<'a> {
        self.request_with(move |world, entity| {
            ask_about_member(world, entity, member, |id, member| PromotePartyMember {
                id,
                member,
            });
        })
    }

    /// Removes a member from the party. Only the leader may do this. The answer is a
    /// [`Replied<KickFromParty>`](crate::request::Replied).
    pub fn kick_from_party(self, member: Entity) -> EntityCommands<'a> {
        self.request_with(move |world, entity| {
            ask_about_member(world, entity, member, |id, who| KickFromParty {
                id,
                member: who,
                presence: member,
            });
        })
    }

    /// Changes a party. Only its leader may do this. The answer is a [`Replied<UpdateParty>`](crate::request::Replied). It takes Nakama
    /// 3.28 or newer; with an older server, the answer is [`RequestError::Unsupported`].
    pub fn update_party(self, party: Entity, update: UpdateParty) -> EntityCommands<'a> {
        self.request_with(move |world, entity| {
            // The server has sent its party to the leader, so the layout is known.
            if world.resource::<NakamaConnection>().party_layout() == Some(PartyLayout::Before3_28)
            {
                return refuse::<UpdateParty>(
                    world,
                    entity,
                    RequestError::Unsupported {
                        since: "Nakama 3.28",
                    },
                );
            }
            ask_about::<Party, _>(world, entity, party, |id| UpdateParty {
                id: id.to_string(),
                ..update
            });
        })
    }
}

/// Makes a request about a member of a party.
fn ask_about_member<R: SocketRequest>(
    world: &mut World,
    entity: Entity,
    member: Entity,
    request: impl FnOnce(PartyId, UserPresence) -> R,
) {
    let found = presence(world, member).and_then(|member| {
        let party = id_of::<Party>(world, member.context())?;
        Some((party, member.to_proto()))
    });
    match found {
        Some((id, presence)) => submit(world, entity, request(id, presence)),
        None => refuse_for::<Party, R>(world, entity),
    }
}
