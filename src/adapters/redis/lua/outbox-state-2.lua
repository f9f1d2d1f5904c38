-- How much waits.
--
-- KEYS[1] outbox  KEYS[2] counters. Returns entries, rows, bytes, and the id of the oldest or an empty string.

local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
local counted = redis.call('HMGET', KEYS[2], 'rows', 'bytes')
return {
  redis.call('XLEN', KEYS[1]),
  tonumber(counted[1] or 0),
  tonumber(counted[2] or 0),
  oldest and oldest[1] or '',
}
