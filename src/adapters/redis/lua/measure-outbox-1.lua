-- Finds the oldest entries that lie in one of some gaps, all in the same gap, until they have the wanted
-- number of rows or bytes; 1,000 entries at most, so that the server is not held up by a backlog of small ones.
--
-- KEYS[1] outbox  ARGV[1] rows wanted, at least 1  ARGV[2] bytes wanted
-- ARGV[3…] for each gap, oldest first, where it begins and ends, as XRANGE takes it
-- Returns number of the gap from 0, ids joined by spaces, rows, bytes, 1 when the gap may have more; or false.
-- May have more than wanted by one entry less a row.

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
