#!lua flags=allow-oom
-- Notes that a batch was inserted, by any process: from now on its entries are only to be removed.
--
-- KEYS[1] batches  ARGV[1] id. Returns 1, or 0 when there is no such batch any more.

local record = redis.call('HGET', KEYS[1], ARGV[1])
if not record then return 0 end
local batch = cjson.decode(record)
if not batch.isConfirmed then
  batch.isConfirmed = true
  redis.call('HSET', KEYS[1], ARGV[1], cjson.encode(batch))
end
return 1
