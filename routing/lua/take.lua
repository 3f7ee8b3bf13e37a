-- The worker takes the offers made to its calls. ARGV: owner, then what it has already popped from its list.
-- Answers the offers that still hold; one already taken, expired, or of a call now run elsewhere is dropped.

if not era[1] then return nil end
local owner, taken = ARGV[3], {}

local function consider(token)
  local lease, id = string.match(token, '^(%S+) (%S+)$')
  local a = load_agent(id)
  if not a or a.state ~= 'ringing' or a.lease ~= lease then return end
  local c = load_call(a.call)
  if not c or c.owner ~= owner or c.agent ~= id then return end
  local f = redis.call('HMGET', P .. 'agent:' .. id, 'address', 'why', 'expires', 'offer')
  local expires = tonumber(f[3])
  if f[4] ~= 'pending' or expires <= now then return end
  redis.call('HSET', P .. 'agent:' .. id, 'offer', 'taken')
  taken[#taken + 1] = {
    { call = c.id, agent = id, address = f[1], lease = lease, ring_s = T.ring, why = f[2], expires_at = expires },
    expires - now,
  }
end

for i = 4, #ARGV do consider(ARGV[i]) end
for _, token in ipairs(redis.call('LPOP', P .. 'offers:' .. owner, 100) or {}) do consider(token) end
return json_list(taken)
