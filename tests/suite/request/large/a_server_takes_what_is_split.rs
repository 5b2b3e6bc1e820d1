//! The embedded server refuses the call that is too long, and takes the request that is split.

use super::*;
use crate::common::game::{Game, serve};
use bevy_nakama::local_server::LocalServerConfig;

#[test]
fn a_server_refuses_the_call_that_is_too_long_and_takes_the_request_that_is_split() {
    let (_local, server) = serve(LocalServerConfig::default());
    let mut ada = Game::online(&server, Login::device("device-of-ada").username("ada"));
    let query: Vec<_> = (0..220)
        .map(|number| format!("ids={}", uuid(number)))
        .collect();
    let path = format!("/v2/notification?{}", query.join("&"));
    let refused = ada.ask::<CallRest>(|nakama| nakama.rest(RestMethod::Delete, path, None).id());
    match refused {
        Err(RequestError::Refused(error)) => assert_eq!(error.status, 431),
        other => panic!("{other:?}"),
    }
    ada.ask::<DeleteNotifications>(|nakama| nakama.delete_notifications(uuids(0..220)).id())
        .expect("deleted");
    ada.ask::<FollowUsers>(|nakama| nakama.follow(FollowUsers::ids(uuids(0..300))).id())
        .expect("followed");
    ada.ask::<UnfollowUsers>(|nakama| nakama.unfollow(UnfollowUsers::ids(uuids(0..300))).id())
        .expect("unfollowed");
}
