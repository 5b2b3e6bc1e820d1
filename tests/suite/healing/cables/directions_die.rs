//! One direction is dead, the other is not.

use super::*;

#[test]
fn scenario_5_a_dead_receive_direction_is_a_dead_line() {
    on_a_cable(|stage| {
        let before = stage.everybody();
        stage.bob.say(0);
        stage.until("traffic", |stage| stage.ada.hears().pop());
        stage.cut(Way::ToClient);
        stage.ada_notices(millis(10_500), &before);
        stage.play_for(millis(2500));
        stage.mend(Way::ToClient);
        stage.ada_is_back(&before);
    });
}

/// Frames do not arrive for long: the server's TCP hears no acknowledgement and only repeats itself. So this is noticed as a dead
/// line is, by silence. That frames go on to arrive for 20 s is for proxies (`through_the_proxy`).
#[test]
fn scenario_5_a_dead_send_direction_soon_is_a_dead_line() {
    on_a_cable(|stage| {
        let before = stage.everybody();
        stage.bob.say(0);
        stage.until("traffic", |stage| stage.ada.hears().pop());
        stage.cut(Way::ToServer);
        stage.ada_notices(seconds(20), &before);
        println!("{} more messages arrived", stage.ada.hears().len());
        stage.play_for(millis(2500));
        stage.mend(Way::ToServer);
        stage.ada_is_back(&before);
    });
}
