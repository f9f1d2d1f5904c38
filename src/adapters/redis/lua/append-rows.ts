import { outboxEntryBytesMax } from "../../../ports/outbox-bounds.ts";

/** For steps that write events: `appendRows(outbox, stream, rows)` adds as few entries as keep to the bound. */
export const appendRowsLua = `
local function appendRows(outbox, stream, rows)
  local from, bytes = 1, 0
  local function addUntil(last)
    redis.call('XADD', outbox, '*', 's', stream, 'n', last - from + 1, 'r', table.concat(rows, '\\n', from, last))
  end
  for index = 1, #rows do
    local rowBytes = #rows[index] + 1
    if index > from and bytes + rowBytes > ${outboxEntryBytesMax} then
      addUntil(index - 1)
      from, bytes = index, 0
    end
    bytes = bytes + rowBytes
  end
  if #rows > 0 then addUntil(#rows) end
end
`;
