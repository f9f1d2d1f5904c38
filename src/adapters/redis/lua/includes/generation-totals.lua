-- For steps that change ledgers: `generationTotals(entries)` gives reward, weight, squares and generations of
-- one generation; an entry is {component, value, weight, penalty, …}. The rules, and the order in which is
-- added, are those of `generationTotals` in domain/contribution.ts.

--- @constant defaultRewardComponent

local function generationTotals(entries)
  local earned, least, most, penalty, weight, byDefault = 0, 0, 0, 0, 0, nil
  local function add(entry)
    local value = entry[2]
    earned = earned + entry[3] * value
    least = least + entry[3] * math.min(value, 0)
    most = most + entry[3] * math.max(value, 1)
    weight = weight + entry[3]
  end
  for _, entry in ipairs(entries) do
    penalty = penalty + entry[4]
    if entry[1] == defaultRewardComponent then byDefault = entry else add(entry) end
  end
  if weight == 0 and byDefault then add(byDefault) end
  if weight == 0 then return { 0, 0, 0, 0 } end
  local reward = math.min(math.max(earned - penalty, least), most)
  return { reward, weight, reward * (reward / weight), 1 }
end
