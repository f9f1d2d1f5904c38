#!lua flags=allow-oom
-- Removes the record of a batch.
--
-- KEYS[1] batches  ARGV[1] id  ARGV[2] `confirmed` or `not confirmed`. Returns 1, or 0 when there is none like that.

local record = redis.call('HGET', KEYS[1], ARGV[1])
if not record or cjson.decode(record).isConfirmed ~= (ARGV[2] == 'confirmed') then return 0 end
return redis.call('HDEL', KEYS[1], ARGV[1])
