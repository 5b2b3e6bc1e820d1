//! A value of a type that the game has bound arrives as it was sent, or is rejected and kept.

use super::*;
use crate::common::steps::drain;

#[test]
fn values_of_bound_types_arrive_as_they_were_sent() {
    let (mut game, here, _) = game();
    game.commands(|commands| {
        commands.nakama().send(here, &Moved { x: 1.5, y: -2.0 });
        commands.nakama().send(
            here,
            &Said {
                text: "hello".into(),
            },
        );
        commands.nakama().send(here, &Beep(9));
    });
    game.update();
    for sent in sent_data(&mut game) {
        assert_eq!(sent.match_id, "m1");
        game.server_says(match_data_sent("m1", Some("bob"), sent.op_code, sent.data));
    }
    game.update();

    let bob = game.presence_of("m1", "bob");
    let moved: Vec<FromMatch<Moved>> = drain(&mut game);
    assert_eq!(moved.len(), 1);
    assert_eq!(
        (&moved[0].payload, moved[0].context),
        (&Moved { x: 1.5, y: -2.0 }, here)
    );
    let sender = moved[0].sender.as_ref().expect("bob");
    assert_eq!(
        (sender.entity, sender.presence.username.as_str()),
        (Some(bob), "bob")
    );
    assert_eq!(
        drain::<FromMatch<Said>>(&mut game)[0].payload,
        Said {
            text: "hello".into()
        }
    );
    assert_eq!(drain::<FromMatch<Beep>>(&mut game)[0].payload, Beep(9));
    assert!(
        drain::<MatchDataReceived>(&mut game).is_empty(),
        "a bound op code arrives typed only"
    );
}

#[test]
fn what_is_no_such_value_is_told_apart_and_kept() {
    let (mut game, here, _) = game();
    game.server_says(match_data_sent("m1", Some("bob"), 1, "short"));
    game.server_says(match_data_sent("m1", Some("bob"), -2, "{"));
    game.server_says(match_data_sent("m1", None, 3, ""));
    let mut trailing = postcard_bytes(&Moved { x: 0.0, y: 0.0 });
    trailing.push(0);
    game.server_says(match_data_sent("m1", Some("bob"), 1, trailing));
    game.update();
    let rejected: Vec<MatchDataRejected> = drain(&mut game);
    assert_eq!(
        rejected
            .iter()
            .map(|r| (r.context, r.op_code))
            .collect::<Vec<_>>(),
        [(here, 1), (here, -2), (here, 3), (here, 1)]
    );
    assert_eq!(rejected[1].data, "{");
    assert!(rejected[2].error.to_string().contains("nothing there"));
    assert!(drain::<FromMatch<Moved>>(&mut game).is_empty());
}

fn postcard_bytes(moved: &Moved) -> Vec<u8> {
    Postcard::encode(moved).expect("two floats").to_vec()
}

#[test]
#[should_panic(expected = "op code 1 is claimed twice")]
fn two_types_for_one_op_code_are_a_mistake() {
    #[derive(Deserialize, Serialize)]
    struct Other;
    impl MatchPayload for Other {
        const OP_CODE: i64 = 1;
        type Codec = Postcard;
    }
    game().0.app.add_match_data::<Other>();
}
