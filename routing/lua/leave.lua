-- Calls stop waiting. ARGV: calls. Unknown ones do no harm.

if not era[1] then return nil end
for i = 3, #ARGV do
  local c = load_call(ARGV[i])
  if c then
    remove_call(c)
    withdraw(c)
  end
end
return 'true'
