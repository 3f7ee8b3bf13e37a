-- What some are doing. ARGV: how many waiting calls to tell of each skill, skills (JSON list), then agents.

if not era[1] then return nil end
local depth = tonumber(ARGV[3])
local agents, queues = {}, {}

for i = 5, #ARGV do
  local f = redis.call('HMGET', P .. 'agent:' .. ARGV[i], 'state', 'since', 'call')
  if f[1] then agents[#agents + 1] = { ARGV[i], f[1], tonumber(f[2]), f[3] } end
end

for _, skill in ipairs(cjson.decode(ARGV[4])) do
  local calls = {}
  if depth > 0 then
    for _, id in ipairs(redis.call('ZRANGE', P .. 'waiting:' .. skill, 0, depth - 1)) do
      local c = load_call(id)
      calls[#calls + 1] = { id, tonumber(c.priority), tonumber(c.since), c.owner, c.agent or '' }
    end
  end
  queues[#queues + 1] = '[' .. cjson.encode(skill) .. ',' .. redis.call('ZCARD', P .. 'waiting:' .. skill) .. ','
    .. redis.call('ZCARD', P .. 'ready:' .. skill) .. ',' .. redis.call('SCARD', P .. 'shift:' .. skill) .. ','
    .. json_list(calls) .. ']'
end
return '{"at":' .. num(now) .. ',"agents":' .. json_list(agents) .. ',"queues":[' .. table.concat(queues, ',') .. ']}'
