-- A call stands in the queue of a skill. ARGV: owner, call, skill, priority, since, and what to do with an offer that is
-- under way: `keep` it; `deliver` it again (its worker knows nothing of it); or `ringing`, agent, lease, seconds left,
-- why: put back what Redis lost. The last two restore: they take no call from another live worker, the first does.
-- Said again it keeps the place. Answers the position, the agents on shift, and since when it waits.

if not era[1] then return nil end
local owner, id, skill, priority, mode = ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[8]
local since = tonumber(ARGV[7])

local function place(c)
  return string.format('[%d,%d,%s]', redis.call('ZRANK', P .. 'waiting:' .. c.skill, id) + 1,
    redis.call('SCARD', P .. 'shift:' .. c.skill), num(tonumber(c.since)))
end

local old = load_call(id)
if old then
  if old.owner ~= owner and mode ~= 'keep' and alive(old.owner) then return place(old) end
  since = math.min(since, tonumber(old.since))
  if old.owner ~= owner then mode = 'deliver' end
  redis.call('ZREM', P .. 'waiting:' .. old.skill, id)
  redis.call('ZREM', P .. 'seeking:' .. old.skill, id)
  redis.call('SREM', P .. 'calls:' .. old.owner, id)
  redis.call('SREM', P .. 'parked:' .. old.owner, id)
  redis.call('ZREM', P .. 'deferred', id)
end

-- Higher priority first, then who came first. 1e10 s is beyond every UNIX time, and a double still tells 2 ms apart.
local score = num(since - tonumber(priority) * 1e10)
redis.call('HSET', P .. 'call:' .. id, 'skill', skill, 'score', score, 'priority', priority, 'since', num(since),
  'owner', owner)
redis.call('ZADD', P .. 'waiting:' .. skill, score, id)
redis.call('SADD', P .. 'calls:' .. owner, id)
redis.call('SADD', P .. 'skills', skill)
redis.call('ZADD', P .. 'workers', 'NX', num(now), owner)

local c = load_call(id)
local offered = c.agent and load_agent(c.agent)
if offered and offered.state == 'ringing' and offered.call == id then
  if mode == 'deliver' then
    reserve(offered, c, offered.lease, now + T.ring + T.margin, redis.call('HGET', P .. 'agent:' .. c.agent, 'why'),
      'pending')
    deliver(offered, owner)
  end
else
  redis.call('HDEL', P .. 'call:' .. id, 'agent')
  redis.call('ZADD', P .. 'seeking:' .. skill, score, id)
  local lost = mode == 'ringing' and (load_agent(ARGV[9]) or new_agent(ARGV[9]))
  if lost and lost.call == '' then
    reserve(lost, c, ARGV[10], now + tonumber(ARGV[11]), ARGV[12], 'taken')
  else
    match_call(c)
  end
end
return place(c)
