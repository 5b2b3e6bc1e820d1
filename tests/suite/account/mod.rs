//! Logging in, and what tokens are good for.

mod a_file_keeps_the_session;
mod a_log_out_is_a_log_out;
mod a_login_has_one_end;
mod a_login_makes_or_finds_an_account;
mod a_server_may_be_set_up_anew;
mod connecting_waits_for_the_login;
mod keeping;
mod keeping_may_fail;
mod refusals_of_logins_have_names;
mod sessions_are_kept;
mod tokens_are_refreshed_restored_and_ended;
mod watching;

use crate::common::game::Game;
use bevy::prelude::*;
use bevy_nakama::prelude::*;

fn log_in(
    game: &mut Game,
    server: &NakamaServer,
    login: Login,
) -> Result<LoggedIn, RequestError<LoginRefusal>> {
    game.ask::<LogIn>(|nakama| nakama.log_in(server, login).id())
}
