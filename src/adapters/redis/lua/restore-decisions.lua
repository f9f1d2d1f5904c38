-- Stores decisions of one partition that are in the event log already.
--
-- KEYS[1] labels  KEYS[2…] decision hashes, each once  ARGV[1] as of record-decisions.lua, the
--   bytes of rows being 0
-- Returns how many were not there.

--- @include "store-decision"

local at, added = 1, 0
while at <= #ARGV[1] do
  local hash, ttl, field, head, label, rowBytes
  hash, ttl, field, head, label, rowBytes, at = struct.unpack('>HI4Bc0Bc0Hc0I4', ARGV[1], at)
  if storeDecision(KEYS[1], KEYS[1 + hash], field, head, label, ttl) then added = added + 1 end
end
return added
