-- What the example `rpc_and_notifications` calls on a Nakama server. The embedded server runs the same functions in Rust: they are in
-- the example. Copy this file into the folder with your server's modules (`--runtime.path`).
local nk = require("nakama")

nk.register_rpc(function(context, payload)
  return payload:upper()
end, "shout")

nk.register_rpc(function(context, payload)
  return context.username or "-"
end, "who")

nk.register_rpc(function(context, payload)
  if nk.json_decode(payload).keys == 0 then
    error({ "it is locked", 13 })
  end
  for _, subject in ipairs({ "a treasure", "a curse" }) do
    nk.notification_send(context.user_id, subject, { gold = 50 }, 1, nil, true)
  end
  return '{"gold":50}'
end, "open_chest")
