/**
 * Steps on the outbox of one partition. An entry has the fields `s`, `n` and `r`, in this order; the counters
 * hold `rows` and `bytes` of all its entries.
 */

/**
 * Finds the oldest entries that lie in one of some gaps, all in the same gap, until they have the wanted
 * number of rows or bytes; 1,000 entries at most, so that the server is not held up by a backlog of small ones.
 *
 * KEYS[1] outbox  ARGV[1] rows wanted, at least 1  ARGV[2] bytes wanted
 * ARGV[3…] for each gap, oldest first, where it begins and ends, as XRANGE takes it
 * Returns number of the gap from 0, ids joined by spaces, rows, bytes, 1 when the gap may have more; or false.
 * May have more than wanted by one entry less a row.
 */
export const measureLua = `
local rowsWanted, bytesWanted = tonumber(ARGV[1]), tonumber(ARGV[2])
local ids, rows, bytes, hasMore = {}, 0, 0, 0

local function measureGap(from, to)
  local count = 1
  while true do
    local page = redis.call('XRANGE', KEYS[1], from, to, 'COUNT', count)
    for _, entry in ipairs(page) do
      ids[#ids + 1] = entry[1]
      rows = rows + tonumber(entry[2][4])
      bytes = bytes + #entry[2][6]
      if rows >= rowsWanted or bytes >= bytesWanted or #ids >= 1000 then
        hasMore = 1
        return
      end
    end
    if #page < count then return end
    from = '(' .. ids[#ids]
    -- As many as are likely to be wanted: an entry may be 4 MiB.
    local likely = math.min((rowsWanted - rows) * #ids / rows, (bytesWanted - bytes) * #ids / (bytes + 1))
    count = math.max(1, math.min(100, math.ceil(likely)))
  end
end

for at = 3, #ARGV, 2 do
  measureGap(ARGV[at], ARGV[at + 1])
  if #ids > 0 then return { (at - 3) / 2, table.concat(ids, ' '), rows, bytes, hasMore } end
end
return false
`;

/**
 * Removes entries for good, and takes those that were still there off the counters.
 *
 * KEYS[1] outbox  KEYS[2] counters  ARGV[1] a line for each entry: id, rows, bytes: as one argument, because
 *   thousands of arguments cost the client more than the step costs the server
 * Returns the number of entries removed.
 */
export const removeLua = `
local removed, rows, bytes = 0, 0, 0
for id, rowsOf, bytesOf in string.gmatch(ARGV[1], '(%S+) (%d+) (%d+)') do
  if redis.call('XDEL', KEYS[1], id) == 1 then
    removed = removed + 1
    rows = rows + tonumber(rowsOf)
    bytes = bytes + tonumber(bytesOf)
  end
end
if removed == 0 then return 0 end
if redis.call('XLEN', KEYS[1]) == 0 then
  redis.call('DEL', KEYS[2])
else
  redis.call('HINCRBY', KEYS[2], 'rows', -rows)
  redis.call('HINCRBY', KEYS[2], 'bytes', -bytes)
end
return removed
`;

/**
 * How much waits.
 *
 * KEYS[1] outbox  KEYS[2] counters. Returns entries, rows, bytes, and the id of the oldest or an empty string.
 */
export const outboxStateLua = `
local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
local counted = redis.call('HMGET', KEYS[2], 'rows', 'bytes')
return {
  redis.call('XLEN', KEYS[1]),
  tonumber(counted[1] or 0),
  tonumber(counted[2] or 0),
  oldest and oldest[1] or '',
}
`;
