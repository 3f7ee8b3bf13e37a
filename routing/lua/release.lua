-- An agent is done with a call. ARGV: call, agent, talked (1/0), blameless (1/0), seconds of wrap-up.
-- After a failed offer the call seeks again in its place; after one that was taken back it does so when its worker says
-- `seek`, or by itself a moment later.

if not era[1] then return nil end
local call, talked, blameless, wrap_up = ARGV[3], ARGV[5] == '1', ARGV[6] == '1', tonumber(ARGV[7])
local a, c = load_agent(ARGV[4]), load_call(ARGV[3])
if not a then return 'false' end
local mine = c and c.agent == a.id

local function end_talk()
  a.last, a.call, a.lease, a.owner = call, '', '', ''
  if wrap_up > 0 and a.enrolled then become(a, 'wrap_up', now + wrap_up) else free(a, now) end
end

if a.call == call then
  a.last = call
  if talked then
    if mine then remove_call(c) end -- answered while Redis was out of reach: `hold` never came
    end_talk()
    return 'true'
  end
  avoid(a.id, call)
  if blameless or a.presence ~= 'ready' or not a.enrolled then
    free(a, a.idle)
  else
    a.call, a.lease, a.owner = '', '', ''
    become(a, 'resting', now + T.cool_down)
  end
  if mine and blameless then
    redis.call('HDEL', P .. 'call:' .. call, 'agent')
    redis.call('ZADD', P .. 'deferred', num(now + T.withdraw), call)
  elseif mine then
    requeue(call, a.id)
  end
  return 'true'
end

-- Redis lost the talk, not the agent: the wrap-up is due all the same, but only once.
if talked and a.call == '' and a.last ~= call and (a.state == 'ready' or a.state == 'paused') then end_talk() end
return 'true'
