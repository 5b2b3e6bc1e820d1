-- A function that takes as many seconds as its payload says, and no processor.
local nk = require("nakama")

nk.register_rpc(function(context, payload)
  nk.sql_query("SELECT pg_sleep($1)", { tonumber(payload) })
  return payload
end, "wait")
