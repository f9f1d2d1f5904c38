import { outboxEntryBytesMax } from "../../../ports/outbox-bounds.ts";
import { appendRowsLua } from "./append-rows.ts";

/** Both steps: a stored value is its label number (u16, 0: the labels follow the head) and its head. */
const expandValue = `
local function expand(labels, value)
  local number = struct.unpack('>H', value)
  if number == 0 then return string.sub(value, 3) end
  return string.sub(value, 3) .. redis.call('HGET', labels, tostring(number))
end
`;

/**
 * For steps that write decisions: `storeDecision(labels, key, field, head, label, ttl)` stores one unless its
 * generation has one; true when it was stored.
 */
const storeDecisionLua = `
local ttlSlackSeconds = 60
local labelsMax = 65535
local numbers, lives = {}, {}

local function labelNumber(labels, text)
  local number = numbers[text]
  if number then return number end
  number = tonumber(redis.call('HGET', labels, text) or false)
  if not number then
    number = redis.call('HLEN', labels) / 2 + 1
    if number > labelsMax then
      number = 0
    else
      redis.call('HSET', labels, text, number, tostring(number), text)
    end
  end
  numbers[text] = number
  return number
end

-- The records of a hash share one time to live: the longest that any of them was promised.
local function keepFor(key, seconds)
  if lives[key] and lives[key] >= seconds then return end
  local left = redis.call('TTL', key)
  if left < seconds then
    left = seconds + ttlSlackSeconds
    redis.call('EXPIRE', key, left)
  end
  lives[key] = left
end

local function storeDecision(labels, key, field, head, label, ttl)
  local number = labelNumber(labels, label)
  local value = struct.pack('>H', number) .. head
  if number == 0 then value = value .. label end
  if redis.call('HSETNX', key, field, value) == 0 then return false end
  keepFor(key, ttl)
  return true
end
`;

/**
 * Stores decisions of one partition, with one outbox entry for all new ones, or as many as their bytes need.
 *
 * KEYS[1] outbox  KEYS[2] its counters  KEYS[3] labels  KEYS[4…] decision hashes, each once
 * ARGV[1] for each decision, big-endian: u16 number of its hash among the hashes, u32 ttl in seconds,
 *   u8 length and field, u8 length and head, u16 length and labels, u32 bytes of its row
 * ARGV[2] the rows, a line break between two
 * Returns 1 when all were stored; else for each decision false when it was stored, or head and labels of the
 * earlier one.
 */
export const recordDecisionsLua = `${expandValue}${appendRowsLua}${storeDecisionLua}
local outbox, counters, labels = KEYS[1], KEYS[2], KEYS[3]
local replies, rows = {}, {}
local packed, text = ARGV[1], ARGV[2]
local at, from, count, isAllNew = 1, 1, 0, true
while at <= #packed do
  local hash, ttl, field, head, label, rowBytes
  hash, ttl, field, head, label, rowBytes, at = struct.unpack('>HI4Bc0Bc0Hc0I4', packed, at)
  local key = KEYS[3 + hash]
  count = count + 1
  if storeDecision(labels, key, field, head, label, ttl) then
    rows[#rows + 1] = { from, from + rowBytes - 1 }
    replies[count] = false
  else
    isAllNew = false
    replies[count] = expand(labels, redis.call('HGET', key, field))
  end
  from = from + rowBytes + 1
end
if isAllNew and #text <= ${outboxEntryBytesMax} then
  appendEntry(outbox, counters, 'decisions', count, text)
else
  for index, range in ipairs(rows) do rows[index] = string.sub(text, range[1], range[2]) end
  appendRows(outbox, counters, 'decisions', rows)
end
if isAllNew then return 1 end
return replies
`;

/**
 * Stores decisions of one partition that are in the event log already.
 *
 * KEYS[1] labels  KEYS[2…] decision hashes, each once  ARGV[1] as above, the bytes of rows being 0
 * Returns how many were not there.
 */
export const restoreDecisionsLua = `${storeDecisionLua}
local at, added = 1, 0
while at <= #ARGV[1] do
  local hash, ttl, field, head, label, rowBytes
  hash, ttl, field, head, label, rowBytes, at = struct.unpack('>HI4Bc0Bc0Hc0I4', ARGV[1], at)
  if storeDecision(KEYS[1], KEYS[1 + hash], field, head, label, ttl) then added = added + 1 end
end
return added
`;

/**
 * Looks up decisions of one partition.
 *
 * KEYS[1] labels  KEYS[2…] the decision hash of each  ARGV: the field of each
 * Returns for each: head and labels, or false when there is none.
 */
export const findDecisionsLua = `${expandValue}
local replies = {}
for index = 1, #ARGV do
  local value = redis.call('HGET', KEYS[index + 1], ARGV[index])
  replies[index] = value and expand(KEYS[1], value)
end
return replies
`;
