-- For steps that change ledgers. A ledger is a hash: field `c` holds the components as msgpack, sorted, each
-- {component, value, weight, penalty, occurredAtMs, event id}; a field `e:<event id>` marks each booked event; field
-- `p` is the forgetting position at which the generation counts, the smallest of the events that contribute to it;
-- a ledger of which nothing was learned has none.
--
-- `readEntries(packed)` gives the entries and where each component stands among them. `putEntry(entries, byName,
-- entry)` puts one in, the newest value of a component winning, and returns 'new', 'replaced' or 'older'; the
-- rule is that of `supersedes` in domain/contribution.ts. `packEntries(entries)` sorts and packs them.
-- `readLedger(key)` gives the packed entries, false when there are none, and the position, nil when there is none;
-- `bookedEvents(key, packed, position)` how many events it has. `keepLedger(key, seconds)` makes it live that long at least.

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

local function readLedger(key)
  local fields = redis.call('HMGET', key, 'c', 'p')
  return fields[1], tonumber(fields[2] or nil)
end

local function bookedEvents(key, packed, position)
  return redis.call('HLEN', key) - (packed and 1 or 0) - (position and 1 or 0)
end

local function readEntries(packed)
  local entries, byName = {}, {}
  if packed then entries = cmsgpack.unpack(packed) end
  for index, entry in ipairs(entries) do byName[entry[1]] = index end
  return entries, byName
end

local function putEntry(entries, byName, entry)
  local index = byName[entry[1]]
  if not index then
    entries[#entries + 1] = entry
    byName[entry[1]] = #entries
    return 'new'
  end
  if not supersedes(entry, entries[index]) then return 'older' end
  entries[index] = entry
  return 'replaced'
end

local function packEntries(entries)
  table.sort(entries, function(a, b) return greater(b[1], a[1]) end)
  return cmsgpack.pack(entries)
end

local function keepLedger(key, seconds)
  if redis.call('TTL', key) < seconds then redis.call('EXPIRE', key, seconds) end
end
