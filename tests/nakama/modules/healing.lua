-- What happens to a player's session on the server, for the tests in tests/real_server/healing.
local nk = require("nakama")

-- Ends the socket with this session id, as an admin would.
nk.register_rpc(function(context, payload)
  nk.session_disconnect(payload)
end, "hang_up")

-- Makes all tokens of the user with this id worthless.
nk.register_rpc(function(context, payload)
  nk.session_logout(payload)
end, "log_out")

nk.register_rpc(function(context, payload)
  nk.users_ban_id({ payload })
end, "ban")

-- Sends a notification that is stored to the user with this id: {"user": …, "text": …}.
nk.register_rpc(function(context, payload)
  local to = nk.json_decode(payload)
  nk.notification_send(to.user, to.text, { text = to.text }, 7, nil, true)
end, "tell")

-- A match that others can change, see gates.lua; its id.
nk.register_rpc(function(context, payload)
  return nk.match_create("gates", {})
end, "open_gates")

-- Changes it: {"match": …, "order": …}.
nk.register_rpc(function(context, payload)
  local it = nk.json_decode(payload)
  return nk.match_signal(it.match, it.order)
end, "change_gates")
