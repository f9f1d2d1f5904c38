-- Where an outbox begins and ends, without its rows.
--
-- KEYS[1] outbox. Returns the ids of the first and the last entry; nothing when it is empty.

local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
if not first then return {} end
return { first[1], redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1][1] }
