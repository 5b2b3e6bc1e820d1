//! Healing: what happens when the connection is lost, and what comes back by itself.
//!
//! A cable is pulled, a phone changes from Wi-Fi to mobile, the server restarts. Nakama forgets a client whose socket is gone: it has no way to
//! resume a session. So the plugin remembers what the local user is in, opens a new socket, and enters all of it again. **The entities stay**:
//! a match is the same entity as before, and so is everybody who is still in it.
//!
//! You need not do anything for it. This page is what you can rely on.
//!
//! # What you see
//!
//! | when | [`ConnectionState`] | events |
//! |---|---|---|
//! | the connection is lost | `Reconnecting` | the replies of requests that cannot be carried over, then [`ConnectionLost`] |
//! | it waits, tries, gets tokens, enters again | `Reconnecting` | [`SessionRefreshed`](crate::session::SessionRefreshed) with new tokens, [`LoginNeeded`]; [`NakamaConnection::reconnecting`] says how far it is |
//! | the local user is back in something | `Reconnecting` | [`Left`] and [`Joined`] with `WhileAway` for those who went and came meanwhile, then [`Reentered`] |
//! | everything is back, or 5 s are over | `Connected` | [`Connected`] with `resumed: true`, and how long it was `away` |
//! | it gives up | `Disconnected` | [`Disconnected`] with the reason |
//!
//! If the connection is lost again before everything is back, [`ConnectionLost`] comes once more, and there is one `Connected` in the end.
//!
//! [`SessionState`] stays `Online` all the time: what is to come and go with being online belongs to that state.
//!
//! ```
//! use bevy::prelude::*;
//! use bevy_nakama::{connection::NakamaConnection, healing::*, prelude::*};
//!
//! /// A line on the screen while the connection is lost.
//! fn show(connection: Res<NakamaConnection>, time: Res<Time<Real>>, mut line: Single<&mut Text>) {
//!     line.0 = match connection.reconnecting() {
//!         None => String::new(),
//!         Some(lost) => match lost.next_try() {
//!             Some(at) => {
//!                 let seconds = at.saturating_sub(time.elapsed()).as_secs();
//!                 format!("connection lost; next try in {seconds} s")
//!             }
//!             None => "connection lost; trying …".into(),
//!         },
//!     };
//! }
//!
//! /// Players of whom nobody knows whether they are still there.
//! fn fade(lost: On<Add, Stale>, mut sprites: Query<&mut Sprite>) {
//!     if let Ok(mut sprite) = sprites.get_mut(lost.entity) {
//!         sprite.color = Color::srgb(0.5, 0.5, 0.5);
//!     }
//! }
//! # App::new().add_systems(Update, show).add_observer(fade);
//! ```
//!
//! Most losses are over within a second. Tell the player when it takes longer, for example after 2 s since
//! [`Reconnecting::since`].
//!
//! # What comes back
//!
//! In this order. What is an entity gets one [`Reentered`] each:
//!
//! | what | how |
//! |---|---|
//! | the local user's status | it is set again, before anything else. It has no entity, so there is no [`Reentered`]: the followers see it, and if the server refuses it, the log has a warning |
//! | followed users | they are followed again, those whom you follow by name, too |
//! | chat channels | they are joined again, hidden or not, as before. The lines of the gap are fetched, see below. |
//! | parties | an open party is joined again. A closed one has to be asked, [see below](#parties) |
//! | matches | as their [`ReentryPolicy`] says |
//! | matchmaker tickets | what you asked for is asked for again, under a new id, see [below](#matchmaker-tickets) |
//! | notifications | those that the server has stored meanwhile are fetched |
//!
//! A [stream](crate::stream) does not come back by itself: only code on the server brings the local user in. It is
//! [`Lost`](ReentryOutcome::Lost).
//!
//! A match that you entered [by name](crate::matches::CreateMatch::named) is asked for by its name, so it is made anew if the server has
//! forgotten it: [`Recreated`](ReentryOutcome::Recreated). Any other match is joined by its id. If it is gone, it is
//! [`Lost`](ReentryOutcome::Lost), and its entity goes with everybody in it. If it had other members, the plugin asks again for
//! [`NakamaSettings::return_window`](crate::plugin::NakamaSettings::return_window), because one of them may know its name and be about to make
//! it anew. **So enter a match by name if it is to survive a restart of the server.** What an authoritative match was like is up to its
//! handler.
//!
//! To opt out: insert [`ReentryPolicy::Drop`] on a match, party, channel or ticket, or connect with
//! [`ConnectOptions::heal(false)`](crate::connection::ConnectOptions::heal), and a loss is an end: [`Disconnected`].
//!
//! # Who is there
//!
//! From the loss on, matches, parties, channels and everybody in them are marked with [`Stale`]: nobody knows. When the server has told who is
//! there, the mark goes, and
//!
//! * whoever is still there keeps their entity, and you hear nothing. They are the same player if the session is the same, or if exactly one
//!   session of the user is missing: then the newest of their new sessions is the same player;
//! * whoever is gone gets [`Left`] with [`WhileAway`](LeaveReason::WhileAway), once;
//! * whoever is new gets [`Joined`] with [`WhileAway`](JoinedAs::WhileAway), once;
//! * the local user's presence keeps its entity, and gets its new [`SessionId`](crate::presence::SessionId).
//!
//! After a restart of the server, everybody comes back at a different second. So if nobody who was there before is there now, those who are
//! missing stay `Stale` for [`NakamaSettings::return_window`](crate::plugin::NakamaSettings::return_window), 20 s, keep their entities if they
//! come, and leave after that.
//!
//! The server may keep the *old* session of the local user for about 25 s, if the line was cut without a word. The plugin knows and hides it;
//! [`PresenceIndex::own_ghosts`](crate::presence::PresenceIndex::own_ghosts) counts. *The other members see it*, as a second member of the same
//! user, until the server drops it: see below.
//!
//! # Ghosts of other members
//!
//! When another member loses the connection without a word and comes back, the server has two sessions of them for up to about 25 s: the new
//! one, and the old one, their *ghost*. The new one joins before the old one leaves. The server does not say that they are one player: it looks
//! the same if the user plays on two devices. So you see both, and the older one is marked with [`MaybeGhost`]. If your game inserts
//! [`AdoptReconnecting`] on the match, party, channel, stream or followed user, the entity passes on instead:
//!
//! ```text
//!                        the server      what you see                       what you see with
//!                        has             by default                         AdoptReconnecting
//!  ─────────────────────────────────────────────────────────────────────────────────────────────────
//!  Bob plays             bob-1           A = bob-1                          A = bob-1
//!  his cable is cut      bob-1           A = bob-1                          A = bob-1
//!  he is back            bob-1  bob-2    A = bob-1  gets MaybeGhost         A = bob-2  Adopted
//!                                        B = bob-2  Joined                  (bob-1 is hidden)
//!  he says something     bob-1  bob-2    from B                             from A
//!  25 s after the cut           bob-2    A = bob-1  Left                    A = bob-2
//!                                        B = bob-2
//!
//!  or: it was another device
//!  the first one says    bob-1  bob-2    A = bob-1  loses MaybeGhost        B = bob-1  Joined
//!  something                             what it says, from A               what it says, from B
//! ```
//!
//! With `AdoptReconnecting`,
//!
//! * whatever your game has put on the entity stays: avatar, score, relationships. There is neither [`Joined`] nor [`Left`], but [`Adopted`],
//!   which names both sessions. Say then what the player has missed, as you do for those who join;
//! * the old session has no entity, and its end is silent. [`PresenceIndex::hidden_ghosts`](crate::presence::PresenceIndex::hidden_ghosts) counts;
//! * if the old session says something, or is still there after 30 s, it is another device of the user: it gets an entity of its own, and
//!   `Joined` comes before what it says;
//! * if the new session leaves first, you hear of `Left`;
//! * an entity passes on only if exactly one other session of that user is there, and is older. The local user's own presence does not count,
//!   nor does a presence that your game has despawned, nor a member whom the local user has just removed from a party;
//! * of several sessions in the answer to a join, you see the newest;
//! * while a hidden session leads a [party](crate::party), nobody has [`PartyLeader`](crate::party::PartyLeader). When the server drops it, the
//!   oldest member leads.
//!
//! A member who leaves, or whose line breaks with a word, leaves before they come back: that is [`Left`], then [`Joined`].
//!
//! In a chat channel, a message names its user and no session. It is by the session that joined last, and does not tell that the other one is
//! alive, unless only hidden sessions of that user are there.
//!
//! **In the handler of an authoritative match, the same order holds**: `match_join` of the new session comes first, and `match_leave` of the
//! ghost up to 25 s later. A handler that goes by user ids and removes the player in `match_leave` removes who has just come back. So go by
//! session ids, or look in `match_leave` whether the session that leaves is still the one that the player is there with. The embedded server
//! (feature `local-server`) has the same order, so you can test that without a Nakama server.
//!
//! # Parties
//!
//! An **open** party is joined again. For a **closed** party, the leader has to accept the local user again. Until
//! then the party's entity stays, with everybody in it [`Stale`] and with the mark [`PendingApproval`](crate::party::PendingApproval).
//! Members are in the order in which the server has them, so whoever comes back is last. No member is removed and added for that.
//!
//! **The lead.** If the local user led the party and does not lead it now, that is a change: [`Reentered`] says
//! [`Changed`](ReentryOutcome::Changed), and [`PartyLeader`](crate::party::PartyLeader) is off the local user's presence by then. The server
//! gives the lead to the member who has been there longest, and never gives it back by itself. If the line was cut without a word, the lead
//! stays with the local user's *old* session at first:
//!
//! ```text
//!                      Ada, who led                     Bob, a member                     the server
//!  the line is cut     (nothing yet)                    (nothing)                         Ada*, Bob        Ada* leads
//!  10 s: noticed       ConnectionLost, all Stale        (nothing)                         Ada*, Bob        Ada* leads
//!  back                Changed: Bob, Ada; no leader     Joined: a second Ada              Ada*, Bob, Ada   Ada* leads
//!  she closes it       PartyRefusal::GhostLeads         (nothing)                         "party leader only"
//!  25 s: Ada* ends     PartyLeader on Bob               PartyLeader on Bob, Left: Ada*    Bob, Ada         Bob leads
//! ```
//!
//! `Ada*` is her old session. While it leads, no presence in her game carries `PartyLeader`, and what only a leader may do is refused with
//! [`PartyRefusal::GhostLeads`](crate::party::PartyRefusal::GhostLeads), or
//! [`MatchmakerRefusal::GhostLeads`](crate::matchmaker::MatchmakerRefusal::GhostLeads).
//!
//! **Who asks to join.** The server keeps a join request when its asker's line breaks, and takes no second one of the same user while the
//! dead one is there. Only the leader's answer takes it away:
//!
//! ```text
//!                      Cat, who asks                    Ada, who leads
//!  she asks            PendingApproval                  PartyJoinRequester: Cat
//!  her line breaks     ConnectionLost                   (nothing: the dead request stays)
//!  she is back         PendingApproval, the plugin      (nothing)
//!                      asks again every 3 s
//!  Ada accepts         (nothing)                        AskerGone; the plugin keeps the decision for 30 s
//!  within 3 s          Party, with the same entity      Joined: Cat, without a second question
//! ```
//!
//! The decision is kept for that user and that party, and also if the server has let the *old* session in because it did not know better. It
//! ends when the local user declines or removes the player, or does not lead any more. With a leader whose game does not use this plugin,
//! Cat is asked about twice. Who withdraws a join request and asks again, who starts the game again, and who asks with two devices meets a
//! request of their own as well, and waits in the same way. So
//!
//! * if you decline such a player, you may hear of them once more, within 3 s: the request that you declined was not the one of this session;
//! * if you accept one of two devices that ask, the other one may be accepted without a question.
//!
//! **Label, and whether it is hidden.** The server does not tell them to those who come back. If your game knew them, the plugin asks the list
//! of parties two seconds later (the list is a second behind), and changes [`Party`](crate::party::Party) if they differ. A party that is
//! not in the list although it was not hidden has `None` in both: nobody knows.
//!
//! **When the server is gone**, its parties are gone, and so is whoever asked: both are [`Lost`](ReentryOutcome::Lost) with the server's reason.
//! So is a party that the local user was alone in.
//!
//! # Matchmaker tickets
//!
//! The server drops a ticket with the session that asked for it. The plugin adds it again: the entity stays, and the new id is in
//! [`TicketId`](crate::presence::TicketId) when you hear of [`Reentered<MatchmakerTicket>`](Reentered) with
//! [`Changed`](ReentryOutcome::Changed). Until then the ticket is [`Stale`]. If it has to wait, the component
//! [`TicketOnHold`](crate::matchmaker::TicketOnHold) says for what and until when.
//!
//! **A ticket of the local user alone waits until their old session is gone.** The matchmaker compares sessions and never users, so it would
//! match the local user with themselves:
//!
//! ```text
//!            the line is cut          Connected                      the server drops the old session
//!                   │                     │                                       │
//! old session   ────┼─────────────────────┼── its ticket may still be matched ────┤ (within 25 s)
//!                   │                     │                                       │
//! your game     t1  │ Stale               │ Stale, on hold: OwnGhost              │ t2, Reentered: Changed
//!                   │                     │                                       │
//! others            │      are matched with the old session, which never comes    │
//! ```
//!
//! It waits for 25 s after the loss at the most. It does not wait if the server has closed the socket itself, if it reports that the old
//! session is offline, or if a chat channel does not list that session any more. If a ticket is matched with an old session of the local
//! user all the same, because your game asked for another ticket meanwhile, the plugin drops that match and adds the ticket again: it tells
//! `Changed`, and not [`MatchmakerMatched`](crate::matchmaker::MatchmakerMatched).
//!
//! What the matchmaker finds while the local user is away, they never hear of. The others are matched with somebody who does not come.
//!
//! **A party's ticket ends for the server with every member who comes or goes**, and the server does not report it. Whoever leaves may have
//! lost the connection, so the plugin waits for them, for 30 s from the last change. When exactly the same users are in the party, and there
//! are no more sessions than there were, the game that asked for the ticket adds the party again:
//!
//! ```text
//!                  bob's line is cut     bob is back          his old session goes
//!                          │                  │                        │
//! ada, who leads       t1  │                  │ on hold: Members       │ adds the party: t2, Changed
//! bob                  t1  │ Stale            │ on hold: Members       │ t2, Changed
//! cat                  t1  │                  │ on hold: Members       │ t2, Changed
//! ```
//!
//! Only the leader can add a party, and the lead moves when the leader is gone. So a leader whose connection is lost comes back as a member,
//! and their ticket is on hold with [`Leader`](crate::matchmaker::HoldReason::Leader). If your game wants to keep the leader, let the new one
//! hand the lead back with [`promote_party_member`](crate::commands::NakamaCommands::promote_party_member): then the ticket is added again.
//! After 30 s it is lost with [`NotLeader`](LossReason::NotLeader).
//!
//! If a member does not come back in time, or if somebody new joins meanwhile, it is lost with
//! [`MembersChanged`](LossReason::MembersChanged). Nobody knows whether a member who leaves means to come back: this is what you hear then,
//! too. If the party is lost, its tickets are lost for the same reason. With [`ReentryPolicy::Drop`], a party's ticket goes at once.
//!
//! # Requests
//!
//! A request that is under way when the connection is lost has one outcome, as always:
//!
//! * a join, a create, a follow, a status: it is carried over, made again when the connection is back, and answered then. Its deadline counts from
//!   the call. The same goes for those that you make while the connection is lost;
//! * a leave, an unfollow: it succeeds at once, because the session that was in there is gone. So does despawning a match. Only an unfollow
//!   after a follow that waits for the connection waits, too, and comes after it;
//! * everything else ends with [`ConnectionLost`](crate::request::RequestError::ConnectionLost), which says whether the server may have done
//!   it. Made while the connection is lost, it ends with [`NotConnected`](crate::request::RequestError::NotConnected). Made while the local user
//!   enters everything again, for example by your observer of [`Joined`] or [`Reentered`], it waits until that is done.
//!
//! Calls over REST have a connection of their own and go on.
//!
//! # Data
//!
//! What the others sent meanwhile is gone: Nakama stores no match or party data. [`Connected::away`](Connected) says how long it was. If your
//! game needs to know what it has missed, ask the others, or the server, when you hear of [`Reentered`]: the question leaves as soon as
//! re-entry is done.
//!
//! What *you* send while the connection is lost waits if you have chosen its [policy](crate::send) yourself,
//! [`Queue`](SendPolicy::Queue) or [`Latest`](SendPolicy::Latest), within the bounds of that policy. What is for
//! [chosen receivers](crate::send::OutgoingData::to) does not wait: they may come back with other sessions. Without a policy of your own it is
//! [`NotConnected`](crate::send::SendError::NotConnected) at once. From [`Reentered`] on, all data for that match or party waits until the rest is
//! back, too; then [`Connected`] comes, and the data leaves. What waits for a match that is lost, recreated, or
//! not back when [`Connected`] comes, is never sent.
//!
//! # When it tries, and when it stops
//!
//! A connection that breaks is noticed at once. A line that is cut without a word is noticed by its silence: within 10 s in a match with
//! traffic, within 13 s on a quiet connection. While the server works on one of your requests, it answers nothing else; then it may be silent
//! for 20 s.
//!
//! The first try comes within a quarter of a second. Each further one waits for a random time, up to 0.5 s, 1 s, 2 s, and after 30 s up to 15 s.
//! It goes on without end. To try at once, call [`connect`](crate::commands::NakamaCommands::connect): a button "try now". If the system tells
//! your game that the network is back, call [`network_is_back`](crate::commands::NakamaCommands::network_is_back). To stop, call
//! [`disconnect`](crate::commands::NakamaCommands::disconnect).
//!
//! **A socket outlives its tokens.** With the server's defaults, a session can be refreshed for an hour after the last refresh. If your players
//! play longer than that over the socket alone, [refresh now and then](crate::session#keeping-it), or observe [`LoginNeeded`] and log in.
//!
//! It stops by itself when another try cannot help, which [`DisconnectReason::heals`] tells: you disconnect, the account is banned, another
//! device has taken its place, or the server refuses the session and its refresh token. In that last case you can go on: observe
//! [`LoginNeeded`], and log in as the same user. It does not stop because somebody else answers at the server's address, like the gateway of a
//! hotel that wants the player to agree to something.
//!
//! A *first* connection that fails ends with [`Disconnected`], unless you connect with
//! [`ConnectOptions::retry_first`](crate::connection::ConnectOptions::retry_first), and a first login with
//! [`Login::retry`](crate::account::Login::retry).
//!
//! # What you cannot know
//!
//! * Why the server closed the socket. It closes nearly everything with code 1000: a kick by an administrator, an overflow of its queue, its own
//!   shutdown. All of them are tried again.
//! * Whether a request with `maybe_executed` was done.
//! * Why another member vanishes and comes back: the server does not say whether a player left, or lost the connection.
//! * Whether two sessions of another member are two devices, or one device and its ghost, until the older one says something or leaves.
//! * What was sent in a match while you were away.
//! * Whether the local user's *other* devices are still online: the server never lists them. They stay until it says that they go. So after a
//!   restart of the server, a device may be there twice.
//! * When the server lost you, by its own clock. In a channel or inbox where your game has seen nothing before the loss, the clock of this
//!   machine decides what is new, less a minute. If it is wrong by more, lines are missing or old ones are told again.
//! * Whether a match is still the one from before, if everybody has left it meanwhile, and somebody who was there has made it anew under the same
//!   name, without losing the connection. That looks like [`Restored`](ReentryOutcome::Restored).

pub use super::{
    ghosts::{AdoptReconnecting, Adopted, MaybeGhost},
    news::Reentered,
    returning::{LastReentry, LossReason, ReentryOutcome, ReentryPolicy, Stale},
};
pub use crate::connection::{
    ConnectionLost, LoginNeeded, ReconnectStep, Reconnecting, Transition, TransitionKind,
};
#[expect(unused_imports, reason = "the page links to them")]
use crate::{
    connection::{
        Connected, ConnectionState, DisconnectReason, Disconnected, NakamaConnection, SessionState,
    },
    mirror::presence::{Joined, JoinedAs, LeaveReason, Left},
    transport::SendPolicy,
};
