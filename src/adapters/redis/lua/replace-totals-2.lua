-- Replaces an arm's totals while they have the version they were read with.
--
-- KEYS[1] totals  KEYS[2] set of arm groups
-- ARGV[1] variant id  ARGV[2] group  ARGV[3] version expected, 0: none  ARGV[4] the totals as they are stored
-- Returns 1 when they were replaced, else 0.

local stored = redis.call('HGET', KEYS[1], ARGV[1])
local version = stored and string.match(stored, '^%S+ %S+ %S+ (%S+)') or '0'
if tonumber(version) ~= tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[4])
redis.call('SADD', KEYS[2], ARGV[2])
return 1
