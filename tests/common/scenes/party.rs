//! Parties.

use bevy::{ecs::relationship::RelationshipTarget, prelude::*};
use bevy_nakama::{prelude::*, proto::PartyLayout};

use super::{Game, player};

/// Who is in the party, in order of joining: name without its unique part, a star for the leader.
fn party(app: &mut App) -> Vec<String> {
    let Some(party) = Game::the::<Party>(app) else {
        return Vec::new();
    };
    let world = app.world();
    let members = world.get::<PartyMembers>(party);
    let members = members.into_iter().flat_map(PartyMembers::iter);
    members
        .map(|member| {
            let name = world.get::<Username>(member).expect("a name").as_str();
            let name = name.split('-').next().expect("a first part");
            let leads = world.get::<PartyLeader>(member).is_some();
            format!("{name}{}", if leads { "*" } else { "" })
        })
        .collect()
}

pub(super) fn sees_party(game: &mut Game, expected: &[&str]) {
    let what = format!("the party {expected:?}");
    game.until(&what, |app| (party(app) == expected).then_some(()));
}

fn member(game: &mut Game, name: &str) -> Entity {
    let world = game.app.world_mut();
    let mut members = world.query_filtered::<(Entity, &Username), With<PartyMemberOf>>();
    let found = members
        .iter(world)
        .find(|(_, username)| username.as_str().starts_with(name));
    found.expect("a member of that name").0
}

/// A closed party: asking, accepting, declining, promoting, data, throwing out, the leader's leave, the end.
pub(crate) fn a_party(server: &NakamaServer) -> PartyLayout {
    let mut ada = player(server, "ada");
    let mut bob = player(server, "bob");
    let mut cat = player(server, "cat");
    let created = ada
        .ask::<CreateParty>(|nakama| nakama.create_party(CreateParty::closed(3)).id())
        .expect("a party");
    let id = ada
        .app
        .world()
        .get::<PartyId>(created.entity)
        .expect("an id")
        .clone();
    sees_party(&mut ada, &["ada*"]);

    // Both ask. The leader accepts them one after the other, and declines one of them first.
    for asking in [&mut bob, &mut cat] {
        asking
            .ask::<JoinParty>(|nakama| nakama.join_party(id.clone()).id())
            .expect("the server takes the request");
    }
    // The server refuses a second request, and that is all the same.
    let first = Game::the::<Joining>(&mut bob.app);
    let again = bob
        .ask::<JoinParty>(|nakama| nakama.join_party(id.clone()).id())
        .expect("who asks twice is asking");
    assert_eq!(Some(again.entity), first);
    cat.until("that the leader has to accept", |app| {
        Game::the::<PendingApproval>(app)
    });
    let askers = ada.until("both to ask", |app| {
        let requests = app.world().get::<PartyJoinRequests>(created.entity)?;
        let askers: Vec<_> = requests.iter().collect();
        (askers.len() == 2).then_some(askers)
    });
    ada.ask::<AcceptPartyJoin>(|nakama| nakama.accept_party_join(askers[0]).id())
        .expect("bob is accepted");
    ada.ask::<DeclinePartyJoin>(|nakama| nakama.decline_party_join(askers[1]).id())
        .expect("cat is declined");
    sees_party(&mut ada, &["ada*", "bob"]);
    sees_party(&mut bob, &["ada*", "bob"]);
    assert!(Game::the::<Party>(&mut cat.app).is_none());
    assert!(
        ada.app
            .world()
            .get::<PartyJoinRequests>(created.entity)
            .is_none()
    );

    // Only a leader may do these.
    let adas = member(&mut bob, "ada");
    let refused = bob
        .ask::<KickFromParty>(|nakama| nakama.kick_from_party(adas).id())
        .expect_err("bob does not lead");
    assert!(
        matches!(refused, RequestError::Refused(PartyRefusal::NotLeader(_))),
        "{refused:?}"
    );
    let refused = ada
        .ask::<JoinParty>(|nakama| nakama.join_party("no-such-party").id())
        .expect_err("that is not an id");
    assert!(
        matches!(
            refused,
            RequestError::Refused(PartyRefusal::InvalidInput(_))
        ),
        "{refused:?}"
    );

    // Data go to the others.
    ada.commands(|commands| {
        commands
            .nakama()
            .send_party_data(created.entity, 7, "hello bob");
    });
    ada.app.update();
    let data = bob.until("data", |app| Game::arrived::<PartyDataReceived>(app).pop());
    assert_eq!((data.op_code, &data.data[..]), (7, &b"hello bob"[..]));
    assert!(data.sender.expect("a sender").entity.is_some());

    // The mark moves, and the new leader hears who has been waiting.
    cat.ask::<JoinParty>(|nakama| nakama.join_party(id.clone()).id())
        .expect("who was declined may ask again");
    ada.until("cat to ask again", |app| {
        app.world().get::<PartyJoinRequests>(created.entity)?;
        Some(())
    });
    let bobs = member(&mut ada, "bob");
    ada.ask::<PromotePartyMember>(|nakama| nakama.promote_party_member(bobs).id())
        .expect("bob leads");
    sees_party(&mut ada, &["ada", "bob*"]);
    sees_party(&mut bob, &["ada", "bob*"]);
    let waiting = bob.until("cat, who has been waiting", Game::the::<PartyJoinRequester>);
    bob.ask::<AcceptPartyJoin>(|nakama| nakama.accept_party_join(waiting).id())
        .expect("cat is accepted");
    sees_party(&mut cat, &["ada", "bob*", "cat"]);

    // A member is kicked, the leader leaves, and the last member closes it.
    let adas = member(&mut bob, "ada");
    bob.ask::<KickFromParty>(|nakama| nakama.kick_from_party(adas).id())
        .expect("ada is kicked");
    sees_party(&mut ada, &[]);
    sees_party(&mut cat, &["bob*", "cat"]);
    let party = Game::the::<Party>(&mut bob.app).expect("bob is in it");
    bob.ask::<LeaveParty>(|nakama| nakama.leave_party(party).id())
        .expect("bob leaves");
    sees_party(&mut bob, &[]);
    sees_party(&mut cat, &["cat*"]);
    let party = Game::the::<Party>(&mut cat.app).expect("cat is in it");
    let layout = cat
        .app
        .world()
        .resource::<NakamaConnection>()
        .party_layout()
        .expect("the server sent a party");
    let updated = cat.ask::<UpdateParty>(|nakama| {
        let update = UpdateParty::default()
            .open(true)
            .label(r#"{"mode":"duel"}"#);
        nakama.update_party(party, update).id()
    });
    match layout {
        PartyLayout::Current => {
            updated.expect("a new server takes it");
            let mirrored = cat.app.world().get::<Party>(party).expect("a party");
            assert!(mirrored.open);
            let label = mirrored.label.as_deref().expect("known by now");
            assert_eq!(label.replace(' ', ""), r#"{"mode":"duel"}"#);
        }
        PartyLayout::Before3_28 => assert!(
            matches!(updated, Err(RequestError::Unsupported { .. })),
            "{updated:?}"
        ),
    }
    cat.ask::<CloseParty>(|nakama| nakama.close_party(party).id())
        .expect("cat closes it");
    sees_party(&mut cat, &[]);
    for game in [&ada, &bob, &cat] {
        assert_eq!(game.phases.take(), [""; 0], "nobody lost their connection");
    }
    layout
}
