-- A match that sums up the bytes its members send, and tells each sender the sum so far (op code 1).
-- Whoever joins has to know the word.
local M = {}

function M.match_init(context, params)
  return { sum = 0 }, 60, params.label
end

function M.match_join_attempt(context, dispatcher, tick, state, presence, metadata)
  if metadata.key == "sesame" then
    return state, true
  end
  return state, false, "no entry"
end

function M.match_join(context, dispatcher, tick, state, presences)
  dispatcher.broadcast_message(2, "welcome", presences)
  return state
end

function M.match_leave(context, dispatcher, tick, state, presences)
  return state
end

function M.match_loop(context, dispatcher, tick, state, messages)
  for _, message in ipairs(messages) do
    for i = 1, #message.data do
      state.sum = state.sum + message.data:byte(i)
    end
    dispatcher.broadcast_message(1, tostring(state.sum), { message.sender })
  end
  return state
end

function M.match_signal(context, dispatcher, tick, state, data)
  return state, data .. ": " .. state.sum
end

function M.match_terminate(context, dispatcher, tick, state, grace_seconds)
  return state
end

return M
