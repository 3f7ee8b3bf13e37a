-- An agent asks for ready, paused or off. ARGV: agent, presence. Answers since when it holds, or -1 for an unknown agent.
-- A phone that rings or a talk goes on; what was asked for holds afterwards. It ends a wrap-up or a rest at once.

if not era[1] then return nil end
local a = load_agent(ARGV[3])
if not a or not a.enrolled then return '-1' end

local asked, since = string.match(redis.call('HGET', P .. 'presence', a.id) or '', '^(%S+) (%S+)$')
if asked ~= ARGV[4] or since == '0' then
  since = num(now)
  redis.call('HSET', P .. 'presence', a.id, ARGV[4] .. ' ' .. since)
  redis.call('INCR', P .. 'presence_version')
end
a.presence = ARGV[4]
if a.call == '' and a.state ~= a.presence then free(a, now) end
return since
