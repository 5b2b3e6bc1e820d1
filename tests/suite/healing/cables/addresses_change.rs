//! A player goes from one network to another.

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
