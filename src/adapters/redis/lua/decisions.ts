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
 * Stores the decisions of one event-loop turn in one partition, with one outbox entry for all new ones, or as many
 * as their bytes need.
 *
 * KEYS[1] outbox  KEYS[2] labels  KEYS[3…] decision hashes, each once
 * ARGV: for each decision six: number of its hash among the hashes, ttl in seconds, field, head, labels, row
 * Returns for each decision: false when it was stored, else head and labels of the earlier one.
 */
export const recordDecisionsLua = `${expandValue}${appendRowsLua}
local ttlSlackSeconds = 60
local labelsMax = 65535
local outbox, labels = KEYS[1], KEYS[2]
local replies, rows, numbers, lives = {}, {}, {}, {}

local function labelNumber(text)
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

for at = 1, #ARGV, 6 do
  local key = KEYS[2 + tonumber(ARGV[at])]
  local field = ARGV[at + 2]
  local number = labelNumber(ARGV[at + 4])
  local value = struct.pack('>H', number) .. ARGV[at + 3]
  if number == 0 then value = value .. ARGV[at + 4] end
  if redis.call('HSETNX', key, field, value) == 1 then
    keepFor(key, tonumber(ARGV[at + 1]))
    rows[#rows + 1] = ARGV[at + 5]
    replies[#replies + 1] = false
  else
    replies[#replies + 1] = expand(labels, redis.call('HGET', key, field))
  end
end
appendRows(outbox, 'decisions', rows)
return replies
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
