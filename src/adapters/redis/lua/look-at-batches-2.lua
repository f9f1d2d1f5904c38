#!lua flags=allow-oom
-- Finds the oldest batch of a consumer and renews its hold. A consumer that has none is given the oldest one
-- that nobody holds or whose owner has been silent.
--
-- A record is JSON: owner (empty: the next consumer that asks), renewedAtMs by the server's clock, sequence, isConfirmed,
-- parts; see outbox-batches.ts. Field `batches` of the meta hash counts the batches that were ever added.
--
-- KEYS[1] batches  KEYS[2] meta  ARGV[1] consumer  ARGV[2] idle milliseconds
-- Returns the number of batches ever added; the id of the consumer's batch, or an empty string; 1 when it was
-- taken over from a silent owner; and ids and records of all batches.

--- @include "now-ms"

local consumer, idleMs, now = ARGV[1], tonumber(ARGV[2]), nowMs()
local fields = redis.call('HGETALL', KEYS[1])
local own, free, ownAt, freeAt

for at = 1, #fields, 2 do
  local batch = cjson.decode(fields[at + 1])
  if batch.renewedAtMs > now then
    -- The server's clock went back. The owner has its time from now on.
    batch.renewedAtMs = now
    redis.call('HSET', KEYS[1], fields[at], cjson.encode(batch))
  end
  if batch.owner == consumer then
    if not own or batch.sequence < own.sequence then own, ownAt = batch, at end
  elseif batch.owner == '' or now - batch.renewedAtMs >= idleMs then
    if not free or batch.sequence < free.sequence then free, freeAt = batch, at end
  end
end

local wasSilent = 0
if not own and free then
  if free.owner ~= '' then wasSilent = 1 end
  own, ownAt = free, freeAt
end
local ownId = ''
if own then
  own.owner, own.renewedAtMs = consumer, now
  fields[ownAt + 1] = cjson.encode(own)
  ownId = fields[ownAt]
  redis.call('HSET', KEYS[1], ownId, fields[ownAt + 1])
end
return { tonumber(redis.call('HGET', KEYS[2], 'batches') or 0), ownId, wasSilent, fields }
