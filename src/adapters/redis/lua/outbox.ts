/**
 * Hands entries of one outbox to a consumer, new ones or those it holds already, until they have the wanted
 * number of rows or bytes; 500 entries at most, so that the server is not held up by a long backlog of
 * small ones.
 *
 * KEYS[1] outbox  ARGV[1] group  ARGV[2] consumer  ARGV[3] rows wanted, at least 1  ARGV[4] bytes wanted
 * ARGV[5] '>' for new entries, else the id after which those that are held begin
 * Returns a list of entries as XREADGROUP does; may have more than wanted by one entry less a row.
 */
export const takeLua = `
local taken, rows, bytes, after = {}, 0, 0, ARGV[5]
local rowsWanted, bytesWanted = tonumber(ARGV[3]), tonumber(ARGV[4])
while rows < rowsWanted and bytes < bytesWanted and #taken < 500 do
  local reply = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', 1, 'STREAMS', KEYS[1], after)
  local entry = reply and reply[1] and reply[1][2][1]
  if not entry then break end
  taken[#taken + 1] = entry
  if after ~= '>' then after = entry[1] end
  if entry[2] then
    rows = rows + tonumber(entry[2][4])
    bytes = bytes + #entry[2][6]
  end
end
return taken
`;

/**
 * Removes confirmed entries for good.
 *
 * KEYS[1] outbox  ARGV[1] group  ARGV[2…] stream ids. Returns the number of entries removed.
 */
export const confirmLua = `
for at = 2, #ARGV do redis.call('XACK', KEYS[1], ARGV[1], ARGV[at]) end
local removed = 0
for at = 2, #ARGV do removed = removed + redis.call('XDEL', KEYS[1], ARGV[at]) end
return removed
`;

/**
 * Takes over entries whose consumer has been silent, and forgets consumers that are gone.
 *
 * KEYS[1] outbox  ARGV[1] group  ARGV[2] consumer  ARGV[3] idle milliseconds
 * Returns the number of entries taken over. At most 100 a call.
 */
export const takeOverLua = `
local claimed = redis.call('XAUTOCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], '0-0', 'COUNT', 100, 'JUSTID')
for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local info = {}
  for at = 1, #consumer, 2 do info[consumer[at]] = consumer[at + 1] end
  if info.name ~= ARGV[2] and info.pending == 0 and info.idle > 10 * tonumber(ARGV[3]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], info.name)
  end
end
return #claimed[2]
`;

/**
 * Leaves what a consumer holds to whoever asks next, and removes the consumer. A consumer that still
 * holds entries must not be removed: they would be lost to everybody.
 *
 * KEYS[1] outbox  ARGV[1] group  ARGV[2] consumer  ARGV[3] name to leave the entries under
 * Returns the number of entries left.
 */
export const leaveLua = `
local left = 0
while true do
  local held = redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 100, ARGV[2])
  if #held == 0 then break end
  for _, entry in ipairs(held) do
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[3], 0, entry[1], 'IDLE', 31536000000, 'JUSTID')
    left = left + 1
  end
end
redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
return left
`;
