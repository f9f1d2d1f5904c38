-- Adds what ledgers of one partition lack; of one event the given values win, and so does the position unless an
-- event of the ledger's own may have given a smaller one. Totals are left as they are, and no event is written.
--
-- KEYS the ledgers
-- ARGV for each: ttl in seconds, position or '', number of event ids, those, number of entries, and for each of those
--   component, value, weight, penalty, occurredAtMs, event id
-- Returns how many lacked something.

--- @include "ledger"

local at, lacking = 1, 0

local function putRestored(entries, byName, entry)
  local index = byName[entry[1]]
  local current = index and entries[index]
  if not current or current[6] ~= entry[6] then return putEntry(entries, byName, entry) end
  for field = 2, 5 do
    if current[field] ~= entry[field] then
      entries[index] = entry
      return 'replaced'
    end
  end
  return 'older'
end

for _, key in ipairs(KEYS) do
  local seconds, given, events = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  at = at + 1
  local isNew = false
  for index = at + 2, at + 1 + events do
    if redis.call('HSETNX', key, 'e:' .. ARGV[index], '') == 1 then isNew = true end
  end
  at = at + 2 + events
  local packed, position = readLedger(key)
  local entries, byName = readEntries(packed)
  local isChanged = not packed
  for from = at + 1, at + 6 * tonumber(ARGV[at]), 6 do
    local put = putRestored(entries, byName, {
      ARGV[from], tonumber(ARGV[from + 1]), tonumber(ARGV[from + 2]), tonumber(ARGV[from + 3]),
      tonumber(ARGV[from + 4]), ARGV[from + 5],
    })
    if put ~= 'older' then isChanged = true end
  end
  at = at + 1 + 6 * tonumber(ARGV[at])
  if given and position and bookedEvents(key, packed, position) > events then
    given = math.min(given, position)
  end
  if isChanged then redis.call('HSET', key, 'c', packEntries(entries)) end
  if given and given ~= position then
    redis.call('HSET', key, 'p', string.format('%.17g', given))
    isChanged = true
  end
  keepLedger(key, seconds)
  if isNew or isChanged then lacking = lacking + 1 end
end
return lacking
