-- What every script of the queue shares; it stands in front of each of them.
--
-- ARGV[1] is the key prefix, ARGV[2] the timings in seconds (JSON). All scripts answer JSON, or nil where Redis has
-- no data of ours (see `era`). Keys are built here from ids, so a single Redis is assumed, not a Redis Cluster.
--
--   era              hash   id of this life of the data, the server's run, and when matching may begin (`settled`)
--   roster           hash   agent -> JSON of the agent            roster_version    counter
--   presence         hash   agent -> "<presence> <since>"         presence_version  counter
--   agents           set    agents that have a record
--   agent:<id>       hash   state, since, idle, call, lease, owner, skills, address, enrolled, last; of an offer
--                           also why, expires, offer (`pending`, `taken` by its worker, `withdrawn`)
--   ready:<skill>    zset   ready agents by the time since when they are idle
--   shift:<skill>    set    agents signed in
--   deadlines        zset   agents by when the sweep must look at them (end of lease, of wrap-up, of rest)
--   avoid:<agent>    zset   calls the agent did not answer, by until when another agent is preferred
--   call:<id>        hash   skill, score, priority, since, owner, agent (who is being offered)
--   waiting:<skill>  zset   all waiting calls in order            seeking:<skill>   zset   those without an offer
--   deferred         zset   waiting calls that shall seek again by themselves at that time
--   offers:<owner>   list   "<lease> <agent>", to be taken by the worker
--   calls:<owner>    set    the worker's waiting calls            parked:<owner>    set    those of a silent worker
--   workers          zset   owner by its last sign of life        lapsed            zset   owners found silent
--   skills           set    skills ever named                     leases            counter

local P = ARGV[1]
local T = cjson.decode(ARGV[2])
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local era = redis.call('HMGET', P .. 'era', 'id', 'settled')
local settled = era[1] and now >= tonumber(era[2])

local LOOK = 64 -- ready agents looked at for one who has not just missed this call

local function num(x) return string.format('%.6f', x) end -- tostring() would round a time to 0.1 ms or worse

local function json_list(t) if #t == 0 then return '[]' end return cjson.encode(t) end

local function load_agent(id)
  local f = redis.call('HMGET', P .. 'agent:' .. id,
    'state', 'skills', 'idle', 'call', 'lease', 'owner', 'enrolled', 'last')
  if not f[1] then return nil end
  local asked = redis.call('HGET', P .. 'presence', id)
  return {
    id = id, state = f[1], skills = f[2], idle = tonumber(f[3]), call = f[4], lease = f[5], owner = f[6],
    enrolled = f[7] == '1', last = f[8], presence = asked and string.match(asked, '^%S+') or 'off',
  }
end

local function new_agent(id)
  redis.call('SADD', P .. 'agents', id)
  redis.call('HSET', P .. 'agent:' .. id, 'skills', '', 'address', '', 'enrolled', '0')
  return {
    id = id, state = 'off', skills = '', idle = now, call = '', lease = '', owner = '', enrolled = false, last = '',
    presence = 'off',
  }
end

local function load_call(id)
  local f = redis.call('HMGET', P .. 'call:' .. id, 'skill', 'score', 'priority', 'since', 'owner', 'agent')
  if not f[1] then return nil end
  return { id = id, skill = f[1], score = f[2], priority = f[3], since = f[4], owner = f[5], agent = f[6] }
end

-- The only place where an agent changes state, so that the indexes stay true. `due` is when to look again, or nil.
local function become(a, state, due)
  for skill in string.gmatch(a.skills, '%S+') do
    if a.state == 'ready' then redis.call('ZREM', P .. 'ready:' .. skill, a.id) end
    if state == 'ready' then redis.call('ZADD', P .. 'ready:' .. skill, num(a.idle), a.id) end
    if state == 'off' and a.state ~= 'off' then redis.call('SREM', P .. 'shift:' .. skill, a.id) end
    if state ~= 'off' and a.state == 'off' then redis.call('SADD', P .. 'shift:' .. skill, a.id) end
  end
  if due then redis.call('ZADD', P .. 'deadlines', num(due), a.id)
  else redis.call('ZREM', P .. 'deadlines', a.id) end
  a.state = state
  redis.call('HSET', P .. 'agent:' .. a.id, 'state', state, 'since', num(now), 'idle', num(a.idle),
    'call', a.call, 'lease', a.lease, 'owner', a.owner, 'last', a.last)
end

local function reserve(a, c, lease, expires, why, offer)
  a.call, a.lease, a.owner = c.id, lease, c.owner
  become(a, 'ringing', expires)
  redis.call('HSET', P .. 'agent:' .. a.id, 'why', why, 'expires', num(expires), 'offer', offer)
  redis.call('HSET', P .. 'call:' .. c.id, 'agent', a.id)
  redis.call('ZREM', P .. 'seeking:' .. c.skill, c.id)
end

local function deliver(a, owner)
  redis.call('RPUSH', P .. 'offers:' .. owner, a.lease .. ' ' .. a.id)
  redis.call('EXPIRE', P .. 'offers:' .. owner, math.ceil(T.ring + T.margin) + 60) -- a dead worker's list goes too
end

