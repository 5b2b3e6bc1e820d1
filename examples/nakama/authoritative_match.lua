-- The match of the example `authoritative_match` on a Nakama server: whatever a player sends pulls the rope, and everybody hears where
-- it is (op code 1, one byte: a small number as postcard writes it). Here the match ends when a player leaves. The embedded server
-- runs the match in Rust: it is in the example, and goes on without players. Copy this file into the folder with your server's modules
-- (`--runtime.path`), under this name.
local nk = require("nakama")
local M = {}

nk.register_rpc(function(context, payload)
  return nk.match_create("authoritative_match", {})
end, "open_tug")

function M.match_init(context, params)
  return { at = 0, is_over = false }, 20, '{"mode": "tug"}'
end

function M.match_join_attempt(context, dispatcher, tick, state, presence, metadata)
  if metadata.team then
    return state, true
  end
  return state, false, "which team?"
end

function M.match_join(context, dispatcher, tick, state, presences)
  return state
end

function M.match_leave(context, dispatcher, tick, state, presences)
  state.is_over = true
  return state
end

function M.match_loop(context, dispatcher, tick, state, messages)
  if state.is_over then
    return nil
  end
  state.at = math.min(state.at + #messages, 127)
  dispatcher.broadcast_message(1, string.char(state.at))
  return state
end

function M.match_signal(context, dispatcher, tick, state, data)
  return state, data
end

function M.match_terminate(context, dispatcher, tick, state, grace_seconds)
  return state
end

return M
