import { appendRowsLua } from "./append-rows.ts";

/**
 * Books what events contribute to their generations and arms; several calls of one partition at once.
 * The rules are those of domain/contribution.ts and must change together with it; the conformance suite
 * compares the two.
 *
 * KEYS[1] outbox  KEYS[2] set of arm groups  KEYS[3…] for each call two: ledger, totals
 * ARGV[1] events a generation may have at most
 * ARGV[2…] for each call: variant id, group, event id, occurredAtMs, ttl in seconds, stream, row,
 *   number of contributions, and for each of those component, value, weight, penalty
 * Returns two things: for each call 0 applied, 1 replaced, 2 superseded, 3 duplicate, 4 refused: too many
 *   events; and the changed totals, one line each as on the channel, empty when there are none.
 *
 * A ledger is a hash: field `c` holds the components as msgpack, sorted, each {component, value, weight,
 * penalty, occurredAtMs, event id}; a field `e:<event id>` marks each event that was booked.
 * Totals are text: reward, weight, generations, version, the doubles with 17 digits, so exact.
 */
export const applyContributionsLua = `${appendRowsLua}
local eventsMax = tonumber(ARGV[1])
local statuses, changes, streams, rowsOf = {}, {}, {}, {}

-- Bytewise, as JavaScript compares ASCII. Lua's own < follows the server's locale.
local function greater(a, b)
  local length = math.min(#a, #b)
  for index = 1, length do
    local x, y = string.byte(a, index), string.byte(b, index)
    if x ~= y then return x > y end
  end
  return #a > #b
end

local function supersedes(a, b)
  if a[5] ~= b[5] then return a[5] > b[5] end
  return greater(a[6], b[6])
end

local function sumUp(entries)
  local weighted, penalty, weight = 0, 0, 0
  for _, entry in ipairs(entries) do
    weighted = weighted + entry[3] * entry[2]
    weight = weight + entry[3]
    penalty = penalty + entry[4]
  end
  local generations = 0
  if weight > 0 then generations = 1 end
  return math.min(math.max(weighted - penalty, 0), weight), weight, generations
end

local function readTotals(text)
  if not text then return 0, 0, 0, 0 end
  local reward, weight, generations, version = string.match(text, '(%S+) (%S+) (%S+) (%S+)')
  return tonumber(reward), tonumber(weight), tonumber(generations), tonumber(version)
end

local function addRow(stream, row)
  if not rowsOf[stream] then
    rowsOf[stream] = {}
    streams[#streams + 1] = stream
  end
  table.insert(rowsOf[stream], row)
end

local function bookOne(at, ledgerKey, totalsKey)
  local variant, group, eventId = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local count = tonumber(ARGV[at + 7])
  if redis.call('HEXISTS', ledgerKey, 'e:' .. eventId) == 1 then return 3 end
  local packed = redis.call('HGET', ledgerKey, 'c')
  if packed and redis.call('HLEN', ledgerKey) > eventsMax then return 4 end

  local entries, byName = {}, {}
  if packed then entries = cmsgpack.unpack(packed) end
  local rewardBefore, weightBefore, generationsBefore = sumUp(entries)
  for index, entry in ipairs(entries) do byName[entry[1]] = index end
  local older, replaced = 0, 0
  for from = at + 8, at + 7 + 4 * count, 4 do
    local entry = {
      ARGV[from], tonumber(ARGV[from + 1]), tonumber(ARGV[from + 2]), tonumber(ARGV[from + 3]),
      tonumber(ARGV[at + 3]), eventId,
    }
    local index = byName[entry[1]]
    if not index then
      entries[#entries + 1] = entry
    elseif supersedes(entry, entries[index]) then
      entries[index] = entry
      replaced = replaced + 1
    else
      older = older + 1
    end
  end
  table.sort(entries, function(a, b) return greater(b[1], a[1]) end)

  local seconds = tonumber(ARGV[at + 4])
  redis.call('HSET', ledgerKey, 'c', cmsgpack.pack(entries), 'e:' .. eventId, '')
  if redis.call('TTL', ledgerKey) < seconds then redis.call('EXPIRE', ledgerKey, seconds) end
  addRow(ARGV[at + 5], ARGV[at + 6])

  local reward, weight, generations = sumUp(entries)
  if reward ~= rewardBefore or weight ~= weightBefore or generations ~= generationsBefore then
    local rewards, weights, all, version = readTotals(redis.call('HGET', totalsKey, variant))
    all = all - generationsBefore + generations
    if all <= 0 then
      rewards, weights, all = 0, 0, 0
    else
      weights = math.max(weights - weightBefore + weight, 0)
      rewards = math.min(math.max(rewards - rewardBefore + reward, 0), weights)
    end
    version = version + 1
    local text = string.format('%.17g %.17g %d %d', rewards, weights, all, version)
    redis.call('HSET', totalsKey, variant, text)
    if version == 1 then redis.call('SADD', KEYS[2], group) end
    changes[#changes + 1] = group .. ' ' .. variant .. ' ' .. text
  end
  if count > 0 and older == count then return 2 end
  if replaced > 0 then return 1 end
  return 0
end

local at, key = 2, 3
while at <= #ARGV do
  statuses[#statuses + 1] = bookOne(at, KEYS[key], KEYS[key + 1])
  at = at + 8 + 4 * tonumber(ARGV[at + 7])
  key = key + 2
end
for _, stream in ipairs(streams) do appendRows(KEYS[1], stream, rowsOf[stream]) end
local message = table.concat(changes, '\\n')
return { statuses, message }
`;
