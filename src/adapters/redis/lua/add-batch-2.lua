#!lua flags=allow-oom
-- Adds a batch, unless another was added since its maker has looked.
--
-- KEYS[1] batches  KEYS[2] meta
-- ARGV[1] number of batches ever added when its maker looked  ARGV[2] id  ARGV[3] consumer  ARGV[4] its parts as JSON
-- Returns 1 when it was added, else 0.

--- @include "now-ms"

local added = tonumber(redis.call('HGET', KEYS[2], 'batches') or 0)
if added ~= tonumber(ARGV[1]) then return 0 end
local batch = {
  owner = ARGV[3],
  renewedAtMs = nowMs(),
  sequence = added + 1,
  isConfirmed = false,
  parts = cjson.decode(ARGV[4]),
}
redis.call('HSET', KEYS[2], 'batches', added + 1)
redis.call('HSET', KEYS[1], ARGV[2], cjson.encode(batch))
return 1
