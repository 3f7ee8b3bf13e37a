-- Put agents into the roster and take others out. ARGV: era id for an empty Redis, agents (JSON list of JSON texts),
-- agent ids to take out (JSON list), presence of agents new to Redis (JSON object: agent -> [presence, since]).
-- Agents whose hands are not empty stay until they are. Answers the time.

if not era[1] then
  redis.call('HSET', P .. 'era', 'id', ARGV[3], 'settled', num(now + T.settle))
  settled = T.settle <= 0
end

local remembered = cjson.decode(ARGV[6])
local changed = false

for _, text in ipairs(cjson.decode(ARGV[4])) do
  local agent = cjson.decode(text)
  local a = load_agent(agent.id)
  if not a or not a.enrolled or redis.call('HGET', P .. 'roster', agent.id) ~= text then
    changed = true
    redis.call('HSET', P .. 'roster', agent.id, text)
    local r = remembered[agent.id]
    if redis.call('HEXISTS', P .. 'presence', agent.id) == 0 then
      redis.call('HSET', P .. 'presence', agent.id, r and (r[1] .. ' ' .. num(r[2])) or 'off 0')
      redis.call('INCR', P .. 'presence_version')
    end
    local asked, since = string.match(redis.call('HGET', P .. 'presence', agent.id), '^(%S+) (%S+)$')
    if not a then
      a = new_agent(agent.id)
      a.idle = math.min(now, tonumber(since))
    end
    local state, due = a.state, redis.call('ZSCORE', P .. 'deadlines', agent.id)
    local began = redis.call('HGET', P .. 'agent:' .. agent.id, 'since')
    become(a, 'off') -- out of the old skills' indexes
    a.skills, a.enrolled, a.presence = table.concat(agent.skills, ' '), true, asked
    redis.call('HSET', P .. 'agent:' .. agent.id, 'skills', a.skills, 'address', agent.address, 'enrolled', '1')
    for _, skill in ipairs(agent.skills) do redis.call('SADD', P .. 'skills', skill) end
    if due then become(a, state, tonumber(due)) else become(a, asked) end
    if began and a.state == state then redis.call('HSET', P .. 'agent:' .. agent.id, 'since', began) end
    if a.state == 'ready' then match_agent(a) end
  end
end

for _, id in ipairs(cjson.decode(ARGV[5])) do
  changed = redis.call('HDEL', P .. 'roster', id) == 1 or changed
  local a = load_agent(id)
  if a then
    a.enrolled = false
    redis.call('HSET', P .. 'agent:' .. id, 'enrolled', '0')
    if a.call == '' then free(a, a.idle) end
  end
end

if changed then redis.call('INCR', P .. 'roster_version') end
return num(now)
