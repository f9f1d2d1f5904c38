-- For steps that change totals: `replaceInTotals(stored, before, after, placement, positionBefore,
-- position)` gives the arm's new totals. The rules are those of `replaceInTotals` in domain/contribution.ts and must
-- change together with it; the conformance suite compares the two.
--
-- `stored`: as in adapters/redis/reward-totals-codec.ts, or false.
-- `before`, `after`: reward, weight, squares and generations of the one generation, not both without any.
-- `placement`: as in adapters/state/placement-codec.ts, of which only the context is used; `placedAt(placement)` is its
-- position. `positionBefore`, `position`: where `before` and `after` count.
--
-- Doubles are written with 17 digits, or packed, so exact. Without a context nothing is packed or unpacked.

local formats = {}
local function doubles(count)
  if not formats[count] then formats[count] = '>' .. string.rep('d', count) end
  return formats[count]
end

local function readTotals(stored)
  if not stored then return 0, 0, 0, 0, 0, 0 end
  local reward, weight, generations, version, squares, position, epoch, sumsAt =
    string.match(stored, '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) ?(%S*)\n?()')
  return tonumber(reward), tonumber(weight), tonumber(generations), tonumber(version),
    tonumber(squares), tonumber(position), tonumber(epoch), sumsAt
end

-- known * kept + weight * x x', row by row from the diagonal, then known * kept + reward * x.
local function addToSums(known, kept, x, length, weight, reward)
  local sums, at = {}, 0
  for row = 1, length do
    for column = row, length do
      at = at + 1
      sums[at] = (known[at] or 0) * kept + weight * (x[row] * x[column])
    end
  end
  for row = 1, length do sums[at + row] = (known[at + row] or 0) * kept + reward * x[row] end
  return sums, at + length
end

-- Epoch, line break and packed sums; epoch and packed are those of the stored totals, nil without any.
local function replaceInContext(epoch, packed, numbers, kept, weight, reward)
  local ownEpoch = numbers and numbers[2]
  if not epoch and not ownEpoch then return '' end
  local length, count = 0, 0
  if ownEpoch then
    length = #numbers - 2
    count = length * (length + 3) / 2
  end
  local knownCount = epoch and #packed / 8 or 0
  local known, sums = {}
  if not ownEpoch or (epoch and (epoch > ownEpoch or (epoch == ownEpoch and knownCount > count))) then
    ownEpoch = epoch
    if kept ~= 1 then
      sums, count = { struct.unpack(doubles(knownCount), packed) }, knownCount
      for at = 1, count do sums[at] = sums[at] * kept end
    end
  else
    if epoch == ownEpoch and knownCount == count then
      known = { struct.unpack(doubles(count), packed) }
    end
    local x = { unpack(numbers, 3, 2 + length) }
    sums, count = addToSums(known, kept, x, length, weight, reward)
  end
  if sums then packed = struct.pack(doubles(count), unpack(sums, 1, count)) end
  return string.format(' %.17g\n', ownEpoch) .. packed
end

local function placedAt(placement)
  if placement == '' then return 0 end
  return (struct.unpack('>d', placement))
end

local function replaceInTotals(stored, before, after, placement, positionBefore, positionAfter)
  local rewards, weights, all, version, squares, position, epoch, sumsAt = readTotals(stored)
  version = version + 1
  local remaining = all - before[4] + after[4]
  if remaining <= 0 then return string.format('0 0 0 %d 0 0', version) end
  local numbers
  if placement ~= '' then
    numbers = { struct.unpack(doubles(#placement / 8), placement) }
    -- After the values unpack tells where it has stopped.
    numbers[#numbers] = nil
  end
  local newest = math.max(position, positionBefore, positionAfter)
  local kept, counted, countedBefore = 1, 1, 1
  if position ~= newest then kept = 2 ^ (position - newest) end
  if positionAfter ~= newest then counted = 2 ^ (positionAfter - newest) end
  if positionBefore ~= newest then countedBefore = 2 ^ (positionBefore - newest) end
  local reward = after[1] * counted - before[1] * countedBefore
  local weight = after[2] * counted - before[2] * countedBefore
  local text = string.format('%.17g %.17g %d %d %.17g %.17g',
    rewards * kept + reward, math.max(weights * kept + weight, 0), remaining, version,
    math.max(squares * kept + after[3] * counted - before[3] * countedBefore, 0), newest)
  if not epoch and #placement <= 8 then return text end
  return text .. replaceInContext(epoch, epoch and string.sub(stored, sumsAt), numbers, kept, weight, reward)
end
