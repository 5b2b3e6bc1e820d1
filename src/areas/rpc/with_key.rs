//! Calls without a user.

use bevy_ecs::prelude::*;

use super::{
    RpcRefusal,
    refusal::refusal_of,
    request::{Rpc, RpcReply},
};
use crate::{
    commands::NakamaCommands,
    request::{Outcome, RequestError, RestRequest, UserCall, refuse, request, submit_rest},
    transport::{Auth, NakamaServer, RestCall, RestResponse, Secret},
};

/// Calls a function of the server without a user. Made by [`rpc_with_key`](NakamaCommands::rpc_with_key). The key does not
/// show in `Debug`.
#[derive(Clone, Debug)]
pub struct RpcWithKey {
    server: NakamaServer,
    key: Secret,
    rpc: Rpc,
}

request!(RpcWithKey -> RpcReply, RpcRefusal);

impl RestRequest for RpcWithKey {
    type Call = RestCall;

    fn to_call(&self) -> RestCall {
        let UserCall {
            method,
            target,
            body,
        } = self.rpc.user_call();
        RestCall {
            server: self.server.clone(),
            method,
            target,
            auth: Auth::HttpKey(self.key.clone()),
            body,
        }
    }

    fn read(&mut self, response: &RestResponse) -> Outcome<Self> {
        RpcReply::from_rest(response)
    }

    fn refused(response: &RestResponse) -> RpcRefusal {
        refusal_of(response)
    }
}

impl<'a> NakamaCommands<'a, '_, '_> {
    /// Calls a function of the server over REST with its HTTP key (`runtime.http_key` in the server's configuration), without a
    /// connection and without a user: the answer is a [`Replied<RpcWithKey>`](crate::request::Replied).
    ///
    /// Whoever has the key can call every function. So it is for servers and tools: never ship it to players. It travels in a header, not
    /// in the address. It must not hold a colon, because the server reads only what is before it.
    ///
    /// ```
    /// # use bevy_ecs::prelude::*;
    /// # use bevy_nakama::prelude::*;
    /// fn report(mut commands: Commands) {
    ///     let server = NakamaServer::new("http://127.0.0.1:7350", "defaultkey");
    ///     commands.nakama().rpc_with_key(&server, "defaulthttpkey", Rpc::new("report").payload("all is well"));
    /// }
    /// ```
    pub fn rpc_with_key(
        self,
        server: &NakamaServer,
        http_key: impl Into<Secret>,
        rpc: Rpc,
    ) -> EntityCommands<'a> {
        let request = RpcWithKey {
            server: server.clone(),
            key: http_key.into(),
            rpc,
        };
        self.request_with(move |world, entity| match request.rpc.problem() {
            Some(error) => refuse::<RpcWithKey>(world, entity, RequestError::Unencodable(error)),
            None => submit_rest(world, entity, request),
        })
    }
}