local function offer(a, c, why)
  local lease = string.format('%s-%06d-%d', clock[1], tonumber(clock[2]), redis.call('INCR', P .. 'leases'))
  reserve(a, c, lease, now + T.ring + T.margin, why, 'pending')
  deliver(a, c.owner)
end

local function avoid(agent, call)
  redis.call('ZADD', P .. 'avoid:' .. agent, num(now + T.avoid), call)
  redis.call('EXPIRE', P .. 'avoid:' .. agent, math.ceil(T.avoid) + 1)
end

local function avoids(agent, call)
  local till = redis.call('ZSCORE', P .. 'avoid:' .. agent, call)
  return till and tonumber(till) > now
end

-- A call seeks: the longest idle agent of its skill, but one who just missed this call only if there is no other.
local function match_call(c)
  if not settled then return end
  local ids = redis.call('ZRANGE', P .. 'ready:' .. c.skill, 0, LOOK - 1)
  if not ids[1] then return end
  local pick = 1
  for i, id in ipairs(ids) do
    if not avoids(id, c.id) then pick = i break end
  end
  local a = load_agent(ids[pick])
  local ready = redis.call('ZCARD', P .. 'ready:' .. c.skill)
  local why = string.format('longest idle %d s of %d ready for skill %s', now - a.idle, ready, c.skill)
  if pick > 1 then why = string.format('%s, after %d who just missed this call', why, pick - 1) end
  offer(a, c, why)
end

-- An agent is free: the best waiting call of all the agent's skills, one just missed only if there is no other.
local function match_agent(a)
  if not settled then return end
  local key = P .. 'avoid:' .. a.id
  redis.call('ZREMRANGEBYSCORE', key, '-inf', num(now))
  local missed, count = {}, 0
  for _, call in ipairs(redis.call('ZRANGE', key, 0, -1)) do missed[call] = true count = count + 1 end
  local best, best_score, fallback, fallback_score
  for skill in string.gmatch(a.skills, '%S+') do
    local heads = redis.call('ZRANGE', P .. 'seeking:' .. skill, 0, count, 'WITHSCORES')
    for i = 1, #heads, 2 do
      local call, score = heads[i], tonumber(heads[i + 1])
      if missed[call] then
        if not fallback or score < fallback_score then fallback, fallback_score = call, score end
      elseif not best or score < best_score then
        best, best_score = call, score
      end
    end
  end
  local c = load_call(best or fallback or '')
  if not c then return end
  local waiting = redis.call('ZCARD', P .. 'waiting:' .. c.skill)
  local why = string.format('free now, the only one ready for skill %s; first of %d waiting', c.skill, waiting)
  if not best then why = why .. ', missed before but nobody else is free' end
  offer(a, c, why)
end

-- The agent's hands are empty, idle since `idle`: back to what the agent asked for, or out if no longer in the roster.
local function free(a, idle)
  a.call, a.lease, a.owner, a.idle = '', '', '', idle
  if a.enrolled then
    become(a, a.presence)
    if a.state == 'ready' then match_agent(a) end
  else
    become(a, 'off')
    redis.call('DEL', P .. 'agent:' .. a.id)
    redis.call('SREM', P .. 'agents', a.id)
    redis.call('HDEL', P .. 'presence', a.id)
    redis.call('INCR', P .. 'presence_version')
  end
end

-- The call seeks again, in its old place, unless it is being offered somebody else than `agent` (nil: anybody).
-- A silent worker's call waits without being offered.
local function requeue(id, agent)
  local c = load_call(id)
  if not c or (c.agent and c.agent ~= agent) then return end
  redis.call('HDEL', P .. 'call:' .. id, 'agent')
  redis.call('ZREM', P .. 'deferred', id)
  if redis.call('ZSCORE', P .. 'lapsed', c.owner) then return end
  redis.call('ZADD', P .. 'seeking:' .. c.skill, c.score, id)
  match_call(c)
end

local function remove_call(c)
  redis.call('DEL', P .. 'call:' .. c.id)
  redis.call('ZREM', P .. 'waiting:' .. c.skill, c.id)
  redis.call('ZREM', P .. 'seeking:' .. c.skill, c.id)
  redis.call('ZREM', P .. 'deferred', c.id)
  redis.call('SREM', P .. 'calls:' .. c.owner, c.id)
  redis.call('SREM', P .. 'parked:' .. c.owner, c.id)
end

local function alive(owner)
  local beat = redis.call('ZSCORE', P .. 'workers', owner)
  return beat and now - tonumber(beat) <= T.alive
end

-- The call no longer wants the agent it was offered. An offer already taken may be ringing: its worker releases it,
-- and only if that does not happen soon is the agent taken back.
local function withdraw(c)
  local a = c.agent and load_agent(c.agent)
  if not a or a.state ~= 'ringing' or a.call ~= c.id then return end
  if redis.call('HGET', P .. 'agent:' .. a.id, 'offer') == 'taken' then
    redis.call('HSET', P .. 'agent:' .. a.id, 'offer', 'withdrawn')
    redis.call('ZADD', P .. 'deadlines', num(now + T.withdraw), a.id)
  else
    free(a, a.idle)
  end
end
