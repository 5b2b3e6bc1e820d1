//! Requests about parties.

use bevy_ecs::prelude::*;

use super::{Party, PartyRefusal, enter};
use crate::{
    commands::NakamaCommands,
    connection::NakamaConnection,
    mirror::{
        self, Leave, ask_about, id_of,
        presence::{PartyId, presence},
        refuse_for,
    },
    proto::{Message, PartyLayout, UserPresence, realtime},
    request::{
        Acknowledged, Area, Consent, Move, Outcome, RequestError, SocketRequest, expect_message,
        refuse, request, submit,
    },
    transport::Received,
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
    /// A closed party: its leader accepts who joins. 1 to 256 members.
    #[must_use]
    pub fn closed(max_size: u32) -> Self {
        Self {
            open: false,
            max_size,
            label: String::new(),
            hidden: false,
        }
    }

    /// A party that everybody who knows its id can join. 1 to 256 members.
    #[must_use]
    pub fn open(max_size: u32) -> Self {
        Self {
            open: true,
            ..Self::closed(max_size)
        }
    }

    /// A JSON object that lists of parties can be searched for, 2048 bytes at most. Servers before 3.28 ignore it.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Whether it is left out of lists. Servers before 3.28 ignore it.
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
        let (party, mut people) = expect_message!(consent.reply, Party);
        let state = Party::of(&party);
        let Consent { entity, since, .. } = consent;
        let entity = enter(world, entity, &party, &mut people, since, state);
        Ok(PartyCreated { entity })
    }

    fn take_back(self, world: &mut World, reply: Option<Received>) {
        if let Some(Received {
            message: Message::Party(party),
            ..
        }) = reply
        {
            mirror::leave_unwanted::<Party>(world, &PartyId::from(party.party_id));
        }
    }
}

/// Leaves a party. The party's entity goes with the server's consent. Mirrors `PartyLeave`.
pub type LeaveParty = Leave<Party>;

/// Closes a party, as its leader; all members are out. Mirrors `PartyClose`.
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
        // The announcement has come before, as a rule.
        mirror::remove::<Party>(world, &self.id);
    }
}

/// Makes another member the leader, as the leader. The mark moves with the server's announcement. Mirrors `PartyPromote`.
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
}

/// Throws a member out, as the leader. The member goes with the server's announcement. Mirrors `PartyRemove`.
#[derive(Clone, Debug, PartialEq)]
pub struct KickFromParty {
    id: PartyId,
    member: UserPresence,
}

request!(KickFromParty -> (), PartyRefusal);

impl Acknowledged for KickFromParty {
    fn to_message(&self) -> Message {
        let Self { id, member } = self.clone();
        Message::PartyRemove(realtime::PartyRemove {
            party_id: id.to_string(),
            presence: Some(member),
        })
    }

    fn moves(&self) -> Option<Move> {
        Some(super::member_move(&self.id, &self.member))
    }
}

/// What a party is to be like. Nakama 3.28 and newer; an older server would close the socket, so it is not sent there.
/// Mirrors `PartyUpdate`.
///
/// All three values are replaced: what is left out becomes closed, visible, without a label.
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
    /// Whether anybody may join without being accepted.
    #[must_use]
    pub fn open(mut self, open: bool) -> Self {
        self.open = open;
        self
    }

    /// Whether it is left out of lists. Not together with a label.
    #[must_use]
    pub fn hidden(mut self, hidden: bool) -> Self {
        self.hidden = hidden;
        self
    }

    /// A JSON object that lists of parties can be searched for, 2048 bytes at most.
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
}

impl<'a> NakamaCommands<'a, '_, '_> {
    /// Creates a party. The returned entity becomes it, see [`Replied<CreateParty>`](crate::request::Replied).
    pub fn create_party(self, request: CreateParty) -> EntityCommands<'a> {
        self.request_with(move |world, entity| mirror::ask_to_join(world, entity, request))
    }

    /// Leaves a party: the answer is a [`Replied<LeaveParty>`](crate::request::Replied) on the returned entity. If the local user
    /// leads it, the member who has been there longest takes over. A party that is still
    /// [`Joining`](crate::presence::Joining) is withdrawn, even if it waits for approval: its entity goes at once.
    ///
    /// If the answer does not matter to you, despawn the party's entity instead.
    pub fn leave_party(self, party: Entity) -> EntityCommands<'a> {
        self.request_with(move |world, entity| {
            mirror::ask_to_leave::<Party>(world, entity, party);
        })
    }

    /// Closes a party, as its leader: the answer is a [`Replied<CloseParty>`](crate::request::Replied).
    pub fn close_party(self, party: Entity) -> EntityCommands<'a> {
        self.request_with(move |world, entity| {
            ask_about::<Party, _>(world, entity, party, |id| CloseParty { id })
        })
    }

    /// Makes another member the leader, as the leader: the answer is a
    /// [`Replied<PromotePartyMember>`](crate::request::Replied).
    pub fn promote_party_member(self, member: Entity) -> EntityCommands<'a> {
        self.request_with(move |world, entity| {
            ask_about_member(world, entity, member, |id, member| PromotePartyMember {
                id,
                member,
            });
        })
    }

    /// Throws a member out, as the leader: the answer is a [`Replied<KickFromParty>`](crate::request::Replied).
    pub fn kick_from_party(self, member: Entity) -> EntityCommands<'a> {
        self.request_with(move |world, entity| {
            ask_about_member(world, entity, member, |id, member| KickFromParty {
                id,
                member,
            });
        })
    }

    /// Changes a party, as its leader: the answer is a [`Replied<UpdateParty>`](crate::request::Replied). Nakama 3.28 and
    /// newer; on an older server, it is [`RequestError::Unsupported`].
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
