//! What the overlay costs while it is closed.

use super::*;

/// What a thousand messages allocate once all buffers have their size.
fn cost_of_traffic(game: &mut TestGame) -> u64 {
    let mut arrive = || {
        for _ in 0..1000 {
            game.server_says(match_data_sent("m1", Some("bob"), 1, vec![0; 8]));
        }
        allocation_counter::measure(|| game.update()).count_total
    };
    for _ in 0..3 {
        arrive();
    }
    arrive()
}

#[test]
fn closed_it_adds_nothing_to_the_path_of_a_message() {
    let mut without = TestGame::with_settings(patient());
    let mut with = TestGame::with_plugins(patient(), NakamaOverlayPlugin::default());
    for game in [&mut without, &mut with] {
        game.connect();
        game.join("m1", &["ada", "bob"]);
    }
    let floor = cost_of_traffic(&mut without);
    let closed = cost_of_traffic(&mut with);
    assert!(closed <= floor, "{closed} allocations, {floor} without it");
    assert_eq!(reported(&with), 0);
    assert!(view(&with).envelopes.is_empty());
    assert!(
        view(&with).matches.is_empty(),
        "the world was not looked at"
    );

    with.app.world_mut().resource_mut::<NakamaOverlay>().open = true;
    with.update();
    let open = cost_of_traffic(&mut with);
    assert!(
        open > floor,
        "{open} and {floor}: envelopes are reported now"
    );
    assert!(reported(&with) >= 1000);
    assert_eq!(view(&with).envelopes.len(), 500, "the last ones are kept");
    assert_eq!(view(&with).matches.len(), 1);

    with.app.world_mut().resource_mut::<NakamaOverlay>().open = false;
    with.update();
    let closed = cost_of_traffic(&mut with);
    assert!(closed <= floor, "{closed} allocations, {floor} without it");
    assert_eq!(reported(&with), 0);
}

#[test]
fn an_idle_frame_of_a_closed_overlay_allocates_nothing() {
    let mut without = TestGame::joined("m1", &["ada", "bob"]);
    let mut with = with_overlay(NakamaOverlayPlugin::default());
    with.join("m1", &["ada", "bob"]);
    for _ in 0..10 {
        without.update();
        with.update();
    }
    let floor = allocation_counter::measure(|| without.update()).count_total;
    let closed = allocation_counter::measure(|| with.update()).count_total;
    assert!(closed <= floor, "{closed} allocations, {floor} without it");
}
