-- Looks up decisions of one partition.
--
-- KEYS[1] labels  KEYS[2…] the decision hash of each  ARGV: the field of each
-- Returns for each: head and labels, or false when there is none.

--- @include "expand-labels"

local replies = {}
for index = 1, #ARGV do
  local value = redis.call('HGET', KEYS[index + 1], ARGV[index])
  replies[index] = value and expand(KEYS[1], value)
end
return replies
