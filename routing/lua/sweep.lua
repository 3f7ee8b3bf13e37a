-- Everything that is due: ended leases, wrap-ups and rests, calls of silent workers, matches that were missed. Bounded:
-- what is left over is for the next sweep. Answers what ended and the seconds until something is due.

if not era[1] then return nil end
local AGENTS, CALLS, MATCHES = 100, 200, 50
local ended, more = {}, false

-- 1. calls whose worker has not been heard of: not offered any more, later forgotten
for _, owner in ipairs(redis.call('ZRANGEBYSCORE', P .. 'workers', '-inf', num(now - T.alive))) do
  redis.call('ZADD', P .. 'lapsed', 'NX', num(now), owner)
  local quiet = redis.call('SPOP', P .. 'calls:' .. owner, CALLS)
  more = more or #quiet == CALLS
  for _, id in ipairs(quiet) do
    local c = load_call(id)
    if c then
      redis.call('ZREM', P .. 'seeking:' .. c.skill, id)
      redis.call('SADD', P .. 'parked:' .. owner, id)
    end
  end
  if tonumber(redis.call('ZSCORE', P .. 'workers', owner)) < now - T.orphan then
    for _, id in ipairs(redis.call('SPOP', P .. 'parked:' .. owner, CALLS)) do
      local c = load_call(id)
      if c and c.owner == owner then
        remove_call(c)
        withdraw(c)
        ended[#ended + 1] = { what = 'orphan', call = id }
      end
    end
    if redis.call('SCARD', P .. 'calls:' .. owner) + redis.call('SCARD', P .. 'parked:' .. owner) == 0 then
      redis.call('ZREM', P .. 'workers', owner)
      redis.call('DEL', P .. 'offers:' .. owner)
    end
  end
end
redis.call('ZREMRANGEBYSCORE', P .. 'lapsed', '-inf', num(now - 86400))

-- 2. agents whose time is up
local due = redis.call('ZRANGEBYSCORE', P .. 'deadlines', '-inf', num(now), 'LIMIT', 0, AGENTS)
more = more or #due == AGENTS
for _, id in ipairs(due) do
  local a = load_agent(id)
  if not a then
    redis.call('ZREM', P .. 'deadlines', id)
  elseif a.state == 'ringing' then
    local call = a.call
    avoid(id, call)
    free(a, a.idle)
    requeue(call, id)
    ended[#ended + 1] = { what = 'offer', call = call, agent = id }
  else
    if a.state == 'talking' then ended[#ended + 1] = { what = 'talk', call = a.call, agent = id } end
    free(a, now)
  end
end

-- 3. calls that did not seek again by themselves
for _, id in ipairs(redis.call('ZRANGEBYSCORE', P .. 'deferred', '-inf', num(now), 'LIMIT', 0, AGENTS)) do
  redis.call('ZREM', P .. 'deferred', id)
  requeue(id)
end

-- 4. matches missed, which happens only while a new era settles
if settled then
  local left = MATCHES
  for _, skill in ipairs(redis.call('SMEMBERS', P .. 'skills')) do
    while left > 0 and redis.call('ZCARD', P .. 'ready:' .. skill) > 0 do
      local head = redis.call('ZRANGE', P .. 'seeking:' .. skill, 0, 0)[1]
      if not head then break end
      match_call(load_call(head))
      left = left - 1
    end
  end
  more = more or left == 0
end

local next_due = redis.call('ZRANGE', P .. 'deadlines', 0, 0, 'WITHSCORES')[2]
local rest = next_due and math.max(0, tonumber(next_due) - now) or -1
if more then rest = 0 end
return '{"rest":' .. num(rest) .. ',"ended":' .. json_list(ended) .. '}'
