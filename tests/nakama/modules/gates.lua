-- A match that is told to refuse who joins, to think long about it, or to change its label. It counts who has come and gone.
local nk = require("nakama")
local M = {}

function M.match_init(context, params)
  return { shut = false, thinks = 0, seen = {} }, 20, ""
end

function M.match_join_attempt(context, dispatcher, tick, state, presence, metadata)
  if state.thinks > 0 then
    nk.sql_query("SELECT pg_sleep($1)", { state.thinks })
  end
  if state.shut then
    return state, false, "the gates are shut"
  end
  return state, true
end

function M.match_join(context, dispatcher, tick, state, presences)
  table.insert(state.seen, "in")
  return state
end

function M.match_leave(context, dispatcher, tick, state, presences)
  table.insert(state.seen, "out")
  return state
end

function M.match_loop(context, dispatcher, tick, state, messages)
  return state
end

-- "shut", "label …", "think …" (seconds). Returns who has come and gone so far.
function M.match_signal(context, dispatcher, tick, state, order)
  local what, value = order:match("^(%a+) ?(.*)$")
  if what == "shut" then
    state.shut = true
  elseif what == "label" then
    dispatcher.match_label_update(value)
  elseif what == "think" then
    state.thinks = tonumber(value)
  end
  return state, table.concat(state.seen, " ")
end

function M.match_terminate(context, dispatcher, tick, state, grace_seconds)
  return state
end

return M
