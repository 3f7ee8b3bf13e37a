-- Calls stop waiting. ARGV: owner, calls. Unknown ones do no harm. A call that another live worker has taken over stays.

if not era[1] then return nil end

local function name(owner) return string.match(owner, '^(.*):') end

for i = 4, #ARGV do
  local c = load_call(ARGV[i])
  if c and (name(c.owner) == name(ARGV[3]) or not alive(c.owner)) then
    remove_call(c)
    withdraw(c)
  end
end
return 'true'
