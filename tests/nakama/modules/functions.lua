-- What the tests call on a real server; the embedded server has the same functions in Rust (tests/common/server_code.rs).
local nk = require("nakama")

local NEWS = { mode = 200, label = "news" }

-- What it was called with.
nk.register_rpc(function(context, payload)
  return payload
end, "echo")

-- Whose call it is; nothing without a user.
nk.register_rpc(function(context, payload)
  return context.user_id
end, "whoami")

nk.register_rpc(function(context, payload)
  error({ "no luck", 3 })
end, "fail")

-- Starts a match with this label; its id.
nk.register_rpc(function(context, payload)
  return nk.match_create("sum", { label = payload })
end, "start")

-- The sum of the match with this id.
nk.register_rpc(function(context, payload)
  return nk.match_signal(payload, "sum")
end, "ask")

-- The caller hears the news from now on.
nk.register_rpc(function(context, payload)
  nk.stream_user_join(context.user_id, context.session_id, NEWS, false, false)
end, "subscribe")

nk.register_rpc(function(context, payload)
  nk.stream_user_leave(context.user_id, context.session_id, NEWS)
end, "unsubscribe")

-- Everybody who hears the news hears this.
nk.register_rpc(function(context, payload)
  nk.stream_send(NEWS, payload)
end, "publish")

-- The caller gets a notification that is stored.
nk.register_rpc(function(context, payload)
  nk.notification_send(context.user_id, payload, { text = payload }, 7, nil, true)
end, "notify")
