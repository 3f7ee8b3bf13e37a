-- Agents talk on calls, or still do. ARGV: owner, then call and agent in turn. Answers a list of 1 (kept for it) or 0.
-- Also for an agent or call Redis knows nothing of. A talk outweighs an offer: whoever else was offered this agent seeks
-- again. Only a talk of another worker that is alive is not touched: that is answered with 0.

if not era[1] then return nil end
local owner, kept = ARGV[3], {}

for i = 4, #ARGV, 2 do
  local call, a = ARGV[i], load_agent(ARGV[i + 1]) or new_agent(ARGV[i + 1])
  if a.state == 'talking' and a.call == call then
    redis.call('ZADD', P .. 'deadlines', num(now + T.hold), a.id)
    if a.owner ~= owner then redis.call('HSET', P .. 'agent:' .. a.id, 'owner', owner) end
    kept[#kept + 1] = 1
  elseif a.state == 'talking' and a.owner ~= owner and alive(a.owner) then
    kept[#kept + 1] = 0
  else
    local displaced = a.state == 'ringing' and a.call ~= call and a.call
    local c = load_call(call)
    if c then remove_call(c) end
    a.call, a.owner, a.lease = call, owner, ''
    become(a, 'talking', now + T.hold)
    if c and c.agent ~= a.id then withdraw(c) end
    if displaced then requeue(displaced, a.id) end
    kept[#kept + 1] = 1
  end
end
return json_list(kept)
