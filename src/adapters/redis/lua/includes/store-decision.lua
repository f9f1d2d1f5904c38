-- For steps that write decisions: `storeDecision(labels, key, field, head, label, ttl)` stores one unless its
-- generation has one; true when it was stored.

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
