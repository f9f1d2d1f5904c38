/**
 * Steps on the records of the batches under way, all in the first partition. A record is JSON: owner (empty:
 * whoever asks next), renewedAtMs by the server's clock, sequence, isConfirmed, parts; see outbox-batches.ts.
 * Field `batches` of the meta hash counts the batches that were ever added.
 */

const nowMs = `
local function nowMs()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
`;

/**
 * Finds the oldest batch of a consumer and renews its hold. A consumer that has none is given the oldest one
 * that nobody holds or whose owner has been silent.
 *
 * KEYS[1] batches  KEYS[2] meta  ARGV[1] consumer  ARGV[2] idle milliseconds
 * Returns the number of batches ever added; the id of the consumer's batch, or an empty string; 1 when it was
 * taken over from a silent owner; and ids and records of all batches.
 */
export const lookAtBatchesLua = `${nowMs}
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
`;

/**
 * Adds a batch, unless another was added since its maker has looked.
 *
 * KEYS[1] batches  KEYS[2] meta
 * ARGV[1] number of batches ever added when its maker looked  ARGV[2] id  ARGV[3] consumer  ARGV[4] its parts as JSON
 * Returns 1 when it was added, else 0.
 */
export const addBatchLua = `${nowMs}
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
`;

/**
 * Notes that a batch was inserted, whoever has inserted it: from now on its entries are only to be removed.
 *
 * KEYS[1] batches  ARGV[1] id. Returns 1, or 0 when there is no such batch any more.
 */
export const confirmBatchLua = `
local record = redis.call('HGET', KEYS[1], ARGV[1])
if not record then return 0 end
local batch = cjson.decode(record)
if not batch.isConfirmed then
  batch.isConfirmed = true
  redis.call('HSET', KEYS[1], ARGV[1], cjson.encode(batch))
end
return 1
`;

/**
 * Removes the record of a batch.
 *
 * KEYS[1] batches  ARGV[1] id  ARGV[2] `confirmed` or `not confirmed`. Returns 1, or 0 when there is none like that.
 */
export const forgetBatchLua = `
local record = redis.call('HGET', KEYS[1], ARGV[1])
if not record or cjson.decode(record).isConfirmed ~= (ARGV[2] == 'confirmed') then return 0 end
return redis.call('HDEL', KEYS[1], ARGV[1])
`;

/**
 * Leaves a consumer's batches to whoever asks next.
 *
 * KEYS[1] batches  ARGV[1] consumer. Returns their number.
 */
export const leaveBatchesLua = `
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
`;
