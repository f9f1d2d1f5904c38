#!lua flags=allow-oom
-- Removes entries for good, and takes those that were still there off the counters.
--
-- KEYS[1] outbox  KEYS[2] counters  ARGV[1] a line for each entry: id, rows, bytes: as one argument, because
--   thousands of arguments cost the client more than the step costs the server
-- Returns the number of entries removed.

local removed, rows, bytes = 0, 0, 0
for id, rowsOf, bytesOf in string.gmatch(ARGV[1], '(%S+) (%d+) (%d+)') do
  if redis.call('XDEL', KEYS[1], id) == 1 then
    removed = removed + 1
    rows = rows + tonumber(rowsOf)
    bytes = bytes + tonumber(bytesOf)
  end
end
if removed == 0 then return 0 end
if redis.call('XLEN', KEYS[1]) == 0 then
  redis.call('DEL', KEYS[2])
else
  redis.call('HINCRBY', KEYS[2], 'rows', -rows)
  redis.call('HINCRBY', KEYS[2], 'bytes', -bytes)
end
return removed
