#!lua flags=allow-oom
-- Leaves a consumer's batches to the next process that asks.
--
-- KEYS[1] batches  ARGV[1] consumer. Returns their number.

local fields, left = redis.call('HGETALL', KEYS[1]), 0
for at = 1, #fields, 2 do
  local batch = cjson.decode(fields[at + 1])
  if batch.owner == ARGV[1] then
    batch.owner = ''
    redis.call('HSET', KEYS[1], fields[at], cjson.encode(batch))
    left = left + 1
  end
end
return left
