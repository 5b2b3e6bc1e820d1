//! Members come and go while Ada is away. When she is back, she hears of each of them once, and of nobody who stayed.

use super::*;

#[test]
fn scenario_18_who_left_and_who_joined_is_told_once_and_who_stayed_is_silent() {
    let mut stage = Stage::new();
    stage.joins("cat");
    let before = stage.ada.entities();
    stage.ada.heard.take();
    stage.ada_goes_away();
    assert_eq!(stage.ada.entities(), before, "nobody has gone yet");
    let mut cat = stage.others.remove(0);
    let here = cat.here;
    cat.game
        .ask::<LeaveMatch>(|nakama| nakama.leave_match(here).id())
        .expect("she may leave");
    stage.joins("dan");
    let heard = stage.ada_comes_back();
    assert_eq!(
        heard,
        [
            "+dan WhileAway",
            "-cat WhileAway",
            "match: Restored",
            "resumed"
        ]
    );
    assert_eq!(stage.ada.members().len(), 3);
    assert_eq!(sessions(&mut stage.ada), sessions(&mut stage.bob));
    let after = stage.ada.entities();
    let stayed = |who: &&(String, Entity)| who.0 != "cat";
    for member in before.iter().filter(stayed) {
        assert!(after.contains(member), "{member:?} is not in {after:?}");
    }
    assert!(!stage.ada.has_stale());
    stage.play_for(millis(300));
    assert_eq!(stage.ada.heard.take(), [""; 0]);
}

/// Bob plays on two devices. One of them comes back with another session while Ada is away: he is the same player as before.
#[test]
fn scenario_18_a_user_with_two_devices_of_which_one_reconnects_is_silent() {
    let mut stage = Stage::new();
    stage.joins("bob");
    let before = stage.ada.entities();
    assert_eq!(before.len(), 3);
    stage.ada.heard.take();
    stage.ada_goes_away();
    let old = stage.others.remove(0).session();
    stage.until("bob's device goes", |stage| {
        let members = stage.bob.members();
        members.iter().all(|who| who.1 != old).then_some(())
    });
    stage.joins("bob");
    assert_eq!(stage.ada_comes_back(), ["match: Restored", "resumed"]);
    assert_eq!(stage.ada.entities(), before);
    assert_eq!(sessions(&mut stage.ada), sessions(&mut stage.bob));
    assert!(!stage.ada.has_stale());
}

/// Bob plays on two devices, and leaves with the second.
#[test]
fn scenario_18_one_of_two_devices_leaves() {
    let mut stage = Stage::new();
    stage.joins("bob");
    stage.ada.heard.take();
    let stays = stage.bob.session();
    let members = stage.ada.members();
    let stays = members.iter().find(|who| who.1 == stays).cloned();
    stage.ada_goes_away();
    let old = stage.others.remove(0).session();
    stage.until("bob's device goes", |stage| {
        let members = stage.bob.members();
        members.iter().all(|who| who.1 != old).then_some(())
    });
    assert_eq!(
        stage.ada_comes_back(),
        ["-bob WhileAway", "match: Restored", "resumed"]
    );
    assert!(stage.ada.members().contains(&stays.expect("bob")));
    assert_eq!(sessions(&mut stage.ada), sessions(&mut stage.bob));
}

fn sessions(player: &mut Player) -> Vec<(String, SessionId)> {
    let all = player.members().into_iter();
    all.map(|(name, session, _)| (name, session)).collect()
}
