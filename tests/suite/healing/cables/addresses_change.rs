//! A player goes from one network to another, and so does a server.

use super::*;

/// Linux does not end a connection whose address is gone.
#[test]
fn scenario_38_a_game_with_a_new_address_is_back() {
    on_a_cable(|stage| {
        let before = stage.everybody();
        stage.bob.say(0);
        stage.until("traffic", |stage| stage.ada.hears().pop());
        stage.ip("addr del 10.0.1.2/24 dev ada");
        stage.ip("addr add 10.0.1.3/24 dev ada");
        stage.ada_notices(millis(10_500), &before);
        stage.ada_is_back(&before);
    });
}

/// Its name means another address from then on.
#[test]
fn scenario_38_a_server_whose_name_has_another_address_is_found_again() {
    on_a_cable(|stage| {
        let before = stage.everybody();
        stage.bob.say(0);
        stage.until("traffic", |stage| stage.ada.hears().pop());
        stage.servers_are_at("10.0.1.9", "10.0.2.1");
        stage.ip_there("addr del 10.0.1.1/24 dev ada");
        stage.ip_there("addr add 10.0.1.9/24 dev ada");
        stage.ada_notices(millis(10_500), &before);
        stage.ada_is_back(&before);
    });
}
