-- A worker's sign of life. ARGV: owner. Answers the era, which run of which server this is (after a change the last data
-- may be missing, so matching pauses as in a new era), whether the worker was taken for dead since the last time, and
-- the versions of roster and presence.

if not era[1] then return nil end
local server = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') or ''
local before = redis.call('HGET', P .. 'era', 'server')
if before ~= server then
  redis.call('HSET', P .. 'era', 'server', server)
  if before then redis.call('HSET', P .. 'era', 'settled', num(now + T.settle)) end
end
local lapsed = redis.call('ZREM', P .. 'lapsed', ARGV[3])
redis.call('ZADD', P .. 'workers', num(now), ARGV[3])
return cjson.encode({
  era = era[1], lapsed = lapsed == 1,
  server = server,
  roster = redis.call('GET', P .. 'roster_version') or '0',
  presence = redis.call('GET', P .. 'presence_version') or '0',
})
