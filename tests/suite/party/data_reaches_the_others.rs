//! Party data: sent, refused, received, typed.

use super::*;
use bevy_nakama::payload::Json;
use bevy_nakama::proto::Kind;

#[test]
fn data_goes_to_the_others_and_comes_from_them() {
    both_layouts(|mut game, log| {
        let party = leading_bob(&mut game, &log);
        game.commands(|c| c.nakama().send_party_data(party, 7, "hello"));
        game.update();
        let sent = game.expect_sent(Kind::PartyDataSend);
        assert_eq!(
            sent.message,
            Some(Message::PartyDataSend(realtime::PartyDataSend {
                party_id: "p1".into(),
                op_code: 7,
                data: "hello".into(),
            }))
        );
        game.acknowledge(&sent);
        game.server_says(party_data("p1", "bob", 7, "hi"));
        game.update();
        assert_eq!(log.take(), ["bob: hi"]);
    });
}

#[test]
fn data_that_the_server_refuses_is_told() {
    both_layouts(|mut game, log| {
        let party = leading_bob(&mut game, &log);
        game.commands(|c| c.nakama().send_party_data(party, 7, "hello"));
        game.update();
        let sent = game.expect_sent(Kind::PartyDataSend);
        let text = "Error sending party data: party member not found";
        game.refuse(&sent, 3, text);
        game.update();
        assert_eq!(log.take(), [format!("not sent: {text}")]);
    });
}

#[test]
fn data_that_cannot_be_sent_is_told() {
    both_layouts(|mut game, log| {
        let party = leading_bob(&mut game, &log);
        game.commands(|c| c.nakama().send_party_data(party, 7, vec![0; 5000]));
        game.update();
        game.update();
        let noticed = log.take();
        assert!(
            noticed.len() == 1 && noticed[0].starts_with("not sent: "),
            "{noticed:?}"
        );
        assert!(game.sent().is_empty());
    });
}

#[test]
fn data_of_somebody_who_is_not_yet_here_waits_for_them() {
    both_layouts(|mut game, log| {
        leading_bob(&mut game, &log);
        game.server_says(party_data("p1", "cat", 7, "first"));
        game.update();
        game.server_says(party_presences("p1", &["cat"], &[]));
        game.update();
        assert_eq!(log.take(), ["+cat Arrived", "cat: first"]);
    });
}

#[test]
fn typed_data_arrives_as_its_type() {
    #[derive(Debug, PartialEq, serde::Deserialize, serde::Serialize)]
    struct Ready(bool);
    impl PartyPayload for Ready {
        const OP_CODE: i64 = 1;
        type Codec = Json;
    }
    both_layouts(|mut game, log| {
        game.app.add_party_data::<Ready>();
        let seen = log.clone();
        game.app
            .add_systems(Update, move |mut ready: MessageReader<FromParty<Ready>>| {
                for ready in ready.read() {
                    seen.add(format!("{:?}", ready.payload));
                }
            });
        let seen = log.clone();
        game.app
            .add_systems(Update, move |mut bad: MessageReader<PartyDataRejected>| {
                for bad in bad.read() {
                    seen.add(format!("rejected {:?}", bad.data));
                }
            });
        let party = leading_bob(&mut game, &log);
        game.commands(|c| c.nakama().send_to_party(party, &Ready(true)));
        game.update();
        let sent = game.expect_sent(Kind::PartyDataSend);
        let Some(Message::PartyDataSend(sent)) = sent.message else {
            panic!("{sent:?}");
        };
        assert_eq!((sent.op_code, &sent.data[..]), (1, &b"true"[..]));
        game.server_says(party_data("p1", "bob", 1, "true"));
        game.server_says(party_data("p1", "bob", 1, "nonsense"));
        game.update();
        let mut noticed = log.take();
        noticed.sort();
        assert_eq!(noticed, ["Ready(true)", "rejected b\"nonsense\""]);
    });
}
