-- Stores decisions of one partition, with one outbox entry for all new ones, or as many as their bytes need.
--
-- KEYS[1] outbox  KEYS[2] its counters  KEYS[3] labels  KEYS[4…] decision hashes, each once
-- ARGV[1] for each decision, big-endian: u16 number of its hash among the hashes, u32 ttl in seconds,
--   u8 length and field, u8 length and head, u16 length and labels, u32 bytes of its row
-- ARGV[2] the rows, a line break between two
-- Returns 1 when all were stored; else for each decision false when it was stored, or head and labels of the
-- earlier one.

--- @constant outboxEntryBytesMax
--- @include "expand-labels"
--- @include "append-rows"
--- @include "store-decision"

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
if isAllNew and #text <= outboxEntryBytesMax then
  appendEntry(outbox, counters, 'decisions', count, text)
else
  for index, range in ipairs(rows) do rows[index] = string.sub(text, range[1], range[2]) end
  appendRows(outbox, counters, 'decisions', rows)
end
if isAllNew then return 1 end
return replies
