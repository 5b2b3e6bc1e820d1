//! What runs on the embedded server for the scenes; real servers have the same in Lua, see `tests/nakama/modules`.

use std::{collections::BTreeMap, time::Duration};

use super::game::serve;
use bevy_nakama::{
    connection::NakamaServer,
    local_server::{
        Broadcast, LocalServer, LocalServerConfig, MatchContext, MatchFlow, MatchHandler,
        MatchInit, MatchMessage, NotificationSend, PresenceMeta, RpcError, RuntimeModule,
    },
    proto::{UserPresence, realtime::Stream},
};

/// Sums up the bytes that members send, and tells each sender the sum so far. Whoever joins has to know the word.
#[derive(Default)]
struct Sum(u32);

impl MatchHandler for Sum {
    fn init(&mut self, _: &mut MatchContext<'_>, params: &str) -> MatchInit {
        MatchInit {
            tick_rate: 60,
            label: params.to_owned(),
        }
    }

    fn join_attempt(
        &mut self,
        _: &mut MatchContext<'_>,
        _: &UserPresence,
        metadata: &BTreeMap<String, String>,
    ) -> Result<(), String> {
        match metadata.get("key") {
            Some(key) if key == "sesame" => Ok(()),
            _ => Err("no entry".to_owned()),
        }
    }

    fn join(&mut self, context: &mut MatchContext<'_>, presences: &[UserPresence]) -> MatchFlow {
        context.broadcast(Broadcast::new(2, "welcome").to(presences));
        MatchFlow::Continue
    }

    fn tick(&mut self, context: &mut MatchContext<'_>, messages: &[MatchMessage]) -> MatchFlow {
        for message in messages {
            self.0 += message
                .data
                .iter()
                .map(|byte| u32::from(*byte))
                .sum::<u32>();
            let sum = Broadcast::new(1, self.0.to_string());
            context.broadcast(sum.to(std::slice::from_ref(&message.sender)));
        }
        MatchFlow::Continue
    }

    fn signal(&mut self, _: &mut MatchContext<'_>, data: &str) -> Option<String> {
        Some(format!("{data}: {}", self.0))
    }
}

fn news() -> Stream {
    Stream {
        mode: 200,
        label: "news".to_owned(),
        ..Stream::default()
    }
}

fn runtime() -> RuntimeModule {
    RuntimeModule::new()
        .register_match("sum", Sum::default)
        .register_rpc("echo", |_, payload| Ok(payload.to_owned()))
        .register_rpc("whoami", |context, _| {
            Ok(context.user_id.unwrap_or_default().to_owned())
        })
        .register_rpc("fail", |_, _| Err(RpcError::new("no luck").with_code(3)))
        .register_rpc("start", |context, label| {
            Ok(context.runtime.match_create("sum", label)?)
        })
        .register_rpc("ask", |context, match_id| {
            Ok(context.runtime.match_signal(match_id, "sum")?)
        })
        .register_rpc("subscribe", |context, _| {
            let session = context.session_id.ok_or("no socket")?;
            let runtime = &mut context.runtime;
            runtime.stream_user_join(session, &news(), PresenceMeta::default())?;
            Ok(String::new())
        })
        .register_rpc("unsubscribe", |context, _| {
            let session = context.session_id.ok_or("no socket")?;
            context.runtime.stream_user_leave(session, &news())?;
            Ok(String::new())
        })
        .register_rpc("publish", |context, payload| {
            context.runtime.stream_send(&news(), payload, &[], true)?;
            Ok(String::new())
        })
        .register_rpc("notify", |context, payload| {
            let user = context.user_id.ok_or("no user")?;
            let content = serde_json::json!({ "text": payload });
            let notification =
                NotificationSend::new(user, 7, payload).with_content(content.to_string());
            context
                .runtime
                .notification_send(notification.persistent())?;
            Ok(String::new())
        })
}

/// An embedded server with all that, and a matchmaker that is quick.
#[track_caller]
pub(crate) fn start() -> (LocalServer, NakamaServer) {
    let config = LocalServerConfig {
        runtime: runtime(),
        matchmaker_interval: Duration::from_millis(20),
        ..LocalServerConfig::default()
    };
    serve(config)
}
