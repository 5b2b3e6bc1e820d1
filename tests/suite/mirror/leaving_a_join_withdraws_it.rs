//! Leaving what the local user is still joining withdraws the join.

use crate::common::{log::Log, steps::log_replies};
use bevy::prelude::*;
use bevy_nakama::{prelude::*, proto::Kind, testing::*};

#[test]
fn leaving_what_is_still_joining_withdraws_it() {
    let mut game = TestGame::connected();
    let log = Log::default();
    log_replies::<LeaveMatch>(&mut game, &log, LeaveMatch::NAME);
    log_replies::<LeaveParty>(&mut game, &log, LeaveParty::NAME);
    log_replies::<LeaveChat>(&mut game, &log, LeaveChat::NAME);
    log_replies::<RemoveMatchmakerTicket>(&mut game, &log, RemoveMatchmakerTicket::NAME);
    let withdraw = |game: &mut TestGame,
                    ask: fn(NakamaCommands) -> Entity,
                    leave: fn(NakamaCommands, Entity)| {
        let joining = game.commands(|commands| ask(commands.nakama()));
        game.update();
        game.commands(|commands| leave(commands.nakama(), joining));
        game.update();
        assert!(game.app.world().get_entity(joining).is_err());
    };
    let [leave_match, leave_party, leave_chat, remove]: [fn(NakamaCommands, Entity); 4] = [
        |nakama, it| _ = nakama.leave_match(it),
        |nakama, it| _ = nakama.leave_party(it),
        |nakama, it| _ = nakama.leave_chat(it),
        |nakama, it| _ = nakama.remove_matchmaker_ticket(it),
    ];

    withdraw(
        &mut game,
        |nakama| nakama.join_match(JoinMatch::by_id("m")).id(),
        leave_match,
    );
    let asked = game.expect_sent(Kind::MatchJoin);
    game.answer(&asked, match_joined("m", &["ada"]));
    game.update();
    game.expect_sent(Kind::MatchLeave);
    withdraw(
        &mut game,
        |nakama| nakama.create_match(CreateMatch::new()).id(),
        leave_match,
    );
    assert_eq!(log.take(), ["LeaveMatch", "LeaveMatch"]);
    let asked = game.expect_sent(Kind::MatchCreate);
    game.answer(&asked, match_joined("n", &["ada"]));
    game.update();
    game.expect_sent(Kind::MatchLeave);

    withdraw(&mut game, |nakama| nakama.join_party("p").id(), leave_party);
    let asked = game.expect_sent(Kind::PartyJoin);
    game.acknowledge(&asked);
    game.update();
    game.expect_sent(Kind::PartyLeave);
    withdraw(
        &mut game,
        |nakama| nakama.create_party(CreateParty::open(2)).id(),
        leave_party,
    );
    assert_eq!(log.take(), ["LeaveParty", "LeaveParty"]);

    withdraw(
        &mut game,
        |nakama| nakama.join_chat(JoinChat::room("r")).id(),
        leave_chat,
    );
    assert_eq!(log.take(), ["LeaveChat"]);

    withdraw(
        &mut game,
        |nakama| nakama.add_matchmaker(AddMatchmaker::players(2, 2)).id(),
        remove,
    );
    assert_eq!(log.take(), ["RemoveMatchmakerTicket"]);
    let asked = game.expect_sent(Kind::MatchmakerAdd);
    game.answer(&asked, matchmaker_ticket("t"));
    game.update();
    game.expect_sent(Kind::MatchmakerRemove);
    log.take();

    // An entity that is joining a channel is not a match.
    let joining = game.commands(|commands| commands.nakama().join_chat(JoinChat::room("s")).id());
    game.update();
    game.commands(|commands| _ = commands.nakama().leave_match(joining));
    game.update();
    assert_eq!(log.take(), ["LeaveMatch: the entity is not a match"]);
    assert!(game.app.world().get_entity(joining).is_ok());
}

/// The server has taken the request to join, and the leader of the party has not decided.
#[test]
fn leaving_a_party_that_has_not_decided_withdraws_the_join() {
    let mut game = TestGame::connected();
    let log = Log::default();
    log_replies::<LeaveParty>(&mut game, &log, LeaveParty::NAME);
    let joining = game.commands(|commands| commands.nakama().join_party("p").id());
    game.update();
    let asked = game.expect_sent(Kind::PartyJoin);
    game.acknowledge(&asked);
    game.update();
    game.commands(|commands| _ = commands.nakama().leave_party(joining));
    game.update();
    assert_eq!(log.take(), ["LeaveParty"]);
    assert!(game.app.world().get_entity(joining).is_err());
    game.expect_sent(Kind::PartyLeave);
}
