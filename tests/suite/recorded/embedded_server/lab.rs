//! The functions of the server that was recorded, as far as the recordings show them.

use std::collections::BTreeMap;

use bevy_nakama::{
    local_server::{
        Broadcast, MatchContext, MatchFlow, MatchHandler, MatchInit, MatchMessage,
        NotificationSend, PresenceMeta, RpcContext, RpcError, RuntimeError, RuntimeModule,
    },
    proto::{UserPresence, realtime::Stream},
};
use serde_json::{Value, json};

pub(super) fn module() -> RuntimeModule {
    RuntimeModule::new()
        .register_rpc("lab_echo", |_, payload| Ok(payload.to_owned()))
        .register_rpc("lab_sleep", |_, payload| Ok(payload.to_owned()))
        .register_rpc("lab_nothing", |_, _| Ok(String::new()))
        .register_rpc("lab_context", |context, _| Ok(described(context)))
        .register_rpc("lab_throw", |_, _| Err("lab failure".into()))
        .register_rpc("lab_throw_code", |_, _| {
            Err(RpcError::new("lab coded failure").with_code(3))
        })
        .register_rpc("lab_disconnect", |context, payload| {
            let session = read(payload)["session_id"].as_str().map(str::to_owned);
            let session = session.or_else(|| context.session_id.map(str::to_owned));
            context
                .runtime
                .session_disconnect(&session.unwrap_or_default())?;
            Ok(String::new())
        })
        .register_rpc("lab_notify", notify)
        .register_rpc("lab_notify_many", notify_many)
        .register_rpc("lab_stream_join", |context, payload| {
            let (stream, meta) = stream_and_meta(payload);
            let session = context.session_id.unwrap_or_default();
            context.runtime.stream_user_join(session, &stream, meta)?;
            Ok(payload.to_owned())
        })
        .register_rpc("lab_stream_update", |context, payload| {
            let (stream, meta) = stream_and_meta(payload);
            let session = context.session_id.unwrap_or_default();
            context.runtime.stream_user_update(session, &stream, meta)?;
            Ok(payload.to_owned())
        })
        .register_rpc("lab_stream_leave", |context, payload| {
            let (stream, _) = stream_and_meta(payload);
            let session = context.session_id.unwrap_or_default();
            context.runtime.stream_user_leave(session, &stream)?;
            Ok(payload.to_owned())
        })
        .register_rpc("lab_stream_close", |context, payload| {
            context.runtime.stream_close(&stream_and_meta(payload).0)?;
            Ok(payload.to_owned())
        })
        .register_rpc("lab_stream_send", |context, payload| {
            let (stream, _) = stream_and_meta(payload);
            let request = read(payload);
            let to = request["presences"].as_array().into_iter().flatten();
            let to: Vec<UserPresence> = to
                .filter_map(|presence| serde_json::from_value(presence.clone()).ok())
                .collect();
            let data = request["data"].as_str().unwrap_or_default();
            let reliable = request["reliable"].as_bool().unwrap_or(true);
            context.runtime.stream_send(&stream, data, &to, reliable)?;
            Ok(payload.to_owned())
        })
        .register_match("lab_match", || LabMatch)
        .register_rpc("lab_match_create", |context, payload| {
            let match_id = context.runtime.match_create("lab_match", payload)?;
            Ok(json!({ "match_id": match_id }).to_string())
        })
        .register_rpc("lab_match_signal", |context, payload| {
            let request = read(payload);
            let text = |name: &str| request[name].as_str().unwrap_or_default();
            Ok(context
                .runtime
                .match_signal(text("match_id"), text("data"))?)
        })
        .register_matchmaker_matched(|runtime, users| {
            let mode = users.first()?.string_properties.get("mode")?;
            let params = json!({ "label": "from matchmaker" }).to_string();
            (mode == "authoritative")
                .then(|| runtime.match_create("lab_match", &params).ok())
                .flatten()
        })
}

struct LabMatch;

