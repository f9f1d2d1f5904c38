-- For steps that read decisions: `expand(labels, value)` gives head and labels of a stored value, which is the number
-- of its labels (u16, 0: the labels follow the head) and its head.

local function expand(labels, value)
  local number = struct.unpack('>H', value)
  if number == 0 then return string.sub(value, 3) end
  return string.sub(value, 3) .. redis.call('HGET', labels, tostring(number))
end
