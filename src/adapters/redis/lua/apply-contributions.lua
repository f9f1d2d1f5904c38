-- Books what events contribute to their generations and arms; several calls of one partition at once.
-- The rules are those of domain/contribution.ts and must change together with it; the conformance suite
-- compares the two.
--
-- KEYS[1] outbox  KEYS[2] its counters  KEYS[3] set of arm groups  KEYS[4…] for each call two: ledger, totals
-- ARGV[1] events a generation may have at most
-- ARGV[2…] for each call: variant id, group, event id, occurredAtMs, ttl in seconds, stream, row,
--   placement, number of contributions, and for each of those component, value, weight, penalty
-- Returns two things for each call: 0 applied, 1 replaced, 2 superseded, 3 duplicate, 4 refused: too many
--   events; and its arm's totals if they were changed, else an empty string.
--
-- Ledgers are as in includes/ledger.lua, totals as in adapters/redis/reward-totals-codec.ts, placements as in
-- adapters/state/placement-codec.ts.

--- @include "append-rows"
--- @include "generation-totals"
--- @include "ledger"
--- @include "replace-in-totals"

local eventsMax = tonumber(ARGV[1])
local statuses, changed, streams, rowsOf = {}, {}, {}, {}

local function addRow(stream, row)
  if not rowsOf[stream] then
    rowsOf[stream] = {}
    streams[#streams + 1] = stream
  end
  table.insert(rowsOf[stream], row)
end

local function bookOne(at, ledgerKey, totalsKey)
  local variant, group, eventId = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local count = tonumber(ARGV[at + 8])
  if redis.call('HEXISTS', ledgerKey, 'e:' .. eventId) == 1 then return 3, '' end
  local packed, position = readLedger(ledgerKey)
  if packed and bookedEvents(ledgerKey, packed, position) >= eventsMax then return 4, '' end

  local entries, byName = readEntries(packed)
  local before = generationTotals(entries)
  local older, replaced = 0, 0
  for from = at + 9, at + 8 + 4 * count, 4 do
    local put = putEntry(entries, byName, {
      ARGV[from], tonumber(ARGV[from + 1]), tonumber(ARGV[from + 2]), tonumber(ARGV[from + 3]),
      tonumber(ARGV[at + 3]), eventId,
    })
    if put == 'replaced' then replaced = replaced + 1 end
    if put == 'older' then older = older + 1 end
  end

  redis.call('HSET', ledgerKey, 'c', packEntries(entries), 'e:' .. eventId, '')
  local own = placedAt(ARGV[at + 7])
  local positionBefore = position or own
  local positionAfter = positionBefore
  if count > 0 then
    positionAfter = math.min(positionBefore, own)
    if positionAfter ~= position then
      redis.call('HSET', ledgerKey, 'p', string.format('%.17g', positionAfter))
    end
  end
  keepLedger(ledgerKey, tonumber(ARGV[at + 4]))
  addRow(ARGV[at + 5], ARGV[at + 6])

  local after, text = generationTotals(entries), ''
  local isMoved = before[4] > 0 and positionAfter ~= positionBefore
  if isMoved or after[1] ~= before[1] or after[2] ~= before[2] or after[4] ~= before[4] then
    local stored = redis.call('HGET', totalsKey, variant)
    text = replaceInTotals(stored, before, after, ARGV[at + 7], positionBefore, positionAfter)
    redis.call('HSET', totalsKey, variant, text)
    if not stored then redis.call('SADD', KEYS[3], group) end
  end
  if count > 0 and older == count then return 2, text end
  if replaced > 0 then return 1, text end
  return 0, text
end

local at, key = 2, 4
while at <= #ARGV do
  local call = #statuses + 1
  statuses[call], changed[call] = bookOne(at, KEYS[key], KEYS[key + 1])
  at = at + 9 + 4 * tonumber(ARGV[at + 8])
  key = key + 2
end
for _, stream in ipairs(streams) do appendRows(KEYS[1], KEYS[2], stream, rowsOf[stream]) end
return { statuses, changed }