impl MatchHandler for LabMatch {
    fn init(&mut self, _: &mut MatchContext<'_>, params: &str) -> MatchInit {
        let label = read(params)["label"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        MatchInit {
            tick_rate: 10,
            label,
        }
    }

    fn join_attempt(
        &mut self,
        _: &mut MatchContext<'_>,
        _: &UserPresence,
        metadata: &BTreeMap<String, String>,
    ) -> Result<(), String> {
        match metadata.get("reject") {
            Some(reason) => Err(reason.clone()),
            None if metadata.contains_key("reject_plain") => Err(String::new()),
            None => Ok(()),
        }
    }

    fn join(&mut self, context: &mut MatchContext<'_>, presences: &[UserPresence]) -> MatchFlow {
        for presence in presences {
            let welcome = format!("welcome {}", presence.username);
            context.broadcast(Broadcast::new(100, welcome));
        }
        MatchFlow::Continue
    }

    fn leave(&mut self, context: &mut MatchContext<'_>, presences: &[UserPresence]) -> MatchFlow {
        for presence in presences {
            let bye = format!("bye {}", presence.username);
            context.broadcast(Broadcast::new(101, bye));
        }
        MatchFlow::Continue
    }

    fn tick(&mut self, context: &mut MatchContext<'_>, messages: &[MatchMessage]) -> MatchFlow {
        for message in messages {
            let sender = std::slice::from_ref(&message.sender);
            let echo = Broadcast::new(message.op_code, message.data.clone());
            match message.op_code {
                2 => context.broadcast(echo.from(&message.sender).to(sender).unreliable()),
                3 => context.broadcast(echo),
                4 => {
                    let label = String::from_utf8_lossy(&message.data);
                    context.set_label(label).expect("a short label");
                }
                5 => context.kick(sender),
                9 => return MatchFlow::End,
                10 => panic!("lab crash"),
                _ => context.broadcast(echo.from(&message.sender)),
            }
        }
        MatchFlow::Continue
    }

    fn signal(&mut self, context: &mut MatchContext<'_>, data: &str) -> Option<String> {
        if data == "end" {
            return None;
        }
        context.broadcast(Broadcast::new(103, data.to_owned()));
        Some(format!("signalled {data}"))
    }
}

fn read(payload: &str) -> Value {
    serde_json::from_str(payload).unwrap_or_default()
}

fn described(context: &RpcContext<'_>) -> String {
    let mut described = json!({
        "execution_mode": "rpc",
        "query_params": context.query_params,
    });
    for (name, value) in [
        ("lang", context.lang),
        ("session_id", context.session_id),
        ("user_id", context.user_id),
        ("username", context.username),
    ] {
        if let Some(value) = value {
            described[name] = value.into();
        }
    }
    described.to_string()
}

fn notify(context: &mut RpcContext<'_>, payload: &str) -> Result<String, RpcError> {
    let request = read(payload);
    let code = request["code"].as_i64().expect("a code");
    let mut notification = NotificationSend::new(
        context.user_id.expect("a user"),
        i32::try_from(code).expect("a small code"),
        request["subject"].as_str().expect("a subject"),
    );
    notification.content = match &request["content"] {
        Value::Null => "{}".to_owned(),
        content => content.to_string(),
    };
    notification.sender_id = request["sender_id"].as_str().map(str::to_owned);
    notification.persistent = request["persistent"] == true;
    // Lua says where it is wrong.
    let wrong = |error: RuntimeError| format!("bad argument #4 to notification_send ({error})");
    context
        .runtime
        .notification_send(notification)
        .map_err(wrong)?;
    Ok(String::new())
}

fn notify_many(context: &mut RpcContext<'_>, payload: &str) -> Result<String, RpcError> {
    let count = read(payload)["count"].as_i64().expect("a count");
    let user = context.user_id.expect("a user");
    let notifications = (1..=i32::try_from(count).expect("a small count")).map(|n| {
        NotificationSend::new(user, 10 + n, format!("lab {n}"))
            .with_content(json!({ "n": n }).to_string())
            .with_sender(user)
    });
    context.runtime.notifications_send(notifications)?;
    Ok(String::new())
}

fn stream_and_meta(payload: &str) -> (Stream, PresenceMeta) {
    let request = read(payload);
    let stream = match &request["stream"] {
        Value::Null => Stream {
            mode: 130,
            label: "lab".to_owned(),
            ..Stream::default()
        },
        stream => serde_json::from_value(stream.clone()).expect("a stream"),
    };
    let meta = PresenceMeta {
        hidden: request["hidden"] == true,
        persistence: request["persistence"] == true,
        status: request["status"].as_str().unwrap_or_default().to_owned(),
    };
    (stream, meta)
}
