-- For steps that write events: `appendRows(outbox, counters, stream, rows)` adds as few entries as keep to the
-- bound, `appendEntry(outbox, counters, stream, count, text)` adds one.

--- @constant outboxEntryBytesMax

local function appendEntry(outbox, counters, stream, count, text)
  redis.call('XADD', outbox, '*', 's', stream, 'n', count, 'r', text)
  redis.call('HINCRBY', counters, 'rows', count)
  redis.call('HINCRBY', counters, 'bytes', #text)
end

local function appendRows(outbox, counters, stream, rows)
  local from, bytes = 1, 0
  local function addUntil(last)
    appendEntry(outbox, counters, stream, last - from + 1, table.concat(rows, '\n', from, last))
  end
  for index = 1, #rows do
    local rowBytes = #rows[index] + 1
    if index > from and bytes + rowBytes > outboxEntryBytesMax then
      addUntil(index - 1)
      from, bytes = index, 0
    end
    bytes = bytes + rowBytes
  end
  if #rows > 0 then addUntil(#rows) end
end
