//! A game may disable entities of the plugin. The plugin goes on with them.

use std::time::Duration;

use crate::common::steps::create_party;
use bevy::{ecs::entity_disabling::Disabled, prelude::*};
use bevy_nakama::{matchmaker::TicketIndex, prelude::*, proto::Kind, testing::*};

fn disable(game: &mut TestGame, entity: Entity) {
    game.commands(|commands| {
        commands.entity(entity).insert(Disabled);
    });
}

/// Bevy's `DisableOnExit` disables entities like this.
#[test]
fn a_disabled_request_is_despawned_all_the_same() {
    let mut game = TestGame::joined("m", &["ada"]);
    let here = game.match_entity("m");
    let request = game.commands(|commands| commands.nakama().leave_match(here).id());
    disable(&mut game, request);
    game.update();
    let asked = game.expect_sent(Kind::MatchLeave);
    game.acknowledge(&asked);
    game.update();
    assert!(game.app.world().get_entity(request).is_err());
}

#[test]
fn a_disabled_join_hears_that_it_waits_for_approval() {
    let mut game = TestGame::connected();
    let request = game.commands(|commands| commands.nakama().join_party("p").id());
    disable(&mut game, request);
    game.update();
    let asked = game.expect_sent(Kind::PartyJoin);
    game.acknowledge(&asked);
    game.advance(Duration::from_millis(1100));
    assert!(game.app.world().get::<PendingApproval>(request).is_some());
}

#[test]
fn a_disabled_party_gets_its_ticket() {
    let mut game = TestGame::connected();
    let here = create_party(
        &mut game,
        CreateParty::closed(4),
        party_joined("p", "ada", &["ada"]),
    );
    disable(&mut game, here);
    game.server_says(party_matchmaker_ticket("p", "t"));
    game.update();
    let index = game.app.world().resource::<TicketIndex>();
    let ticket = index.get(&TicketId::from("t")).expect("a ticket");
    let of = game.app.world().get::<TicketOf>(ticket).expect("of it");
    assert_eq!(of.0, here);
}

#[test]
fn what_is_left_while_it_is_disabled_goes() {
    let mut game = TestGame::joined("m", &["ada", "bob"]);
    let here = game.match_entity("m");
    let bob = game.presence_of("m", "bob");
    for entity in [here, bob] {
        disable(&mut game, entity);
    }
    game.server_says(match_presences("m", &[], &["bob"]));
    game.commands(|commands| commands.nakama().leave_match(here).id());
    game.update();
    let asked = game.expect_sent(Kind::MatchLeave);
    game.acknowledge(&asked);
    for _ in 0..10 {
        game.update();
    }
    for entity in [here, bob] {
        assert!(game.app.world().get_entity(entity).is_err());
    }
}
